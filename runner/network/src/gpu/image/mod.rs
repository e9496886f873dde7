//! Images on the card: bytes go up, and what the network sees comes out, augmented by what
//! `runner_data` drew, mixed and preprocessed there.
//!
//! The warp and brightness are the CPU's bit for bit; contrast and everything behind it differ by
//! rounding. Decoding, drawing, and RandAugment's operations on bytes stay on the host.

mod colour;
mod extension;
mod finish;
mod fixed;
mod means;
mod resident;
mod warp;
mod words;
mod work;

#[cfg(test)]
mod tests;

use burn::backend::Dispatch;
use burn::tensor::{DType, Device, Int, Tensor, TensorData};
use runner_data::augment::Recipe;
use runner_data::mixing::Mix;
use runner_experiment::plan::Augmentation;
use runner_experiment::section::augmentation::Fill;
use runner_experiment::section::dataset::Preprocessing;

use crate::device::Compute;
use crate::error::NetworkError;
use crate::flow::Flow;
use extension::ImageKernels;
pub use resident::ResidentImages;
use work::{Steps, Work};

/// How the images of a split become what the network sees.
#[derive(Debug, Clone)]
pub struct ImagePipeline {
    work: Work,
    device: Device,
}

impl ImagePipeline {
    /// For images of `size`, height and width, changed as recipes drawn from `augmentation` say.
    #[must_use]
    pub fn new(
        size: [usize; 2],
        preprocessing: Preprocessing,
        augmentation: Option<&Augmentation>,
        compute: &Compute,
    ) -> Self {
        // A side is far below 2³².
        let [height, width] = size.map(|side| side as u32);
        let work = Work {
            height,
            width,
            stride: height * width * 3,
            steps: augmentation.map(Steps::of).unwrap_or_default(),
            fill: augmentation.map_or(Fill::Nearest, |settings| settings.fill),
            preprocessing: Some(preprocessing),
            mixed: false,
        };
        Self { work, device: compute.device.clone() }
    }

    /// A batch as the network sees it, `[batch, 3, height, width]`, channels last in memory.
    ///
    /// `bytes` is `[batch, height, width, 3]`, after each recipe's [`Recipe::prepare`]. With `mix`
    /// the batch is mixed too. Upload and kernels are queued: nothing waits for the device.
    ///
    /// # Errors
    ///
    /// [`NetworkError::Bug`] where there are not as many bytes as recipes need.
    pub fn batch(
        &self,
        bytes: Vec<u8>,
        recipes: &[Recipe],
        mix: Option<&Mix>,
    ) -> Result<Flow, NetworkError> {
        self.check(&bytes, recipes.len())?;
        let sources: Vec<usize> = (0..recipes.len()).collect();
        let bytes = upload(bytes, &self.device);
        Ok(self.finish(bytes, self.work, (&sources, recipes), mix))
    }

    fn check(&self, bytes: &[u8], images: usize) -> Result<(), NetworkError> {
        let expected = images * self.work.bytes();
        if bytes.len() == expected && images > 0 {
            return Ok(());
        }
        let found = bytes.len();
        Err(NetworkError::Bug(format!("{found} bytes for {images} images, not {expected}")))
    }

    fn size(&self) -> [usize; 2] {
        [self.work.height, self.work.width].map(|side| side as usize)
    }

    fn finish(
        &self,
        bytes: Tensor<1, Int>,
        work: Work,
        (sources, recipes): (&[usize], &[Recipe]),
        mix: Option<&Mix>,
    ) -> Flow {
        let words = words::encode(sources, recipes, mix, self.size());
        let words = integers(words, &self.device);
        let work = Work { mixed: mix.is_some(), ..work };
        let out = <Dispatch as ImageKernels>::finish(
            bytes.into_dispatch(),
            words.into_dispatch(),
            work,
            recipes.len(),
        );
        Flow::Map(Tensor::<4>::from_dispatch(out).permute([0, 3, 1, 2]))
    }
}

/// Bytes as words of 32 bits, since few cards read single bytes; the last word is filled up.
fn upload(mut bytes: Vec<u8>, device: &Device) -> Tensor<1, Int> {
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    let words = bytes.len() / 4;
    Tensor::from_data(TensorData::from_bytes_vec(bytes, [words], DType::U32), (device, DType::U32))
}

fn integers(words: Vec<u32>, device: &Device) -> Tensor<1, Int> {
    let length = words.len();
    Tensor::from_data(TensorData::new(words, [length]), (device, DType::U32))
}
