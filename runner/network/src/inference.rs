//! Layers that are run again and again with the same parameters and without gradients.

mod draft;
mod fold;
mod plan;
mod windows;

use std::ops::Range;

use burn::tensor::Tensor;
use runner_convolution::{Extent, Graph, Isa, Layer, Stack, buffer};
use runner_experiment::architecture::{self, Activation, LayerId, Op, Shape, cuts};

use crate::error::NetworkError;
use crate::flow::Flow;
use crate::network::{Network, takes_blocks};
use crate::op::kernels;
use crate::parameter::read;

/// Layers with their weights in the order that kernels read them.
enum Front {
    /// A chain of 3×3 convolutions and pools that halve.
    Stack(Box<Stack>),
    /// Anything else.
    Graph(Box<Graph>),
}

impl Front {
    fn forward(&self, images: usize, input: &[f32], out: &mut [f32]) {
        match self {
            Self::Stack(stack) => stack.forward(images, input, out),
            Self::Graph(graph) => graph.forward(images, input, out),
        }
    }
}

/// A range of layers, ready to run.
pub struct Inference {
    /// The leading layers on the CPU, and the shape of what comes out of them.
    front: Option<(Front, Shape)>,
    /// What they do not do.
    rest: Network,
    parameters: Vec<Tensor<1>>,
    input: Shape,
}

impl Inference {
    /// Prepares `layers[range]`.
    ///
    /// # Errors
    ///
    /// [`NetworkError::Compute`] where a parameter cannot be read, [`NetworkError::Unsound`] where the
    /// device computes wrong results.
    pub fn new(network: &Network, range: Range<usize>) -> Result<Self, NetworkError> {
        let entrance = range.start.checked_sub(1);
        let first = network.layers.get(range.start);
        let input = match (first, entrance) {
            (Some(first), _) => first.input,
            (None, Some(last)) => network.layers[last].output,
            (None, None) => return Err(NetworkError::Bug("a network without layers".to_owned())),
        };
        let front = match network.compute.is_host() {
            true => front(network, range.clone(), input)?,
            false => None,
        };
        let end = front.as_ref().map_or(range.start, |(_, end)| *end);
        let front = front.map(|(front, end)| (front, network.layers[end - 1].output));
        let rest = network.part(end..range.end);
        #[cfg(feature = "gpu")]
        let rest = {
            crate::gpu::require_sound(&network.compute)?;
            rest.folded()
        };
        Ok(Self { front, parameters: rest.values(), rest, input })
    }

    /// Runs the layers on values that lie image by image, in memory from [`buffer::room`], which
    /// goes back there.
    #[must_use]
    pub fn forward(&self, values: Vec<f32>, images: usize) -> Flow {
        let compute = &self.rest.compute;
        let input = match &self.front {
            None => Flow::batch(values, images, self.input, compute),
            Some((front, shape)) => {
                let mut out = buffer::take(images * shape.elements());
                front.forward(images, &values, &mut out);
                buffer::give(values);
                Flow::batch(out, images, *shape, compute)
            }
        };
        self.rest.forward(0..self.rest.layers.len(), input, &self.parameters)
    }

    /// What comes in, for one image.
    #[must_use]
    pub fn input(&self) -> Shape {
        self.input
    }

    /// Runs the layers on values that lie where they are computed with.
    ///
    /// # Errors
    ///
    /// [`NetworkError::Compute`] where the device lost them.
    pub fn run(&self, input: Flow) -> Result<Flow, NetworkError> {
        if self.front.is_none() {
            return Ok(self.rest.forward(0..self.rest.layers.len(), input, &self.parameters));
        }
        let images = input.images();
        Ok(self.forward(values(input)?, images))
    }
}

/// The leading layers of a range for the CPU's kernels, and where they end.
fn front(
    network: &Network,
    range: Range<usize>,
    input: Shape,
) -> Result<Option<(Front, usize)>, NetworkError> {
    let end = range.start + leading(network, range.clone());
    if let (Shape::Map { height, width, channels }, true) = (input, end > range.start)
        && let Some(stack) = stack(network, range.start..end, Extent { channels, height, width })?
    {
        return Ok(Some((Front::Stack(Box::new(stack)), end)));
    }
    let graph = plan::plan(network, range, input)?;
    Ok(graph.map(|(graph, end)| (Front::Graph(Box::new(graph)), end)))
}

/// How many layers at the beginning of a range are a chain of convolutions and pools that this
/// project's kernels compute, and end at a cut.
fn leading(network: &Network, range: Range<usize>) -> usize {
    let start = range.start;
    let chained = |index: usize| {
        let before = index.checked_sub(1).map_or(LayerId::IMAGE, LayerId::of);
        network.layers[index].inputs == [before] && is_stacked(&network.layers[index])
    };
    let most = range.clone().take_while(|index| chained(*index)).count();
    let ends = |count: &usize| cuts::is_cut(&network.layers[..range.end], start + count);
    (0..=most).rev().find(ends).unwrap_or(0)
}

