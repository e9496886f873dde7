//! Images by what the penultimate layer makes of them: along the two directions in which they
//! differ most (principal components, Pearson 1901), or so that neighbours stay neighbours.

use runner_convolution::buffer;
use runner_experiment::architecture::LayerKind;
use runner_experiment::section::visualize::{Projection, SplitName};

use super::{Progress, Scene, tsne};
use crate::data::order::in_order;
use crate::data::preprocess::preprocess;
use crate::data::scan::{BadImage, ScannedSplit};
use crate::error::LearnError;
use crate::event::Event;
use crate::model::inference::{self, Inference};

/// Images per forward pass.
const BATCH: usize = 32;

/// Iterations after which a component has long settled.
const ITERATIONS: usize = 500;

/// Images in the plane.
#[derive(Debug, Clone, PartialEq)]
pub struct Embedding {
    /// `train`, `validation` or `test`.
    pub split: &'static str,
    /// The layer whose output is shown.
    pub layer: String,
    /// How they came into the plane.
    pub method: Projection,
    /// Where each image is.
    pub points: Vec<[f64; 2]>,
    /// Class of each image.
    pub labels: Vec<usize>,
    /// Share of the variance along each of the two principal components.
    pub explained: [f64; 2],
}

pub(super) fn run(
    split: SplitName,
    (method, perplexity): (Projection, f64),
    number: usize,
    scene: &Scene<'_>,
    observe: &mut dyn FnMut(Event),
) -> Result<(), LearnError> {
    scene.outputs()?;
    let found = scene.splits.iter().find(|own| own.name == split.as_str());
    let split = found.ok_or_else(|| LearnError::Job(format!("there is no split `{split}`")))?;
    let total = split.images.len();
    if method == Projection::Tsne && total > tsne::LARGEST {
        let most = tsne::LARGEST;
        return Err(LearnError::Job(format!("t-SNE takes at most {most} images, not {total}")));
    }
    let (layer, rows) = outputs(split, number, scene, observe)?;
    let (mut points, explained) = components(&rows, total);
    if method == Projection::Tsne {
        points = tsne::embed(&rows, &points, perplexity, scene.interrupt)?;
    }
    let labels = split.images.iter().map(|image| image.class).collect();
    let embedding = Embedding { split: split.name, layer, method, points, labels, explained };
    observe(Event::Embedding { number, embedding });
    Ok(())
}

/// What the penultimate layer makes of every image, and its name.
fn outputs(
    split: &ScannedSplit,
    number: usize,
    scene: &Scene<'_>,
    observe: &mut dyn FnMut(Event),
) -> Result<(String, Vec<f32>), LearnError> {
    let layers = &scene.network.layers;
    // What goes into the classifier, dropout aside.
    let active = |kind: LayerKind| !matches!(kind, LayerKind::Dropout(_));
    let end = layers[..layers.len() - 1].iter().rposition(|layer| active(layer.kind));
    let end = end.map_or(0, |last| last + 1);
    let network = Inference::new(scene.network, 0..end)?;
    let room = || buffer::room(BATCH * layers[0].input.elements());
    let (mut rows, mut values, mut waiting) = (Vec::new(), room(), 0);
    let total = split.images.len();
    let mut progress = Progress::new(number, "embedding", total);
    in_order(
        &split.images,
        |image| Ok(preprocess(&image.pixels(scene.image_size)?, scene.preprocessing)),
        |at, loaded| {
            scene.interrupt.check()?;
            let path = split.images[at].path.clone();
            values.extend(
                loaded
                    .map_err(|problem| LearnError::BadImages(vec![BadImage { path, problem }]))?,
            );
            waiting += 1;
            if waiting == BATCH || at + 1 == total {
                let batch = network.forward(std::mem::replace(&mut values, room()), waiting);
                rows.extend(inference::values(batch)?);
                waiting = 0;
            }
            progress.add(1, observe);
            Ok::<(), LearnError>(())
        },
    )?;
    Ok((layers[end - 1].name.clone(), rows))
}

/// The first two principal components of `[count, length]` values: each row along them, and the
/// share of the variance along each. The largest entry of a component is positive.
#[must_use]
#[allow(clippy::cast_precision_loss)]
pub fn components(rows: &[f32], count: usize) -> (Vec<[f64; 2]>, [f64; 2]) {
    let length = rows.len() / count.max(1);
    let mut mean = vec![0.0; length];
    for row in rows.chunks_exact(length.max(1)) {
        mean.iter_mut().zip(row).for_each(|(m, v)| *m += f64::from(*v) / count as f64);
    }
    let mut centred: Vec<Vec<f64>> = rows
        .chunks_exact(length.max(1))
        .map(|row| row.iter().zip(&mean).map(|(value, mean)| f64::from(*value) - mean).collect())
        .collect();
    let square = |rows: &[Vec<f64>]| rows.iter().flatten().map(|value| value * value).sum::<f64>();
    let all = square(&centred).max(f64::MIN_POSITIVE);
    let mut points = vec![[0.0; 2]; count];
    let mut explained = [0.0; 2];
    for component in 0..2 {
        let direction = direction(&centred, length, component);
        for (row, point) in centred.iter_mut().zip(&mut points) {
            let along: f64 = row.iter().zip(&direction).map(|(a, b)| a * b).sum();
            point[component] = along;
            explained[component] += along * along / all;
            row.iter_mut().zip(&direction).for_each(|(value, part)| *value -= along * part);
        }
    }
    (points, explained)
}

/// The direction in which the rows differ most, by power iteration.
fn direction(rows: &[Vec<f64>], length: usize, component: usize) -> Vec<f64> {
    // Not along an axis, and not the same for both.
    let mut vector: Vec<f64> =
        (0..length).map(|at| 1.0 + ((at * (component + 3)) % 7) as f64 / 7.0).collect();
    for _ in 0..ITERATIONS {
        let mut next = vec![0.0; length];
        for row in rows {
            let along: f64 = row.iter().zip(&vector).map(|(a, b)| a * b).sum();
            next.iter_mut().zip(row).for_each(|(next, value)| *next += along * value);
        }
        let size = next.iter().map(|value| value * value).sum::<f64>().sqrt();
        if size == 0.0 {
            return vec![0.0; length];
        }
        next.iter_mut().for_each(|value| *value /= size);
        let moved = next.iter().zip(&vector).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        vector = next;
        if moved < 1e-12 {
            break;
        }
    }
    let largest =
        vector.iter().copied().fold(0.0_f64, |a, b| if b.abs() > a.abs() { b } else { a });
    if largest < 0.0 { vector.iter().map(|value| -value).collect() } else { vector }
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
