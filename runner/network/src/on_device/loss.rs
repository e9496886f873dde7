//! Cross-entropy of logits on the GPU, and its gradient.
//!
//! The definitions are those of `runner_learn::loss`, in 32 bits: two classes are one logit z, loss =
//! max(z, 0) - z t + ln(1 + exp(-|z|)); more classes are one logit each, loss = ln Σ exp(z - top) + Σ
//! t (top - z). Losses and hits stay on the device, image by image, until somebody reads many of them
//! at once.

use burn::tensor::Tensor;

use super::ledger::Ledger;
use super::with_gpu;
use crate::error::NetworkError;

/// What an image should be classified as.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Label {
    /// Its class.
    pub class: usize,
    /// The class of the image that it was mixed with.
    pub other: usize,
    /// The class that counts as correct.
    pub expected: usize,
    /// How much the image counts.
    pub weight: f32,
}

/// What a batch should be classified as.
#[derive(Debug, Clone, Copy)]
pub struct Labels<'a> {
    /// One per row of the logits.
    pub labels: &'a [Label],
    /// So many of them are of images; the rows behind them make the batch full, and do not count.
    pub images: usize,
    /// The share of [`Label::other`].
    pub share: f64,
    /// The share that goes to all classes evenly.
    pub smoothing: f64,
}

/// Writes losses and hits of a batch into `ledger`, which has room for them; the gradient of the
/// mean loss by each logit comes back.
///
/// # Shapes
///
/// `[batch, classes]`, where two classes are one logit.
///
/// # Errors
///
/// [`NetworkError::Bug`] in a build without GPUs, or where shapes do not fit.
pub fn cross_entropy(
    logits: Tensor<2>,
    labels: Labels<'_>,
    ledger: &mut Ledger,
) -> Result<Tensor<2>, NetworkError> {
    let [rows, _] = logits.dims();
    if rows != labels.labels.len() || !ledger.has_room(labels.images) {
        return Err(NetworkError::Bug("a batch and its labels do not fit".to_owned()));
    }
    with_gpu!((logits, labels, ledger) { kernel::launch(logits, labels, ledger) })
}

#[cfg(feature = "gpu")]
mod kernel {
    use burn::cubecl;
    use burn::tensor::Tensor;
    use cubecl::prelude::*;

    use super::{Label, Labels, Ledger};
    use crate::error::NetworkError;
    use crate::on_device::cube::{cube, room, tensor, words};

    /// Units per row.
    const UNITS: usize = 64;

    pub(super) fn launch(
        logits: Tensor<2>,
        labels: Labels<'_>,
        ledger: &mut Ledger,
    ) -> Result<Tensor<2>, NetworkError> {
        let [rows, classes] = logits.dims();
        let logits = cube(logits)?;
        let gradient = room(&logits, [rows, classes]);
        let client = logits.client.clone();
        let coded: Vec<u32> = labels.labels.iter().flat_map(coded).collect();
        let arguments = (CubeCount::Static(rows as u32, 1, 1), CubeDim::new_1d(UNITS as u32));
        let kernel = if classes == 1 { binary::launch } else { categorical::launch };
        kernel(
            &client,
            arguments.0,
            arguments.1,
            logits.into_buffer_arg(),
            words(&client, &coded),
            gradient.clone().into_buffer_arg(),
            cube(ledger.values.clone())?.into_buffer_arg(),
            ShapeLaunch::new(classes, labels.images, ledger.images),
            labels.share as f32,
            labels.smoothing as f32,
        );
        ledger.images += labels.images;
        Ok(tensor(gradient))
    }

    fn coded(label: &Label) -> [u32; 4] {
        let Label { class, other, expected, weight } = *label;
        [class as u32, other as u32, expected as u32, weight.to_bits()]
    }

    /// Numbers that a kernel needs beside its buffers.
    #[derive(CubeType, CubeLaunch, Clone, Copy)]
    struct Shape {
        classes: usize,
        /// Rows that count.
        images: usize,
        /// Images that stand in the ledger.
        before: usize,
    }

    #[cube]
    fn weight(labels: &[u32], row: usize) -> f32 {
        f32::reinterpret(labels[row * 4 + 3])
    }

    /// The share of a class.
    #[cube]
    fn target(labels: &[u32], row: usize, class: u32, share: f32) -> f32 {
        let first = select(labels[row * 4] == class, 1.0f32 - share, 0.0f32);
        let other = select(labels[row * 4 + 1] == class, share, 0.0f32);
        first + other
    }

