//! Images by what the penultimate layer makes of them: along the two directions in which they
//! differ most (principal components, Pearson 1901), or so that neighbours stay neighbours.

use runner_convolution::buffer;
use runner_experiment::architecture::Op;
use runner_experiment::plan::{Embedding as Job, ImageSet};
use runner_experiment::section::visualize::Projection;

use crate::components::principal;
use crate::error::ExplainError;
use crate::progress::Progress;
use crate::scene::Scene;
use crate::tsne;
use runner_data::DataError;
use runner_data::order::in_order;
use runner_data::preprocess::preprocess;
use runner_data::scan::ScannedSplit;
use runner_network::inference::{self, Inference};
use runner_record::{Embedding, Event};

/// Images per forward pass.
const BATCH: usize = 32;

pub(crate) fn run(
    job: &Job,
    number: usize,
    scene: &Scene<'_>,
    observe: &mut dyn FnMut(Event),
) -> Result<(), ExplainError> {
    let Job { of: ImageSet { split }, method, perplexity } = *job;
    scene.outputs()?;
    let found = scene.splits.iter().find(|scanned| scanned.name == split.as_str());
    let split = found.ok_or_else(|| ExplainError::Job(format!("there is no split `{split}`")))?;
    let total = split.images.len();
    if method == Projection::Tsne && total > tsne::LARGEST {
        let most = tsne::LARGEST;
        return Err(ExplainError::Job(format!("t-SNE takes at most {most} images, not {total}")));
    }
    let (layer, rows) = outputs(split, number, scene, observe)?;
    let (mut points, explained) = components(&rows, total);
    let (mut explained, mut divergence) = (Some(explained), None);
    if method == Projection::Tsne {
        let found = tsne::embed(&rows, &points, perplexity, scene.interrupt)?;
        (points, divergence, explained) = (found.places, Some(found.divergence), None);
    }
    let embedding = Embedding {
        split: split.name,
        layer,
        method: method.as_str(),
        images: split.images.iter().map(|image| image.path.clone()).collect(),
        points,
        labels: split.images.iter().filter_map(|image| image.target.class()).collect(),
        explained,
        divergence,
    };
    observe(Event::Embedding { number, embedding });
    Ok(())
}

/// What the penultimate layer makes of every image, and its name.
fn outputs(
    split: &ScannedSplit,
    number: usize,
    scene: &Scene<'_>,
    observe: &mut dyn FnMut(Event),
) -> Result<(String, Vec<f32>), ExplainError> {
    let layers = &scene.network.layers;
    // What goes into the classifier, dropout aside.
    let active = |op: Op| !matches!(op, Op::Dropout(_));
    let end = layers[..layers.len() - 1].iter().rposition(|layer| active(layer.op));
    let end = end.map_or(0, |last| last + 1);
    let network = Inference::new(scene.network, 0..end)?;
    let room = || buffer::room(BATCH * layers[0].input.elements());
    let (mut rows, mut values, mut waiting) = (Vec::new(), room(), 0);
    let total = split.images.len();
    let mut progress = Progress::new(number, "embedding", total);
    in_order(
        &split.images,
        |image| Ok(preprocess(&image.pixels(scene.image_size)?, scene.preprocessing)),
        |index, loaded| {
            scene.interrupt.check()?;
            let path = split.images[index].path.clone();
            values.extend(loaded.map_err(|problem| DataError::bad_image(path, &problem))?);
            waiting += 1;
            if waiting == BATCH || index + 1 == total {
                let batch = network.forward(std::mem::replace(&mut values, room()), waiting);
                rows.extend(inference::values(batch)?);
                waiting = 0;
            }
            progress.add(1, observe);
            Ok::<(), ExplainError>(())
        },
    )?;
    Ok((layers[end - 1].name.clone(), rows))
}

/// The first two principal components of `[count, length]` values: each row along them, and the
/// share of the variance along each. The largest entry of a component is positive.
#[must_use]
pub fn components(rows: &[f32], count: usize) -> (Vec<[f64; 2]>, [f64; 2]) {
    let rows: Vec<f64> = rows.iter().map(|value| f64::from(*value)).collect();
    let found = principal(&rows, count, 2);
    let signs: Vec<f64> = found.directions.iter().map(|direction| sign(direction)).collect();
    let points = (0..count)
        .map(|row| std::array::from_fn(|component| signs[component] * found.along[component][row]));
    (points.collect(), [found.explained[0], found.explained[1]])
}

/// That of the largest entry.
fn sign(direction: &[f64]) -> f64 {
    let largest =
        direction.iter().copied().fold(0.0_f64, |a, b| if b.abs() > a.abs() { b } else { a });
    if largest < 0.0 { -1.0 } else { 1.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn components_by_hand() {
        // Along (3, 4) / 5 from -10 to 10, and (-4, 3) / 5 from -1 to 1.
        let rows = [-6.0, -8.0, 6.0, 8.0, -0.8, 0.6, 0.8, -0.6];
        let (points, explained) = components(&rows, 4);
        let expected = [[-10.0, 0.0], [10.0, 0.0], [0.0, -1.0], [0.0, 1.0]];
        for (got, expected) in points.iter().zip(expected) {
            assert!((got[0] - expected[0]).abs() < 1e-6, "{got:?}");
            assert!((got[1] - expected[1]).abs() < 1e-6, "{got:?}");
        }
        assert!((explained[0] - 200.0 / 202.0).abs() < 1e-6);
    }
}
