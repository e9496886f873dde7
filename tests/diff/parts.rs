//! `diff` where runs are parts of something: folds of a cross-validation; and of images that have parts,
//! several labels.

use runner_results::tables::{self, PredictionRow};

use super::{MadeUp, RUN, groups, json, near, refused};
use crate::support::runner::Place;

/// Five folds of a setting and a seed; what they say about an image is what one run says about it.
fn folds(place: &Place, run: &MadeUp, ids: [&'static str; 5]) {
    for (fold, id) in (1..).zip(ids) {
        MadeUp { id, fold: Some(fold), ..run.clone() }.write(place);
    }
}

#[test]
fn folds_are_compared_on_what_each_was_not_trained_on() {
    let place = groups();
    let cross = MadeUp { experiment: "slow_folds", ..RUN };
    folds(&place, &cross, ["c1", "c2", "c3", "c4", "c5"]);
    let other = MadeUp { experiment: "fast_folds", seed: 2, wrong: 12, rate: "0.2", ..RUN };
    folds(&place, &other, ["d1", "d2", "d3", "d4", "d5"]);
    let (whole, found) = (json(&place, &["a1", "b2"]), json(&place, &["slow_folds", "fast_folds"]));
    for key in ["outcome", "p_value", "interval", "difference", "pairs"] {
        assert_eq!(whole["verdict"][key], found["verdict"][key], "{key}");
    }
    assert_eq!((&whole["classes"], &found["images"]), (&found["classes"], &200.into()));
    assert_eq!(found["disagreements"], whole["disagreements"]);
    assert_eq!((&found["unpaired"][0], &found["a"]["runs"][4]["fold"]), (&0.into(), &5.into()));
    let text = place.succeed(&["diff", "slow_folds", "fast_folds"]).stdout;
    let side = "A: slow_folds: 5 runs with the seed 1 and the folds 1, 2, 3, 4, 5\n";
    assert!(text.contains(side) && text.contains("Bengio & Grandvalet 2004"), "{text}");
    // A fold that failed on one side is left out of the other.
    let fewer = place.succeed(&["diff", "c1,c2,c4,c5", "fast_folds"]);
    assert!(fewer.stderr.contains("on the 160 test images"), "{fewer:?}");
    assert!(fewer.stderr.contains("0 of A's and 40 of B's are left out"), "{fewer:?}");
    // Seeds and folds: the same as seeds on all images.
    folds(&place, &MadeUp { seed: 2, ..cross.clone() }, ["e1", "e2", "e3", "e4", "e5"]);
    folds(&place, &MadeUp { seed: 3, ..cross }, ["f1", "f2", "f3", "f4", "f5"]);
    let seeds = &json(&place, &["slow_folds", "fast_folds"])["verdict"];
    let expected = &json(&place, &["slow", "b2"])["verdict"];
    for key in ["p_value", "standard_error", "degrees_of_freedom"] {
        near(&seeds[key], expected[key].as_f64().unwrap());
    }
}

#[test]
fn folds_without_a_common_image_are_told_apart_in_words() {
    let place = groups();
    folds(&place, &MadeUp { experiment: "folds", ..RUN }, ["c1", "c2", "c3", "c4", "c5"]);
    let text = place.succeed(&["diff", "c1", "c3"]).stdout;
    for part in [
        "dataset.fold  1  3",
        "verdict: cannot tell",
        "No test image is in both: A is fold 1 and B fold 3 of 5",
        "`runner compare EXPERIMENT --group`",
    ] {
        assert!(text.contains(part), "`{part}` is missing:\n{text}");
    }
    assert!(!text.contains("accuracy per class"), "{text}");
    let found = json(&place, &["c1", "c3"]);
    assert_eq!((&found["images"], &found["unpaired"]), (&0.into(), &serde_json::json!([40, 40])));
    refused(&place, &["folds", "b1"], &["`b1` is no cross-validation", "give both"]);
    // One fold is a split like any other.
    refused(&place, &["c1", "a1"], &["share 40 of 40 and 200", "give both the same test images"]);
    let elsewhere = MadeUp { id: "c9", folder: "x", hash: "fedcba9876543210", ..RUN };
    MadeUp { fold: Some(2), ..elsewhere }.write(&place);
    refused(&place, &["c1", "c9"], &["share 0 of 40 and 40"]);
    for (id, fold) in [("v1", 1), ("v2", 2), ("v3", 3)] {
        MadeUp { id, fold: Some(fold), split: "validation", ..RUN }.write(&place);
    }
    let advice = "leave out `--split validation`";
    refused(&place, &["v1,v2", "v3", "--split", "validation"], &["several folds", advice]);
}

#[test]
fn labels_are_compared_one_by_one() {
    let place = Place::new();
    for (id, seed) in [("a1", 1), ("b1", 2)] {
        let folder = MadeUp { id, seed, ..RUN }.write(&place);
        // Of four images with both labels, the first, the second, both and none are found.
        let row = |image: usize| {
            let probabilities = [[0.9, 0.2], [0.3, 0.6], [0.8, 0.7], [0.1, 0.4]][image];
            let named = ["cats", "dogs", "cats|dogs", ""][image];
            PredictionRow {
                path: format!("{image}.jpg"),
                label: "cats|dogs".to_owned(),
                predicted: if id == "a1" { named } else { "cats|dogs" }.to_owned(),
                correct: Some(image == 2 || id == "b1"),
                targets: vec![1.0, 1.0],
                probabilities: if id == "a1" { probabilities.to_vec() } else { vec![0.75; 2] },
                ..RUN.prediction(0)
            }
        };
        tables::write(&folder, id, (0..4).map(row).collect::<Vec<_>>()).unwrap();
    }
    let found = json(&place, &["a1", "b1"]);
    assert_eq!(found["labels"], true);
    assert_eq!(
        (&found["classes"][0]["class"], &found["classes"][0]["images"]),
        (&"cats".into(), &4.into())
    );
    near(&found["classes"][0]["a"], 0.5);
    near(&found["classes"][1]["difference"], 0.5);
    let first = &found["disagreements"]["images"][0];
    assert_eq!(first["path"], "3.jpg");
    near(&first["a"]["probability"], 0.25);
    near(&first["b"]["probability"], 0.75);
    let text = place.succeed(&["diff", "a1", "b1"]).stdout;
    for part in
        ["accuracy per label", "An image counts as right where all of its labels are", "nothing"]
    {
        assert!(text.contains(part), "`{part}` is missing:\n{text}");
    }
    assert!(!text.contains("NaN"), "{text}");
}
