//! What each image adds to the scores of its split.

use super::calibration::probabilities;
use super::measured::Measured;
use crate::tables::PredictionRow;

/// Bins of confidence, equally wide (Guo, Pleiss, Sun & Weinberger 2017: M = 15).
const BINS: usize = 15;

/// How many of the most probable classes may be the right one.
const TOP: usize = 5;

/// The images of a split.
pub(super) struct Outcomes {
    classes: usize,
    images: Vec<Image>,
    is_calibrated: bool,
}

#[derive(Clone, Copy)]
struct Image {
    label: usize,
    is_correct: bool,
    in_top: bool,
    raw: Said,
    calibrated: Said,
}

/// How sure the network is.
#[derive(Clone, Copy)]
struct Said {
    loss: f64,
    /// The probability of the class that was predicted.
    confidence: f64,
    bin: usize,
}

impl Said {
    fn new(loss: f64, confidence: f64) -> Self {
        Self { loss, confidence, bin: bin(confidence) }
    }
}

/// The bin of a confidence; each has its upper end and not its lower one.
fn bin(confidence: f64) -> usize {
    ((confidence * BINS as f64).ceil() as usize).clamp(1, BINS) - 1
}

impl Outcomes {
    /// `None` where a label is no class, or there is but one.
    pub(super) fn of(
        rows: &[PredictionRow],
        classes: &[String],
        temperature: Option<f64>,
    ) -> Option<Self> {
        if classes.len() < 2 || rows.is_empty() {
            return None;
        }
        let images = rows.iter().map(|row| image(row, classes, temperature));
        let images = images.collect::<Option<Vec<Image>>>()?;
        Some(Self { classes: classes.len(), images, is_calibrated: temperature.is_some() })
    }
}

impl Measured for Outcomes {
    fn names(&self) -> Vec<&'static str> {
        let mut names = vec!["accuracy", "balanced_accuracy", "loss", "ece"];
        if self.classes > TOP {
            names.insert(2, "top_5_accuracy");
        }
        if self.is_calibrated {
            names.extend(["calibrated_loss", "calibrated_ece"]);
        }
        names
    }

    fn scores(&self, weights: &[u32]) -> Vec<f64> {
        let mut sums = Sums::new(self.classes);
        for (image, weight) in self.images.iter().zip(weights).filter(|(_, weight)| **weight > 0) {
            sums.add(image, f64::from(*weight));
        }
        let mean = |sum: f64| sum / sums.images;
        let mut scores = vec![mean(sums.hits), sums.mean_recall()];
        if self.classes > TOP {
            scores.push(mean(sums.in_top));
        }
        scores.extend([mean(sums.raw.loss), mean(sums.raw.error())]);
        if self.is_calibrated {
            scores.extend([mean(sums.calibrated.loss), mean(sums.calibrated.error())]);
        }
        scores
    }
}

fn image(row: &PredictionRow, classes: &[String], temperature: Option<f64>) -> Option<Image> {
    let index = |name: &String| classes.iter().position(|class| class == name);
    let (label, predicted) = (index(&row.label)?, index(&row.predicted)?);
    let raw = Said::new(row.loss, *row.probabilities.get(predicted)?);
    let calibrated = match temperature {
        Some(temperature) => {
            let (log_of_label, probabilities) = probabilities(&row.logits, temperature, label);
            Said::new(-log_of_label, *probabilities.get(predicted)?)
        }
        None => raw,
    };
    let of_label = *row.logits.get(label)?;
    let before = row.logits.iter().enumerate();
    let before = before.filter(|(i, logit)| (**logit, label) > (of_label, *i)).count();
    Some(Image { label, is_correct: label == predicted, in_top: before < TOP, raw, calibrated })
}

/// Sums over images.
struct Sums {
    images: f64,
    hits: f64,
    in_top: f64,
    /// Images of each class, and hits among them.
    classes: Vec<[f64; 2]>,
    raw: Confidence,
    calibrated: Confidence,
}

#[derive(Default)]
struct Confidence {
    loss: f64,
    /// Hits less confidence, by bin.
    gaps: [f64; BINS],
}

impl Confidence {
    fn add(&mut self, said: &Said, hit: f64, weight: f64) {
        self.loss += weight * said.loss;
        self.gaps[said.bin] += weight * (hit - said.confidence);
    }

    /// The expected calibration error, times the number of images.
    fn error(&self) -> f64 {
        self.gaps.iter().map(|gap| gap.abs()).sum()
    }
}

impl Sums {
    fn new(classes: usize) -> Self {
        Self {
            images: 0.0,
            hits: 0.0,
            in_top: 0.0,
            classes: vec![[0.0; 2]; classes],
            raw: Confidence::default(),
            calibrated: Confidence::default(),
        }
    }

    fn add(&mut self, image: &Image, weight: f64) {
        let hit = f64::from(u8::from(image.is_correct));
        self.images += weight;
        self.hits += weight * hit;
        self.in_top += weight * f64::from(u8::from(image.in_top));
        let class = &mut self.classes[image.label];
        class[0] += weight;
        class[1] += weight * hit;
        self.raw.add(&image.raw, hit, weight);
        self.calibrated.add(&image.calibrated, hit, weight);
    }

    /// The mean of the recalls of the classes that have an image.
    fn mean_recall(&self) -> f64 {
        let there = || self.classes.iter().filter(|[images, _]| *images > 0.0);
        there().map(|[images, hits]| hits / images).sum::<f64>() / there().count().max(1) as f64
    }
}
