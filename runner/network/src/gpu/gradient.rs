//! What the operations send back: their steps in Burn's graph of gradients.

use burn::backend::autodiff::NodeId;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops};
use burn_cubecl::CubeBackend;
use burn_cubecl::tensor::CubeTensor;

use super::kernel::activation::{Epilogue, Function};
use super::launch::{pixels, sizes, view};
use super::product::Geometry;
use super::rule::Rule;
use super::{convolution, dense, epilogue, windows};

#[derive(Debug)]
pub(super) struct ConvolutionGradient;

/// What the gradients of a convolution need.
#[derive(Debug, Clone)]
pub(super) struct RecordedConvolution {
    /// Input and kernel.
    pub(super) from: [NodeId; 2],
    /// What came out, where an activation's derivative depends on it.
    pub(super) output: Option<CubeTensor>,
    pub(super) geometry: Geometry,
    pub(super) epilogue: Epilogue,
    pub(super) rule: Rule,
}

impl Backward<CubeBackend, 3> for ConvolutionGradient {
    type State = RecordedConvolution;

    fn backward(
        self,
        ops: Ops<RecordedConvolution, 3>,
        grads: &mut Gradients,
        checkpointer: &mut Checkpointer,
    ) {
        let [for_input, for_kernel, for_bias] = ops.parents;
        let mut gradient = grads.consume::<CubeBackend>(&ops.node);
        let RecordedConvolution { from: [input, kernel], output, geometry, epilogue, rule } =
            ops.state;
        let input: CubeTensor = checkpointer.retrieve_node_output(input);
        let kernel: CubeTensor = checkpointer.retrieve_node_output(kernel);
        let for_bias = for_bias.filter(|_| epilogue.bias);
        if for_bias.is_some() || epilogue.function != Function::Linear {
            let (before, bias) = epilogue::backward(gradient, output, epilogue.function);
            gradient = before;
            if let Some(node) = for_bias {
                grads.register::<CubeBackend>(node.id, bias);
            }
        }
        if let Some(node) = for_kernel {
            let shape = sizes(&kernel);
            let out = convolution::kernel_gradient(&input, &gradient, shape, geometry, rule);
            grads.register::<CubeBackend>(node.id, out);
        }
        if let Some(node) = for_input {
            let out = convolution::input_gradient(&gradient, &kernel, &input, geometry, rule);
            grads.register::<CubeBackend>(node.id, out);
        }
    }
}

#[derive(Debug)]
pub(super) struct PoolGradient;

impl Backward<CubeBackend, 1> for PoolGradient {
    type State = (NodeId, Geometry);

    fn backward(
        self,
        ops: Ops<(NodeId, Geometry), 1>,
        grads: &mut Gradients,
        checkpointer: &mut Checkpointer,
    ) {
        let [for_input] = ops.parents;
        let gradient = grads.consume::<CubeBackend>(&ops.node);
        let (input, geometry) = ops.state;
        let input: CubeTensor = checkpointer.retrieve_node_output(input);
        if let Some(node) = for_input {
            let out = windows::max_pool_input(&input, &gradient, geometry);
            grads.register::<CubeBackend>(node.id, out);
        }
    }
}

#[derive(Debug)]
pub(super) struct DenseGradient;

/// What the gradients of a fully connected layer need.
#[derive(Debug, Clone)]
pub(super) struct RecordedDense {
    /// Input and kernel.
    pub(super) from: [NodeId; 2],
    /// What came out, where an activation's derivative depends on it.
    pub(super) output: Option<CubeTensor>,
    pub(super) function: Function,
}

impl Backward<CubeBackend, 3> for DenseGradient {
    type State = RecordedDense;

    fn backward(
        self,
        ops: Ops<RecordedDense, 3>,
        grads: &mut Gradients,
        checkpointer: &mut Checkpointer,
    ) {
        let [for_input, for_kernel, for_bias] = ops.parents;
        let gradient = grads.consume::<CubeBackend>(&ops.node);
        let RecordedDense { from: [input, kernel], output, function } = ops.state;
        let input: CubeTensor = checkpointer.retrieve_node_output(input);
        let kernel: CubeTensor = checkpointer.retrieve_node_output(kernel);
        let output = output.as_ref().map(pixels);
        let (gradient, bias) = epilogue::backward(pixels(&gradient), output, function);
        let [images, outputs, ..]: [usize; 4] = sizes(&gradient);
        let strides = gradient.meta.strides();
        let gradient = view(&gradient, [images, outputs], [strides[0], strides[1]]);
        if let Some(node) = for_bias {
            grads.register::<CubeBackend>(node.id, bias);
        }
        if let Some(node) = for_kernel {
            grads.register::<CubeBackend>(node.id, dense::kernel_gradient(&input, &gradient));
        }
        if let Some(node) = for_input {
            let out = dense::input_gradient(&gradient, &kernel, input.dtype);
            grads.register::<CubeBackend>(node.id, out);
        }
    }
}
