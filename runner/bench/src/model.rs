//! Steps of the model.

use burn::tensor::Tensor;
use runner_convolution::buffer;
use runner_experiment::architecture::{ArchitectureName, Op, Shape, Top, layers, output};
use runner_experiment::plan::{Optimizer as Settings, Rmsprop, Rule};
use runner_experiment::section::model::Pooling;
use runner_experiment::section::task::Task;
use runner_learn::gradients::{Suffix, gradients};
use runner_learn::loss::Target;
use runner_learn::optimizer::{Optimizer, Trained};
use runner_network::device::Compute;
use runner_network::inference::Inference;
use runner_network::parameter::read;
use runner_network::{Flow, Network};

use crate::job::{BATCH, Error, Job, SIDE, numbers};

fn vgg16(top: &Top<'_>) -> Result<Network, Error> {
    let layers = layers(ArchitectureName::default(), [SIDE, SIDE], top)?;
    Ok(Network::new(layers, Default::default(), 0, Compute::cpu()))
}

pub(crate) fn images(shape: Shape) -> Vec<f32> {
    numbers(BATCH * shape.elements())
}

/// A copy, in memory that the batch before has left, as the loader takes it.
pub(crate) fn batch(input: &[f32]) -> Vec<f32> {
    let mut values = buffer::room(input.len());
    values.extend_from_slice(input);
    values
}

/// The conv base on one batch, prepared as for feature extraction and evaluation.
pub fn forward() -> Result<Job, Error> {
    infer(vgg16(&Top::None)?)
}

/// A network on one batch, prepared.
pub(crate) fn infer(network: Network) -> Result<Job, Error> {
    // Lives as long as the process that times it.
    let network: &'static Network = Box::leak(Box::new(network));
    let base = Inference::new(network, 0..network.layers.len())?;
    let input = images(network.layers[0].input);
    Ok(Box::new(move || {
        let features = base.forward(batch(&input), BATCH).rows();
        buffer::give(features.into_data().try_into_vec()?);
        Ok(())
    }))
}

/// Forward, gradients and an RMSProp step of block5.
pub fn block5() -> Result<Job, Error> {
    let network = vgg16(&Top::None)?;
    let first = network.layers.iter().position(|layer| layer.block == "block5");
    let first = first.ok_or("VGG16 has a block5")?;
    Ok(train(network, first, Some(rmsprop())))
}

/// Forward and gradients of the whole conv base.
pub fn full() -> Result<Job, Error> {
    Ok(train(vgg16(&Top::None)?, 0, None))
}

/// Forward, gradients and an RMSProp step of the textbook's head on cached features.
pub fn head() -> Result<Job, Error> {
    let network = vgg16(&Top::Head {
        pooling: Pooling::Flatten,
        hidden: &[256],
        dropout: 0.0,
        output: output(Task::Classification, 2),
    })?;
    let first = network.layers.iter().position(|layer| matches!(layer.op, Op::Dense { .. }));
    Ok(train(network, first.ok_or("a head is dense")?, Some(rmsprop())))
}

fn rmsprop() -> Rule {
    Rule::Rmsprop(Rmsprop::default())
}

/// A training step of the layers from `first` on; the sum of what comes out stands for a loss where
/// there is no head.
pub(crate) fn train(mut network: Network, first: usize, rule: Option<Rule>) -> Job {
    let shape = network.layers[first].input;
    let input = images(shape);
    let has_head = matches!(network.layers.last().map(|l| l.output), Some(Shape::Vector(_)));
    let indices: Vec<usize> = (network.first_parameter(first)..network.parameters.len()).collect();
    let trained = &network.parameters[indices[0]..];
    let trained = trained.iter().map(|parameter| Trained::new(parameter, 1e-5)).collect();
    let step = rule.is_some();
    let settings = Settings::plain(rule.unwrap_or_else(rmsprop), 1e-5);
    let mut optimizer = Optimizer::new(settings, trained, true);
    let targets: Vec<Target> = (0..BATCH).map(|at| Target::of(at % 2, 2)).collect();
    Box::new(move || {
        let flow = Flow::batch(batch(&input), BATCH, shape, &network.compute);
        let slopes = if has_head {
            let (network, indices) = (&network, &indices);
            let suffix = Suffix { network, prefix: first, training: None, indices };
            gradients(suffix, flow, &targets.clone().into())?.gradients
        } else {
            of_mean_square(&network, first, flow, &indices)?
        };
        if step {
            let trained = network.parameters[indices[0]..].iter_mut();
            let mut values: Vec<&mut Tensor<1>> = trained.map(|p| &mut p.value).collect();
            optimizer.step(&mut values, slopes, 1.0)?;
        } else {
            release(slopes)?;
        }
        Ok(())
    })
}

/// Gives the memory of gradients back, as the optimizer's step does.
fn release(slopes: Vec<Tensor<1>>) -> Result<(), Error> {
    for slope in slopes {
        buffer::give(read(slope)?);
    }
    Ok(())
}

/// Gradients of the mean square of what comes out.
pub(crate) fn of_mean_square(
    network: &Network,
    first: usize,
    input: Flow,
    indices: &[usize],
) -> Result<Vec<Tensor<1>>, Error> {
    let mut values = network.values();
    for at in indices {
        values[*at] = values[*at].clone().autodiff().require_grad();
    }
    let whole = first..network.layers.len();
    let out = network.forward(whole, input, &values).rows();
    let mut graph = out.powf_scalar(2.0).mean().backward();
    let gradients = indices.iter().map(|at| values[*at].grad_remove(&mut graph));
    gradients.collect::<Option<_>>().ok_or_else(|| "a parameter has no gradient".into())
}
