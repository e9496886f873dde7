//! Convolutions with windows of any size on the CPU.

use burn::backend::Dispatch;
use burn::tensor::Tensor;
use runner_convolution::{Extent, Isa, Windowed, Windows};

use super::kernels::on_host;
use crate::extension::Maps;

/// Whether this project's kernels compute the convolution: all values are on the CPU, and its shape is
/// one for them.
pub(super) fn takes(
    input: &Tensor<4>,
    kernel: &Tensor<4>,
    bias: Option<&Tensor<1>>,
    windows: &Windows,
) -> bool {
    let ([images, ..], [outputs, ..]) = (input.dims(), kernel.dims());
    Windowed::takes(images, extent(input), outputs, windows)
        && on_host(input)
        && on_host(kernel)
        && bias.is_none_or(on_host)
}

/// A convolution that [`takes`] says yes to: the sum without an activation.
///
/// # Shapes
///
/// `[batch, in, height, width]`, `[out, in, rows, columns]` and `[out]` to `[batch, out, …]` with one
/// value for each window
pub(super) fn apply(
    input: Tensor<4>,
    kernel: Tensor<4>,
    bias: Option<Tensor<1>>,
    windows: Windows,
) -> Tensor<4> {
    let ([images, ..], [outputs, ..]) = (input.dims(), kernel.dims());
    let bias = bias.unwrap_or_else(|| Tensor::zeros([outputs], &kernel.device()));
    let input_extent = extent(&input);
    let windowed = Windowed { images, input: input_extent, outputs, windows, isa: Isa::best() };
    Tensor::from_dispatch(<Dispatch as Maps>::windowed(
        input.into_dispatch(),
        kernel.into_dispatch(),
        bias.into_dispatch(),
        windowed,
    ))
}

fn extent(map: &Tensor<4>) -> Extent {
    let [_, channels, height, width] = map.dims();
    Extent { channels, height, width }
}

#[cfg(test)]
mod tests {
    use burn::tensor::module::conv2d;
    use burn::tensor::ops::ConvOptions;
    use burn::tensor::{Device, TensorData};
    use runner_random::{Key, Purpose};

    use super::*;
    use crate::parameter::read;

    fn numbers(count: usize, seed: u64) -> Tensor<1> {
        let mut stream = Key::new(seed, Purpose::Generate).stream();
        let values: Vec<f32> = (0..count).map(|_| stream.uniform() - 0.5).collect();
        Tensor::from_data(TensorData::new(values, [count]), &Device::flex())
    }

    /// What comes out, and what goes back to input, kernel and bias.
    fn all(size: usize, stride: usize, ours: bool) -> Vec<Vec<f32>> {
        let leaves = [2 * 20 * 9 * 8, 24 * 20 * size * size, 24].into_iter().zip(1..);
        let leaves: Vec<Tensor<1>> =
            leaves.map(|(count, seed)| numbers(count, seed).autodiff().require_grad()).collect();
        let input = leaves[0].clone().reshape([2, 20, 9, 8]);
        let kernel = leaves[1].clone().reshape([24, 20, size, size]);
        let bias = Some(leaves[2].clone());
        let before = size / 2;
        let out = if ours {
            let places = [9, 8].map(|length: usize| (length + 2 * before - size) / stride + 1);
            let windows = Windows { size: [size; 2], stride, before: [before; 2], places };
            apply(input, kernel, bias, windows)
        } else {
            let options = ConvOptions::new([stride; 2], [before; 2], [1, 1], 1);
            conv2d(input, kernel, bias, options)
        };
        let factors = numbers(out.dims().iter().product(), 9).reshape(out.dims());
        let mut graph = (out.clone() * factors).sum().backward();
        let gradients =
            leaves.iter().map(|leaf| read(leaf.grad_remove(&mut graph).unwrap()).unwrap());
        std::iter::once(read(out.inner()).unwrap()).chain(gradients).collect()
    }

    #[test]
    fn equals_burns_own_operation_with_its_gradients() {
        for (size, stride) in [(1, 1), (1, 2), (3, 2), (5, 1)] {
            for (burns, ours) in all(size, stride, false).into_iter().zip(all(size, stride, true)) {
                let top = burns.iter().fold(0.0_f32, |top, value| top.max(value.abs()));
                assert_eq!(burns.len(), ours.len());
                for (burn, our) in burns.iter().zip(ours) {
                    assert!((burn - our).abs() < 1e-5 * top, "{size}, {stride}: {burn} and {our}");
                }
            }
        }
    }
}
