//! What comes out of every pooling layer, with both kinds of preprocessing.

use runner_data::preprocess;
use runner_experiment::architecture::{Top, layers};
use runner_experiment::section::dataset::Preprocessing;
use runner_experiment::section::model::ArchitectureName;
use runner_network::device::Compute;
use runner_network::network::{Flow, Network};
use runner_network::parameter::read;
use runner_network::weights;

use crate::support::fixtures::{self, Reference};

/// The conv base with the pretrained weights.
pub fn base(folder: &std::path::Path, size: [usize; 2]) -> Network {
    let layers = layers(ArchitectureName::Vgg16, size, &Top::None).unwrap();
    let source = fixtures::weights(folder).into();
    let loaded = weights::load(&source, &layers, weights::Head::Leave).unwrap().weights;
    Network::new(layers, loaded, 0, Compute::cpu())
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
