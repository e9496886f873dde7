//! A moving average of the parameters, which often does better than the last of them (Polyak &
//! Juditsky 1992).
//!
//! a ← d a + (1 - d) p after every step. As in Keras (`use_ema`), the first step takes the
//! parameters as they are, and d is the decay from then on. With a warm-up, d = min(decay,
//! (1 + t) / (10 + t)) at step t, so that the first values are soon forgotten (TensorFlow's
//! `ExponentialMovingAverage`). The moving mean and variance of a batch normalization are an average
//! already and are taken as they are, as Keras does.

use burn::tensor::{Tensor, TensorData};
use rayon::prelude::*;

use crate::error::LearnError;
use runner_network::on_device;
use runner_network::parameter::read;

/// The average of a stage's parameters.
#[derive(Debug)]
pub struct Average {
    decay: f64,
    /// Whether the decay starts low.
    warmup: bool,
    steps: u32,
    values: Vec<Tensor<1>>,
}

impl Average {
    /// Starts with the parameters themselves, or goes on where another one stood.
    #[must_use]
    pub fn new(decay: f64, warmup: bool, steps: u32, values: Vec<Tensor<1>>) -> Self {
        Self { decay, warmup, steps, values }
    }

    /// One per parameter.
    #[must_use]
    pub fn values(&self) -> &[Tensor<1>] {
        &self.values
    }

    /// Steps taken.
    #[must_use]
    pub fn steps(&self) -> u32 {
        self.steps
    }

    /// Takes in the parameters after a step, each with whether it is averaged; `on_host` says whether their values lie in this
    /// process's memory.
    ///
    /// # Errors
    ///
    /// [`LearnError::Compute`] where the device lost a tensor.
    pub fn add<'a>(
        &mut self,
        parameters: impl Iterator<Item = (&'a Tensor<1>, bool)>,
        on_host: bool,
    ) -> Result<(), LearnError> {
        let steps = f64::from(self.steps);
        let decay = match (self.warmup, self.steps) {
            (true, _) => self.decay.min((1.0 + steps) / (10.0 + steps)),
            (false, 0) => 0.0,
            (false, _) => self.decay,
        };
        let (kept, new) = (decay as f32, (1.0 - decay) as f32);
        self.steps += 1;
        for (average, (parameter, is_averaged)) in self.values.iter_mut().zip(parameters) {
            if !is_averaged {
                *average = parameter.clone();
                continue;
            }
            if !on_host {
                on_device::optimizer::average(average, parameter, [kept, new])?;
                continue;
            }
            let device = average.device();
            let mut averages = read(std::mem::replace(average, Tensor::empty([0], &device)))?;
            let values = read(parameter.clone())?;
            let pairs = averages.par_iter_mut().zip(values.par_iter()).with_min_len(1 << 15);
            pairs.for_each(|(average, value)| *average = kept * *average + new * value);
            let length = averages.len();
            *average = Tensor::from_data(TensorData::new(averages, [length]), &device);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::optimizer::tests::devices;
    use runner_network::parameter::tensor;

    #[test]
    fn two_steps_by_hand() -> Result<(), LearnError> {
        for compute in devices() {
            let (device, on_host) = (&compute.device, compute.is_host());
            let mut average = Average::new(0.15, true, 0, vec![tensor(vec![1.0], device)]);
            // d = 0.1: 0.1 + 0.9 · 2 = 1.9; d = 0.15: 0.285 + 0.85 · 4 = 3.685
            average.add([(&tensor(vec![2.0], device), true)].into_iter(), on_host)?;
            average.add([(&tensor(vec![4.0], device), true)].into_iter(), on_host)?;
            let value = read(average.values()[0].clone())?[0];
            assert!((value - 3.685).abs() < 1e-6, "{value}");
        }
        Ok(())
    }

    #[test]
    fn three_steps_as_keras_takes_them() -> Result<(), LearnError> {
        // keras 3.15, use_ema=True, ema_momentum=0.9: 1 before, then 2, 3, 5.
        for compute in devices() {
            let (device, on_host) = (&compute.device, compute.is_host());
            let mut average = Average::new(0.9, false, 0, vec![tensor(vec![1.0], device)]);
            for (value, expected) in [(2.0, 2.0), (3.0, 2.1), (5.0, 2.39)] {
                let value = tensor(vec![value], device);
                average.add([(&value, true)].into_iter(), on_host)?;
                let value = read(average.values()[0].clone())?[0];
                assert!((value - expected).abs() < 1e-6, "{value}");
            }
        }
        Ok(())
    }
}
