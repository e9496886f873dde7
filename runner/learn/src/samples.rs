//! What a stage trains on and is measured with: features that are there, or images on their way.

use std::path::PathBuf;
use std::time::Instant;

use runner_convolution::buffer;
use runner_experiment::architecture::Shape;

use crate::error::LearnError;
use crate::feature_set::FeatureSet;
use crate::images::Images;
use runner_data::DataError;
use runner_data::mixing::{Mix, Mixing};
use runner_data::order::in_order;
use runner_network::inference;
use runner_random::{Key, Purpose};

/// A split as the layers after the frozen prefix see it.
pub enum Samples {
    /// Computed once.
    Features(FeatureSet),
    /// Computed once for each of several views, at least one, which take turns.
    Views(Vec<FeatureSet>),
    /// Computed whenever they are wanted.
    Images(Box<Images>),
}

/// Takes the indices of a batch, its values, image by image, and how they were mixed.
pub type Consume<'a> = dyn FnMut(&[usize], Vec<f32>, Option<Mix>) -> Result<(), LearnError> + 'a;

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

    fn mix(&self, batch: &[usize], values: &mut [f32], shape: Shape) -> Option<Mix> {
        let mix = self.mixing?.draw(*batch.first()?, batch.len(), shape);
        mix.apply(values, shape);
        Some(mix)
    }
}

impl Samples {
    /// `train`, `validation` or `test`.
    #[must_use]
    pub fn split(&self) -> &'static str {
        match self {
            Self::Images(images) => images.split,
            Self::Features(features) => features.split,
            Self::Views(views) => views[0].split,
        }
    }

    /// Of one sample.
    #[must_use]
    pub fn shape(&self) -> Shape {
        match self {
            Self::Images(images) => images.shape,
            Self::Features(features) => features.shape,
            Self::Views(views) => views[0].shape,
        }
    }

    /// Class of each sample.
    #[must_use]
    pub fn labels(&self) -> &[usize] {
        match self {
            Self::Images(images) => &images.labels,
            Self::Features(features) => &features.labels,
            Self::Views(views) => &views[0].labels,
        }
    }

    /// File of each sample.
    #[must_use]
    pub fn paths(&self) -> &[PathBuf] {
        match self {
            Self::Images(images) => &images.paths,
            Self::Features(features) => &features.paths,
            Self::Views(views) => &views[0].paths,
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
        size: usize,
        draws: Draws,
        consume: &mut Consume<'_>,
    ) -> Result<f64, LearnError> {
        if let Self::Images(images) = self {
            return decoded_ahead(images, order, size, draws, consume);
        }
        let mut waited = 0.0;
        for batch in order.chunks(size) {
            let start = Instant::now();
            let mut values = self.gather(batch, draws.augment.epoch)?;
            waited += start.elapsed().as_secs_f64();
            let mix = draws.mix(batch, &mut values, self.shape());
            consume(batch, values, mix)?;
        }
        Ok(waited)
    }

    /// Features of a batch; in each epoch another view of an image has its turn.
    fn gather(&self, batch: &[usize], epoch: u64) -> Result<Vec<f32>, LearnError> {
        match self {
            Self::Features(features) => features.gather(batch),
            Self::Views(views) => {
                let mut values = buffer::room(batch.len() * self.shape().elements());
                for index in batch {
                    let turn = (epoch as usize).wrapping_add(*index) % views.len();
                    values.extend(views[turn].gather(&[*index])?);
                }
                Ok(values)
            }
            Self::Images(_) => Ok(Vec::new()),
        }
    }
}

fn decoded_ahead(
    images: &Images,
    order: &[usize],
    size: usize,
    draws: Draws,
    consume: &mut Consume<'_>,
) -> Result<f64, LearnError> {
    let mut waited = 0.0;
    let mut since = Instant::now();
    let room = || buffer::room(size * images.input().elements());
    let mut values = room();
    in_order(
        order,
        |index| images.load(*index, draws.augment),
        |position, loaded| {
            waited += since.elapsed().as_secs_f64();
            values.extend(loaded.map_err(|problem| {
                let path = images.paths[order[position]].clone();
                DataError::bad_image(path, &problem)
            })?);
            if (position + 1) % size == 0 || position + 1 == order.len() {
                let batch = &order[position / size * size..=position];
                let mut whole = std::mem::replace(&mut values, room());
                let mix = draws.mix(batch, &mut whole, images.input());
                if let Some(prefix) = &images.prefix {
                    whole = inference::values(prefix.forward(whole, batch.len()))?;
                }
                consume(batch, whole, mix)?;
            }
            since = Instant::now();
            Ok::<(), LearnError>(())
        },
    )?;
    Ok(waited)
}
