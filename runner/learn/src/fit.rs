//! Whether a checkpoint's tensors are those of a run of these stages on this network.

use std::collections::BTreeSet;

use runner_experiment::optimizer::Slot;
use runner_experiment::plan::Stage;

use crate::checkpoint::Checkpoint;
use crate::stage::trained;
use runner_network::network::Network;

/// Nothing of a checkpoint is put in place before all of it was looked at. `keeps` are the
/// parameters that are kept of the epoch with the lowest validation loss.
///
/// # Errors
///
/// In words, the first that is missing or of another size.
pub fn check(
    found: &Checkpoint,
    stages: &[Stage],
    keeps: &BTreeSet<usize>,
    network: &Network,
) -> Result<(), String> {
    let index = found.state.stage;
    let Some(stage) = stages.get(index) else {
        return Err(format!("it is of stage {} of {}", index + 1, stages.len()));
    };
    let fit = Fit { network, trained: network.indices(&trained(stage, network)) };
    fit.parameters(found, stages)?;
    fit.optimizer(found, stage)?;
    fit.of_stage(found, stage)?;
    let none = BTreeSet::new();
    let kept = if found.state.lowest.is_some() { keeps } else { &none };
    match found.lowest.keys().eq(kept) {
        true => Ok(()),
        false => Err("parameters of the epoch with the lowest loss are missing".to_owned()),
    }
}

struct Fit<'a> {
    network: &'a Network,
    /// Indices of the parameters that the stage trains.
    trained: Vec<usize>,
}

impl Fit<'_> {
    /// How many values a parameter has.
    fn length(&self, index: usize) -> usize {
        self.network.parameters.get(index).map_or(0, |p| p.shape.iter().product())
    }

    /// Whether there is one list for each parameter of the stage, as long as it.
    fn fits(&self, lists: &[Vec<f32>]) -> bool {
        let mut pairs = lists.iter().zip(&self.trained);
        lists.len() == self.trained.len()
            && pairs.all(|(list, index)| list.len() == self.length(*index))
    }

    /// Those of every stage until now, and no others.
    fn parameters(&self, found: &Checkpoint, stages: &[Stage]) -> Result<(), String> {
        let network = self.network;
        let of = |stage: &Stage| network.indices(&trained(stage, network));
        let until_now: BTreeSet<usize> = stages[..=found.state.stage].iter().flat_map(of).collect();
        if !found.parameters.keys().eq(&until_now) {
            return Err("it has the parameters of other layers".to_owned());
        }
        let wrong = |(index, values): &(&usize, &Vec<f32>)| values.len() != self.length(**index);
        match found.parameters.iter().chain(&found.lowest).find(wrong) {
            Some((index, _)) => {
                let name = network.parameters.get(*index).map_or("a parameter", |p| &p.name);
                Err(format!("`{name}` is of another size"))
            }
            None => Ok(()),
        }
    }

    fn optimizer(&self, found: &Checkpoint, stage: &Stage) -> Result<(), String> {
        // What is remembered is there from the first step on. Other lists are empty, or full of
        // zeros where an earlier version wrote them.
        let rule = stage.optimizer.rule;
        let remembered = if found.state.optimizer_steps > 0 { rule.slots() } else { Vec::new() };
        let fits = |(lists, index): (&[Vec<f32>; 2], &usize)| {
            [Slot::First, Slot::Second].iter().zip(lists).all(|(slot, values)| match values.len() {
                0 => !remembered.contains(slot),
                length => length == self.length(*index),
            })
        };
        let slots = &found.slots;
        match slots.len() == self.trained.len() && slots.iter().zip(&self.trained).all(fits) {
            true => Ok(()),
            false => Err("the optimizer's memory is missing or short".to_owned()),
        }
    }

    /// What early stopping and the moving average remember.
    fn of_stage(&self, found: &Checkpoint, stage: &Stage) -> Result<(), String> {
        if stage.ema.is_some() && !self.fits(&found.average) {
            return Err("the moving average is missing or short".to_owned());
        }
        let keeps = stage.early_stopping.is_some_and(|rule| rule.restore_best);
        let none = found.best.is_empty() && !(keeps && found.state.position.epochs > 0);
        if !none && !self.fits(&found.best) {
            return Err("the parameters of the best epoch are missing or short".to_owned());
        }
        Ok(())
    }
}
