//! One fused pass over values that lie in this process's memory.
//!
//! Every element is updated on its own, so the split over threads changes no bit.

use burn::tensor::{Tensor, TensorData};
use rayon::prelude::*;
use runner_convolution::buffer;

use super::{Rule, Step};
use crate::error::LearnError;
use runner_network::parameter::read;

/// Elements per task.
const CHUNK: usize = 1 << 15;

/// What an optimizer remembers of one parameter; empty until the first step.
#[derive(Debug, Default)]
pub(super) struct Slots {
    first: Vec<f32>,
    second: Vec<f32>,
}

impl Slots {
    /// What is remembered; empty where nothing is.
    pub(super) fn values(&self) -> [Vec<f32>; 2] {
        [self.first.clone(), self.second.clone()]
    }

    pub(super) fn restore([first, second]: [Vec<f32>; 2]) -> Self {
        Self { first, second }
    }

    pub(super) fn step(
        &mut self,
        step: Step,
        parameter: &mut Tensor<1>,
        gradient: Tensor<1>,
    ) -> Result<(), LearnError> {
        let device = parameter.device();
        let gradient = read(gradient)?;
        let length = gradient.len();
        // Takes the buffer out where nobody else holds it, and copies it otherwise.
        let taken = std::mem::replace(parameter, Tensor::empty([0], &device));
        let mut values = read(taken)?;
        self.first.resize(length, 0.0);
        self.second.resize(length, step.rule.initial());
        values
            .par_chunks_mut(CHUNK)
            .zip(gradient.par_chunks(CHUNK))
            .zip(self.first.par_chunks_mut(CHUNK).zip(self.second.par_chunks_mut(CHUNK)))
            .for_each(|((values, gradient), (first, second))| {
                update(step, values, gradient, first, second);
            });
        *parameter = Tensor::from_data(TensorData::new(values, [length]), &device);
        buffer::give(gradient);
        Ok(())
    }
}

/// The sum of the squares of all values, in one order.
pub(super) fn square(gradient: &Tensor<1>) -> Result<f64, LearnError> {
    let sum = |chunk: &[f32]| chunk.iter().map(|g| f64::from(*g) * f64::from(*g)).sum::<f64>();
    let values = read(gradient.clone())?;
    let parts: Vec<f64> = values.par_chunks(CHUNK).map(sum).collect();
    Ok(parts.into_iter().sum())
}

/// `first` is the momentum or mean gradient, `second` the mean or sum of squared gradients.
fn update(step: Step, values: &mut [f32], gradient: &[f32], first: &mut [f32], second: &mut [f32]) {
    let Step { scale, limit, decay, rule } = step;
    if decay != 0.0 {
        values.iter_mut().for_each(|p| *p -= decay * *p);
    }
    let gradient = gradient.iter().map(|g| (g * scale).clamp(-limit, limit));
    let all = values.iter_mut().zip(gradient).zip(first.iter_mut().zip(second.iter_mut()));
    match rule {
        // Without momentum, half of the memory need not be touched.
        Rule::Rmsprop { rate, rho, momentum: 0.0, epsilon } => all.for_each(|((p, g), (_, v))| {
            *v = rho * *v + (1.0 - rho) * g * g;
            *p -= rate * g / (*v + epsilon).sqrt();
        }),
        Rule::Rmsprop { rate, rho, momentum, epsilon } => all.for_each(|((p, g), (m, v))| {
            *v = rho * *v + (1.0 - rho) * g * g;
            *m = momentum * *m + rate * g / (*v + epsilon).sqrt();
            *p -= *m;
        }),
        Rule::Sgd { rate, momentum, nesterov } => all.for_each(|((p, g), (m, _))| {
            *m = momentum * *m - rate * g;
            *p += if nesterov { momentum * *m - rate * g } else { *m };
        }),
        Rule::Adam { rate, beta_1, beta_2, epsilon } => all.for_each(|((p, g), (m, v))| {
            *m += (g - *m) * (1.0 - beta_1);
            *v += (g * g - *v) * (1.0 - beta_2);
            *p -= rate * *m / (v.sqrt() + epsilon);
        }),
        Rule::Adagrad { rate, epsilon, .. } => all.for_each(|((p, g), (_, v))| {
            *v += g * g;
            *p -= rate * g / (*v + epsilon).sqrt();
        }),
        Rule::Lion { rate, beta_1, beta_2 } => all.for_each(|((p, g), (m, _))| {
            *p -= rate * sign(*m * beta_1 + g * (1.0 - beta_1));
            *m = *m * beta_2 + g * (1.0 - beta_2);
        }),
    }
}

/// 0 for 0, and no number for no number, as TensorFlow has it.
fn sign(value: f32) -> f32 {
    if value == 0.0 { 0.0 } else { value.signum() }
}
