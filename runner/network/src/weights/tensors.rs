//! Weights in memory, their bytes and their hash.

use std::collections::BTreeMap;

use runner_experiment::architecture::Role;
use sha2::{Digest, Sha256};

/// The parameters of a layer in this crate's layout: convolutions `[out, in, rows, columns]`, dense
/// `[in, out]` with Keras's order of flattening.
pub type LayerWeights = BTreeMap<Role, Vec<f32>>;

/// Layer name to its weights.
pub type Weights = BTreeMap<String, LayerWeights>;

/// What was read from a file.
#[derive(Debug, Clone, PartialEq)]
pub struct Loaded {
    /// The tensors.
    pub weights: Weights,
    /// What the user should know of the choice of tensors: what was taken, and what was not.
    pub notes: Vec<String>,
}

/// The bytes of 32-bit floats in little-endian order, as files and hashes have them.
#[must_use]
pub fn le_bytes(values: &[f32]) -> &[u8] {
    const { assert!(cfg!(target_endian = "little"), "files hold little-endian floats") };
    bytemuck::cast_slice(values)
}

/// SHA-256 of the tensors themselves, layer by layer, so that one set of weights has one hash
/// whatever file it came in.
#[must_use]
pub fn sha256(weights: &Weights) -> String {
    let mut hasher = Sha256::new();
    for (layer, weights) in weights {
        hasher.update(layer.as_bytes());
        for values in weights.values() {
            hasher.update(le_bytes(values));
        }
    }
    hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}
