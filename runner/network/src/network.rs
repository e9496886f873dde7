//! The network: layers in order, run from any layer to any other.
//!
//! There is one forward function. The frozen prefix runs it on plain tensors; a training stage
//! runs the rest of it on autodiff leaves.

use std::collections::BTreeSet;
use std::ops::Range;

use burn::tensor::activation::relu;
use burn::tensor::{Tensor, TensorData};
use runner_experiment::architecture::{Activation, Layer, LayerKind, Shape};

use super::convolution::{Map, convolution, dense, max_pool};
use super::initial::{glorot_uniform, kernel_shape};
use super::parameter::{Parameter, tensor};
use super::weights::{LayerWeights, Weights};
use crate::device::Compute;
use runner_random::{Key, Purpose};

/// What flows between layers.
#[derive(Debug, Clone)]
pub enum Flow {
    /// `[batch, channel, height, width]`
    Map(Tensor<4>),
    /// `[batch, length]`
    Vector(Tensor<2>),
}

impl Flow {
    /// A batch from flat values, image by image.
    #[must_use]
    pub fn batch(values: Vec<f32>, images: usize, shape: Shape, compute: &Compute) -> Self {
        match shape {
            Shape::Map { height, width, channels } => Self::Map(Tensor::from_data(
                TensorData::new(values, [images, channels, height, width]),
                &compute.device,
            )),
            Shape::Vector(length) => Self::Vector(Tensor::from_data(
                TensorData::new(values, [images, length]),
                &compute.device,
            )),
        }
    }

    /// The same values as one row per image.
    #[must_use]
    pub fn rows(self) -> Tensor<2> {
        match self {
            Self::Map(map) => map.flatten(1, 3),
            Self::Vector(vector) => vector,
        }
    }
}

/// The same inside of [`Network::forward`], where maps may lie otherwise.
enum Between {
    Map(Map),
    Vector(Tensor<2>),
}

impl From<Flow> for Between {
    fn from(flow: Flow) -> Self {
        match flow {
            Flow::Map(map) => Self::Map(Map::Planar(map)),
            Flow::Vector(vector) => Self::Vector(vector),
        }
    }
}

impl From<Between> for Flow {
    fn from(flow: Between) -> Self {
        match flow {
            Between::Map(map) => Self::Map(map.planar()),
            Between::Vector(vector) => Self::Vector(vector),
        }
    }
}

/// Which units of a training batch are dropped.
#[derive(Debug, Clone, Copy)]
pub struct Dropping<'a> {
    /// Seed, stage and epoch.
    pub key: Key,
    /// The index of each image of the batch in its split.
    pub samples: &'a [usize],
}

/// Layers with their parameters.
#[derive(Debug, Clone)]
pub struct Network {
    /// From the image to the classifier.
    pub layers: Vec<Layer>,
    /// Kernel and bias of every layer that has them, in order.
    pub parameters: Vec<Parameter>,
    /// Where the tensors live.
    pub compute: Compute,
}

impl Network {
    /// Layers with these weights, and Glorot's first values where there are none.
    #[must_use]
    pub fn new(layers: Vec<Layer>, mut weights: Weights, seed: u64, compute: Compute) -> Self {
        let mut parameters = Vec::new();
        for (at, layer) in layers.iter().enumerate() {
            let Some(shape) = kernel_shape(layer) else { continue };
            let own = weights.remove(&layer.name).unwrap_or_else(|| LayerWeights {
                kernel: glorot_uniform(&shape, seed, at),
                bias: vec![0.0; shape.out],
            });
            let mut push = |part: &str, shape: Vec<usize>, values: Vec<f32>| {
                let name = format!("{}.{part}", layer.name);
                parameters.push(Parameter::new(name, shape, values, &compute.device));
            };
            push("kernel", shape.kernel, own.kernel);
            push("bias", vec![shape.out], own.bias);
        }
        Self { layers, parameters, compute }
    }

