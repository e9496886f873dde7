//! Accuracy and loss over the epochs, the runs over each other.
//!
//! Owns the numbers of the SVG; its shape is in `templates/chart.html`. Nothing is smoothed.

use serde::Serialize;

use super::axis::{self, Axis, Tick};
use super::scale::{
    BOTTOM, HEIGHT, LEFT, RIGHT, Scale, TOP, WIDTH, finite, path, range, shown, tenth,
};
use super::subject::{Name, Subject};
use crate::tables::{Record, cell};

/// With more lines, their ends have no letters.
const LETTERS: usize = 10;
/// Height of a letter.
const LINE: f64 = 14.0;
/// Width of a stage's name, at least.
const STAGE: f64 = 64.0;

/// One chart.
#[derive(Debug, Serialize)]
pub(super) struct Figure {
    id: &'static str,
    title: &'static str,
    /// What it shows, for those who cannot see it.
    description: String,
    width: f64,
    height: f64,
    left: f64,
    right: f64,
    top: f64,
    bottom: f64,
    low: f64,
    high: f64,
    /// Epochs of the longest run.
    last: usize,
    x_ticks: Vec<Tick>,
    y_ticks: Vec<Tick>,
    stages: Vec<Stage>,
    series: Vec<Series>,
    /// Whether values lie above the chart.
    cut: bool,
}

/// Where a stage starts.
#[derive(Debug, PartialEq, Serialize)]
struct Stage {
    x: f64,
    name: String,
    /// Whether there is room for the name.
    labelled: bool,
}

/// One line.
#[derive(Debug, Serialize)]
struct Series {
    name: Name,
    split: &'static str,
    path: String,
    /// Every value, for the script; empty where there is none.
    values: String,
    end: Option<End>,
    best: Option<Best>,
}

/// Where the letter of a run stands, behind the end of its line.
#[derive(Debug, Serialize)]
struct End {
    x: f64,
    y: f64,
}

/// The epoch with the lowest validation loss.
#[derive(Debug, Serialize)]
struct Best {
    x: f64,
    y: f64,
    epoch: usize,
    value: String,
}

/// Training and validation of each run.
pub(super) fn of_runs(subjects: &[Subject]) -> Vec<Figure> {
    figures(subjects, &["training", "validation"])
}

/// Validation of each member of a sweep.
pub(super) fn of_members(subjects: &[Subject]) -> Vec<Figure> {
    figures(subjects, &["validation"])
}

