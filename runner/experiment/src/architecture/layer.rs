//! One layer of a network: an operation, and whose values go into it.

use super::op::{Activation, Op};
use super::parameter::ParameterSpec;
use super::shape::Shape;

/// A value in a network: the image, or what comes out of a layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LayerId(usize);

impl LayerId {
    /// What goes into the network.
    pub const IMAGE: Self = Self(0);

    /// What comes out of the layer at this position.
    #[must_use]
    pub fn of(layer: usize) -> Self {
        Self(layer + 1)
    }

    /// The position of that layer; `None` for the image.
    #[must_use]
    pub fn layer(self) -> Option<usize> {
        self.0.checked_sub(1)
    }
}

/// One layer of a network.
#[derive(Debug, Clone, PartialEq)]
pub struct Layer {
    /// Keras's name, `block5_conv3`.
    pub name: String,
    /// The block it belongs to, `block5`; empty where there are no blocks.
    pub block: String,
    /// The stage that its block belongs to, `layer3` of `layer3.1`; empty where blocks are not in
    /// stages.
    pub stage: String,
    /// Whether it belongs to the conv base.
    pub base: bool,
    /// What it does.
    pub op: Op,
    /// Whose values go into it: the image's, or those of layers before this one.
    pub inputs: Vec<LayerId>,
    /// The shape of the first of these.
    pub input: Shape,
    /// What comes out.
    pub output: Shape,
}

impl Layer {
    /// The parameters that it needs, in their order.
    #[must_use]
    pub fn specs(&self) -> Vec<ParameterSpec> {
        self.op.parameters(self.input)
    }

    /// How many values its parameters have.
    #[must_use]
    pub fn parameters(&self) -> usize {
        self.specs().iter().map(ParameterSpec::length).sum()
    }

    /// How many of them optimizers change.
    #[must_use]
    pub fn trainable_parameters(&self) -> usize {
        let specs = self.specs();
        let trainable = specs.iter().filter(|spec| spec.role.is_trainable());
        trainable.map(ParameterSpec::length).sum()
    }

    /// Whether it has parameters.
    #[must_use]
    pub fn has_parameters(&self) -> bool {
        !self.specs().is_empty()
    }

    /// Whether it is a convolution.
    #[must_use]
    pub fn is_convolution(&self) -> bool {
        matches!(self.op, Op::Convolution(_))
    }

    /// Keras's class name.
    #[must_use]
    pub fn keras_name(&self) -> &'static str {
        self.op.keras_name(self.input)
    }

    /// How many classes it tells apart, where it is a classifier: one sigmoid unit tells two, and
    /// several are labels, each by itself.
    #[must_use]
    pub fn classes(&self) -> Option<usize> {
        match self.op {
            Op::Dense { activation: Activation::Sigmoid, units: 1 } => Some(2),
            Op::Dense { activation: Activation::Sigmoid | Activation::Softmax, units } => {
                Some(units)
            }
            _ => None,
        }
    }

    /// The part of the network that it belongs to, as the keys of a stage's learning rates name it:
    /// its block, or `head`.
    #[must_use]
    pub fn part(&self) -> &str {
        if self.base { &self.block } else { "head" }
    }

    /// Whether it is a batch normalization.
    #[must_use]
    pub fn is_batch_norm(&self) -> bool {
        matches!(self.op, Op::BatchNorm { .. })
    }

    /// Whether these names include that of the layer, of its block or of its stage. A head has no
    /// such name.
    #[must_use]
    pub fn is_named(&self, names: &[String]) -> bool {
        self.base && names.iter().any(|name| self.is_within(name))
    }

    /// Whether a name is that of the layer, of its block, of its stage, or of a module that it is
    /// in: `features.2.0.block.1` of `features.2.0.block.1.0`.
    #[must_use]
    pub fn is_within(&self, name: &str) -> bool {
        let in_module = || self.name.strip_prefix(name).is_some_and(|rest| rest.starts_with('.'));
        name == self.name || name == self.block || name == self.stage || in_module()
    }
}
