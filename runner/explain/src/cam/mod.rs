//! Heatmaps: which parts of a photo a prediction rests on.
//!
//! `weighted` combines the feature maps of a layer, `pixels` asks for the photo itself.

pub mod pixels;
pub mod weighted;

use runner_experiment::plan::Gradcam as Job;
use runner_experiment::section::visualize::Method;

use crate::backward::{self, Goal};
use crate::error::ExplainError;
use crate::grid::Grid;
use crate::progress::Progress;
use crate::scene::Photo;
use crate::scene::Scene;
use runner_learn::loss::largest;
use runner_network::inference::{self, Inference};
use runner_record::{Event, Heatmap, Pixels, Plane};

/// Everything that the methods need beside the photo.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// The layer whose maps are weighted.
    pub layer: usize,
    /// Of `smoothgrad`.
    pub samples: usize,
    /// Of `smoothgrad`.
    pub noise: f64,
    /// Of `integrated_gradients`.
    pub steps: usize,
    /// Of `occlusion`.
    pub window: usize,
    /// Of `occlusion`.
    pub stride: usize,
}

impl Settings {
    /// The defaults, for a layer.
    #[must_use]
    pub fn of(layer: usize) -> Self {
        Self::new(layer, &Job::default())
    }

    fn new(layer: usize, job: &Job) -> Self {
        Self {
            layer,
            samples: job.samples,
            noise: job.noise,
            steps: job.steps,
            window: job.window,
            stride: job.stride,
        }
    }
}

/// Whether a method weights the maps of a layer.
#[must_use]
pub fn weights_maps(method: Method) -> bool {
    use Method::{Eigencam, Gradcam, Gradcamplusplus, GuidedGradcam, Hirescam, Layercam, Scorecam};
    matches!(
        method,
        Gradcam | Gradcamplusplus | Hirescam | Layercam | Scorecam | Eigencam | GuidedGradcam
    )
}

pub(crate) fn run(
    job: &Job,
    number: usize,
    scene: &Scene<'_>,
    observe: &mut dyn FnMut(Event),
) -> Result<(), ExplainError> {
    scene.outputs()?;
    let settings = Settings::new(scene.layer(&job.layer)?, job);
    let scorer = Scorer::new(scene)?;
    let total = job.images.len() * job.methods.len();
    let mut progress = Progress::new(number, "gradcam", total);
    for image in &job.images {
        let photo = scene.photo(image.as_ref())?;
        let logits = scorer.logits(photo.input.clone(), 1)?;
        let probabilities = Goal::probabilities(&logits);
        let goal = Goal { class: class(scene, &job.target, &probabilities)?, of: job.of };
        for method in &job.methods {
            scene.interrupt.check()?;
            let map = explain(scene, &scorer, *method, &photo.input, goal, settings)?;
            let heatmap = heatmap(scene, &photo, *method, (&job.layer, map), goal, &probabilities);
            observe(Event::Heatmap { number, heatmap });
            progress.add(1, observe);
        }
    }
    Ok(())
}

fn heatmap(
    scene: &Scene<'_>,
    photo: &Photo,
    method: Method,
    (layer, map): (&str, Grid),
    goal: Goal,
    probabilities: &[f64],
) -> Heatmap {
    let Pixels { height, width, .. } = photo.pixels;
    Heatmap {
        image: photo.path.clone(),
        photo: photo.pixels.clone(),
        method: method.as_str(),
        layer: weights_maps(method).then(|| layer.to_owned()),
        class: scene.class(goal.class),
        probability: probabilities[goal.class],
        top: top(scene, probabilities),
        map: map.normalised().map(|map| {
            let Grid { values, height, width } = map.stretched(height, width);
            Plane { values, height, width }
        }),
    }
}

/// How many classes are listed.
const TOP: usize = 5;

fn top(scene: &Scene<'_>, probabilities: &[f64]) -> Vec<(String, f64)> {
    let mut order: Vec<usize> = (0..probabilities.len()).collect();
    order.sort_by(|a, b| probabilities[*b].total_cmp(&probabilities[*a]));
    let many = probabilities.len() > 2;
    let best = order.into_iter().take(if many { TOP } else { 0 });
    best.map(|class| (scene.class(class), probabilities[class])).collect()
}

/// The class that a job means: the most probable one, one by its name, or one by its number.
///
/// # Errors
///
/// [`ExplainError::Job`] where there is no such class.
pub fn class(
    scene: &Scene<'_>,
    target: &str,
    probabilities: &[f64],
) -> Result<usize, ExplainError> {
    if target == "predicted" {
        return Ok(largest(probabilities));
    }
    if let Some(class) = scene.classes.iter().position(|class| class == target) {
        return Ok(class);
    }
    let number = target.parse().ok().filter(|class| *class < probabilities.len());
    number.ok_or_else(|| {
        let known = match scene.classes.len() {
            0 => format!("0 to {}", probabilities.len().saturating_sub(1)),
            _ => scene.classes.join(", "),
        };
        ExplainError::Job(format!("there is no class `{target}`; the classes are {known}"))
    })
}

