//! The features of a split, in memory or in the cache.

use std::path::PathBuf;

use runner_convolution::buffer;
use runner_experiment::architecture::Shape;

use crate::error::LearnError;
use crate::feature_cache::FeatureCache;
use crate::labels::Labels;
use runner_data::scan::ContentHash;

/// The features of a split.
#[derive(Debug)]
pub struct FeatureSet {
    /// `train`, `validation` or `test`.
    pub split: &'static str,
    /// Of one image.
    pub shape: Shape,
    /// What each image is labelled with.
    pub labels: Labels,
    /// File of each image.
    pub paths: Vec<PathBuf>,
    pub(crate) hashes: Vec<ContentHash>,
    pub(crate) store: Store,
}

#[derive(Debug)]
pub(crate) enum Store {
    /// Image after image.
    Memory(Vec<f32>),
    /// Read when asked for.
    Disk(FeatureCache),
}

impl FeatureSet {
    /// How many images there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// All features, image after image, where they lie in memory.
    pub(crate) fn values(&self) -> Option<&[f32]> {
        match &self.store {
            Store::Memory(all) => Some(all),
            Store::Disk(_) => None,
        }
    }

    /// The features of the images at `indices`, one after the other.
    ///
    /// # Errors
    ///
    /// [`LearnError::Cache`] where an entry was damaged or removed while the run was going on.
    pub fn gather(&self, indices: &[usize]) -> Result<Vec<f32>, LearnError> {
        let length = self.shape.elements();
        let mut values = buffer::room(indices.len() * length);
        for index in indices {
            match &self.store {
                Store::Memory(all) => values.extend_from_slice(&all[index * length..][..length]),
                Store::Disk(cache) => {
                    let features =
                        cache.get(&self.hashes[*index]).ok_or_else(|| LearnError::Cache {
                            path: self.paths[*index].clone(),
                            source: "its features are gone or damaged; run again".into(),
                        })?;
                    values.extend(features);
                }
            }
        }
        Ok(values)
    }
}
