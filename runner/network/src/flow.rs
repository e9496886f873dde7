//! What flows between layers.

use burn::tensor::{Tensor, TensorData};
use runner_experiment::architecture::Shape;

use crate::device::Compute;
use crate::op::kernels::Map;

/// A batch of values.
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

    /// How many images it is of.
    #[must_use]
    pub fn images(&self) -> usize {
        match self {
            Self::Map(map) => map.dims()[0],
            Self::Vector(vector) => vector.dims()[0],
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

/// The same while a network runs: maps lie as they are best computed with.
#[derive(Debug, Clone)]
pub(crate) enum Value {
    Map(Map),
    Vector(Tensor<2>),
}

impl From<Flow> for Value {
    fn from(flow: Flow) -> Self {
        match flow {
            Flow::Map(map) => Self::Map(Map::Planar(map)),
            Flow::Vector(vector) => Self::Vector(vector),
        }
    }
}

impl From<Value> for Flow {
    fn from(value: Value) -> Self {
        match value {
            Value::Map(map) => Self::Map(map.planar()),
            Value::Vector(vector) => Self::Vector(vector),
        }
    }
}
