//! Shares, groups, copies and what stays where it is, on made-up images.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use runner_experiment::listing::{Listed, WHOLE};
use runner_random::{Key, Purpose};

use super::*;
use crate::scan::{ImageFile, sort};

/// Images of these contents and classes, called by their numbers in `folder`.
fn whole(contents: &[(u64, usize)], name: impl Fn(usize) -> String) -> ScannedSplit {
    let file = |(number, (content, class)): (usize, &(u64, usize))| {
        let path = PathBuf::from(format!("photos/c{class}/{}", name(number)));
        let hash = *blake3::hash(&content.to_le_bytes()).as_bytes();
        ImageFile::new(&Listed::new(path, Target::Class(*class)), hash, [48, 48])
    };
    let mut images: Vec<ImageFile> = contents.iter().enumerate().map(file).collect();
    sort(&mut images);
    let classes = contents.iter().map(|(_, class)| format!("c{class}"));
    ScannedSplit {
        name: WHOLE,
        classes: classes.collect::<BTreeSet<_>>().into_iter().collect(),
        images,
        bad: Vec::new(),
        narrow: Vec::new(),
    }
}

fn dataset(division: Division) -> Dataset {
    Dataset { path: Some("photos".to_owned()), split: Some(division), ..Dataset::default() }
}

fn rows(dataset: &Dataset, whole: ScannedSplit, earlier: &Earlier) -> Vec<SplitRecord> {
    divide(dataset, "photos", whole, earlier).expect("a division").rows
}

/// Content to split.
fn by_content(rows: &[SplitRecord]) -> BTreeMap<String, String> {
    rows.iter().map(|row| (row.image_hash.clone(), row.split.clone())).collect()
}

fn counts(rows: &[SplitRecord]) -> BTreeMap<(String, String), usize> {
    let mut counts = BTreeMap::new();
    for row in rows {
        *counts.entry((row.label.clone(), row.split.clone())).or_insert(0) += 1;
    }
    counts
}

/// Numbers below `most`, from the project's own generator.
fn draws(seed: u64, count: usize, most: usize) -> Vec<usize> {
    let mut values = vec![0.0; count];
    Key::new(seed, Purpose::Generate).stream().fill_uniform(&mut values);
    values.iter().map(|value| ((value * most as f32) as usize).min(most - 1)).collect()
}

fn earlier(rows: &[SplitRecord]) -> Earlier {
    let image = |row: &SplitRecord| {
        let hash = blake3::Hash::from_hex(&row.image_hash).expect("a hash");
        (*hash.as_bytes(), (row.split.clone(), row.fold))
    };
    Earlier { fold: None, images: rows.iter().map(image).collect() }
}

#[test]
fn each_class_is_within_one_image_of_its_shares() {
    for seed in 0..200 {
        let classes = draws(seed, 20 + (seed as usize * 7) % 300, 5);
        let contents: Vec<(u64, usize)> =
            classes.iter().enumerate().map(|(n, class)| (n as u64 + 1000 * seed, *class)).collect();
        let division = Division { validation: 0.25, test: 0.1, seed, ..Division::default() };
        let found =
            rows(&dataset(division), whole(&contents, |n| n.to_string()), &Earlier::default());
        let counts = counts(&found);
        for class in 0..5 {
            let images = classes.iter().filter(|other| **other == class).count() as f64;
            for (split, share) in [("train", 0.65), ("validation", 0.25), ("test", 0.1)] {
                let key = (format!("c{class}"), split.to_owned());
                let count = counts.get(&key).copied().unwrap_or(0) as f64;
                assert!((count - share * images).abs() < 1.0, "seed {seed}, {key:?}: {count}");
            }
        }
    }
}

/// Rounding does not send every class the same way: 100 classes of 3 images, a fifth each for
/// validation and test, are 60 images each.
#[test]
fn what_is_left_of_small_classes_is_spread_over_the_splits() {
    let contents: Vec<(u64, usize)> = (0..300).map(|n| (n, n as usize % 100)).collect();
    let found = rows(
        &dataset(Division::default()),
        whole(&contents, |n| n.to_string()),
        &Earlier::default(),
    );
    let count = |split: &str| found.iter().filter(|row| row.split == split).count();
    let [validation, test] = [count("validation"), count("test")];
    assert!(validation.abs_diff(test) <= 1, "{validation} and {test}");
}

