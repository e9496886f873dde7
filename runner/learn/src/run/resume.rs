//! Resuming a run where an earlier process left it.

use std::collections::BTreeSet;

use runner_experiment::plan::Stage;
use runner_experiment::section::run::CheckpointPolicy;
use runner_network::network::Network;
use runner_network::parameter::tensor;
use runner_record::Event;

use super::request::Request;
use crate::checkpoint::{self, Checkpoint, CheckpointWriter, Entry};
use crate::error::LearnError;
use crate::fit;
use crate::stage::{announcement, trained};

/// Every parameter that a stage trains, where those of the best epoch are to be kept.
pub(super) fn lowest_indices(request: &Request<'_>, network: &Network) -> BTreeSet<usize> {
    let plan = &request.checked.plan;
    let stages = plan.stage.iter().filter(|_| plan.run.checkpoint == CheckpointPolicy::Best);
    stages.flat_map(|stage| network.indices(&trained(stage, network))).collect()
}

/// Puts the parameters in place that are tested and written, and says which these are.
pub(super) fn restore_lowest(
    network: &mut Network,
    writer: &CheckpointWriter,
    observe: &mut dyn FnMut(Event),
) {
    let mut global_epoch = writer.last_epoch;
    if let Some((lowest, values)) = &writer.lowest {
        global_epoch = lowest.global_epoch;
        for (index, value) in values {
            network.parameters[*index].value = value.clone();
        }
    }
    observe(Event::Kept { global_epoch });
}

/// Puts an earlier process's parameters in place, if it was about the same.
pub(super) fn resume(
    request: &Request<'_>,
    network: &mut Network,
    writer: &mut CheckpointWriter,
    observe: &mut dyn FnMut(Event),
) -> Result<Option<Checkpoint>, LearnError> {
    let stages = &request.checked.plan.stage;
    // Other images or weights end the resume, below; they do not make a checkpoint a damaged one.
    let check = |found: &Checkpoint| match writer.check(&found.state) {
        Ok(()) => fit::check(found, stages, &writer.lowest_indices, network),
        Err(_) => Ok(()),
    };
    let Some(folder) = request.checkpoints.as_deref() else { return Ok(None) };
    let Some(checkpoint) = checkpoint::newest(folder, check)? else { return Ok(None) };
    writer.check(&checkpoint.state)?;
    observe(Event::Replay);
    for (index, values) in &checkpoint.parameters {
        if let Some(parameter) = network.parameters.get_mut(*index) {
            parameter.value = tensor(values.clone(), &request.compute.device);
        }
        writer.trained.insert(*index);
    }
    writer.history.clone_from(&checkpoint.state.history);
    writer.last_epoch = checkpoint.state.last_epoch;
    writer.lowest = checkpoint.state.lowest.map(|lowest| {
        let device = &request.compute.device;
        let tensors = checkpoint.lowest.iter();
        (lowest, tensors.map(|(index, values)| (*index, tensor(values.clone(), device))).collect())
    });
    Ok(Some(checkpoint))
}

/// Says again what was said about a stage that is over; returns its epochs.
pub(super) fn replay(
    stage: &Stage,
    network: &Network,
    history: &[Entry],
    observe: &mut dyn FnMut(Event),
) -> usize {
    observe(announcement(stage, network, &trained(stage, network)));
    let entries = history.iter().filter(|entry| entry.stage() == stage.name);
    entries
        .inspect(|entry| observe(entry.event()))
        .filter(|entry| matches!(entry, Entry::Epoch(_)))
        .count()
}
