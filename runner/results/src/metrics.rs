//! Metrics of a split's predictions: confusion, and with two classes AUC, precision, recall and F1.
//!
//! The positive class is the second in sorted order; an image counts as positive where its
//! probability is above 0.5.

use crate::tables::{ConfusionRow, PredictionRow};

/// Metrics for two classes; `None` where one would divide by zero.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Binary {
    /// Area under the curve of true against false positives (Fawcett 2006): how often a positive
    /// image has a higher logit than a negative one, a tie counting half.
    pub auc: Option<f64>,
    /// Of the images called positive, how many are.
    pub precision: Option<f64>,
    /// Of the positive images, how many are called so.
    pub recall: Option<f64>,
    /// Harmonic mean of the two.
    pub f1: Option<f64>,
}

/// `None` unless there are two classes: two labels, or two numbers, are none.
#[must_use]
pub fn binary(rows: &[PredictionRow], classes: &[String]) -> Option<Binary> {
    let [_, positive] = classes else { return None };
    if rows.iter().any(|row| !row.targets.is_empty()) {
        return None;
    }
    let count = |label: bool, predicted: bool| {
        let is = |name: &String| name == positive;
        let fits =
            |row: &&PredictionRow| is(&row.label) == label && is(&row.predicted) == predicted;
        rows.iter().filter(fits).count()
    };
    let (hits, misses, false_alarms) = (count(true, true), count(true, false), count(false, true));
    Some(Binary {
        auc: auc(rows, positive),
        precision: ratio(hits, hits + false_alarms),
        recall: ratio(hits, hits + misses),
        f1: ratio(2 * hits, 2 * hits + misses + false_alarms),
    })
}

fn ratio(part: usize, whole: usize) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

/// By ranks (Mann & Whitney 1947), those of equal logits averaged. Probabilities would not do: from a
/// logit of 37 on, all of them are 1.
fn auc(rows: &[PredictionRow], positive: &str) -> Option<f64> {
    let mut scores: Vec<(f64, bool)> = rows
        .iter()
        .filter_map(|row| Some((row.logits.get(1)? - row.logits.first()?, row.label == positive)))
        .collect();
    scores.sort_by(|a, b| a.0.total_cmp(&b.0));
    let positives = scores.iter().filter(|(_, is)| *is).count();
    let negatives = scores.len() - positives;
    let mut ranks = 0.0;
    let mut before = 0;
    for tied in scores.chunk_by(|a, b| a.0 == b.0) {
        let rank = before as f64 + (tied.len() as f64 + 1.0) / 2.0;
        ranks += rank * tied.iter().filter(|(_, is)| *is).count() as f64;
        before += tied.len();
    }
    let pairs = (positives * negatives) as f64;
    let least = (positives * (positives + 1)) as f64 / 2.0;
    (pairs > 0.0).then(|| (ranks - least) / pairs)
}

/// Every pair of classes, in their order.
#[must_use]
pub fn confusion(split: &str, rows: &[PredictionRow], classes: &[String]) -> Vec<ConfusionRow> {
    let mut table = Vec::new();
    for label in classes {
        let labelled: Vec<&PredictionRow> = rows.iter().filter(|row| row.label == *label).collect();
        for predicted in classes {
            let images = labelled.iter().filter(|row| row.predicted == *predicted).count();
            table.push(ConfusionRow {
                split: split.to_owned(),
                label: label.clone(),
                predicted: predicted.clone(),
                images: images as i64,
                share: images as f64 / labelled.len().max(1) as f64,
            });
        }
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows() -> Vec<PredictionRow> {
        // Positives 0.9, 0.6, 0.4, 0.4; negatives 0.7, 0.4, 0.2.
        let scores = [(0.9, 1), (0.6, 1), (0.4, 1), (0.4, 1), (0.7, 0), (0.4, 0), (0.2, 0)];
        let name = |positive: bool| if positive { "dogs" } else { "cats" }.to_owned();
        scores
            .into_iter()
            .map(|(score, label): (f64, usize)| PredictionRow {
                split: "test".to_owned(),
                path: String::new(),
                label: name(label == 1),
                predicted: name(score > 0.5),
                correct: Some((score > 0.5) == (label == 1)),
                targets: Vec::new(),
                loss: 0.0,
                logits: vec![0.0, (score / (1.0 - score)).ln()],
                probabilities: vec![1.0 - score, score],
            })
            .collect()
    }

    #[test]
    fn metrics_by_hand() {
        let classes = ["cats".to_owned(), "dogs".to_owned()];
        let Some(found) = binary(&rows(), &classes) else { panic!("two classes") };
        // Of twelve pairs: 3 + 2 + 2 · (1 + ½) = 8.
        assert_eq!(found.auc, Some(8.0 / 12.0));
        assert_eq!((found.precision, found.recall), (Some(2.0 / 3.0), Some(0.5)));
        assert!((found.f1.unwrap_or(0.0) - 4.0 / 7.0).abs() < 1e-12);
        let counts: Vec<i64> =
            confusion("test", &rows(), &classes).iter().map(|row| row.images).collect();
        assert_eq!(counts, [2, 1, 2, 2]);
        // scikit-learn 1.x, roc_auc_score of these logits; of their sigmoids it would be 0.686.
        let logits = [50.0, 45.0, 40.0, 38.0, -1.0, 39.0, 41.0, -3.0, 17.0, 16.5, 2.0, 48.0];
        let labels = [1, 0, 1, 0, 0, 1, 1, 0, 0, 1, 1, 1];
        let sure: Vec<PredictionRow> = logits
            .into_iter()
            .zip(labels)
            .map(|(logit, label): (f64, usize)| PredictionRow {
                label: classes[label].clone(),
                logits: vec![0.0, logit],
                probabilities: vec![1.0 / (1.0 + logit.exp()), 1.0 / (1.0 + (-logit).exp())],
                ..rows().remove(0)
            })
            .collect();
        let auc = auc(&sure, "dogs").unwrap_or(0.0);
        assert!((auc - 0.742_857_142_857_142_9).abs() < 1e-12, "{auc}");
        assert_eq!(binary(&rows(), &classes[..1]), None);
        let labels = PredictionRow { targets: vec![1.0, 1.0], ..rows().remove(0) };
        assert_eq!(binary(&[labels], &classes), None);
        assert_eq!(binary(&[], &classes), Some(Binary::default()));
    }
}
