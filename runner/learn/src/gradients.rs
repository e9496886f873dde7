//! The gradient of the loss by some of the parameters.

use burn::tensor::{Tensor, TensorData};

use crate::error::LearnError;
use crate::loss::Outcome;
use crate::loss::targets::Targets;
use runner_network::network::{Moved, Network};
use runner_network::on_device::ledger::Ledger;
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

/// Some layers of a network while they are trained.
#[derive(Clone, Copy)]
pub struct Suffix<'a> {
    /// All layers.
    pub network: &'a Network,
    /// How many of them come before.
    pub prefix: usize,
    /// What training asks of them, where they are run as while training.
    pub training: Option<Training<'a>>,
    /// The parameters that the loss is differentiated by.
    pub indices: &'a [usize],
}

/// Loss of a batch and its gradient by the parameters of `suffix`, each flat.
///
/// The loss is the mean over the batch.
///
/// # Errors
///
/// [`LearnError::Compute`] where the device lost a tensor.
pub fn gradients(
    suffix: Suffix<'_>,
    input: Flow,
    targets: &Targets,
) -> Result<Gradients, LearnError> {
    let mut outcomes: Vec<Outcome> = Vec::new();
    let (gradients, moved) = suffix.differentiate(input, |logits| {
        let [images, classes] = logits.dims();
        let rows = read(logits)?;
        outcomes = targets.outcomes(&rows, classes);
        let gradient: Vec<f32> = outcomes
            .iter()
            .flat_map(|outcome| &outcome.gradient)
            .map(|value| (value / images as f64) as f32)
            .collect();
        let data = TensorData::new(gradient, [images, classes]);
        Ok(Tensor::from_data(data, &suffix.network.compute.device))
    })?;
    Ok(Gradients { outcomes, gradients, moved })
}

/// The same on a GPU, where losses and hits stay: in `ledger`. Rows of the batch behind the targets
/// do not count.
///
/// # Errors
///
/// [`LearnError::Network`] where the batch does not fit.
pub fn gradients_on_device(
    suffix: Suffix<'_>,
    input: Flow,
    targets: &Targets,
    ledger: &mut Ledger,
) -> Result<(Vec<Tensor<1>>, Moved), LearnError> {
    suffix.differentiate(input, |logits| targets.on_device(logits, ledger))
}

impl Suffix<'_> {
    /// Autodiff starts at the leaves and ends at the logits: the derivative of the loss by these is
    /// what `of_loss` gives back for them, so that the network is differentiated through the product
    /// of the two.
    fn differentiate(
        self,
        input: Flow,
        of_loss: impl FnOnce(Tensor<2>) -> Result<Tensor<2>, LearnError>,
    ) -> Result<(Vec<Tensor<1>>, Moved), LearnError> {
        let Self { network, prefix, training, indices } = self;
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
        let gradient = of_loss(logits.clone().inner())?;
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
        Ok((gradients.collect::<Result<_, _>>()?, moved))
    }
}
