//! Normalization: values less their mean, over their deviation, scaled and moved.

use burn::tensor::Tensor;

use super::call::{Call, Outcome};
use super::kernels;
use crate::flow::Flow;
use crate::parameter::tensor;

/// Settings of a batch normalization.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moments {
    pub epsilon: f64,
    pub momentum: f64,
}

/// Batch normalization. Where its layer is being trained: by mean and variance of the batch, which
/// move those that are kept (Keras: the variance without Bessel's correction, in both places).
/// Anywhere else by those that are kept: a frozen layer computes the same in every batch.
pub(super) fn batch(call: &Call<'_>, settings: Moments, input: Flow) -> Outcome {
    if !(call.training.is_some() && is_trained(call.parameters)) {
        let [factor, added] = kept(call.parameters, settings.epsilon);
        return scaled(input, factor, Some(added)).into();
    }
    let [mean, variance] = statistics(call.parameters);
    let (batch_mean, batch_variance) = moments(&input);
    let kept = settings.momentum as f32;
    let next = |old: Tensor<1>, new: &Tensor<1>| old * kept + new.clone().inner() * (1.0 - kept);
    let moved = [next(mean, &batch_mean), next(variance, &batch_variance)];
    let [factor, added] = affine(call.parameters, [batch_mean, batch_variance], settings.epsilon);
    Outcome { value: scaled(input, factor, Some(added)).into(), moved: Some(moved) }
}

/// Whether the parameters of a batch normalization are being trained.
pub(crate) fn is_trained(parameters: &[Tensor<1>]) -> bool {
    // What is added comes before mean and variance.
    parameters[parameters.len() - 3].is_require_grad()
}

/// The mean and the variance that are kept.
fn statistics(parameters: &[Tensor<1>]) -> [Tensor<1>; 2] {
    [2, 1].map(|place| parameters[parameters.len() - place].clone())
}

/// A factor and a term for each channel: the batch normalization with these parameters by the mean and
/// the variance that are kept.
pub(crate) fn kept(parameters: &[Tensor<1>], epsilon: f64) -> [Tensor<1>; 2] {
    kept_on_host(parameters, epsilon)
        .unwrap_or_else(|| affine(parameters, statistics(parameters), epsilon))
}

/// The same where the values are at hand and no gradient is wanted: each is rounded once, as where frozen
/// layers are folded.
fn kept_on_host(parameters: &[Tensor<1>], epsilon: f64) -> Option<[Tensor<1>; 2]> {
    let is_plain = |tensor: &Tensor<1>| kernels::on_host(tensor) && !tensor.is_require_grad();
    if !parameters.iter().all(is_plain) {
        return None;
    }
    let values = |tensor: &Tensor<1>| tensor.to_data().try_into_vec::<f32>().ok();
    let last = parameters.len() - 3;
    let [beta, mean, variance] = [0, 1, 2].map(|place| values(&parameters[last + place]));
    let (beta, mean, variance) = (beta?, mean?, variance?);
    let gamma = match parameters[..last].first() {
        Some(gamma) => values(gamma)?,
        None => vec![1.0; beta.len()],
    };
    let factor = |(gamma, variance): (&f32, &f32)| {
        f64::from(*gamma) / (f64::from(*variance) + epsilon).sqrt()
    };
    let factors: Vec<f64> = gamma.iter().zip(&variance).map(factor).collect();
    let moved = beta.iter().zip(&mean).zip(&factors);
    let added = moved.map(|((beta, mean), factor)| f64::from(*beta) - f64::from(*mean) * factor);
    let added: Vec<f32> = added.map(|value| value as f32).collect();
    let factors: Vec<f32> = factors.into_iter().map(|factor| factor as f32).collect();
    let device = parameters[last].device();
    Some([factors, added].map(|values| tensor(values, &device)))
}

