//! What the network says about a split: losses, accuracies, predictions.

use crate::error::LearnError;
use crate::loss::Outcome;
use crate::objective::Objective;
use crate::outputs::{Arrived, Outputs};
use crate::samples::{Draws, Pass, Samples};
use runner_data::interrupt::Interrupt;
use runner_experiment::listing::Target;
use runner_network::inference::Inference;
use runner_network::network::Network;
use runner_record::{Answer, Event, Phase, Prediction};

/// Images per forward pass.
pub(crate) const BATCH: usize = 32;

/// Batches whose logits are read at once from a GPU.
const READ: usize = 16;

/// What is measured: a network behind some leading layers, and what it should say.
pub type On<'a> = (&'a Network, usize, &'a Objective);

/// Mean loss and score of a split.
///
/// # Errors
///
/// [`LearnError::Interrupted`], and errors from reading features.
pub fn score(
    on: On<'_>,
    samples: &Samples,
    interrupt: &Interrupt,
) -> Result<(f64, f64), LearnError> {
    let outcomes = outcomes(on, samples, interrupt, &mut |_| {})?;
    Ok(summary(&outcomes))
}

/// Mean loss, score and every prediction of a split.
///
/// # Errors
///
/// As [`score`].
pub fn evaluate(
    on: On<'_>,
    samples: &Samples,
    interrupt: &Interrupt,
    observe: &mut dyn FnMut(Event),
) -> Result<(f64, f64), LearnError> {
    let outcomes = outcomes(on, samples, interrupt, observe)?;
    let (loss, score) = summary(&outcomes);
    let (accuracy, mae) = on.2.named(score);
    let predictions = outcomes
        .into_iter()
        .enumerate()
        .map(|(index, outcome)| Prediction {
            path: samples.paths()[index].clone(),
            answer: answer(&samples.labels().targets[index], &outcome),
            loss: outcome.loss,
            probabilities: match mae {
                Some(_) => Vec::new(),
                None => outcome.probabilities,
            },
            logits: outcome.logits,
        })
        .collect();
    observe(Event::Evaluated { split: samples.split(), loss, accuracy, mae, predictions });
    Ok((loss, score))
}

/// The outcome of every image of a split, dropout inactive, in order.
fn outcomes(
    (network, prefix, objective): On<'_>,
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
                outcomes.push(objective.outcome(row, &samples.labels().targets[*index]));
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
    let score = outcomes.iter().map(|outcome| outcome.score).sum::<f64>();
    (loss, score / images)
}

/// What an image is labelled with beside what was predicted. A label counts as predicted where it is
/// more probable than not.
fn answer(target: &Target, outcome: &Outcome) -> Answer {
    match target {
        Target::Class(label) => Answer::Class { label: *label, predicted: outcome.predicted },
        Target::Labels(labels) => Answer::Labels {
            labels: labels.clone(),
            predicted: outcome.probabilities.iter().map(|share| *share > 0.5).collect(),
        },
        Target::Values(values) => {
            Answer::Values { values: values.clone(), predicted: outcome.logits.clone() }
        }
    }
}
