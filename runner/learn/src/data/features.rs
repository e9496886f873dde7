//! The frozen prefix, computed once per image: from the cache where it is there, else decoded,
//! run without autodiff, and kept.

use std::path::PathBuf;
use std::time::Instant;

use runner_experiment::architecture::Shape;
use runner_experiment::plan::Dataset;
use runner_experiment::section::dataset::OnBadImage;

use super::decode::{self, ImageProblem};
use super::feature_cache::{Description, FeatureCache, prefix_shape};
use super::order::in_order;
use super::preprocess::preprocess;
use super::resize::resize;
use super::scan::{BadImage, ContentHash, ImageFile, ScannedSplit};
use crate::error::LearnError;
use crate::event::{Event, Phase};
use crate::interrupt::Interrupt;
use crate::model::network::{Flow, Network};
use crate::model::parameter::read;

/// Images per forward pass. An image's features do not depend on it.
const BATCH: usize = 16;

/// Features up to this many bytes per split are held in memory; larger ones are read from the
/// cache batch by batch.
const RESIDENT_BYTES: usize = 512 << 20;

/// The features of a split.
#[derive(Debug)]
pub struct FeatureSet {
    /// `train`, `validation` or `test`.
    pub split: &'static str,
    /// Of one image.
    pub shape: Shape,
    /// Class of each image.
    pub labels: Vec<usize>,
    /// File of each image.
    pub paths: Vec<PathBuf>,
    hashes: Vec<ContentHash>,
    store: Store,
}

#[derive(Debug)]
enum Store {
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

    /// The features of the images at `indices`, one after the other.
    ///
    /// # Errors
    ///
    /// [`LearnError::Cache`] where an entry was damaged or removed while the run was going on.
    pub fn gather(&self, indices: &[usize]) -> Result<Vec<f32>, LearnError> {
        let length = self.shape.elements();
        let mut values = Vec::with_capacity(indices.len() * length);
        for index in indices {
            match &self.store {
                Store::Memory(all) => values.extend_from_slice(&all[index * length..][..length]),
                Store::Disk(cache) => {
                    let own = cache
                        .get(&self.hashes[*index])
                        .ok_or_else(|| LearnError::Cache {
                            path: self.paths[*index].clone(),
                            reason: "its features are gone or damaged; run again".to_owned(),
                        })?;
                    values.extend(own);
                }
            }
        }
        Ok(values)
    }
}

/// Computes features of splits with one prefix.
pub struct Extractor<'a> {
    /// The network; its first `prefix` layers are the prefix.
    pub network: &'a Network,
    /// How many layers.
    pub prefix: usize,
    /// Size, preprocessing, and what to do about bad images.
    pub dataset: &'a Dataset,
    /// Where features are kept, and what they are; `None` keeps none.
    pub cache: Option<(&'a std::path::Path, Description)>,
    /// Looked at after every image.
    pub interrupt: &'a Interrupt,
}

/// What happened to a split.
#[derive(Debug)]
pub struct Extracted {
    /// The features of the usable images.
    pub features: FeatureSet,
    /// Images that turned out to be damaged, with `on_bad_image = "skip"`.
    pub skipped: Vec<BadImage>,
}

impl Extractor<'_> {
    /// The features of a split.
    ///
    /// # Errors
    ///
    /// [`LearnError::BadImages`] with all of them where images are damaged and the experiment says
    /// to fail; what was computed until then is in the cache.
    pub fn extract(
        &self,
        split: &ScannedSplit,
        observe: &mut dyn FnMut(Event),
    ) -> Result<Extracted, LearnError> {
        let start = Instant::now();
        let shape = prefix_shape(&self.network.layers, self.prefix, self.dataset.image_size);
        let resident = split.images.len() * shape.elements() * 4 <= RESIDENT_BYTES;
        let mut pass = Pass {
            extractor: self,
            split,
            cache: self.open_cache()?,
            values: vec![
                0.0;
                if resident {
                    split.images.len() * shape.elements()
                } else {
                    0
                }
            ],
            length: shape.elements(),
            missing: Vec::new(),
            bad: Vec::new(),
            done: 0,
            model_seconds: 0.0,
        };
        if !resident && pass.cache.is_none() {
            let reason = "these features do not fit into memory, and there is no cache".to_owned();
            return Err(LearnError::Cache {
                path: PathBuf::new(),
                reason,
            });
        }
        pass.read_cached(observe)?;
        let computed = pass.missing.len();
        pass.compute_missing(observe)?;
        observe(Event::Features {
            split: split.name,
            cached: split.images.len() - computed,
            computed: computed - pass.bad.len(),
            seconds: start.elapsed().as_secs_f64(),
            model_seconds: pass.model_seconds,
        });
        pass.finish(shape, resident)
    }

    fn open_cache(&self) -> Result<Option<FeatureCache>, LearnError> {
        let Some((root, description)) = &self.cache else {
            return Ok(None);
        };
        FeatureCache::open(root, description).map(Some)
    }

    fn load(&self, image: &ImageFile) -> Result<Vec<f32>, ImageProblem> {
        let pixels = decode::decode(&decode::read(&image.path)?)?;
        let small = resize(pixels, self.dataset.image_size)?;
        Ok(preprocess(&small, self.dataset.preprocessing))
    }

    /// The features of a batch of preprocessed images.
    fn forward(&self, values: Vec<f32>, images: usize) -> Result<Vec<f32>, LearnError> {
        let [height, width] = self.dataset.image_size;
        let shape = Shape::Map {
            height,
            width,
            channels: 3,
        };
        let input = Flow::batch(values, images, shape, &self.network.compute);
        let parameters = self.network.values();
        let output = self
            .network
            .forward(0..self.prefix, input, &parameters, None, &mut |_, _| {});
        match output {
            Flow::Map(map) => read(map),
            Flow::Vector(vector) => read(vector),
        }
    }
}

