//! The decoded images of a split in the card's memory, so that a batch is a list of numbers.

use burn::backend::Dispatch;
use burn::tensor::{DType, Int, Tensor};
use runner_data::augment::Recipe;
use runner_data::mixing::Mix;

use super::extension::{ImageKernels, memory};
use super::work::Work;
use super::{ImagePipeline, integers, upload};
use crate::error::NetworkError;
use crate::flow::Flow;

/// No split takes more of the card than this, nor more than a quarter of it.
const MOST_BYTES: u64 = 1 << 30;

/// Decoded images by their number in the split. They come one batch after the other, each once.
#[derive(Debug)]
pub struct ResidentImages {
    pipeline: ImagePipeline,
    /// With images that begin at whole words.
    work: Work,
    /// `[image, words]`
    images: Tensor<1, Int>,
    there: Vec<bool>,
}

impl ResidentImages {
    /// Room for as many images; `None` where `of` of them take more than 1 GiB, a quarter of the
    /// card's memory, or what it allocates at a time.
    #[must_use]
    pub fn new(pipeline: ImagePipeline, [images, of]: [usize; 2]) -> Option<Self> {
        let stride = pipeline.work.stride.next_multiple_of(4);
        let bytes = u64::from(stride) * images.max(of) as u64;
        let most = memory(&pipeline.device).map_or(0, |memory| memory.min(MOST_BYTES));
        if images == 0 || bytes > most {
            return None;
        }
        let work = Work { stride, ..pipeline.work };
        let words = images * (stride / 4) as usize;
        let memory = Tensor::empty([words], (&pipeline.device, DType::U32));
        Some(Self { work, images: memory, there: vec![false; images], pipeline })
    }

    /// Whether an image is there.
    #[must_use]
    pub fn has(&self, index: usize) -> bool {
        self.there.get(index).is_some_and(|there| *there)
    }

    /// Keeps the images of these numbers: `bytes` is `[image, height, width, 3]`.
    ///
    /// # Errors
    ///
    /// [`NetworkError::Bug`] where there are not as many bytes as that, or no such number.
    pub fn put(&mut self, indices: &[usize], bytes: Vec<u8>) -> Result<(), NetworkError> {
        if indices.is_empty() {
            return Ok(());
        }
        self.pipeline.check(&bytes, indices.len())?;
        if let Some(index) = indices.iter().find(|index| **index >= self.there.len()) {
            return Err(NetworkError::Bug(format!("image {index} of {}", self.there.len())));
        }
        let device = &self.pipeline.device;
        let new = upload(bytes, device);
        // Below `images`, whose words fit into 1 GiB.
        let places = integers(indices.iter().map(|index| *index as u32).collect(), device);
        let images = <Dispatch as ImageKernels>::put(
            self.images.clone().into_dispatch(),
            new.into_dispatch(),
            places.into_dispatch(),
            self.work,
        );
        self.images = Tensor::from_dispatch(images);
        indices.iter().for_each(|index| self.there[*index] = true);
        Ok(())
    }

    /// As [`ImagePipeline::batch`], of the images of these numbers.
    ///
    /// # Errors
    ///
    /// [`NetworkError::Bug`] where one of them is not there.
    pub fn batch(
        &self,
        indices: &[usize],
        recipes: &[Recipe],
        mix: Option<&Mix>,
    ) -> Result<Flow, NetworkError> {
        if let Some(index) = indices.iter().find(|index| !self.has(**index)) {
            return Err(NetworkError::Bug(format!("image {index} is not on the card")));
        }
        if indices.len() != recipes.len() || indices.is_empty() {
            let (images, recipes) = (indices.len(), recipes.len());
            return Err(NetworkError::Bug(format!("{recipes} recipes for {images} images")));
        }
        Ok(self.pipeline.finish(self.images.clone(), self.work, (indices, recipes), mix))
    }
}
