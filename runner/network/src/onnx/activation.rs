//! Activations as nodes.

use runner_experiment::architecture::Activation;

use super::message::Attribute;
use super::nodes::Nodes;

impl Nodes<'_> {
    fn scalar(&mut self, value: f32) -> String {
        self.constant(&[], &[value])
    }

    /// A function of each value; the name of what comes out.
    pub(super) fn activation(&mut self, activation: Activation, input: &str) -> String {
        match activation {
            Activation::Linear => input.to_owned(),
            Activation::Relu => self.node("Relu", &[input], Vec::new()),
            Activation::Relu6 => {
                let [low, high] = [0.0, 6.0].map(|limit| self.scalar(limit));
                self.node("Clip", &[input, &low, &high], Vec::new())
            }
            Activation::Sigmoid => self.node("Sigmoid", &[input], Vec::new()),
            Activation::Swish => {
                let gate = self.node("Sigmoid", &[input], Vec::new());
                self.node("Mul", &[input, &gate], Vec::new())
            }
            Activation::HardSwish => {
                let gate = self.activation(Activation::HardSigmoid, input);
                self.node("Mul", &[input, &gate], Vec::new())
            }
            Activation::HardSigmoid => {
                let slope = Attribute::float("alpha", 1.0 / 6.0);
                self.node("HardSigmoid", &[input], vec![slope, Attribute::float("beta", 0.5)])
            }
            Activation::Gelu => {
                // x / 2 · (1 + erf(x / √2))
                let root = self.scalar(std::f32::consts::FRAC_1_SQRT_2);
                let [one, half] = [1.0, 0.5].map(|value| self.scalar(value));
                let scaled = self.node("Mul", &[input, &root], Vec::new());
                let erf = self.node("Erf", &[&scaled], Vec::new());
                let sum = self.node("Add", &[&erf, &one], Vec::new());
                let product = self.node("Mul", &[input, &sum], Vec::new());
                self.node("Mul", &[&product, &half], Vec::new())
            }
            Activation::Softmax => {
                self.node("Softmax", &[input], vec![Attribute::integer("axis", 1)])
            }
        }
    }
}
