use std::collections::HashMap;

use super::bootstrap::{intervals, quantile};
use super::*;

/// Images whose logits are waves, higher for the label by `gain`: as the references were computed with.
fn rows(images: usize, classes: usize, gain: f64) -> (Vec<PredictionRow>, Vec<String>) {
    let names: Vec<String> = (0..classes).map(|class| format!("class {class}")).collect();
    let row = |i: usize| {
        let label = i * i % classes;
        let logit = |class: usize| {
            let (i, c) = (i as f64, class as f64);
            let wave = (1.7 * i + 2.3 * c + 0.01 * i * c).sin();
            3.0 * wave + if class == label { gain } else { 0.0 }
        };
        said((0..classes).map(logit).collect(), label, &names, i)
    };
    ((0..images).map(row).collect(), names)
}

fn said(logits: Vec<f64>, label: usize, names: &[String], number: usize) -> PredictionRow {
    let probabilities = calibration::calibrated(&logits, 1.0);
    let most = |a: usize, b: usize| if probabilities[b] > probabilities[a] { b } else { a };
    let predicted = (0..logits.len()).reduce(most).unwrap_or(0);
    PredictionRow {
        split: "test".to_owned(),
        path: format!("{number}"),
        label: names[label].clone(),
        predicted: names[predicted].clone(),
        correct: Some(predicted == label),
        targets: Vec::new(),
        loss: -probabilities[label].ln(),
        logits,
        probabilities,
    }
}

fn scored(
    split: &str,
    rows: &[PredictionRow],
    classes: &[String],
    temperature: Option<f64>,
) -> HashMap<String, ScoreRow> {
    let groups = HashMap::new();
    let about = About { classes, seed: 1, groups: &groups, temperature };
    let found = of_split(split, rows, &about);
    found.into_iter().map(|row| (row.score.clone(), row)).collect()
}

#[test]
fn scores_are_those_of_scikit_learn_and_torchmetrics() {
    // scikit-learn 1.9.1: accuracy_score, balanced_accuracy_score, top_k_accuracy_score, log_loss.
    // torchmetrics 1.9.0: MulticlassCalibrationError(n_bins=15, norm="l1"), in 32 bits.
    let cases = [
        ("accuracy", 0.533_333_333_333_333_3, 1e-12),
        ("balanced_accuracy", 0.544_444_444_444_444_4, 1e-12),
        ("top_5_accuracy", 0.933_333_333_333_333_3, 1e-12),
        ("loss", 1.663_833_929_139_478_6, 1e-12),
        ("ece", 0.177_590_534_090_995_8, 1e-7),
    ];
    let (eight, classes) = rows(120, 8, 2.5);
    let found = scored("train", &eight, &classes, None);
    assert_eq!(found.len(), cases.len());
    for (name, expected, bound) in cases {
        let value = found[name].value;
        assert!((value - expected).abs() < bound, "{name}: {value}");
        assert_eq!(found[name].lower, None);
    }
    let (three, classes) = rows(90, 3, 1.0);
    let found = scored("train", &three, &classes, None);
    assert!(!found.contains_key("top_5_accuracy"));
    assert!((found["balanced_accuracy"].value - 0.416_666_666_666_666_6).abs() < 1e-12);
    assert!((found["ece"].value - 0.372_621_029_615_402_2).abs() < 1e-7);
    assert!(scored("test", &[], &classes, None).is_empty());
    assert!(scored("test", &three, &classes[..2], None).is_empty(), "a label that is no class");
}

#[test]
fn the_temperature_is_the_one_that_scipy_finds() {
    // SciPy 1.17.1: the mean cross-entropy of softmax(z / T), minimize_scalar over 1/T, xatol=1e-13;
    // its minimum is flat, so that the temperature has half of these digits.
    for (images, classes, gain, temperature, loss, ece) in [
        (120, 8, 2.5, 1.750_831_984_411_0, 1.522_791_173_173_457_8, 0.253_758_402_740),
        (90, 3, 1.0, 7.646_611_645_545_8, 1.062_025_511_627_168_4, 0.129_745_100_153),
    ] {
        let (rows, names) = rows(images, classes, gain);
        let found = calibration::temperature(&rows, &names).unwrap_or_default();
        assert!((found / temperature - 1.0).abs() < 1e-6, "{found}");
        let scores = scored("validation", &rows, &names, Some(found));
        assert!((scores["calibrated_loss"].value - loss).abs() < 1e-12);
        assert!((scores["calibrated_ece"].value - ece).abs() < 1e-6);
    }
    // Two classes: one logit, and 0 for the first.
    let names = ["cats", "dogs"].map(str::to_owned);
    let row = |i: usize| {
        let logit = 4.0 * (1.3 * i as f64).sin() + if i.is_multiple_of(3) { 1.5 } else { -1.0 };
        said(vec![0.0, logit], usize::from(i.is_multiple_of(3)), &names, i)
    };
    let two: Vec<PredictionRow> = (0..60).map(row).collect();
    let found = calibration::temperature(&two, &names).unwrap_or_default();
    assert!((found / 4.099_466_429_188_31 - 1.0).abs() < 1e-6, "{found}");
    let scores = scored("test", &two, &names, Some(found));
    assert!((scores["loss"].value - 0.939_763_482_356_32).abs() < 1e-12);
    assert!((scores["ece"].value - 0.309_214_412_819_167_7).abs() < 1e-12);
    assert!((scores["calibrated_loss"].value - 0.633_547_855_492_984_3).abs() < 1e-12);
}

