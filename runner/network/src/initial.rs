//! First values of parameters, as Keras starts its layers.

use runner_experiment::architecture::{FirstValues, ParameterSpec};
use runner_random::{Key, Purpose};

/// What a parameter of the layer at this position starts with.
#[must_use]
pub fn first_values(spec: &ParameterSpec, seed: u64, layer: usize) -> Vec<f32> {
    let length = spec.length();
    match spec.first {
        FirstValues::Constant(value) => vec![value; length],
        FirstValues::GlorotUniform { fan_in, fan_out } => {
            let key = Key { layer: layer as u64, ..Key::new(seed, Purpose::Initialise) };
            let mut stream = key.stream();
            let limit = (6.0 / (fan_in + fan_out) as f32).sqrt();
            (0..length).map(|_| (2.0 * stream.uniform() - 1.0) * limit).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use runner_experiment::architecture::{Activation, Op, Shape};

    use super::*;

    #[test]
    fn fills_the_range_of_glorot_and_bengio() {
        let dense = Op::Dense { units: 50, activation: Activation::Relu };
        let kernel = dense.parameters(Shape::Vector(100)).remove(0);
        let values = first_values(&kernel, 42, 0);
        let limit = 0.2; // √(6 / 150)
        let largest = values.iter().fold(0.0_f32, |m, v| m.max(v.abs()));
        assert!(largest <= limit && largest > 0.999 * limit);
        assert_ne!(values, first_values(&kernel, 42, 1));
    }
}
