//! The parameters of operations: what each is for, its shape, its first values.

use super::op::Op;
use super::shape::Shape;

/// What a parameter is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// The factors of a convolution or of a fully connected layer.
    Kernel,
    /// What is added to each output.
    Bias,
    /// The factor of each channel.
    Gamma,
    /// What is added to each channel.
    Beta,
    /// Moving mean of each channel over the training batches; it has no gradient.
    MovingMean,
    /// Moving variance of each channel over the training batches; it has no gradient.
    MovingVariance,
}

impl Role {
    /// Keras's name, as files have it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Kernel => "kernel",
            Self::Bias => "bias",
            Self::Gamma => "gamma",
            Self::Beta => "beta",
            Self::MovingMean => "moving_mean",
            Self::MovingVariance => "moving_variance",
        }
    }

    /// Whether optimizers change it.
    #[must_use]
    pub fn is_trainable(self) -> bool {
        !matches!(self, Self::MovingMean | Self::MovingVariance)
    }
}

/// What a parameter starts with.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum FirstValues {
    /// Uniform in ±√(6 / (fan in + fan out)) (Glorot & Bengio 2010).
    GlorotUniform {
        /// Inputs of one output.
        fan_in: usize,
        /// Outputs of one input.
        fan_out: usize,
    },
    /// The same everywhere.
    Constant(f32),
}

/// A parameter that an operation needs.
#[derive(Debug, Clone, PartialEq)]
pub struct ParameterSpec {
    /// What it is for.
    pub role: Role,
    /// Convolution kernels `[out, in / groups, rows, columns]`, dense kernels `[in, out]`, all
    /// others `[channels]`.
    pub shape: Vec<usize>,
    /// What it starts with.
    pub first: FirstValues,
}

impl ParameterSpec {
    /// How many values it has.
    #[must_use]
    pub fn length(&self) -> usize {
        self.shape.iter().product()
    }
}

/// A parameter with one value per channel.
fn each(role: Role, channels: usize, value: f32) -> ParameterSpec {
    ParameterSpec { role, shape: vec![channels], first: FirstValues::Constant(value) }
}

/// Factors, and what is added to each output.
fn weights(shape: Vec<usize>, fans: [usize; 2], bias: Option<usize>) -> Vec<ParameterSpec> {
    let first = FirstValues::GlorotUniform { fan_in: fans[0], fan_out: fans[1] };
    let kernel = ParameterSpec { role: Role::Kernel, shape, first };
    let bias = bias.map(|outputs| each(Role::Bias, outputs, 0.0));
    std::iter::once(kernel).chain(bias).collect()
}

impl Op {
    /// The parameters of the operation on `input`, in the order in which they are kept.
    #[must_use]
    pub fn parameters(&self, input: Shape) -> Vec<ParameterSpec> {
        let channels = input.channels();
        match self {
            Self::Convolution(convolution) => {
                let ([rows, columns], groups) = (convolution.kernel, convolution.groups.max(1));
                let (taps, within) = (rows * columns, channels / groups);
                let fans = [taps * within, taps * convolution.channels / groups];
                let shape = vec![convolution.channels, within, rows, columns];
                weights(shape, fans, convolution.bias.then_some(convolution.channels))
            }
            Self::Dense { units, .. } => {
                weights(vec![channels, *units], [channels, *units], Some(*units))
            }
            Self::BatchNorm { scale, .. } => {
                let gamma = scale.then(|| each(Role::Gamma, channels, 1.0));
                let rest = [
                    each(Role::Beta, channels, 0.0),
                    each(Role::MovingMean, channels, 0.0),
                    each(Role::MovingVariance, channels, 1.0),
                ];
                gamma.into_iter().chain(rest).collect()
            }
            Self::LayerNorm { .. } => {
                vec![each(Role::Gamma, channels, 1.0), each(Role::Beta, channels, 0.0)]
            }
            Self::LayerScale { initial } => vec![each(Role::Gamma, channels, *initial as f32)],
            Self::MaxPool(_)
            | Self::AveragePool(_)
            | Self::GlobalAveragePool
            | Self::GlobalMaxPool
            | Self::Add
            | Self::Concatenate
            | Self::Multiply
            | Self::ZeroPadding { .. }
            | Self::Activation(_)
            | Self::Flatten
            | Self::Dropout(_) => Vec::new(),
        }
    }
}
