//! Multinomial logistic regression with an L2 penalty, left out fold by fold.
//!
//! It minimises the mean cross-entropy + λ/2 ‖W‖², biases free, by L-BFGS (Liu & Nocedal 1989). λ is the
//! one of a few under which the images that were left out are most likely.

use std::collections::VecDeque;

use nalgebra::DMatrix;
use rayon::prelude::*;

/// Penalties that are tried.
const PENALTIES: [f64; 4] = [1.0, 0.1, 0.01, 0.001];

/// Steps of L-BFGS at most.
const STEPS: usize = 200;

/// Pairs of steps and changes that it remembers.
const MEMORY: usize = 10;

/// The largest entry of the gradient at the end.
const TOLERANCE: f64 = 1e-5;

/// Images with classes and folds.
pub(crate) struct Examples<'a> {
    /// `[images, features]`
    pub values: &'a DMatrix<f64>,
    /// Class of each image.
    pub labels: &'a [usize],
    /// How many classes.
    pub classes: usize,
    /// Fold of each image, from 0.
    pub folds: &'a [usize],
}

/// Probabilities of every image, by the model of its fold: the one trained on the others.
pub(crate) fn out_of_fold(examples: &Examples<'_>, folds: usize) -> Vec<Vec<f64>> {
    let by_fold: Vec<Vec<DMatrix<f64>>> =
        (0..folds).into_par_iter().map(|fold| path(examples, fold)).collect();
    let said = |penalty: usize| -> Vec<Vec<f64>> {
        let row = |(image, fold): (usize, &usize)| {
            by_fold[*fold][penalty].row(image).iter().copied().collect()
        };
        examples.folds.iter().enumerate().map(row).collect()
    };
    let loss = |said: &[Vec<f64>]| -> f64 {
        let of = said.iter().zip(examples.labels);
        of.map(|(row, label)| -row[*label].max(f64::MIN_POSITIVE).ln()).sum()
    };
    let all = (0..PENALTIES.len()).map(said);
    let best = all.map(|said| (loss(&said), said)).min_by(|a, b| a.0.total_cmp(&b.0));
    best.map(|(_, said)| said).unwrap_or_default()
}

/// The probabilities of all images without a fold, under each penalty; the strongest comes first, and
/// the next begins where it ended.
fn path(examples: &Examples<'_>, fold: usize) -> Vec<DMatrix<f64>> {
    let mut weights = DMatrix::zeros(examples.values.ncols() + 1, examples.classes);
    let solve = |penalty: &f64| {
        let objective = Objective { examples, fold, penalty: *penalty };
        weights = minimum(&objective, std::mem::take(&mut weights));
        let mut said = objective.logits(&weights);
        said.row_iter_mut().for_each(|mut row| {
            let largest = row.max();
            row.apply(|logit| *logit = (*logit - largest).exp());
            let sum = row.sum();
            row.scale_mut(1.0 / sum);
        });
        said
    };
    PENALTIES.iter().map(solve).collect()
}

/// What is minimised: the weights are `[features + 1, classes]`, the biases last.
struct Objective<'a> {
    examples: &'a Examples<'a>,
    /// Images of this fold do not count.
    fold: usize,
    penalty: f64,
}

impl Objective<'_> {
    fn logits(&self, weights: &DMatrix<f64>) -> DMatrix<f64> {
        let features = self.examples.values.ncols();
        let mut logits = self.examples.values * weights.rows(0, features);
        for mut row in logits.row_iter_mut() {
            row += weights.row(features);
        }
        logits
    }

    /// The value and its gradient.
    fn at(&self, weights: &DMatrix<f64>) -> (f64, DMatrix<f64>) {
        let Examples { values, labels, folds, .. } = *self.examples;
        let features = values.ncols();
        let mut errors = self.logits(weights);
        let (mut loss, mut count) = (0.0, 0.0);
        for (image, mut row) in errors.row_iter_mut().enumerate() {
            if folds[image] == self.fold {
                row.fill(0.0);
                continue;
            }
            let largest = row.max();
            let of_label = row[labels[image]] - largest;
            row.apply(|logit| *logit = (*logit - largest).exp());
            let sum = row.sum();
            row.scale_mut(1.0 / sum);
            row[labels[image]] -= 1.0;
            loss += sum.ln() - of_label;
            count += 1.0;
        }
        let count = f64::max(count, 1.0);
        let penalised = weights.rows(0, features);
        let mut gradient = DMatrix::zeros(features + 1, weights.ncols());
        let of_weights = values.tr_mul(&errors) / count + penalised * self.penalty;
        gradient.rows_mut(0, features).copy_from(&of_weights);
        gradient.row_mut(features).copy_from(&(errors.row_sum() / count));
        (loss / count + 0.5 * self.penalty * penalised.norm_squared(), gradient)
    }
}

