//! How well a heatmap says what a prediction rests on, measured by what happens when parts of the
//! photo go or come.
//!
//! - `deletion`, `insertion` (Petsiuk et al. 2018): the area under the probability of the predicted
//!   class while the most important pixels turn grey, or come out of a blurred photo. A good map
//!   has a small first and a large second one.
//! - `road` (Rong et al. 2022): the least important pixels removed first less the most important
//!   ones first, at 20, 40, 60 and 80%, halved; what is removed is filled in from its neighbours, so
//!   that the hole itself gives nothing away. Larger is better.
//! - `average_drop`, `increase` (Chattopadhay et al. 2017): by what share the probability falls where
//!   the photo is seen through the map, and whether it rises.

use std::path::PathBuf;

use runner_experiment::plan::Faithfulness as Job;
use runner_experiment::section::visualize::Of;

use crate::backward::Goal;
use crate::cam::{self, Scorer, Settings};
use crate::error::ExplainError;
use crate::grid::Grid;
use crate::progress::Progress;
use crate::scene::Scene;
use runner_data::scan::ImageFile;
use runner_learn::loss::largest;
use runner_learn::objective::answers;
use runner_record::{Event, Score};

/// Shares of the photo that ROAD removes.
const REMOVED: [f64; 4] = [0.2, 0.4, 0.6, 0.8];

/// Images per forward pass.
const BATCH: usize = 16;

/// Rounds after which a filled hole has settled.
const ROUNDS: usize = 60;

pub(crate) fn run(
    job: &Job,
    number: usize,
    scene: &Scene<'_>,
    observe: &mut dyn FnMut(Event),
) -> Result<(), ExplainError> {
    scene.outputs()?;
    let settings = Settings::of(scene.layer(&job.layer)?);
    let scorer = Scorer::new(scene)?;
    let images = images(job, scene);
    let mut scores = Vec::new();
    let mut progress = Progress::new(number, "faithfulness", images.len() * job.methods.len());
    for image in images {
        let input = scene.photo(&image)?.input;
        let logits = scorer.logits(input.clone(), 1)?;
        let task = scene.task;
        let goal = Goal { class: largest(&answers(task, &logits)), of: Of::Logit, task };
        let judge = Judge {
            scene,
            scorer: &scorer,
            input: &input,
            goal: Goal { of: Of::Probability, ..goal },
            steps: job.steps,
        };
        for method in &job.methods {
            scene.interrupt.check()?;
            let map = cam::explain(scene, &scorer, *method, &input, goal, settings)?;
            // Where nothing speaks for the class, every place is as important as any.
            let [height, width] = scene.image_size;
            let nothing = || Grid { values: vec![0.0; height * width], height, width };
            let map = map.normalised().map_or_else(nothing, |map| map.stretched(height, width));
            scores.extend(judge.scores(&map)?.into_iter().map(|(score, value)| Score {
                method: method.as_str(),
                image: image.clone(),
                score,
                value,
            }));
            progress.add(1, observe);
        }
    }
    observe(Event::Faithfulness { number, scores });
    Ok(())
}

/// Those that are named, else the first test images, evenly from every class.
fn images(job: &Job, scene: &Scene<'_>) -> Vec<PathBuf> {
    if !job.images.is_empty() {
        return job.images.iter().map(PathBuf::from).collect();
    }
    let by_name = |name| scene.splits.iter().find(|split| split.name == name);
    let Some(split) = by_name("test").or_else(|| by_name("validation")) else {
        return Vec::new();
    };
    let class_of = |image: &ImageFile| image.target.class().unwrap_or(0);
    let classes = split.images.iter().map(class_of).max().map_or(1, |last| last + 1);
    let mut chosen = Vec::new();
    for class in 0..classes {
        let share = (job.count - chosen.len()) / (classes - class);
        let images = split.images.iter().filter(|image| class_of(image) == class);
        chosen.extend(images.take(share).map(|image| image.path.clone()));
    }
    chosen
}

/// One photo with the probability that is watched.
struct Judge<'a> {
    scene: &'a Scene<'a>,
    scorer: &'a Scorer,
    input: &'a [f32],
    goal: Goal,
    steps: usize,
}

