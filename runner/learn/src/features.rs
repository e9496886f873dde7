//! The frozen prefix, computed once per image: from the cache where it is there, else decoded,
//! run without autodiff, and kept.

mod compute;
mod input;
mod turn;

use std::path::PathBuf;
use std::time::Instant;

use runner_experiment::plan::{Augmentation, Dataset};

use crate::device_images::{DeviceImages, Prepared};
use crate::error::LearnError;
use crate::feature_cache::{Description, FeatureCache, prefix_shape};
use crate::feature_set::{FeatureSet, Store};
use crate::labels::Labels;
use crate::outputs::Outputs;
use runner_data::augment::{Recipe, augment, view_key};
use runner_data::decode::ImageProblem;
use runner_data::interrupt::Interrupt;
use runner_data::order::in_order;
use runner_data::preprocess::{preprocess, preprocess_values};
use runner_data::scan::{ImageFile, ScannedSplit};
use runner_network::network::Network;
use runner_record::{Event, Phase};

/// Images per forward pass at the most. An image's features do not depend on it.
const BATCH: usize = 32;

/// Values of the largest feature map of a batch, 192 MiB of them, before the batch is made smaller.
const BATCH_FLOATS: usize = 48 << 20;

/// Features up to this many bytes per split are held in memory; larger ones are read from the
/// cache batch by batch.
pub const RESIDENT_BYTES: usize = 512 << 20;

/// Computes features of splits with one prefix.
pub struct Extractor<'a> {
    /// The network; its first `prefix` layers are the prefix.
    pub network: &'a Network,
    /// How many layers.
    pub prefix: usize,
    /// Size and preprocessing.
    pub dataset: &'a Dataset,
    /// Where features are kept, and what they are; `None` keeps none.
    pub cache: Option<(&'a std::path::Path, &'a Description)>,
    /// Features of fewer layers, to start from instead of the images; with how many layers.
    pub source: Option<(&'a FeatureSet, usize)>,
    /// A change that every image goes through first, by its number.
    pub view: Option<(&'a Augmentation, usize)>,
    /// Features of more bytes than this are read from the cache batch by batch.
    pub resident_bytes: usize,
    /// Looked at after every image.
    pub interrupt: &'a Interrupt,
}

impl Extractor<'_> {
    /// Whether the cache has every image of a split.
    #[must_use]
    pub fn has(&self, split: &ScannedSplit) -> bool {
        let cache = self.open_cache();
        cache.is_some_and(|cache| split.images.iter().all(|image| cache.has(&image.hash)))
    }

    /// The features of a split.
    ///
    /// # Errors
    ///
    /// [`LearnError::BadImages`] where a file is no longer what it was when the images were
    /// scanned; what was computed until then is in the cache.
    pub fn extract(
        &self,
        split: &ScannedSplit,
        observe: &mut dyn FnMut(Event),
    ) -> Result<FeatureSet, LearnError> {
        let start = Instant::now();
        let shape = prefix_shape(&self.network.layers, self.prefix, self.dataset.image_size);
        let resident = split.images.len() * shape.elements() * 4 <= self.resident_bytes;
        let mut pass = Pass {
            extractor: self,
            split,
            cache: self.open_cache(),
            values: vec![0.0; if resident { split.images.len() * shape.elements() } else { 0 }],
            length: shape.elements(),
            model_seconds: 0.0,
            outputs: Outputs::new(1, &self.network.compute),
        };
        if !resident && pass.cache.is_none() {
            let source = "these features do not fit into memory, and there is no cache".into();
            return Err(LearnError::Cache { path: PathBuf::new(), source });
        }
        let mut missing = pass.read_cached(observe)?;
        let turn = pass.take_turn(&mut missing, observe)?;
        pass.compute(&missing, observe)?;
        drop(turn);
        pass.say_refused(&missing, observe);
        observe(Event::Features {
            split: split.name,
            cached: split.images.len() - missing.len(),
            computed: missing.len(),
            seconds: start.elapsed().as_secs_f64(),
            model_seconds: pass.model_seconds,
        });
        Ok(FeatureSet {
            split: split.name,
            shape,
            labels: Labels::of(split),
            paths: split.images.iter().map(|image| image.path.clone()).collect(),
            hashes: split.images.iter().map(|image| image.hash).collect(),
            store: match (resident, pass.cache) {
                (false, Some(cache)) => Store::Disk(cache),
                _ => Store::Memory(pass.values),
            },
        })
    }

    fn open_cache(&self) -> Option<FeatureCache> {
        self.cache.map(|(root, description)| FeatureCache::open(root, description))
    }

    /// What prepares images on a GPU.
    fn on_device(&self) -> Option<DeviceImages> {
        let (compute, dataset) = (&self.network.compute, self.dataset);
        if compute.is_host() {
            return None;
        }
        let settings = self.view.map(|(settings, _)| settings);
        DeviceImages::passing(dataset.image_size, dataset.preprocessing, settings, compute)
    }

    /// An image for a GPU: its bytes, and what happens to them there.
    fn prepare(&self, image: &ImageFile) -> Result<Prepared, ImageProblem> {
        let size = self.dataset.image_size;
        let pixels = image.pixels(size)?;
        let Some((settings, view)) = self.view else { return Ok((Recipe::NONE, Some(pixels.rgb))) };
        let recipe = Recipe::draw(settings, size, &mut view_key(&image.hash, view).stream());
        let bytes = recipe.prepare(&pixels).rgb.clone();
        Ok((recipe, Some(bytes)))
    }

    fn load(&self, image: &ImageFile) -> Result<Vec<f32>, ImageProblem> {
        let pixels = image.pixels(self.dataset.image_size)?;
        let Some((settings, view)) = self.view else {
            return Ok(preprocess(&pixels, self.dataset.preprocessing));
        };
        let levels = augment(&pixels, settings, &mut view_key(&image.hash, view).stream());
        Ok(preprocess_values(&levels, self.dataset.preprocessing))
    }

    /// Images per forward pass: fewer where they are large.
    fn batch(&self) -> usize {
        let widest = self.network.layers[..self.prefix].iter().map(|l| l.output.elements()).max();
        (BATCH_FLOATS / widest.unwrap_or(1).max(1)).clamp(1, BATCH)
    }
}

