//! Where an earlier process left a run, put back in place.

use std::collections::BTreeSet;

use runner_experiment::plan::Stage;
use runner_experiment::section::run::CheckpointPolicy;
use runner_network::network::Network;
use runner_network::parameter::tensor;
use runner_record::Event;

use super::Request;
use crate::checkpoint::{self, Checkpoint, Entry};
use crate::error::LearnError;
use crate::fit;
use crate::keeper::Keeper;
use crate::stage::{announcement, trained};

/// Every parameter that a stage trains, where those of the best epoch are to be kept.
pub(super) fn kept(request: &Request<'_>, network: &Network) -> BTreeSet<usize> {
    let plan = &request.checked.plan;
    let stages = plan.stage.iter().filter(|_| plan.run.checkpoint == CheckpointPolicy::Best);
    stages.flat_map(|stage| network.indices(&trained(stage, network))).collect()
}

/// Puts the parameters in place that are tested and written, and says which these are.
pub(super) fn keep(network: &mut Network, keeper: &Keeper, observe: &mut dyn FnMut(Event)) {
    let mut global_epoch = keeper.last_epoch;
    if let Some((lowest, values)) = &keeper.lowest {
        global_epoch = lowest.global_epoch;
        for (at, value) in values {
            network.parameters[*at].value = value.clone();
        }
    }
    observe(Event::Kept { global_epoch });
}

/// Puts an earlier process's parameters in place, if it was about the same.
pub(super) fn resume(
    request: &Request<'_>,
    network: &mut Network,
    keeper: &mut Keeper,
    observe: &mut dyn FnMut(Event),
) -> Result<Option<Checkpoint>, LearnError> {
    let stages = &request.checked.plan.stage;
    // Other images or weights end the resume, below; they do not make a checkpoint a damaged one.
    let check = |found: &Checkpoint| match keeper.check(&found.state) {
        Ok(()) => fit::check(found, stages, &keeper.keeps, network),
        Err(_) => Ok(()),
    };
    let Some(folder) = request.checkpoints.as_deref() else { return Ok(None) };
    let Some(checkpoint) = checkpoint::newest(folder, check)? else { return Ok(None) };
    keeper.check(&checkpoint.state)?;
    observe(Event::Replay);
    for (at, values) in &checkpoint.parameters {
        if let Some(parameter) = network.parameters.get_mut(*at) {
            parameter.value = tensor(values.clone(), &request.compute.device);
        }
        keeper.trained.insert(*at);
    }
    keeper.history.clone_from(&checkpoint.state.history);
    keeper.last_epoch = checkpoint.state.last_epoch;
    keeper.lowest = checkpoint.state.lowest.map(|lowest| {
        let device = &request.compute.device;
        let own = checkpoint.lowest.iter();
        (lowest, own.map(|(at, values)| (*at, tensor(values.clone(), device))).collect())
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
    let own = history.iter().filter(|entry| entry.stage() == stage.name);
    own.inspect(|entry| observe(entry.event()))
        .filter(|entry| matches!(entry, Entry::Epoch(_)))
        .count()
}
