//! Batches of images that are decoded ahead, and augmented here or on a GPU.

use std::time::Instant;

use runner_convolution::buffer;
use runner_data::DataError;
use runner_data::decode::ImageProblem;
use runner_data::order::in_order;
use runner_network::{Flow, inference};

use crate::batch::{Batch, Input, filled, sent};
use crate::device_images::{DeviceImages, Prepared};
use crate::error::LearnError;
use crate::images::Images;
use crate::samples::{Consume, Pass};

/// Calls `consume` with one batch after the other; returns the seconds that were spent waiting.
///
/// # Errors
///
/// The first error of `consume`, and what reading can say.
pub fn run(
    images: &Images,
    order: &[usize],
    pass: Pass<'_>,
    consume: &mut Consume<'_>,
) -> Result<f64, LearnError> {
    let device = if pass.compute.is_host() { None } else { images.on_device(pass.compute) };
    match device {
        Some(device) => on_device(images, device, order, (pass, consume)),
        None => on_host(images, order, pass, consume),
    }
}

/// An image that is no longer what it was.
fn bad(images: &Images, index: usize, problem: &ImageProblem) -> LearnError {
    DataError::bad_image(images.paths[index].clone(), problem).into()
}

/// Batches as a GPU prepares them.
fn on_device(
    images: &Images,
    device: &DeviceImages,
    order: &[usize],
    (pass, consume): (Pass<'_>, &mut Consume<'_>),
) -> Result<f64, LearnError> {
    let size = pass.size;
    let mut waited = 0.0;
    let mut since = Instant::now();
    let mut prepared: Vec<Prepared> = Vec::with_capacity(size);
    in_order(
        order,
        |index| images.prepare(*index, pass.draws.augment, device),
        |position, loaded| {
            waited += since.elapsed().as_secs_f64();
            prepared.push(loaded.map_err(|problem| bad(images, order[position], &problem))?);
            if prepared.len() == size || position + 1 == order.len() {
                let batch = &order[position / size * size..=position];
                let mix = pass.draws.mix(batch, images.input());
                let samples = filled(batch, pass.rows(batch.len(), images.labels.len()));
                let all = std::mem::take(&mut prepared);
                let flow = device.batch(batch, all, samples.len(), mix.as_ref())?;
                let input = Input::Device(Box::new(behind(images, flow)?));
                consume(Batch { samples: &samples, images: batch.len(), input, mix })?;
            }
            since = Instant::now();
            Ok::<(), LearnError>(())
        },
    )?;
    Ok(waited)
}

/// Batches as the host prepares them.
fn on_host(
    images: &Images,
    order: &[usize],
    pass: Pass<'_>,
    consume: &mut Consume<'_>,
) -> Result<f64, LearnError> {
    let size = pass.size;
    let mut waited = 0.0;
    let mut since = Instant::now();
    let room = || buffer::room(size * images.input().elements());
    let mut values = room();
    in_order(
        order,
        |index| images.load(*index, pass.draws.augment),
        |position, loaded| {
            waited += since.elapsed().as_secs_f64();
            values.extend(loaded.map_err(|problem| bad(images, order[position], &problem))?);
            if (position + 1) % size == 0 || position + 1 == order.len() {
                let batch = &order[position / size * size..=position];
                let mut whole = std::mem::replace(&mut values, room());
                let mix = pass.draws.mix(batch, images.input());
                if let Some(mix) = &mix {
                    mix.apply(&mut whole, images.input());
                }
                let samples = filled(batch, pass.rows(batch.len(), images.labels.len()));
                let input = forwarded(images, whole, (batch.len(), samples.len()), pass)?;
                consume(Batch { samples: &samples, images: batch.len(), input, mix })?;
            }
            since = Instant::now();
            Ok::<(), LearnError>(())
        },
    )?;
    Ok(waited)
}

/// What the frozen layers make of a batch, where it is computed.
fn forwarded(
    images: &Images,
    values: Vec<f32>,
    (count, rows): (usize, usize),
    pass: Pass<'_>,
) -> Result<Input, LearnError> {
    if !pass.compute.is_host() {
        let flow = sent(values, (count, rows), images.input(), pass.compute);
        return Ok(Input::Device(Box::new(behind(images, flow)?)));
    }
    Ok(Input::Host(match &images.prefix {
        Some(prefix) => inference::values(prefix.forward(values, count))?,
        None => values,
    }))
}

/// What the frozen layers make of a batch on a GPU.
fn behind(images: &Images, flow: Flow) -> Result<Flow, LearnError> {
    match &images.prefix {
        Some(prefix) => Ok(prefix.run(flow)?),
        None => Ok(flow),
    }
}

#[cfg(test)]
pub(crate) mod tests;
