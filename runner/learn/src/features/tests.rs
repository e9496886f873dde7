//! Features that a GPU makes of bytes against those of the CPU.

use runner_experiment::architecture::{Builder, Op, Padding};
use runner_experiment::section::dataset::Preprocessing;
use runner_network::Compute;
use runner_network::weights::Weights;

use super::*;
use crate::image_batches::tests::split;
use crate::optimizer::tests::devices;

const SIDE: usize = 8;

fn network(compute: &Compute) -> Network {
    let mut net = Builder::new([SIDE; 2]);
    net.convolution("conv1".to_owned(), Padding::Same, 4);
    net.convolution("conv2".to_owned(), Padding::Same, 6);
    net.push("pool", Op::GlobalAveragePool);
    Network::new(net.finish().unwrap(), Weights::default(), 5, compute.clone())
}

fn features(
    split: &ScannedSplit,
    (preprocessing, view): (Preprocessing, Option<&Augmentation>),
    compute: &Compute,
) -> Result<Vec<f32>, LearnError> {
    let dataset = Dataset { image_size: [SIDE; 2], preprocessing, ..Dataset::default() };
    let network = network(compute);
    let extractor = Extractor {
        network: &network,
        prefix: network.layers.len(),
        dataset: &dataset,
        cache: None,
        source: None,
        view: view.map(|settings| (settings, 1)),
        resident_bytes: RESIDENT_BYTES,
        interrupt: &Interrupt::default(),
    };
    let mut kernels = 0;
    let found = extractor.extract(split, &mut |event| {
        kernels += usize::from(matches!(event, Event::Kernels { .. }));
    })?;
    assert_eq!(kernels > 0, !compute.is_host(), "kernels are made ready on GPUs alone");
    found.gather(&(0..split.images.len()).collect::<Vec<_>>())
}

#[test]
fn of_a_gpu_are_those_of_the_cpu() -> Result<(), LearnError> {
    let folder = tempfile::tempdir().map_err(|error| LearnError::bug(error.to_string()))?;
    // A full batch and one that is filled up.
    let split = split(folder.path(), BATCH + 5);
    let changes = Augmentation { rotation: 20.0, horizontal_flip: true, ..Augmentation::default() };
    let devices = devices();
    for how in [
        (Preprocessing::Rescale, None),
        (Preprocessing::Caffe, None),
        (Preprocessing::Torchvision, Some(&changes)),
    ] {
        let expected = features(&split, how, &devices[0])?;
        let top = expected.iter().fold(0.0_f32, |top, value| top.max(value.abs()));
        for compute in &devices[1..] {
            let found = features(&split, how, compute)?;
            assert_eq!(found.len(), expected.len());
            let off = found.iter().zip(&expected).map(|(a, b)| (a - b).abs());
            let off = off.fold(0.0, f32::max) / top;
            assert!(off < 1e-4, "{how:?}: {off}");
        }
    }
    Ok(())
}
