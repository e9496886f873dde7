//! What an optimizer computes, written once for single values and for kernels.

use std::ops::{Add, Div, Mul, Neg, Sub};

/// A value of a parameter, of its gradient, or of a slot: a number on the host, where a fused loop
/// goes over all, or a register of the kernel that does so on another device.
pub trait Values:
    Clone
    + Neg<Output = Self>
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Add<f32, Output = Self>
    + Mul<f32, Output = Self>
{
    /// √x
    #[must_use]
    fn sqrt(self) -> Self;

    /// x²
    #[must_use]
    fn square(self) -> Self;

    /// -1, 0 or 1.
    #[must_use]
    fn sign(self) -> Self;
}

impl Values for f32 {
    #[inline(always)]
    fn sqrt(self) -> Self {
        self.sqrt()
    }

    #[inline(always)]
    fn square(self) -> Self {
        self * self
    }

    /// 0 for 0 and NaN for NaN, as in TensorFlow.
    #[inline(always)]
    fn sign(self) -> Self {
        if self == 0.0 { 0.0 } else { self.signum() }
    }
}

/// State that an optimizer keeps per parameter, by its place in a checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Slot {
    /// As a rule the momentum, or the mean gradient.
    First,
    /// As a rule the mean or the sum of squared gradients.
    Second,
}

/// What a step of one parameter depends on beside its gradient.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct StepContext {
    /// η, with the schedule's factor.
    pub learning_rate: f64,
    /// Steps taken so far, this one included.
    pub steps: u32,
    /// Share of the parameter taken off per step, times η; 0 for one that does not decay.
    pub weight_decay: f64,
}

/// From a gradient to a step, with all numbers filled in.
///
/// The order of the operations is part of the definition: a resumed run and an uninterrupted one
/// give the same bits.
pub trait Formula<const SLOTS: usize>: Copy + Send + Sync {
    /// The state that is kept.
    const SLOTS: [Slot; SLOTS];

    /// The initial value of all slots.
    fn initial(&self) -> f32 {
        0.0
    }

    /// The learning rate that the step is to be scaled by, together with ‖parameter‖ / ‖step‖ over
    /// the whole parameter; `None` where the step is taken as it is.
    fn layerwise_rate(&self) -> Option<f32> {
        None
    }

    /// What is subtracted from the parameter, and the new state.
    fn step<V: Values>(&self, parameter: V, gradient: V, slots: [V; SLOTS]) -> (V, [V; SLOTS]);
}

/// Something that can be done with every formula.
pub trait WithFormula {
    /// The result.
    type Output;

    /// Does it with one formula.
    fn with<const SLOTS: usize, F: Formula<SLOTS>>(self, formula: F) -> Self::Output;
}

/// An optimizer: its settings are the value itself, its formula follows from them.
pub trait Algorithm: Copy {
    /// η in Keras, where the file does not say.
    const LEARNING_RATE: f64 = 1e-3;

    /// The weight decay in Keras, where the file does not say; `None` is none.
    const WEIGHT_DECAY: Option<f64> = None;

    /// Whether the decay is taken off before the step; otherwise the formula makes it part of the
    /// step.
    const DECAY_IS_DECOUPLED: bool = true;

    /// Calls `with` with the formula for one step.
    fn formula<W: WithFormula>(&self, context: StepContext, with: W) -> W::Output;
}

/// In the precision that parameters are kept in.
pub(super) fn single(number: f64) -> f32 {
    number as f32
}
