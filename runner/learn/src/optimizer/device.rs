//! The same formulas as tensor operations, for values that live on a GPU.

use burn::tensor::{Device, Tensor};

use super::{Rule, Step};
use crate::error::LearnError;
use runner_network::parameter::{read, tensor};

/// What an optimizer remembers of one parameter; empty until the first step.
#[derive(Debug, Default)]
pub(super) struct Slots {
    first: Option<Tensor<1>>,
    second: Option<Tensor<1>>,
}

impl Slots {
    /// What is remembered; empty where nothing is.
    pub(super) fn values(&self) -> Result<[Vec<f32>; 2], LearnError> {
        let values = |slot: &Option<Tensor<1>>| slot.clone().map_or(Ok(Vec::new()), read);
        Ok([values(&self.first)?, values(&self.second)?])
    }

    pub(super) fn restore(values: [Vec<f32>; 2], device: &Device) -> Self {
        let [first, second] =
            values.map(|values| (!values.is_empty()).then(|| tensor(values, device)));
        Self { first, second }
    }

    pub(super) fn step(&mut self, step: Step, parameter: &mut Tensor<1>, gradient: Tensor<1>) {
        let (value, gradient) = prepared(step, parameter.clone(), gradient);
        *parameter = match step.rule {
            Rule::Rmsprop { rate, rho, momentum, epsilon } => {
                let square = gradient.clone().square() * (1.0 - rho);
                let v = decayed(self.second.take(), rho, square);
                let scaled = gradient * rate / (v.clone() + epsilon).sqrt();
                let m = decayed(self.first.take(), momentum, scaled);
                (self.first, self.second) = (Some(m.clone()), Some(v));
                value - m
            }
            Rule::Sgd { rate, momentum, nesterov } => {
                let downhill = gradient * -rate;
                let m = decayed(self.first.take(), momentum, downhill.clone());
                self.first = Some(m.clone());
                value + if nesterov { m * momentum + downhill } else { m }
            }
            Rule::Adam { rate, beta_1, beta_2, epsilon } => {
                let square = gradient.clone().square() * (1.0 - beta_2);
                let m = decayed(self.first.take(), beta_1, gradient * (1.0 - beta_1));
                let v = decayed(self.second.take(), beta_2, square);
                (self.first, self.second) = (Some(m.clone()), Some(v.clone()));
                value - m * rate / (v.sqrt() + epsilon)
            }
            Rule::Adagrad { rate, initial, epsilon } => {
                let square = gradient.clone().square();
                let v = match self.second.take() {
                    Some(sum) => sum + square,
                    None => square + initial,
                };
                self.second = Some(v.clone());
                value - gradient * rate / (v + epsilon).sqrt()
            }
            Rule::Lion { rate, beta_1, beta_2 } => {
                let memory = self.first.take();
                let mixed = decayed(memory.clone(), beta_1, gradient.clone() * (1.0 - beta_1));
                self.first = Some(decayed(memory, beta_2, gradient * (1.0 - beta_2)));
                value - mixed.sign() * rate
            }
        };
    }
}

/// The decayed parameter and the clipped gradient.
fn prepared(step: Step, value: Tensor<1>, gradient: Tensor<1>) -> (Tensor<1>, Tensor<1>) {
    let Step { scale, limit, decay, .. } = step;
    let value = if decay == 0.0 { value } else { value * (1.0 - decay) };
    let gradient = if scale == 1.0 { gradient } else { gradient * scale };
    (value, if limit.is_finite() { gradient.clamp(-limit, limit) } else { gradient })
}

/// `factor` of what was remembered, and what is new.
fn decayed(memory: Option<Tensor<1>>, factor: f32, new: Tensor<1>) -> Tensor<1> {
    match memory {
        Some(memory) => memory * factor + new,
        None => new,
    }
}
