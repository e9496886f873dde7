//! Convolutions with windows of any size, and what they send back.

use burn::backend::Flex;
use burn::backend::TensorMetadata;
use burn::backend::autodiff::NodeId;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops};
use burn::tensor::TensorData;
use runner_convolution::{Received, Wanted, Weights, Windowed, buffer};

use super::host::{Host, map, reclaim, with};

/// What comes out.
pub(super) fn forward(
    input: Host,
    weights: [&Host; 3],
    residual: Host,
    windowed: Windowed,
) -> Host {
    let extent = windowed.output();
    let mut out = buffer::take(windowed.images * extent.values(windowed.to));
    with(&input, |input| {
        with(&residual, |residual| {
            let residual = windowed.residual.map(|_| residual);
            with_all(weights, |[kernel, scale, bias]| {
                let weights = Weights { kernel, scale, bias };
                windowed.forward(input, weights, residual, &mut out);
            });
        });
    });
    reclaim(input);
    reclaim(residual);
    map(out, windowed.images, extent, windowed.to)
}

/// Calls `f` with the values of three tensors.
fn with_all<R>([a, b, c]: [&Host; 3], f: impl FnOnce([&[f32]; 3]) -> R) -> R {
    with(a, |a| with(b, |b| with(c, |c| f([a, b, c]))))
}

/// What the gradients of a convolution need.
#[derive(Debug, Clone)]
pub(super) struct Recorded {
    /// Input and kernel.
    pub(super) nodes: [NodeId; 2],
    pub(super) scale: Host,
    /// What came out, where an activation follows.
    pub(super) output: Option<Host>,
    pub(super) windowed: Windowed,
}

#[derive(Debug)]
pub(super) struct WindowedGradient;

impl Backward<Flex, 5> for WindowedGradient {
    type State = Recorded;

    fn backward(
        self,
        ops: Ops<Recorded, 5>,
        grads: &mut Gradients,
        checkpointer: &mut Checkpointer,
    ) {
        let [for_input, for_kernel, for_scale, for_bias, for_residual] = ops.parents;
        let gradient = grads.consume::<Flex>(&ops.node);
        let Recorded { nodes, scale, output, windowed } = ops.state;
        let [input, kernel] = nodes.map(|node| checkpointer.retrieve_node_output::<Host>(node));
        let of_weights = [for_kernel, for_scale, for_bias];
        let for_residual = for_residual.zip(windowed.residual);
        let (images, extent) = (windowed.images, windowed.output());
        let room = |len: usize, is_wanted: bool| is_wanted.then(|| buffer::take(len));
        let mut inputs = room(images * windowed.input.values(windowed.from), for_input.is_some());
        let mut residuals =
            for_residual.as_ref().map(|(_, layout)| buffer::take(images * extent.values(*layout)));
        let is_wanted = of_weights.iter().any(Option::is_some);
        let mut weights = is_wanted.then(|| weight_room(&kernel, windowed.outputs));
        let wanted = Wanted {
            input: inputs.as_deref_mut(),
            weights: weights.as_mut().map(|all| all.each_mut().map(|it| &mut it[..])),
            residual: residuals.as_deref_mut(),
        };
        let terms = [&input, output.as_ref().unwrap_or(&gradient), &gradient];
        compute(&windowed, terms, [&kernel, &scale], wanted);
        if let Some(found) = weights {
            let shapes = [kernel.shape(), scale.shape(), scale.shape()];
            let found = found.into_iter().zip(shapes).map(|it| TensorData::new(it.0, it.1));
            for (node, found) in of_weights.into_iter().zip(found) {
                if let Some(node) = node {
                    grads.register::<Flex>(node.id, Host::from_data(found));
                }
            }
        }
        if let Some((node, inputs)) = for_input.zip(inputs) {
            let inputs = map(inputs, images, windowed.input, windowed.from);
            grads.register::<Flex>(node.id, inputs);
        }
        if let Some(((node, layout), residuals)) = for_residual.zip(residuals) {
            grads.register::<Flex>(node.id, map(residuals, images, extent, layout));
        }
        for tensor in [Some(input), Some(gradient), output].into_iter().flatten() {
            reclaim(tensor);
        }
    }
}

/// Computes the gradients that are wanted from input, output and its gradient.
fn compute(
    windowed: &Windowed,
    terms: [&Host; 3],
    [kernel, scale]: [&Host; 2],
    wanted: Wanted<'_>,
) {
    with_all(terms, |[input, output, gradient]| {
        // The bias is of no consequence for gradients.
        with_all([kernel, scale, scale], |[kernel, scale, bias]| {
            let weights = Weights { kernel, scale, bias };
            windowed.gradients(Received { input, output, gradient }, weights, wanted);
        });
    });
}

/// Room for the gradients of kernel, scale and bias.
fn weight_room(kernel: &Host, outputs: usize) -> [Vec<f32>; 3] {
    let [scales, biases] = [(); 2].map(|()| vec![0.0; outputs]);
    [buffer::take(kernel.shape().num_elements()), scales, biases]
}
