//! What a rehearsal leaves behind on a GPU: kernels, and nothing else.

use std::collections::BTreeSet;

use runner_experiment::architecture::{Activation, Builder, Op, Padding};
use runner_experiment::plan::{Adam, Optimizer as Settings, Rule};
use runner_network::Compute;
use runner_network::weights::Weights;

use super::*;
use crate::optimizer::tests::devices;

const SIDE: usize = 8;
/// Two batches and a smaller one.
const TRAIN: usize = 19;

fn network(compute: &Compute) -> Network {
    let mut net = Builder::new([SIDE; 2]);
    net.block("block1");
    net.convolution("block1_conv1".to_owned(), Padding::Same, 4);
    net.block("block2");
    net.convolution("block2_conv1".to_owned(), Padding::Same, 4);
    net.end_base();
    net.push("flatten", Op::Flatten);
    net.dense("hidden", 8, Activation::Relu);
    net.push("dropout", Op::Dropout(0.25));
    net.dense("output", 3, Activation::Softmax);
    Network::new(net.finish().unwrap(), Weights::default(), 5, compute.clone())
}

fn stage(augment: bool) -> Stage {
    let plain = Settings::plain(Rule::Adam(Adam::default()), 0.01);
    Stage {
        name: "last".to_owned(),
        frozen: vec!["block1".to_owned()],
        augment,
        epochs: 2,
        batch_size: 8,
        accumulate: 2,
        ema: Some(0.9),
        optimizer: Settings { clip_norm: Some(1.0), ..plain },
        ..Stage::default()
    }
}

fn changes() -> Augmentation {
    Augmentation { rotation: 20.0, mixup: Some(0.4), cutmix: Some(1.0), ..Augmentation::default() }
}

/// The kernels that passes of the stage launch on these samples.
fn launched(rehearsal: &Rehearsal<'_>) -> Result<BTreeSet<String>, LearnError> {
    let mut heard = |_| {};
    let mut passes = Passes::start("last", 1, &rehearsal.network.compute, &mut heard)?;
    rehearsal.pass(&rehearsal.changes(), &Interrupt::default(), &mut passes)?;
    Ok(passes.names())
}

/// The kernels of two epochs of the stage itself, on more images than are rehearsed.
fn trained_on(rehearsal: &Rehearsal<'_>) -> Result<(BTreeSet<String>, Vec<Vec<f32>>), LearnError> {
    let mut network = rehearsal.network.clone();
    let prefix = rehearsal.stage.frozen_prefix(&network.layers);
    let shape = prefix_shape(&network.layers, prefix, rehearsal.dataset.image_size);
    let some = MadeUp { count: TRAIN, of: TRAIN, augment: rehearsal.stage.augment };
    let train = rehearsal.made_up((prefix, shape), some)?;
    let validation =
        rehearsal.made_up((prefix, shape), MadeUp { count: 9, augment: false, ..some })?;
    let (interrupt, mut writer) = (Interrupt::default(), nowhere());
    let mut heard = |_| {};
    let mut passes = Passes::start("last", 1, &network.compute, &mut heard)?;
    let mut run = StageRun {
        stage: rehearsal.stage,
        index: 0,
        seed: 3,
        network: &mut network,
        prefix,
        train: &train,
        validation: &validation,
        augmentation: rehearsal.augmentation.filter(|_| rehearsal.stage.augment),
        class_weights: vec![1.0; 3],
        interrupt: &interrupt,
        warmed: None,
        writer: &mut writer,
    };
    passes.pass(|| run.run(0, None, &mut |_| {}))?;
    let names = passes.names();
    let values = network.parameters.iter().map(|parameter| parameter.values());
    Ok((names, values.collect::<Result<_, _>>()?))
}

#[test]
fn leaves_a_gpu_nothing_to_compile_and_changes_no_bit() -> Result<(), LearnError> {
    let dataset = Dataset { image_size: [SIDE; 2], ..Dataset::default() };
    let changes = changes();
    for compute in &devices()[1..] {
        for augment in [false, true] {
            let (network, stage) = (network(compute), stage(augment));
            let rehearsal = Rehearsal {
                network: &network,
                stage: &stage,
                dataset: &dataset,
                augmentation: Some(&changes),
                images: [TRAIN, 9],
                classes: 3,
                briefly: false,
            };
            let (_, before) = trained_on(&rehearsal)?;
            let rehearsed = launched(&rehearsal)?;
            let mut left: Vec<String> = Vec::new();
            // Other tests launch kernels of their own meanwhile: those are not there every time.
            for _ in 0..8 {
                let (found, after) = trained_on(&rehearsal)?;
                assert!(after == before, "augment = {augment}: other parameters");
                left = found.difference(&rehearsed).cloned().collect();
                if left.is_empty() {
                    break;
                }
            }
            assert!(left.is_empty(), "augment = {augment}: {left:?}");
        }
    }
    Ok(())
}
