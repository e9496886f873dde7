//! The one place where a convolution is called: this project's own on the CPU where nothing is
//! recorded for gradients, Burn's everywhere else.

use burn::tensor::activation::relu;
use burn::tensor::module::{conv2d, max_pool2d};
use burn::tensor::ops::{ConvOptions, MaxPoolOptions};
use burn::tensor::{DType, Device, Tensor, TensorData};
use runner_convolution::{Convolution, Extent, Finish, Level, Problem};

use super::buffer;

/// Names the implementation: part of the address of cached features, since another one rounds
/// differently.
#[must_use]
pub fn implementation() -> String {
    format!("winograd-1 {:?}, burn-0.22.1", Level::best())
}

/// 3×3 convolution with stride 1, bias, and ReLU.
///
/// # Shapes
///
/// - `input`: `[batch, in, height, width]`
/// - `kernel`: `[out, in, 3, 3]`, `bias`: `[out]`
/// - result: `[batch, out, height + 2 padding - 2, width + 2 padding - 2]`
#[must_use]
pub fn convolution(
    input: Tensor<4>,
    kernel: Tensor<4>,
    bias: Tensor<1>,
    padding: usize,
) -> Tensor<4> {
    let [images, channels, height, width] = input.dims();
    let [outputs, ..] = kernel.dims();
    let input_extent = Extent { channels, height, width };
    let problem = Problem { images, input: input_extent, outputs, padding };
    if !(Convolution::takes(problem) && on_host(&input) && on_host(&kernel) && on_host(&bias)) {
        let options = ConvOptions::new([1, 1], [padding, padding], [1, 1], 1);
        return relu(conv2d(input, kernel, Some(bias), options));
    }
    let (input, kernel, bias) = (host(input), host(kernel), host(bias));
    let extent = problem.output();
    let mut out = buffer::take(images * extent.len());
    let finish = Finish { bias: Some(&bias), relu: true };
    Convolution::new(problem).forward(&input, &kernel, finish, &mut out);
    buffer::give(input);
    back(out, images, extent)
}

/// 2×2 maximum with stride 2; an odd last row or column is dropped.
///
/// # Shapes
///
/// `[batch, channel, height, width]` to `[batch, channel, height / 2, width / 2]`
#[must_use]
pub fn max_pool(input: Tensor<4>) -> Tensor<4> {
    let [images, channels, height, width] = input.dims();
    let extent = Extent { channels, height, width };
    let pooled = runner_convolution::pooled(extent);
    if images * pooled.len() == 0 || !on_host(&input) {
        return max_pool2d(input, MaxPoolOptions::new([2, 2]));
    }
    let values = host(input);
    let mut out = buffer::take(images * pooled.len());
    runner_convolution::max_pool(&values, extent, &mut out);
    buffer::give(values);
    back(out, images, pooled)
}

/// Whether the values lie in this process's memory and no gradient is asked for.
fn on_host<const D: usize>(tensor: &Tensor<D>) -> bool {
    !tensor.is_autodiff() && tensor.dtype() == DType::F32 && tensor.device() == Device::flex()
}

/// The values; without a copy where nobody else holds them.
fn host<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    let data = tensor.into_data();
    // `on_host` has asked for this type and place.
    data.try_into_vec().unwrap_or_else(|error| unreachable!("f32 on the CPU: {error:?}"))
}

fn back(values: Vec<f32>, images: usize, extent: Extent) -> Tensor<4> {
    let Extent { channels, height, width } = extent;
    let data = TensorData::new(values, [images, channels, height, width]);
    Tensor::from_data(data, &Device::flex())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Key, Purpose};

    fn numbers<const D: usize>(shape: [usize; D], seed: u64) -> Tensor<D> {
        let mut stream = Key::new(seed, Purpose::Generate).stream();
        let count = shape.iter().product();
        let values: Vec<f32> = (0..count).map(|_| stream.uniform() - 0.5).collect();
        Tensor::from_data(TensorData::new(values, shape), &Device::flex())
    }

    fn values(tensor: Tensor<4>) -> Vec<f32> {
        tensor.into_data().try_into_vec().unwrap()
    }

    #[test]
    fn equals_burns_own_operations() {
        for (channels, outputs, side, padding) in
            [(3, 20, 17, 1), (16, 32, 18, 1), (20, 24, 9, 0), (32, 16, 2, 1)]
        {
            let input = numbers([2, channels, side, side], 1);
            let kernel = numbers([outputs, channels, 3, 3], 2);
            let bias = numbers([outputs], 3);
            // An autodiff input takes Burn's way.
            let burns =
                convolution(input.clone().autodiff(), kernel.clone(), bias.clone(), padding);
            let ours = convolution(input, kernel, bias, padding);
            assert_eq!(burns.dims(), ours.dims());
            let pooled = side >= 4;
            let pairs = [
                Some((burns.clone(), ours.clone())),
                pooled.then(|| (max_pool(burns), max_pool(ours))),
            ];
            for (burns, ours) in pairs.into_iter().flatten() {
                let burns = values(burns.inner());
                let top = burns.iter().fold(0.0_f32, |top, value| top.max(*value));
                for (burn, our) in burns.iter().zip(values(ours)) {
                    assert!((burn - our).abs() < 1e-5 * top, "{burn} and {our}");
                }
            }
        }
    }
}
