//! First values: kernels Glorot uniform, biases zero, as Keras starts its layers.

use runner_experiment::architecture::{Layer, LayerKind};

use runner_random::{Key, Purpose};

/// What a layer's kernel and bias look like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KernelShape {
    /// Convolutions `[out, in, 3, 3]`, dense `[in, out]`.
    pub kernel: Vec<usize>,
    /// How many outputs, which is the length of the bias.
    pub out: usize,
    fan_in: usize,
    fan_out: usize,
}

/// The shape of a layer's kernel; `None` for layers without one.
#[must_use]
pub fn kernel_shape(layer: &Layer) -> Option<KernelShape> {
    let (input, out) = (layer.input.channels(), layer.output.channels());
    match layer.kind {
        LayerKind::Convolution { .. } => Some(KernelShape {
            kernel: vec![out, input, 3, 3],
            out,
            fan_in: 9 * input,
            fan_out: 9 * out,
        }),
        LayerKind::Dense(_) => {
            Some(KernelShape { kernel: vec![input, out], out, fan_in: input, fan_out: out })
        }
        _ => None,
    }
}

/// A kernel uniform in ±√(6 / (fan in + fan out)) (Glorot & Bengio 2010).
#[must_use]
pub fn glorot_uniform(shape: &KernelShape, seed: u64, layer: usize) -> Vec<f32> {
    let mut stream = Key { layer: layer as u64, ..Key::new(seed, Purpose::Initialise) }.stream();
    #[allow(clippy::cast_precision_loss)]
    let limit = (6.0 / (shape.fan_in + shape.fan_out) as f32).sqrt();
    let length = shape.kernel.iter().product();
    (0..length).map(|_| (2.0 * stream.uniform() - 1.0) * limit).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use runner_experiment::architecture::{Activation, Shape};

    #[test]
    fn fills_the_range_of_glorot_and_bengio() {
        let layer = Layer {
            name: "hidden1".to_owned(),
            block: String::new(),
            base: false,
            kind: LayerKind::Dense(Activation::Relu),
            input: Shape::Vector(100),
            output: Shape::Vector(50),
        };
        let Some(shape) = kernel_shape(&layer) else { panic!("a dense layer has a kernel") };
        let values = glorot_uniform(&shape, 42, 0);
        let limit = 0.2; // √(6 / 150)
        let largest = values.iter().fold(0.0_f32, |m, v| m.max(v.abs()));
        assert!(largest <= limit && largest > 0.999 * limit);
        assert_ne!(values, glorot_uniform(&shape, 42, 1));
    }
}
