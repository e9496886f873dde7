//! Convolutions with windows of any size, and what they send back.

use burn::backend::Flex;
use burn::backend::TensorMetadata;
use burn::backend::autodiff::NodeId;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops};
use burn::tensor::TensorData;
use runner_convolution::{Layout, Windowed, buffer};

use super::host::{Host, map, reclaim, with};

/// What comes out.
pub(super) fn forward(input: Host, kernel: &Host, bias: &Host, windowed: Windowed) -> Host {
    let extent = windowed.output();
    let mut out = buffer::take(windowed.images * extent.len());
    with(&input, |input| {
        with(kernel, |kernel| {
            with(bias, |bias| windowed.forward(input, (kernel, bias), &mut out));
        });
    });
    reclaim(input);
    map(out, windowed.images, extent, Layout::Nchw)
}

#[derive(Debug)]
pub(super) struct WindowedGradient;

impl Backward<Flex, 3> for WindowedGradient {
    /// Input, kernel, and the convolution.
    type State = (NodeId, NodeId, Windowed);

    fn backward(
        self,
        ops: Ops<Self::State, 3>,
        grads: &mut Gradients,
        checkpointer: &mut Checkpointer,
    ) {
        let [for_input, for_kernel, for_bias] = ops.parents;
        let gradient = grads.consume::<Flex>(&ops.node);
        let (input, kernel, windowed) = ops.state;
        let input: Host = checkpointer.retrieve_node_output(input);
        let kernel: Host = checkpointer.retrieve_node_output(kernel);
        if for_kernel.is_some() || for_bias.is_some() {
            let [kernels, biases] = weights(&windowed, &input, &gradient, &kernel);
            if let Some(node) = for_kernel {
                grads.register::<Flex>(node.id, kernels);
            }
            if let Some(node) = for_bias {
                grads.register::<Flex>(node.id, biases);
            }
        }
        if let Some(node) = for_input {
            let mut out = buffer::take(windowed.images * windowed.input.len());
            with(&gradient, |gradient| {
                with(&kernel, |kernel| windowed.input_gradient(gradient, kernel, &mut out));
            });
            let out = map(out, windowed.images, windowed.input, Layout::Nchw);
            grads.register::<Flex>(node.id, out);
        }
        reclaim(input);
        reclaim(gradient);
    }
}

/// The gradients of the kernel and of the bias.
fn weights(windowed: &Windowed, input: &Host, gradient: &Host, kernel: &Host) -> [Host; 2] {
    let mut kernels = buffer::take(kernel.shape().num_elements());
    let mut biases = vec![0.0; windowed.outputs];
    with(input, |input| {
        with(gradient, |gradient| {
            windowed.kernel_gradient(input, gradient, (&mut kernels, &mut biases));
        });
    });
    let biases = TensorData::new(biases, [windowed.outputs]);
    [Host::from_data(TensorData::new(kernels, kernel.shape())), Host::from_data(biases)]
}
