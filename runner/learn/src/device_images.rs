//! The images of a split as a GPU prepares them: augmented, mixed and preprocessed there, from bytes
//! that stay there where they fit.

use runner_data::augment::Recipe;
use runner_data::mixing::Mix;
use runner_experiment::plan::Augmentation;
use runner_experiment::section::dataset::Preprocessing;

use runner_network::{Compute, Flow, NetworkError};

#[cfg(feature = "gpu")]
use runner_network::gpu::image::{ImagePipeline, ResidentImages};

/// Prepares images on a GPU.
pub struct DeviceImages {
    #[cfg(feature = "gpu")]
    pipeline: ImagePipeline,
    #[cfg(feature = "gpu")]
    resident: std::sync::Mutex<Option<ResidentImages>>,
}

/// An image on its way: what was drawn for it, and its bytes, `[height, width, 3]`, where the GPU
/// does not have them.
pub type Prepared = (Recipe, Option<Vec<u8>>);

#[cfg(feature = "gpu")]
impl DeviceImages {
    /// For images of `size`, height and width, that stay on the GPU where as many as `of` fit;
    /// `None` in a build without GPUs.
    #[must_use]
    pub fn new(
        size: [usize; 2],
        preprocessing: Preprocessing,
        augmentation: Option<&Augmentation>,
        [images, of]: [usize; 2],
        compute: &Compute,
    ) -> Option<Self> {
        let pipeline = ImagePipeline::new(size, preprocessing, augmentation, compute);
        // RandAugment changes bytes on the host, in each epoch others.
        let stays = augmentation.is_none_or(|settings| settings.randaugment.is_none());
        let resident = stays.then(|| ResidentImages::new(pipeline.clone(), [images, of])).flatten();
        Some(Self { pipeline, resident: std::sync::Mutex::new(resident) })
    }

    /// The same for images of which each is wanted once.
    #[must_use]
    pub fn passing(
        size: [usize; 2],
        preprocessing: Preprocessing,
        augmentation: Option<&Augmentation>,
        compute: &Compute,
    ) -> Option<Self> {
        let pipeline = ImagePipeline::new(size, preprocessing, augmentation, compute);
        Some(Self { pipeline, resident: std::sync::Mutex::new(None) })
    }

    /// Whether the GPU has an image.
    #[must_use]
    pub fn has(&self, index: usize) -> bool {
        self.lock().as_ref().is_some_and(|images| images.has(index))
    }

    /// A batch as the network sees it; the first image again until there are `rows`.
    ///
    /// # Errors
    ///
    /// [`NetworkError::Bug`] where bytes are missing.
    pub fn batch(
        &self,
        indices: &[usize],
        prepared: Vec<Prepared>,
        rows: usize,
        mix: Option<&Mix>,
    ) -> Result<Flow, NetworkError> {
        let (mut recipes, bytes): (Vec<Recipe>, Vec<Option<Vec<u8>>>) =
            prepared.into_iter().unzip();
        let mix = mix.map(|mix| {
            let mut partners = mix.partners.clone();
            partners.extend(partners.len()..rows);
            Mix { partners, ..mix.clone() }
        });
        if let Some(first) = recipes.first().cloned() {
            recipes.resize(rows.max(recipes.len()), first);
        }
        let mut resident = self.lock();
        let Some(images) = resident.as_mut() else {
            let mut all: Vec<u8> = bytes.iter().flatten().flatten().copied().collect();
            let first = bytes.into_iter().next().flatten().unwrap_or_default();
            (indices.len()..rows).for_each(|_| all.extend_from_slice(&first));
            return self.pipeline.batch(all, &recipes, mix.as_ref());
        };
        let new = indices.iter().zip(bytes).filter_map(|(index, bytes)| Some((*index, bytes?)));
        let (places, bytes): (Vec<usize>, Vec<Vec<u8>>) = new.unzip();
        images.put(&places, bytes.concat())?;
        let mut indices = indices.to_vec();
        if let Some(first) = indices.first().copied() {
            indices.resize(rows.max(indices.len()), first);
        }
        images.batch(&indices, &recipes, mix.as_ref())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<ResidentImages>> {
        self.resident.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

#[cfg(not(feature = "gpu"))]
impl DeviceImages {
    /// For images of `size`, height and width; `None` in a build without GPUs.
    #[must_use]
    pub fn new(
        _: [usize; 2],
        _: Preprocessing,
        _: Option<&Augmentation>,
        _: [usize; 2],
        _: &Compute,
    ) -> Option<Self> {
        None
    }

    /// The same for images of which each is wanted once.
    #[must_use]
    pub fn passing(
        _: [usize; 2],
        _: Preprocessing,
        _: Option<&Augmentation>,
        _: &Compute,
    ) -> Option<Self> {
        None
    }

    /// Whether the GPU has an image.
    #[must_use]
    pub fn has(&self, _: usize) -> bool {
        false
    }

    /// A batch as the network sees it.
    ///
    /// # Errors
    ///
    /// [`NetworkError::Bug`], always.
    pub fn batch(
        &self,
        _: &[usize],
        _: Vec<Prepared>,
        _: usize,
        _: Option<&Mix>,
    ) -> Result<Flow, NetworkError> {
        Err(NetworkError::Bug("a build without GPUs prepares no images on them".to_owned()))
    }
}
