//! Inception v3: Szegedy et al., "Rethinking the Inception Architecture for Computer Vision" (2015),
//! as Keras has it, with its names: layers are numbered in the order in which Keras makes them,
//! modules are `mixed0` to `mixed10`.

use super::definition::{Architecture, Classifier, Family};
use super::parts::{conv, keras_top};
use super::published::{Published, keras};
use crate::architecture::builder::Builder;
use crate::architecture::layer::LayerId;
use crate::architecture::op::{Activation, Convolution, Op, Padding, Pooling};
use crate::section::dataset::Preprocessing;

/// Keras's InceptionV3.
#[derive(Debug, Clone, Copy)]
pub struct InceptionV3;

const ARCHITECTURES: [Architecture; 1] = [Architecture {
    name: "inception_v3",
    about: "Keras's Inception v3: Szegedy et al. 2015, 94 convolutions in eleven modules.",
}];

/// Keras's `scale=False`.
const NORM: Op = Op::BatchNorm { epsilon: 1e-3, momentum: 0.99, scale: false };

/// With the checksums of `keras/src/applications/inception_v3.py`.
const PUBLISHED: [Published; 2] = [
    keras(
        ("imagenet_inception_v3", "inception_v3", false),
        "inception_v3/inception_v3_weights_tf_dim_ordering_tf_kernels_notop.h5",
        "bcbd6486424b2319ff4ef7d526e38f63",
    ),
    keras(
        ("imagenet_inception_v3_top", "inception_v3", true),
        "inception_v3/inception_v3_weights_tf_dim_ordering_tf_kernels.h5",
        "9a0d58056eeedaa3f26cb7ebd46da564",
    ),
];

impl Family for InceptionV3 {
    fn name(&self) -> &'static str {
        "Inception"
    }

    fn architectures(&self) -> &'static [Architecture] {
        &ARCHITECTURES
    }

    fn base(&self, _: &str, net: &mut Builder) {
        let mut modules = Modules { net, convolutions: 0, maxima: 0, means: 0 };
        modules.stem();
        for (number, pooled) in [32, 64, 64].into_iter().enumerate() {
            modules.small(number, pooled);
        }
        modules.first_halving();
        for (number, width) in (4..).zip([128, 160, 160, 192]) {
            modules.wide(number, width);
        }
        modules.second_halving();
        for number in [9, 10] {
            modules.forked(number);
        }
    }

    fn classifier(&self) -> Option<Classifier> {
        Some(keras_top(299, Preprocessing::Tensorflow))
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

    fn is_numbered(&self) -> bool {
        true
    }
}

/// A network under construction, with how many layers of each kind it has.
struct Modules<'a> {
    net: &'a mut Builder,
    convolutions: usize,
    maxima: usize,
    means: usize,
}

/// `conv2d_3` is the fourth.
fn numbered(class: &str, number: usize) -> String {
    if number == 0 { class.to_owned() } else { format!("{class}_{number}") }
}

/// Filters with rows and columns of their kernels, one convolution after the other.
type Tower<'a> = &'a [(usize, [usize; 2])];

