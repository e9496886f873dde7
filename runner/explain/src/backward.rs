//! Gradients of a score: by a feature map, by the photo, and with guided ReLUs.
//!
//! A score is a weighted sum of the logits. With two classes there is one logit z of the second
//! class: the score of the second is z, that of the first -z. `probability` explains what comes out
//! of the sigmoid or softmax instead, whose derivative by the logits is known.

use burn::tensor::{Tensor, TensorData};
use runner_experiment::architecture::{Activation, LayerKind, Shape};
use runner_experiment::section::visualize::Of;

use crate::error::ExplainError;
use runner_learn::LearnError;
use runner_learn::loss::cross_entropy;
use runner_network::network::{Flow, Network};
use runner_network::parameter::read;

/// What is explained.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Goal {
    /// Index of the class.
    pub class: usize,
    /// Before or after the sigmoid or softmax.
    pub of: Of,
}

impl Goal {
    /// The probability of each class.
    #[must_use]
    pub fn probabilities(logits: &[f32]) -> Vec<f64> {
        cross_entropy(logits, 0).probabilities
    }

    /// The score itself.
    #[must_use]
    pub fn score(self, logits: &[f32]) -> f64 {
        match (self.of, logits) {
            (Of::Probability, _) => Self::probabilities(logits)[self.class],
            (Of::Logit, [logit]) if self.class == 0 => -f64::from(*logit),
            (Of::Logit, [logit]) => f64::from(*logit),
            (Of::Logit, many) => f64::from(many[self.class]),
        }
    }

    /// Its derivative by each logit.
    #[must_use]
    pub fn slope(self, logits: &[f32]) -> Vec<f32> {
        let probabilities = Self::probabilities(logits);
        let own = probabilities[self.class];
        #[allow(clippy::cast_possible_truncation)]
        match (self.of, logits.len()) {
            (of, 1) => {
                let sign = if self.class == 0 { -1.0 } else { 1.0 };
                vec![if of == Of::Logit { sign } else { (own * (1.0 - own)) as f32 * sign }]
            }
            (Of::Logit, classes) => {
                (0..classes).map(|class| if class == self.class { 1.0 } else { 0.0 }).collect()
            }
            (Of::Probability, _) => probabilities
                .iter()
                .enumerate()
                .map(|(class, other)| {
                    let same = if class == self.class { 1.0 } else { 0.0 };
                    (own * (same - other)) as f32
                })
                .collect(),
        }
    }
}

/// A layer's output for one image with the gradient of a score by it; both `[channel, pixel]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Maps {
    /// What comes out of the layer.
    pub values: Vec<f32>,
    /// The derivative of the score by each of them.
    pub gradient: Vec<f32>,
    /// How many channels.
    pub channels: usize,
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
}

/// Runs the layers up to and with `layer` without gradients, and the rest with them.
///
/// # Errors
///
/// [`ExplainError::Compute`], or [`ExplainError::Job`] where the layer gives no feature map.
pub fn maps(
    network: &Network,
    layer: usize,
    input: Vec<f32>,
    goal: Goal,
) -> Result<Maps, ExplainError> {
    let flow = Flow::batch(input, 1, network.layers[0].input, &network.compute);
    let values = network.values();
    let flow = network.forward(0..layer + 1, flow, &values, None);
    let (Flow::Map(map), Shape::Map { height, width, channels }) =
        (flow, network.layers[layer].output)
    else {
        let name = &network.layers[layer].name;
        return Err(ExplainError::Job(format!("`{name}` gives no feature map")));
    };
    let leaf = map.clone().autodiff().require_grad();
    let gradient = slopes(network, layer + 1, Flow::Map(leaf.clone()), goal, &leaf)?;
    Ok(Maps { values: read(map)?, gradient, channels, height, width })
}

