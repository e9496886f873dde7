//! What the operations send back: their steps in Burn's graph of gradients.

use burn::backend::autodiff::NodeId;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops};
use burn::backend::ops::FloatTensorOps;
use burn::backend::{Flex, TensorMetadata};
use burn::tensor::TensorData;
use runner_convolution::{Extent, Layout, Pool, buffer};

use super::host::{Host, map, reclaim, with};
use super::{dense, reordered};

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
