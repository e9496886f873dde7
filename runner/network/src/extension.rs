//! This project's convolution and pooling as Burn operations of the CPU backend, with gradients.
//!
//! Other backends keep Burn's own: [`crate::op::kernels`] asks before it calls.

mod gradient;
mod host;
mod simple;
mod windowed;

use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::ops::{Backward, OpsKind};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, Flex, TensorMetadata, backend_extension};
use burn::tensor::TensorData;
use runner_convolution::{Activation, Dense, Extent, Layout, Pool, Windowed, buffer, reorder};

use gradient::{DenseGradient, PlanarGradient, PoolGradient};
use host::{Host, map, reclaim, with};
use simple::{ConvolutionGradient, Recorded};
use windowed::WindowedGradient;

pub(crate) use simple::Filtered;

/// Operations that this project adds to the CPU backend; `f32` only.
#[backend_extension(Flex, Autodiff)]
pub trait Maps: Backend {
    /// 3×3 convolution with stride 1 of a batch of maps, with a kernel `[out, in, 3, 3]`, and factors and
    /// a bias `[out]`. Maps are `[batch, channel, height, width]`, or in blocks of channels
    /// `[batch, channel / 16, height × width, 16]`.
    fn convolution(
        input: FloatTensor<Self>,
        kernel: FloatTensor<Self>,
        scale: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        filtered: Filtered,
    ) -> FloatTensor<Self>;

    /// A convolution with windows of any size of a batch of maps as above, with a kernel
    /// `[out, in, rows, columns]` or `[channel, 1, rows, columns]`, factors and a bias `[out]`, and
    /// something that is added, where `windowed` says so.
    fn windowed(
        input: FloatTensor<Self>,
        kernel: FloatTensor<Self>,
        scale: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        residual: FloatTensor<Self>,
        windowed: Windowed,
    ) -> FloatTensor<Self>;

    /// 2×2 maximum with stride 2, of a batch of maps as above.
    fn max_pool(input: FloatTensor<Self>, pool: Pool) -> FloatTensor<Self>;

    /// From blocks of channels to `[batch, channel, height, width]`.
    fn planar(input: FloatTensor<Self>, extent: Extent) -> FloatTensor<Self>;

    /// `[batch, in]` times `[in, out]`, `out` a multiple of sixteen.
    fn dense(input: FloatTensor<Self>, kernel: FloatTensor<Self>) -> FloatTensor<Self>;
}

impl Maps for Flex {
    fn convolution(input: Host, kernel: Host, scale: Host, bias: Host, filtered: Filtered) -> Host {
        simple::forward(input, [&kernel, &scale, &bias], filtered)
    }

    fn windowed(
        input: Host,
        kernel: Host,
        scale: Host,
        bias: Host,
        residual: Host,
        windowed: Windowed,
    ) -> Host {
        windowed::forward(input, [&kernel, &scale, &bias], residual, windowed)
    }

    fn max_pool(input: Host, pool: Pool) -> Host {
        let (images, pooled) = (input.shape()[0], pool.extent.pooled());
        let mut out = buffer::take(images * pooled.values(pool.layout));
        with(&input, |input| pool.forward(input, &mut out));
        reclaim(input);
        map(out, images, pooled, pool.layout)
    }

    fn planar(input: Host, extent: Extent) -> Host {
        reordered(input, extent, Layout::Nchw16c, Layout::Nchw)
    }

    fn dense(input: Host, kernel: Host) -> Host {
        let (images, dense) = dense(&input, &kernel);
        let mut out = vec![0.0; images * dense.outputs];
        with(&input, |input| with(&kernel, |kernel| dense.forward(input, kernel, &mut out)));
        Host::from_data(TensorData::new(out, [images, dense.outputs]))
    }
}

fn reordered(input: Host, extent: Extent, from: Layout, to: Layout) -> Host {
    let images = input.shape()[0];
    let mut out = buffer::take(images * extent.values(to));
    with(&input, |input| reorder(extent, input, from, &mut out, to));
    reclaim(input);
    map(out, images, extent, to)
}

