//! Batch normalizations in another form than the network has them.
//!
//! Exporters make those of a model that only runs part of the convolutions before them: a kernel and
//! a bias are left. And a file may scale where a network does not (Keras's `scale=False`).

use std::collections::BTreeMap;

use runner_experiment::architecture::{Layer, LayerId, Op, Role};

use super::entry::Entry;
use super::error::WeightsError;
use super::tensors::LayerWeights;

/// Tensors for which layers have no parameter, and what they mean.
#[derive(Debug, Default)]
pub(super) struct Norms<'a> {
    /// Biases of convolutions that have none, by the name of the convolution.
    biases: BTreeMap<&'a str, &'a Entry>,
    /// By normalization, the bias of the convolution that it is part of.
    folded: BTreeMap<&'a str, &'a Entry>,
    /// Scales of normalizations that have none.
    scales: Vec<&'a Entry>,
}

impl<'a> Norms<'a> {
    /// Whether a tensor is one that is looked at here.
    pub(super) fn take(&mut self, entry: &'a Entry, layer: &'a Layer, role: Option<Role>) -> bool {
        let per_channel = entry.shape == [layer.output.channels()];
        match (role, layer.op) {
            (Some(Role::Bias), Op::Convolution(_)) if per_channel => {
                self.biases.insert(&layer.name, entry).is_none()
            }
            (Some(Role::Gamma), Op::BatchNorm { .. }) if per_channel => {
                self.scales.push(entry);
                true
            }
            _ => false,
        }
    }

    /// Gives the biases to the normalizations behind, where the file has none of these; the names of
    /// the others.
    pub(super) fn fold(&mut self, layers: &'a [Layer], has_norms: bool) -> Vec<String> {
        let biases = std::mem::take(&mut self.biases);
        let (mut folded, mut others) = (BTreeMap::new(), Vec::new());
        for (name, entry) in biases {
            let convolution = layers.iter().position(|layer| layer.name == name);
            let value = convolution.map(LayerId::of);
            let norm = layers
                .iter()
                .find(|layer| layer.is_batch_norm() && layer.inputs.iter().copied().eq(value));
            match norm.filter(|_| !has_norms) {
                Some(norm) => drop(folded.insert(norm.name.as_str(), entry)),
                None => others.push(entry.name.clone()),
            }
        }
        self.folded = folded;
        others
    }

    /// Whether a normalization is part of a convolution of the file.
    pub(super) fn is_folded(&self, layer: &Layer) -> bool {
        self.folded.contains_key(layer.name.as_str())
    }

    /// What the user should know.
    pub(super) fn note(&self) -> Option<String> {
        (!self.folded.is_empty()).then(|| {
            "its batch normalizations are part of the convolutions: the statistics that \
             `batch_norm = \"train\"` starts from are not in the file"
                .to_owned()
        })
    }

    /// The parameters of a normalization that adds the bias and does nothing else.
    pub(super) fn values(
        &self,
        layer: &Layer,
        read: &dyn Fn(&Entry) -> Result<Vec<f32>, WeightsError>,
    ) -> Result<Option<LayerWeights>, WeightsError> {
        let (Some(entry), Op::BatchNorm { epsilon, .. }) =
            (self.folded.get(layer.name.as_str()), layer.op)
        else {
            return Ok(None);
        };
        let bias = read(entry)?;
        let all = |value: f64| vec![value as f32; bias.len()];
        let values = layer.specs().into_iter().map(|spec| {
            let values = match spec.role {
                Role::Beta => bias.clone(),
                Role::MovingMean => all(0.0),
                // One, once epsilon is added.
                Role::MovingVariance => all(1.0 - epsilon),
                _ => all(1.0),
            };
            (spec.role, values)
        });
        Ok(Some(values.collect()))
    }

    /// The first scale that does something, where there is one.
    pub(super) fn scale(
        &self,
        read: &dyn Fn(&Entry) -> Result<Vec<f32>, WeightsError>,
    ) -> Result<Option<&'a Entry>, WeightsError> {
        for entry in &self.scales {
            if read(entry)?.iter().any(|value| *value != 1.0) {
                return Ok(Some(entry));
            }
        }
        Ok(None)
    }
}
