//! Where a network can be cut in two: places where only one value is alive.

use super::layer::{Layer, LayerId};

/// Whether the layers from `position` on need only one value of those before it. The beginning and
/// the end are cuts.
#[must_use]
pub fn is_cut(layers: &[Layer], position: usize) -> bool {
    let Some(last) = position.checked_sub(1) else { return true };
    let alive = LayerId::of(last);
    let behind = layers[position.min(layers.len())..].iter().flat_map(|layer| &layer.inputs);
    behind.into_iter().all(|input| *input >= alive)
}

/// The last cut before which every layer `fits`.
#[must_use]
pub fn longest(layers: &[Layer], fits: impl Fn(&Layer) -> bool) -> usize {
    let most = layers.iter().take_while(|layer| fits(layer)).count();
    (0..=most).rev().find(|position| is_cut(layers, *position)).unwrap_or(0)
}