fn dense(input: &Host, kernel: &Host) -> (usize, Dense) {
    let (images, kernel) = (input.shape()[0], kernel.shape());
    (images, Dense::new(kernel[0], kernel[1]))
}

impl<C: CheckpointStrategy> Maps for Autodiff<Flex, C> {
    fn convolution(
        input: FloatTensor<Self>,
        kernel: FloatTensor<Self>,
        scale: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        filtered: Filtered,
    ) -> FloatTensor<Self> {
        let nodes = [input.node(), kernel.node(), scale.node(), bias.node()];
        match ConvolutionGradient.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(mut recording) => {
                let nodes = [recording.checkpoint(&input), recording.checkpoint(&kernel)];
                let [input, kernel, scale, bias] =
                    [input, kernel, scale, bias].map(|it| it.into_primitive());
                let output = Flex::convolution(input, kernel, scale.clone(), bias, filtered);
                let recorded = Recorded { nodes, scale, output: output.clone(), filtered };
                recording.finish(recorded, output)
            }
            OpsKind::UnTracked(plain) => {
                let [input, kernel, scale, bias] =
                    [input, kernel, scale, bias].map(|it| it.into_primitive());
                plain.finish(Flex::convolution(input, kernel, scale, bias, filtered))
            }
        }
    }

    fn windowed(
        input: FloatTensor<Self>,
        kernel: FloatTensor<Self>,
        scale: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        residual: FloatTensor<Self>,
        windowed: Windowed,
    ) -> FloatTensor<Self> {
        let nodes = [input.node(), kernel.node(), scale.node(), bias.node(), residual.node()];
        match WindowedGradient.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(mut recording) => {
                let nodes = [recording.checkpoint(&input), recording.checkpoint(&kernel)];
                let [input, kernel, scale, bias, residual] =
                    [input, kernel, scale, bias, residual].map(|it| it.into_primitive());
                let output = Flex::windowed(input, kernel, scale.clone(), bias, residual, windowed);
                let is_read = windowed.activation != Activation::Linear;
                let kept = is_read.then(|| output.clone());
                recording
                    .finish(windowed::Recorded { nodes, scale, output: kept, windowed }, output)
            }
            OpsKind::UnTracked(plain) => {
                let [input, kernel, scale, bias, residual] =
                    [input, kernel, scale, bias, residual].map(|it| it.into_primitive());
                plain.finish(Flex::windowed(input, kernel, scale, bias, residual, windowed))
            }
        }
    }

    fn max_pool(input: FloatTensor<Self>, pool: Pool) -> FloatTensor<Self> {
        match PoolGradient.prepare::<C>([input.node()]).compute_bound().stateful() {
            OpsKind::Tracked(mut recording) => {
                let from = (recording.checkpoint(&input), pool);
                recording.finish(from, Flex::max_pool(input.into_primitive(), pool))
            }
            OpsKind::UnTracked(plain) => plain.finish(Flex::max_pool(input.into_primitive(), pool)),
        }
    }

    fn planar(input: FloatTensor<Self>, extent: Extent) -> FloatTensor<Self> {
        match PlanarGradient.prepare::<C>([input.node()]).compute_bound().stateful() {
            OpsKind::Tracked(recording) => {
                recording.finish(extent, Flex::planar(input.into_primitive(), extent))
            }
            OpsKind::UnTracked(plain) => plain.finish(Flex::planar(input.into_primitive(), extent)),
        }
    }

    fn dense(input: FloatTensor<Self>, kernel: FloatTensor<Self>) -> FloatTensor<Self> {
        match DenseGradient.prepare::<C>([input.node(), kernel.node()]).compute_bound().stateful() {
            OpsKind::Tracked(mut recording) => {
                let from = [recording.checkpoint(&input), recording.checkpoint(&kernel)];
                let output = Flex::dense(input.into_primitive(), kernel.into_primitive());
                recording.finish(from, output)
            }
            OpsKind::UnTracked(plain) => {
                plain.finish(Flex::dense(input.into_primitive(), kernel.into_primitive()))
            }
        }
    }
}
