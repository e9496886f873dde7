//! The score of every member against each swept parameter, as SVG.

use serde::Serialize;

use crate::report::axis::{Axis, Tick};
use crate::report::parameters;
use crate::report::scores::decides;
use crate::report::subject::Subject;
use crate::report::text;

const WIDTH: f64 = 360.0;
const HEIGHT: f64 = 230.0;
const LEFT: f64 = 48.0;
const RIGHT: f64 = WIDTH - 12.0;
const TOP: f64 = 12.0;
const BOTTOM: f64 = HEIGHT - 34.0;
/// With more values, the mean of each is not drawn.
const MEANS: usize = 12;
/// Categories that an axis has room for.
const CATEGORIES: usize = 16;
/// Letters of a category's name.
const LETTERS: usize = 14;

/// One parameter.
#[derive(Debug, Serialize)]
pub(super) struct Strip {
    /// What is shown of each member.
    score: &'static str,
    key: String,
    title: String,
    description: String,
    log: bool,
    width: f64,
    height: f64,
    left: f64,
    right: f64,
    top: f64,
    bottom: f64,
    x_ticks: Vec<Tick>,
    y_ticks: Vec<Tick>,
    points: Vec<Point>,
    means: Vec<Mean>,
}

/// One member.
#[derive(Debug, Serialize)]
struct Point {
    member: usize,
    x: f64,
    y: f64,
    label: String,
    value: String,
}

/// The mean score of the members with one value.
#[derive(Debug, Serialize)]
struct Mean {
    x: f64,
    y: f64,
    value: String,
}

/// A picture per swept parameter, where two members or more have a score.
pub(super) fn of(subjects: &[Subject], swept: &[String]) -> Vec<Strip> {
    let score = decides(subjects);
    let value = |subject: &Subject| subject.number(score.column);
    let scored: Vec<(&Subject, f64)> =
        subjects.iter().filter_map(|subject| Some((subject, value(subject)?))).collect();
    if scored.len() < 2 {
        return Vec::new();
    }
    let titles = parameters::short(swept);
    let strips =
        swept.iter().zip(titles).map(|(key, title)| strip(&scored, score.title, (key, title)));
    strips.filter(|strip| strip.x_ticks.len() <= CATEGORIES || strip.log).collect()
}

fn strip(scored: &[(&Subject, f64)], score: &'static str, (key, title): (&str, String)) -> Strip {
    let texts: Vec<&str> = scored.iter().map(|(s, _)| s.parameter(key).unwrap_or("none")).collect();
    let across = Across::of(&texts);
    let scores: Vec<f64> = scored.iter().map(|(_, score)| *score).collect();
    let fold = |start: f64, pick: fn(f64, f64) -> f64| scores.iter().copied().fold(start, pick);
    let up = Axis::round(fold(f64::INFINITY, f64::min), fold(f64::NEG_INFINITY, f64::max));
    let y = |score: f64| tenth(BOTTOM - up.share(score) * (BOTTOM - TOP));
    let point = |((subject, score), text): (&(&Subject, f64), &&str)| Point {
        member: subject.name.index,
        x: across.x(text),
        y: y(*score),
        label: subject.name.label.clone(),
        value: text::number(*score),
    };
    let points: Vec<Point> = scored.iter().zip(&texts).map(point).collect();
    let tick = |(value, label): (f64, String)| Tick { position: y(value), label };
    Strip {
        description: format!("{score} of {} members against {title}.", points.len()),
        score,
        key: key.to_owned(),
        title,
        log: across.is_log(),
        width: WIDTH,
        height: HEIGHT,
        left: LEFT,
        right: RIGHT,
        top: TOP,
        bottom: BOTTOM,
        x_ticks: across.ticks(),
        y_ticks: up.ticks().into_iter().map(tick).collect(),
        means: means(&across, &texts, &scores, y),
        points,
    }
}

/// The axis of a parameter.
enum Across {
    Numbers(Axis),
    /// In the order of their text.
    Words(Vec<String>),
}

impl Across {
    fn of(texts: &[&str]) -> Self {
        let numbers: Option<Vec<f64>> = texts.iter().map(|text| number(text)).collect();
        match numbers {
            Some(numbers) => Self::Numbers(Axis::around(&numbers)),
            None => Self::Words(distinct(texts)),
        }
    }

    fn is_log(&self) -> bool {
        matches!(self, Self::Numbers(axis) if axis.is_log())
    }

    fn x(&self, text: &str) -> f64 {
        let share = match self {
            Self::Numbers(axis) => axis.share(number(text).unwrap_or_default()),
            Self::Words(words) => {
                let index = words.iter().position(|word| word == text).unwrap_or(0);
                (index as f64 + 0.5) / words.len() as f64
            }
        };
        tenth(LEFT + share * (RIGHT - LEFT))
    }

    fn ticks(&self) -> Vec<Tick> {
        let at = |share: f64| tenth(LEFT + share * (RIGHT - LEFT));
        match self {
            Self::Numbers(axis) => {
                let ticks = axis.ticks().into_iter();
                ticks
                    .map(|(value, label)| Tick { position: at(axis.share(value)), label })
                    .collect()
            }
            Self::Words(words) => {
                let tick = |word: &String| Tick { position: self.x(word), label: cut(word) };
                words.iter().map(tick).collect()
            }
        }
    }
}

fn number(text: &str) -> Option<f64> {
    text.parse().ok().filter(|number: &f64| number.is_finite())
}

fn distinct(texts: &[&str]) -> Vec<String> {
    let mut words: Vec<String> = texts.iter().map(|text| (*text).to_owned()).collect();
    words.sort();
    words.dedup();
    words
}

fn cut(word: &str) -> String {
    match word.chars().count() > LETTERS {
        true => word.chars().take(LETTERS - 1).chain(['…']).collect(),
        false => word.to_owned(),
    }
}

fn means(across: &Across, texts: &[&str], scores: &[f64], y: impl Fn(f64) -> f64) -> Vec<Mean> {
    let words = distinct(texts);
    if words.len() > MEANS || words.len() == texts.len() {
        return Vec::new();
    }
    let mean = |word: &String| {
        let of_word = texts.iter().zip(scores).filter(|(text, _)| *text == word);
        let scores: Vec<f64> = of_word.map(|(_, score)| *score).collect();
        let mean = scores.iter().sum::<f64>() / scores.len() as f64;
        Mean { x: across.x(word), y: y(mean), value: text::number(mean) }
    };
    words.iter().map(mean).collect()
}

fn tenth(position: f64) -> f64 {
    (position * 10.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_stand_in_the_middle_of_equal_parts() {
        let across = Across::of(&["sgd", "adam", "sgd"]);
        // 48 to 348: quarters at 123 and 273.
        assert_eq!((across.x("adam"), across.x("sgd")), (123.0, 273.0));
        assert!(!across.is_log());
        assert!(Across::of(&["1e-5", "0.001"]).is_log());
    }

    #[test]
    fn the_mean_of_each_value_by_hand() {
        let across = Across::of(&["a", "b"]);
        let found = means(&across, &["a", "a", "b"], &[0.5, 0.7, 0.9], |score| score);
        let values: Vec<&str> = found.iter().map(|mean| mean.value.as_str()).collect();
        assert_eq!(values, ["0.6000", "0.9000"]);
    }
}
