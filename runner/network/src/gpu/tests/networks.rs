//! Whole networks of small images.

use runner_experiment::architecture::{ArchitectureName, Shape, Top, layers};

use super::{assert_near, generated, gpu, numbers};
use crate::device::Compute;
use crate::inference::{self, Inference};

fn features(name: ArchitectureName, side: usize, compute: &Compute) -> Vec<f32> {
    let layers = layers(name, [side, side], &Top::None).expect("the images are large enough");
    let network = generated(layers, compute);
    let all = 0..network.layers.len();
    let prepared = Inference::new(&network, all).expect("a network of layers");
    let shape = Shape::Map { height: side, width: side, channels: 3 };
    let out = prepared.forward(numbers(2 * shape.elements(), 5), 2);
    inference::values(out).expect("the device lost values")
}

#[test]
fn give_the_cpus_features() {
    let Some(gpu) = gpu() else { return };
    for name in ["vgg16", "resnet50", "mobilenetv2", "densenet121"] {
        let name = ArchitectureName::find(name).expect("an architecture of this name");
        let expected = features(name, 32, &Compute::cpu());
        // Deep: the differences of fifty layers add up.
        assert_near(&expected, &features(name, 32, &gpu), 1e-4, &format!("{name:?}"));
    }
}
