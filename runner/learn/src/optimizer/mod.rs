//! Optimizers with Keras's meaning of every number.
//!
//! The formulas are those of `runner_experiment::optimizer`; here is how they are carried out: on the
//! CPU in one fused pass over the parameters, on GPUs in one kernel per parameter, compiled from the
//! formula. What every optimizer has stands here as well: clipping, and weight decay that is no part
//! of the formula.

mod device;
mod host;
mod recorder;
mod slots;
mod step;
#[cfg(test)]
pub(crate) mod tests;

use burn::tensor::{Device, Tensor};
use device::DeviceStep;
use host::HostStep;
use runner_experiment::architecture::Role;
use runner_experiment::optimizer::StepContext;
use runner_experiment::plan::Optimizer as Settings;
use slots::Slots;
use step::Step;

use crate::error::LearnError;
use runner_network::on_device::optimizer::clip;
use runner_network::parameter::{Parameter, read, tensor};

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
    /// A parameter of a network. Those that no gradient reaches stay as they are: neither a step
    /// nor weight decay moves them.
    #[must_use]
    pub fn new(parameter: &Parameter, learning_rate: f64) -> Self {
        Self {
            length: parameter.shape.iter().product(),
            learning_rate: if parameter.role.is_trainable() { learning_rate } else { 0.0 },
            is_bias: parameter.role == Role::Bias,
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
    Host(Vec<Slots<Vec<f32>>>),
    Device(Vec<Slots<Option<Tensor<1>>>>),
}

impl Optimizer {
    /// A fresh optimizer for these parameters. `on_host` says whether their values lie in this
    /// process's memory.
    #[must_use]
    pub fn new(settings: Settings, parameters: Vec<Trained>, on_host: bool) -> Self {
        let memory = match on_host {
            true => Memory::Host(parameters.iter().map(|_| Slots::default()).collect()),
            false => Memory::Device(parameters.iter().map(|_| Slots::default()).collect()),
        };
        Self { settings, parameters, steps: 0, memory }
    }

    /// How many steps were taken, and what is remembered of each parameter.
    ///
    /// # Errors
    ///
    /// [`LearnError::Compute`] where the device lost a tensor.
    pub fn state(&self) -> Result<State, LearnError> {
        let slots: Result<_, LearnError> = match &self.memory {
            Memory::Host(all) => Ok(all.iter().map(|slots| slots.both().map(Vec::clone)).collect()),
            Memory::Device(all) => all.iter().map(read_both).collect(),
        };
        Ok(State { steps: self.steps, slots: slots? })
    }

    /// Goes on where another one stood.
    pub fn restore(&mut self, state: State, device: &Device) {
        self.steps = state.steps;
        let slots = state.slots.into_iter();
        self.memory = match &self.memory {
            Memory::Host(_) => Memory::Host(slots.map(Slots::new).collect()),
            Memory::Device(_) => {
                let loaded =
                    |values: Vec<f32>| (!values.is_empty()).then(|| tensor(values, device));
                Memory::Device(slots.map(|both| Slots::new(both.map(loaded))).collect())
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
        let (scale, on_device) = self.scale(&gradients)?;
        let spare = match (&self.memory, gradients.first()) {
            (Memory::Device(_), Some(any)) => Some(Tensor::empty([1], &any.device())),
            _ => None,
        };
        for (index, gradient) in gradients.into_iter().enumerate() {
            let context = self.context(self.parameters[index], factor);
            let step = self.before(context, scale);
            let (rule, parameter) = (self.settings.rule, &mut *parameters[index]);
            match &mut self.memory {
                Memory::Host(all) => {
                    let slots = &mut all[index];
                    rule.formula(context, HostStep { step, parameter, gradient, slots })?;
                }
                Memory::Device(all) => {
                    let (slots, scale) = (&mut all[index], on_device.as_ref());
                    let Some(spare) = &spare else { continue };
                    let with = DeviceStep { step, scale, parameter, gradient, slots, spare };
                    rule.formula(context, with)?;
                }
            }
        }
        Ok(())
    }

    /// Keras's `global_clipnorm`: every gradient times limit / max(norm over all, limit). On a GPU the
    /// factor stays there.
    fn scale(&self, gradients: &[Tensor<1>]) -> Result<(f32, Option<Tensor<1>>), LearnError> {
        let Some(limit) = self.settings.clip_norm else { return Ok((1.0, None)) };
        if let Memory::Device(_) = &self.memory {
            return Ok((1.0, Some(clip(gradients, limit)?)));
        }
        let mut square = 0.0;
        for gradient in gradients {
            square += host::square(gradient)?;
        }
        Ok(((limit / square.sqrt().max(limit)) as f32, None))
    }

    fn context(&self, parameter: Trained, factor: f64) -> StepContext {
        let decays = self.settings.decay_biases || !parameter.is_bias;
        StepContext {
            learning_rate: parameter.learning_rate * factor,
            steps: self.steps,
            weight_decay: self.settings.weight_decay.filter(|_| decays).unwrap_or(0.0),
        }
    }

    fn before(&self, context: StepContext, scale: f32) -> Step {
        // Keras: `variable - variable * weight_decay * learning_rate`, before the update.
        let decay = match self.settings.rule.decay_is_decoupled() {
            true => context.learning_rate * context.weight_decay,
            false => 0.0,
        };
        Step {
            scale,
            limit: self.settings.clip_value.map_or(f32::INFINITY, |limit| limit as f32),
            decay: decay as f32,
        }
    }
}

/// What is remembered of one parameter, on the host; empty where nothing is.
fn read_both(slots: &Slots<Option<Tensor<1>>>) -> Result<[Vec<f32>; 2], LearnError> {
    let values = |slot: &Option<Tensor<1>>| slot.clone().map_or(Ok(Vec::new()), read);
    let [first, second] = slots.both();
    Ok([values(first)?, values(second)?])
}
