//! The kernels that work on every value of a parameter on its own.

use burn::cubecl;
use burn::tensor::Tensor;
use burn_cubecl::tensor::CubeTensor;
use cubecl::prelude::*;

use super::reduce::{PARTS, squares};
use super::{Operation, Program, Step};
use crate::error::NetworkError;
use crate::gpu::launch::per_value;
use crate::on_device::cube::{cube, room, tensor};

/// The tensor that is in a place, where nobody else holds it, else a copy of it.
fn taken(place: &mut Tensor<1>, spare: &Tensor<1>) -> Result<CubeTensor, NetworkError> {
    owned(std::mem::replace(place, spare.clone()))
}

fn owned(tensor: Tensor<1>) -> Result<CubeTensor, NetworkError> {
    let values = cube(tensor)?;
    Ok(if values.can_mut() { values } else { values.copy() })
}

pub(super) fn step(
    step: Step<'_>,
    value: &mut Tensor<1>,
    gradient: Tensor<1>,
    slots: Vec<Tensor<1>>,
    spare: &Tensor<1>,
) -> Result<Vec<Tensor<1>>, NetworkError> {
    let count = value.dims()[0];
    let values = taken(value, spare)?;
    let gradient = owned(gradient)?;
    let slots: Vec<CubeTensor> = slots.into_iter().map(owned).collect::<Result<_, _>>()?;
    let client = values.client.clone();
    let spare = cube(spare.clone())?;
    let slot = |index: usize| slots.get(index).unwrap_or(&spare).clone().into_buffer_arg();
    let scale = step.scale.map_or(Ok(spare.clone()), |scale| cube(scale.clone()))?;
    let mut numbers = SequenceArg::new();
    step.numbers.iter().for_each(|number| numbers.push(*number));
    let how = How {
        program: step.program.clone(),
        scales: step.scale.is_some(),
        clips: step.limit.is_finite(),
        keeps_step: step.layerwise_rate.is_some(),
    };
    let (cubes, dim) = per_value(&client, count);
    if count > 0 {
        update::launch(
            &client,
            cubes,
            dim,
            values.clone().into_buffer_arg(),
            gradient.clone().into_buffer_arg(),
            slot(0),
            slot(1),
            scale.into_buffer_arg(),
            numbers,
            if step.limit.is_finite() { step.limit } else { 0.0 },
            step.decay,
            count,
            how,
        );
        if let Some(rate) = step.layerwise_rate {
            layerwise(&values, &gradient, rate, count);
        }
    }
    *value = tensor(values);
    Ok(slots.into_iter().map(tensor).collect())
}

/// Subtracts a step scaled by the ratio of the norms.
fn layerwise(values: &CubeTensor, steps: &CubeTensor, rate: f32, count: usize) {
    let parts = room(values, [2 * PARTS]);
    squares(values, &parts, 0);
    squares(steps, &parts, PARTS);
    let client = values.client.clone();
    let (cubes, dim) = per_value(&client, count);
    apply::launch(
        &client,
        cubes,
        dim,
        values.clone().into_buffer_arg(),
        steps.clone().into_buffer_arg(),
        parts.into_buffer_arg(),
        rate,
        count,
    );
}

pub(super) fn average(
    average: &mut Tensor<1>,
    value: &Tensor<1>,
    [kept, new]: [f32; 2],
) -> Result<(), NetworkError> {
    let count = value.dims()[0];
    let value = cube(value.clone())?;
    let averages = taken(average, &tensor(value.clone()))?;
    let client = value.client.clone();
    let (cubes, dim) = per_value(&client, count);
    if count > 0 {
        let into = averages.clone().into_buffer_arg();
        moved::launch(&client, cubes, dim, into, value.into_buffer_arg(), kept, new, count);
    }
    *average = tensor(averages);
    Ok(())
}

/// What a kernel is compiled for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct How {
    program: Program,
    /// Whether the gradient is scaled.
    scales: bool,
    /// Whether its values are cut off.
    clips: bool,
    /// Whether the step takes the gradient's place, and waits.
    keeps_step: bool,
}

