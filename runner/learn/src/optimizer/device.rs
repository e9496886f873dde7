//! The same formulas as tensor operations, for values that live on a GPU.

use std::ops::{Add, Div, Mul, Neg, Sub};

use burn::tensor::{Bool, Tensor};
use runner_experiment::optimizer::{Formula, Values, WithFormula};

use super::slots::Slots;
use super::step::Step;

/// One step of one parameter, whatever the formula.
pub(super) struct DeviceStep<'a> {
    pub(super) step: Step,
    pub(super) parameter: &'a mut Tensor<1>,
    pub(super) gradient: Tensor<1>,
    pub(super) slots: &'a mut Slots<Option<Tensor<1>>>,
}

impl WithFormula for DeviceStep<'_> {
    type Output = ();

    fn with<const SLOTS: usize, F: Formula<SLOTS>>(self, formula: F) {
        let (value, gradient) = prepared(self.step, self.parameter.clone(), self.gradient);
        let fresh = || Tensor::full(value.shape(), formula.initial(), &value.device());
        let slots = self.slots.take(F::SLOTS).map(|slot| OnDevice(slot.unwrap_or_else(fresh)));
        let (OnDevice(step), slots) =
            formula.step(OnDevice(value.clone()), OnDevice(gradient), slots);
        self.slots.put(F::SLOTS, slots.map(|slot| Some(slot.0)));
        *self.parameter = match formula.layerwise_rate() {
            Some(rate) => value.clone() - step.clone() * (trust_ratio(value, step) * rate),
            None => value - step,
        };
    }
}

/// ‖parameter‖ / ‖step‖, or 1 where one of the two is 0; one value, which stays on the device.
fn trust_ratio(parameter: Tensor<1>, step: Tensor<1>) -> Tensor<1> {
    let norm = |values: Tensor<1>| values.square().sum().sqrt();
    let (parameter, step) = (norm(parameter), norm(step));
    let none: Tensor<1, Bool> =
        parameter.clone().equal_elem(0.0).bool_or(step.clone().equal_elem(0.0));
    (parameter / step).mask_fill(none, 1.0)
}

/// The decayed parameter and the clipped gradient.
fn prepared(step: Step, value: Tensor<1>, gradient: Tensor<1>) -> (Tensor<1>, Tensor<1>) {
    let Step { scale, limit, decay } = step;
    let value = if decay == 0.0 { value } else { value * (1.0 - decay) };
    let gradient = if scale == 1.0 { gradient } else { gradient * scale };
    (value, if limit.is_finite() { gradient.clamp(-limit, limit) } else { gradient })
}

/// All values of a parameter at once.
#[derive(Clone)]
struct OnDevice(Tensor<1>);

impl Values for OnDevice {
    fn sqrt(self) -> Self {
        Self(self.0.sqrt())
    }

    fn square(self) -> Self {
        Self(self.0.square())
    }

    fn sign(self) -> Self {
        Self(self.0.sign())
    }
}

impl Neg for OnDevice {
    type Output = Self;
    fn neg(self) -> Self {
        Self(-self.0)
    }
}

/// Operations with another tensor.
macro_rules! with_tensor {
    ($($operation:ident: $function:ident),*) => {$(
        impl $operation for OnDevice {
            type Output = Self;
            fn $function(self, other: Self) -> Self {
                Self(self.0.$function(other.0))
            }
        }
    )*};
}

/// Operations with a number.
macro_rules! with_number {
    ($($operation:ident: $function:ident),*) => {$(
        impl $operation<f32> for OnDevice {
            type Output = Self;
            fn $function(self, number: f32) -> Self {
                Self($operation::$function(self.0, number))
            }
        }
    )*};
}

with_tensor!(Add: add, Sub: sub, Mul: mul, Div: div);
with_number!(Add: add, Mul: mul);
