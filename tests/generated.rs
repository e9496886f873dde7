//! Whole networks with weights that a few lines of NumPy make as well, against what Keras and
//! torchvision compute with them.

use runner_data::preprocess;
use runner_experiment::architecture::family::Vgg;
use runner_experiment::architecture::{ArchitectureName, Op, Role, Top, imagenet, layers};
use runner_experiment::section::dataset::Preprocessing;
use runner_experiment::section::task::Task;
use runner_explain::filters::{Ascent, step};
use runner_learn::objective::answers;
use runner_network::device::Compute;
use runner_network::export;
use runner_network::inference::{self, Inference};
use runner_network::network::Network;
use runner_network::weights::{self, LayerWeights, Weights};
use runner_random::{Key, Purpose};

/// Uniform in [0, 1).
fn generated(count: usize, salt: u64) -> impl Iterator<Item = f64> {
    (0..count as u64).map(move |at| {
        let mut x = (at * 2_654_435_761 + salt * 40_503) % (1 << 32);
        x ^= x >> 16;
        x = x * 2_246_822_519 % (1 << 32);
        x ^= x >> 13;
        x as f64 / 4_294_967_296.0
    })
}

/// VGG16 with kernels uniform in ±√(6 / fan in), times `last` in the classifier's last layer; biases
/// uniform in ±`bias`.
fn network(side: usize, top: &Top<'_>, last: f64, bias: f64) -> Network {
    let layers = layers(ArchitectureName::default(), [side, side], top).unwrap();
    let mut weights = Weights::new();
    let with_parameters = layers.iter().filter(|layer| layer.has_parameters());
    for (salt, layer) in (0..).zip(with_parameters) {
        let out = layer.output.channels();
        let inputs = match layer.op {
            Op::Convolution(_) => 9 * layer.input.channels(),
            _ => layer.input.elements(),
        };
        let factor = if layer.name == "predictions" { last } else { 1.0 };
        let scale = 2.0 * (6.0 / inputs as f64).sqrt() * factor;
        let values = |count, salt, scale: f64| {
            generated(count, salt).map(|u| ((u - 0.5) * scale) as f32).collect()
        };
        let kernel = values(inputs * out, salt, scale);
        let bias = values(out, salt + 100, 2.0 * bias);
        let own = LayerWeights::from([(Role::Kernel, kernel), (Role::Bias, bias)]);
        weights.insert(layer.name.clone(), own);
    }
    Network::new(layers, weights, 0, Compute::cpu())
}

/// Keras 3.15 on TensorFlow 2.21, `VGG16(weights=None)` with these weights: the five most probable
/// classes of one generated photo.
const KERAS: [(usize, f64); 5] = [
    (27, 0.487_826_7),
    (110, 0.230_520_9),
    (441, 0.089_077_1),
    (131, 0.071_964_5),
    (550, 0.031_843_5),
];

#[test]
fn the_imagenet_classifier_at_full_size_says_what_keras_says() {
    let network = network(224, &Top::Imagenet, 0.02, 0.0);
    let rgb = generated(224 * 224 * 3, 99).map(|u| (u * 256.0) as u8).collect();
    let pixels = runner_record::Pixels { height: 224, width: 224, rgb };
    let input = preprocess::preprocess(&pixels, Preprocessing::Caffe);
    let whole = Inference::new(&network, 0..network.layers.len()).unwrap();
    let logits = inference::values(whole.forward(input, 1)).unwrap();
    let probabilities = answers(Task::Classification, &logits);
    let mut order: Vec<usize> = (0..1000).collect();
    order.sort_by(|a, b| probabilities[*b].total_cmp(&probabilities[*a]));
    for (at, (class, probability)) in KERAS.into_iter().enumerate() {
        let own = probabilities[class];
        assert_eq!(order[at], class, "{}", imagenet::classes()[order[at]]);
        assert!((own - probability).abs() < 1e-4, "{own} and {probability}");
    }
}

/// torchvision 0.29's `vgg16().features`: the numbers of its convolutions, with their channels.
const FEATURES: [(usize, [usize; 2]); 13] = [
    (0, [64, 3]),
    (2, [64, 64]),
    (5, [128, 64]),
    (7, [128, 128]),
    (10, [256, 128]),
    (12, [256, 256]),
    (14, [256, 256]),
    (17, [512, 256]),
    (19, [512, 512]),
    (21, [512, 512]),
    (24, [512, 512]),
    (26, [512, 512]),
    (28, [512, 512]),
];

#[test]
fn an_exported_model_is_torchvisions_vgg16_and_comes_back() {
    let network = network(64, &Top::None, 1.0, 0.1);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    export::write(&network, &Vgg, (&serde_json::json!({}), &|_| true), &path).unwrap();
    let tensors = weights::open(&path.clone().into()).unwrap().entries;
    assert_eq!(tensors.len(), 2 * FEATURES.len());
    for (index, [out, input]) in FEATURES {
        let shape = |part: &str| {
            let name = format!("features.{index}.{part}");
            tensors.iter().find(|tensor| tensor.name == name).map(|tensor| tensor.shape.clone())
        };
        assert_eq!(shape("weight"), Some(vec![out, input, 3, 3]));
        assert_eq!(shape("bias"), Some(vec![out]));
    }
    let loaded =
        weights::load(&path.into(), (&Vgg, &network.layers), weights::Head::Leave).unwrap().weights;
    let back = Network::new(network.layers.clone(), loaded, 1, Compute::cpu());
    let input: Vec<f32> = generated(3 * 64 * 64, 99).map(|u| u as f32).collect();
    let whole = Inference::new(&back, 0..back.layers.len()).unwrap();
    let out = inference::values(whole.forward(input, 1)).unwrap();
    // What torchvision's features give, `[1, 512, 2, 2]`: sum, sum of squares, the first four.
    let sum: f64 = out.iter().map(|value| f64::from(*value)).sum();
    let square: f64 = out.iter().map(|value| f64::from(*value).powi(2)).sum();
    assert!((sum - 2423.967).abs() < 0.05, "{sum}");
    assert!((square - 6027.6626).abs() < 0.2, "{square}");
    for (own, theirs) in out.iter().zip([2.301_03, 2.750_01, 2.821_77, 1.655_57_f32]) {
        assert!((own - theirs).abs() < 1e-4, "{own} and {theirs}");
    }
}

#[test]
fn a_class_of_the_classifier_is_climbed_like_any_filter() {
    let network = network(224, &Top::Imagenet, 0.02, 0.0);
    let last = network.layers.len() - 1;
    let mut image: Vec<f32> =
        generated(3 * 224 * 224, 5).map(|u| (128.0 + 20.0 * u) as f32).collect();
    let ascent = Ascent { steps: 3, step_size: 1.0, total_variation: 0.0, jitter: 0 };
    let mut climb = || {
        let mut streams = [Key::new(0, Purpose::Picture).stream()];
        step(&network, last, &[386], &mut image, 224, ascent, &mut streams).unwrap()[0]
    };
    let scores = [climb(), climb(), climb()];
    assert!(scores[0] < scores[1] && scores[1] < scores[2], "{scores:?}");
}
