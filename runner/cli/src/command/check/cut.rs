//! Where features of a network can be cached.

use runner_experiment::architecture::{Layer, cuts};

use crate::text::thousands;

/// Where features can be cached: the last cut of each block, where not every layer is one.
pub(super) fn text(layers: &[Layer]) -> Option<String> {
    let base = layers.iter().take_while(|layer| layer.base).count();
    let cuts: Vec<&Layer> = (1..=base)
        .filter(|position| cuts::is_cut(layers, *position))
        .map(|position| &layers[position - 1])
        .collect();
    if cuts.len() == base {
        return None;
    }
    let last =
        |index: usize| cuts.get(index + 1).is_none_or(|next| next.block != cuts[index].block);
    let ends = (0..cuts.len()).filter(|index| last(*index)).map(|index| {
        format!("{} ({} values)", cuts[index].name, thousands(cuts[index].output.elements()))
    });
    Some(format!("features can be cached behind {}\n", ends.collect::<Vec<_>>().join(", ")))
}
