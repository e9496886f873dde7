//! Layers as Burn operations of the GPU backend, with gradients.

use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::ops::{Backward, OpsKind};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, AutodiffBackend, Backend, backend_extension};
use burn_cubecl::CubeBackend;
use burn_cubecl::tensor::CubeTensor;

use super::gradient::{
    ConvolutionGradient, DenseGradient, PoolGradient, RecordedConvolution, RecordedDense,
};
use super::kernel::activation::{Epilogue, Function};
use super::product::Geometry;
use super::rule::Rule;
use super::{convolution, dense, windows};

/// Operations that this project adds to Burn's GPU backend.
#[backend_extension(Cube, Autodiff)]
pub trait Layers: Backend {
    /// A convolution with bias and activation, of maps `[image, channel, row, column]` and a kernel
    /// `[output, input / groups, row, column]`. Without a bias, `bias` is any tensor.
    fn convolve(
        input: FloatTensor<Self>,
        kernel: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        geometry: Geometry,
        epilogue: Epilogue,
        rule: Rule,
    ) -> FloatTensor<Self>;

    /// The largest value of each window; what stands around the map is smaller than anything.
    fn pool(input: FloatTensor<Self>, geometry: Geometry) -> FloatTensor<Self>;

    /// A fully connected layer with bias and activation, `[image, input]` and `[input, output]`.
    fn connect(
        input: FloatTensor<Self>,
        kernel: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        function: Function,
    ) -> FloatTensor<Self>;

    /// A kernel `[output, input, row, column]` as [`Layers::convolve`] reads it best. Not
    /// differentiable: for kernels that are not trained.
    fn packed(kernel: FloatTensor<Self>, rule: Rule) -> FloatTensor<Self>;
}

impl Layers for CubeBackend {
    fn convolve(
        input: CubeTensor,
        kernel: CubeTensor,
        bias: CubeTensor,
        geometry: Geometry,
        epilogue: Epilogue,
        rule: Rule,
    ) -> CubeTensor {
        convolution::forward(&input, &kernel, &bias, geometry, epilogue, rule)
    }

    fn pool(input: CubeTensor, geometry: Geometry) -> CubeTensor {
        windows::max_pool(&input, geometry)
    }

    fn connect(
        input: CubeTensor,
        kernel: CubeTensor,
        bias: CubeTensor,
        function: Function,
    ) -> CubeTensor {
        dense::forward(&input, &kernel, &bias, Epilogue { bias: true, function })
    }

    fn packed(kernel: CubeTensor, rule: Rule) -> CubeTensor {
        convolution::packed(&kernel, rule)
    }
}

impl<C: CheckpointStrategy> Layers for Autodiff<CubeBackend, C> {
    fn convolve(
        input: FloatTensor<Self>,
        kernel: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        geometry: Geometry,
        epilogue: Epilogue,
        rule: Rule,
    ) -> FloatTensor<Self> {
        let nodes = [input.node(), kernel.node(), bias.node()];
        match ConvolutionGradient.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(mut recording) => {
                let from = [recording.checkpoint(&input), recording.checkpoint(&kernel)];
                let output = CubeBackend::convolve(
                    input.into_primitive(),
                    kernel.into_primitive(),
                    bias.into_primitive(),
                    geometry,
                    epilogue,
                    rule,
                );
                let seen = (epilogue.function != Function::Linear).then(|| output.clone());
                let recorded = RecordedConvolution { from, output: seen, geometry, epilogue, rule };
                recording.finish(recorded, output)
            }
            OpsKind::UnTracked(plain) => plain.finish(CubeBackend::convolve(
                input.into_primitive(),
                kernel.into_primitive(),
                bias.into_primitive(),
                geometry,
                epilogue,
                rule,
            )),
        }
    }

    fn pool(input: FloatTensor<Self>, geometry: Geometry) -> FloatTensor<Self> {
        match PoolGradient.prepare::<C>([input.node()]).compute_bound().stateful() {
            OpsKind::Tracked(mut recording) => {
                let from = (recording.checkpoint(&input), geometry);
                recording.finish(from, CubeBackend::pool(input.into_primitive(), geometry))
            }
            OpsKind::UnTracked(plain) => {
                plain.finish(CubeBackend::pool(input.into_primitive(), geometry))
            }
        }
    }

    fn connect(
        input: FloatTensor<Self>,
        kernel: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        function: Function,
    ) -> FloatTensor<Self> {
        let nodes = [input.node(), kernel.node(), bias.node()];
        match DenseGradient.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(mut recording) => {
                let from = [recording.checkpoint(&input), recording.checkpoint(&kernel)];
                let output = CubeBackend::connect(
                    input.into_primitive(),
                    kernel.into_primitive(),
                    bias.into_primitive(),
                    function,
                );
                let seen = (function != Function::Linear).then(|| output.clone());
                recording.finish(RecordedDense { from, output: seen, function }, output)
            }
            OpsKind::UnTracked(plain) => plain.finish(CubeBackend::connect(
                input.into_primitive(),
                kernel.into_primitive(),
                bias.into_primitive(),
                function,
            )),
        }
    }

    fn packed(kernel: FloatTensor<Self>, rule: Rule) -> FloatTensor<Self> {
        <Self as AutodiffBackend>::from_inner(CubeBackend::packed(kernel.into_primitive(), rule))
    }
}
