//! The network that a run starts with: pretrained weights where there are some.

use runner_experiment::Checked;
use runner_network::network::Network;
use runner_network::weights::{self, Head, Loaded, Matched, Source, TensorFile};
use runner_record::Event;

use super::request::Request;
use crate::error::LearnError;

/// The network with pretrained weights where there are some, and first values elsewhere; and the
/// SHA-256 of those weights, or `random`.
///
/// # Errors
///
/// [`LearnError::Network`].
pub fn network(
    request: &Request<'_>,
    observe: &mut dyn FnMut(Event),
) -> Result<(Network, String), LearnError> {
    let checked = request.checked;
    let loaded = match request.weights {
        Some(source) => Some(load(source, checked)?),
        None => None,
    };
    if let Some((source, loaded)) = request.weights.zip(loaded.as_ref()) {
        let (source, notes) = (source.to_string(), loaded.notes.clone());
        observe(Event::Weights { source, notes });
    }
    let loaded = loaded.map(|loaded| loaded.weights);
    let hash = loaded.as_ref().map(weights::sha256);
    observe(Event::Model {
        weights_sha256: hash.clone(),
        parameters: checked.layers.iter().map(|layer| layer.parameters()).sum(),
    });
    let seed = checked.plan.experiment.seed;
    let layers = checked.layers.clone();
    let network = Network::new(layers, loaded.unwrap_or_default(), seed, request.compute.clone());
    Ok((network, hash.unwrap_or_else(|| "random".to_owned())))
}

/// The weights that a run of this plan takes from a file. A head comes along only where the file
/// says that it was trained on the same classes.
fn load(source: &Source, checked: &Checked) -> Result<Loaded, LearnError> {
    let file = weights::open(&source.path)?;
    let matched = matched(&file, source, checked)?;
    Ok(matched.read()?)
}

/// What a run of this plan would take from a file; nothing but names and shapes is read.
///
/// # Errors
///
/// [`LearnError::Network`].
pub fn look(source: &Source, checked: &Checked) -> Result<Vec<String>, LearnError> {
    let file = weights::open(&source.path)?;
    Ok(matched(&file, source, checked)?.notes)
}

fn matched<'a>(
    file: &'a TensorFile,
    source: &Source,
    checked: &'a Checked,
) -> Result<Matched<'a>, LearnError> {
    let family = checked.plan.model.architecture.family();
    let classes = weights::classes(&source.path);
    let head = match &classes {
        Some(classes) if *classes == checked.classes => Head::Take,
        _ => Head::Leave,
    };
    let mut matched =
        weights::matched(file, (family, &checked.layers), source.part.as_deref(), head)?;
    if let Some(classes) = classes.filter(|_| head == Head::Leave) {
        let note = format!("its head is for other classes ({}), and left out", classes.join(", "));
        matched.notes.push(note);
    }
    Ok(matched)
}
