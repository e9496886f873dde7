//! Pictures of the visualize jobs: the same job and image of several runs side by side.
//!
//! Curves, confusion and mistakes are left out: the page has its own.

use serde::Serialize;

use super::parallel;
use super::subject::{Name, Subject};
use super::text;
use super::thumbnail::{self, Thumbnail};
use crate::tables::{self, Record, cell};

/// What the page shows by itself.
const SHOWN_OTHERWISE: [&str; 3] = ["curves", "confusion", "mistakes"];
/// Pictures on a page; of more, only the paths are shown.
const MOST: usize = 160;
/// Bytes of all pictures of a page, as they stand in it; of what is beyond, only the paths are shown.
const BUDGET: usize = 3 << 20;

/// The pictures of one job.
#[derive(Debug, Serialize)]
pub(super) struct Job {
    title: String,
    rows: Vec<Row>,
}

/// One picture of a job, as each run drew it.
#[derive(Debug, Serialize)]
struct Row {
    caption: String,
    cells: Vec<Picture>,
}

/// A picture of one run.
#[derive(Debug, Serialize)]
struct Picture {
    name: Name,
    /// Relative to the run's folder.
    path: String,
    /// Class and probability, where it explains one.
    note: String,
    /// None where it cannot be read, or where there are too many.
    picture: Option<Thumbnail>,
}

/// Pictures with one key stand side by side: the number of the job among those of its word, and what
/// was drawn.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Key {
    word: String,
    nth: usize,
    image: String,
    layer: String,
    filter: Option<i64>,
    /// Among those that agree in everything above.
    occurrence: usize,
}

/// The pictures of all runs, jobs in the order of the files.
pub(super) fn of(subjects: &[Subject]) -> Vec<Job> {
    let mut drawn: Vec<(Key, Vec<Picture>)> = Vec::new();
    for subject in subjects {
        for (key, row) in keyed(subject) {
            let picture = picture(subject, &row);
            match drawn.iter_mut().find(|(known, _)| *known == key) {
                Some((_, pictures)) => pictures.push(picture),
                None => drawn.push((key, vec![picture])),
            }
        }
    }
    fill(subjects, &mut drawn);
    let mut jobs: Vec<Job> = Vec::new();
    for (key, cells) in drawn {
        let ordinal = if key.nth > 0 { format!(" {}", key.nth + 1) } else { String::new() };
        let title = format!("{}{ordinal}", key.word);
        let row = Row { caption: caption(&key), cells };
        match jobs.iter_mut().find(|job| job.title == title) {
            Some(job) => job.rows.push(row),
            None => jobs.push(Job { title, rows: vec![row] }),
        }
    }
    jobs
}

/// The artifacts of a run that are shown, with their keys.
fn keyed(subject: &Subject) -> Vec<(Key, Record)> {
    let rows = tables::read(&subject.run.path.join("artifacts.parquet")).unwrap_or_default();
    let paths: Vec<String> = rows.iter().map(|row| text_of(row, "path")).collect();
    let mut jobs: Vec<String> = Vec::new();
    let mut keyed: Vec<(Key, Record)> = Vec::new();
    for (row, path) in rows.iter().zip(&paths) {
        let job = text_of(row, "job");
        let word = job.split_once('-').map_or(job.as_str(), |(_, word)| word).to_owned();
        if !jobs.contains(&job) {
            jobs.push(job.clone());
        }
        if SHOWN_OTHERWISE.contains(&word.as_str()) || is_part(path, &paths) {
            continue;
        }
        let nth = jobs.iter().take_while(|other| **other != job);
        let nth = nth.filter(|other| other.split_once('-').is_some_and(|(_, w)| w == word)).count();
        let (image, layer) = (text_of(row, "image"), text_of(row, "layer"));
        let filter = cell::get(row, "filter").as_f64().map(|filter| filter as i64);
        let mut key = Key { word, nth, image, layer, filter, occurrence: 0 };
        while keyed.iter().any(|(known, _)| *known == key) {
            key.occurrence += 1;
        }
        keyed.push((key, row.clone()));
    }
    keyed
}

/// An SVG beside a PNG, and what a sheet shows again: heatmap and overlay.
fn is_part(path: &str, all: &[String]) -> bool {
    let Some((stem, extension)) = path.rsplit_once('.') else { return false };
    let sheet = ["-heatmap", "-overlay"].iter().find_map(|part| stem.strip_suffix(part));
    extension == "svg" || sheet.is_some_and(|sheet| all.contains(&format!("{sheet}.{extension}")))
}

fn text_of(row: &Record, column: &str) -> String {
    cell::get(row, column).as_str().unwrap_or_default().to_owned()
}

fn picture(subject: &Subject, row: &Record) -> Picture {
    let target = cell::get(row, "target").as_str();
    let value = cell::get(row, "value").as_f64();
    let are_numbers = subject.parameter("dataset.task") == Some("regression");
    let note = match (target, value) {
        (Some(name), Some(number)) if are_numbers => format!("{name} {}", text::number(number)),
        (Some(class), Some(probability)) => format!("{class} {}", text::percent(probability)),
        (Some(class), None) => class.to_owned(),
        (None, Some(value)) => text::number(value),
        (None, None) => String::new(),
    };
    Picture { name: subject.name.clone(), path: text_of(row, "path"), note, picture: None }
}

/// Reads the pictures, smaller where there are more of them.
fn fill(subjects: &[Subject], drawn: &mut [(Key, Vec<Picture>)]) {
    let all = drawn.iter_mut().flat_map(|(_, pictures)| pictures);
    let mut pictures: Vec<&mut Picture> = all.take(MOST).collect();
    let side = match pictures.len() {
        0..=16 => 720,
        17..=48 => 520,
        49..=96 => 400,
        _ => 300,
    };
    let files: Vec<_> = pictures
        .iter()
        .map(|picture| subjects[picture.name.index].run.path.join(&picture.path))
        .collect();
    let read = parallel::map(&files, |file| thumbnail::of_file(file, side));
    let mut spent = 0;
    for (picture, read) in pictures.iter_mut().zip(read) {
        let small = read.flatten().filter(|small| spent + small.uri.len() <= BUDGET);
        spent += small.as_ref().map_or(0, |small| small.uri.len());
        picture.picture = small;
    }
}

fn caption(key: &Key) -> String {
    let filter = key.filter.map(|filter| format!("filter {filter}")).unwrap_or_default();
    let parts = [text::file_name(&key.image), key.layer.as_str(), filter.as_str()];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_a_sheet_are_not_shown_again() {
        let all = ["v/a.png", "v/a-heatmap.png", "v/b-heatmap.png", "v/c.svg"].map(str::to_owned);
        let parts = all.each_ref().map(|path| is_part(path, &all));
        assert_eq!(parts, [false, true, false, true]);
    }
}
