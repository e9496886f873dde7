//! Optimizers with Keras's meaning of every number.
//!
//! On the CPU one fused pass over the parameters, on other devices the same formulas as tensor
//! operations. Sources: Keras 3, `keras/src/optimizers/{rmsprop,sgd,adam,adamw}.py`.

mod device;
mod host;

use burn::tensor::{Device, Tensor};
use runner_experiment::plan::{Optimizer as Settings, Rule as Plan};

use crate::error::LearnError;
use runner_network::parameter::{Parameter, read};

/// What an optimizer needs to know about a parameter.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Trained {
    /// How many values it has.
    pub length: usize,
    /// Its learning rate, before a schedule.
    pub learning_rate: f64,
    /// Whether it is a bias.
    pub is_bias: bool,
}

impl Trained {
    /// A parameter of a network.
    #[must_use]
    pub fn new(parameter: &Parameter, learning_rate: f64) -> Self {
        Self {
            length: parameter.shape.iter().product(),
            learning_rate,
            is_bias: parameter.name.ends_with(".bias"),
        }
    }
}

/// An optimizer with its memory: one entry per trained parameter.
#[derive(Debug)]
pub struct Optimizer {
    settings: Settings,
    parameters: Vec<Trained>,
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

/// From one gradient to a step, the same for all values of a parameter.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Rule {
    Rmsprop { rate: f32, rho: f32, momentum: f32, epsilon: f32 },
    Sgd { rate: f32, momentum: f32, nesterov: bool },
    Adam { rate: f32, beta_1: f32, beta_2: f32, epsilon: f32 },
    Adagrad { rate: f32, initial: f32, epsilon: f32 },
    Lion { rate: f32, beta_1: f32, beta_2: f32 },
}

impl Rule {
    /// What squared gradients start with.
    fn initial(self) -> f32 {
        match self {
            Self::Adagrad { initial, .. } => initial,
            _ => 0.0,
        }
    }
}

/// What happens to one parameter in one step, in this order.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Step {
    /// Factor of the gradient.
    scale: f32,
    /// The gradient's values are cut off at this, either way.
    limit: f32,
    /// Share of the parameter that is taken off.
    decay: f32,
    rule: Rule,
}

