//! The gradient of the loss by some of the parameters.

use burn::tensor::{Tensor, TensorData};

use crate::error::LearnError;
use crate::loss::{Outcome, Target, outcome};
use runner_network::network::{Dropping, Flow, Network};
use runner_network::parameter::read;

/// Loss of a batch and its gradient by the parameters at `indices`, each flat.
///
/// The loss is the mean over the batch. Autodiff starts at the leaves and ends at the logits: the
/// derivative of the loss by these is known, so that the network is differentiated through the
/// product of the two.
///
/// # Errors
///
/// [`LearnError::Compute`] where the device lost a tensor.
pub fn gradients(
    network: &Network,
    prefix: usize,
    input: Flow,
    targets: &[Target],
    dropping: Option<Dropping<'_>>,
    indices: &[usize],
) -> Result<(Vec<Outcome>, Vec<Tensor<1>>), LearnError> {
    let mut values = network.values();
    for at in indices {
        values[*at] = values[*at].clone().autodiff().require_grad();
    }
    let last = network.layers.len();
    let logits = network.forward(prefix..last, input, &values, dropping).rows();
    let [images, classes] = logits.dims();
    let rows = read(logits.clone().inner())?;
    let outcomes: Vec<Outcome> =
        rows.chunks_exact(classes).zip(targets).map(|(row, target)| outcome(row, target)).collect();
    #[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss)]
    let slope: Vec<f32> = outcomes
        .iter()
        .flat_map(|outcome| &outcome.gradient)
        .map(|slope| (slope / images as f64) as f32)
        .collect();
    let slope =
        Tensor::<2>::from_data(TensorData::new(slope, [images, classes]), &network.compute.device);
    let mut graph = (logits * slope).sum().backward();
    indices
        .iter()
        .map(|at| {
            values[*at]
                .grad_remove(&mut graph)
                .ok_or_else(|| LearnError::bug(format!("no gradient for parameter {at}")))
        })
        .collect::<Result<_, _>>()
        .map(|gradients| (outcomes, gradients))
}
