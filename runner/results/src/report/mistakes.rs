//! The worst predictions, as thumbnails: of classes the most confident mistakes, of labels the largest losses,
//! of numbers the largest errors.

use std::path::Path;

use serde::Serialize;

use super::subject::{Name, Subject};
use super::thumbnail::{self, Thumbnail};
use super::{parallel, text};
use crate::history;
use crate::tables::{Cell, PredictionRow};

/// Mistakes on a page, of all runs together.
const SHOWN: usize = 48;
/// Mistakes of one run.
const MOST: usize = 16;
/// And those of each of many.
const LEAST: usize = 4;
/// Width and height of a thumbnail, at most.
const SIDE: u32 = 200;

/// The mistakes of one run.
#[derive(Debug, Serialize)]
pub(super) struct Mistakes {
    name: Name,
    split: &'static str,
    /// How many there are, shown or not.
    count: usize,
    /// Whether these are numbers, of which none is right or wrong.
    numbers: bool,
    /// Whether an image has any of several labels.
    labels: bool,
    shown: Vec<Mistake>,
}

#[derive(Debug, Serialize)]
struct Mistake {
    path: String,
    file: String,
    label: String,
    predicted: String,
    /// Of the class it belongs to.
    label_probability: String,
    /// Of the class it was taken for; in place of it the loss of labels, or how far a number is off.
    predicted_probability: String,
    /// None where the image cannot be read any more.
    picture: Option<Thumbnail>,
}

/// The mistakes of every run that has some.
pub(super) fn of(subjects: &[Subject]) -> Vec<Mistakes> {
    let most = (SHOWN / subjects.len().max(1)).clamp(LEAST, MOST);
    let found: Vec<Mistakes> =
        subjects.iter().filter_map(|subject| mistakes(subject, most)).collect();
    with_pictures(found)
}

fn mistakes(subject: &Subject, most: usize) -> Option<Mistakes> {
    let of =
        |split| history::mistakes(&subject.run.path, split).ok().filter(|rows| !rows.is_empty());
    let (split, rows) = ["test", "validation"].into_iter().find_map(|s| Some((s, of(s)?)))?;
    let classes: Vec<String> = match subject.run.get("classes") {
        Cell::List(classes) => classes.iter().map(ToString::to_string).collect(),
        _ => Vec::new(),
    };
    Some(Mistakes {
        name: subject.name.clone(),
        split,
        count: rows.len(),
        numbers: rows.iter().all(|row| row.correct.is_none()),
        labels: rows.iter().any(|row| row.correct.is_some() && !row.targets.is_empty()),
        shown: rows.into_iter().take(most).map(|row| mistake(row, &classes)).collect(),
    })
}

fn mistake(row: PredictionRow, classes: &[String]) -> Mistake {
    let probability = |class: &String| {
        let index = classes.iter().position(|known| known == class);
        let known = index.and_then(|index| row.probabilities.get(index).copied());
        known.map(text::percent).unwrap_or_default()
    };
    let predicted_probability = match (row.targets.is_empty(), row.correct) {
        (true, _) => probability(&row.predicted),
        (false, Some(_)) => format!("loss {:.3}", row.loss),
        (false, None) => format!("off by {:.3}", history::error(&row)),
    };
    // An image may have none of the labels.
    let or_nothing = |text: String| if text.is_empty() { "nothing".to_owned() } else { text };
    Mistake {
        file: text::file_name(&row.path).to_owned(),
        label_probability: match row.targets.is_empty() {
            true => probability(&row.label),
            false => String::new(),
        },
        predicted_probability,
        path: row.path,
        label: or_nothing(row.label),
        predicted: or_nothing(row.predicted),
        picture: None,
    }
}

/// Several runs are wrong about the same images: each is read once.
fn with_pictures(mut all: Vec<Mistakes>) -> Vec<Mistakes> {
    let mut paths: Vec<String> =
        all.iter().flat_map(|run| run.shown.iter().map(|mistake| mistake.path.clone())).collect();
    paths.sort();
    paths.dedup();
    let pictures = parallel::map(&paths, |path| thumbnail::of_file(Path::new(path), SIDE));
    for mistake in all.iter_mut().flat_map(|run| &mut run.shown) {
        let index = paths.binary_search(&mistake.path).ok();
        mistake.picture = index.and_then(|index| pictures[index].clone().flatten());
    }
    all
}
