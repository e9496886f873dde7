//! What a stage trains on and is measured with: features that are there, or images on their way.

use std::path::PathBuf;
use std::sync::mpsc::sync_channel;
use std::thread;
use std::time::Instant;

use runner_experiment::architecture::Shape;

use crate::batch::{Batch, Input, filled, mixed, sent};
use crate::error::LearnError;
use crate::feature_views::FeatureViews;
use crate::image_batches;
use crate::images::Images;
use crate::labels::Labels;
use runner_data::mixing::{Mix, Mixing};
use runner_network::Compute;
use runner_random::{Key, Purpose};

/// A split as the layers after the frozen prefix see it.
pub enum Samples {
    /// Computed once, or once for each of several views, which take turns.
    Features(Box<FeatureViews>),
    /// Computed whenever they are wanted.
    Images(Box<Images>),
}

/// Takes the indices of a batch and its values.
type Give<'a> = dyn FnMut(&[usize], Vec<f32>) -> Result<(), LearnError> + 'a;

/// Takes a batch.
pub type Consume<'a> = dyn FnMut(Batch<'_>) -> Result<(), LearnError> + 'a;

/// What is drawn for the images of a pass.
#[derive(Debug, Clone, Copy)]
pub struct Draws {
    /// Says which change of an image is drawn, and with its epoch whose view's turn it is.
    pub augment: Key,
    /// Mixes images, where that is wanted.
    pub mixing: Option<Mixing>,
}

impl Draws {
    /// For images that nothing happens to.
    #[must_use]
    pub fn none() -> Self {
        Self { augment: Key::new(0, Purpose::Augment), mixing: None }
    }

    pub(crate) fn mix(&self, batch: &[usize], shape: Shape) -> Option<Mix> {
        Some(self.mixing?.draw(*batch.first()?, batch.len(), shape))
    }
}

/// How a pass goes over samples.
#[derive(Debug, Clone, Copy)]
pub struct Pass<'a> {
    /// Images per batch.
    pub size: usize,
    /// What is drawn.
    pub draws: Draws,
    /// Whether a last batch of fewer images is made full, where another device computes: it would
    /// compile kernels for another shape.
    pub full: bool,
    /// Where batches are wanted.
    pub compute: &'a Compute,
}

impl Samples {
    /// `train`, `validation` or `test`.
    #[must_use]
    pub fn split(&self) -> &'static str {
        match self {
            Self::Images(images) => images.split,
            Self::Features(features) => features.first().split,
        }
    }

    /// Of one sample.
    #[must_use]
    pub fn shape(&self) -> Shape {
        match self {
            Self::Images(images) => images.shape,
            Self::Features(features) => features.first().shape,
        }
    }

    /// What each sample is labelled with.
    #[must_use]
    pub fn labels(&self) -> &Labels {
        match self {
            Self::Images(images) => &images.labels,
            Self::Features(features) => &features.first().labels,
        }
    }

    /// File of each sample.
    #[must_use]
    pub fn paths(&self) -> &[PathBuf] {
        match self {
            Self::Images(images) => &images.paths,
            Self::Features(features) => &features.first().paths,
        }
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.labels().len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.labels().is_empty()
    }

    /// Calls `consume` with one batch after the other, in the order of `order`; images are decoded
    /// and augmented ahead. Returns the seconds that were spent waiting for them.
    ///
    /// # Errors
    ///
    /// The first error of `consume`, and what reading can say.
    pub fn batches(
        &self,
        order: &[usize],
        pass: Pass<'_>,
        consume: &mut Consume<'_>,
    ) -> Result<f64, LearnError> {
        match self {
            Self::Images(images) => image_batches::run(images, order, pass, consume),
            Self::Features(features) if pass.compute.is_host() => {
                read(features, order, pass, consume)
            }
            Self::Features(features) => on_device(features, order, pass, consume),
        }
    }
}

impl Pass<'_> {
    /// Rows of a batch of some of so many images.
    pub(crate) fn rows(&self, batch: usize, images: usize) -> usize {
        let full = if self.full && !self.compute.is_host() { self.size.min(images) } else { 0 };
        full.max(batch)
    }
}

/// Batches of features in this process's memory.
fn read(
    features: &FeatureViews,
    order: &[usize],
    pass: Pass<'_>,
    consume: &mut Consume<'_>,
) -> Result<f64, LearnError> {
    let mut waited = 0.0;
    for batch in order.chunks(pass.size) {
        let start = Instant::now();
        let mut values = features.gather(batch, pass.draws.augment.epoch)?;
        waited += start.elapsed().as_secs_f64();
        let mix = pass.draws.mix(batch, features.first().shape);
        if let Some(mix) = &mix {
            mix.apply(&mut values, features.first().shape);
        }
        consume(Batch { samples: batch, images: batch.len(), input: Input::Host(values), mix })?;
    }
    Ok(waited)
}

/// Batches of features on another device: chosen from those that lie there, or read from the disk
/// while the device works on the batch before.
fn on_device(
    features: &FeatureViews,
    order: &[usize],
    pass: Pass<'_>,
    consume: &mut Consume<'_>,
) -> Result<f64, LearnError> {
    let shape = features.first().shape;
    let mut give = |batch: &[usize], flow| {
        let mix = pass.draws.mix(batch, shape);
        let flow = match &mix {
            Some(mix) => mixed(flow, mix)?,
            None => flow,
        };
        let samples = filled(batch, flow.images());
        consume(Batch {
            samples: &samples,
            images: batch.len(),
            input: Input::Device(Box::new(flow)),
            mix,
        })
    };
    let (epoch, images) = (pass.draws.augment.epoch, features.first().len());
    let Some(resident) = features.on_device(pass.compute) else {
        return read_ahead(features, order, pass, &mut |batch, values| {
            let rows = pass.rows(batch.len(), images);
            give(batch, sent(values, (batch.len(), rows), shape, pass.compute))
        });
    };
    for batch in order.chunks(pass.size) {
        let rows = filled(batch, pass.rows(batch.len(), images));
        give(batch, features.select(resident, &rows, epoch))?;
    }
    Ok(0.0)
}

/// Reads batches of features, one ahead of `give`.
fn read_ahead(
    features: &FeatureViews,
    order: &[usize],
    pass: Pass<'_>,
    give: &mut Give<'_>,
) -> Result<f64, LearnError> {
    let epoch = pass.draws.augment.epoch;
    thread::scope(|scope| {
        let (sender, receiver) = sync_channel(1);
        scope.spawn(move || {
            for batch in order.chunks(pass.size) {
                if sender.send(features.gather(batch, epoch)).is_err() {
                    return;
                }
            }
        });
        let mut waited = 0.0;
        for batch in order.chunks(pass.size) {
            let start = Instant::now();
            // The other thread ends early only by panicking, and the scope passes that panic on.
            let Ok(values) = receiver.recv() else { break };
            waited += start.elapsed().as_secs_f64();
            give(batch, values?)?;
        }
        Ok(waited)
    })
}
