//! What an operation is called with, and what it gives back.

use burn::tensor::Tensor;
use runner_experiment::architecture::Layer;
use runner_random::Key;

use crate::device::Compute;
use crate::flow::{Flow, Value};

/// What training asks of operations.
#[derive(Debug, Clone, Copy)]
pub struct Training<'a> {
    /// Seed, stage and epoch.
    pub key: Key,
    /// The index of each image of the batch in its split.
    pub samples: &'a [usize],
}

/// One layer with its surroundings.
pub(crate) struct Call<'a> {
    pub layer: &'a Layer,
    /// Its position in the network.
    pub index: usize,
    /// Its parameters, flat, in their order.
    pub parameters: &'a [Tensor<1>],
    pub training: Option<Training<'a>>,
    /// Whether whoever takes the value wants maps in blocks of channels.
    pub blocks: bool,
    /// How the device computes.
    pub compute: &'a Compute,
    /// The layer's kernel as the device reads it best, where it is not trained.
    #[cfg_attr(not(feature = "gpu"), expect(dead_code, reason = "only GPUs have their own"))]
    pub packed: Option<&'a Tensor<4>>,
    /// Whether the sigmoid or softmax of a classifier is left out.
    pub logits: bool,
}

/// What comes out of a layer, and new values of its parameters that no gradient reaches.
pub(crate) struct Outcome {
    pub value: Value,
    pub moved: Option<[Tensor<1>; 2]>,
}

impl From<Value> for Outcome {
    fn from(value: Value) -> Self {
        Self { value, moved: None }
    }
}

impl From<Flow> for Outcome {
    fn from(flow: Flow) -> Self {
        Value::from(flow).into()
    }
}