/// Whether a stack computes the layer: 3×3 with stride 1, bias and ReLU, or a pool that halves.
fn is_stacked(layer: &architecture::Layer) -> bool {
    match layer.op {
        Op::Convolution(op) => takes_blocks(layer) && op.bias && op.activation == Activation::Relu,
        _ => takes_blocks(layer),
    }
}

fn stack(
    network: &Network,
    range: Range<usize>,
    input: Extent,
) -> Result<Option<Stack>, NetworkError> {
    let parameters = network.first_parameter(range.start)..network.first_parameter(range.end);
    let values: Vec<Vec<f32>> = network.parameters[parameters]
        .iter()
        .map(|parameter| parameter.values())
        .collect::<Result<_, _>>()?;
    let mut pairs = values.as_chunks::<2>().0.iter();
    let layers: Option<Vec<Layer<'_>>> = network.layers[range]
        .iter()
        .map(|layer| match layer.op {
            Op::Convolution(op) => {
                let (padding, [kernel, bias]) = (op.simple_padding()?, pairs.next()?);
                Some(Layer::Convolution { kernel, bias, padding })
            }
            Op::MaxPool(_) => Some(Layer::MaxPool),
            // Only layers for which `is_stacked` says yes come here.
            _ => None,
        })
        .collect();
    let precision = kernels::precision(network.compute.precision);
    Ok(layers.and_then(|layers| Stack::new(|shape| Isa::suited(shape, precision), input, &layers)))
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

#[cfg(test)]
mod tests {
    use runner_experiment::architecture::{ArchitectureName, Top, layers};
    use runner_experiment::section::run::Precision;
    use runner_random::{Key, Purpose};

    use super::*;
    use crate::Compute;
    use crate::parameter::tensor;
    use crate::weights::tensors::Weights;

    const IMAGES: usize = 3;

    /// A network whose normalizations are none of those that change nothing, and a batch for it.
    fn network(name: &str) -> Result<(Network, Vec<f32>), NetworkError> {
        let name = ArchitectureName::find(name).unwrap_or_default();
        let layers = layers(name, [80, 112], &Top::None).unwrap_or_default();
        let mut network = Network::new(layers, Weights::default(), 7, Compute::cpu());
        let mut stream = Key::new(1, Purpose::Generate).stream();
        for parameter in &mut network.parameters {
            let values = parameter.values()?;
            if values.iter().all(|value| *value == values[0]) {
                let moved = values.iter().map(|value| value + 0.5 * (stream.uniform() - 0.5));
                parameter.value = tensor(moved.collect(), &network.compute.device);
            }
        }
        let count = IMAGES * network.layers[0].input.elements();
        Ok((network, (0..count).map(|_| stream.uniform()).collect()))
    }

    /// The largest difference between layers one by one and prepared ones, over the largest value.
    fn error(name: &str, precision: Precision) -> Result<f32, NetworkError> {
        let (mut network, pixels) = network(name)?;
        let all = 0..network.layers.len();
        let input = Flow::batch(pixels.clone(), IMAGES, network.layers[0].input, &network.compute);
        let expected = values(network.forward(all.clone(), input, &network.values()))?;
        network.compute.precision = precision;
        let prepared = Inference::new(&network, all)?;
        assert!(prepared.rest.layers.is_empty(), "all of {name} is prepared");
        let found = values(prepared.forward(pixels, IMAGES))?;
        let top = expected.iter().fold(0.0_f32, |top, value| top.max(value.abs()));
        let off = expected.iter().zip(&found).map(|(a, b)| (a - b).abs());
        Ok(off.fold(0.0, f32::max) / top)
    }

    #[test]
    fn prepared_networks_compute_what_their_layers_do() -> Result<(), NetworkError> {
        for name in [
            "resnet18",
            "resnet50",
            "resnet50_keras",
            "mobilenet",
            "mobilenet_v2",
            "mobilenet_v2_keras",
            "mobilenet_v3_small",
            "efficientnet_b0",
            "inception_v3",
            "xception",
            "convnext_tiny",
        ] {
            let off = error(name, Precision::F32)?;
            assert!(off < 1e-5, "{name}: {off}");
        }
        Ok(())
    }

    #[test]
    fn activations_in_bfloat16_are_within_two_hundredths() -> Result<(), NetworkError> {
        for name in ["vgg16", "resnet18"] {
            let off = error(name, Precision::Bf16)?;
            assert!(off < 2e-2, "{name}: {off}");
            assert_eq!(off > 1e-4, runner_convolution::bf16::available(), "{name}: {off}");
        }
        Ok(())
    }
}
