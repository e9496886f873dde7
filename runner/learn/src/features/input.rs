//! What goes into the frozen layers: on the CPU values, on a GPU bytes that are scaled there.

use runner_convolution::buffer;
use runner_data::augment::Recipe;
use runner_data::decode::ImageProblem;
use runner_data::order;
use runner_data::scan::ImageFile;
use runner_experiment::architecture::Shape;
use runner_network::{Compute, Flow};
use runner_random::{Key, Purpose};

use super::Extractor;
use crate::batch::Input;
use crate::device_images::{DeviceImages, Prepared};
use crate::error::LearnError;

/// Bytes of images that may be decoded before the first batch is computed, on a GPU whose kernels have
/// to be compiled first.
const AHEAD_BYTES: usize = 128 << 20;

/// One image on its way.
pub(super) enum Loaded {
    /// `[3, height, width]`
    Values(Vec<f32>),
    /// For a GPU.
    Bytes(Box<Prepared>),
}

impl Loaded {
    /// Reads an image, for a GPU or for the CPU.
    pub(super) fn read(
        extractor: &Extractor<'_>,
        image: &ImageFile,
        for_device: bool,
    ) -> Result<Self, ImageProblem> {
        match for_device {
            true => extractor.prepare(image).map(|image| Self::Bytes(Box::new(image))),
            false => extractor.load(image).map(Self::Values),
        }
    }
}

/// The images of a batch until it is full.
pub(super) struct Gathered<'a> {
    device: Option<&'a DeviceImages>,
    /// Images per batch.
    size: usize,
    /// Values per image.
    length: usize,
    values: Vec<f32>,
    prepared: Vec<Prepared>,
}

impl<'a> Gathered<'a> {
    /// None yet. `length` is that of one image, of which there are `size` in a batch.
    pub(super) fn new(device: Option<&'a DeviceImages>, size: usize, length: usize) -> Self {
        let values = if device.is_some() { Vec::new() } else { buffer::room(size * length) };
        Self { device, size, length, values, prepared: Vec::new() }
    }

    /// How many images each thread may decode ahead of `missing` of them.
    pub(super) fn ahead(&self, missing: usize) -> usize {
        match self.device {
            None => order::AHEAD,
            Some(_) => {
                let images = AHEAD_BYTES / self.length.max(1) / order::workers(missing);
                images.clamp(order::AHEAD, 1024)
            }
        }
    }

    /// One more.
    pub(super) fn push(&mut self, loaded: Loaded) {
        match loaded {
            Loaded::Values(values) => self.values.extend(values),
            Loaded::Bytes(prepared) => self.prepared.push(*prepared),
        }
    }

    /// The batch of the images at `batch`; on a GPU it is made full there.
    pub(super) fn take(&mut self, batch: &[usize]) -> Result<Input, LearnError> {
        let Some(device) = self.device else {
            let room = buffer::room(self.size * self.length);
            return Ok(Input::Host(std::mem::replace(&mut self.values, room)));
        };
        let prepared = std::mem::take(&mut self.prepared);
        Ok(Input::Device(Box::new(device.batch(batch, prepared, self.size, None)?)))
    }
}

/// A batch of made-up images, or of made-up features of this shape.
pub(super) fn made_up(
    device: Option<&DeviceImages>,
    (size, shape): (usize, Shape),
    compute: &Compute,
) -> Result<Flow, LearnError> {
    let length = shape.elements();
    let Some(device) = device else {
        let mut values = vec![0.0; size * length];
        Key::new(0, Purpose::Generate).stream().fill_uniform(&mut values);
        return Ok(Flow::batch(values, size, shape, compute));
    };
    let image = |number: usize| {
        let level = |place: usize| ((place * 37 + number * 11) % 251) as u8;
        (Recipe::NONE, Some((0..length).map(level).collect()))
    };
    let batch: Vec<usize> = (0..size).collect();
    Ok(device.batch(&batch, batch.iter().map(|number| image(*number)).collect(), size, None)?)
}
