//! Grad-CAM and gradient ascent against what Keras computed.

use runner_data::Interrupt;
use runner_data::preprocess;
use runner_experiment::section::dataset::Preprocessing;
use runner_experiment::section::task::Task;
use runner_experiment::section::visualize::{Method, Of};
use runner_explain::Scene;
use runner_explain::backward::{Goal, guided, of_input};
use runner_explain::cam::{self, Scorer, Settings, pixels};
use runner_explain::filters::{Ascent, picture, step};
use runner_network::network::Network;

use super::activations::{base, with_head};
use crate::support::fixtures::{self, Reference};

/// VGG16 with the head of the reference: dense 256 ReLU and one sigmoid unit on the flattened base.
fn network(folder: &std::path::Path, reference: &Reference, size: [usize; 2]) -> Network {
    with_head(folder, size, (reference, "head."))
}

struct Place {
    network: Network,
    images: Vec<Vec<f32>>,
    size: [usize; 2],
}

fn place(folder: &std::path::Path, reference: &Reference) -> Place {
    let [_, height, width, _] = reference.shape("images")[..] else { panic!("not images") };
    let network = network(folder, reference, [height, width]);
    let bytes = reference.bytes("images");
    let images = bytes.chunks_exact(height * width * 3).map(|rgb| {
        let pixels = runner_record::Pixels { height, width, rgb: rgb.to_vec() };
        preprocess::preprocess(&pixels, Preprocessing::Rescale)
    });
    Place { images: images.collect(), network, size: [height, width] }
}

impl Place {
    fn scene<'a>(&'a self, interrupt: &'a Interrupt) -> Scene<'a> {
        Scene {
            network: &self.network,
            classes: &[],
            image_size: self.size,
            preprocessing: Preprocessing::Rescale,
            task: Task::Classification,
            splits: &[],
            seed: 1,
            frozen: None,
            cache: None,
            interrupt,
        }
    }
}

#[test]
fn parity_gradcam_within_1e_3_for_both_classes() {
    let Some(folder) = fixtures::folder("gradcam") else {
        return;
    };
    let reference = Reference::open(&folder, "gradcam.safetensors");
    let (place, interrupt) = (place(&folder, &reference), Interrupt::default());
    let scene = place.scene(&interrupt);
    let scorer = Scorer::new(&scene).unwrap();
    let layer = scene.layer(&reference.metadata["layer"]).unwrap();
    let maps = [("cats.logit", 0, Of::Logit), ("dogs.logit", 1, Of::Logit)];
    let logits = reference.floats("logits");
    for (at, input) in place.images.iter().enumerate() {
        let own = scorer.logits(input.clone(), 1).unwrap()[0];
        assert!((own - logits[at]).abs() < 1e-4, "logit {own} and {}", logits[at]);
        for (name, class, of) in maps.into_iter().chain([("dogs.probability", 1, Of::Probability)])
        {
            let goal = Goal { class, of, task: Task::Classification };
            let settings = Settings::of(layer);
            let map =
                cam::explain(&scene, &scorer, Method::Gradcam, input, goal, settings).unwrap();
            let ours = map.normalised().map(|map| map.values).unwrap_or(vec![0.0; 81]);
            let theirs = reference.floats(&format!("gradcam.{name}"));
            let theirs = &theirs[at * ours.len()..][..ours.len()];
            let off = ours.iter().zip(theirs).fold(0.0_f32, |m, (a, b)| m.max((a - b).abs()));
            println!("image {at}, {name}: off by {off:e}");
            assert!(off < 1e-3, "image {at}, {name}: off by {off:e}");
        }
    }
}

#[test]
fn parity_of_the_methods_with_each_other() {
    let Some(folder) = fixtures::folder("methods") else {
        return;
    };
    let reference = Reference::open(&folder, "gradcam.safetensors");
    let (place, interrupt) = (place(&folder, &reference), Interrupt::default());
    let scene = place.scene(&interrupt);
    let scorer = Scorer::new(&scene).unwrap();
    let (input, goal) =
        (&place.images[0], Goal { class: 1, of: Of::Logit, task: Task::Classification });
    let settings = Settings { samples: 2, noise: 0.0, ..Settings::of(0) };
    // Without noise SmoothGrad is the gradient.
    let smooth = pixels::smoothgrad(&scene, input, goal, settings).unwrap();
    assert_eq!(smooth, of_input(&place.network, input.clone(), goal).unwrap());
    // Integrated gradients add up to what the photo adds to the score of black.
    let attributions = pixels::integrated_gradients(&scene, input, goal, 100).unwrap();
    let sum: f64 = attributions.iter().map(|value| f64::from(*value)).sum();
    let black = pixels::plain(&scene, 0);
    let score = |input: Vec<f32>| scorer.scores(input, 1, goal).unwrap()[0];
    let difference = score(input.clone()) - score(black);
    println!("attributions {sum}, difference {difference}");
    assert!((sum - difference).abs() < 0.01 * difference.abs(), "{sum} and {difference}");
    // A guided gradient has lost what was negative, so that it is not the gradient.
    let own = guided(&place.network, input.clone(), goal).unwrap();
    assert!(own.iter().any(|slope| *slope != 0.0) && own.iter().all(|slope| slope.is_finite()));
}

#[test]
fn parity_gradient_ascent_traces_within_1_percent() {
    let Some(folder) = fixtures::folder("filter_ascent") else {
        return;
    };
    let reference = Reference::open(&folder, "filter_ascent.safetensors");
    let [_, size, _, _] = reference.shape("start")[..] else { panic!("not an image") };
    let network = base(&folder, [size, size]);
    let layer = network.layers.iter().position(|l| l.name == reference.metadata["layer"]).unwrap();
    let filter: usize = reference.metadata["filter"].parse().unwrap();
    // NHWC to NCHW.
    let start = reference.floats("start");
    let mut image: Vec<f32> = (0..3)
        .flat_map(|channel| start.iter().skip(channel).step_by(3).copied().collect::<Vec<_>>())
        .collect();
    let losses = reference.floats("losses");
    let ascent = Ascent { steps: losses.len(), step_size: 1.0, total_variation: 0.0, jitter: 0 };
    let mut worst = 0.0_f64;
    for theirs in &losses {
        let ours =
            step(&network, layer, &[filter], &mut image, size, ascent, &mut [key()]).unwrap();
        worst = worst.max((ours[0] - f64::from(*theirs)).abs() / f64::from(*theirs).abs());
    }
    println!("largest relative difference of a loss {worst:e}");
    assert!(worst < 0.01, "a loss is off by {worst:e}");
    let (ours, theirs) = (picture(&image), reference.bytes("picture"));
    let sum: u64 = ours.iter().zip(&theirs).map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
    let mean = sum as f64 / ours.len() as f64;
    println!("the picture is off by {mean} grey levels on average");
    assert!(ours.len() == theirs.len() && mean < 2.0, "{mean}");
}

/// Without jitter nothing is drawn from it.
fn key() -> runner_random::Stream {
    use runner_random::{Key, Purpose};
    Key::new(0, Purpose::Picture).stream()
}
