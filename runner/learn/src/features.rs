//! The frozen prefix, computed once per image: from the cache where it is there, else decoded,
//! run without autodiff, and kept.

mod turn;

use std::path::PathBuf;
use std::time::Instant;

use runner_convolution::buffer;
use runner_experiment::plan::{Augmentation, Dataset};

use crate::error::LearnError;
use crate::feature_cache::{Description, FeatureCache, entry, prefix_shape};
use crate::feature_set::{FeatureSet, Store};
use crate::warm::warm_up;
use runner_data::DataError;
use runner_data::augment::{augment, view_key};
use runner_data::decode::ImageProblem;
use runner_data::interrupt::Interrupt;
use runner_data::order::in_order;
use runner_data::preprocess::{preprocess, preprocess_values};
use runner_data::scan::{ImageFile, ScannedSplit};
use runner_network::inference::{self, Inference};
use runner_network::network::Network;
use runner_network::warm;
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
            labels: split.images.iter().map(|image| image.class).collect(),
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

    /// Computes the features of the images at `missing`; decoding runs ahead.
    fn compute(
        &mut self,
        missing: &[usize],
        observe: &mut dyn FnMut(Event),
    ) -> Result<(), LearnError> {
        let (split, extractor) = (self.split, self.extractor);
        if missing.is_empty() {
            return Ok(());
        }
        if let Some((source, layers)) = extractor.source {
            return self.compute_from(source, layers, missing, observe);
        }
        let size = extractor.batch();
        let prefix = Inference::new(extractor.network, 0..extractor.prefix)?;
        let pass = warm::Pass::Values(0..extractor.prefix);
        warm_up(extractor.network, pass, size.min(missing.len()), observe)?;
        let mut batch: Vec<usize> = Vec::new();
        let room = || buffer::room(size * extractor.network.layers[0].input.elements());
        let mut values = room();
        in_order(
            missing,
            |image| extractor.load(&split.images[*image]),
            |index, loaded| {
                extractor.interrupt.check()?;
                values.extend(loaded.map_err(|problem| {
                    let path = split.images[missing[index]].path.clone();
                    DataError::bad_image(path, &problem)
                })?);
                batch.push(missing[index]);
                if batch.len() == size || index + 1 == missing.len() {
                    let values = std::mem::replace(&mut values, room());
                    self.compute_batch(&prefix, &std::mem::take(&mut batch), values)?;
                    let (done, total) = (index + 1, missing.len());
                    observe(Event::Progress { phase: Phase::Features(split.name), done, total });
                }
                Ok(())
            },
        )
    }

    /// Computes them from the features of fewer layers.
    fn compute_from(
        &mut self,
        source: &FeatureSet,
        layers: usize,
        missing: &[usize],
        observe: &mut dyn FnMut(Event),
    ) -> Result<(), LearnError> {
        let extractor = self.extractor;
        let rest = Inference::new(extractor.network, layers..extractor.prefix)?;
        for (number, batch) in missing.chunks(BATCH).enumerate() {
            extractor.interrupt.check()?;
            self.compute_batch(&rest, batch, source.gather(batch)?)?;
            let (done, total) = (number * BATCH + batch.len(), missing.len());
            observe(Event::Progress { phase: Phase::Features(self.split.name), done, total });
        }
        Ok(())
    }

    fn compute_batch(
        &mut self,
        prefix: &Inference,
        batch: &[usize],
        values: Vec<f32>,
    ) -> Result<(), LearnError> {
        let start = Instant::now();
        let mut features = inference::values(prefix.forward(values, batch.len()))?;
        entry::round(&mut features, self.extractor.dataset.feature_precision);
        if let Some(value) = features.iter().position(|feature| !feature.is_finite()) {
            let path = self.split.images[batch[value / self.length]].path.clone();
            return Err(LearnError::Features { path });
        }
        self.model_seconds += start.elapsed().as_secs_f64();
        for (index, of_image) in batch.iter().zip(features.chunks_exact(self.length)) {
            let image = &self.split.images[*index];
            let is_kept = self.cache.as_ref().is_some_and(|cache| cache.put(&image.hash, of_image));
            if !is_kept && self.values.is_empty() {
                let reason = self.cache.as_ref().and_then(FeatureCache::refused);
                let reason = reason.unwrap_or_else(|| "something else is in its place".to_owned());
                let path = image.path.clone();
                return Err(LearnError::Cache {
                    path,
                    source: format!(
                        "features of this many images do not fit into memory, and those of this \
                         one cannot be kept ({reason})"
                    )
                    .into(),
                });
            }
            self.keep(*index, of_image);
        }
        buffer::give(features);
        Ok(())
    }

    fn keep(&mut self, index: usize, features: &[f32]) {
        if !self.values.is_empty() {
            self.values[index * self.length..][..self.length].copy_from_slice(features);
        }
    }
}
