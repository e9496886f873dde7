//! Rows on a GPU, for a comparison with PyTorch: `forward_<batch>_<side>` is VGG16's conv base on images
//! of the host, features back to the host; `block5_…` and `full_…` are forward, backward and an RMSProp
//! step of its last block and of all of it.

use burn::tensor::Tensor;
use runner_experiment::architecture::{ArchitectureName, Top, layers};
use runner_experiment::plan::{Optimizer as Settings, Rmsprop, Rule};
use runner_experiment::section::run::{DeviceName, Precision};
use runner_learn::optimizer::{Optimizer, Trained};
use runner_network::device::{Wanted, select};
use runner_network::inference::{Inference, values};
use runner_network::parameter::read;
use runner_network::{Compute, Flow, Network};

use crate::job::{Error, Job, numbers};
use crate::model::of_mean_square;

/// Steps that follow each other before the card is waited for, as in training.
const STEPS: usize = 10;

/// A device by its name, with a precision.
///
/// # Errors
///
/// A word that is none, or a device that is not there.
pub fn device(name: &str, precision: &str) -> Result<Compute, Error> {
    let device: DeviceName = name.parse().map_err(|_| format!("there is no device `{name}`"))?;
    let precision = match precision {
        "f32" => Precision::F32,
        "tf32" => Precision::Tf32,
        "bf16" => Precision::Bf16,
        other => return Err(format!("there is no precision `{other}`").into()),
    };
    Ok(select(Wanted { device, precision: Some(precision), autotune: false })?)
}

/// The work of a row, and how many pieces it does at a time.
///
/// # Errors
///
/// A name that is none.
pub fn prepare(row: &str, compute: &Compute) -> Result<(Job, usize), Error> {
    let parts: Vec<&str> = row.split('_').collect();
    let [kind, batch, side] = parts[..] else { return Err(unknown(row)) };
    let (images, side) = (batch.parse()?, side.parse()?);
    let layers = layers(ArchitectureName::default(), [side, side], &Top::None)?;
    let network = Network::new(layers, Default::default(), 0, compute.clone());
    match kind {
        "forward" => Ok((forward(network, images)?, 1)),
        "block5" => {
            let first = network.layers.iter().position(|layer| layer.block == "block5");
            Ok((steps(network, first.ok_or("VGG16 has a block5")?, images), STEPS))
        }
        "full" => Ok((steps(network, 0, images), STEPS)),
        _ => Err(unknown(row)),
    }
}

fn unknown(row: &str) -> Error {
    format!("there is no row `{row}`").into()
}

fn forward(network: Network, images: usize) -> Result<Job, Error> {
    let base = Inference::new(&network, 0..network.layers.len())?;
    let input = numbers(images * base.input().elements());
    let mut next = input.clone();
    Ok(Box::new(move || {
        let flow = base.forward(std::mem::take(&mut next), images);
        // While the card computes, as decoding does in a run.
        next.clone_from(&input);
        values(flow)?;
        Ok(())
    }))
}

fn steps(mut network: Network, first: usize, images: usize) -> Job {
    let shape = network.layers[first].input;
    let input = Flow::batch(numbers(images * shape.elements()), images, shape, &network.compute);
    let indices: Vec<usize> = (network.first_parameter(first)..network.parameters.len()).collect();
    let trained = network.parameters[indices[0]..].iter();
    let trained = trained.map(|parameter| Trained::new(parameter, 1e-5)).collect();
    let settings = Settings::plain(Rule::Rmsprop(Rmsprop::default()), 1e-5);
    let mut optimizer = Optimizer::new(settings, trained, network.compute.is_host());
    Box::new(move || {
        for _ in 0..STEPS {
            let slopes = of_mean_square(&network, first, input.clone(), &indices)?;
            let trained = network.parameters[indices[0]..].iter_mut();
            let mut values: Vec<&mut Tensor<1>> = trained.map(|p| &mut p.value).collect();
            optimizer.step(&mut values, slopes, 1.0)?;
        }
        // The last bias is there when everything is.
        let last = network.parameters.last().ok_or("VGG16 has parameters")?;
        read(last.value.clone())?;
        Ok(())
    })
}
