//! What comes out of every pooling layer, with both kinds of preprocessing.

use runner_data::preprocess;
use runner_experiment::architecture::family::Vgg;
use runner_experiment::architecture::{
    Activation, ArchitectureName, Builder, Family, Op, Role, Top, layers,
};
use runner_experiment::section::dataset::Preprocessing;
use runner_network::device::Compute;
use runner_network::parameter::read;
use runner_network::weights::{self, LayerWeights, Weights};
use runner_network::{Flow, Network};

use crate::support::fixtures::{self, Reference};

/// The conv base with the pretrained weights.
pub fn base(folder: &std::path::Path, size: [usize; 2]) -> Network {
    let layers = layers(ArchitectureName::default(), size, &Top::None).unwrap();
    Network::new(layers, pretrained(folder, size), 0, Compute::cpu())
}

/// The pretrained weights of the conv base.
pub fn pretrained(folder: &std::path::Path, size: [usize; 2]) -> Weights {
    let layers = layers(ArchitectureName::default(), size, &Top::None).unwrap();
    let source = fixtures::weights(folder).into();
    weights::load(&source, (&Vgg, &layers), weights::Head::Leave).unwrap().weights
}

/// VGG16 with a flattened head of one hidden layer and one sigmoid unit, whose parameters are those
/// of a reference below a prefix.
pub fn with_head(
    folder: &std::path::Path,
    size: [usize; 2],
    (reference, prefix): (&Reference, &str),
) -> Network {
    let mut net = Builder::new(size);
    Vgg.base("vgg16", &mut net);
    net.end_base();
    net.push("flatten", Op::Flatten);
    let [input, hidden] = reference.shape(&format!("{prefix}hidden.kernel"))[..] else {
        panic!("not a kernel")
    };
    assert_eq!(net.shape(net.current()).elements(), input);
    net.dense("hidden", hidden, Activation::Relu);
    net.dense("output", 1, Activation::Sigmoid);
    let mut weights = pretrained(folder, size);
    weights.extend(head_weights(reference, prefix));
    Network::new(net.finish().unwrap(), weights, 0, Compute::cpu())
}

/// The parameters of that head.
pub fn head_weights(reference: &Reference, prefix: &str) -> Weights {
    let of = |layer: &str| {
        let values = |part| reference.floats(&format!("{prefix}{layer}.{part}"));
        let roles = [(Role::Kernel, values("kernel")), (Role::Bias, values("bias"))];
        (layer.to_owned(), LayerWeights::from(roles))
    };
    Weights::from([of("hidden"), of("output")])
}

#[test]
fn parity_activations_of_every_pool_within_1e_4() {
    let Some(folder) = fixtures::folder("activations") else {
        return;
    };
    let reference = Reference::open(&folder, "activations.safetensors");
    let [images, height, width, _] = reference.shape("images")[..] else { panic!("not images") };
    let network = base(&folder, [height, width]);
    let mut compared = 0;
    for (suffix, how) in [("", Preprocessing::Rescale), ("_caffe", Preprocessing::Caffe)] {
        let mut input = Vec::new();
        for rgb in reference.bytes("images").chunks_exact(height * width * 3) {
            let pixels = runner_record::Pixels { height, width, rgb: rgb.to_vec() };
            input.extend(preprocess::preprocess(&pixels, how));
        }
        let shape = runner_experiment::architecture::Shape::Map { height, width, channels: 3 };
        let flow = Flow::batch(input, images, shape, &network.compute);
        let all = 0..network.layers.len();
        network.watched(all, flow, &network.values(), &mut |layer, flow| {
            let name = format!("{}{suffix}", layer.name);
            if let (true, Flow::Map(map)) = (reference.names().contains(&name), flow) {
                let error = relative_error(map.clone(), &reference, &name);
                assert!(error < 1e-4, "{name} is off by {error:e} of the largest value");
                compared += 1;
            }
        });
    }
    assert_eq!(compared, reference.names().iter().filter(|n| n.contains("_pool")).count());
}

/// Largest difference over largest value; the reference holds the first images, NHWC.
fn relative_error(map: burn::tensor::Tensor<4>, reference: &Reference, name: &str) -> f32 {
    let images = reference.shape(name)[0];
    let ours = read(map.permute([0, 2, 3, 1])).unwrap();
    let theirs = reference.floats(name);
    assert!(images > 0 && ours.len() >= theirs.len());
    let largest = theirs.iter().fold(0.0_f32, |m, v| m.max(v.abs()));
    let worst = ours.iter().zip(&theirs).fold(0.0_f32, |m, (a, b)| m.max((a - b).abs()));
    worst / largest
}
