//! `diff`: two runs, groups of seeds, and what is refused. Runs are made up, so that every number is
//! known; expected ones are from numpy 2, scipy 1.17 and statsmodels 0.15.

mod parts;

use std::path::PathBuf;

use runner_results::tables::{self, ParamRow, PredictionRow, RunRow};

use crate::support::runner::Place;

/// A run that never was.
#[derive(Clone)]
struct MadeUp {
    experiment: &'static str,
    id: &'static str,
    seed: i64,
    /// Of 101 answers, about this many are wrong.
    wrong: i64,
    rate: &'static str,
    status: &'static str,
    hash: &'static str,
    folder: &'static str,
    classes: [&'static str; 2],
    split: &'static str,
    /// Of five, which it tests; the images in it are every fifth one.
    fold: Option<i64>,
}

const IMAGES: i64 = 200;

const RUN: MadeUp = MadeUp {
    experiment: "slow",
    id: "a1",
    seed: 1,
    wrong: 30,
    rate: "0.1",
    status: "finished",
    hash: "0123456789abcdef",
    folder: "data/test",
    classes: ["cats", "dogs"],
    split: "test",
    fold: None,
};

impl MadeUp {
    fn write(self, place: &Place) -> PathBuf {
        let folder = place.path(&format!("results/{}/{}", self.experiment, self.id));
        std::fs::create_dir_all(&folder).unwrap();
        let run = RunRow {
            experiment: self.experiment.to_owned(),
            status: self.status.to_owned(),
            seed: self.seed,
            classes: self.classes.map(str::to_owned).to_vec(),
            dataset_hash: Some(self.hash.to_owned()),
            test_accuracy: Some(0.5),
            ..RunRow::default()
        };
        tables::write(&folder, self.id, vec![run]).unwrap();
        let param =
            |key: &str, value: &str| ParamRow { key: key.to_owned(), value: value.to_owned() };
        let seed = self.seed.to_string();
        let mut params = vec![param("experiment.seed", &seed), param("rate", self.rate)];
        if let Some(fold) = self.fold {
            params.push(param("dataset.folds", "5"));
            params.push(param("dataset.fold", &fold.to_string()));
        }
        tables::write(&folder, self.id, params).unwrap();
        let tested = |image: &i64| self.fold.is_none_or(|fold| image % 5 + 1 == fold);
        let images = (0..IMAGES).filter(tested);
        let rows: Vec<PredictionRow> = images.map(|image| self.prediction(image)).collect();
        tables::write(&folder, self.id, rows).unwrap();
        folder
    }