impl Modules<'_> {
    /// `conv2d_bn`
    fn convolution(&mut self, channels: usize, kernel: [usize; 2], stride: usize, same: bool) {
        let padding = if same { Padding::Same } else { Padding::Valid };
        let convolution = Convolution { kernel, padding, ..conv(channels, 1, stride) };
        let number = self.convolutions;
        self.net.push(numbered("conv2d", number), Op::Convolution(convolution));
        self.net.push(numbered("batch_normalization", number), NORM);
        self.net.push(numbered("activation", number), Op::Activation(Activation::Relu));
        self.convolutions += 1;
    }

    /// A tower on `entrance`, of convolutions that keep the size.
    fn tower(&mut self, entrance: LayerId, tower: Tower<'_>) -> LayerId {
        self.net.go_back(entrance);
        for (channels, kernel) in tower {
            self.convolution(*channels, *kernel, 1, true);
        }
        self.net.current()
    }

    fn max_pool(&mut self, entrance: LayerId) -> LayerId {
        self.net.go_back(entrance);
        let window = Pooling { size: [3, 3], stride: 2, padding: Padding::Valid };
        self.maxima += 1;
        self.net.push(numbered("max_pooling2d", self.maxima - 1), Op::MaxPool(window))
    }

    /// Means of the surroundings, then a 1×1 convolution.
    fn mean_tower(&mut self, entrance: LayerId, channels: usize) -> LayerId {
        self.net.go_back(entrance);
        let window = Pooling { size: [3, 3], stride: 1, padding: Padding::Same };
        self.net.push(numbered("average_pooling2d", self.means), Op::AveragePool(window));
        self.means += 1;
        self.convolution(channels, [1, 1], 1, true);
        self.net.current()
    }

    fn module(&mut self, number: usize) -> (LayerId, String) {
        let name = format!("mixed{number}");
        self.net.block(&name);
        (self.net.current(), name)
    }

    fn join(&mut self, name: &str, towers: &[LayerId]) {
        self.net.join(name, Op::Concatenate, towers);
    }

    fn stem(&mut self) {
        self.net.block("stem");
        self.convolution(32, [3, 3], 2, false);
        self.convolution(32, [3, 3], 1, false);
        self.convolution(64, [3, 3], 1, true);
        self.max_pool(self.net.current());
        self.convolution(80, [1, 1], 1, false);
        self.convolution(192, [3, 3], 1, false);
        self.max_pool(self.net.current());
    }

    /// `mixed0` to `mixed2`: figure 5 of the paper, with one 5×5.
    fn small(&mut self, number: usize, pooled: usize) {
        let (entrance, name) = self.module(number);
        let one = self.tower(entrance, &[(64, [1, 1])]);
        let five = self.tower(entrance, &[(48, [1, 1]), (64, [5, 5])]);
        let three = self.tower(entrance, &[(64, [1, 1]), (96, [3, 3]), (96, [3, 3])]);
        let mean = self.mean_tower(entrance, pooled);
        self.join(&name, &[one, five, three, mean]);
    }

    /// `mixed3`
    fn first_halving(&mut self) {
        let (entrance, name) = self.module(3);
        self.convolution(384, [3, 3], 2, false);
        let short = self.net.current();
        self.tower(entrance, &[(64, [1, 1]), (96, [3, 3])]);
        self.convolution(96, [3, 3], 2, false);
        let long = self.net.current();
        let pool = self.max_pool(entrance);
        self.join(&name, &[short, long, pool]);
    }

    /// `mixed4` to `mixed7`: figure 6, 7×7 kernels as 1×7 and 7×1.
    fn wide(&mut self, number: usize, width: usize) {
        let (entrance, name) = self.module(number);
        let (row, column) = ([1, 7], [7, 1]);
        let one = self.tower(entrance, &[(192, [1, 1])]);
        let short = self.tower(entrance, &[(width, [1, 1]), (width, row), (192, column)]);
        let long = [(width, [1, 1]), (width, column), (width, row), (width, column), (192, row)];
        let long = self.tower(entrance, &long);
        let mean = self.mean_tower(entrance, 192);
        self.join(&name, &[one, short, long, mean]);
    }

    /// `mixed8`
    fn second_halving(&mut self) {
        let (entrance, name) = self.module(8);
        self.tower(entrance, &[(192, [1, 1])]);
        self.convolution(320, [3, 3], 2, false);
        let short = self.net.current();
        self.tower(entrance, &[(192, [1, 1]), (192, [1, 7]), (192, [7, 1])]);
        self.convolution(192, [3, 3], 2, false);
        let long = self.net.current();
        let pool = self.max_pool(entrance);
        self.join(&name, &[short, long, pool]);
    }

    /// `mixed9` and `mixed10`: figure 7, towers that fork at their end.
    fn forked(&mut self, number: usize) {
        let (entrance, name) = self.module(number);
        let one = self.tower(entrance, &[(320, [1, 1])]);
        let short = self.tower(entrance, &[(384, [1, 1])]);
        let short = self.fork(short, &format!("mixed9_{}", number - 9));
        let long = self.tower(entrance, &[(448, [1, 1]), (384, [3, 3])]);
        let long = self.fork(long, &numbered("concatenate", number - 9));
        let mean = self.mean_tower(entrance, 192);
        self.join(&name, &[one, short, long, mean]);
    }

    fn fork(&mut self, entrance: LayerId, name: &str) -> LayerId {
        let row = self.tower(entrance, &[(384, [1, 3])]);
        let column = self.tower(entrance, &[(384, [3, 1])]);
        self.join(name, &[row, column]);
        self.net.current()
    }
}
