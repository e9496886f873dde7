//! Gradients of a score: by a feature map, by the photo, and with guided ReLUs.
//!
//! A score is a weighted sum of the logits. With two classes there is one logit z of the second
//! class: the score of the second is z, that of the first -z. `probability` explains what comes out
//! of the sigmoid or softmax instead, whose derivative by the logits is known.

use std::collections::BTreeMap;

use burn::tensor::{Gradients, Tensor, TensorData};
use runner_experiment::architecture::{Activation, LayerId, Shape};
use runner_experiment::section::task::Task;
use runner_experiment::section::visualize::Of;

use crate::error::ExplainError;
use runner_learn::LearnError;
use runner_learn::objective::answers;
use runner_network::parameter::read;
use runner_network::{Flow, Network};

/// What is explained.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Goal {
    /// Index of the class.
    pub class: usize,
    /// Before or after the sigmoid or softmax.
    pub of: Of,
    /// What the logits mean.
    pub task: Task,
}

impl Goal {
    /// Whether one logit stands for two classes.
    fn is_binary(self) -> bool {
        self.task == Task::Classification
    }

    /// The score itself.
    #[must_use]
    pub fn score(self, logits: &[f32]) -> f64 {
        match (self.of, logits) {
            (Of::Probability, _) => answers(self.task, logits)[self.class],
            (Of::Logit, [logit]) if self.is_binary() && self.class == 0 => -f64::from(*logit),
            (Of::Logit, [logit]) => f64::from(*logit),
            (Of::Logit, many) => f64::from(many[self.class]),
        }
    }

