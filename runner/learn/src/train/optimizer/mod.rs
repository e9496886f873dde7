//! Optimizers with Keras's meaning of every number.
//!
//! On the CPU one fused pass over the parameters, on other devices the same formulas as tensor
//! operations. Sources: Keras 3, `keras/src/optimizers/{rmsprop,sgd,adam,adamw}.py`.

mod device;
mod host;

use burn::tensor::{Device, Tensor};
use runner_experiment::plan::Optimizer as Settings;

use crate::error::LearnError;

/// An optimizer with its memory: one entry per trained parameter.
#[derive(Debug)]
pub struct Optimizer {
    settings: Settings,
    steps: u32,
    memory: Memory,
}

/// Everything that an optimizer remembers.
#[derive(Debug, Clone, PartialEq)]
pub struct State {
    /// Steps taken.
    pub steps: u32,
    /// Two lists of values per parameter, each as long as it or empty.
    pub slots: Vec<[Vec<f32>; 2]>,
}

#[derive(Debug)]
enum Memory {
    Host(Vec<host::Slots>),
    Device(Vec<device::Slots>),
}

/// The numbers of one step, the same for every parameter.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Rule {
    Rmsprop { rate: f32, rho: f32, momentum: f32, epsilon: f32 },
    Sgd { rate: f32, momentum: f32, nesterov: bool },
    Adam { rate: f32, beta_1: f32, beta_2: f32, epsilon: f32, decay: f32 },
}

impl Optimizer {
    /// A fresh optimizer for parameters of these lengths. `on_host` says whether their values lie
    /// in this process's memory.
    #[must_use]
    pub fn new(settings: Settings, lengths: &[usize], on_host: bool) -> Self {
        let memory = match on_host {
            true => Memory::Host(lengths.iter().map(|_| host::Slots::default()).collect()),
            false => Memory::Device(lengths.iter().map(|_| device::Slots::default()).collect()),
        };
        Self { settings, steps: 0, memory }
    }

    /// How many steps were taken, and what is remembered of each parameter.
    ///
    /// # Errors
    ///
    /// [`LearnError::Compute`] where the device lost a tensor.
    pub fn state(&self) -> Result<State, LearnError> {
        let slots = match &self.memory {
            Memory::Host(slots) => Ok(slots.iter().map(host::Slots::values).collect()),
            Memory::Device(slots) => slots.iter().map(device::Slots::values).collect(),
        };
        Ok(State { steps: self.steps, slots: slots? })
    }

    /// Goes on where another one stood.
    pub fn restore(&mut self, state: State, device: &Device) {
        self.steps = state.steps;
        let slots = state.slots.into_iter();
        self.memory = match &self.memory {
            Memory::Host(_) => Memory::Host(slots.map(host::Slots::restore).collect()),
            Memory::Device(_) => {
                Memory::Device(slots.map(|own| device::Slots::restore(own, device)).collect())
            }
        };
    }

    /// One step: replaces each parameter by its new value.
    ///
    /// # Errors
    ///
    /// [`LearnError::Compute`] where the device lost a tensor.
    pub fn step(
        &mut self,
        parameters: &mut [&mut Tensor<1>],
        gradients: Vec<Tensor<1>>,
    ) -> Result<(), LearnError> {
        self.steps += 1;
        let rule = self.rule();
        for (at, gradient) in gradients.into_iter().enumerate() {
            match &mut self.memory {
                Memory::Host(slots) => slots[at].step(rule, parameters[at], gradient)?,
                Memory::Device(slots) => slots[at].step(rule, parameters[at], gradient),
            }
        }
        Ok(())
    }

    #[allow(clippy::cast_possible_truncation)]
    fn rule(&self) -> Rule {
        match self.settings {
            Settings::Rmsprop { learning_rate, rho, momentum, epsilon } => Rule::Rmsprop {
                rate: learning_rate as f32,
                rho: rho as f32,
                momentum: momentum as f32,
                epsilon: epsilon as f32,
            },
            Settings::Sgd { learning_rate, momentum, nesterov } => {
                Rule::Sgd { rate: learning_rate as f32, momentum: momentum as f32, nesterov }
            }
            Settings::Adam { learning_rate, beta_1, beta_2, epsilon } => {
                self.adam(learning_rate, beta_1, beta_2, epsilon, 0.0)
            }
            Settings::Adamw { learning_rate, beta_1, beta_2, epsilon, weight_decay } => {
                self.adam(learning_rate, beta_1, beta_2, epsilon, learning_rate * weight_decay)
            }
        }
    }

