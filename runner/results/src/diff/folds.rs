//! Folds of a cross-validation: their answers put together, so that each image counts once for each seed,
//! by the run that was not trained on it; and the images that both sides have.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::answers::{Answer, Answers};
use super::error::{DiffError, FoldsError};
use super::images::{self, Shared};
use super::side::{RunName, Side};
use super::words::count;
use crate::load::LoadedRun;
use crate::tables::{self, Row as _, SplitRow, cell};

/// Content or path, label, and which of the copies it is.
type Key = (String, String, usize);

/// Hashes of the contents of a run's images, by their paths.
type Contents = HashMap<String, String>;

/// Whether a side is made of several folds.
pub(super) fn several(a: &Side, b: &Side) -> bool {
    [a, b].iter().any(|side| side.folds().len() > 1)
}

/// Whether both sides are folds, so that images of one need not be there on the other.
pub(super) fn are_compared(a: &Side, b: &Side, split: &str) -> Result<bool, FoldsError> {
    let several = |side: &&Side| side.folds().len() > 1;
    if let Some(side) = [a, b].into_iter().find(several).filter(|_| split != "test") {
        return Err(FoldsError::Validation { side: side.name.clone() });
    }
    for (side, other) in [(a, b), (b, a)] {
        if several(&side) && other.folds().is_empty() {
            let (folds, other) = (side.name.clone(), other.name.clone());
            return Err(FoldsError::OneSideOnly { folds, other });
        }
    }
    Ok(!a.folds().is_empty() && !b.folds().is_empty())
}

/// What one seed says about images.
type Seed = BTreeMap<Key, Answer>;

/// Pairs the images that every seed of both sides has an answer for.
pub(super) fn shared(a: &mut Side, b: &mut Side, split: &str) -> Result<Shared, DiffError> {
    let Some(first) = a.loaded.first() else {
        return Err(DiffError::NoName { text: a.name.clone() });
    };
    a.loaded.iter().chain(&b.loaded).try_for_each(|run| images::same_classes(first, run))?;
    let classes = images::classes(first);
    let first_of_b = b.loaded.first().unwrap_or(first);
    let hashes = [first, first_of_b].map(images::data_hash);
    let same_data = hashes[0].is_some() && hashes[0] == hashes[1];
    let by_content = contents(a).zip(contents(b));
    let (contents_a, contents_b) = by_content.unwrap_or_default();
    let (answers_a, answers_b) = (std::mem::take(&mut a.answers), std::mem::take(&mut b.answers));
    let mut of_a = by_seed(&a.runs, answers_a, &contents_a);
    let mut of_b = by_seed(&b.runs, answers_b, &contents_b);
    let in_all = in_all(&of_a, &of_b);
    let unpaired = [&of_a, &of_b].map(|side| count_known(side) - in_all.len());
    if in_all.is_empty() && !same_data {
        return Err(images::other_images([first, first_of_b], split, 0, unpaired));
    }
    let notes = left_over(in_all.len(), unpaired, split).into_iter().collect();
    let pick = |seeds: &mut Vec<Seed>| -> Vec<Answers> {
        let of_seed = |seed: &mut Seed| in_all.iter().filter_map(|key| seed.remove(key)).collect();
        seeds.iter_mut().map(of_seed).collect()
    };
    let (a, b) = (pick(&mut of_a), pick(&mut of_b));
    let reference = a.first().into_iter().flatten();
    let (paths, labels) = reference.map(|image| (image.path.clone(), image.label.clone())).unzip();
    Ok(Shared { classes, paths, labels, a, b, unpaired, notes })
}

/// In the order of A's paths.
fn in_all(a: &[Seed], b: &[Seed]) -> Vec<Key> {
    let Some(first) = a.first() else { return Vec::new() };
    let everywhere = |key: &Key| a.iter().chain(b).all(|seed| seed.contains_key(key));
    let mut all: Vec<(&Key, &Answer)> = first.iter().filter(|(key, _)| everywhere(key)).collect();
    all.sort_by(|(_, one), (_, other)| one.path.cmp(&other.path));
    all.into_iter().map(|(key, _)| key.clone()).collect()
}

/// How many images any seed of a side has.
fn count_known(seeds: &[Seed]) -> usize {
    seeds.iter().flat_map(BTreeMap::keys).collect::<BTreeSet<_>>().len()
}

fn left_over(paired: usize, [a, b]: [usize; 2], split: &str) -> Option<String> {
    (paired > 0 && a + b > 0).then(|| {
        format!(
            "answers are compared on the {} {split} images that every seed of both sides has one for; {} \
             of A's and {} of B's are left out, and are in the scores alone",
            count(paired),
            count(a),
            count(b)
        )
    })
}

/// What the folds of each seed say, by the seeds' order. An image is in one fold; where images came or
/// went between the runs, it may be in two, and the first counts.
fn by_seed(runs: &[RunName], answers: Vec<Answers>, contents: &[Contents]) -> Vec<Seed> {
    let mut seeds: Vec<Seed> = Vec::new();
    let mut last = None;
    for (index, (run, answers)) in runs.iter().zip(answers).enumerate() {
        if last != Some(&run.seed) {
            seeds.push(Seed::new());
            last = Some(&run.seed);
        }
        let keyed = keyed(answers, contents.get(index));
        let Some(seed) = seeds.last_mut() else { continue };
        keyed.into_iter().for_each(|(key, answer)| {
            seed.entry(key).or_insert(answer);
        });
    }
    seeds
}

/// Copies of a picture are in one fold, so that counting them in one run is enough.
fn keyed(answers: Answers, contents: Option<&Contents>) -> Vec<(Key, Answer)> {
    let mut copies: HashMap<(String, String), usize> = HashMap::new();
    let key = |answer: Answer| {
        let content = contents.and_then(|contents| contents.get(&answer.path)).cloned();
        let image = (content.unwrap_or_else(|| answer.path.clone()), answer.label.clone());
        let copy = copies.entry(image.clone()).or_default();
        *copy += 1;
        ((image.0, image.1, *copy), answer)
    };
    answers.into_iter().map(key).collect()
}

/// Of each run; nothing where one of them lacks an image or the table, so that all go by their paths.
fn contents(side: &Side) -> Option<Vec<Contents>> {
    let of_run = |(run, answers): (&LoadedRun, &Answers)| {
        let rows = tables::read(&run.path.join(SplitRow::FILE)).ok()?;
        let text = |row, name| cell::get(row, name).as_str().map(str::to_owned);
        let contents: Option<Contents> =
            rows.iter().map(|row| Some((text(row, "path")?, text(row, "image_hash")?))).collect();
        contents.filter(|contents| answers.iter().all(|a| contents.contains_key(&a.path)))
    };
    side.loaded.iter().zip(&side.answers).map(of_run).collect()
}
