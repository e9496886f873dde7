//! What the labels of training images look like to models that were not trained on them: logistic
//! regressions on what the frozen layers make of the images, each on all folds but one.
//!
//! The network of the run itself cannot say: it has learned these labels, right or wrong. Layers that no
//! stage trained have not. Which labels are then called suspects is for whoever draws them.

use nalgebra::DMatrix;
use runner_experiment::architecture::Shape;
use runner_experiment::plan::Suspects as Job;
use runner_learn::feature_cache::Description;
use runner_learn::feature_set::FeatureSet;
use runner_learn::features::{Extractor, RESIDENT_BYTES};
use runner_random::{Key, Purpose};
use runner_record::{Event, OutOfFold};

use crate::error::ExplainError;
use crate::logistic::{Examples, out_of_fold};
use crate::progress::Progress;
use crate::scene::Scene;

/// Images whose features are read at once.
const CHUNK: usize = 256;

pub(crate) fn run(
    job: &Job,
    number: usize,
    scene: &Scene<'_>,
    observe: &mut dyn FnMut(Event),
) -> Result<(), ExplainError> {
    let features = features(scene, observe)?;
    let classes_of = features.labels.targets.iter().map(|target| target.class().unwrap_or(0));
    let labels: Vec<usize> = classes_of.collect();
    let classes = labels.iter().max().map_or(0, |last| last + 1);
    let folds = folds(&labels, classes, (job.folds, scene.seed))?;
    let values = standardised(averaged(&features)?);
    let examples = Examples { values: &values, labels: &labels, classes, folds: &folds };
    let mut progress = Progress::new(number, "suspects", job.folds);
    scene.interrupt.check()?;
    let probabilities = out_of_fold(&examples, job.folds);
    progress.add(job.folds, observe);
    let found = OutOfFold {
        split: features.split,
        images: features.paths.clone(),
        labels,
        folds,
        probabilities,
    };
    observe(Event::OutOfFold { number, found });
    Ok(())
}

/// What the layers that no stage trained make of the training images.
fn features(scene: &Scene<'_>, observe: &mut dyn FnMut(Event)) -> Result<FeatureSet, ExplainError> {
    let refused = |why: &str| ExplainError::Job(why.to_owned());
    let (dataset, prefix) = scene.frozen.ok_or_else(|| refused("there is no data set"))?;
    let split = scene.splits.iter().find(|split| split.name == "train");
    let split = split.ok_or_else(|| refused("there are no training images"))?;
    if prefix == 0 {
        return Err(refused(
            "every layer was trained on the labels of the training images, and so cannot tell which \
             of them are wrong: freeze the first layers in all stages, or look at images that were \
             held out with `split = \"test\"`",
        ));
    }
    let description = Description::new(scene.network, prefix, dataset)?;
    let extractor = Extractor {
        network: scene.network,
        prefix,
        dataset,
        cache: scene.cache.map(|root| (root, &description)),
        source: None,
        view: None,
        resident_bytes: if scene.cache.is_some() { RESIDENT_BYTES } else { usize::MAX },
        interrupt: scene.interrupt,
    };
    Ok(extractor.extract(split, observe)?)
}

/// The mean of every channel over its map: `[images, channels]`.
fn averaged(features: &FeatureSet) -> Result<DMatrix<f64>, ExplainError> {
    let (channels, places) = match features.shape {
        Shape::Map { height, width, channels } => (channels, height * width),
        Shape::Vector(length) => (length, 1),
    };
    let mut values = DMatrix::zeros(features.len(), channels);
    let all: Vec<usize> = (0..features.len()).collect();
    for chunk in all.chunks(CHUNK) {
        let read = features.gather(chunk)?;
        for (index, image) in chunk.iter().zip(read.chunks_exact(channels * places)) {
            for (channel, map) in image.chunks_exact(places).enumerate() {
                let sum: f64 = map.iter().map(|value| f64::from(*value)).sum();
                values[(*index, channel)] = sum / places as f64;
            }
        }
    }
    Ok(values)
}

/// Each column with mean 0 and deviation 1; one without variance is zero.
fn standardised(mut values: DMatrix<f64>) -> DMatrix<f64> {
    for mut column in values.column_iter_mut() {
        let mean = column.mean();
        column.add_scalar_mut(-mean);
        let deviation = (column.norm_squared() / column.len().max(1) as f64).sqrt();
        column.scale_mut(if deviation > 1e-12 { 1.0 / deviation } else { 0.0 });
    }
    values
}

/// The fold of each image, from 0: every class is spread evenly.
fn folds(
    labels: &[usize],
    classes: usize,
    (folds, seed): (usize, u64),
) -> Result<Vec<usize>, ExplainError> {
    let mut of = vec![0; labels.len()];
    for class in 0..classes {
        let images: Vec<usize> = (0..labels.len()).filter(|i| labels[*i] == class).collect();
        if images.len() < folds {
            return Err(ExplainError::Job(format!(
                "a class has {} training images, too few for {folds} folds",
                images.len()
            )));
        }
        let key = Key { sample: class as u64, ..Key::new(seed, Purpose::Fold) };
        for (place, index) in key.stream().permutation(images.len()).into_iter().enumerate() {
            of[images[index]] = place % folds;
        }
    }
    Ok(of)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fold_has_its_share_of_every_class() {
        let labels: Vec<usize> = (0..40).map(|i| usize::from(i % 4 == 0)).collect();
        let found = folds(&labels, 2, (5, 3)).unwrap_or_default();
        for fold in 0..5 {
            let of = |class| (0..40).filter(|i| labels[*i] == class && found[*i] == fold).count();
            assert_eq!([of(0), of(1)], [6, 2]);
        }
        assert_ne!(found, folds(&labels, 2, (5, 4)).unwrap_or_default());
        assert!(folds(&labels, 2, (11, 3)).is_err());
    }
}