    /// Some of the layers with their parameters, which are shared and not copied.
    #[must_use]
    pub fn part(&self, range: Range<usize>) -> Self {
        let parameters = self.kernel_index(range.start)..self.kernel_index(range.end);
        Self {
            layers: self.layers[range].to_vec(),
            parameters: self.parameters[parameters].to_vec(),
            compute: self.compute.clone(),
        }
    }

    /// For each layer, the index of its kernel in `parameters` (the bias follows it).
    #[must_use]
    pub fn kernel_index(&self, layer: usize) -> usize {
        2 * self.layers[..layer].iter().filter(|layer| layer.kind.has_parameters()).count()
    }

    /// The layer that the parameter at `index` belongs to.
    #[must_use]
    pub fn owner(&self, index: usize) -> &Layer {
        let own = self.layers.iter().filter(|layer| layer.kind.has_parameters()).nth(index / 2);
        own.unwrap_or(&self.layers[0])
    }

    /// Indices in `parameters` of the layers that `trainable` names.
    #[must_use]
    pub fn indices(&self, trainable: &BTreeSet<usize>) -> Vec<usize> {
        trainable
            .iter()
            .flat_map(|layer| {
                let kernel = self.kernel_index(*layer);
                [kernel, kernel + 1]
            })
            .collect()
    }

    /// The values of every parameter, flat, for [`Network::forward`] without training.
    #[must_use]
    pub fn values(&self) -> Vec<Tensor<1>> {
        self.parameters.iter().map(|parameter| parameter.value.clone()).collect()
    }

    /// Runs `layers[range]`. The last layer's activation is left out: what comes out of the
    /// classifier are logits.
    ///
    /// `values` are the parameters, as [`Network::values`] or as autodiff leaves. Dropout is
    /// inactive where `dropping` is `None`.
    pub fn forward(
        &self,
        range: Range<usize>,
        input: Flow,
        values: &[Tensor<1>],
        dropping: Option<Dropping<'_>>,
    ) -> Flow {
        let mut flow = Between::from(input);
        for at in range.clone() {
            let layer = |at: usize| &self.layers[at];
            // Maps lie as they are best computed with, until somebody else wants them.
            let blocks = range.contains(&(at + 1)) && layer(at + 1).kind.is_of_maps();
            flow = self.layer(at, flow, self.own(at, values), dropping, blocks);
        }
        flow.into()
    }

    /// The same without dropout; `watch` sees what comes out of each layer.
    pub fn watched(
        &self,
        range: Range<usize>,
        input: Flow,
        values: &[Tensor<1>],
        watch: &mut dyn FnMut(&Layer, &Flow),
    ) {
        let mut flow = input;
        for at in range {
            flow = self.forward(at..at + 1, flow, values, None);
            watch(&self.layers[at], &flow);
        }
    }