/// One value per unit.
#[cube(launch)]
fn update(
    values: &mut [f32],
    gradient: &mut [f32],
    first: &mut [f32],
    second: &mut [f32],
    scale: &[f32],
    numbers: Sequence<f32>,
    limit: f32,
    decay: f32,
    count: usize,
    #[comptime] how: How,
) {
    if ABSOLUTE_POS >= count {
        terminate!();
    }
    let place = ABSOLUTE_POS;
    let old = values[place];
    let value = old - decay * old;
    let mut clipped = gradient[place];
    if comptime!(how.scales) {
        clipped *= scale[0];
    }
    if comptime!(how.clips) {
        clipped = clipped.clamp(-limit, limit);
    }
    let mut registers = Sequence::<f32>::new();
    registers.push(value);
    registers.push(clipped);
    let slots = comptime!(how.program.state.len());
    if comptime!(slots > 0) {
        registers.push(first[place]);
    }
    if comptime!(slots > 1) {
        registers.push(second[place]);
    }
    let length = comptime!(how.program.instructions.len());
    #[unroll]
    for index in 0..length {
        let (operation, a, b) = comptime!({
            let instruction = how.program.instructions[index];
            (instruction.operation, instruction.first, instruction.second)
        });
        let result = computed(&registers, &numbers, operation, a, b);
        registers.push(result);
    }
    let step = registers[comptime!(how.program.step)];
    if comptime!(how.keeps_step) {
        gradient[place] = step;
        values[place] = value;
    } else {
        values[place] = value - step;
    }
    if comptime!(slots > 0) {
        first[place] = registers[comptime!(how.program.state[0])];
    }
    if comptime!(slots > 1) {
        second[place] = registers[comptime!(how.program.state[1])];
    }
}

/// The result of one operation.
#[cube]
fn computed(
    registers: &Sequence<f32>,
    numbers: &Sequence<f32>,
    #[comptime] operation: Operation,
    #[comptime] a: usize,
    #[comptime] b: usize,
) -> f32 {
    let first = registers[a];
    if comptime!(operation == Operation::Add) {
        first + registers[b]
    } else if comptime!(operation == Operation::Subtract) {
        first - registers[b]
    } else if comptime!(operation == Operation::Multiply) {
        first * registers[b]
    } else if comptime!(operation == Operation::Divide) {
        first / registers[b]
    } else if comptime!(operation == Operation::AddNumber) {
        first + numbers[b]
    } else if comptime!(operation == Operation::MultiplyNumber) {
        first * numbers[b]
    } else if comptime!(operation == Operation::Negate) {
        -first
    } else if comptime!(operation == Operation::Root) {
        first.sqrt()
    } else if comptime!(operation == Operation::Square) {
        first * first
    } else {
        let positive = select(first > 0.0f32, 1.0f32, first);
        select(first < 0.0f32, -1.0f32, positive)
    }
}

/// One value per unit, less its step in units of the learning rate and the ratio of the norms.
#[cube(launch)]
fn apply(values: &mut [f32], steps: &[f32], parts: &[f32], rate: f32, count: usize) {
    if ABSOLUTE_POS >= count {
        terminate!();
    }
    let mut of_values = 0.0f32;
    let mut of_steps = 0.0f32;
    for part in 0..PARTS {
        of_values += parts[part];
        of_steps += parts[PARTS + part];
    }
    let ratio = of_values.sqrt() / of_steps.sqrt();
    let scale = rate * select(of_values > 0.0f32 && of_steps > 0.0f32, ratio, 1.0f32);
    values[ABSOLUTE_POS] -= scale * steps[ABSOLUTE_POS];
}

/// One value per unit.
#[cube(launch)]
fn moved(averages: &mut [f32], values: &[f32], kept: f32, new: f32, count: usize) {
    if ABSOLUTE_POS < count {
        averages[ABSOLUTE_POS] = kept * averages[ABSOLUTE_POS] + new * values[ABSOLUTE_POS];
    }
}
