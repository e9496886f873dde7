//! The images that both sides have predictions on, and what each run says about them.

use std::path::{Component, Path};

use super::answers::{Answer, Answers};
use super::error::DiffError;
use super::side::Side;
use crate::load::LoadedRun;
use crate::tables::Cell;

/// The images of both sides.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) classes: Vec<String>,
    /// As A's first run has them.
    pub(super) paths: Vec<String>,
    /// The class of each.
    pub(super) labels: Vec<String>,
    /// Per seed of A.
    pub(super) a: Vec<Answers>,
    /// Per seed of B.
    pub(super) b: Vec<Answers>,
    /// How many images only A has, and only B.
    pub(super) unpaired: [usize; 2],
    pub(super) notes: Vec<String>,
}

impl Shared {
    /// Whether images have any of several labels.
    pub(super) fn has_labels(&self) -> bool {
        self.a.iter().flatten().any(|answer| !answer.targets.is_empty())
    }
}

/// Puts together what every run says about the images, which have to be the same everywhere.
pub(super) fn shared(a: &mut Side, b: &mut Side, split: &str) -> Result<Shared, DiffError> {
    let (answers_a, answers_b) = (std::mem::take(&mut a.answers), std::mem::take(&mut b.answers));
    let mut notes = Vec::new();
    let Some((first, reference)) = a.loaded.first().zip(answers_a.first().cloned()) else {
        return Err(DiffError::NoName { text: a.name.clone() });
    };
    let of_a = a.loaded.iter().zip(&answers_a).skip(1);
    for (run, answers) in of_a.chain(b.loaded.iter().zip(&answers_b)) {
        same_classes(first, run)?;
        same_images(Run(first, &reference), Run(run, answers), split, &mut notes)?;
    }
    notes.dedup();
    let (paths, labels) = reference.into_iter().map(|image| (image.path, image.label)).unzip();
    Ok(Shared {
        classes: classes(first),
        paths,
        labels,
        a: answers_a,
        b: answers_b,
        unpaired: [0; 2],
        notes,
    })
}

pub(super) fn classes(run: &LoadedRun) -> Vec<String> {
    match run.get("classes") {
        Cell::List(names) => names.iter().map(ToString::to_string).collect(),
        _ => Vec::new(),
    }
}

pub(super) fn same_classes(a: &LoadedRun, b: &LoadedRun) -> Result<(), DiffError> {
    let (a_classes, b_classes) = (classes(a), classes(b));
    match a_classes == b_classes {
        true => Ok(()),
        false => {
            Err(DiffError::OtherClasses { a: a.id.clone(), a_classes, b: b.id.clone(), b_classes })
        }
    }
}

/// A run and what it says.
struct Run<'a>(&'a LoadedRun, &'a [Answer]);

/// Path and label of every image, where they are the same. The data set's hash covers every split, and
/// no names of files: with one hash, the folders may have moved; with two, other splits may differ.
fn same_images(
    a: Run<'_>,
    b: Run<'_>,
    split: &str,
    notes: &mut Vec<String>,
) -> Result<(), DiffError> {
    let [a_hash, b_hash] = [a.0, b.0].map(data_hash);
    let same_data = a_hash.is_some() && a_hash == b_hash;
    let full = |answers: &[Answer]| -> Vec<(String, String)> {
        answers.iter().map(|image| (image.path.clone(), image.label.clone())).collect()
    };
    let (a_images, b_images) = (full(a.1), full(b.1));
    if a_images == b_images {
        if !same_data {
            notes.push(format!(
                "the data sets differ (hashes {} and {}), the {split} images are the same by path and label",
                a_hash.unwrap_or_else(unknown),
                b_hash.unwrap_or_else(unknown)
            ));
        }
        return Ok(());
    }
    if same_data && below_common(&a_images) == below_common(&b_images) {
        return Ok(());
    }
    let shared = a_images.iter().filter(|image| b_images.binary_search(image).is_ok()).count();
    Err(other_images([a.0, b.0], split, shared, [a_images.len(), b_images.len()]))
}

/// That images differ: how many of each run, and how many of them are shared.
pub(super) fn other_images(
    runs: [&LoadedRun; 2],
    split: &str,
    shared: usize,
    images: [usize; 2],
) -> DiffError {
    DiffError::OtherImages {
        runs: runs.map(|run| run.id.as_str()).join(" and "),
        split: split.to_owned(),
        shared,
        images,
        hashes: runs.map(|run| data_hash(run).unwrap_or_else(unknown)).join(" and "),
    }
}

/// The start of a data set's hash, which covers every split.
pub(super) fn data_hash(run: &LoadedRun) -> Option<String> {
    run.get("dataset_hash").as_str().map(|hash| hash.chars().take(12).collect())
}

fn unknown() -> String {
    "unknown".to_owned()
}

/// The images without the folders that all of them are in.
fn below_common(images: &[(String, String)]) -> Vec<(Vec<Component<'_>>, &str)> {
    let mut all: Vec<(Vec<Component<'_>>, &str)> = images
        .iter()
        .map(|(path, label)| (Path::new(path).components().collect(), label.as_str()))
        .collect();
    let first = all.first().map(|(path, _)| path.clone()).unwrap_or_default();
    let common = all
        .iter()
        .map(|(path, _)| path.iter().zip(&first).take_while(|(a, b)| a == b).count())
        .min()
        .unwrap_or(0);
    for (path, _) in &mut all {
        path.drain(..common.min(path.len().saturating_sub(1)));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_may_move() {
        let images = |folder: &str| -> Vec<(String, String)> {
            let image = |name: &str| (format!("{folder}/{name}/1.jpg"), name.to_owned());
            vec![image("cats"), image("dogs")]
        };
        let (here, there) = (images("data/test"), images("/elsewhere/t"));
        assert_eq!(below_common(&here), below_common(&there));
        let other = vec![here[0].clone()];
        assert_ne!(below_common(&here), below_common(&other));
    }
}
