//! `[[stage]]`: which layers a stage freezes.

use crate::architecture::cuts;
use crate::architecture::layer::Layer;
use crate::section::stage::{BatchNorm, Stage};

/// Whether a stage with this list of frozen blocks and layers freezes `layer`. It never freezes a
/// head.
pub(crate) fn freezes(frozen: &[String], batch_norm: BatchNorm, layer: &Layer) -> bool {
    let in_inference = layer.base && layer.is_batch_norm() && batch_norm == BatchNorm::Frozen;
    in_inference || layer.is_named(frozen)
}

impl Stage {
    /// Whether this stage freezes `layer`.
    #[must_use]
    pub fn freezes(&self, layer: &Layer) -> bool {
        freezes(&self.frozen, self.batch_norm, layer)
    }

    /// How many leading layers of the conv base this stage does not train: the frozen prefix.
    ///
    /// It ends at a cut within the base, so that one set of features serves every head.
    #[must_use]
    pub fn frozen_prefix(&self, layers: &[Layer]) -> usize {
        cuts::longest(layers, |layer| {
            layer.base && (!layer.has_parameters() || self.freezes(layer))
        })
    }
}