fn affine(
    parameters: &[Tensor<1>],
    [mean, variance]: [Tensor<1>; 2],
    epsilon: f64,
) -> [Tensor<1>; 2] {
    // A scale of its own comes first, where there is one.
    let last = parameters.len() - 3;
    let deviation = (variance + epsilon as f32).sqrt();
    let factor = match parameters[..last].first() {
        Some(gamma) => gamma.clone() / deviation,
        None => deviation.recip(),
    };
    let added = parameters[last].clone() - mean * factor.clone();
    [factor, added]
}

/// Mean and variance of each channel, over images and pixels.
fn moments(input: &Flow) -> (Tensor<1>, Tensor<1>) {
    let rows: Tensor<2> = match input.clone() {
        Flow::Map(map) if kernels::is_on_device(&map) => {
            // As a GPU has them in memory: a view, and sums of columns.
            let rows: Tensor<2> = kernels::wide(map.permute([0, 2, 3, 1]).flatten(0, 2));
            let mean = rows.clone().mean_dim(0);
            let variance = (rows - mean.clone()).square().mean_dim(0);
            return (mean.squeeze_dim(0), variance.squeeze_dim(0));
        }
        Flow::Map(map) => {
            let [_, channels, ..] = map.dims();
            map.swap_dims(0, 1).flatten::<2>(1, 3).reshape([channels as i64, -1])
        }
        Flow::Vector(rows) => rows.swap_dims(0, 1),
    };
    let mean = rows.clone().mean_dim(1);
    let variance = (rows - mean.clone()).square().mean_dim(1);
    (mean.squeeze_dim(1), variance.squeeze_dim(1))
}

/// Layer normalization: over the channels of each pixel, or the values of each vector.
pub(super) fn layer(call: &Call<'_>, epsilon: f64, input: Flow) -> Flow {
    let [gamma, beta] = [0, 1].map(|index| call.parameters[index].clone());
    let normal = match input {
        Flow::Map(map) if kernels::is_on_device(&map) => {
            let dtype = map.dtype();
            let normal = |map: Tensor<4>| normalised::<4, 3>(kernels::wide(map), epsilon);
            Flow::Map(kernels::cast(kernels::each(map, normal), dtype))
        }
        Flow::Map(map) => Flow::Map(normalised::<4, 1>(map, epsilon)),
        Flow::Vector(rows) => Flow::Vector(normalised::<2, 1>(rows, epsilon)),
    };
    scaled(normal, gamma, Some(beta))
}

/// Over the values along dimension `CHANNEL`.
fn normalised<const D: usize, const CHANNEL: usize>(values: Tensor<D>, epsilon: f64) -> Tensor<D> {
    let mean = values.clone().mean_dim(CHANNEL);
    let centred = values - mean;
    let variance = centred.clone().square().mean_dim(CHANNEL);
    centred / (variance + epsilon as f32).sqrt()
}

/// Each channel times a factor.
pub(super) fn scale(input: Flow, factor: Tensor<1>) -> Flow {
    scaled(input, factor, None)
}

fn scaled(input: Flow, factor: Tensor<1>, added: Option<Tensor<1>>) -> Flow {
    let [channels] = factor.dims();
    match input {
        Flow::Map(map) if kernels::is_on_device(&map) => {
            let dtype = map.dtype();
            let affine = |map: Tensor<4>| {
                let map = kernels::wide(map) * factor.reshape([1, 1, 1, channels]);
                match added {
                    Some(added) => map + added.reshape([1, 1, 1, channels]),
                    None => map,
                }
            };
            Flow::Map(kernels::cast(kernels::each(map, affine), dtype))
        }
        Flow::Map(map) => {
            let map = map * factor.reshape([1, channels, 1, 1]);
            Flow::Map(match added {
                Some(added) => map + added.reshape([1, channels, 1, 1]),
                None => map,
            })
        }
        Flow::Vector(rows) => {
            let rows = rows * factor.reshape([1, channels]);
            Flow::Vector(match added {
                Some(added) => rows + added.reshape([1, channels]),
                None => rows,
            })
        }
    }
}