    /// One row per cube, of which one unit does something.
    #[cube(launch)]
    fn binary(
        logits: &[f32],
        labels: &[u32],
        gradient: &mut [f32],
        ledger: &mut [f32],
        shape: Shape,
        share: f32,
        smoothing: f32,
    ) {
        let row = CUBE_POS_X as usize;
        if UNIT_POS_X > 0 {
            terminate!();
        }
        let z = logits[row];
        let plain = target(labels, row, 1u32, share);
        let target = plain * (1.0f32 - smoothing) + smoothing / 2.0f32;
        let small = (-z.abs()).exp();
        let second = select(z >= 0.0f32, 1.0f32 / (1.0f32 + small), small / (1.0f32 + small));
        if row < shape.images {
            let weight = weight(labels, row);
            let place = (shape.before + row) * 2;
            let positive = select(z < 0.0f32, 0.0f32, z);
            ledger[place] = (positive - z * target + small.log1p()) * weight;
            let predicted = select(z > 0.0f32, 1u32, 0u32);
            ledger[place + 1] = select(predicted == labels[row * 4 + 2], 1.0f32, 0.0f32);
            gradient[row] = (second - target) * weight / (shape.images as f32);
        } else {
            gradient[row] = 0.0f32;
        }
    }

    /// One row per cube.
    #[cube(launch)]
    fn categorical(
        logits: &[f32],
        labels: &[u32],
        gradient: &mut [f32],
        ledger: &mut [f32],
        shape: Shape,
        share: f32,
        smoothing: f32,
    ) {
        let row = CUBE_POS_X as usize;
        let unit = UNIT_POS_X as usize;
        let classes = shape.classes;
        let best = largest(logits, row, classes);
        let top = logits[row * classes + best as usize];
        // Of all classes but the largest, whose share is exactly one.
        let mut rest = 0.0f32;
        let mut below = 0.0f32;
        let mut class = unit;
        while class < classes {
            let distance = top - logits[row * classes + class];
            if class as u32 != best {
                rest += (-distance).exp();
            }
            below += distance;
            class += UNITS;
        }
        let rest = sum(rest);
        let below = sum(below);
        let weight = weight(labels, row);
        let scale = weight / (shape.images as f32);
        let even = smoothing / (classes as f32);
        let mut class = unit;
        while class < classes {
            let place = row * classes + class;
            let probability = (logits[place] - top).exp() / (1.0f32 + rest);
            let target = target(labels, row, class as u32, share) * (1.0f32 - smoothing) + even;
            let inside = (probability - target) * scale;
            gradient[place] = select(row < shape.images, inside, 0.0f32);
            class += UNITS;
        }
        if unit == 0 && row < shape.images {
            let first = top - logits[row * classes + labels[row * 4] as usize];
            let other = top - logits[row * classes + labels[row * 4 + 1] as usize];
            let mixed = first * (1.0f32 - share) + other * share;
            let place = (shape.before + row) * 2;
            let loss = rest.log1p() + mixed * (1.0f32 - smoothing) + below * even;
            ledger[place] = loss * weight;
            ledger[place + 1] = select(best == labels[row * 4 + 2], 1.0f32, 0.0f32);
        }
    }

    /// The class of the largest logit of a row, the first of several.
    #[cube]
    fn largest(logits: &[f32], row: usize, classes: usize) -> u32 {
        let unit = UNIT_POS_X as usize;
        let mut values = Shared::<[f32]>::new_slice(UNITS);
        let mut places = Shared::<[u32]>::new_slice(UNITS);
        let mut best = select(unit < classes, unit, 0usize);
        let mut value = logits[row * classes + best];
        let mut class = unit + UNITS;
        while class < classes {
            let candidate = logits[row * classes + class];
            if candidate > value {
                value = candidate;
                best = class;
            }
            class += UNITS;
        }
        values[unit] = value;
        places[unit] = best as u32;
        sync_cube();
        let mut value = values[0];
        let mut best = places[0];
        for other in 1..UNITS {
            let candidate = values[other];
            let place = places[other];
            if candidate > value || (candidate == value && place < best) {
                value = candidate;
                best = place;
            }
        }
        sync_cube();
        best
    }

    /// The sum over the units of a cube, in their order.
    #[cube]
    fn sum(part: f32) -> f32 {
        let mut parts = Shared::<[f32]>::new_slice(UNITS);
        parts[UNIT_POS_X as usize] = part;
        sync_cube();
        let mut sum = 0.0f32;
        for unit in 0..UNITS {
            sum += parts[unit];
        }
        sync_cube();
        sum
    }
}
