//! A moving average of the parameters, which often does better than the last of them (Polyak &
//! Juditsky 1992).
//!
//! a ← d a + (1 - d) p after every step, with d = min(decay, (1 + t) / (10 + t)) at step t, so that
//! the first values are soon forgotten (TensorFlow's `ExponentialMovingAverage`).

use burn::tensor::{Tensor, TensorData};
use rayon::prelude::*;

use crate::error::LearnError;
use crate::model::parameter::read;

/// The average of a stage's parameters.
#[derive(Debug)]
pub struct Average {
    decay: f64,
    steps: u32,
    values: Vec<Tensor<1>>,
}

impl Average {
    /// Starts with the parameters themselves, or goes on where another one stood.
    #[must_use]
    pub fn new(decay: f64, steps: u32, values: Vec<Tensor<1>>) -> Self {
        Self { decay, steps, values }
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

    /// Takes in the parameters after a step; `on_host` says whether their values lie in this
    /// process's memory.
    ///
    /// # Errors
    ///
    /// [`LearnError::Compute`] where the device lost a tensor.
    pub fn add<'a>(
        &mut self,
        parameters: impl Iterator<Item = &'a Tensor<1>>,
        on_host: bool,
    ) -> Result<(), LearnError> {
        let steps = f64::from(self.steps);
        let decay = self.decay.min((1.0 + steps) / (10.0 + steps));
        #[allow(clippy::cast_possible_truncation)]
        let (kept, new) = (decay as f32, (1.0 - decay) as f32);
        self.steps += 1;
        for (average, parameter) in self.values.iter_mut().zip(parameters) {
            if !on_host {
                *average = average.clone() * kept + parameter.clone() * new;
                continue;
            }
            let device = average.device();
            let mut own = read(std::mem::replace(average, Tensor::empty([0], &device)))?;
            let values = read(parameter.clone())?;
            let pairs = own.par_iter_mut().zip(values.par_iter()).with_min_len(1 << 15);
            pairs.for_each(|(own, value)| *own = kept * *own + new * value);
            let length = own.len();
            *average = Tensor::from_data(TensorData::new(own, [length]), &device);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::Compute;
    use crate::model::parameter::tensor;

    #[test]
    fn two_steps_by_hand() -> Result<(), LearnError> {
        let device = Compute::cpu().device;
        for on_host in [true, false] {
            let mut average = Average::new(0.15, 0, vec![tensor(vec![1.0], &device)]);
            // d = 0.1: 0.1 + 0.9 · 2 = 1.9; d = 0.15: 0.285 + 0.85 · 4 = 3.685
            average.add([tensor(vec![2.0], &device)].iter(), on_host)?;
            average.add([tensor(vec![4.0], &device)].iter(), on_host)?;
            let value = read(average.values()[0].clone())?[0];
            assert!((value - 3.685).abs() < 1e-6, "{value}");
        }
        Ok(())
    }
}
