//! One folder that is divided: splits by content, and cross-validation.

use std::collections::BTreeMap;
use std::path::Path;

use runner_results::tables::{self, Record, cell};

use crate::support::runner::{Place, SHAPES};

/// The shapes of all splits in one folder, and an experiment on them.
fn place() -> Place {
    let place = Place::with_shapes();
    for class in ["circle", "square", "triangle"] {
        let to = place.path(&format!("photos/{class}"));
        std::fs::create_dir_all(&to).unwrap();
        for split in ["train", "validation", "test"] {
            let from = place.path(&format!("data/shapes/{split}/{class}"));
            for entry in std::fs::read_dir(from).unwrap() {
                let path = entry.unwrap().path();
                let name = path.file_name().unwrap().to_str().unwrap().to_owned();
                std::fs::rename(&path, to.join(format!("{split}-{name}"))).unwrap();
            }
        }
    }
    let folders = "train = \"data/shapes/train\"\nvalidation = \"data/shapes/validation\"\n\
                   test = \"data/shapes/test\"\n";
    assert!(SHAPES.contains(folders));
    place.write("divided.toml", SHAPES.replace(folders, "path = \"photos\"\n"));
    place
}

fn text(row: &Record, column: &str) -> String {
    cell::get(row, column).to_string()
}

/// Content to split, of the newest run.
fn splits(place: &Place) -> BTreeMap<String, String> {
    let run = place.runs().remove(0);
    let rows = tables::read(&run.path.join("splits.parquet")).unwrap();
    rows.iter().map(|row| (text(row, "image_hash"), text(row, "split"))).collect()
}

fn rename_all(folder: &Path) {
    for (number, entry) in std::fs::read_dir(folder).unwrap().enumerate() {
        let path = entry.unwrap().path();
        std::fs::rename(&path, folder.join(format!("IMG_{}.jpg", 9999 - number))).unwrap();
    }
}

#[test]
fn images_keep_their_split_whatever_they_are_called_and_when_others_come() {
    let place = place();
    let hidden = place.path("photos/square/train-square.003.jpg");
    std::fs::rename(&hidden, place.path("later.jpg")).unwrap();
    let said = place.succeed(&["check", "divided.toml"]).stdout;
    assert!(said.contains("divided by content: validation 0.2, test 0.2 of each class"), "{said}");
    place.succeed(&["run", "divided.toml"]);
    let first = splits(&place);
    let run = place.runs().remove(0);
    let count = |name: &str| run.get(name).to_string();
    // A fifth of 24, 24 and 23 images is 4 or 5 of each class.
    assert_eq!(["train_images", "validation_images", "test_images"].map(count), ["42", "14", "15"]);
    for class in ["circle", "square", "triangle"] {
        rename_all(&place.path(&format!("photos/{class}")));
    }
    std::fs::rename(place.path("later.jpg"), &hidden).unwrap();
    let said = place.succeed(&["run", "divided.toml", "--set", "experiment.seed=8"]).stderr;
    assert!(said.contains("71 images keep their split in run"), "{said}");
    let second = splits(&place);
    assert_eq!((first.len(), second.len()), (71, 72));
    assert!(first.iter().all(|(hash, split)| second.get(hash) == Some(split)));
    // A table that is given back does the same as memory.
    let table = place.runs()[1].path.join("splits.parquet");
    let from = format!("dataset.split.from={}", table.display());
    place.succeed(&["run", "divided.toml", "--set", &from, "--set", "experiment.name=other"]);
    assert_eq!(splits(&place), second);
}

#[test]
fn too_few_groups_of_a_class_are_said_before_a_run() {
    let place = place();
    let group = "extends = \"divided.toml\"\n[dataset]\nsplit = { group = '/(\\w)' }\n";
    place.write("few.toml", group);
    let said = place.run(&["check", "few.toml"]);
    let expected =
        "3 splits need 3 groups of images of each class, and the 24 of `circle` are of 2";
    assert!(said.code == Some(2) && said.stderr.contains(expected), "{}", said.stderr);
    place.write("folds.toml", format!("{group}folds = 4\n"));
    let said = place.run(&["check", "folds.toml"]);
    let expected = "4 folds need 4 groups of images of each class, and the 24 of `circle` are of 2";
    assert!(said.code == Some(2) && said.stderr.contains(expected), "{}", said.stderr);
}

