//! One fused pass over values that lie in this process's memory.
//!
//! Every element is updated on its own, so the split over threads changes no bit.

use burn::tensor::{Tensor, TensorData};
use rayon::prelude::*;
use runner_convolution::buffer;
use runner_experiment::optimizer::{Formula, WithFormula};

use super::slots::Slots;
use super::step::Step;
use crate::error::LearnError;
use runner_network::parameter::read;

/// Elements per task.
const CHUNK: usize = 1 << 15;

/// One step of one parameter, whatever the formula.
pub(super) struct HostStep<'a> {
    pub(super) step: Step,
    pub(super) parameter: &'a mut Tensor<1>,
    pub(super) gradient: Tensor<1>,
    pub(super) slots: &'a mut Slots<Vec<f32>>,
}

impl WithFormula for HostStep<'_> {
    type Output = Result<(), LearnError>;

    fn with<const SLOTS: usize, F: Formula<SLOTS>>(self, formula: F) -> Self::Output {
        let device = self.parameter.device();
        let mut gradient = read(self.gradient)?;
        let length = gradient.len();
        // Takes the buffer out where nobody else holds it, and copies it otherwise.
        let taken = std::mem::replace(self.parameter, Tensor::empty([0], &device));
        let mut values = read(taken)?;
        let mut slots = self.slots.take(F::SLOTS);
        for slot in &mut slots {
            slot.resize(length, formula.initial());
        }
        update(self.step, formula, &mut values, &mut gradient, &mut slots);
        self.slots.put(F::SLOTS, slots);
        *self.parameter = Tensor::from_data(TensorData::new(values, [length]), &device);
        buffer::give(gradient);
        Ok(())
    }
}

/// The sum of the squares of all values, in one order.
pub(super) fn square(gradient: &Tensor<1>) -> Result<f64, LearnError> {
    let values = read(gradient.clone())?;
    let parts: Vec<f64> = values.par_chunks(CHUNK).map(sum_of_squares).collect();
    Ok(parts.into_iter().sum())
}

fn sum_of_squares(values: &[f32]) -> f64 {
    values.iter().map(|value| f64::from(*value) * f64::from(*value)).sum()
}

/// What one task works on.
struct Chunk<'a, const SLOTS: usize> {
    values: &'a mut [f32],
    gradient: &'a mut [f32],
    slots: [&'a mut [f32]; SLOTS],
}

/// The whole step. Where a formula wants its step scaled, the gradient makes room for the step.
fn update<const SLOTS: usize, F: Formula<SLOTS>>(
    step: Step,
    formula: F,
    values: &mut [f32],
    gradient: &mut [f32],
    slots: &mut [Vec<f32>; SLOTS],
) {
    let chunks = chunks(values, gradient, slots);
    let Some(rate) = formula.layerwise_rate() else {
        chunks.into_par_iter().for_each(|chunk| fused(step, formula, chunk));
        return;
    };
    let squares: Vec<[f64; 2]> =
        chunks.into_par_iter().map(|chunk| find_step(step, formula, chunk)).collect();
    // In the order of the chunks, whichever thread was first.
    let [of_values, of_steps] = squares.iter().fold([0.0; 2], |[a, b], [c, d]| [a + c, b + d]);
    let scale = rate * trust_ratio(of_values.sqrt(), of_steps.sqrt());
    values.par_chunks_mut(CHUNK).zip(gradient.par_chunks(CHUNK)).for_each(|(values, steps)| {
        for (value, step) in values.iter_mut().zip(steps) {
            *value -= scale * step;
        }
    });
}

/// ‖parameter‖ / ‖step‖, or 1 where one of the two is 0.
fn trust_ratio(parameter: f64, step: f64) -> f32 {
    if parameter > 0.0 && step > 0.0 { (parameter / step) as f32 } else { 1.0 }
}

fn chunks<'a, const SLOTS: usize>(
    values: &'a mut [f32],
    gradient: &'a mut [f32],
    slots: &'a mut [Vec<f32>; SLOTS],
) -> Vec<Chunk<'a, SLOTS>> {
    let mut slots = slots.each_mut().map(|slot| slot.chunks_mut(CHUNK));
    values
        .chunks_mut(CHUNK)
        .zip(gradient.chunks_mut(CHUNK))
        .map(|(values, gradient)| {
            let slots = slots.each_mut().map(|slot| slot.next().unwrap_or_default());
            Chunk { values, gradient, slots }
        })
        .collect()
}

/// Takes the step.
fn fused<const SLOTS: usize, F: Formula<SLOTS>>(step: Step, formula: F, chunk: Chunk<SLOTS>) {
    each(step, formula, chunk, |value, _, step| *value -= step);
}

/// Puts the step into the gradient's place; the sums of the squares of the parameter and of it.
fn find_step<const SLOTS: usize, F: Formula<SLOTS>>(
    step: Step,
    formula: F,
    chunk: Chunk<SLOTS>,
) -> [f64; 2] {
    let Chunk { values, gradient, slots } = chunk;
    let whole = Chunk { values: &mut *values, gradient: &mut *gradient, slots };
    each(step, formula, whole, |_, gradient, step| *gradient = step);
    [sum_of_squares(values), sum_of_squares(gradient)]
}

/// Calls `put` with every value, its gradient and its step.
#[inline(always)]
fn each<const SLOTS: usize, F: Formula<SLOTS>>(
    step: Step,
    formula: F,
    chunk: Chunk<SLOTS>,
    put: impl Fn(&mut f32, &mut f32, f32),
) {
    let Step { scale, limit, decay } = step;
    let Chunk { values, gradient, slots } = chunk;
    if decay != 0.0 {
        values.iter_mut().for_each(|value| *value -= decay * *value);
    }
    // One length for all, so that the loop has no bounds to check and runs on vectors.
    let length = values.len();
    let (values, gradient) = (&mut values[..length], &mut gradient[..length]);
    let slots = slots.map(|slot| &mut slot[..length]);
    for index in 0..length {
        let clipped = (gradient[index] * scale).clamp(-limit, limit);
        let old: [f32; SLOTS] = std::array::from_fn(|slot| slots[slot][index]);
        let (step, new) = formula.step(values[index], clipped, old);
        put(&mut values[index], &mut gradient[index], step);
        for slot in 0..SLOTS {
            slots[slot][index] = new[slot];
        }
    }
}
