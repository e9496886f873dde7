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

/// Keras's ResNet-50, whose stages have their stride in the first 1×1: 6 % fewer products.
pub fn resnet50_keras_forward() -> Result<Job, Error> {
    forward("resnet50_keras")
}

/// Forward, gradients and an SGD step of the layers from the first on whose name begins like this, on given
/// maps.
fn last(name: &str, first: &str) -> Result<Job, Error> {
    let network = network(name)?;
    let start = network.layers.iter().position(|layer| layer.name.starts_with(first));
    let start = start.ok_or_else(|| format!("{name} has no {first}"))?;
    Ok(train(network, start, Some(Rule::Sgd(Sgd::default()))))
}

/// Forward, gradients and an SGD step of ResNet-50's last stage on given maps.
pub fn resnet50_last_stage_step() -> Result<Job, Error> {
    last("resnet50", "layer4.")
}

/// The same of Keras's.
pub fn resnet50_keras_last_stage_step() -> Result<Job, Error> {
    last("resnet50_keras", "conv5_block1")
}

/// The same of MobileNetV2's blocks at 7×7 and the convolution behind them.
pub fn mobilenet_v2_last_blocks_step() -> Result<Job, Error> {
    last("mobilenet_v2", "features.15.")
}
