//! `[[stage]]`: which layers a stage leaves alone.

use crate::architecture::cuts;
use crate::architecture::layer::Layer;
use crate::section::stage::Stage;

/// Whether a stage that freezes these blocks and layers leaves `layer` alone. A head is always
/// trained.
pub(crate) fn freezes(frozen: &[String], layer: &Layer) -> bool {
    layer.is_named(frozen)
}

impl Stage {
    /// Whether this stage leaves `layer` alone.
    #[must_use]
    pub fn freezes(&self, layer: &Layer) -> bool {
        freezes(&self.frozen, layer)
    }

    /// How many leading layers of the conv base this stage does not train: the frozen prefix.
    ///
    /// It ends at a cut, and with the base at the latest, so that one set of features serves every head.
    #[must_use]
    pub fn frozen_prefix(&self, layers: &[Layer]) -> usize {
        cuts::longest(layers, |layer| {
            layer.base && (!layer.has_parameters() || self.freezes(layer))
        })
    }
}
