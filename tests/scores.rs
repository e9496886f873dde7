//! Scores of a run with their intervals, its temperature, and where they are shown.

use std::collections::BTreeMap;

use runner_results::tables::{self, Cell, Record, cell};

use crate::support::coloured;

fn rows(run: &runner_results::load::LoadedRun, file: &str) -> Vec<Record> {
    tables::read(&run.path.join(file)).unwrap()
}

/// Split and score to the row.
fn scores(run: &runner_results::load::LoadedRun) -> BTreeMap<(String, String), Record> {
    let text = |row: &Record, name: &str| cell::get(row, name).to_string();
    let rows = rows(run, "scores.parquet").into_iter();
    rows.map(|row| ((text(&row, "split"), text(&row, "score")), row)).collect()
}

fn number(row: &Record, name: &str) -> f64 {
    cell::get(row, name).as_f64().unwrap()
}

#[test]
fn every_score_has_its_interval() {
    let place = coloured::place();
    place.succeed(&["run", "learned.toml"]);
    let run = place.runs().remove(0);
    let found = scores(&run);
    let of = |split: &str, score: &str| &found[&(split.to_owned(), score.to_owned())];
    for split in ["train", "validation", "test"] {
        let images = rows(&run, "predictions.parquet");
        let is_split = |row: &&Record| cell::get(row, "split").as_str() == Some(split);
        let correct: Vec<bool> = images
            .iter()
            .filter(is_split)
            .map(|row| cell::get(row, "correct") == &Cell::Bool(true))
            .collect();
        let accuracy = correct.iter().filter(|c| **c).count() as f64 / correct.len() as f64;
        let row = of(split, "accuracy");
        assert!((number(row, "value") - accuracy).abs() < 1e-12);
        assert_eq!(number(row, "n") as usize, correct.len());
        // Classes of one size: the mean recall is the accuracy.
        assert!((number(of(split, "balanced_accuracy"), "value") - accuracy).abs() < 1e-12);
        let has_interval = cell::get(row, "lower") != &Cell::Null;
        assert_eq!(has_interval, split != "train");
        if has_interval {
            assert!(number(row, "lower") <= accuracy && accuracy <= number(row, "upper"));
            assert_eq!(number(row, "resamples"), 2_000.0);
        }
    }
    let of_run = |name: &str| run.get(name).as_f64();
    assert_eq!(of_run("test_accuracy_lower"), Some(number(of("test", "accuracy"), "lower")));
    assert_eq!(of_run("test_ece"), Some(number(of("test", "ece"), "value")));
    let temperature = of_run("temperature").unwrap();
    assert_eq!(number(of("validation", "temperature"), "value"), temperature);
    // The temperature is the best one for the validation images.
    let loss = |score| number(of("validation", score), "value");
    assert!(loss("calibrated_loss") <= loss("loss"));
}

#[test]
fn scores_are_shown_wherever_runs_are() {
    let place = coloured::place();
    place.succeed(&["run", "learned.toml"]);
    let run = place.runs().remove(0);
    let shown = place.succeed(&["show", "last"]).stdout;
    assert!(shown.contains("\ntest accuracy 0.") && shown.contains("], n = 36"), "{shown}");
    let report = std::fs::read_to_string(run.path.join("report.html")).unwrap();
    assert!(report.contains("test balanced accuracy") && report.contains("95% interval"));
    place.succeed(&["run", "learned.toml", "--set", "experiment.seed=8"]);
    let sorted = ["compare", "--sort", "test_ece", "--columns", "test_ece,temperature"];
    let compared = place.succeed(&[&sorted[..], &["--format", "json"]].concat()).stdout;
    let compared: serde_json::Value = serde_json::from_str(&compared).unwrap();
    let errors: Vec<f64> =
        compared.as_array().unwrap().iter().map(|row| row["test_ece"].as_f64().unwrap()).collect();
    assert!(errors.len() == 2 && errors[0] <= errors[1], "{errors:?}");
    let few = place.succeed(&["compare", "--filter", "test_balanced_accuracy > 2"]).stdout;
    assert!(!few.contains("coloured"), "{few}");
}

