//! What a stage trains on and is measured with: features that are there, or images on their way.

use std::path::PathBuf;
use std::time::Instant;

use runner_experiment::architecture::Shape;

use super::features::FeatureSet;
use super::images::Images;
use super::order::in_order;
use super::scan::BadImage;
use crate::error::LearnError;
use crate::model::inference;
use crate::random::Key;

/// A split as the layers after the frozen prefix see it.
pub enum Samples {
    /// Computed once.
    Features(FeatureSet),
    /// Computed whenever they are wanted.
    Images(Box<Images>),
}

/// Takes the indices of a batch and its values, image by image.
pub type Consume<'a> = dyn FnMut(&[usize], Vec<f32>) -> Result<(), LearnError> + 'a;

impl Samples {
    /// `train`, `validation` or `test`.
    #[must_use]
    pub fn split(&self) -> &'static str {
        match self {
            Self::Features(features) => features.split,
            Self::Images(images) => images.split,
        }
    }

    /// Of one sample.
    #[must_use]
    pub fn shape(&self) -> Shape {
        match self {
            Self::Features(features) => features.shape,
            Self::Images(images) => images.shape,
        }
    }

    /// Class of each sample.
    #[must_use]
    pub fn labels(&self) -> &[usize] {
        match self {
            Self::Features(features) => &features.labels,
            Self::Images(images) => &images.labels,
        }
    }

    /// File of each sample.
    #[must_use]
    pub fn paths(&self) -> &[PathBuf] {
        match self {
            Self::Features(features) => &features.paths,
            Self::Images(images) => &images.paths,
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
        key: Key,
        consume: &mut Consume<'_>,
    ) -> Result<f64, LearnError> {
        match self {
            Self::Features(features) => {
                let mut waited = 0.0;
                for batch in order.chunks(size) {
                    let start = Instant::now();
                    let values = features.gather(batch)?;
                    waited += start.elapsed().as_secs_f64();
                    consume(batch, values)?;
                }
                Ok(waited)
            }
            Self::Images(images) => decoded_ahead(images, order, size, key, consume),
        }
    }
}

fn decoded_ahead(
    images: &Images,
    order: &[usize],
    size: usize,
    key: Key,
    consume: &mut Consume<'_>,
) -> Result<f64, LearnError> {
    let mut waited = 0.0;
    let mut since = Instant::now();
    let mut values: Vec<f32> = Vec::new();
    in_order(
        order,
        |index| images.load(*index, key),
        |at, loaded| {
            waited += since.elapsed().as_secs_f64();
            values.extend(loaded.map_err(|problem| {
                let path = images.paths[order[at]].clone();
                LearnError::BadImages(vec![BadImage { path, problem }])
            })?);
            if (at + 1) % size == 0 || at + 1 == order.len() {
                let batch = &order[at / size * size..=at];
                let mut whole = std::mem::take(&mut values);
                if let Some(prefix) = &images.prefix {
                    whole = inference::values(prefix.forward(whole, batch.len()))?;
                }
                consume(batch, whole)?;
            }
            since = Instant::now();
            Ok::<(), LearnError>(())
        },
    )?;
    Ok(waited)
}
