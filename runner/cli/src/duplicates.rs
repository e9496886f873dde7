//! Pictures that are where they should not be twice: in two splits, or in two classes.

use runner_experiment::text::{shown, visible};
use runner_learn::data::scan::{Duplicate, Place};

use crate::terminal;

/// How many are shown by name.
const SHOWN: usize = 10;

/// Warns of pictures that a run found in several places.
pub fn show(found: &[Duplicate], classes: &[String]) {
    let contradictions: Vec<&Duplicate> = found.iter().filter(|d| d.is_contradiction()).collect();
    let leaks: Vec<&Duplicate> = found.iter().filter(|d| d.is_leak()).collect();
    let are = |count: usize| match count {
        1 => "1 picture is".to_owned(),
        count => format!("{count} pictures are"),
    };
    if !contradictions.is_empty() {
        let what = "in more than one class, a contradiction: one of the labels is wrong";
        list(&format!("{} {what}:", are(contradictions.len())), &contradictions, classes);
    }
    if !leaks.is_empty() {
        let what = "in more than one split, so a score is measured on images that were seen before";
        list(&format!("{} {what}:", are(leaks.len())), &leaks, classes);
    }
}

fn list(title: &str, found: &[&Duplicate], classes: &[String]) {
    terminal::warning(title);
    for duplicate in found.iter().take(SHOWN) {
        terminal::note(&format!("  {}", line(duplicate, classes)));
    }
    if found.len() > SHOWN {
        let rest = found.len() - SHOWN;
        terminal::note(&format!("  and {rest} more; `runner dataset check` lists all"));
    }
    for duplicate in found {
        let places = line(duplicate, classes);
        tracing::info!(places, "{}", title.trim_end_matches(':'));
    }
}

/// `train/cats/a.jpg = train/dogs/b.jpg`, with the classes where they differ.
pub fn line(duplicate: &Duplicate, classes: &[String]) -> String {
    let contradicts = duplicate.is_contradiction();
    let place = |place: &Place| match (contradicts, classes.get(place.class)) {
        (true, Some(class)) => format!("{} ({})", shown(&place.path), visible(class)),
        _ => shown(&place.path),
    };
    duplicate.places.iter().map(place).collect::<Vec<_>>().join(" = ")
}
