//! The gradient of the loss by some of the parameters.

use burn::tensor::{Tensor, TensorData};

use crate::error::LearnError;
use crate::loss::{Outcome, Target, outcome};
use runner_network::network::{Moved, Network};
use runner_network::parameter::read;
use runner_network::{Flow, Training};

/// What a batch comes to.
#[derive(Debug)]
pub struct Gradients {
    /// Of each image.
    pub outcomes: Vec<Outcome>,
    /// Of the mean loss, by each of the parameters that were asked for.
    pub gradients: Vec<Tensor<1>>,
    /// New values of parameters that no gradient reaches.
    pub moved: Moved,
}

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
    training: Option<Training<'_>>,
    indices: &[usize],
) -> Result<Gradients, LearnError> {
    let mut values = network.values();
    let is_trainable = |index: usize| network.parameters[index].role.is_trainable();
    for index in indices.iter().filter(|index| is_trainable(**index)) {
        values[*index] = values[*index].clone().autodiff().require_grad();
    }
    let behind = prefix..network.layers.len();
    let (logits, moved) = match training {
        Some(training) => network.forward_training(behind, input, &values, training),
        None => (network.forward(behind, input, &values), Vec::new()),
    };
    let logits = logits.rows();
    let [images, classes] = logits.dims();
    let rows = read(logits.clone().inner())?;
    let outcomes: Vec<Outcome> =
        rows.chunks_exact(classes).zip(targets).map(|(row, target)| outcome(row, target)).collect();
    let gradient: Vec<f32> = outcomes
        .iter()
        .flat_map(|outcome| &outcome.gradient)
        .map(|value| (value / images as f64) as f32)
        .collect();
    let gradient = Tensor::<2>::from_data(
        TensorData::new(gradient, [images, classes]),
        &network.compute.device,
    );
    let mut graph = (logits * gradient).sum().backward();
    let gradients = indices.iter().map(|index| {
        let value = &values[*index];
        match is_trainable(*index) {
            true => value
                .grad_remove(&mut graph)
                .ok_or_else(|| LearnError::bug(format!("no gradient for parameter {index}"))),
            // Optimizers see nothing to do.
            false => Ok(value.zeros_like()),
        }
    });
    Ok(Gradients { outcomes, gradients: gradients.collect::<Result<_, _>>()?, moved })
}
