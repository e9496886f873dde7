//! Layers that are run again and again with the same parameters and without gradients.

use std::ops::Range;

use burn::tensor::Tensor;
use runner_convolution::{Extent, Layer, Stack, buffer};
use runner_experiment::architecture::{LayerKind, Shape};

use super::network::{Flow, Network};
use super::parameter::read;
use crate::error::NetworkError;

/// A range of layers, ready to run.
pub struct Inference {
    /// The leading convolutions and pools on the CPU, with their filters transformed.
    stack: Option<Stack>,
    /// What the stack does not do.
    rest: Network,
    parameters: Vec<Tensor<1>>,
    input: Shape,
}

impl Inference {
    /// Prepares `layers[range]`.
    ///
    /// # Errors
    ///
    /// [`NetworkError::Compute`] where a parameter cannot be read.
    pub fn new(network: &Network, range: Range<usize>) -> Result<Self, NetworkError> {
        let input = network.layers[range.start].input;
        let maps = network.layers[range.clone()].iter().take_while(|layer| layer.kind.is_of_maps());
        let end = range.start + maps.count();
        let stack = match (input, network.compute.is_host()) {
            (Shape::Map { height, width, channels }, true) if end > range.start => {
                stack(network, range.start..end, Extent { channels, height, width })?
            }
            _ => None,
        };
        let rest = network.part(if stack.is_some() { end..range.end } else { range });
        Ok(Self { stack, parameters: rest.values(), rest, input })
    }

    /// Runs the layers on values that lie image by image, in memory from [`buffer::room`], which
    /// goes back there.
    #[must_use]
    pub fn forward(&self, values: Vec<f32>, images: usize) -> Flow {
        let compute = &self.rest.compute;
        let input = match &self.stack {
            None => Flow::batch(values, images, self.input, compute),
            Some(stack) => {
                let Extent { channels, height, width } = stack.output();
                let mut out = buffer::take(images * stack.output().len());
                stack.forward(images, &values, &mut out);
                buffer::give(values);
                Flow::batch(out, images, Shape::Map { height, width, channels }, compute)
            }
        };
        let all = 0..self.rest.layers.len();
        self.rest.forward(all, input, &self.parameters, None)
    }
}

fn stack(
    network: &Network,
    range: Range<usize>,
    input: Extent,
) -> Result<Option<Stack>, NetworkError> {
    let first = network.kernel_index(range.start);
    let last = network.kernel_index(range.end);
    let values: Vec<Vec<f32>> = network.parameters[first..last]
        .iter()
        .map(|parameter| parameter.values())
        .collect::<Result<_, _>>()?;
    let mut own = values.as_chunks::<2>().0.iter();
    let layers: Vec<Layer<'_>> = network.layers[range]
        .iter()
        .filter_map(|layer| match layer.kind {
            LayerKind::Convolution { padding } => {
                own.next().map(|[kernel, bias]| Layer::Convolution { kernel, bias, padding })
            }
            _ => Some(Layer::MaxPool),
        })
        .collect();
    Ok(Stack::new(None, input, &layers))
}

/// The values that come out, image by image.
///
/// # Errors
///
/// [`NetworkError::Compute`] where the device lost them.
pub fn values(flow: Flow) -> Result<Vec<f32>, NetworkError> {
    match flow {
        Flow::Map(map) => read(map),
        Flow::Vector(vector) => read(vector),
    }
}
