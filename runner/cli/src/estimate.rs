//! What a plan will take: disk for cached features, memory for training.

use runner_experiment::Checked;
use runner_experiment::architecture::Layer;
use runner_experiment::plan::Stage;
use runner_experiment::section::dataset::FeaturePrecision;

/// Bytes of a 32-bit float.
const FLOAT: usize = 4;
/// What a transformed filter takes in place of its nine values: between 25 and 64.
const TRANSFORMED: usize = 45;
/// What the program and its libraries take before any image: measured, rounded up.
const BASE: usize = 150 << 20;

/// Bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Estimate {
    /// Features of all splits in the cache.
    pub disk: u64,
    /// Largest memory.
    pub memory: u64,
}

/// An estimate for one stage.
pub fn stage(checked: &Checked, stage: &Stage) -> Estimate {
    let layers = &checked.layers;
    let prefix = stage.frozen_prefix(layers);
    let all: usize = checked.splits.iter().map(|split| split.images.len()).sum();
    let features = layers[..prefix].last().map_or(0, |layer| layer.output.elements());
    let resident = all * features * FLOAT;
    let disk = match checked.plan.dataset.as_ref().map(|dataset| dataset.feature_precision) {
        Some(FeaturePrecision::F16) => resident / 2,
        _ => resident,
    };
    let parameters: usize = layers.iter().map(Layer::parameters).sum();
    let trained: usize =
        layers.iter().filter(|layer| !stage.freezes(layer)).map(Layer::parameters).sum();
    // Value, gradient, and what the optimizer remembers.
    let per_trained = 1 + stage.optimizer.rule.slots().len();
    let images = stage.batch_size.min(checked.splits.first().map_or(1, |split| split.images.len()));
    let training = images * activations(&layers[prefix..]) * 3;
    // Each thread works on an image of its own: what goes into a layer and what comes out.
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let frozen: usize = layers[..prefix].iter().map(Layer::parameters).sum();
    let extracting = frozen * TRANSFORMED / 9 + 2 * threads * widest(&layers[..prefix]);
    let floats = parameters + trained * per_trained + training.max(extracting);
    Estimate { disk: disk as u64, memory: (BASE + resident + floats * FLOAT) as u64 }
}

fn activations(layers: &[Layer]) -> usize {
    layers.iter().map(|layer| layer.output.elements()).sum()
}

fn widest(layers: &[Layer]) -> usize {
    layers.iter().map(|layer| layer.output.elements()).max().unwrap_or(0)
}
