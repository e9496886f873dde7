//! ResNet as Keras has it: the first 1×1 convolution of a bottleneck has the stride (version 1), all
//! convolutions have biases, and zeros are put around maps by layers of their own. Names are Keras's.

use super::definition::{Architecture, Classifier, Family};
use super::parts::{conv, keras_top};
use super::published::{Published, keras};
use crate::architecture::builder::Builder;
use crate::architecture::op::{Activation, Convolution, Op, Padding, Pooling};
use crate::section::dataset::Preprocessing;

/// Keras's ResNet50, ResNet101 and ResNet152.
#[derive(Debug, Clone, Copy)]
pub struct ResnetKeras;

const ARCHITECTURES: [Architecture; 3] = [
    Architecture { name: "resnet50_keras", about: "Keras's ResNet50: He et al. 2015, version 1." },
    Architecture { name: "resnet101_keras", about: "Keras's ResNet101: 33 bottlenecks." },
    Architecture { name: "resnet152_keras", about: "Keras's ResNet152: 50 bottlenecks." },
];

fn blocks(architecture: &str) -> [usize; 4] {
    match architecture {
        "resnet101_keras" => [3, 4, 23, 3],
        "resnet152_keras" => [3, 8, 36, 3],
        _ => [3, 4, 6, 3],
    }
}

const NORM: Op = Op::BatchNorm { epsilon: 1.001e-5, momentum: 0.99, scale: true };
const RELU: Op = Op::Activation(Activation::Relu);

/// With the checksums of `keras/src/applications/resnet.py`.
const PUBLISHED: [Published; 6] = [
    keras(
        ("imagenet_resnet50_keras", "resnet50_keras", false),
        "resnet/resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5",
        "4d473c1dd8becc155b73f8504c6f6626",
    ),
    keras(
        ("imagenet_resnet50_keras_top", "resnet50_keras", true),
        "resnet/resnet50_weights_tf_dim_ordering_tf_kernels.h5",
        "2cb95161c43110f7111970584f804107",
    ),
    keras(
        ("imagenet_resnet101_keras", "resnet101_keras", false),
        "resnet/resnet101_weights_tf_dim_ordering_tf_kernels_notop.h5",
        "88cf7a10940856eca736dc7b7e228a21",
    ),
    keras(
        ("imagenet_resnet101_keras_top", "resnet101_keras", true),
        "resnet/resnet101_weights_tf_dim_ordering_tf_kernels.h5",
        "f1aeb4b969a6efcfb50fad2f0c20cfc5",
    ),
    keras(
        ("imagenet_resnet152_keras", "resnet152_keras", false),
        "resnet/resnet152_weights_tf_dim_ordering_tf_kernels_notop.h5",
        "ee4c566cf9a93f14d82f913c2dc6dd0c",
    ),
    keras(
        ("imagenet_resnet152_keras_top", "resnet152_keras", true),
        "resnet/resnet152_weights_tf_dim_ordering_tf_kernels.h5",
        "100835be76be38e30d865e96f2aaae62",
    ),
];

impl Family for ResnetKeras {
    fn name(&self) -> &'static str {
        "Keras's ResNet"
    }

    fn architectures(&self) -> &'static [Architecture] {
        &ARCHITECTURES
    }

    fn base(&self, architecture: &str, net: &mut Builder) {
        net.block("conv1");
        net.push("conv1_pad", around(3));
        net.push("conv1_conv", biased(64, 7, 2));
        net.push("conv1_bn", NORM);
        net.push("conv1_relu", RELU);
        net.push("pool1_pad", around(1));
        let window = Pooling { size: [3, 3], stride: 2, padding: Padding::Valid };
        net.push("pool1_pool", Op::MaxPool(window));
        for (index, count) in blocks(architecture).into_iter().enumerate() {
            let stage = format!("conv{}", index + 2);
            net.stage(&stage);
            for number in 1..=count {
                let name = format!("{stage}_block{number}");
                net.block(&name);
                let stride = if index > 0 && number == 1 { 2 } else { 1 };
                block(net, &name, 64 << index, (stride, number == 1));
            }
        }
    }

    fn classifier(&self) -> Option<Classifier> {
        Some(keras_top(224, Preprocessing::Caffe))
    }

    fn published(&self) -> &'static [Published] {
        &PUBLISHED
    }

    fn is_keras(&self) -> bool {
        true
    }

    fn averages(&self) -> bool {
        true
    }
}

/// Zeros on every side.
fn around(count: usize) -> Op {
    Op::ZeroPadding { rows: [count, count], columns: [count, count] }
}

/// A convolution with a bias, as far around the map as it fits where its stride is 1.
fn biased(channels: usize, kernel: usize, stride: usize) -> Op {
    let padding = if stride == 1 { Padding::Same } else { Padding::Valid };
    Op::Convolution(Convolution { padding, bias: true, ..conv(channels, kernel, stride) })
}

/// `residual_block_v1`
fn block(net: &mut Builder, name: &str, width: usize, (stride, projects): (usize, bool)) {
    let entrance = net.current();
    let mut shortcut = entrance;
    if projects {
        net.push(format!("{name}_0_conv"), biased(4 * width, 1, stride));
        shortcut = net.push(format!("{name}_0_bn"), NORM);
    }
    net.go_back(entrance);
    net.push(format!("{name}_1_conv"), biased(width, 1, stride));
    net.push(format!("{name}_1_bn"), NORM);
    net.push(format!("{name}_1_relu"), RELU);
    net.push(format!("{name}_2_conv"), biased(width, 3, 1));
    net.push(format!("{name}_2_bn"), NORM);
    net.push(format!("{name}_2_relu"), RELU);
    net.push(format!("{name}_3_conv"), biased(4 * width, 1, 1));
    let straight = net.push(format!("{name}_3_bn"), NORM);
    net.join(format!("{name}_add"), Op::Add, &[shortcut, straight]);
    net.push(format!("{name}_out"), RELU);
}