impl Judge<'_> {
    fn scores(&self, map: &Grid) -> Result<Vec<(&'static str, f64)>, ExplainError> {
        let falling = order(&map.values);
        let rising: Vec<usize> = falling.iter().rev().copied().collect();
        let grey = cam::pixels::plain(self.scene, 128);
        let blurred = self.blurred();
        let deletion = self.curve(self.input, &grey, &falling)?;
        let insertion = self.curve(&blurred, self.input, &falling)?;
        let least = self.removed(&rising)?;
        let most = self.removed(&falling)?;
        let [whole, seen] = self.seen_through(map)?;
        Ok(vec![
            ("deletion", deletion),
            ("insertion", insertion),
            ("road", (least - most) / 2.0),
            ("average_drop", ((whole - seen) / whole.max(f64::MIN_POSITIVE)).max(0.0)),
            ("increase", if seen > whole { 1.0 } else { 0.0 }),
        ])
    }

    /// The area under the probability while pixels of `from` become those of `to`, in order.
    fn curve(&self, from: &[f32], to: &[f32], order: &[usize]) -> Result<f64, ExplainError> {
        let area = order.len();
        let mut image = from.to_vec();
        let (mut values, mut waiting) = (image.clone(), 1);
        let mut scores = Vec::with_capacity(self.steps + 1);
        for step in 0..self.steps {
            let [start, end] = [step, step + 1].map(|step| step * area / self.steps);
            for place in
                order[start..end].iter().flat_map(|place| [*place, place + area, place + 2 * area])
            {
                image[place] = to[place];
            }
            values.extend_from_slice(&image);
            waiting += 1;
            if waiting == BATCH || step + 1 == self.steps {
                self.scene.interrupt.check()?;
                scores.extend(self.scorer.scores(
                    std::mem::take(&mut values),
                    waiting,
                    self.goal,
                )?);
                waiting = 0;
            }
        }
        let pairs = scores.windows(2).map(|pair| f64::midpoint(pair[0], pair[1]));
        Ok(pairs.sum::<f64>() / self.steps as f64)
    }

    /// The mean probability with shares of the pixels removed, in order.
    fn removed(&self, order: &[usize]) -> Result<f64, ExplainError> {
        let mut values = Vec::new();
        for share in REMOVED {
            let count = (share * order.len() as f64) as usize;
            values.extend(self.filled(&order[..count]));
        }
        let scores = self.scorer.scores(values, REMOVED.len(), self.goal)?;
        Ok(scores.iter().sum::<f64>() / scores.len() as f64)
    }

    /// The photo with a hole that is filled in: each pixel of it the weighted mean of its neighbours,
    /// twice as much of those beside it as of those across.
    fn filled(&self, hole: &[usize]) -> Vec<f32> {
        let [height, width] = self.scene.image_size;
        let area = height * width;
        let mut places = hole.to_vec();
        places.sort_unstable();
        let mut image = self.input.to_vec();
        for plane in image.chunks_exact_mut(area) {
            let mut known = vec![true; area];
            places.iter().for_each(|place| known[*place] = false);
            let (mut sum, mut count) = (0.0, 0.0_f32);
            for (value, _) in plane.iter().zip(&known).filter(|(_, known)| **known) {
                sum += value;
                count += 1.0;
            }
            let mean = sum / count.max(1.0);
            places.iter().for_each(|place| plane[*place] = mean);
            for round in 0..ROUNDS {
                let visit =
                    |place: &usize| plane[*place] = neighbourhood(plane, *place, height, width);
                // Forth and back, so that values spread both ways.
                if round % 2 == 0 {
                    places.iter().for_each(visit);
                } else {
                    places.iter().rev().for_each(visit);
                }
            }
        }
        image
    }

    /// The probability of the whole photo, and of it multiplied by the map.
    fn seen_through(&self, map: &Grid) -> Result<[f64; 2], ExplainError> {
        let mut values = self.input.to_vec();
        let black = cam::pixels::plain(self.scene, 0);
        let shares = map.values.iter().cycle();
        let mixed = self.input.iter().zip(black).zip(shares);
        values.extend(mixed.map(|((value, black), share)| black + share * (value - black)));
        let scores = self.scorer.scores(values, 2, self.goal)?;
        Ok([scores[0], scores[1]])
    }

    /// The photo with every detail below a tenth of its size gone.
    fn blurred(&self) -> Vec<f32> {
        let [height, width] = self.scene.image_size;
        let small = [height, width].map(|side| side.div_ceil(10).max(2));
        let planes = self.input.chunks_exact(height * width);
        planes.flat_map(|plane| averaged(plane, [height, width], small)).collect()
    }
}

/// Means over a coarse grid, stretched back.
fn averaged(plane: &[f32], [height, width]: [usize; 2], small: [usize; 2]) -> Vec<f32> {
    let mut sums = vec![(0.0_f32, 0.0_f32); small[0] * small[1]];
    for (place, value) in plane.iter().enumerate() {
        let (y, x) = (place / width * small[0] / height, place % width * small[1] / width);
        let cell = &mut sums[y * small[1] + x];
        *cell = (cell.0 + value, cell.1 + 1.0);
    }
    let values = sums.into_iter().map(|(sum, count)| sum / count.max(1.0)).collect();
    Grid { values, height: small[0], width: small[1] }.stretched(height, width).values
}

fn neighbourhood(plane: &[f32], place: usize, height: usize, width: usize) -> f32 {
    let (y, x) = (place / width, place % width);
    let (mut sum, mut weights) = (0.0, 0.0);
    for (row, down) in [(y.wrapping_sub(1), true), (y, false), (y + 1, true)] {
        for (column, across) in [(x.wrapping_sub(1), true), (x, false), (x + 1, true)] {
            if row < height && column < width && (down || across) {
                let weight = if down && across { 1.0 } else { 2.0 };
                sum += weight * plane[row * width + column];
                weights += weight;
            }
        }
    }
    sum / weights
}

/// Places from the largest value to the smallest, the first of several equal ones first.
fn order(values: &[f32]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|a, b| values[*b].total_cmp(&values[*a]));
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_and_neighbours_by_hand() {
        assert_eq!(order(&[0.5, 2.0, 0.5, 3.0]), [3, 1, 0, 2]);
        let plane: Vec<f32> = (0..9_u8).map(f32::from).collect();
        // (2 · (1 + 3 + 5 + 7) + 0 + 2 + 6 + 8) / 12, and (2 · (1 + 3) + 4) / 5 in the corner.
        assert!((neighbourhood(&plane, 4, 3, 3) - 4.0).abs() < 1e-6);
        assert!((neighbourhood(&plane, 0, 3, 3) - 2.4).abs() < 1e-6);
    }

    #[test]
    fn a_blurred_plane_keeps_its_mean() {
        let plane: Vec<f32> = (0..400).map(|place| (place % 20) as f32).collect();
        let blurred = averaged(&plane, [20, 20], [2, 2]);
        assert!((blurred[0] - 4.5).abs() < 1e-6 && (blurred[399] - 14.5).abs() < 1e-6);
    }
}