#[test]
fn two_runs_of_one_seed_have_the_same_scores() {
    let place = coloured::place();
    for _ in 0..2 {
        place.succeed(&["run", "learned.toml", "--quiet"]);
    }
    let values = |run| -> Vec<String> {
        let rows = rows(run, "scores.parquet");
        let columns = |row: &Record| row[1..].iter().map(|(_, cell)| format!("{cell:?}")).collect();
        rows.iter().flat_map(|row| -> Vec<String> { columns(row) }).collect()
    };
    let runs = place.runs();
    assert_eq!(values(&runs[0]), values(&runs[1]));
    assert!(!values(&runs[0]).is_empty());
}

#[test]
fn predictions_are_calibrated_where_that_is_asked_for() {
    let place = coloured::place();
    place.succeed(&["run", "learned.toml", "--quiet"]);
    let run = place.runs().remove(0);
    let temperature = run.get("temperature").as_f64().unwrap();
    let list = |row: &Record| -> Vec<f64> {
        let Cell::List(items) = cell::get(row, "probabilities") else { panic!("no list") };
        items.iter().map(|item| item.as_f64().unwrap()).collect()
    };
    let predict = |more: &[&str]| {
        place.succeed(&[&["predict", "last", "data/test"], more].concat());
        rows(&run, "predicted.parquet").iter().map(list).collect::<Vec<_>>()
    };
    let (plain, calibrated) = (predict(&[]), predict(&["--calibrated"]));
    for (plain, calibrated) in plain.iter().zip(&calibrated) {
        // softmax(log p / T)
        let powers: Vec<f64> = plain.iter().map(|p| p.powf(1.0 / temperature)).collect();
        let sum: f64 = powers.iter().sum();
        for (power, calibrated) in powers.iter().zip(calibrated) {
            assert!((power / sum - calibrated).abs() < 1e-9);
        }
    }
    assert_ne!(plain, calibrated);
    // The file of a model has no temperature.
    let model = run.path.join("model.safetensors");
    let arguments = ["predict", model.to_str().unwrap(), "data/test", "--calibrated"];
    let refused = place.run(&arguments);
    assert_eq!(refused.code, Some(2));
    assert!(refused.stderr.contains("there is no temperature"), "{refused:?}");
}

#[test]
fn runs_of_older_versions_are_still_shown() {
    let place = coloured::place();
    place.succeed(&["run", "learned.toml", "--quiet"]);
    let run = place.runs().remove(0);
    std::fs::remove_file(run.path.join("scores.parquet")).unwrap();
    let shown = place.succeed(&["show", "last"]).stdout;
    assert!(!shown.contains("95% intervals") && shown.contains("test_accuracy"), "{shown}");
    place.succeed(&["compare", "--sort", "test_accuracy"]);
    place.succeed(&["report", "last", "--out", "page.html"]);
    let page = std::fs::read_to_string(place.path("page.html")).unwrap();
    assert!(page.contains("Test accuracy") && !page.contains("95% interval"));
}

#[test]
fn images_that_stay_together_are_drawn_together() {
    let place = coloured::place();
    let text = std::fs::read_to_string(place.path("coloured.toml")).unwrap();
    let (before, rest) = text.split_once("train =").unwrap();
    let (_, after) = rest.split_once("image_size").unwrap();
    // The same number in all classes is one group: twelve of three images.
    let dataset = "path = \"data/train\"\n\
                   split = { validation = 0.25, test = 0.5, group = '(\\d\\d)\\.png' }\nimage_size";
    place.write("grouped.toml", format!("{before}{dataset}{after}"));
    place.succeed(&["run", "grouped.toml"]);
    let found = scores(&place.runs()[0]);
    let accuracy = &found[&("test".to_owned(), "accuracy".to_owned())];
    let (images, groups) = (number(accuracy, "n"), number(accuracy, "groups"));
    assert!(groups >= 2.0 && (images - 3.0 * groups).abs() < 0.5, "{images} in {groups}");
    let shown = place.succeed(&["show", "last"]).stdout;
    assert!(shown.contains(&format!("n = {images} in {groups} groups")), "{shown}");
}