    /// Keras folds both bias corrections into the rate.
    #[allow(clippy::cast_possible_truncation)]
    fn adam(&self, rate: f64, beta_1: f64, beta_2: f64, epsilon: f64, decay: f64) -> Rule {
        let steps = f64::from(self.steps);
        let correction = (1.0 - beta_2.powf(steps)).sqrt() / (1.0 - beta_1.powf(steps));
        Rule::Adam {
            rate: (rate * correction) as f32,
            beta_1: beta_1 as f32,
            beta_2: beta_2 as f32,
            epsilon: epsilon as f32,
            decay: decay as f32,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::Compute;
    use crate::model::parameter::{read, tensor};

    const RMSPROP: Settings =
        Settings::Rmsprop { learning_rate: 0.1, rho: 0.9, momentum: 0.0, epsilon: 1e-7 };

    fn run(settings: Settings, gradients: &[f32], on_host: bool) -> Result<f32, LearnError> {
        let device = Compute::cpu().device;
        let mut value = tensor(vec![1.0], &device);
        let mut optimizer = Optimizer::new(settings, &[1], on_host);
        for gradient in gradients {
            optimizer.step(&mut [&mut value], vec![tensor(vec![*gradient], &device)])?;
        }
        Ok(read(value)?[0])
    }

    fn check(settings: Settings, expected: f32) -> Result<(), LearnError> {
        for on_host in [true, false] {
            let value = run(settings, &[0.5, -0.25], on_host)?;
            assert!((value - expected).abs() < 1e-6, "{settings:?} on host {on_host}: {value}");
        }
        Ok(())
    }

    /// Two steps each, gradients 0.5 and -0.25, from 1.0, by hand from the formulas of Keras.
    #[test]
    fn two_steps_by_hand() -> Result<(), LearnError> {
        // v = 0.025, p = 1 - 0.05 / √0.025; v = 0.02875, p += 0.025 / √0.02875
        check(RMSPROP, 0.831_214)?;
        let momentum =
            Settings::Rmsprop { learning_rate: 0.1, rho: 0.9, momentum: 0.9, epsilon: 1e-7 };
        // m = 0.316228; m = 0.9 · 0.316228 - 0.147442 = 0.137163
        check(momentum, 0.546_610_2)?;
        check(Settings::Sgd { learning_rate: 0.1, momentum: 0.0, nesterov: false }, 0.975)?;
        // m = -0.05; m = 0.9 · -0.05 + 0.025 = -0.02
        check(Settings::Sgd { learning_rate: 0.1, momentum: 0.9, nesterov: false }, 0.93)?;
        // p = 1 - 0.045 - 0.05; p += 0.9 · -0.02 + 0.025
        check(Settings::Sgd { learning_rate: 0.1, momentum: 0.9, nesterov: true }, 0.912)?;
        let adam = Settings::Adam { learning_rate: 0.1, beta_1: 0.9, beta_2: 0.999, epsilon: 1e-7 };
        // First step 0.1; then m = 0.02, v = 3.1225e-4, rate 0.1 · √0.001999 / 0.19
        check(adam, 0.873_367_1)?;
        let adamw = Settings::Adamw {
            learning_rate: 0.1,
            beta_1: 0.9,
            beta_2: 0.999,
            epsilon: 1e-7,
            weight_decay: 0.5,
        };
        // p = 0.95 - 0.1; p = 0.85 · 0.95 - the same second step
        check(adamw, 0.780_867_05)
    }

    #[test]
    fn epsilon_stands_under_the_root() -> Result<(), LearnError> {
        let wide =
            Settings::Rmsprop { learning_rate: 0.1, rho: 0.9, momentum: 0.0, epsilon: 0.075 };
        // v + ε = 0.1: 1 - 0.05 / √0.1
        for on_host in [true, false] {
            let value = run(wide, &[0.5], on_host)?;
            assert!((value - 0.841_886_1).abs() < 1e-6, "{value}");
        }
        Ok(())
    }
}
