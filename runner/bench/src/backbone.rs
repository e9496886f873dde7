//! Steps of backbones that are published for images of 224×224.

use runner_experiment::architecture::{ArchitectureName, Top, layers};
use runner_experiment::plan::{Rule, Sgd};
use runner_network::Network;
use runner_network::device::Compute;

use crate::job::{Error, Job, LARGE_SIDE};
use crate::model::{infer, train};

fn network(name: &str) -> Result<Network, Error> {
    let name = ArchitectureName::find(name).ok_or_else(|| format!("no architecture {name}"))?;
    let layers = layers(name, [LARGE_SIDE; 2], &Top::None)?;
    Ok(Network::new(layers, Default::default(), 0, Compute::cpu()))
}

/// Any backbone on one batch, prepared as for feature extraction and evaluation.
///
/// # Errors
///
/// A name that is none.
pub fn forward(name: &str) -> Result<Job, Error> {
    infer(network(name)?)
}

/// ResNet-50 on one batch, prepared as for feature extraction and evaluation.
pub fn resnet50_forward() -> Result<Job, Error> {
    forward("resnet50")
}

/// The same of MobileNetV2.
pub fn mobilenet_v2_forward() -> Result<Job, Error> {
    forward("mobilenet_v2")
}

/// The same of EfficientNet-B0.
pub fn efficientnet_b0_forward() -> Result<Job, Error> {
    forward("efficientnet_b0")
}

/// Forward, gradients and an SGD step of ResNet-50's last stage on given maps.
pub fn resnet50_last_stage_step() -> Result<Job, Error> {
    let network = network("resnet50")?;
    let first = network.layers.iter().position(|layer| layer.name.starts_with("layer4."));
    let first = first.ok_or("ResNet-50 has four stages")?;
    Ok(train(network, first, Some(Rule::Sgd(Sgd::default()))))
}

/// The same of MobileNetV2's blocks at 7×7 and the convolution behind them.
pub fn mobilenet_v2_last_blocks_step() -> Result<Job, Error> {
    let network = network("mobilenet_v2")?;
    let first = network.layers.iter().position(|layer| layer.name.starts_with("features.15."));
    let first = first.ok_or("MobileNetV2 has nineteen features")?;
    Ok(train(network, first, Some(Rule::Sgd(Sgd::default()))))
}
