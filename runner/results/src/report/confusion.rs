//! How often each class is taken for each, on the test images.

use std::path::Path;

use serde::Serialize;

use super::subject::{Name, Subject};
use super::text;
use crate::history;
use crate::tables::{Cell, ConfusionRow};

/// A table of more classes is not shown; its most frequent confusions are.
const CLASSES: usize = 12;
/// The most frequent confusions that are shown.
const FREQUENT: usize = 15;

/// The confusion of one run.
#[derive(Debug, Serialize)]
pub(super) struct Confusion {
    name: Name,
    split: &'static str,
    classes: Vec<String>,
    /// One row per class that images belong to; empty where there are too many.
    rows: Vec<Row>,
    /// Where there are too many classes for a table.
    frequent: Vec<Frequent>,
}

#[derive(Debug, Serialize)]
struct Row {
    class: String,
    images: i64,
    cells: Vec<Share>,
}

/// How often a class is taken for another one, or for itself.
#[derive(Debug, Serialize)]
struct Share {
    images: i64,
    text: String,
    /// From 0 to 1, for the colour.
    share: f64,
    right: bool,
}

#[derive(Debug, Serialize)]
struct Frequent {
    class: String,
    predicted: String,
    images: i64,
    text: String,
}

/// The confusion of every run that has one.
pub(super) fn of(subjects: &[Subject]) -> Vec<Confusion> {
    subjects.iter().filter_map(confusion).collect()
}

fn confusion(subject: &Subject) -> Option<Confusion> {
    let (split, rows) = read(&subject.run.path)?;
    let classes: Vec<String> = match subject.run.get("classes") {
        Cell::List(classes) => classes.iter().map(ToString::to_string).collect(),
        _ => return None,
    };
    let few = classes.len() <= CLASSES;
    Some(Confusion {
        name: subject.name.clone(),
        split,
        rows: if few {
            classes.iter().map(|class| row(class, &classes, &rows)).collect()
        } else {
            Vec::new()
        },
        frequent: if few { Vec::new() } else { frequent(rows) },
        classes,
    })
}

/// Test images; validation images where there are no others.
fn read(folder: &Path) -> Option<(&'static str, Vec<ConfusionRow>)> {
    let of = |split| history::confusion(folder, split).ok().filter(|rows| !rows.is_empty());
    ["test", "validation"].into_iter().find_map(|split| Some((split, of(split)?)))
}

fn row(class: &str, classes: &[String], rows: &[ConfusionRow]) -> Row {
    let of_class = || rows.iter().filter(|row| row.label == class);
    let cell = |predicted: &String| {
        let found = of_class().find(|row| row.predicted == *predicted);
        let (images, share) = found.map_or((0, 0.0), |row| (row.images, row.share));
        let share = if share.is_finite() { share } else { 0.0 };
        Share { images, text: text::percent(share), share, right: predicted == class }
    };
    Row {
        class: class.to_owned(),
        images: of_class().map(|row| row.images).sum(),
        cells: classes.iter().map(cell).collect(),
    }
}

fn frequent(mut rows: Vec<ConfusionRow>) -> Vec<Frequent> {
    rows.retain(|row| row.label != row.predicted && row.images > 0);
    rows.sort_by(|a, b| b.images.cmp(&a.images).then_with(|| b.share.total_cmp(&a.share)));
    rows.truncate(FREQUENT);
    let shown = rows.into_iter().map(|row| Frequent {
        class: row.label,
        predicted: row.predicted,
        images: row.images,
        text: text::percent(row.share),
    });
    shown.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_many_classes_the_most_frequent_confusions_come_first() {
        let row = |label: &str, predicted: &str, images, share| ConfusionRow {
            split: "test".to_owned(),
            label: label.to_owned(),
            predicted: predicted.to_owned(),
            images,
            share,
        };
        let rows = vec![
            row("a", "a", 90, 0.9),
            row("a", "b", 10, 0.1),
            row("b", "a", 10, 0.5),
            row("b", "b", 10, 0.5),
            row("c", "a", 0, 0.0),
        ];
        let found = frequent(rows);
        let found: Vec<(&str, &str, &str)> = found
            .iter()
            .map(|row| (row.class.as_str(), row.predicted.as_str(), row.text.as_str()))
            .collect();
        assert_eq!(found, [("b", "a", "50.0%"), ("a", "b", "10.0%")]);
    }
}