/// One split on its way.
struct Pass<'a, 'b> {
    extractor: &'a Extractor<'b>,
    split: &'a ScannedSplit,
    cache: Option<FeatureCache>,
    values: Vec<f32>,
    length: usize,
    model_seconds: f64,
    /// Batches that a GPU computes while earlier ones are kept.
    outputs: Outputs<Vec<usize>>,
}

impl Pass<'_, '_> {
    /// Takes what the cache has; the images that it lacks come back.
    fn read_cached(&mut self, observe: &mut dyn FnMut(Event)) -> Result<Vec<usize>, LearnError> {
        let split = self.split;
        let Some(cache) = self.cache.take() else { return Ok((0..split.images.len()).collect()) };
        let mut missing = Vec::new();
        in_order(
            &split.images,
            |image| cache.get(&image.hash),
            |index, found| {
                self.extractor.interrupt.check()?;
                match found {
                    Some(features) => self.keep(index, &features),
                    None => missing.push(index),
                }
                let (done, total) = (index + 1, split.images.len());
                observe(Event::Progress { phase: Phase::Cached(split.name), done, total });
                Ok::<(), LearnError>(())
            },
        )?;
        self.cache = Some(cache);
        Ok(missing)
    }

    /// Says where what was computed cannot be kept.
    fn say_refused(&self, missing: &[usize], observe: &mut dyn FnMut(Event)) {
        let refused = self.cache.as_ref().and_then(FeatureCache::refused);
        if let Some(reason) = refused.filter(|_| !missing.is_empty()) {
            observe(Event::NotKept { split: self.split.name, reason });
        }
    }

    fn keep(&mut self, index: usize, features: &[f32]) {
        if !self.values.is_empty() {
            self.values[index * self.length..][..self.length].copy_from_slice(features);
        }
    }
}

#[cfg(test)]
mod tests;
