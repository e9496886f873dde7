//! Heatmaps: which parts of a photo a prediction rests on.
//!
//! `weighted` combines the feature maps of a layer, `pixels` asks for the photo itself.

pub mod pixels;
mod scorer;
mod settings;
#[cfg(test)]
mod tests;
pub mod weighted;

use runner_experiment::plan::Gradcam as Job;
use runner_experiment::section::task::Task;
use runner_experiment::section::visualize::Method;

pub use scorer::Scorer;
pub use settings::Settings;

use crate::backward::{self, Goal};
use crate::error::ExplainError;
use crate::grid::Grid;
use crate::progress::Progress;
use crate::scene::Photo;
use crate::scene::Scene;
use runner_learn::loss::largest;
use runner_learn::objective::answers;
use runner_record::{Event, Heatmap, Pixels, Plane};

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
        let probabilities = answers(scene.task, &logits);
        let class = class(scene, &job.target, &probabilities)?;
        let goal = Goal { class, of: job.of, task: scene.task };
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
        layer: method.looks_at_a_layer().then(|| layer.to_owned()),
        class: scene.class(goal.class),
        probability: probabilities[goal.class],
        is_number: goal.task == Task::Regression,
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
            guided.values.iter_mut().zip(cam.values).for_each(|(value, cam)| *value *= cam);
            Ok(guided)
        }
        Method::IntegratedGradients => {
            let attributions = pixels::integrated_gradients(scene, input, goal, settings.steps)?;
            Ok(strongest(&attributions))
        }
        Method::Occlusion => pixels::occlusion(scene, scorer, input, goal, settings),
    }
}
