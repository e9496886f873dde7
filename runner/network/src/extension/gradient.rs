//! What the operations send back: their steps in Burn's graph of gradients.

use burn::backend::autodiff::NodeId;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops};
use burn::backend::ops::FloatTensorOps;
use burn::backend::{Flex, TensorMetadata};
use burn::tensor::TensorData;
use runner_convolution::{Convolution, Extent, Layout, Pool, buffer};

use super::host::{Host, map, reclaim, with};
use super::{dense, reordered};

#[derive(Debug)]
pub(super) struct ConvolutionGradient;

/// What the gradients of a convolution need.
#[derive(Debug, Clone)]
pub(super) struct Recorded {
    pub(super) input: NodeId,
    pub(super) kernel: NodeId,
    /// What came out: ReLU's derivative is one where that is positive.
    pub(super) output: Host,
    pub(super) convolution: Convolution,
    /// Whether ReLU was applied to it.
    pub(super) relu: bool,
}

impl Backward<Flex, 3> for ConvolutionGradient {
    type State = Recorded;

    fn backward(
        self,
        ops: Ops<Recorded, 3>,
        grads: &mut Gradients,
        checkpointer: &mut Checkpointer,
    ) {
        let [for_input, for_kernel, for_bias] = ops.parents;
        let gradient = grads.consume::<Flex>(&ops.node);
        let Recorded { input, kernel, output, convolution, relu } = ops.state;
        let input: Host = checkpointer.retrieve_node_output(input);
        let kernel: Host = checkpointer.retrieve_node_output(kernel);
        let (images, extent) = (convolution.shape.images, convolution.shape.input);
        with(&gradient, |gradient| {
            with(&output, |output| {
                let output = relu.then_some(output);
                if for_kernel.is_some() || for_bias.is_some() {
                    let [kernels, biases] =
                        kernel_gradient(&convolution, &input, gradient, output, &kernel);
                    if let Some(node) = for_kernel {
                        grads.register::<Flex>(node.id, kernels);
                    }
                    if let Some(node) = for_bias {
                        grads.register::<Flex>(node.id, biases);
                    }
                }
                if let Some(node) = for_input {
                    let mut out = buffer::take(images * extent.values(convolution.from));
                    with(&kernel, |kernel| {
                        convolution.input_gradient(gradient, output, kernel, &mut out);
                    });
                    let out = map(out, images, extent, convolution.from);
                    grads.register::<Flex>(node.id, out);
                }
            });
        });
        for tensor in [input, gradient, output] {
            reclaim(tensor);
        }
    }
}

/// The gradients of the kernel and of the bias.
fn kernel_gradient(
    convolution: &Convolution,
    input: &Host,
    gradient: &[f32],
    output: Option<&[f32]>,
    kernel: &Host,
) -> [Host; 2] {
    let outputs = convolution.shape.outputs;
    let mut kernels = buffer::take(kernel.shape().num_elements());
    let mut biases = vec![0.0; outputs];
    with(input, |input| {
        let out = (&mut kernels[..], &mut biases[..]);
        convolution.kernel_gradient(input, gradient, output, out);
    });
    [
        Host::from_data(TensorData::new(kernels, kernel.shape())),
        Host::from_data(TensorData::new(biases, [outputs])),
    ]
}

#[derive(Debug)]
pub(super) struct PoolGradient;

impl Backward<Flex, 1> for PoolGradient {
    type State = (NodeId, Pool);

    fn backward(
        self,
        ops: Ops<(NodeId, Pool), 1>,
        grads: &mut Gradients,
        checkpointer: &mut Checkpointer,
    ) {
        let [for_input] = ops.parents;
        let gradient = grads.consume::<Flex>(&ops.node);
        let (input, pool) = ops.state;
        let input: Host = checkpointer.retrieve_node_output(input);
        if let Some(node) = for_input {
            let images = input.shape()[0];
            let mut out = buffer::take(images * pool.extent.values(pool.layout));
            with(&input, |input| {
                with(&gradient, |gradient| pool.gradient(input, gradient, &mut out));
            });
            grads.register::<Flex>(node.id, map(out, images, pool.extent, pool.layout));
        }
        reclaim(gradient);
    }
}

#[derive(Debug)]
pub(super) struct PlanarGradient;

impl Backward<Flex, 1> for PlanarGradient {
    type State = Extent;

    fn backward(self, ops: Ops<Extent, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let [for_input] = ops.parents;
        let gradient = grads.consume::<Flex>(&ops.node);
        if let Some(node) = for_input {
            let gradient = reordered(gradient, ops.state, Layout::Nchw, Layout::Nchw16c);
            grads.register::<Flex>(node.id, gradient);
        }
    }
}

#[derive(Debug)]
pub(super) struct DenseGradient;

impl Backward<Flex, 2> for DenseGradient {
    /// Input and kernel.
    type State = [NodeId; 2];

    fn backward(
        self,
        ops: Ops<[NodeId; 2], 2>,
        grads: &mut Gradients,
        checkpointer: &mut Checkpointer,
    ) {
        let [for_input, for_kernel] = ops.parents;
        let gradient = grads.consume::<Flex>(&ops.node);
        let [input, kernel] = ops.state;
        let input: Host = checkpointer.retrieve_node_output(input);
        let kernel: Host = checkpointer.retrieve_node_output(kernel);
        if let Some(node) = for_kernel {
            let (_, dense) = dense(&input, &kernel);
            let mut out = buffer::take(dense.inputs * dense.outputs);
            with(&input, |input| {
                with(&gradient, |gradient| dense.kernel_gradient(input, gradient, &mut out));
            });
            let out = TensorData::new(out, [dense.inputs, dense.outputs]);
            grads.register::<Flex>(node.id, Host::from_data(out));
        }
        if let Some(node) = for_input {
            let kernel = Flex::float_swap_dims(kernel, 0, 1);
            grads.register::<Flex>(node.id, Flex::float_matmul(gradient, kernel));
        }
    }
}