impl Optimizer {
    /// A fresh optimizer for these parameters. `on_host` says whether their values lie in this
    /// process's memory.
    #[must_use]
    pub fn new(settings: Settings, parameters: Vec<Trained>, on_host: bool) -> Self {
        let memory = match on_host {
            true => Memory::Host(parameters.iter().map(|_| host::Slots::default()).collect()),
            false => Memory::Device(parameters.iter().map(|_| device::Slots::default()).collect()),
        };
        Self { settings, parameters, steps: 0, memory }
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

    /// Steps taken.
    #[must_use]
    pub fn steps(&self) -> u32 {
        self.steps
    }

    /// One step: replaces each parameter by its new value. `factor` is the schedule's, of every
    /// learning rate.
    ///
    /// # Errors
    ///
    /// [`LearnError::Compute`] where the device lost a tensor.
    pub fn step(
        &mut self,
        parameters: &mut [&mut Tensor<1>],
        gradients: Vec<Tensor<1>>,
        factor: f64,
    ) -> Result<(), LearnError> {
        self.steps += 1;
        let scale = self.scale(&gradients)?;
        for (at, gradient) in gradients.into_iter().enumerate() {
            let step = self.step_of(self.parameters[at], factor, scale);
            match &mut self.memory {
                Memory::Host(slots) => slots[at].step(step, parameters[at], gradient)?,
                Memory::Device(slots) => slots[at].step(step, parameters[at], gradient),
            }
        }
        Ok(())
    }

    /// Keras's `global_clipnorm`: every gradient times limit / max(norm over all, limit).
    #[allow(clippy::cast_possible_truncation)]
    fn scale(&self, gradients: &[Tensor<1>]) -> Result<f32, LearnError> {
        let Some(limit) = self.settings.clip_norm else { return Ok(1.0) };
        let mut square = 0.0;
        for gradient in gradients {
            square += match &self.memory {
                Memory::Host(_) => host::square(gradient)?,
                Memory::Device(_) => f64::from(read(gradient.clone().square().sum())?[0]),
            };
        }
        Ok((limit / square.sqrt().max(limit)) as f32)
    }

    #[allow(clippy::cast_possible_truncation)]
    fn step_of(&self, parameter: Trained, factor: f64, scale: f32) -> Step {
        let rate = parameter.learning_rate * factor;
        let decays = self.settings.decay_biases || !parameter.is_bias;
        let decay = self.settings.weight_decay.filter(|_| decays).unwrap_or(0.0);
        Step {
            scale,
            limit: self.settings.clip_value.map_or(f32::INFINITY, |limit| limit as f32),
            // Keras: `variable - variable * weight_decay * learning_rate`, before the update.
            decay: (rate * decay) as f32,
            rule: self.rule(rate),
        }
    }

    #[allow(clippy::cast_possible_truncation)]
    fn rule(&self, rate: f64) -> Rule {
        match self.settings.rule {
            Plan::Rmsprop { rho, momentum, epsilon } => Rule::Rmsprop {
                rate: rate as f32,
                rho: rho as f32,
                momentum: momentum as f32,
                epsilon: epsilon as f32,
            },
            Plan::Sgd { momentum, nesterov } => {
                Rule::Sgd { rate: rate as f32, momentum: momentum as f32, nesterov }
            }
            Plan::Adam { beta_1, beta_2, epsilon } | Plan::Adamw { beta_1, beta_2, epsilon } => {
                self.adam(rate, beta_1, beta_2, epsilon)
            }
            Plan::Adagrad { initial_accumulator, epsilon } => Rule::Adagrad {
                rate: rate as f32,
                initial: initial_accumulator as f32,
                epsilon: epsilon as f32,
            },
            Plan::Lion { beta_1, beta_2 } => {
                Rule::Lion { rate: rate as f32, beta_1: beta_1 as f32, beta_2: beta_2 as f32 }
            }
        }
    }

    /// Keras folds both bias corrections into the rate.
    #[allow(clippy::cast_possible_truncation)]
    fn adam(&self, rate: f64, beta_1: f64, beta_2: f64, epsilon: f64) -> Rule {
        let steps = f64::from(self.steps);
        let correction = (1.0 - beta_2.powf(steps)).sqrt() / (1.0 - beta_1.powf(steps));
        Rule::Adam {
            rate: (rate * correction) as f32,
            beta_1: beta_1 as f32,
            beta_2: beta_2 as f32,
            epsilon: epsilon as f32,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use runner_network::device::Compute;
    use runner_network::parameter::tensor;

    const RMSPROP: Plan = Plan::Rmsprop { rho: 0.9, momentum: 0.0, epsilon: 1e-7 };

    fn run(settings: &Settings, gradients: &[f32], on_host: bool) -> Result<f32, LearnError> {
        let device = Compute::cpu().device;
        let mut value = tensor(vec![1.0], &device);
        let own = Trained { length: 1, learning_rate: 0.1, is_bias: true };
        let mut optimizer = Optimizer::new(settings.clone(), vec![own], on_host);
        for gradient in gradients {
            optimizer.step(&mut [&mut value], vec![tensor(vec![*gradient], &device)], 1.0)?;
        }
        Ok(read(value)?[0])
    }

    fn check(settings: &Settings, expected: f32) -> Result<(), LearnError> {
        for on_host in [true, false] {
            let value = run(settings, &[0.5, -0.25], on_host)?;
            assert!((value - expected).abs() < 1e-6, "{settings:?} on host {on_host}: {value}");
        }
        Ok(())
    }

    fn plain(rule: Plan, expected: f32) -> Result<(), LearnError> {
        check(&Settings::plain(rule, 0.1), expected)
    }

    /// Two steps each, gradients 0.5 and -0.25, from 1.0, by hand from the formulas of Keras.
    #[test]
    fn two_steps_by_hand() -> Result<(), LearnError> {
        // v = 0.025, p = 1 - 0.05 / √0.025; v = 0.02875, p += 0.025 / √0.02875
        plain(RMSPROP, 0.831_214)?;
        let momentum = Plan::Rmsprop { rho: 0.9, momentum: 0.9, epsilon: 1e-7 };
        // m = 0.316228; m = 0.9 · 0.316228 - 0.147442 = 0.137163
        plain(momentum, 0.546_610_2)?;
        plain(Plan::Sgd { momentum: 0.0, nesterov: false }, 0.975)?;
        // m = -0.05; m = 0.9 · -0.05 + 0.025 = -0.02
        plain(Plan::Sgd { momentum: 0.9, nesterov: false }, 0.93)?;
        // p = 1 - 0.045 - 0.05; p += 0.9 · -0.02 + 0.025
        plain(Plan::Sgd { momentum: 0.9, nesterov: true }, 0.912)?;
        let adam = Plan::Adam { beta_1: 0.9, beta_2: 0.999, epsilon: 1e-7 };
        // First step 0.1; then m = 0.02, v = 3.1225e-4, rate 0.1 · √0.001999 / 0.19
        plain(adam, 0.873_367_1)?;
        // v = 0.35, p = 1 - 0.05 / √0.35; v = 0.4125, p += 0.025 / √0.4125
        plain(Plan::Adagrad { initial_accumulator: 0.1, epsilon: 1e-7 }, 0.954_409_8)?;
        // sign(0.05) = 1, m = 0.005; sign(0.9 · 0.005 - 0.025) = -1
        plain(Plan::Lion { beta_1: 0.9, beta_2: 0.99 }, 1.0)
    }

    #[test]
    fn decay_and_clipping_by_hand() -> Result<(), LearnError> {
        let adamw = Plan::Adamw { beta_1: 0.9, beta_2: 0.999, epsilon: 1e-7 };
        let decaying = Settings { weight_decay: Some(0.5), ..Settings::plain(adamw, 0.1) };
        // p = 0.95 - 0.1; p = 0.85 · 0.95 - the same second step
        check(&decaying, 0.780_867_05)?;
        // The one parameter here is a bias.
        check(&Settings { decay_biases: false, ..decaying }, 0.873_367_1)?;
        let sgd = Settings::plain(Plan::Sgd { momentum: 0.0, nesterov: false }, 0.1);
        // 1 - 0.1 · 0.3 + 0.1 · 0.25
        check(&Settings { clip_value: Some(0.3), ..sgd.clone() }, 0.995)?;
        // 1 - 0.1 · 0.4 + 0.1 · 0.25
        check(&Settings { clip_norm: Some(0.4), ..sgd }, 0.985)
    }

    #[test]
    fn the_norm_is_that_of_all_parameters_together_and_each_has_its_rate() -> Result<(), LearnError>
    {
        let device = Compute::cpu().device;
        let sgd = Settings::plain(Plan::Sgd { momentum: 0.0, nesterov: false }, 0.1);
        for on_host in [true, false] {
            let rates = [0.1, 0.01];
            let own =
                rates.map(|learning_rate| Trained { length: 1, learning_rate, is_bias: false });
            let settings = Settings { clip_norm: Some(1.0), ..sgd.clone() };
            let mut optimizer = Optimizer::new(settings, own.to_vec(), on_host);
            let (mut a, mut b) = (tensor(vec![1.0], &device), tensor(vec![1.0], &device));
            // The norm is 5; half of each rate.
            let gradients = vec![tensor(vec![3.0], &device), tensor(vec![4.0], &device)];
            optimizer.step(&mut [&mut a, &mut b], gradients, 0.5)?;
            let (a, b) = (read(a)?[0], read(b)?[0]);
            assert!((a - 0.97).abs() < 1e-6 && (b - 0.996).abs() < 1e-6, "{a} {b}");
        }
        Ok(())
    }

    #[test]
    fn epsilon_stands_under_the_root() -> Result<(), LearnError> {
        let wide = Plan::Rmsprop { rho: 0.9, momentum: 0.0, epsilon: 0.075 };
        // v + ε = 0.1: 1 - 0.05 / √0.1
        for on_host in [true, false] {
            let value = run(&Settings::plain(wide, 0.1), &[0.5], on_host)?;
            assert!((value - 0.841_886_1).abs() < 1e-6, "{value}");
        }
        Ok(())
    }
}