#[test]
fn names_and_order_do_not_matter() {
    let contents: Vec<(u64, usize)> = (0..500).map(|n| (n, (n % 3) as usize)).collect();
    for stratify in [true, false] {
        let plan = dataset(Division { stratify, ..Division::default() });
        let one = rows(&plan, whole(&contents, |n| format!("{n}.jpg")), &Earlier::default());
        let reversed: Vec<_> = contents.iter().rev().copied().collect();
        let other = rows(&plan, whole(&reversed, |n| format!("IMG_{n}.png")), &Earlier::default());
        assert_eq!(by_content(&one), by_content(&other));
        let seed = dataset(Division { stratify, seed: 2, ..Division::default() });
        let other = rows(&seed, whole(&contents, |n| format!("{n}.jpg")), &Earlier::default());
        assert_ne!(by_content(&one), by_content(&other));
    }
}

#[test]
fn images_keep_their_split_when_others_come() {
    let before: Vec<(u64, usize)> = (0..500).map(|n| (n, (n % 3) as usize)).collect();
    let after: Vec<(u64, usize)> = (0..550).rev().map(|n| (n, (n % 3) as usize)).collect();
    for stratify in [true, false] {
        let plan = dataset(Division { stratify, ..Division::default() });
        let one = rows(&plan, whole(&before, |n| n.to_string()), &Earlier::default());
        // Drawn alone, an image needs no memory.
        let known = if stratify { earlier(&one) } else { Earlier::default() };
        let other = rows(&plan, whole(&after, |n| format!("new-{n}")), &known);
        let [one, all] = [by_content(&one), by_content(&other)];
        assert_eq!(all.len(), 550);
        assert!(one.iter().all(|(hash, split)| all.get(hash) == Some(split)));
        let counts = counts(&other);
        for class in (0..3).filter(|_| stratify) {
            let images = (550 - class + 2) / 3;
            let test = counts[&(format!("c{class}"), "test".to_owned())] as f64;
            assert!((test - 0.2 * images as f64).abs() < 1.0, "{test} of {images}");
        }
    }
}

#[test]
fn groups_and_copies_are_never_in_two_splits() {
    for case in 0..1000 {
        let images = 10 + (case as usize * 13) % 150;
        let groups = draws(case, images, 1 + images / 3);
        let [classes, copies] = [1, 2].map(|n| draws(case + 5000 * n, images, 3 * images));
        let contents: Vec<(u64, usize)> =
            copies.iter().zip(&classes).map(|(copy, class)| (*copy as u64, class % 3)).collect();
        let division = Division {
            seed: case,
            stratify: case % 3 != 0,
            group: Some(r"patient(\d+)_".to_owned()),
            ..Division::default()
        };
        let folds = (case % 2 == 0).then_some(4);
        let plan = Dataset { folds, fold: folds.map(|_| 2), ..dataset(division) };
        let name = |n: usize| match n % 5 {
            // Some belong to no group.
            0 => format!("lone{n}.jpg"),
            _ => format!("patient{}_{n}.jpg", groups[n]),
        };
        let found = rows(&plan, whole(&contents, name), &Earlier::default());
        assert_eq!(found.len(), images);
        let (mut of_group, mut of_content) = (BTreeMap::new(), BTreeMap::new());
        for row in &found {
            let place = (row.split.clone(), row.fold);
            let name = row.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if let Some((patient, _)) = name.split_once('_') {
                assert_eq!(of_group.entry(patient.to_owned()).or_insert(place.clone()), &place);
            }
            assert_eq!(of_content.entry(row.image_hash.clone()).or_insert(place.clone()), &place);
        }
    }
}

