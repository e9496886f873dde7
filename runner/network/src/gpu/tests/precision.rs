//! Lower precisions, as far as the device has them.

use burn::tensor::DType;
use runner_experiment::architecture::{ArchitectureName, Shape, Top, layers};

use super::{assert_near, generated, gpu, numbers};
use crate::device::{Compute, Precision};
use crate::inference::{self, Inference};

fn features(compute: &Compute) -> Vec<f32> {
    let layers = layers(ArchitectureName::default(), [32, 32], &Top::None);
    let network = generated(layers.expect("the images are large enough"), compute);
    let prepared = Inference::new(&network, 0..network.layers.len()).expect("a network");
    let shape = Shape::Map { height: 32, width: 32, channels: 3 };
    let out = prepared.forward(numbers(2 * shape.elements(), 5), 2);
    inference::values(out).expect("the device lost values")
}

#[test]
#[expect(clippy::print_stdout, reason = "says why a test did less")]
fn rounded_factors_give_nearly_the_same_features() {
    let Some(gpu) = gpu() else { return };
    let expected = features(&Compute::cpu());
    for (precision, bound) in [(Precision::Tf32, 5e-3), (Precision::Bf16, 2e-2)] {
        if precision == Precision::Bf16 && !gpu.device.supports_dtype(DType::BF16) {
            println!("skipped: this device has no bf16");
            continue;
        }
        let found = features(&Compute { precision, ..gpu.clone() });
        assert_near(&expected, &found, bound, &format!("{precision:?}"));
    }
}