/// The gradient of a score by the photo, `[3, height, width]`.
///
/// # Errors
///
/// [`ExplainError::Compute`].
pub fn of_input(network: &Network, input: Vec<f32>, goal: Goal) -> Result<Vec<f32>, ExplainError> {
    let Flow::Map(map) = Flow::batch(input, 1, network.layers[0].input, &network.compute) else {
        return Err(LearnError::bug("the network does not begin with an image").into());
    };
    let leaf = map.autodiff().require_grad();
    slopes(network, 0, Flow::Map(leaf.clone()), goal, &leaf)
}

/// The gradient of a score of what comes out, by `leaf`, which goes into the layer at `from`.
fn slopes<const D: usize>(
    network: &Network,
    from: usize,
    input: Flow,
    goal: Goal,
    leaf: &Tensor<D>,
) -> Result<Vec<f32>, ExplainError> {
    let all = from..network.layers.len();
    let logits = network.forward(all, input, &network.values(), None).rows();
    let slope = goal.slope(&read(logits.clone().inner())?);
    backward(network, logits, slope, leaf)
}

/// The gradient by `leaf` of Σ slope · out, for one image.
fn backward<const D: usize>(
    network: &Network,
    out: Tensor<2>,
    slope: Vec<f32>,
    leaf: &Tensor<D>,
) -> Result<Vec<f32>, ExplainError> {
    let slope = TensorData::new(slope, out.dims());
    let slope = Tensor::<2>::from_data(slope, &network.compute.device);
    let mut graph = (out * slope).sum().backward();
    let gradient = leaf
        .grad_remove(&mut graph)
        .ok_or_else(|| LearnError::bug("a feature map has no gradient"))?;
    Ok(read(gradient)?)
}

/// Guided backpropagation (Springenberg et al. 2014): layer by layer from the score to the photo,
/// what is negative cut off where a ReLU is passed.
///
/// # Errors
///
/// [`ExplainError::Compute`].
pub fn guided(network: &Network, input: Vec<f32>, goal: Goal) -> Result<Vec<f32>, ExplainError> {
    let values = network.values();
    let mut flow = Flow::batch(input, 1, network.layers[0].input, &network.compute);
    let mut inputs = Vec::new();
    for at in 0..network.layers.len() {
        inputs.push(flow.clone());
        flow = network.forward(at..at + 1, flow, &values, None);
    }
    let mut gradient = goal.slope(&read(flow.rows())?);
    for (at, input) in inputs.into_iter().enumerate().rev() {
        let kind = network.layers[at].kind;
        if matches!(kind, LayerKind::Convolution { .. } | LayerKind::Dense(Activation::Relu)) {
            gradient.iter_mut().for_each(|slope| *slope = slope.max(0.0));
        }
        let run = |input: Flow| network.forward(at..at + 1, input, &values, None);
        gradient = match input {
            Flow::Map(map) => {
                let leaf = map.autodiff().require_grad();
                backward(network, run(Flow::Map(leaf.clone())).rows(), gradient, &leaf)?
            }
            Flow::Vector(vector) => {
                let leaf = vector.autodiff().require_grad();
                backward(network, run(Flow::Vector(leaf.clone())).rows(), gradient, &leaf)?
            }
        };
    }
    Ok(gradient)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(got: &[f32], expected: &[f32]) {
        assert_eq!(got.len(), expected.len());
        for (got, expected) in got.iter().zip(expected) {
            assert!((got - expected).abs() < 1e-6, "{got} and {expected}");
        }
    }

    #[test]
    fn slopes_by_hand() {
        let goal = |class, of| Goal { class, of };
        near(&goal(0, Of::Logit).slope(&[2.0]), &[-1.0]);
        near(&goal(1, Of::Logit).slope(&[2.0]), &[1.0]);
        // σ(0) (1 - σ(0))
        near(&goal(0, Of::Probability).slope(&[0.0]), &[-0.25]);
        near(&goal(2, Of::Logit).slope(&[1.0, 2.0, 3.0]), &[0.0, 0.0, 1.0]);
        // softmax(0, 0) = ½, ½
        near(&goal(1, Of::Probability).slope(&[0.0, 0.0]), &[-0.25, 0.25]);
        assert!((goal(0, Of::Logit).score(&[2.0]) + 2.0).abs() < 1e-12);
    }
}