    /// Its derivative by each logit.
    #[must_use]
    pub fn gradient(self, logits: &[f32]) -> Vec<f32> {
        let probabilities = answers(self.task, logits);
        let probability = probabilities[self.class];
        match (self.of, logits.len()) {
            (of, 1) if self.is_binary() => {
                let sign = if self.class == 0 { -1.0 } else { 1.0 };
                vec![if of == Of::Logit {
                    sign
                } else {
                    (probability * (1.0 - probability)) as f32 * sign
                }]
            }
            (Of::Logit, classes) => {
                (0..classes).map(|class| if class == self.class { 1.0 } else { 0.0 }).collect()
            }
            // Labels and numbers have nothing to do with each other.
            (Of::Probability, outputs) if self.task != Task::Classification => {
                let slope = match self.task {
                    Task::Multilabel => (probability * (1.0 - probability)) as f32,
                    _ => 1.0,
                };
                (0..outputs).map(|class| if class == self.class { slope } else { 0.0 }).collect()
            }
            (Of::Probability, _) => probabilities
                .iter()
                .enumerate()
                .map(|(class, other)| {
                    let same = if class == self.class { 1.0 } else { 0.0 };
                    (probability * (same - other)) as f32
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
    let name = &network.layers[layer].name;
    let Shape::Map { height, width, channels } = network.layers[layer].output else {
        return Err(ExplainError::Job(format!("`{name}` gives no feature map")));
    };
    let flow = Flow::batch(input, 1, network.layers[0].input, &network.compute);
    let mut seen = None;
    let logits = network.forward_through(flow, &network.values(), layer, &mut |flow| {
        let leaf = leaf(flow.clone());
        seen = Some((flow, leaf.clone()));
        leaf
    });
    let Some((Flow::Map(map), Flow::Map(leaf))) = seen else {
        return Err(ExplainError::Job(format!("`{name}` gives no feature map")));
    };
    let gradient = of_score(network, logits.rows(), goal, &leaf)?;
    Ok(Maps { values: read(map)?, gradient, channels, height, width })
}

/// The gradient of a score by the photo, `[3, height, width]`.
///
/// # Errors
///
/// [`ExplainError::Compute`].
pub fn of_input(network: &Network, input: Vec<f32>, goal: Goal) -> Result<Vec<f32>, ExplainError> {
    of_inputs(network, input, 1, goal)
}

/// The same for several photos at a time, `[images, 3, height, width]`.
///
/// # Errors
///
/// [`ExplainError::Compute`].
pub fn of_inputs(
    network: &Network,
    input: Vec<f32>,
    images: usize,
    goal: Goal,
) -> Result<Vec<f32>, ExplainError> {
    let Flow::Map(map) = Flow::batch(input, images, network.layers[0].input, &network.compute)
    else {
        return Err(LearnError::bug("the network does not begin with an image").into());
    };
    let leaf = map.autodiff().require_grad();
    let all = 0..network.layers.len();
    let logits = network.forward(all, Flow::Map(leaf.clone()), &network.values());
    of_score(network, logits.rows(), goal, &leaf)
}

/// The gradient of each image's score by its part of `leaf`.
fn of_score<const D: usize>(
    network: &Network,
    logits: Tensor<2>,
    goal: Goal,
    leaf: &Tensor<D>,
) -> Result<Vec<f32>, ExplainError> {
    let weights = weights(network, logits.clone().inner(), goal)?;
    Ok(read(gradient_by(leaf, &mut graph(logits, weights))?)?)
}

/// The derivative of each image's score by its logits.
fn weights(network: &Network, logits: Tensor<2>, goal: Goal) -> Result<Tensor<2>, ExplainError> {
    let [images, length] = logits.dims();
    let each = read(logits)?;
    let weights = each.chunks_exact(length.max(1)).flat_map(|logits| goal.gradient(logits));
    let weights = TensorData::new(weights.collect::<Vec<f32>>(), [images, length]);
    Ok(Tensor::from_data(weights, &network.compute.device))
}

/// The gradients of Σ weight · out.
fn graph(out: Tensor<2>, weights: Tensor<2>) -> Gradients {
    (out * weights).sum().backward()
}

fn gradient_by<const D: usize>(
    leaf: &Tensor<D>,
    graph: &mut Gradients,
) -> Result<Tensor<D>, ExplainError> {
    let gradient = leaf.grad_remove(graph);
    Ok(gradient.ok_or_else(|| LearnError::bug("a value has no gradient"))?)
}

/// Guided backpropagation (Springenberg et al. 2014): layer by layer from the score to the photo,
/// what is negative cut off where a ReLU is passed.
///
/// # Errors
///
/// [`ExplainError::Compute`].
pub fn guided(network: &Network, input: Vec<f32>, goal: Goal) -> Result<Vec<f32>, ExplainError> {
    let values = network.values();
    let image = Flow::batch(input, 1, network.layers[0].input, &network.compute);
    let mut outputs: Vec<Flow> = Vec::new();
    let inputs = |index: usize, outputs: &[Flow]| -> Vec<Flow> {
        let of = |id: &LayerId| id.layer().map_or(&image, |layer| &outputs[layer]).clone();
        network.layers[index].inputs.iter().map(of).collect()
    };
    for index in 0..network.layers.len() {
        outputs.push(network.layer(index, inputs(index, &outputs), &values));
    }
    let Some(logits) = outputs.last() else { return Ok(Vec::new()) };
    let score = weights(network, logits.clone().rows(), goal)?;
    // By each value that a layer behind has passed something back to.
    let mut gradients = BTreeMap::from([(LayerId::of(outputs.len() - 1), score)]);
    for (index, layer) in network.layers.iter().enumerate().rev() {
        let Some(mut gradient) = gradients.remove(&LayerId::of(index)) else { continue };
        if layer.op.activation() == Some(Activation::Relu) {
            gradient = gradient.clamp_min(0.0);
        }
        let leaves: Vec<Flow> = inputs(index, &outputs).into_iter().map(leaf).collect();
        let out = network.layer(index, leaves.clone(), &values).rows();
        let mut graph = graph(out, gradient);
        for (id, leaf) in layer.inputs.iter().zip(&leaves) {
            let passed = match leaf {
                Flow::Map(map) => Flow::Map(gradient_by(map, &mut graph)?),
                Flow::Vector(rows) => Flow::Vector(gradient_by(rows, &mut graph)?),
            };
            let passed = passed.rows();
            let sum = match gradients.remove(id) {
                Some(sum) => sum + passed,
                None => passed,
            };
            gradients.insert(*id, sum);
        }
    }
    Ok(gradients.remove(&LayerId::IMAGE).map_or_else(|| Ok(Vec::new()), read)?)
}

fn leaf(flow: Flow) -> Flow {
    match flow {
        Flow::Map(map) => Flow::Map(map.autodiff().require_grad()),
        Flow::Vector(rows) => Flow::Vector(rows.autodiff().require_grad()),
    }
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
    fn gradients_by_hand() {
        let goal = |class, of| Goal { class, of, task: Task::Classification };
        near(&goal(0, Of::Logit).gradient(&[2.0]), &[-1.0]);
        near(&goal(1, Of::Logit).gradient(&[2.0]), &[1.0]);
        // σ(0) (1 - σ(0))
        near(&goal(0, Of::Probability).gradient(&[0.0]), &[-0.25]);
        near(&goal(2, Of::Logit).gradient(&[1.0, 2.0, 3.0]), &[0.0, 0.0, 1.0]);
        // softmax(0, 0) = ½, ½
        near(&goal(1, Of::Probability).gradient(&[0.0, 0.0]), &[-0.25, 0.25]);
        assert!((goal(0, Of::Logit).score(&[2.0]) + 2.0).abs() < 1e-12);
    }
}
