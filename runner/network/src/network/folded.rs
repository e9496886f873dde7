//! Networks that only run: what is the same for every batch is computed once.
//!
//! A batch normalization that is not trained is a factor and a sum for each channel: they become part
//! of the convolution before it, and so does the activation behind it. Kernels are put in the order and
//! the type that the device reads.

use burn::tensor::Tensor;
use runner_experiment::architecture::{Activation, LayerId, Op, Role};

use super::Network;
use crate::gpu::{Rule, fused, layers};
use crate::parameter::Parameter;

impl Network {
    /// The same function with fewer and faster layers, for the network's GPU; itself on the CPU. What
    /// comes out of the last layer is the same but for rounding.
    #[must_use]
    pub(crate) fn folded(self) -> Self {
        let Some(rule) = Rule::of(&self.compute) else { return self };
        let mut network = self;
        for index in 0..network.layers.len() {
            network.fold_norm(index);
            network.fold_activation(index);
        }
        network.packed = (0..network.layers.len()).map(|index| network.pack(index, rule)).collect();
        network
    }

    /// The layer behind the one at `index`, where nobody else takes its value.
    fn only_user(&self, index: usize) -> Option<usize> {
        let value = LayerId::of(index);
        let takes = |layer: &usize| self.layers[*layer].inputs.contains(&value);
        let mut users = (index + 1..self.layers.len()).filter(takes);
        let user = users.next()?;
        (users.next().is_none() && self.layers[user].inputs == [value]).then_some(user)
    }

    fn fold_norm(&mut self, index: usize) {
        let Op::Convolution(mut op) = self.layers[index].op else { return };
        let Some(behind) = self.only_user(index) else { return };
        let Op::BatchNorm { epsilon, .. } = self.layers[behind].op else { return };
        if op.activation != Activation::Linear {
            return;
        }
        let values = |layer: usize| -> Vec<Tensor<1>> {
            let range = self.ranges[layer].clone();
            self.parameters[range].iter().map(|parameter| parameter.value.clone()).collect()
        };
        let (convolution, norm) = (values(index), values(behind));
        let [gamma, beta, mean, variance] = [0, 1, 2, 3].map(|place| norm[place].clone());
        let factor = gamma / (variance + epsilon as f32).sqrt();
        let filters = convolution[0].clone().reshape([op.channels as i32, -1]);
        let kernel: Tensor<2> = filters * factor.clone().reshape([op.channels, 1]);
        let moved = match convolution.get(1) {
            Some(bias) => bias.clone() - mean,
            None => -mean,
        };
        op.bias = true;
        self.layers[index].op = Op::Convolution(op);
        self.layers[behind].op = Op::Activation(Activation::Linear);
        self.replace(behind, Vec::new());
        self.replace(index, vec![kernel.flatten(0, 1), moved * factor + beta]);
    }

    fn fold_activation(&mut self, index: usize) {
        let Op::Convolution(mut op) = self.layers[index].op else { return };
        // What has become of a normalization passes its input on.
        let mut behind = self.only_user(index);
        while let Some(layer) = behind
            && self.layers[layer].op == Op::Activation(Activation::Linear)
        {
            behind = self.only_user(layer);
        }
        let Some(behind) = behind else { return };
        let Op::Activation(activation) = self.layers[behind].op else { return };
        if op.activation == Activation::Linear && fused(activation).is_some() {
            op.activation = activation;
            self.layers[index].op = Op::Convolution(op);
            self.layers[behind].op = Op::Activation(Activation::Linear);
        }
    }

    /// Puts others in the place of a layer's parameters.
    fn replace(&mut self, index: usize, values: Vec<Tensor<1>>) {
        let layer = &self.layers[index];
        let named = layer.specs().into_iter().zip(values).map(|(spec, value)| {
            let name = format!("{}.{}", layer.name, spec.role.name());
            Parameter { name, role: spec.role, shape: spec.shape, value }
        });
        let (range, named): (_, Vec<Parameter>) = (self.ranges[index].clone(), named.collect());
        let end = range.start + named.len();
        let shifted = |place: usize| place + end - range.end;
        for other in &mut self.ranges[index + 1..] {
            *other = shifted(other.start)..shifted(other.end);
        }
        self.ranges[index] = range.start..end;
        self.parameters.splice(range, named);
    }

    fn pack(&self, index: usize, rule: Rule) -> Option<Tensor<4>> {
        let layer = &self.layers[index];
        let Op::Convolution(op) = layer.op else { return None };
        if op.groups > 1 {
            return None;
        }
        let range = self.ranges[index].clone();
        let kernel = self.parameters[range].iter().find(|it| it.role == Role::Kernel)?;
        let shape = [op.channels, layer.input.channels(), op.kernel[0], op.kernel[1]];
        Some(layers::packed(kernel.value.clone().reshape(shape), rule))
    }
}
