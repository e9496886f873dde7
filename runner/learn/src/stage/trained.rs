//! Which layers a stage trains, and the announcement of them.

use std::collections::BTreeSet;

use runner_experiment::plan::Stage;

use runner_network::network::Network;
use runner_record::{Event, LayerRecord};

/// Layers with parameters that a stage trains.
#[must_use]
pub fn trained(stage: &Stage, network: &Network) -> BTreeSet<usize> {
    let layers = network.layers.iter().enumerate();
    layers
        .filter(|(_, layer)| layer.has_parameters() && !stage.freezes(layer))
        .map(|(index, _)| index)
        .collect()
}

/// A stage begins.
#[must_use]
pub fn announcement(stage: &Stage, network: &Network, trained: &BTreeSet<usize>) -> Event {
    let layers = network.layers.iter().enumerate();
    Event::Stage {
        stage: stage.name.clone(),
        trainable_parameters: trained
            .iter()
            .map(|index| network.layers[*index].trainable_parameters())
            .sum(),
        layers: layers
            .map(|(index, layer)| LayerRecord {
                stage: stage.name.clone(),
                layer: layer.name.clone(),
                kind: layer.keras_name().to_owned(),
                output_shape: layer.output.to_string(),
                parameters: layer.parameters(),
                trainable: trained.contains(&index),
            })
            .collect(),
    }
}
