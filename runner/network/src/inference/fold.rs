//! Batch normalization by kept statistics as factors and terms, folded into the weights before it.

use runner_experiment::architecture::Op;

use crate::error::NetworkError;
use crate::network::Network;

/// A linear layer: a kernel whose first dimension is outputs, and a bias.
pub(super) struct Affine {
    pub(super) kernel: Vec<f32>,
    pub(super) bias: Vec<f32>,
}

impl Affine {
    /// The same followed by a factor (its kernel) and a term (its bias) for each output.
    pub(super) fn then(&mut self, next: &Self) {
        let row = self.kernel.len() / self.bias.len().max(1);
        let rows = self.kernel.chunks_exact_mut(row.max(1)).zip(&mut self.bias);
        for ((kernel, bias), (factor, term)) in rows.zip(next.kernel.iter().zip(&next.bias)) {
            kernel.iter_mut().for_each(|value| *value *= factor);
            *bias = *bias * factor + term;
        }
    }
}

/// What a batch normalization does with its kept mean and variance: γ / √(σ² + ε) and β - μ times
/// that.
pub(super) fn affine(
    network: &Network,
    index: usize,
    epsilon: f64,
) -> Result<Affine, NetworkError> {
    let first = network.first_parameter(index);
    let scale = matches!(network.layers[index].op, Op::BatchNorm { scale: true, .. });
    let values = |offset: usize| network.parameters[first + offset].values();
    let offset = usize::from(scale);
    let (beta, mean, variance) = (values(offset)?, values(offset + 1)?, values(offset + 2)?);
    let gamma = if scale { values(0)? } else { vec![1.0; beta.len()] };
    let deviations = variance.iter().map(|variance| (f64::from(*variance) + epsilon).sqrt());
    let kernel: Vec<f32> =
        gamma.iter().zip(deviations).map(|(gamma, of)| (f64::from(*gamma) / of) as f32).collect();
    let moved = beta.iter().zip(&mean).zip(&kernel);
    let bias = moved.map(|((beta, mean), factor)| beta - mean * factor).collect();
    Ok(Affine { kernel, bias })
}
