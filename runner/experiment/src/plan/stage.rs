//! `[[stage]]`: which layers a stage leaves alone.

use super::Stage;
use crate::architecture::Layer;

/// Whether a stage that freezes these blocks and layers leaves `layer` alone. A head is always
/// trained.
#[must_use]
pub(crate) fn freezes(frozen: &[String], layer: &Layer) -> bool {
    layer.base && frozen.iter().any(|name| *name == layer.name || *name == layer.block)
}

impl Stage {
    /// Whether this stage leaves `layer` alone.
    #[must_use]
    pub fn freezes(&self, layer: &Layer) -> bool {
        freezes(&self.frozen, layer)
    }

    /// How many leading layers of the conv base this stage does not train: the frozen prefix.
    ///
    /// It ends with the base at the latest, so that one set of features serves every head.
    #[must_use]
    pub fn frozen_prefix(&self, layers: &[Layer]) -> usize {
        layers
            .iter()
            .take_while(|layer| layer.base && (!layer.kind.has_parameters() || self.freezes(layer)))
            .count()
    }
}
