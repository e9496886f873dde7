//! Features that nobody has: decoded images, or features of fewer layers, through the frozen layers.

use std::time::Instant;

use runner_convolution::buffer;
use runner_data::DataError;
use runner_data::order::in_order_ahead;
use runner_data::scan::ImageFile;
use runner_network::inference::Inference;
use runner_record::{Event, Phase};

use super::input::{Gathered, Loaded, made_up};
use super::{BATCH, Extractor, Pass};
use crate::batch::{Input, sent};
use crate::device_images::DeviceImages;
use crate::error::LearnError;
use crate::feature_cache::{FeatureCache, entry};
use crate::feature_set::FeatureSet;
use crate::outputs::Outputs;
use crate::warm::{Passes, once};

impl Pass<'_, '_> {
    /// Computes the features of the images at `missing`; decoding runs ahead.
    pub(super) fn compute(
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
        let size = extractor.batch().min(missing.len());
        let prefix = Inference::new(extractor.network, 0..extractor.prefix)?;
        let device = extractor.on_device();
        let length = extractor.network.layers[0].input.elements();
        let mut gathered = Gathered::new(device.as_ref(), size, length);
        let mut batch: Vec<usize> = Vec::new();
        in_order_ahead(
            missing,
            gathered.ahead(missing.len()),
            |image| Loaded::read(extractor, &split.images[*image], device.is_some()),
            |index, loaded| {
                extractor.interrupt.check()?;
                let loaded = loaded.map_err(|problem| {
                    let path = split.images[missing[index]].path.clone();
                    DataError::bad_image(path, &problem)
                })?;
                // By now the others are being decoded.
                if index == 0 {
                    self.warm(&prefix, device.as_ref(), size, observe)?;
                }
                gathered.push(loaded);
                batch.push(missing[index]);
                if batch.len() == size || index + 1 == missing.len() {
                    let batch = std::mem::take(&mut batch);
                    let input = gathered.take(&batch)?;
                    self.compute_batch(&prefix, &batch, input, size)?;
                    let (done, total) = (index + 1, missing.len());
                    observe(Event::Progress { phase: Phase::Features(split.name), done, total });
                }
                Ok::<(), LearnError>(())
            },
        )?;
        self.finish()
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
        let size = BATCH.min(missing.len());
        self.warm(&rest, None, size, observe)?;
        for (number, batch) in missing.chunks(BATCH).enumerate() {
            extractor.interrupt.check()?;
            self.compute_batch(&rest, batch, Input::Host(source.gather(batch)?), size)?;
            let (done, total) = (number * BATCH + batch.len(), missing.len());
            observe(Event::Progress { phase: Phase::Features(self.split.name), done, total });
        }
        self.finish()
    }

    /// On a GPU, a batch of made-up images, or of features of fewer layers.
    fn warm(
        &self,
        layers: &Inference,
        device: Option<&DeviceImages>,
        size: usize,
        observe: &mut dyn FnMut(Event),
    ) -> Result<(), LearnError> {
        let compute = &self.extractor.network.compute;
        if compute.is_host() {
            return Ok(());
        }
        // A program that stands in for a GPU computes slowly.
        let size = if compute.hardware.is_software { 1 } else { size };
        let Extractor { network, prefix, dataset, view, .. } = self.extractor;
        let settings = view.map(|(settings, _)| settings);
        let from = (device.is_some(), layers.input(), dataset.preprocessing, settings);
        once(compute, &(&network.layers[..*prefix], size, from), || {
            Passes::start("features", 1, compute, observe)?.pass(|| {
                let input = made_up(device, (size, layers.input()), compute)?;
                let mut outputs = Outputs::new(1, compute);
                outputs.push((), layers.run(input)?)?;
                outputs.finish()?;
                Ok(())
            })
        })
    }

    /// Computes the features of a batch, on GPUs one of `size` images, and keeps those that are there.
    fn compute_batch(
        &mut self,
        prefix: &Inference,
        batch: &[usize],
        input: Input,
        size: usize,
    ) -> Result<(), LearnError> {
        let start = Instant::now();
        let (compute, count) = (&self.extractor.network.compute, batch.len());
        let flow = match input {
            Input::Device(flow) => prefix.run(*flow)?,
            Input::Host(values) if compute.is_host() => prefix.forward(values, count),
            Input::Host(values) => {
                prefix.run(sent(values, (count, size), prefix.input(), compute))?
            }
        };
        let done = self.outputs.push(batch.to_vec(), flow)?;
        self.model_seconds += start.elapsed().as_secs_f64();
        done.into_iter().try_for_each(|(batch, features)| self.keep_batch(&batch, features))
    }

    /// Waits for what a GPU still computes, and keeps it.
    fn finish(&mut self) -> Result<(), LearnError> {
        let start = Instant::now();
        let done = self.outputs.finish()?;
        self.model_seconds += start.elapsed().as_secs_f64();
        done.into_iter().try_for_each(|(batch, features)| self.keep_batch(&batch, features))
    }

    /// Keeps the features of the images at `batch`, in memory and in the cache.
    fn keep_batch(&mut self, batch: &[usize], mut features: Vec<f32>) -> Result<(), LearnError> {
        // On GPUs there may be more rows than images.
        features.truncate(batch.len() * self.length);
        entry::round(&mut features, self.extractor.dataset.feature_precision);
        if let Some(value) = features.iter().position(|feature| !feature.is_finite()) {
            let path = self.split.images[batch[value / self.length]].path.clone();
            return Err(LearnError::Features { path });
        }
        for (index, of_image) in batch.iter().zip(features.chunks_exact(self.length)) {
            let image = &self.split.images[*index];
            let is_kept = self.cache.as_ref().is_some_and(|cache| cache.put(&image.hash, of_image));
            if !is_kept && self.values.is_empty() {
                return Err(self.not_kept(image));
            }
            self.keep(*index, of_image);
        }
        buffer::give(features);
        Ok(())
    }

    /// Features that are neither in memory nor in the cache.
    fn not_kept(&self, image: &ImageFile) -> LearnError {
        let reason = self.cache.as_ref().and_then(FeatureCache::refused);
        let reason = reason.unwrap_or_else(|| "something else is in its place".to_owned());
        LearnError::Cache {
            path: image.path.clone(),
            source: format!(
                "features of this many images do not fit into memory, and those of this one cannot \
                 be kept ({reason})"
            )
            .into(),
        }
    }
}