/// Runs the whole network again and again.
pub struct Scorer {
    network: Inference,
}

impl Scorer {
    /// Prepares the network.
    ///
    /// # Errors
    ///
    /// [`ExplainError::Compute`].
    pub fn new(scene: &Scene<'_>) -> Result<Self, ExplainError> {
        Ok(Self { network: Inference::new(scene.network, 0..scene.network.layers.len())? })
    }

    /// What comes out, image by image.
    ///
    /// # Errors
    ///
    /// [`ExplainError::Compute`].
    pub fn logits(&self, input: Vec<f32>, images: usize) -> Result<Vec<f32>, ExplainError> {
        Ok(inference::values(self.network.forward(input, images))?)
    }

    /// The score of each image.
    ///
    /// # Errors
    ///
    /// [`ExplainError::Compute`].
    pub fn scores(
        &self,
        input: Vec<f32>,
        images: usize,
        goal: Goal,
    ) -> Result<Vec<f64>, ExplainError> {
        let logits = self.logits(input, images)?;
        let each = logits.chunks_exact((logits.len() / images.max(1)).max(1));
        Ok(each.map(|logits| goal.score(logits)).collect())
    }
}

/// The heatmap of one method, not normalised: at the size of the layer's maps, or of the input.
///
/// # Errors
///
/// [`ExplainError::Interrupted`], [`ExplainError::Compute`], [`ExplainError::Job`].
pub fn explain(
    scene: &Scene<'_>,
    scorer: &Scorer,
    method: Method,
    input: &[f32],
    goal: Goal,
    settings: Settings,
) -> Result<Grid, ExplainError> {
    let network = scene.network;
    let maps = || backward::maps(network, settings.layer, input.to_vec(), goal);
    let [height, width] = scene.image_size;
    let strongest = |gradient: &[f32]| pixels::strongest(gradient, height, width);
    match method {
        Method::Gradcam => Ok(weighted::gradcam(&maps()?)),
        Method::Gradcamplusplus => Ok(weighted::gradcam_plus_plus(&maps()?)),
        Method::Hirescam => Ok(weighted::hirescam(&maps()?)),
        Method::Layercam => Ok(weighted::layercam(&maps()?)),
        Method::Eigencam => Ok(weighted::eigencam(&maps()?)),
        Method::Scorecam => weighted::scorecam(scene, scorer, input, goal, &maps()?),
        Method::Saliency => Ok(strongest(&backward::of_input(network, input.to_vec(), goal)?)),
        Method::Smoothgrad => Ok(strongest(&pixels::smoothgrad(scene, input, goal, settings)?)),
        Method::GuidedBackpropagation => {
            Ok(strongest(&backward::guided(network, input.to_vec(), goal)?))
        }
        Method::GuidedGradcam => {
            let mut guided = strongest(&backward::guided(network, input.to_vec(), goal)?);
            // First the ReLU, then the stretching (Selvaraju et al. 2017).
            let mut cam = weighted::gradcam(&maps()?);
            cam.values.iter_mut().for_each(|value| *value = value.max(0.0));
            let cam = cam.stretched(height, width);
            guided.values.iter_mut().zip(cam.values).for_each(|(own, cam)| *own *= cam);
            Ok(guided)
        }
        Method::IntegratedGradients => {
            let attributions = pixels::integrated_gradients(scene, input, goal, settings.steps)?;
            Ok(strongest(&attributions))
        }
        Method::Occlusion => pixels::occlusion(scene, scorer, input, goal, settings),
    }
}

#[cfg(test)]
mod tests {
    use runner_experiment::architecture::{Activation, Builder, Op, Padding, Role};
    use runner_experiment::section::dataset::Preprocessing;
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
            let fall: f32 = places.iter().map(|at| WEIGHTS[*at] * (RED[*at] - grey)).sum();
            places.iter().for_each(|at| falls[*at] = fall);
        }
        falls
    }

    fn scene<'a>(network: &'a Network, interrupt: &'a Interrupt) -> Scene<'a> {
        Scene {
            network,
            classes: &[],
            image_size: [4, 4],
            preprocessing: Preprocessing::Rescale,
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
            (
                Method::GuidedGradcam,
                expected(|red, weight| alive(red, weight.max(0.0)) * mean * red),
            ),
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
                let goal = Goal { class: 1, of };
                let map = explain(&scene, &scorer, *method, &input(), goal, settings)?;
                let ours = map.normalised().map(|map| map.values);
                let theirs = Grid { values: expected.clone(), height: 4, width: 4 }.normalised();
                let theirs = theirs.map(|map| map.values);
                let (Some(ours), Some(theirs)) = (ours, theirs) else { panic!("{method} is zero") };
                // Along the way to a probability the slope changes, and G³ with it.
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
        let goal = Goal { class: 1, of: Of::Logit };
        for method in [Method::Gradcam, Method::Layercam, Method::Hirescam] {
            let map = explain(&scene, &scorer, method, &input(), goal, Settings::of(0))?;
            assert_eq!(map.normalised(), None, "{method}");
        }
        Ok(())
    }
}
