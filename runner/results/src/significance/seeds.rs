//! Several seeds on at least one side: a test over seeds and images.
//!
//! Each setting has its own seeds, and all of them see the same images. Both are samples: another run
//! would have other seeds, another test set other images. Medicine has the same design, with readers
//! for seeds and cases for images ("split-plot", readers nested in the modality): Obuchowski & Rockette
//! 1995, "Hypothesis testing of diagnostic accuracy for multiple readers and multiple tests", with the
//! degrees of freedom of Hillis 2007, "A comparison of denominator degrees of freedom methods for
//! multiple observer ROC analysis".
//!
//! The variance of the difference has three sources. `seeds` and `images`, each estimated by itself,
//! both contain the third, the chance of single seeds at single images; it is taken off once. Before
//! cutting off at zero that is the unbiased estimate of Gallas 2006, "One-shot estimate of MRMC
//! variance: AUC".

use super::distribution::{student_critical, student_two_sided};
use super::level::LEVEL;
use super::single::seed_spread;

/// Where the variance of the difference comes from. All in squares of accuracies from 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Components {
    /// Variance of each side's mean accuracy over seeds.
    pub seeds: [f64; 2],
    /// Variance of the mean difference over images.
    pub images: f64,
    /// The part of both that is the chance of single seeds at single images, of each side.
    pub chance: [f64; 2],
}

impl Components {
    /// What another test set would change, were there any number of seeds. Not below zero.
    #[must_use]
    pub fn settings(&self) -> f64 {
        (self.images - self.chance[0] - self.chance[1]).max(0.0)
    }
}

/// What a test over seeds and images found.
#[derive(Debug, Clone, PartialEq)]
pub struct SeedsAndImages {
    /// How many seeds A and B have.
    pub seeds: [usize; 2],
    /// How many images.
    pub images: usize,
    /// The mean accuracy of B less that of A, -1 to 1.
    pub difference: f64,
    /// Its standard error.
    pub standard_error: f64,
    /// Degrees of freedom of Student's distribution.
    pub degrees: f64,
    /// Both directions together.
    pub p_value: f64,
    /// 95 %.
    pub interval: [f64; 2],
    /// What the standard error is made of.
    pub components: Components,
    /// Where a side has one seed: the standard deviation of its accuracy between seeds, 0 to 1, that is
    /// assumed at least.
    pub spread: Option<f64>,
}

/// With less, equal settings that differ much on single images are told apart in 6 % of all pairs of
/// two seeds. Of fourteen seeds of `feature_extraction.toml` the ratio is 2.7.
const FLOOR: f64 = 2.0;

/// What one side's runs say about each other.
struct Side {
    seeds: f64,
    accuracy: f64,
    per_image: Vec<f64>,
    /// Sample variance of the seeds' accuracies, and the part of it that is chance at single images;
    /// neither with one seed.
    variance: Option<[f64; 2]>,
}

impl Side {
    fn new(rows: &[Vec<bool>], images: usize) -> Self {
        let (seeds, count) = (rows.len() as f64, images as f64);
        let share = |row: &Vec<bool>| row.iter().filter(|right| **right).count() as f64 / count;
        let accuracies: Vec<f64> = rows.iter().map(share).collect();
        let accuracy = accuracies.iter().sum::<f64>() / seeds;
        let right = |image: usize| rows.iter().filter(|row| row[image]).count() as f64;
        let per_image: Vec<f64> = (0..images).map(|image| right(image) / seeds).collect();
        let variance = (rows.len() > 1).then(|| {
            let between: f64 = accuracies.iter().map(|a| (a - accuracy).powi(2)).sum();
            // Of zeros and ones with mean m, the squares around m sum up to n m (1 - m).
            let within: f64 = per_image.iter().map(|mean| seeds * mean * (1.0 - mean)).sum();
            let rest = (within - count * between).max(0.0);
            [between / (seeds - 1.0), rest / ((seeds - 1.0) * (count - 1.0)) / count]
        });
        Self { seeds, accuracy, per_image, variance }
    }

    /// [`Components::seeds`] and [`Components::chance`] of this side. One seed has no variance of its
    /// own: it is taken to vary as the other side's do.
    fn components(&self, other: &Self) -> Option<[f64; 2]> {
        let variance = self.variance.or(other.variance)?;
        Some(variance.map(|variance| variance / self.seeds))
    }

    /// Degrees of freedom behind its variance, its own or the other side's.
    fn degrees(&self, other: &Self) -> f64 {
        let seeds = if self.variance.is_some() { self.seeds } else { other.seeds };
        seeds - 1.0
    }
}

/// The sources of variance, as estimated. `None` with fewer than two images, a side without a seed,
/// or one seed on each side.
#[must_use]
pub fn components(a: &[Vec<bool>], b: &[Vec<bool>]) -> Option<Components> {
    let images = images(a, b)?;
    let (a, b) = (Side::new(a, images), Side::new(b, images));
    let [between_images, _] = Differences::new(&a, &b).moments();
    from_sides(&a, &b, between_images / images as f64)
}