/// Where the objective is smallest.
fn minimum(objective: &Objective<'_>, mut weights: DMatrix<f64>) -> DMatrix<f64> {
    let (mut value, mut gradient) = objective.at(&weights);
    let mut memory: VecDeque<[DMatrix<f64>; 2]> = VecDeque::new();
    for _ in 0..STEPS {
        if gradient.amax() < TOLERANCE {
            break;
        }
        let direction = direction(&gradient, &memory);
        let descent = direction.dot(&gradient);
        // Without a memory of the curvature the first step is short.
        let mut step = if memory.is_empty() { (1.0 / gradient.norm()).min(1.0) } else { 1.0 };
        let found = (0..40).find_map(|_| {
            let next = &weights + &direction * step;
            let (value_there, gradient_there) = objective.at(&next);
            // Armijo's condition; for a convex function it is enough with what the memory refuses.
            if value_there <= value + 1e-4 * step * descent {
                return Some((next, value_there, gradient_there));
            }
            step *= 0.5;
            None
        });
        let Some((next, value_there, gradient_there)) = found else { break };
        let pair = [&next - &weights, &gradient_there - &gradient];
        if pair[0].dot(&pair[1]) > 1e-12 * pair[1].norm_squared() {
            memory.push_back(pair);
            if memory.len() > MEMORY {
                memory.pop_front();
            }
        }
        (weights, value, gradient) = (next, value_there, gradient_there);
    }
    weights
}

/// The two loops of L-BFGS (Nocedal & Wright 2006, algorithm 7.4).
fn direction(gradient: &DMatrix<f64>, memory: &VecDeque<[DMatrix<f64>; 2]>) -> DMatrix<f64> {
    let mut direction = -gradient;
    let mut shares = Vec::new();
    for [step, change] in memory.iter().rev() {
        let share = step.dot(&direction) / step.dot(change);
        direction -= change * share;
        shares.push(share);
    }
    if let Some([step, change]) = memory.back() {
        direction *= step.dot(change) / change.norm_squared();
    }
    for ([step, change], share) in memory.iter().zip(shares.into_iter().rev()) {
        let back = change.dot(&direction) / step.dot(change);
        direction += step * (share - back);
    }
    direction
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 30 images with 3 features, in 3 classes.
    fn images() -> (DMatrix<f64>, Vec<usize>) {
        let value = |row: usize, column: usize| {
            let (row, column) = (row as f64, column as f64);
            (1.7 * row + 2.3 * column + 0.1 * row * column).sin()
        };
        let class = |row: usize| (row * row + row / 3) % 3;
        (DMatrix::from_fn(30, 3, value), (0..30).map(class).collect())
    }

    #[test]
    fn weights_are_those_of_scikit_learn() {
        let (values, labels) = images();
        let folds: Vec<usize> = (0..30).map(|row| row % 5).collect();
        let examples = Examples { values: &values, labels: &labels, classes: 3, folds: &folds };
        let objective = Objective { examples: &examples, fold: 2, penalty: 0.1 };
        let weights = minimum(&objective, DMatrix::zeros(4, 3));
        // scikit-learn 1.9.1, LogisticRegression(C=1/(0.1·24), tol=1e-12); biases less their mean.
        let expected = [
            [0.023_235_053_1, -0.239_462_322_0, 0.216_227_268_9],
            [-0.283_598_002_8, 0.095_537_460_0, 0.188_060_542_8],
            [0.107_646_481_5, -0.057_485_054_9, -0.050_161_426_6],
            [-0.142_309_355_8, 0.120_789_921_1, 0.021_519_434_7],
        ];
        for (row, expected) in expected.iter().enumerate() {
            for (column, expected) in expected.iter().enumerate() {
                let off = weights[(row, column)] - expected;
                assert!(off.abs() < 1e-4, "{row}, {column}: {off}");
            }
        }
    }

    #[test]
    fn images_are_told_by_the_model_that_did_not_see_them() {
        // Labels without a pattern cannot be told: what was left out is no better than chance.
        let (values, labels) = images();
        let folds: Vec<usize> = (0..30).map(|row| row % 5).collect();
        let examples = Examples { values: &values, labels: &labels, classes: 3, folds: &folds };
        let said = out_of_fold(&examples, 5);
        assert!(said.iter().all(|row| (row.iter().sum::<f64>() - 1.0).abs() < 1e-12));
        // Where the first feature is the class, all are.
        let clear =
            DMatrix::from_fn(30, 3, |row, column| if labels[row] == column { 1.0 } else { 0.0 });
        let said = out_of_fold(&Examples { values: &clear, ..examples }, 5);
        assert!(said.iter().zip(&labels).all(|(row, label)| row[*label] > 0.9), "{said:?}");
    }
}
