//! A batch on its way from the samples of a split to the network.

use runner_convolution::buffer;
use runner_data::mixing::Mix;
use runner_experiment::architecture::Shape;
use runner_network::inference::Inference;
use runner_network::on_device::mix::{Mixed, mix};
use runner_network::{Compute, Flow};

use crate::error::LearnError;

/// Some images, or what the frozen layers make of them.
pub struct Batch<'a> {
    /// The index in its split of what each row is of.
    pub samples: &'a [usize],
    /// So many rows are of the batch. Those behind them, on GPUs alone, repeat the first one, so that
    /// all batches have one shape.
    pub images: usize,
    /// One row after the other.
    pub input: Input,
    /// How its images were mixed.
    pub mix: Option<Mix>,
}

/// The values of a batch where they are computed with.
pub enum Input {
    /// In this process's memory.
    Host(Vec<f32>),
    /// On another device.
    Device(Box<Flow>),
}

impl Input {
    /// The batch on the device of a network; `shape` is that of one image.
    #[must_use]
    pub fn flow(self, images: usize, shape: Shape, compute: &Compute) -> Flow {
        match self {
            Self::Host(values) => Flow::batch(values, images, shape, compute),
            Self::Device(flow) => *flow,
        }
    }

    /// What some layers make of the batch.
    ///
    /// # Errors
    ///
    /// [`LearnError::Network`] where the device lost it.
    pub fn through(self, layers: &Inference, images: usize) -> Result<Flow, LearnError> {
        match self {
            Self::Host(values) => Ok(layers.forward(values, images)),
            Self::Device(flow) => Ok(layers.run(*flow)?),
        }
    }
}

/// The indices of a batch, and the first of them again until there are `rows`.
#[must_use]
pub fn filled(batch: &[usize], rows: usize) -> Vec<usize> {
    let mut samples = batch.to_vec();
    if let Some(first) = batch.first() {
        samples.resize(rows.max(batch.len()), *first);
    }
    samples
}

/// The values of some images on a GPU, the first of them again until there are `rows`.
#[must_use]
pub fn sent(
    mut values: Vec<f32>,
    (images, rows): (usize, usize),
    shape: Shape,
    compute: &Compute,
) -> Flow {
    let length = shape.elements();
    let first = buffered(&values[..length.min(values.len())]);
    (images..rows).for_each(|_| values.extend_from_slice(&first));
    buffer::give(first);
    Flow::batch(values, rows.max(images), shape, compute)
}

fn buffered(values: &[f32]) -> Vec<f32> {
    let mut copy = buffer::room(values.len());
    copy.extend_from_slice(values);
    copy
}

/// Mixes the first rows of a batch on a GPU; the others stay as they are.
///
/// # Errors
///
/// [`LearnError::Network`] where the batch does not fit.
pub fn mixed(flow: Flow, how: &Mix) -> Result<Flow, LearnError> {
    let mut partners = how.partners.clone();
    partners.extend(partners.len()..flow.images());
    let how = Mixed { partners: &partners, share: how.share, region: how.region.clone() };
    Ok(mix(flow, &how)?)
}
