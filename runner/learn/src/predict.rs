//! What a trained network says about images that nobody labelled.

use std::path::{Path, PathBuf};

use crate::batch::sent;
use crate::error::LearnError;
use crate::loss::{cross_entropy, largest};
use crate::objective::answers;
use crate::outputs::{Arrived, Outputs};
use runner_data::decode::{self, ImageProblem};
use runner_data::interrupt::Interrupt;
use runner_data::order::in_order;
use runner_data::preprocess::preprocess;
use runner_data::resize::resize;
use runner_experiment::section::task::Task;
use runner_network::Flow;
use runner_network::inference::Inference;
use runner_network::saved::Saved;
use runner_record::{BadImage, ValueRange};

/// Images per forward pass.
const BATCH: usize = 32;

/// Batches whose logits are read at once from a GPU.
const READ: usize = 16;

/// What the network says about one image.
#[derive(Debug, Clone, PartialEq)]
pub struct Predicted {
    /// The file.
    pub path: PathBuf,
    /// Index of the most probable class; with two classes the second where its probability is
    /// above 0.5.
    pub predicted: usize,
    /// What comes out of the network: one per class, in sorted order, where their softmax is the
    /// probabilities; or one per label or number.
    pub logits: Vec<f64>,
    /// One per class or label; the numbers themselves where those were learned.
    pub probabilities: Vec<f64>,
}

/// What came of some images.
#[derive(Debug, Default)]
pub struct Predictions {
    /// Of every image that can be read, in order.
    pub predicted: Vec<Predicted>,
    /// The images that cannot be read.
    pub bad: Vec<BadImage>,
    /// Images of 16 bits that come out nearly black.
    pub narrow: Vec<(PathBuf, ValueRange)>,
}

/// Predictions for every image that can be read, in order, and the images that cannot. `observe`
/// hears how many are done.
///
/// # Errors
///
/// [`LearnError::Interrupted`], or [`LearnError::Compute`].
pub fn predict(
    model: &Saved,
    files: &[PathBuf],
    interrupt: &Interrupt,
    observe: &mut dyn FnMut(usize),
) -> Result<Predictions, LearnError> {
    let compute = &model.network.compute;
    let network = Inference::new(&model.network, 0..model.network.layers.len())?;
    let mut outputs = Outputs::new(READ, compute);
    let mut all = Predictions::default();
    let (mut values, mut paths): (Vec<f32>, Vec<&Path>) = (Vec::new(), Vec::new());
    in_order(
        files,
        |path| load(model, path),
        |index, loaded| {
            interrupt.check()?;
            let path = files[index].as_path();
            match loaded {
                Ok((image, range)) => {
                    let narrow = range.filter(|range| range.is_narrow());
                    all.narrow.extend(narrow.map(|range| (path.to_path_buf(), range)));
                    values.extend(image);
                    paths.push(path);
                }
                Err(problem) => all
                    .bad
                    .push(BadImage { path: path.to_path_buf(), problem: problem.to_string() }),
            }
            if paths.len() == BATCH || (index + 1 == files.len() && !paths.is_empty()) {
                let (values, paths) = (std::mem::take(&mut values), std::mem::take(&mut paths));
                let most = BATCH.min(files.len());
                let (rows, logits) = logits(model, &network, values, (paths.len(), most))?;
                all.take(model.about.task, outputs.push((paths, rows), logits)?);
            }
            observe(index + 1);
            Ok::<(), LearnError>(())
        },
    )?;
    all.take(model.about.task, outputs.finish()?);
    Ok(all)
}

/// Logits of some images, on GPUs in a batch that is filled up to `most`; and its rows.
fn logits(
    model: &Saved,
    network: &Inference,
    values: Vec<f32>,
    (images, most): (usize, usize),
) -> Result<(usize, Flow), LearnError> {
    let compute = &model.network.compute;
    if compute.is_host() {
        return Ok((images, network.forward(values, images)));
    }
    let shape = model.network.layers[0].input;
    Ok((most, network.run(sent(values, (images, most), shape, compute))?))
}

impl Predictions {
    /// Takes in batches of logits. On GPUs there may be more rows than images.
    fn take(&mut self, task: Task, batches: Arrived<(Vec<&Path>, usize)>) {
        for ((paths, rows), logits) in batches {
            let classes = (logits.len() / rows.max(1)).max(1);
            self.predicted.extend(logits.chunks_exact(classes).zip(paths).map(|(row, path)| {
                let (logits, probabilities) = said(task, row);
                let predicted = most_probable(task, &probabilities);
                Predicted { path: path.to_path_buf(), predicted, logits, probabilities }
            }));
        }
    }
}

/// Logits and probabilities of an image; two classes have a logit each.
fn said(task: Task, row: &[f32]) -> (Vec<f64>, Vec<f64>) {
    if task == Task::Classification {
        let outcome = cross_entropy(row, 0);
        return (outcome.logits, outcome.probabilities);
    }
    (row.iter().map(|logit| f64::from(*logit)).collect(), answers(task, row))
}

/// With two classes the second where its probability is above 0.5.
fn most_probable(task: Task, answers: &[f64]) -> usize {
    match (task, answers) {
        (Task::Classification, [_, second]) => usize::from(*second > 0.5),
        _ => largest(answers),
    }
}

/// One image for the network, and of one of 16 bits the range of its values.
fn load(model: &Saved, path: &Path) -> Result<(Vec<f32>, Option<ValueRange>), ImageProblem> {
    let (pixels, range) = decode::decode_with_range(&decode::read(path)?)?;
    let pixels = resize(pixels, model.about.image_size)?;
    Ok((preprocess(&pixels, model.about.preprocessing), range))
}