#[test]
fn there_is_no_temperature_where_none_is_best() {
    let names = ["cats", "dogs"].map(str::to_owned);
    let row = |logit: f64, label| said(vec![0.0, logit], label, &names, 0);
    let right = [row(2.0, 1), row(-3.0, 0)];
    assert_eq!(calibration::temperature(&right, &names), None, "all are right");
    let wrong = [row(2.0, 0), row(-3.0, 1), row(0.5, 1)];
    assert_eq!(calibration::temperature(&wrong, &names), None, "they say the opposite");
    assert_eq!(calibration::temperature(&[], &names), None);
}

#[test]
fn intervals_are_those_of_scipy_within_chance() {
    // SciPy 1.17.1: bootstrap(method="percentile", n_resamples=20000); and its standard error. The ends of
    // 2,000 resamples deviate by about a twelfth of that; shares come in steps of one image.
    let cases = [
        ("accuracy", [0.441_667, 0.625], 0.0457),
        ("balanced_accuracy", [0.448_558, 0.638_200], 0.0483),
        ("top_5_accuracy", [0.883_333, 0.975], 0.0226),
        ("loss", [1.380_334, 1.951_865], 0.1461),
        ("ece", [0.149_967, 0.241_318], 0.0235),
    ];
    let (rows, classes) = rows(120, 8, 2.5);
    let found = scored("test", &rows, &classes, None);
    for (name, expected, error) in cases {
        let row = &found[name];
        let ends = [row.lower, row.upper].map(Option::unwrap_or_default);
        for (end, expected) in ends.into_iter().zip(expected) {
            let bound = f64::max(0.25 * error, 1.0 / 119.0);
            assert!((end - expected).abs() < bound, "{name}: {ends:?}");
        }
        assert_eq!((row.n, row.groups, row.resamples), (120, None, 2_000));
    }
    assert_eq!(scored("test", &rows, &classes, None), found, "the same seed, the same interval");
    assert_ne!(scored("validation", &rows, &classes, None)["loss"].lower, found["loss"].lower);
}

#[test]
fn groups_are_drawn_whole() {
    let (rows, classes) = rows(120, 8, 2.5);
    // Twelve of ten images, each all right or all wrong: as uncertain as twelve images.
    let group = |row: &PredictionRow| {
        let number: usize = row.path.parse().unwrap_or(0);
        (row.path.clone(), format!("{}", number / 10))
    };
    let groups: HashMap<String, String> = rows.iter().map(group).collect();
    let units = Units::of(&rows, &groups);
    assert_eq!(units.groups(), Some(12));
    let share = |weights: &[u32]| {
        let sum: u32 = weights.iter().sum();
        let of_even: u32 = weights
            .iter()
            .enumerate()
            .filter(|(i, _)| (i / 10).is_multiple_of(2))
            .map(|w| w.1)
            .sum();
        vec![f64::from(of_even) / f64::from(sum)]
    };
    // Binomial with 12 draws at a half: its 2.5% quantile is 3, and the 97.5% one 9.
    assert_eq!(intervals(&units, (1, 2), share), [[0.25, 0.75]]);
    let about = About { classes: &classes, seed: 1, groups: &groups, temperature: None };
    assert!(of_split("test", &rows, &about).iter().all(|row| row.groups == Some(12)));
}

#[test]
fn quantiles_are_those_of_numpy() {
    // numpy.quantile([1, 2, 4, 8], [0, 0.1, 0.5, 0.975, 1]).
    let found = [0.0, 0.1, 0.5, 0.975, 1.0].map(|share| quantile(&[1.0, 2.0, 4.0, 8.0], share));
    for (found, expected) in found.iter().zip([1.0, 1.3, 3.0, 7.7, 8.0]) {
        assert!((found - expected).abs() < 1e-12, "{found}");
    }
}

#[test]
fn lines_read_as_people_write_them() {
    let shown = Shown {
        split: "test".to_owned(),
        name: "accuracy".to_owned(),
        value: "0.878".to_owned(),
        interval: "[0.861, 0.894]".to_owned(),
        n: 180,
        groups: None,
    };
    assert_eq!(shown.line(), "test accuracy 0.878 [0.861, 0.894], n = 180");
}