    fn prediction(&self, image: i64) -> PredictionRow {
        let correct = (image * image * 3 + image * 17 + self.seed * 29) % 101 >= self.wrong;
        let label = (image % 2) as usize;
        let said = if correct { label } else { 1 - label };
        // The higher the image's number, the surer.
        let sure = 0.5 + image as f64 / 500.0;
        let mut probabilities = vec![1.0 - sure; 2];
        probabilities[said] = sure;
        PredictionRow {
            split: self.split.to_owned(),
            path: format!("{}/{}/{image:03}.jpg", self.folder, self.classes[label]),
            label: self.classes[label].to_owned(),
            predicted: self.classes[said].to_owned(),
            correct: Some(correct),
            targets: Vec::new(),
            loss: 0.0,
            logits: vec![0.0, 0.0],
            probabilities,
        }
    }
}

/// Three seeds of each of two settings.
fn groups() -> Place {
    let place = Place::new();
    for (seed, ids) in [(1, ["a1", "b1"]), (2, ["a2", "b2"]), (3, ["a3", "b3"])] {
        MadeUp { id: ids[0], seed, ..RUN }.write(&place);
        MadeUp { experiment: "fast", id: ids[1], seed, wrong: 12, rate: "0.2", ..RUN }
            .write(&place);
    }
    place
}

fn json(place: &Place, arguments: &[&str]) -> serde_json::Value {
    let all = [&["diff"], arguments, &["--format", "json"]].concat();
    serde_json::from_str(&place.succeed(&all).stdout).unwrap()
}

fn refused(place: &Place, arguments: &[&str], texts: &[&str]) {
    let output = place.run(&[&["diff"], arguments].concat());
    assert_eq!(output.code, Some(2), "{output:?}");
    for text in texts {
        assert!(output.stderr.contains(text), "`{text}` is missing: {output:?}");
    }
}

fn near(value: &serde_json::Value, expected: f64) {
    let found = value.as_f64().unwrap();
    assert!((found - expected).abs() < 1e-9 * expected.abs().max(1.0), "{found}, not {expected}");
}

#[test]
fn two_runs_are_compared_by_mcnemars_test() {
    let place = groups();
    let found = json(&place, &["a1", "b2", "--top", "3"]);
    let verdict = &found["verdict"];
    assert_eq!(verdict["outcome"], "b_better");
    near(&verdict["p_value"], 0.001_605_564_929_524_064_1);
    near(&verdict["difference"], 15.0);
    let pairs = serde_json::json!({"both_right": 114, "only_a": 28, "only_b": 58, "both_wrong": 0});
    assert_eq!(verdict["pairs"], pairs);
    let changed: Vec<&str> = found["parameters"]
        .as_array()
        .unwrap()
        .iter()
        .map(|p| p["key"].as_str().unwrap())
        .collect();
    assert_eq!(changed, ["rate", "experiment.seed"]);
    assert_eq!(found["classes"][0]["class"], "cats");
    near(&found["classes"][0]["a"], 0.71);
    near(&found["classes"][1]["difference"], 0.15);
    // On every image where one of two classes is right and the other wrong, they disagree.
    assert_eq!(found["disagreements"]["total"], 86);
    let images = found["disagreements"]["images"].as_array().unwrap();
    assert_eq!(images.len(), 3);
    let apart = |image: &serde_json::Value| {
        let of = |side: &str| image[side]["probability"].as_f64().unwrap();
        (of("a") - of("b")).abs()
    };
    assert!(apart(&images[0]) > apart(&images[1]) && apart(&images[1]) > apart(&images[2]));
}

#[test]
fn two_runs_are_described_to_people() {
    let place = groups();
    let text = place.succeed(&["diff", "a1", "b2"]).stdout;
    for part in [
        "A: run a1 of slow, seed 1",
        "verdict: B is better",
        "+15.00 points",
        "exact McNemar test (McNemar 1947; Dietterich 1998): p = 0.0016",
        "only A is right on 28 and only B on 58",
        "another seed",
        "A and B disagree on 86 images; 10 of them",
    ] {
        assert!(text.contains(part), "`{part}` is missing:\n{text}");
    }
    let turned = place.succeed(&["diff", "b2", "a1"]).stdout;
    assert!(turned.contains("verdict: A is better") && turned.contains("-15.00"), "{turned}");
    // What seeds are taken to change decides with it.
    let unsure = place.succeed(&["diff", "a1", "b2", "--seed-spread", "10"]).stdout;
    assert!(unsure.contains("verdict: cannot tell"), "{unsure}");
    let there = "2 other seeds of A's setting and 2 other seeds of B's setting";
    assert!(unsure.contains(there), "{unsure}");
}

#[test]
fn groups_are_compared_over_seeds_and_images() {
    let place = groups();
    let found = json(&place, &["slow", "fast"]);
    let verdict = &found["verdict"];
    assert_eq!(verdict["outcome"], "b_better");
    near(&verdict["difference"], 16.5);
    near(&verdict["standard_error"], 3.901_566_636_906_542);
    near(&verdict["degrees_of_freedom"], 2.318_725_991_699_643_4);
    near(&verdict["p_value"], 0.039_601_052_291_767_34);
    assert_eq!(found["parameters"].as_array().unwrap().len(), 1);
    assert_eq!(found["scores"][0]["a"]["runs"], 3);
    assert_eq!(json(&place, &["a1, a2,a3", "b1,b2,b3"])["verdict"], *verdict);
    let text = place.succeed(&["diff", "slow", "fast"]).stdout;
    assert!(text.contains("A: slow: 3 runs with the seeds 1, 2, 3"), "{text}");
    assert!(text.contains("(Obuchowski & Rockette 1995; Hillis 2007): p = 0.0396"), "{text}");
    let one = place.succeed(&["diff", "a1", "fast"]).stdout;
    assert!(one.contains("A has one seed: its accuracy is taken to vary"), "{one}");
    assert!(one.contains("(3 of 3 right)"), "{one}");
}

#[test]
fn what_is_left_out_of_a_group_is_said() {
    let place = groups();
    MadeUp { id: "a4", seed: 4, status: "failed", ..RUN }.write(&place);
    let damaged = MadeUp { id: "a5", seed: 5, ..RUN }.write(&place);
    std::fs::write(damaged.join("params.parquet"), "no table").unwrap();
    let unreadable = MadeUp { id: "a6", seed: 6, ..RUN }.write(&place);
    std::fs::write(unreadable.join("run.parquet"), "no table").unwrap();
    MadeUp { id: "a7", seed: 3, ..RUN }.write(&place);
    let half = MadeUp { id: "a8", seed: 8, ..RUN }.write(&place).join("predictions.parquet");
    let bytes = std::fs::read(&half).unwrap();
    std::fs::write(&half, &bytes[..bytes.len() / 2]).unwrap();
    let output = place.succeed(&["diff", "slow", "fast"]);
    for text in [
        "run a4 of slow is left out: it is failed",
        "run a5 of slow is left out: it is unreadable",
        "run a6 of slow is left out: it is unreadable",
        "run a8 of slow is left out: it is unreadable",
        "run a3 is left out: a7 has the same seed",
    ] {
        assert!(output.stderr.contains(text), "`{text}` is missing: {output:?}");
    }
    assert!(output.stdout.contains("3 runs with the seeds 1, 2, 3"), "{output:?}");
    refused(&place, &["a4", "b1"], &["run a4 is failed; only finished runs"]);
    refused(&place, &["a6", "b1"], &["run a6 is unreadable"]);
    assert_eq!(place.run(&["diff", "a5", "b1"]).code, Some(3));
    assert_eq!(place.run(&["diff", "a8", "b1"]).code, Some(3));
    MadeUp { experiment: "broken", id: "c1", status: "interrupted", ..RUN }.write(&place);
    refused(&place, &["broken", "fast"], &["no run of broken is finished"]);
}

#[test]
fn a_group_has_one_setting() {
    let place = groups();
    MadeUp { id: "a4", seed: 4, rate: "0.3", ..RUN }.write(&place);
    let advice = "name runs of one setting with commas between them";
    refused(&place, &["slow", "fast"], &["`slow`", "rate is 0.1 or 0.3", advice]);
    refused(&place, &["a1,b1", "a2"], &["rate is 0.1 or 0.2"]);
    refused(&place, &["a1,a2", "a2,a3"], &["run a2 is on both sides"]);
    refused(&place, &[" , ", "a2"], &["names no run"]);
    refused(&place, &["a1", "slaw"], &["did you mean `slow`"]);
    refused(&place, &["a1", "b1", "--seed-spread", "-1"], &[]);
}

#[test]
fn other_images_and_classes_are_refused() {
    let place = Place::new();
    RUN.write(&place);
    let other = MadeUp { id: "b1", hash: "fedcba9876543210", ..RUN };
    MadeUp { folder: "elsewhere", ..other.clone() }.write(&place);
    let texts = ["other test images", "share 0 of 200 and 200", "0123456789ab and fedcba987654"];
    refused(&place, &["a1", "b1"], &texts);
    // The same images, other training ones.
    other.clone().write(&place);
    let allowed = place.succeed(&["diff", "a1", "b1"]);
    assert!(allowed.stderr.contains("the same by path and label"), "{allowed:?}");
    assert!(allowed.stdout.contains("dataset_hash"), "{allowed:?}");
    // The same data in another folder.
    MadeUp { id: "b2", folder: "moved/to/test", ..RUN }.write(&place);
    assert_eq!(json(&place, &["a1", "b2"])["images"], 200);
    MadeUp { id: "b3", classes: ["cats", "foxes"], ..RUN }.write(&place);
    refused(&place, &["a1", "b3"], &["other classes: cats, dogs and cats, foxes"]);
    MadeUp { id: "b4", split: "validation", ..RUN }.write(&place);
    let hint = "`--split validation` compares on the validation images";
    refused(&place, &["b4", "a1"], &["run b4 has no predictions on test images", hint]);
    MadeUp { id: "b5", split: "validation", seed: 2, ..RUN }.write(&place);
    assert_eq!(json(&place, &["b4", "b5", "--split", "validation"])["split"], "validation");
}

#[test]
fn names_cannot_mislead_a_terminal() {
    let place = Place::new();
    let hostile = MadeUp { classes: ["cats\u{1b}[31m", "dogs"], folder: "data/\u{202e}t", ..RUN };
    hostile.clone().write(&place);
    MadeUp { id: "b1", seed: 2, ..hostile }.write(&place);
    for format in ["text", "json"] {
        let output = place.succeed(&["diff", "a1", "b1", "--format", format]);
        assert!(!output.stdout.contains(['\u{1b}', '\u{202e}']), "{output:?}");
    }
}

#[test]
fn runs_of_three_classes_are_compared() {
    let place = Place::with_shapes();
    for seed in ["1", "2"] {
        let set = format!("experiment.seed={seed}");
        place.succeed(&["run", "shapes.toml", "--set", &set, "--quiet"]);
    }
    let [newest, oldest] = [&place.runs()[0].id, &place.runs()[1].id].map(Clone::clone);
    let found = json(&place, &[&oldest, "last"]);
    assert_eq!(found["b"]["runs"][0]["id"], newest.as_str());
    assert_eq!((&found["images"], &found["classes"][2]["images"]), (&15.into(), &5.into()));
    assert_eq!(found["parameters"][0]["key"], "experiment.seed");
    assert_eq!(found["verdict"]["outcome"], "cannot_tell");
    assert!(found["scores"].as_array().unwrap().iter().any(|s| s["name"] == "test_accuracy"));
}
