//! Scores of a run as a reader would say them.

use crate::load::LoadedRun;
use crate::tables::{self, Cell, Record, ScoreRow, cell};

/// One score.
#[derive(Debug, Clone, PartialEq)]
pub struct Shown {
    /// `train`, `validation` or `test`.
    pub split: String,
    /// `balanced accuracy`
    pub name: String,
    /// `0.878`
    pub value: String,
    /// `[0.861, 0.894]`; empty where there is none.
    pub interval: String,
    /// Images.
    pub n: i64,
    /// Groups that were drawn, where images have groups.
    pub groups: Option<i64>,
}

impl Shown {
    /// `test accuracy 0.878 [0.861, 0.894], n = 180`
    #[must_use]
    pub fn line(&self) -> String {
        let interval = match self.interval.is_empty() {
            true => String::new(),
            false => format!(" {}", self.interval),
        };
        let groups = self.groups.map_or(String::new(), |groups| format!(" in {groups} groups"));
        format!("{} {} {}{interval}, n = {}{groups}", self.split, self.name, self.value, self.n)
    }
}

/// The scores of a run in the order of its table; none for runs of versions that did not measure them.
#[must_use]
pub fn of_run(run: &LoadedRun) -> Vec<Shown> {
    let path = run.path.join(<ScoreRow as tables::Row>::FILE);
    tables::read(&path).unwrap_or_default().iter().map(shown).collect()
}

fn shown(row: &Record) -> Shown {
    let text = |name| cell::get(row, name).as_str().unwrap_or_default();
    let number = |name| cell::get(row, name).as_f64();
    let whole = |name| match cell::get(row, name) {
        Cell::Integer(number) => Some(*number),
        _ => None,
    };
    let score = text("score");
    let interval = number("lower").zip(number("upper"));
    Shown {
        split: text("split").to_owned(),
        name: name(score),
        value: number("value").map_or_else(String::new, decimals),
        interval: interval.map_or_else(String::new, |(low, high)| {
            format!("[{}, {}]", decimals(low), decimals(high))
        }),
        n: whole("n").unwrap_or(0),
        groups: whole("groups"),
    }
}

/// A score in words.
fn name(score: &str) -> String {
    let (score, after) = match score.strip_prefix("calibrated_") {
        Some(score) => (score, " at that temperature"),
        None => (score, ""),
    };
    let words = match score {
        "ece" => "calibration error".to_owned(),
        "map" => "mAP".to_owned(),
        "mae" => "mean absolute error".to_owned(),
        "rmse" => "root mean squared error".to_owned(),
        "r2" => "R²".to_owned(),
        other => other.replace('_', " ").replace("top 5", "top-5").replace("f1", "F1"),
    };
    format!("{words}{after}")
}

fn decimals(value: f64) -> String {
    match value.abs() {
        small if small > 0.0 && small < 0.000_5 => format!("{value:.1e}"),
        _ => format!("{value:.3}"),
    }
}
