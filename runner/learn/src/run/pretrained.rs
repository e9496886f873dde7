//! The network that a run starts with: pretrained weights where there are some.

use runner_experiment::Checked;
use runner_experiment::architecture::Layer;
use runner_network::network::Network;
use runner_network::weights::{self, Head, Loaded, Matched, Source, TensorFile};
use runner_record::Event;

use super::request::Request;
use super::shared::{BaseKey, FrozenBase};
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
    if let Some(source) = request.weights.filter(|source| is_frozen(request, source)) {
        return on_frozen_base(request, source, observe);
    }
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

/// Whether nothing but the base comes from the file, and no stage trains it.
fn is_frozen(request: &Request<'_>, source: &Source) -> bool {
    let Checked { plan, layers, .. } = request.checked;
    let mut base = layers.iter().filter(|layer| layer.base);
    !plan.stage.is_empty()
        && !plan.model.include_top
        && base.all(|layer| plan.stage.iter().all(|stage| stage.freezes(layer)))
        && weights::classes(&source.path).is_none()
}

/// A new head on a base that other runs of this process may have had too.
fn on_frozen_base(
    request: &Request<'_>,
    source: &Source,
    observe: &mut dyn FnMut(Event),
) -> Result<(Network, String), LearnError> {
    let checked = request.checked;
    let about = std::fs::metadata(&source.path).ok();
    let key = BaseKey {
        source: source.clone(),
        stamp: about.and_then(|about| Some((about.modified().ok()?, about.len()))),
        architecture: checked.plan.model.architecture,
        image_size: checked.plan.dataset.as_ref().map_or([0, 0], |dataset| dataset.image_size),
        device: request.compute.described(),
    };
    let base = match request.shared.base(&key) {
        Some(base) => base,
        None => {
            let Loaded { weights, notes } = load(source, checked)?;
            let sha256 = weights::sha256(&weights);
            let layers: Vec<Layer> =
                checked.layers.iter().filter(|layer| layer.base).cloned().collect();
            let network = Network::new(layers, weights, 0, request.compute.clone());
            let base = FrozenBase { network, sha256, notes };
            request.shared.keep_base(key, base.clone());
            base
        }
    };
    observe(Event::Weights { source: source.to_string(), notes: base.notes });
    observe(Event::Model {
        weights_sha256: Some(base.sha256.clone()),
        parameters: checked.layers.iter().map(|layer| layer.parameters()).sum(),
    });
    let (layers, seed) = (checked.layers.clone(), checked.plan.experiment.seed);
    Ok((Network::on_base(layers, &base.network, seed), base.sha256))
}

/// The weights that a run of this plan takes from a file. A head comes along only where the file
/// says that it was trained on the same classes.
fn load(source: &Source, checked: &Checked) -> Result<Loaded, LearnError> {
    let file = weights::open(source)?;
    let matched = matched(&file, source, checked)?;
    Ok(matched.read()?)
}

/// What a run of this plan would take from a file; nothing but names and shapes is read.
///
/// # Errors
///
/// [`LearnError::Network`].
pub fn look(source: &Source, checked: &Checked) -> Result<Vec<String>, LearnError> {
    let file = weights::open(source)?;
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
