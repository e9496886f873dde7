//! What the network says about a split: losses, accuracies, predictions.

use crate::error::LearnError;
use crate::loss::{Outcome, cross_entropy};
use crate::outputs::{Arrived, Outputs};
use crate::samples::{Draws, Pass, Samples};
use runner_data::interrupt::Interrupt;
use runner_network::inference::Inference;
use runner_network::network::Network;
use runner_record::{Event, Phase, Prediction};

/// Images per forward pass.
pub(crate) const BATCH: usize = 32;

/// Batches whose logits are read at once from a GPU.
const READ: usize = 16;

/// Mean loss and accuracy of a split.
///
/// # Errors
///
/// [`LearnError::Interrupted`], and errors from reading features.
pub fn score(
    network: &Network,
    prefix: usize,
    samples: &Samples,
    interrupt: &Interrupt,
) -> Result<(f64, f64), LearnError> {
    let outcomes = outcomes(network, prefix, samples, interrupt, &mut |_| {})?;
    Ok(summary(&outcomes))
}

/// Mean loss, accuracy and every prediction of a split.
///
/// # Errors
///
/// As [`score`].
pub fn evaluate(
    network: &Network,
    prefix: usize,
    samples: &Samples,
    interrupt: &Interrupt,
    observe: &mut dyn FnMut(Event),
) -> Result<(f64, f64), LearnError> {
    let outcomes = outcomes(network, prefix, samples, interrupt, observe)?;
    let (loss, accuracy) = summary(&outcomes);
    let predictions = outcomes
        .into_iter()
        .enumerate()
        .map(|(index, outcome)| Prediction {
            path: samples.paths()[index].clone(),
            label: samples.labels()[index],
            predicted: outcome.predicted,
            loss: outcome.loss,
            logits: outcome.logits,
            probabilities: outcome.probabilities,
        })
        .collect();
    observe(Event::Evaluated { split: samples.split(), loss, accuracy, predictions });
    Ok((loss, accuracy))
}

/// The outcome of every image of a split, dropout inactive, in order.
fn outcomes(
    network: &Network,
    prefix: usize,
    samples: &Samples,
    interrupt: &Interrupt,
    observe: &mut dyn FnMut(Event),
) -> Result<Vec<Outcome>, LearnError> {
    let suffix = Inference::new(network, prefix..network.layers.len())?;
    let all: Vec<usize> = (0..samples.len()).collect();
    let mut outcomes = Vec::with_capacity(all.len());
    let mut take = |batches: Arrived<(Vec<usize>, usize)>| {
        for ((batch, rows), logits) in batches {
            let classes = logits.len() / rows.max(1);
            // On GPUs there may be more rows than images.
            for (row, index) in logits.chunks_exact(classes.max(1)).zip(&batch) {
                outcomes.push(cross_entropy(row, samples.labels()[*index]));
            }
            let phase = Phase::Evaluate(samples.split());
            observe(Event::Progress { phase, done: outcomes.len(), total: all.len() });
        }
    };
    let mut outputs = Outputs::new(READ, &network.compute);
    // Only training images are augmented.
    let (draws, compute) = (Draws::none(), &network.compute);
    let pass = Pass { size: BATCH, draws, full: true, compute };
    samples.batches(&all, pass, &mut |batch| {
        interrupt.check()?;
        let rows = batch.samples.len();
        let of = (batch.samples[..batch.images].to_vec(), rows);
        take(outputs.push(of, batch.input.through(&suffix, rows)?)?);
        Ok(())
    })?;
    take(outputs.finish()?);
    Ok(outcomes)
}

fn summary(outcomes: &[Outcome]) -> (f64, f64) {
    let images = outcomes.len().max(1) as f64;
    let loss = outcomes.iter().map(|outcome| outcome.loss).sum::<f64>() / images;
    let correct = outcomes.iter().filter(|outcome| outcome.correct).count();
    (loss, correct as f64 / images)
}