fn from_sides(a: &Side, b: &Side, images: f64) -> Option<Components> {
    let [seeds_a, chance_a] = a.components(b)?;
    let [seeds_b, chance_b] = b.components(a)?;
    Some(Components { seeds: [seeds_a, seeds_b], images, chance: [chance_a, chance_b] })
}

fn images(a: &[Vec<bool>], b: &[Vec<bool>]) -> Option<usize> {
    let images = a.first().or(b.first())?.len();
    let fits = images > 1 && a.iter().chain(b).all(|row| row.len() == images);
    (fits && !a.is_empty() && !b.is_empty()).then_some(images)
}

/// B less A, image by image.
struct Differences(Vec<f64>);

impl Differences {
    fn new(a: &Side, b: &Side) -> Self {
        Self(b.per_image.iter().zip(&a.per_image).map(|(b, a)| b - a).collect())
    }

    /// Their sample variance, and the degrees of freedom that it is worth: 2 s⁴ / Var(s²), where
    /// n Var(s²) is m₄ - s⁴. Where few images differ, that is about twice their number.
    fn moments(&self) -> [f64; 2] {
        let count = self.0.len() as f64;
        let mean = self.0.iter().sum::<f64>() / count;
        let power = |of: i32| self.0.iter().map(|x| (x - mean).powi(of)).sum::<f64>();
        let variance = power(2) / (count - 1.0);
        let excess = power(4) / count - variance * variance;
        let most = count - 1.0;
        let degrees = 2.0 * count * variance * variance / excess;
        [variance, if excess > 0.0 { degrees.min(most) } else { most }]
    }
}

/// Tests whether the mean accuracies of two settings differ: `a[seed][image]` says whether that run
/// was right on that image. One seed is taken to vary as the other side's do, and at least by `spread`,
/// without which that is [`seed_spread`]. `None` as for [`components`].
#[must_use]
pub fn seeds_and_images(
    a: &[Vec<bool>],
    b: &[Vec<bool>],
    spread: Option<f64>,
) -> Option<SeedsAndImages> {
    let images = images(a, b)?;
    let seeds = [a.len(), b.len()];
    let (a, b) = (Side::new(a, images), Side::new(b, images));
    let [between_images, image_degrees] = Differences::new(&a, &b).moments();
    let components = from_sides(&a, &b, between_images / images as f64)?;
    let settings = components.settings();
    let alone = [&a, &b].into_iter().find(|side| side.variance.is_none());
    let spread = alone.map(|side| spread.unwrap_or_else(|| seed_spread(side.accuracy)));
    let from_seeds = seed_parts(&a, &b, &components, spread);
    // Accuracies come in steps of one image: no standard error is smaller. Agresti & Min 2005 guard
    // the interval of two runs alike, with half an image more for A and half for B.
    let step = (images as f64).powi(-2);
    let variance = from_seeds.iter().map(|(part, _)| part).sum::<f64>() + settings + step;
    let image_part = if settings > 0.0 { components.images.powi(2) / image_degrees } else { 0.0 };
    let parts: f64 = from_seeds.iter().map(|(part, degrees)| part * part / degrees).sum();
    let degrees = variance * variance / (parts + image_part);
    let difference = b.accuracy - a.accuracy;
    let standard_error = variance.sqrt();
    let half = standard_error * student_critical(LEVEL, degrees);
    Some(SeedsAndImages {
        seeds,
        images,
        difference,
        standard_error,
        degrees,
        p_value: student_two_sided(difference / standard_error, degrees),
        interval: [difference - half, difference + half],
        components,
        spread,
    })
}

/// The variances that seeds make, each with its degrees of freedom: those of A and B, or of both where
/// they are one estimate. Two seeds often agree by chance, and their variance is then far too small:
/// where a variance is that of two seeds, none is taken for less than [`FLOOR`] times the chance at single
/// images, which it contains. For a side with one seed `spread` comes on top of that chance.
fn seed_parts(a: &Side, b: &Side, components: &Components, spread: Option<f64>) -> Vec<(f64, f64)> {
    let few = a.degrees(b).min(b.degrees(a)) < 1.5;
    let part = |side: &Side, other: &Side, index: usize| {
        let degrees = side.degrees(other);
        let chance = components.chance[index];
        let few_seeds = if few { FLOOR * chance } else { 0.0 };
        let one_seed = match (spread, side.variance) {
            (Some(spread), None) => chance + spread * spread,
            _ => 0.0,
        };
        (components.seeds[index].max(few_seeds).max(one_seed), degrees)
    };
    let (a_part, b_part) = (part(a, b, 0), part(b, a, 1));
    match a.variance.is_some() && b.variance.is_some() {
        true => vec![a_part, b_part],
        false => vec![(a_part.0 + b_part.0, a_part.1)],
    }
}

#[cfg(test)]
mod tests;
