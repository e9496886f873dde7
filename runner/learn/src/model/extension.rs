//! This project's convolution and pooling as Burn operations of the CPU backend, with gradients.
//!
//! Other backends keep Burn's own: [`super::convolution`] asks before it calls.

use burn::backend::autodiff::NodeId;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::ops::FloatTensorOps;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, Flex, TensorMetadata, backend_extension};
use burn::tensor::TensorData;
use runner_convolution::{Convolution, Dense, Extent, Finish, Order, Pool, buffer, reorder};

/// Operations that this project adds to the CPU backend; `f32` only.
#[backend_extension(Flex, Autodiff)]
pub trait Maps: Backend {
    /// 3×3 convolution with stride 1, bias and ReLU of a batch of maps, `[out, in, 3, 3]` and
    /// `[out]`. Maps are `[batch, channel, height, width]`, or in blocks of channels
    /// `[batch, channel / 16, height × width, 16]`.
    fn convolution_relu(
        input: FloatTensor<Self>,
        kernel: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        convolution: Convolution,
    ) -> FloatTensor<Self>;

    /// 2×2 maximum with stride 2, of a batch of maps as above.
    fn max_pool(input: FloatTensor<Self>, pool: Pool) -> FloatTensor<Self>;

    /// From blocks of channels to `[batch, channel, height, width]`.
    fn planar(input: FloatTensor<Self>, extent: Extent) -> FloatTensor<Self>;

    /// `[batch, in]` times `[in, out]`, `out` a multiple of sixteen.
    fn dense(input: FloatTensor<Self>, kernel: FloatTensor<Self>) -> FloatTensor<Self>;
}

type Host = FloatTensor<Flex>;

/// Calls `f` with the values in their order; no copy where they lie that way.
fn with<R>(tensor: &Host, f: impl FnOnce(&[f32]) -> R) -> R {
    match tensor.as_slice::<f32>() {
        Some(values) => f(values),
        None => f(tensor.to_contiguous().storage::<f32>()),
    }
}

fn map(values: Vec<f32>, images: usize, extent: Extent, order: Order) -> Host {
    let Extent { channels, height, width } = extent;
    let shape = match order {
        Order::Planar => [images, channels, height, width],
        Order::Lanes => {
            let pixels = height * width;
            [images, extent.blocks(), pixels, extent.values(order) / extent.blocks() / pixels]
        }
    };
    Host::from_data(TensorData::new(values, shape))
}

/// Keeps the memory of a tensor that nobody else holds, for the next layer.
fn reclaim(tensor: Host) {
    if tensor.is_unique()
        && let Ok(values) = tensor.into_data().try_into_vec::<f32>()
    {
        buffer::give(values);
    }
}

impl Maps for Flex {
    fn convolution_relu(input: Host, kernel: Host, bias: Host, convolution: Convolution) -> Host {
        let (images, to) = (convolution.problem.images, convolution.to);
        let extent = convolution.problem.output();
        let mut out = buffer::take(images * extent.values(to));
        with(&input, |input| {
            with(&kernel, |kernel| {
                with(&bias, |bias| {
                    let finish = Finish { bias: Some(bias), relu: true };
                    convolution.forward(input, kernel, finish, &mut out);
                });
            });
        });
        reclaim(input);
        map(out, images, extent, to)
    }

    fn max_pool(input: Host, pool: Pool) -> Host {
        let (images, pooled) = (input.shape()[0], pool.extent.pooled());
        let mut out = buffer::take(images * pooled.values(pool.order));
        with(&input, |input| pool.forward(input, &mut out));
        reclaim(input);
        map(out, images, pooled, pool.order)
    }

    fn planar(input: Host, extent: Extent) -> Host {
        reordered(input, extent, Order::Lanes, Order::Planar)
    }

    fn dense(input: Host, kernel: Host) -> Host {
        let (images, dense) = dense(&input, &kernel);
        let mut out = vec![0.0; images * dense.outputs];
        with(&input, |input| with(&kernel, |kernel| dense.forward(input, kernel, &mut out)));
        Host::from_data(TensorData::new(out, [images, dense.outputs]))
    }
}

fn reordered(input: Host, extent: Extent, from: Order, to: Order) -> Host {
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

#[derive(Debug)]
struct ConvolutionGradient;

/// What the gradients of a convolution need.
#[derive(Debug, Clone)]
struct Recorded {
    input: NodeId,
    kernel: NodeId,
    /// What came out: ReLU's derivative is one where that is positive.
    output: Host,
    convolution: Convolution,
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
        let Recorded { input, kernel, output, convolution } = ops.state;
        let input: Host = checkpointer.retrieve_node_output(input);
        let kernel: Host = checkpointer.retrieve_node_output(kernel);
        let (images, extent) = (convolution.problem.images, convolution.problem.input);
        with(&gradient, |gradient| {
            with(&output, |output| {
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
                        convolution.input_gradient(gradient, Some(output), kernel, &mut out);
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
    output: &[f32],
    kernel: &Host,
) -> [Host; 2] {
    let outputs = convolution.problem.outputs;
    let mut kernels = buffer::take(kernel.shape().num_elements());
    let mut biases = vec![0.0; outputs];
    with(input, |input| {
        let out = (&mut kernels[..], &mut biases[..]);
        convolution.kernel_gradient(input, gradient, Some(output), out);
    });
    [
        Host::from_data(TensorData::new(kernels, kernel.shape())),
        Host::from_data(TensorData::new(biases, [outputs])),
    ]
}

#[derive(Debug)]
struct PoolGradient;

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
            let mut out = buffer::take(images * pool.extent.values(pool.order));
            with(&input, |input| {
                with(&gradient, |gradient| pool.gradient(input, gradient, &mut out));
            });
            grads.register::<Flex>(node.id, map(out, images, pool.extent, pool.order));
        }
        reclaim(gradient);
    }
}

#[derive(Debug)]
struct PlanarGradient;

impl Backward<Flex, 1> for PlanarGradient {
    type State = Extent;

    fn backward(self, ops: Ops<Extent, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let [for_input] = ops.parents;
        let gradient = grads.consume::<Flex>(&ops.node);
        if let Some(node) = for_input {
            let gradient = reordered(gradient, ops.state, Order::Planar, Order::Lanes);
            grads.register::<Flex>(node.id, gradient);
        }
    }
}

#[derive(Debug)]
struct DenseGradient;

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

impl<C: CheckpointStrategy> Maps for Autodiff<Flex, C> {
    fn convolution_relu(
        input: FloatTensor<Self>,
        kernel: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        convolution: Convolution,
    ) -> FloatTensor<Self> {
        let nodes = [input.node(), kernel.node(), bias.node()];
        match ConvolutionGradient.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(mut recording) => {
                let (from, filters) = (recording.checkpoint(&input), recording.checkpoint(&kernel));
                let output = Flex::convolution_relu(
                    input.into_primitive(),
                    kernel.into_primitive(),
                    bias.into_primitive(),
                    convolution,
                );
                let recorded =
                    Recorded { input: from, kernel: filters, output: output.clone(), convolution };
                recording.finish(recorded, output)
            }
            OpsKind::UnTracked(plain) => plain.finish(Flex::convolution_relu(
                input.into_primitive(),
                kernel.into_primitive(),
                bias.into_primitive(),
                convolution,
            )),
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
