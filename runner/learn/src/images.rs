//! Images that are read whenever they are wanted: where they are augmented, or where nothing of the
//! network is frozen.

use std::path::PathBuf;
use std::sync::OnceLock;

use runner_experiment::architecture::Shape;
use runner_experiment::plan::{Augmentation, Dataset};
use runner_experiment::section::dataset::Preprocessing;

use crate::device_images::{DeviceImages, Prepared};
use crate::labels::Labels;
use crate::objective::Objective;
use runner_data::augment::{Recipe, augment};
use runner_data::decode::ImageProblem;
use runner_data::preprocess::{preprocess, preprocess_values};
use runner_data::scan::{ImageFile, ScannedSplit};
use runner_network::Compute;
use runner_network::inference::Inference;
use runner_random::Key;
use runner_record::Pixels;

/// Decoded images up to this many bytes per split are kept.
const RESIDENT_BYTES: usize = 1 << 30;

/// The images of a split.
pub struct Images {
    /// `train`, `validation` or `test`.
    pub split: &'static str,
    /// What each image is labelled with.
    pub labels: Labels,
    /// File of each image.
    pub paths: Vec<PathBuf>,
    /// What comes out of `prefix`, or the image itself.
    pub shape: Shape,
    /// Layers that are run on every image.
    pub prefix: Option<Inference>,
    files: Vec<ImageFile>,
    size: [usize; 2],
    preprocessing: Preprocessing,
    augmentation: Option<Augmentation>,
    /// Decoded and resized; empty where they would not fit.
    kept: Vec<OnceLock<Pixels>>,
    /// Prepares them where a GPU does.
    on_device: OnceLock<Option<DeviceImages>>,
    /// How many images decide whether they stay on a GPU.
    of: usize,
}

impl Images {
    /// The images of a split, augmented where that is given.
    #[must_use]
    pub fn new(
        split: &ScannedSplit,
        dataset: &Dataset,
        augmentation: Option<Augmentation>,
        (prefix, shape): (Option<Inference>, Shape),
    ) -> Self {
        let [height, width] = dataset.image_size;
        let fit = split.images.len() * height * width * 3 <= RESIDENT_BYTES;
        let kept = if fit { split.images.len() } else { 0 };
        Self {
            split: split.name,
            labels: Labels::of(split),
            paths: split.images.iter().map(|image| image.path.clone()).collect(),
            shape,
            prefix,
            files: split.images.clone(),
            size: dataset.image_size,
            preprocessing: dataset.preprocessing,
            augmentation,
            kept: std::iter::repeat_with(OnceLock::new).take(kept).collect(),
            on_device: OnceLock::new(),
            of: split.images.len(),
        }
    }

    /// Made-up ones, labelled in turns, that are prepared as those of a split of `of` images are.
    #[must_use]
    pub(crate) fn made_up(
        (count, of): (usize, usize),
        objective: &Objective,
        dataset: &Dataset,
        augmentation: Option<Augmentation>,
        (prefix, shape): (Option<Inference>, Shape),
    ) -> Self {
        let [height, width] = dataset.image_size;
        let image = |number: usize| {
            let level = |place: usize| ((place * 37 + number * 11) % 251) as u8;
            let rgb = (0..height * width * 3).map(level).collect();
            OnceLock::from(Pixels { height, width, rgb })
        };
        Self {
            split: "train",
            labels: Labels::even((0..count).map(|index| objective.made_up(index)).collect()),
            paths: vec![PathBuf::new(); count],
            shape,
            prefix,
            files: Vec::new(),
            size: dataset.image_size,
            preprocessing: dataset.preprocessing,
            augmentation,
            kept: (0..count).map(image).collect(),
            on_device: OnceLock::new(),
            of,
        }
    }

    /// Decodes an image, where decoded ones are kept. A file that cannot be read is named when it is
    /// wanted.
    pub(crate) fn decode_ahead(&self, index: usize) {
        let Some(kept) = self.kept.get(index).filter(|kept| kept.get().is_none()) else { return };
        if let Ok(pixels) = self.files[index].pixels(self.size) {
            // Somebody else may have been faster, with the same pixels.
            let _ = kept.set(pixels);
        }
    }

    /// What the network sees of an image: `[3, height, width]`. `key` says which change is drawn.
    ///
    /// # Errors
    ///
    /// [`ImageProblem`] where the file is no longer what it was when it was scanned.
    pub fn load(&self, index: usize, key: Key) -> Result<Vec<f32>, ImageProblem> {
        let Some(kept) = self.kept.get(index) else {
            return Ok(self.finish(index, &self.files[index].pixels(self.size)?, key));
        };
        if let Some(pixels) = kept.get() {
            return Ok(self.finish(index, pixels, key));
        }
        let pixels = self.files[index].pixels(self.size)?;
        let values = self.finish(index, &pixels, key);
        // Somebody else may have been faster, with the same pixels.
        let _ = kept.set(pixels);
        Ok(values)
    }

    /// What prepares the images on a GPU.
    pub(crate) fn on_device(&self, compute: &Compute) -> Option<&DeviceImages> {
        let augmentation = self.augmentation.as_ref();
        let new = || {
            DeviceImages::new(
                self.size,
                self.preprocessing,
                augmentation,
                [self.labels.len(), self.of],
                compute,
            )
        };
        self.on_device.get_or_init(new).as_ref()
    }

    /// An image for a GPU. `key` says which change is drawn.
    ///
    /// # Errors
    ///
    /// As [`Images::load`].
    pub(crate) fn prepare(
        &self,
        index: usize,
        key: Key,
        device: &DeviceImages,
    ) -> Result<Prepared, ImageProblem> {
        let recipe = match &self.augmentation {
            None => Recipe::NONE,
            Some(settings) => {
                let mut stream = Key { sample: index as u64, ..key }.stream();
                Recipe::draw(settings, self.size, &mut stream)
            }
        };
        if device.has(index) {
            return Ok((recipe, None));
        }
        let kept = self.kept.get(index);
        if let Some(pixels) = kept.and_then(OnceLock::get) {
            let bytes = recipe.prepare(pixels).rgb.clone();
            return Ok((recipe, Some(bytes)));
        }
        let pixels = self.files[index].pixels(self.size)?;
        let bytes = recipe.prepare(&pixels).rgb.clone();
        if let Some(kept) = kept {
            // Somebody else may have been faster, with the same pixels.
            let _ = kept.set(pixels);
        }
        Ok((recipe, Some(bytes)))
    }

    /// One image before `prefix`.
    #[must_use]
    pub fn input(&self) -> Shape {
        let [height, width] = self.size;
        Shape::Map { height, width, channels: 3 }
    }

    fn finish(&self, index: usize, pixels: &Pixels, key: Key) -> Vec<f32> {
        match &self.augmentation {
            None => preprocess(pixels, self.preprocessing),
            Some(settings) => {
                let mut stream = Key { sample: index as u64, ..key }.stream();
                let levels = augment(pixels, settings, &mut stream);
                preprocess_values(&levels, self.preprocessing)
            }
        }
    }
}
