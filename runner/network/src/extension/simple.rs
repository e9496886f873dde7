//! 3×3 convolutions with stride 1, and what they send back.

use burn::backend::Flex;
use burn::backend::TensorMetadata;
use burn::backend::autodiff::NodeId;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops};
use burn::tensor::TensorData;
use runner_convolution::{Convolution, Epilogue, buffer, scale_back, scaled};

use super::host::{Host, map, reclaim, with};

/// A convolution with what is done to its filters and its sums.
#[derive(Debug, Clone, Copy)]
pub struct Filtered {
    /// The convolution.
    pub convolution: Convolution,
    /// Whether ReLU follows.
    pub relu: bool,
    /// Whether each filter is multiplied by a factor.
    pub scaled: bool,
}

impl Filtered {
    /// Calls `f` with the filters times their factors.
    fn filters<R>(&self, kernel: &Host, scale: &Host, f: impl FnOnce(&[f32]) -> R) -> R {
        with(kernel, |kernel| {
            if !self.scaled {
                return f(kernel);
            }
            let mut filters = buffer::take(kernel.len());
            with(scale, |scale| scaled(kernel, scale, &mut filters));
            let result = f(&filters);
            buffer::give(filters);
            result
        })
    }
}

/// What comes out.
pub(super) fn forward(input: Host, [kernel, scale, bias]: [&Host; 3], filtered: Filtered) -> Host {
    let Filtered { convolution, relu, .. } = filtered;
    let (images, to) = (convolution.shape.images, convolution.to);
    let extent = convolution.shape.output();
    let mut out = buffer::take(images * extent.values(to));
    with(&input, |input| {
        filtered.filters(kernel, scale, |kernel| {
            with(bias, |bias| {
                let epilogue = Epilogue { bias: Some(bias), relu };
                convolution.forward(input, kernel, epilogue, &mut out);
            });
        });
    });
    reclaim(input);
    map(out, images, extent, to)
}

#[derive(Debug)]
pub(super) struct ConvolutionGradient;

/// What the gradients of a convolution need.
#[derive(Debug, Clone)]
pub(super) struct Recorded {
    /// Input and kernel.
    pub(super) nodes: [NodeId; 2],
    pub(super) scale: Host,
    /// What came out: ReLU's derivative is one where that is positive.
    pub(super) output: Host,
    pub(super) filtered: Filtered,
}

impl Backward<Flex, 4> for ConvolutionGradient {
    type State = Recorded;

    fn backward(
        self,
        ops: Ops<Recorded, 4>,
        grads: &mut Gradients,
        checkpointer: &mut Checkpointer,
    ) {
        let [for_input, for_kernel, for_scale, for_bias] = ops.parents;
        let gradient = grads.consume::<Flex>(&ops.node);
        let Recorded { nodes, scale, output, filtered } = ops.state;
        let [input, kernel] = nodes.map(|node| checkpointer.retrieve_node_output::<Host>(node));
        let convolution = filtered.convolution;
        let for_scale = for_scale.filter(|_| filtered.scaled);
        let (images, extent) = (convolution.shape.images, convolution.shape.input);
        with(&gradient, |gradient| {
            with(&output, |output| {
                let output = filtered.relu.then_some(output);
                let of_weights = [for_kernel, for_scale, for_bias];
                if of_weights.iter().any(Option::is_some) {
                    let found = weights(&filtered, &input, (gradient, output), [&kernel, &scale]);
                    for (node, found) in of_weights.into_iter().zip(found) {
                        if let Some(node) = node {
                            grads.register::<Flex>(node.id, found);
                        }
                    }
                }
                if let Some(node) = for_input {
                    let mut out = buffer::take(images * extent.values(convolution.from));
                    filtered.filters(&kernel, &scale, |kernel| {
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

/// The gradients of the kernel, of its factors and of the bias.
fn weights(
    filtered: &Filtered,
    input: &Host,
    (gradient, output): (&[f32], Option<&[f32]>),
    [kernel, scale]: [&Host; 2],
) -> [Host; 3] {
    let outputs = filtered.convolution.shape.outputs;
    let mut kernels = buffer::take(kernel.shape().num_elements());
    let [mut scales, mut biases] = [(); 2].map(|()| vec![0.0; outputs]);
    with(input, |input| {
        let out = (&mut kernels[..], &mut biases[..]);
        filtered.convolution.kernel_gradient(input, gradient, output, out);
    });
    if filtered.scaled {
        with(kernel, |kernel| {
            with(scale, |scale| scale_back(kernel, scale, &mut kernels, &mut scales));
        });
    }
    [
        Host::from_data(TensorData::new(kernels, kernel.shape())),
        Host::from_data(TensorData::new(scales, [outputs])),
        Host::from_data(TensorData::new(biases, [outputs])),
    ]
}