/// The seeds of one fold share its images, and count as one number: three folds, Student's t for two
/// degrees of freedom.
fn the_interval_is_that_of_folds(place: &Place, said: &str) {
    let rows = |said: &str| serde_json::from_str::<Vec<serde_json::Value>>(said).unwrap();
    let mut folds: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    for row in rows(said) {
        let fold = row["dataset.fold"].as_str().unwrap().to_owned();
        folds.entry(fold).or_default().push(row["test_accuracy"].as_f64().unwrap());
    }
    let means: Vec<f64> = folds.values().map(|two| (two[0] + two[1]) / 2.0).collect();
    let mean = means.iter().sum::<f64>() / 3.0;
    let squares = means.iter().map(|value| (value - mean).powi(2)).sum::<f64>();
    let half = 4.302_652_729_9 * (squares / 2.0).sqrt() / 3.0_f64.sqrt();
    let group = place.succeed(&["compare", "folds", "--group", "--all", "--format", "json"]).stdout;
    let group = rows(&group).remove(0);
    for (name, expected) in [("test_accuracy", mean), ("test_accuracy_low", mean - half)] {
        let found = group[name].as_f64().unwrap();
        assert!((found - expected).abs() < 1e-9, "{name}: {found}, not {expected}");
    }
}

#[test]
fn folds_are_members_and_every_image_is_tested_once() {
    let place = place();
    place.write("folds.toml", "extends = \"divided.toml\"\n[experiment]\nname = \"folds\"\n[dataset]\nfolds = 3\n[sweep]\nseeds = [1, 2]\n");
    place.succeed(&["run", "folds.toml"]);
    let runs = place.runs();
    assert_eq!(runs.len(), 6);
    let sweep = runs[0].get("sweep").as_str().unwrap().to_owned();
    let table = place.path(&format!("results/folds/sweeps/{sweep}/out_of_fold.parquet"));
    let rows = tables::read(&table).unwrap();
    let mut seen: BTreeMap<(String, String), usize> = BTreeMap::new();
    for row in &rows {
        *seen.entry((text(row, "seed"), text(row, "path"))).or_default() += 1;
    }
    assert!(seen.len() == 144 && seen.values().all(|count| *count == 1));
    // Frozen features are computed once for all folds; random weights are others with each seed.
    assert_eq!(runs.iter().map(|run| computed(&run.path)).sum::<u64>(), 2 * 72);
    let said = place.succeed(&["compare", "folds", "--group", "--format", "csv"]).stdout;
    assert_eq!(said.lines().count(), 2, "{said}");
    assert!(said.lines().nth(1).unwrap().starts_with("folds,6,"), "{said}");
    let said = place.succeed(&["compare", "folds", "--all", "--format", "json"]).stdout;
    the_interval_is_that_of_folds(&place, &said);
    // Runs are paired by what their images are, wherever these lie by now.
    std::fs::rename(place.path("photos"), place.path("moved")).unwrap();
    for class in ["circle", "square", "triangle"] {
        rename_all(&place.path(&format!("moved/{class}")));
    }
    place.write("moved.toml", "extends = \"folds.toml\"\n[experiment]\nname = \"moved\"\n[dataset]\npath = \"moved\"\n[model.head]\nhidden = []\n");
    place.succeed(&["run", "moved.toml"]);
    let found = place.succeed(&["diff", "folds", "moved", "--format", "json"]).stdout;
    let found: serde_json::Value = serde_json::from_str(&found).unwrap();
    assert_eq!((&found["images"], &found["unpaired"]), (&72.into(), &serde_json::json!([0, 0])));
    std::fs::rename(place.path("moved"), place.path("photos")).unwrap();
    let again = place.succeed(&["run", "folds.toml", "--dry-run"]).stdout;
    assert_eq!(again.matches("is finished, and skipped").count(), 6, "{again}");
}

/// Images whose features a run computed, by its log.
fn computed(run: &Path) -> u64 {
    let log = std::fs::read_to_string(run.join("log.jsonl")).unwrap();
    let lines = log.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    lines.filter_map(|line| line["fields"]["computed"].as_u64()).sum()
}
