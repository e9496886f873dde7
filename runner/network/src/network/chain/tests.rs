//! Layers that are computed in passing against the same one by one.

use runner_experiment::architecture::{ArchitectureName, Top, layers};
use runner_random::{Key, Purpose};

use super::*;
use crate::device::Compute;
use crate::error::NetworkError;
use crate::flow::Flow;
use crate::inference;
use crate::op::Training;
use crate::parameter::{read, tensor};
use crate::weights::tensors::Weights;

const IMAGES: usize = 2;

/// A network whose normalizations are none of those that change nothing, and a batch for it.
fn network(name: &str, seed: u64) -> Result<(Network, Flow), NetworkError> {
    let name = ArchitectureName::find(name).unwrap_or_default();
    let layers = layers(name, [64, 64], &Top::None).unwrap_or_default();
    let mut network = Network::new(layers, Weights::default(), seed, Compute::cpu());
    let mut stream = Key::new(seed, Purpose::Generate).stream();
    for parameter in &mut network.parameters {
        let values = parameter.values()?;
        if values.iter().all(|value| *value == values[0]) {
            let moved = values.iter().map(|value| value + 0.5 * (stream.uniform() - 0.5));
            parameter.value = tensor(moved.collect(), &network.compute.device);
        }
    }
    let shape = network.layers[0].input;
    let pixels = (0..IMAGES * shape.elements()).map(|_| stream.uniform()).collect();
    let flow = Flow::batch(pixels, IMAGES, shape, &network.compute);
    Ok((network, flow))
}

/// What comes out, and the gradients of its mean square by all parameters; layer by layer, or
/// several in passing.
fn all(network: &Network, input: &Flow, passing: bool) -> Result<Vec<Vec<f32>>, NetworkError> {
    let values = network.values().into_iter();
    let values: Vec<_> = values.map(|value| value.autodiff().require_grad()).collect();
    let out = match passing {
        true => network.forward(0..network.layers.len(), input.clone(), &values),
        false => network.forward_through(input.clone(), &values, 0, &mut |flow| flow),
    };
    let rows = out.rows();
    let mut graph = rows.clone().powf_scalar(2.0).mean().backward();
    let mut all = vec![read(rows.inner())?];
    for value in &values {
        all.push(value.grad_remove(&mut graph).map_or(Ok(Vec::new()), read)?);
    }
    Ok(all)
}

/// The largest difference in one of the gradients over its largest value.
fn off(network: &Network, input: &Flow) -> Result<f32, NetworkError> {
    let one_by_one = all(network, input, false)?;
    let mut most = 0.0_f32;
    for (expected, found) in one_by_one.into_iter().zip(all(network, input, true)?) {
        let top = expected.iter().fold(0.0_f32, |top, value| top.max(value.abs()));
        let off = expected.iter().zip(&found).map(|(a, b)| (a - b).abs());
        assert_eq!(expected.len(), found.len());
        most = most.max(off.fold(0.0, f32::max) / top.max(f32::MIN_POSITIVE));
    }
    Ok(most)
}

#[test]
fn layers_in_passing_compute_what_they_do_one_by_one() -> Result<(), NetworkError> {
    for name in ["resnet18", "mobilenet_v2"] {
        let draw = |seed| {
            let (network, input) = network(name, seed)?;
            off(&network, &input)
        };
        let mut draws = (1..=5).map(draw).collect::<Result<Vec<f32>, NetworkError>>()?;
        draws.sort_by(f32::total_cmp);
        // A value that is nearly zero may be on either side of a ReLU: in most draws none is.
        assert!(draws[2] < 1e-4, "{name}: {draws:?}");
    }
    // In a deeper network, a value that is nearly zero may be on either side of a ReLU.
    let (network, _) = network("resnet50", 7)?;
    let first = network.layers.iter().position(|layer| layer.name.starts_with("layer4."));
    let part = network.part(first.unwrap_or(0)..network.layers.len());
    let shape = part.layers[0].input;
    let mut stream = Key::new(2, Purpose::Generate).stream();
    let values = (0..IMAGES * shape.elements()).map(|_| stream.uniform()).collect();
    let off = off(&part, &Flow::batch(values, IMAGES, shape, &part.compute))?;
    assert!(off < 1e-4, "the last stage of ResNet-50: {off}");
    Ok(())
}

#[test]
fn a_residual_block_is_three_convolutions() -> Result<(), NetworkError> {
    let (network, input) = network("resnet50", 7)?;
    let index = |name: &str| network.layers.iter().position(|layer| layer.name == name);
    let chain = |name: &str, values: &[Tensor<1>], is_training: bool| {
        let index = index(name)?;
        // Everything that comes before it is there.
        let mut alive = Alive::new(LayerId::IMAGE, input.clone().into());
        (0..index).for_each(|before| alive.put(LayerId::of(before), input.clone().into()));
        network.chain(index, network.layers.len(), (values, is_training), &alive)
    };
    let values = network.values();
    let last = chain("layer4.1.conv3", &values, true);
    assert!(last.is_some_and(|it| it.norm.is_some() && it.add.is_some()));
    assert!(last.is_some_and(|it| it.activation.is_some() && it.members().count() == 3));
    let first = chain("layer4.1.conv1", &values, true);
    assert!(first.is_some_and(|it| it.add.is_none() && it.members().count() == 2));
    // A normalization that goes by its batch stands for itself.
    let trained: Vec<_> = values.iter().map(|it| it.clone().autodiff().require_grad()).collect();
    assert_eq!(chain("layer4.1.conv3", &trained, true), None);
    assert!(chain("layer4.1.conv3", &trained, false).is_some());
    Ok(())
}

#[test]
fn trained_normalizations_move_what_is_kept() -> Result<(), NetworkError> {
    let (network, input) = network("resnet18", 7)?;
    let values: Vec<_> =
        network.values().into_iter().map(|it| it.autodiff().require_grad()).collect();
    let training = Training { key: Key::new(0, Purpose::Dropout), samples: &[0, 1] };
    let whole = 0..network.layers.len();
    let norms =
        network.layers.iter().filter(|layer| matches!(layer.op, Op::BatchNorm { .. })).count();
    let (out, moved) = network.forward_training(whole, input, &values, training);
    assert_eq!(moved.len(), 2 * norms);
    assert!(inference::values(out)?.iter().all(|value| value.is_finite()));
    Ok(())
}