/// One split on its way.
struct Pass<'a, 'b> {
    extractor: &'a Extractor<'b>,
    split: &'a ScannedSplit,
    cache: Option<FeatureCache>,
    values: Vec<f32>,
    length: usize,
    missing: Vec<usize>,
    bad: Vec<(usize, ImageProblem)>,
    done: usize,
    model_seconds: f64,
}

impl Pass<'_, '_> {
    fn read_cached(&mut self, observe: &mut dyn FnMut(Event)) -> Result<(), LearnError> {
        let Some(cache) = self.cache.take() else {
            self.missing = (0..self.split.images.len()).collect();
            return Ok(());
        };
        let split = self.split;
        in_order(
            &split.images,
            |image| cache.get(&image.hash),
            |at, found| {
                self.extractor.interrupt.check()?;
                match found {
                    Some(features) => {
                        self.keep(at, &features);
                        self.advance(1, observe);
                    }
                    None => self.missing.push(at),
                }
                Ok::<(), LearnError>(())
            },
        )?;
        self.cache = Some(cache);
        Ok(())
    }

    fn compute_missing(&mut self, observe: &mut dyn FnMut(Event)) -> Result<(), LearnError> {
        let missing = std::mem::take(&mut self.missing);
        let (split, extractor) = (self.split, self.extractor);
        let mut batch: Vec<usize> = Vec::new();
        let mut values: Vec<f32> = Vec::new();
        let stop_on_bad = extractor.dataset.on_bad_image == OnBadImage::Fail;
        in_order(
            &missing,
            |at| extractor.load(&split.images[*at]),
            |at, loaded| {
                extractor.interrupt.check()?;
                match loaded {
                    Err(problem) => self.bad.push((missing[at], problem)),
                    // One bad image ends the run: go on decoding to name them all, but compute no more.
                    Ok(_) if stop_on_bad && !self.bad.is_empty() => {}
                    Ok(image) => {
                        batch.push(missing[at]);
                        values.extend(image);
                    }
                }
                if batch.len() == BATCH {
                    self.compute(
                        std::mem::take(&mut batch),
                        std::mem::take(&mut values),
                        observe,
                    )?;
                }
                Ok::<(), LearnError>(())
            },
        )?;
        if !batch.is_empty() {
            self.compute(batch, values, observe)?;
        }
        Ok(())
    }

    fn compute(
        &mut self,
        batch: Vec<usize>,
        values: Vec<f32>,
        observe: &mut dyn FnMut(Event),
    ) -> Result<(), LearnError> {
        let start = Instant::now();
        let features = self.extractor.forward(values, batch.len())?;
        self.model_seconds += start.elapsed().as_secs_f64();
        for (at, own) in batch.iter().zip(features.chunks_exact(self.length)) {
            if let Some(cache) = &self.cache {
                cache.put(&self.split.images[*at].hash, own)?;
            }
            self.keep(*at, own);
        }
        self.advance(batch.len(), observe);
        Ok(())
    }

    fn keep(&mut self, at: usize, features: &[f32]) {
        if !self.values.is_empty() {
            self.values[at * self.length..][..self.length].copy_from_slice(features);
        }
    }

    fn advance(&mut self, images: usize, observe: &mut dyn FnMut(Event)) {
        self.done += images;
        let (done, total) = (self.done, self.split.images.len());
        observe(Event::Progress {
            phase: Phase::Features(self.split.name),
            done,
            total,
        });
    }

    /// Leaves out what turned out to be damaged.
    fn finish(mut self, shape: Shape, resident: bool) -> Result<Extracted, LearnError> {
        let skipped: Vec<BadImage> = self
            .bad
            .iter()
            .map(|(at, problem)| BadImage {
                path: self.split.images[*at].path.clone(),
                problem: problem.clone(),
            })
            .collect();
        if !skipped.is_empty() && self.extractor.dataset.on_bad_image == OnBadImage::Fail {
            return Err(LearnError::BadImages(skipped));
        }
        for (at, _) in self.bad.iter().rev().filter(|_| resident) {
            self.values.drain(at * self.length..(at + 1) * self.length);
        }
        let usable = |at: &usize| !self.bad.iter().any(|(bad, _)| bad == at);
        let images: Vec<&ImageFile> = (0..self.split.images.len())
            .filter(usable)
            .map(|at| &self.split.images[at])
            .collect();
        let features = FeatureSet {
            split: self.split.name,
            shape,
            labels: images.iter().map(|image| image.class).collect(),
            paths: images.iter().map(|image| image.path.clone()).collect(),
            hashes: images.iter().map(|image| image.hash).collect(),
            store: match (resident, self.cache) {
                (false, Some(cache)) => Store::Disk(cache),
                _ => Store::Memory(self.values),
            },
        };
        Ok(Extracted { features, skipped })
    }
}