    /// Kernel and bias of a layer, where it has them.
    fn own<'a>(&self, layer: usize, values: &'a [Tensor<1>]) -> &'a [Tensor<1>] {
        let kernel = self.kernel_index(layer);
        values.get(kernel..kernel + 2).unwrap_or(&[])
    }

    fn layer(
        &self,
        at: usize,
        flow: Between,
        own: &[Tensor<1>],
        dropping: Option<Dropping<'_>>,
        blocks: bool,
    ) -> Between {
        let layer = &self.layers[at];
        let (input, output) = (layer.input.channels(), layer.output.channels());
        let map = match (layer.kind, flow) {
            (LayerKind::Convolution { padding }, Between::Map(map)) => {
                let kernel = own[0].clone().reshape([output, input, 3, 3]);
                return Between::Map(convolution(map, kernel, own[1].clone(), padding, blocks));
            }
            (LayerKind::MaxPool, Between::Map(map)) => return Between::Map(max_pool(map)),
            (_, Between::Map(map)) => Flow::Map(map.planar()),
            (_, Between::Vector(vector)) => Flow::Vector(vector),
        };
        Between::Vector(match (layer.kind, map) {
            // Keras's order: height, width, channel.
            (LayerKind::Flatten, Flow::Map(map)) => map.permute([0, 2, 3, 1]).flatten(1, 3),
            (LayerKind::GlobalAveragePool, Flow::Map(map)) => {
                map.flatten::<3>(2, 3).mean_dim(2).squeeze_dim(2)
            }
            (LayerKind::GlobalMaxPool, Flow::Map(map)) => {
                map.flatten::<3>(2, 3).max_dim(2).squeeze_dim(2)
            }
            (LayerKind::Dense(activation), flow) => {
                let kernel = own[0].clone().reshape([input, output]);
                let sum = dense(flow.rows(), kernel) + own[1].clone().unsqueeze();
                match activation {
                    Activation::Relu => relu(sum),
                    Activation::Sigmoid | Activation::Softmax => sum,
                }
            }
            (LayerKind::Dropout(rate), flow) => match dropping {
                Some(dropping) => self.drop(at, flow.rows(), rate, dropping),
                None => flow.rows(),
            },
            // Maps after a flatten do not occur: the architectures are made in one place.
            (_, flow) => flow.rows(),
        })
    }

    /// Zeroes each unit with probability `rate` and scales the others by 1 / (1 - rate).
    fn drop(&self, at: usize, rows: Tensor<2>, rate: f64, dropping: Dropping<'_>) -> Tensor<2> {
        let [images, length] = rows.dims();
        #[allow(clippy::cast_possible_truncation)]
        let (rate, scale) = (rate as f32, (1.0 / (1.0 - rate)) as f32);
        let mut mask = Vec::with_capacity(images * length);
        for sample in dropping.samples {
            let (sample, layer) = (*sample as u64, at as u64);
            let key = Key { sample, layer, purpose: Purpose::Dropout, ..dropping.key };
            let mut stream = key.stream();
            mask.extend((0..length).map(|_| if stream.uniform() < rate { 0.0 } else { scale }));
        }
        rows * tensor(mask, &self.compute.device).reshape([images, length])
    }
}

#[cfg(test)]
mod tests {
    use runner_experiment::architecture::{Top, layers};
    use runner_experiment::section::model::ArchitectureName;

    use super::*;
    use crate::error::NetworkError;
    use crate::inference::{self, Inference};

    fn base(side: usize) -> Network {
        let layers = layers(ArchitectureName::Vgg16, [side, side], &Top::None).unwrap_or_default();
        Network::new(layers, Weights::default(), 7, Compute::cpu())
    }

    const IMAGES: usize = 20;

    fn pixels(shape: Shape) -> Vec<f32> {
        let mut stream = Key::new(1, Purpose::Generate).stream();
        (0..IMAGES * shape.elements()).map(|_| stream.uniform()).collect()
    }

    #[test]
    fn features_of_an_image_do_not_depend_on_its_batch_nor_on_preparation()
    -> Result<(), NetworkError> {
        for side in [32, 75] {
            let network = base(side);
            let shape = Shape::Map { height: side, width: side, channels: 3 };
            let (pixels, whole) = (pixels(shape), 0..network.layers.len());
            let input = Flow::batch(pixels.clone(), IMAGES, shape, &network.compute);
            let parameters = network.values();
            let output = network.forward(whole.clone(), input, &parameters, None);
            let expected = inference::values(output)?;
            let prepared = Inference::new(&network, whole)?;
            for batch in [1, 7, 16, 20] {
                let batches = pixels.chunks(batch * shape.elements());
                let mut all = Vec::new();
                for images in batches {
                    let count = images.len() / shape.elements();
                    all.extend(inference::values(prepared.forward(images.to_vec(), count))?);
                }
                let same = expected.iter().zip(all);
                let differing = same.filter(|(a, b)| a.to_bits() != b.to_bits()).count();
                assert_eq!(differing, 0, "{side}x{side}, batches of {batch}");
            }
        }
        Ok(())
    }
}
