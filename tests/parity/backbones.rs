//! Every architecture against Keras or torchvision: parameters, activations, outputs, with weights
//! and images that a formula gives.

use std::path::Path;

use runner_data::preprocess;
use runner_experiment::architecture::{ArchitectureName, Layer, Place, Shape, Top, layers, named};
use runner_network::device::Compute;
use runner_network::parameter::read;
use runner_network::weights::{self, Head, Source};
use runner_network::{Flow, Network};
use runner_record::Pixels;

use crate::support::fixtures::{self, Reference};
use crate::support::formula;

/// Of the largest value of a tensor.
const BOUND: f32 = 1e-4;

/// `backbone_<framework>_<name>.safetensors`, but for fine-tunings.
fn files(folder: &Path, framework: &str) -> Vec<String> {
    let entries = std::fs::read_dir(folder.join("parity")).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned());
    let start = format!("backbone_{framework}_");
    let mut names: Vec<String> =
        names.filter(|name| name.starts_with(&start) && !name.contains("finetune")).collect();
    names.sort();
    names
}

/// What an architecture of a framework is called here.
pub fn architecture(framework: &str, name: &str) -> ArchitectureName {
    let own = ArchitectureName::find(&format!("{name}_{framework}"));
    own.or_else(|| ArchitectureName::find(name)).unwrap_or_else(|| panic!("no {name}"))
}

/// A network with the weights of a reference.
pub fn network(reference: &Reference, name: ArchitectureName, layers: Vec<Layer>) -> Network {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("weights.safetensors");
    formula::write(reference, &path);
    let loaded = weights::load(&Source::from(path), (name.family(), &layers), Head::Take).unwrap();
    Network::new(layers, loaded.weights, 0, Compute::cpu())
}

/// The images of a reference, as the family wants them.
pub fn input(reference: &Reference, name: ArchitectureName, compute: &Compute) -> Flow {
    let number = |key: &str| reference.metadata[key].parse::<usize>().unwrap();
    let (images, side) = (number("images"), number("side"));
    let pixels = formula::pixels(&reference.metadata["salt"], images * side * side * 3);
    let values = pixels.chunks_exact(side * side * 3).flat_map(|rgb| {
        let pixels = Pixels { height: side, width: side, rgb: rgb.to_vec() };
        preprocess::preprocess(&pixels, name.family().preprocessing())
    });
    let shape = Shape::Map { height: side, width: side, channels: 3 };
    Flow::batch(values.collect(), images, shape, compute)
}

/// Values in the order of a reference.
fn ordered(flow: Flow, channels_last: bool) -> Vec<f32> {
    match flow {
        Flow::Map(map) if channels_last => read(map.permute([0, 2, 3, 1])).unwrap(),
        Flow::Map(map) => read(map).unwrap(),
        Flow::Vector(rows) => read(rows).unwrap(),
    }
}

/// The mean of each channel, where that is asked for.
fn pooled(flow: Flow, wanted: bool) -> Flow {
    match flow {
        Flow::Map(map) if wanted => Flow::Map(map.mean_dim(2).mean_dim(3)),
        flow => flow,
    }
}

/// The largest difference as a part of the largest value.
fn off(ours: &[f32], theirs: &[f32]) -> f32 {
    assert_eq!(ours.len(), theirs.len());
    let largest = theirs.iter().fold(0.0_f32, |most, value| most.max(value.abs()));
    let difference = ours.iter().zip(theirs).fold(0.0_f32, |most, (a, b)| most.max((a - b).abs()));
    difference / largest
}

/// What is off by more than the bound.
fn compare(folder: &Path, framework: &str, file: &str) -> Vec<String> {
    let reference = Reference::open(folder, file);
    let stem = file.trim_start_matches("backbone_").trim_end_matches(".safetensors");
    let name = architecture(framework, stem.trim_start_matches(&format!("{framework}_")));
    let side: usize = reference.metadata["side"].parse().unwrap();
    let outputs = reference.names();
    let top = match outputs.iter().any(|name| name == "logits") {
        true => Top::Imagenet,
        false => Top::None,
    };
    let layers = layers(name, [side, side], &top).unwrap();
    // torchvision counts what is trained, Keras the moving statistics as well.
    let count = if framework == "keras" { Layer::parameters } else { Layer::trainable_parameters };
    let parameters: usize = layers.iter().map(count).sum();
    assert_eq!(parameters.to_string(), reference.metadata["parameters"], "{file}");
    check_order(&reference, name, &layers);
    let network = network(&reference, name, layers);
    let (last, input) = (network.layers.len() - 1, input(&reference, name, &network.compute));
    let wanted = |name: &str| match name {
        "features" | "pooled" | "logits" => network.layers[last].name.clone(),
        activation => {
            let activation = activation.trim_start_matches("activation.");
            named(&network.layers, activation).unwrap().name.clone()
        }
    };
    let (mut seen, mut wrong) = (0, Vec::new());
    network.watched(0..last + 1, input, &network.values(), &mut |layer, flow| {
        for output in outputs.iter().filter(|output| wanted(output) == layer.name) {
            let flow = pooled(flow.clone(), output == "pooled");
            let ours = ordered(flow, reference.metadata["layout"] == "NHWC");
            let off = off(&ours, &reference.floats(output));
            println!("{file}: {output} off by {off:e}");
            if off > BOUND {
                wrong.push(format!("{file}: {output} is off by {off:e} of the largest"));
            }
            seen += 1;
        }
    });
    assert_eq!(seen, outputs.len(), "{file}");
    wrong
}

/// Files of Keras 3 count convolutions in the order of the model, in which the reference lists its
/// tensors.
fn check_order(reference: &Reference, name: ArchitectureName, layers: &[Layer]) {
    let family = name.family();
    if !family.is_keras() {
        return;
    }
    let given = formula::tensors(reference);
    let listed = given.iter().filter_map(|given| given.0.strip_suffix("/kernel"));
    let plain = |name: &&str| {
        let layer = layers.iter().find(|layer| layer.name == **name);
        layer.is_some_and(|layer| layer.is_convolution() && layer.keras_name() == "Conv2D")
    };
    for (index, listed) in listed.filter(plain).enumerate() {
        let found = family.layer(layers, &Place::Class("conv2d", index));
        assert_eq!(found.map(|layer| layer.name.as_str()), Some(listed), "{name}, {index}");
    }
}

fn compare_all(framework: &str) {
    let Some(folder) = fixtures::folder(&format!("backbones of {framework}")) else { return };
    let files = files(&folder, framework);
    assert!(!files.is_empty());
    let wrong: Vec<String> =
        files.iter().flat_map(|file| compare(&folder, framework, file)).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn parity_backbones_of_keras() {
    compare_all("keras");
}

#[test]
fn parity_backbones_of_torchvision() {
    compare_all("torch");
}

/// torchvision's, of formula weights; kept here for they are small.
#[test]
fn vgg_with_batch_norms_is_torchvisions() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests");
    let files = files(&folder, "torch");
    assert_eq!(files.len(), 2);
    let wrong: Vec<String> =
        files.iter().flat_map(|file| compare(&folder, "torch", file)).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
