//! The same formulas on a GPU: one kernel per parameter.

use burn::tensor::Tensor;
use runner_experiment::optimizer::{Formula, WithFormula};
use runner_network::NetworkError;
use runner_network::on_device::optimizer::{self, step};

use super::recorder::record;
use super::slots::Slots;
use super::step::Step;

/// One step of one parameter, whatever the formula.
pub(super) struct DeviceStep<'a> {
    pub(super) step: Step,
    /// Factor of the gradient, on the device.
    pub(super) scale: Option<&'a Tensor<1>>,
    pub(super) parameter: &'a mut Tensor<1>,
    pub(super) gradient: Tensor<1>,
    pub(super) slots: &'a mut Slots<Option<Tensor<1>>>,
    /// Any tensor of the device.
    pub(super) spare: &'a Tensor<1>,
}

impl WithFormula for DeviceStep<'_> {
    type Output = Result<(), NetworkError>;

    fn with<const SLOTS: usize, F: Formula<SLOTS>>(self, formula: F) -> Self::Output {
        let (program, numbers) = record(formula);
        let (length, device) = (self.parameter.dims()[0], self.spare.device());
        let fresh = || Tensor::full([length], formula.initial(), &device);
        let slots = self.slots.take(F::SLOTS).map(|slot| slot.unwrap_or_else(fresh));
        let Step { limit, decay, .. } = self.step;
        let how = optimizer::Step {
            program: &program,
            numbers: &numbers,
            scale: self.scale,
            limit,
            decay,
            layerwise_rate: formula.layerwise_rate(),
        };
        let new = step(how, self.parameter, self.gradient, slots.into(), self.spare)?;
        let mut new = new.into_iter();
        self.slots.put(F::SLOTS, std::array::from_fn(|_| new.next()));
        Ok(())
    }
}