/// Images with these probabilities of three labels.
fn labelled() -> (Vec<PredictionRow>, Vec<String>) {
    let names = ["red", "round", "small"].map(str::to_owned).to_vec();
    let images: [([f64; 3], [f64; 3]); 6] = [
        ([0.9, 0.2, 0.4], [1.0, 0.0, 0.0]),
        ([0.6, 0.7, 0.4], [1.0, 1.0, 0.0]),
        ([0.3, 0.7, 0.1], [0.0, 1.0, 1.0]),
        ([0.8, 0.1, 0.6], [0.0, 0.0, 1.0]),
        ([0.55, 0.4, 0.9], [1.0, 1.0, 1.0]),
        ([0.2, 0.9, 0.3], [0.0, 0.0, 0.0]),
    ];
    let row = |(number, (said, is)): (usize, &([f64; 3], [f64; 3]))| PredictionRow {
        split: "validation".to_owned(),
        path: format!("{number}"),
        label: String::new(),
        predicted: String::new(),
        correct: None,
        loss: 1.0,
        logits: said.iter().map(|share| (share / (1.0 - share)).ln()).collect(),
        probabilities: said.to_vec(),
        targets: is.to_vec(),
    };
    (images.iter().enumerate().map(row).collect(), names)
}

fn assert_close(found: f64, expected: f64, what: &str) {
    assert!((found - expected).abs() < 1e-12, "{what}: {found} is not {expected}");
}

#[test]
fn several_labels_are_scikit_learns() {
    // scikit-learn 1.9.1: accuracy over all labels, accuracy_score, average_precision_score, f1_score.
    let (rows, names) = labelled();
    let found = scored("test", &rows, &names, None);
    for (name, expected) in [
        ("accuracy", 14.0 / 18.0),
        ("exact_match", 1.0 / 3.0),
        ("map", 0.777_777_777_777_777_7),
        ("macro_f1", 0.774_603_174_603_174_5),
        ("micro_f1", 0.777_777_777_777_777_8),
        ("loss", 1.0),
    ] {
        assert_close(found[name].value, expected, name);
        assert!(found[name].lower.is_some());
    }
    let each = labels::each("validation", &rows, &names, &[]);
    let expected = [
        (0.805_555_555_555_555_6, [0.75, 1.0, 6.0 / 7.0], 6.0 / 7.0),
        (0.694_444_444_444_444_4, [2.0 / 3.0, 2.0 / 3.0, 2.0 / 3.0], 6.0 / 7.0),
        (0.833_333_333_333_333_3, [1.0, 2.0 / 3.0, 0.8], 0.8),
    ];
    for (row, (average, [precision, recall, f1], best)) in each.iter().zip(expected) {
        assert_close(row.average_precision.unwrap_or(0.0), average, &row.label);
        assert_close(row.precision, precision, &row.label);
        assert_close(row.recall, recall, &row.label);
        assert_close(row.f1, f1, &row.label);
        assert_close(row.threshold_f1, best, &row.label);
    }
    // Halfway between the last image that is called round and the first that is not.
    assert_close(each[1].threshold, 0.3, "threshold");
    let test = labels::each("test", &rows, &names, &each);
    assert_close(test[1].threshold, 0.3, "threshold of the validation images");
}

#[test]
fn numbers_are_scikit_learns() {
    // scikit-learn 1.9.1: mean_absolute_error, mean_squared_error, r2_score.
    let pairs = [
        ([1.0, 2.0], [1.25, 0.0]),
        ([0.0, -1.0], [0.5, -1.0]),
        ([3.0, 0.5], [2.0, 1.0]),
        ([2.0, 2.0], [2.5, 2.5]),
    ];
    let row = |(number, (is, said)): (usize, &([f64; 2], [f64; 2]))| PredictionRow {
        split: "test".to_owned(),
        path: format!("{number}"),
        label: String::new(),
        predicted: String::new(),
        correct: None,
        loss: 0.5,
        logits: said.to_vec(),
        probabilities: Vec::new(),
        targets: is.to_vec(),
    };
    let rows: Vec<PredictionRow> = pairs.iter().enumerate().map(row).collect();
    let names = ["x", "y"].map(str::to_owned).to_vec();
    let found = scored("test", &rows, &names, None);
    let expected =
        [("mae", 0.656_25), ("rmse", 0.870_524_267_324_007_5), ("r2", 0.480_113_636_363_636_35)];
    for (name, expected) in expected {
        assert_close(found[name].value, expected, name);
    }
    assert!(labels::each("test", &rows, &names, &[]).is_empty());
}