fn figures(subjects: &[Subject], splits: &[&'static str]) -> Vec<Figure> {
    if subjects.iter().all(|subject| subject.epochs.is_empty()) {
        return Vec::new();
    }
    let has = |column: &str| {
        let has = |epoch: &Record| cell::get(epoch, column).as_f64().is_some();
        subjects.iter().any(|subject| subject.epochs.iter().any(has))
    };
    let metrics = match has("validation_mae") && !has("validation_accuracy") {
        true => [("mae", "Mean absolute error"), ("loss", "Loss")],
        false => [("accuracy", "Accuracy"), ("loss", "Loss")],
    };
    metrics.iter().map(|(metric, title)| figure(subjects, splits, (metric, title))).collect()
}

fn figure(
    subjects: &[Subject],
    splits: &[&'static str],
    (metric, title): (&'static str, &'static str),
) -> Figure {
    let lines = lines(subjects, splits, metric);
    let values: Vec<f64> = lines.iter().flat_map(|line| finite(&line.values)).collect();
    let (low, high, cut) = range(values, metric != "accuracy");
    let last = subjects.iter().map(|subject| subject.epochs.len()).max().unwrap_or(1);
    let scale = Scale { x: Axis::between(1.0, last as f64), y: Axis::round(low, high) };
    let mut series: Vec<Series> = lines.iter().map(|line| line.drawn(&scale)).collect();
    spread_ends(&mut series);
    let tick = |(value, label)| Tick { position: scale.y(value), label };
    let epoch = |epoch: usize| Tick { position: scale.x(epoch), label: epoch.to_string() };
    Figure {
        id: metric,
        title,
        description: description(subjects, metric),
        width: WIDTH,
        height: HEIGHT,
        left: LEFT,
        right: RIGHT,
        top: TOP,
        bottom: BOTTOM,
        low: scale.y.low(),
        high: scale.y.high(),
        last,
        x_ticks: axis::epochs(last).into_iter().map(epoch).collect(),
        y_ticks: scale.y.ticks().into_iter().map(tick).collect(),
        stages: stages(subjects, &scale),
        series,
        cut,
    }
}

/// A line before it has a scale.
struct Line<'a> {
    subject: &'a Subject,
    split: &'static str,
    values: Vec<f64>,
}

fn lines<'a>(subjects: &'a [Subject], splits: &[&'static str], metric: &str) -> Vec<Line<'a>> {
    let drawn = subjects.iter().filter(|subject| !subject.epochs.is_empty());
    let line = |subject: &'a Subject, split: &&'static str| {
        let prefix = if *split == "training" { "train" } else { split };
        Line { subject, split, values: subject.epochs(&format!("{prefix}_{metric}")) }
    };
    // Validation over training, whichever run it is of.
    let of_split = |split| drawn.clone().map(move |subject| line(subject, split));
    splits.iter().flat_map(of_split).collect()
}

impl Line<'_> {
    fn drawn(&self, scale: &Scale) -> Series {
        let validation = self.split == "validation";
        let end = self.values.iter().enumerate().rfind(|(_, value)| value.is_finite());
        let end = end.map(|(index, value)| End {
            x: tenth(scale.x(index + 1) + 6.0),
            y: scale.y(*value).clamp(TOP, BOTTOM),
        });
        let texts: Vec<String> = self.values.iter().map(|value| shown(*value)).collect();
        Series {
            name: self.subject.name.clone(),
            split: self.split,
            path: path(&self.values, scale),
            values: texts.join(","),
            end: end.filter(|_| validation),
            best: self.best(scale).filter(|_| validation),
        }
    }

    fn best(&self, scale: &Scale) -> Option<Best> {
        let losses = self.subject.epochs("validation_loss");
        let finite = losses.iter().enumerate().filter(|(_, loss)| loss.is_finite());
        let (index, _) = finite.min_by(|a, b| a.1.total_cmp(b.1))?;
        let value = *self.values.get(index)?;
        let (epoch, value_text) = (index + 1, shown(value));
        let best = Best { x: scale.x(epoch), y: scale.y(value), epoch, value: value_text };
        value.is_finite().then_some(best)
    }
}

/// Where stages other than the first start, in any of the runs.
fn stages(subjects: &[Subject], scale: &Scale) -> Vec<Stage> {
    let mut starts: Vec<(usize, String)> = Vec::new();
    for subject in subjects {
        let names: Vec<&str> = subject
            .epochs
            .iter()
            .map(|row| cell::get(row, "stage").as_str().unwrap_or_default())
            .collect();
        let changes = (1..names.len()).filter(|index| names[*index] != names[index - 1]);
        starts.extend(changes.map(|index| (index + 1, names[index].to_owned())));
    }
    starts.sort();
    starts.dedup();
    let mut free = LEFT;
    let stage = |(epoch, name): (usize, String)| {
        let x = tenth((scale.x(epoch - 1) + scale.x(epoch)) / 2.0);
        let labelled = x >= free && x + STAGE / 2.0 < RIGHT;
        if labelled {
            free = x + STAGE;
        }
        Stage { x, name, labelled }
    };
    starts.into_iter().map(stage).collect()
}

/// Letters at the ends of lines must not lie on each other; where there are too many, none is shown.
fn spread_ends(series: &mut [Series]) {
    let ends: Vec<&mut End> = series.iter_mut().filter_map(|line| line.end.as_mut()).collect();
    if ends.len() > LETTERS || ends.len() < 2 {
        series.iter_mut().for_each(|line| line.end = None);
        return;
    }
    spread(ends);
}

fn spread(mut ends: Vec<&mut End>) {
    ends.sort_by(|a, b| a.y.total_cmp(&b.y));
    let mut placed: Vec<(f64, f64)> = Vec::new();
    for end in ends {
        let away = |turn: f64| {
            let next = |y: &f64| {
                // Places are tenths: two that are a line apart can differ by a little less.
                let apart = |a: f64, b: f64| (a - b).abs() > LINE - 0.05;
                let covers = |(x, other): &&(f64, f64)| !apart(*x, end.x) && !apart(*other, *y);
                placed.iter().find(covers).map(|(_, other)| tenth(other + turn * LINE))
            };
            std::iter::successors(Some(end.y), next).last().unwrap_or(end.y)
        };
        // Below the chart stand its epochs.
        let (below, above) = (away(1.0), away(-1.0));
        end.y = if below <= BOTTOM { below } else { above };
        placed.push((end.x, end.y));
    }
}

fn description(subjects: &[Subject], metric: &str) -> String {
    let column = format!("validation_{metric}");
    let of = |subject: &Subject| {
        let values = subject.epochs(&column);
        let last = finite(&values).last()?;
        let Name { letter, label, .. } = &subject.name;
        Some(format!("{letter}, {label}: {} after {} epochs", shown(last), values.len()))
    };
    let ends: Vec<String> = subjects.iter().take(LETTERS).filter_map(of).collect();
    format!("Validation {metric}. {}.", ends.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_make_room_for_each_other_and_stay_in_the_chart() {
        let places = |ends: &[(f64, f64)]| {
            let mut ends: Vec<End> = ends.iter().map(|(x, y)| End { x: *x, y: *y }).collect();
            spread(ends.iter_mut().collect());
            ends.iter().map(|end| end.y).collect::<Vec<f64>>()
        };
        assert_eq!(places(&[(9.0, 50.0), (9.0, 51.0), (99.0, 51.0)]), [50.0, 64.0, 51.0]);
        // 24.3 + 14 comes to a little less than 14 more.
        assert_eq!(places(&[(9.0, 24.3), (9.0, 24.3)]), [24.3, 38.3]);
        assert_eq!(places(&[(9.0, BOTTOM - 1.0), (9.0, BOTTOM)]), [BOTTOM - 1.0, BOTTOM - 15.0]);
    }
}