#[test]
fn each_image_is_the_test_of_one_fold() {
    let contents: Vec<(u64, usize)> = (0..203).map(|n| (n, (n % 2) as usize)).collect();
    let mut tests = BTreeMap::new();
    let mut hashes = BTreeSet::new();
    for fold in 1..=5 {
        let plan = Dataset { folds: Some(5), fold: Some(fold), ..dataset(Division::default()) };
        let found = rows(&plan, whole(&contents, |n| n.to_string()), &Earlier::default());
        hashes.insert(folds_hash(&found));
        for row in found {
            assert_eq!(row.split == "test", row.fold == Some(fold));
            *tests.entry(row.image_hash).or_insert(0) += usize::from(row.split == "test");
        }
    }
    assert!(tests.len() == 203 && tests.values().all(|count| *count == 1));
    assert_eq!(hashes.len(), 1, "one data set, whichever fold is the test");
}

#[test]
fn small_classes_leave_no_split_empty() {
    // Three of each class, of which one is a fold: one of the other two validates.
    let classes = |class: usize| (0..3).map(move |n| (class as u64 * 10 + n, class));
    let contents: Vec<(u64, usize)> = (0..2).flat_map(classes).collect();
    let folds = |fold| Dataset { folds: Some(3), fold: Some(fold), ..dataset(Division::default()) };
    for fold in 1..=3 {
        let found =
            counts(&rows(&folds(fold), whole(&contents, |n| n.to_string()), &Earlier::default()));
        assert!(found.len() == 6 && found.values().all(|count| *count == 1), "{found:?}");
    }
    // Numbers, in ten strata of two or three: a fifth of what is beside a fold is three.
    let numbers = || {
        let contents: Vec<(u64, usize)> = (0..24).map(|n| (n, 0)).collect();
        let mut whole = whole(&contents, |n| n.to_string());
        for (index, image) in whole.images.iter_mut().enumerate() {
            image.target = Target::Values(vec![index as f64]);
        }
        whole
    };
    for fold in 1..=3 {
        let dataset = Dataset { task: Task::Regression, ..folds(fold) };
        let found = rows(&dataset, numbers(), &Earlier::default());
        let count = |split: &str| found.iter().filter(|row| row.split == split).count();
        let [train, validation, test] = ["train", "validation", "test"].map(count);
        assert!(train + validation + test == 24 && (6..=10).contains(&test), "{test}");
        assert!((2..=4).contains(&validation), "{validation}");
    }
}

/// Images of groups, called `g<group>_<number>`, with their classes.
fn grouped(groups: &[(usize, usize, usize)]) -> (ScannedSplit, Division) {
    let images = groups
        .iter()
        .flat_map(|(group, class, count)| std::iter::repeat_n((*group, *class), *count));
    let images: Vec<(usize, usize)> = images.collect();
    let contents: Vec<(u64, usize)> =
        images.iter().enumerate().map(|(n, (_, class))| (n as u64, *class)).collect();
    let division = Division { group: Some(r"g(\d+)_".to_owned()), ..Division::default() };
    (whole(&contents, |n| format!("g{}_{n}.jpg", images[n].0)), division)
}

#[test]
fn each_split_has_a_group_of_each_class() {
    for seed in 0..50 {
        // One group has an image of both.
        let of_groups = [(0, 0, 1), (1, 0, 1), (2, 0, 1), (2, 1, 1), (3, 1, 3), (4, 1, 3)];
        let (whole, division) = grouped(&of_groups);
        let division = Division { seed, ..division };
        let found = counts(&rows(&dataset(division), whole, &Earlier::default()));
        assert_eq!(found.len(), 6, "seed {seed}: {found:?}");
    }
}

#[test]
fn beside_each_of_two_folds_there_is_something_to_train_on_and_to_validate_with() {
    for fold in 1..=2 {
        let (whole, division) = grouped(&[(0, 0, 9), (1, 0, 1), (2, 0, 1), (3, 0, 1)]);
        let plan = Dataset { folds: Some(2), fold: Some(fold), ..dataset(division) };
        let found = counts(&rows(&plan, whole, &Earlier::default()));
        assert_eq!(found.len(), 3, "fold {fold}: {found:?}");
    }
}
