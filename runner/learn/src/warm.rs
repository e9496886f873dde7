//! On a GPU, kernels compiled before the first batch, where that can be seen to happen.

use runner_network::network::Network;
use runner_network::warm::{Pass, warm};
use runner_record::{Event, Phase};

use crate::error::LearnError;

/// Runs a pass over some made-up images; nothing on the CPU.
pub(crate) fn warm_up(
    network: &Network,
    pass: Pass,
    images: usize,
    observe: &mut dyn FnMut(Event),
) -> Result<(), LearnError> {
    warm(network, &[(pass, images)], &mut |warming| {
        let [done, total] = warming.passes;
        observe(Event::Progress { phase: Phase::Kernels, done, total });
    })?;
    Ok(())
}
