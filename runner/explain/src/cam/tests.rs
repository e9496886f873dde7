use runner_experiment::architecture::{Activation, Builder, Op, Padding, Role};
use runner_experiment::section::dataset::Preprocessing;
use runner_experiment::section::task::Task;
use runner_experiment::section::visualize::Of;

use super::*;
use runner_data::interrupt::Interrupt;
use runner_network::device::Compute;
use runner_network::network::Network;
use runner_network::weights::{LayerWeights, Weights};

/// What the one unit makes of each place.
const WEIGHTS: [f32; 16] =
    [2.0, 1.0, 0.0, 0.0, 1.0, -1.0, 0.0, 0.0, 0.0, 0.0, 0.5, 0.0, 0.0, 0.0, 0.0, 3.0];

/// The red of the photo; where it is zero, the ReLU is silent.
const RED: [f32; 16] =
    [1.0, 0.5, 0.2, 0.2, 0.5, 0.5, 0.2, 0.2, 0.2, 0.2, 0.4, 0.2, 0.2, 0.2, 0.2, 0.0];

/// A convolution that passes red on, and one sigmoid unit: z = Σ weight · max(red, 0).
fn network() -> Network {
    let mut net = Builder::new([4, 4]);
    net.convolution("conv".to_owned(), Padding::Same, 1);
    net.push("flatten", Op::Flatten);
    net.dense("output", 1, Activation::Sigmoid);
    let mut kernel = vec![0.0; 27];
    kernel[4] = 1.0;
    let weights = Weights::from([
        ("conv".to_owned(), LayerWeights::from([(Role::Kernel, kernel)])),
        ("output".to_owned(), LayerWeights::from([(Role::Kernel, WEIGHTS.to_vec())])),
    ]);
    Network::new(net.finish().unwrap_or_default(), weights, 0, Compute::cpu())
}

fn input() -> Vec<f32> {
    let mut input = vec![0.0; 48];
    input[..16].copy_from_slice(&RED);
    input
}

/// For each place, what a method should say.
fn expected(of: impl Fn(f32, f32) -> f32) -> Vec<f32> {
    RED.iter().zip(WEIGHTS).map(|(red, weight)| of(*red, weight)).collect()
}

/// Each window of two by two: Σ weight · (red - grey) over it.
fn occluded() -> Vec<f32> {
    let grey = 128.0 / 255.0;
    let mut falls = vec![0.0; 16];
    for window in [0, 2, 8, 10] {
        let places = [window, window + 1, window + 4, window + 5];
        let fall: f32 = places.iter().map(|place| WEIGHTS[*place] * (RED[*place] - grey)).sum();
        places.iter().for_each(|place| falls[*place] = fall);
    }
    falls
}

fn scene<'a>(network: &'a Network, interrupt: &'a Interrupt) -> Scene<'a> {
    Scene {
        network,
        classes: &[],
        image_size: [4, 4],
        preprocessing: Preprocessing::Rescale,
        task: Task::Classification,
        frozen: None,
        cache: None,
        splits: &[],
        seed: 0,
        interrupt,
    }
}

/// What each method says, from its formula.
fn cases() -> [(Method, Vec<f32>); 12] {
    let mean = WEIGHTS.iter().sum::<f32>() / 16.0;
    let average = RED.iter().sum::<f32>() / 16.0;
    // α = G² / (2 G² + G³ Σ A), its sum with max(G, 0).
    let plus: f32 = WEIGHTS
        .iter()
        .filter(|weight| **weight > 0.0)
        .map(|weight| weight / (2.0 + weight * average * 16.0))
        .sum();
    let alive = |red: f32, value: f32| if red > 0.0 { value } else { 0.0 };
    [
        (Method::Gradcam, expected(|red, _| mean * red)),
        (Method::Gradcamplusplus, expected(|red, _| plus * red)),
        (Method::Hirescam, expected(|red, weight| red * weight)),
        (Method::Layercam, expected(|red, weight| red * weight.max(0.0))),
        // One channel: the softmax of its score is one.
        (Method::Scorecam, RED.to_vec()),
        (Method::Eigencam, expected(|red, _| red - average)),
        (Method::Saliency, expected(|red, weight| alive(red, weight.abs()))),
        (Method::Smoothgrad, expected(|red, weight| alive(red, weight.abs()))),
        (Method::GuidedBackpropagation, expected(|red, weight| alive(red, weight.max(0.0)))),
        (Method::GuidedGradcam, expected(|red, weight| alive(red, weight.max(0.0)) * mean * red)),
        (Method::IntegratedGradients, expected(|red, weight| red * weight.abs())),
        (Method::Occlusion, occluded()),
    ]
}

#[test]
fn every_method_on_four_by_four_by_hand() -> Result<(), ExplainError> {
    let (network, interrupt) = (network(), Interrupt::default());
    let scene = scene(&network, &interrupt);
    let scorer = Scorer::new(&scene)?;
    let cases = cases();
    let settings = Settings { noise: 0.0, samples: 2, window: 2, stride: 2, ..Settings::of(0) };
    for of in [Of::Logit, Of::Probability] {
        for (method, expected) in &cases {
            let goal = Goal { class: 1, of, task: Task::Classification };
            let map = explain(&scene, &scorer, *method, &input(), goal, settings)?;
            let ours = map.normalised().map(|map| map.values);
            let theirs = Grid { values: expected.clone(), height: 4, width: 4 }.normalised();
            let theirs = theirs.map(|map| map.values);
            let (Some(ours), Some(theirs)) = (ours, theirs) else { panic!("{method} is zero") };
            // Along the way to a probability the gradient changes, and G³ with it.
            let bends = [
                Method::Gradcamplusplus,
                Method::IntegratedGradients,
                Method::Occlusion,
                Method::Smoothgrad,
            ];
            if of == Of::Probability && bends.contains(method) {
                continue;
            }
            for (ours, theirs) in ours.iter().zip(theirs) {
                assert!((ours - theirs).abs() < 1e-4, "{method} of {of}: {ours} and {theirs}");
            }
        }
    }
    Ok(())
}

#[test]
fn nothing_speaks_for_a_class_whose_score_never_rises() -> Result<(), ExplainError> {
    let (mut network, interrupt) = (network(), Interrupt::default());
    let negative = WEIGHTS.map(|weight| -weight.abs()).to_vec();
    network.parameters[2].value =
        runner_network::parameter::tensor(negative, &network.compute.device);
    let scene = scene(&network, &interrupt);
    let scorer = Scorer::new(&scene)?;
    let goal = Goal { class: 1, of: Of::Logit, task: Task::Classification };
    for method in [Method::Gradcam, Method::Layercam, Method::Hirescam] {
        let map = explain(&scene, &scorer, method, &input(), goal, Settings::of(0))?;
        assert_eq!(map.normalised(), None, "{method}");
    }
    Ok(())
}
