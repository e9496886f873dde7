//! Thousands of runs that nobody trained: what lists and comparisons are measured on.

use std::path::{Path, PathBuf};

use runner_record::EpochRecord;
use runner_results::tables::{self, LabelRow, RunRow, Timestamp};
use runner_results::writer::{End, RunWriter, Start};

/// The plan of run `index`: one of many learning rates, with one of eight seeds.
fn params(index: usize) -> Vec<(String, String)> {
    let mut params: Vec<(String, String)> =
        PLAN.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    let mut set = |key: &str, value: String| params.push((key.to_owned(), value));
    set("experiment.name", experiment(index));
    set("experiment.seed", seed(index).to_string());
    set("experiment.tags", format!("[many, part{}]", index % 3));
    set("stage.head.optimizer.learning_rate", format!("{}e-5", index / 8 + 1));
    params
}

const PLAN: [(&str, &str); 24] = [
    ("dataset.feature_precision", "f32"),
    ("dataset.image_size", "[150, 150]"),
    ("dataset.on_bad_image", "fail"),
    ("dataset.preprocessing", "rescale"),
    ("dataset.test", "data/cats_and_dogs_small/test"),
    ("dataset.train", "data/cats_and_dogs_small/train"),
    ("dataset.validation", "data/cats_and_dogs_small/validation"),
    ("experiment.description", "Dense 256 on cached features."),
    ("model.architecture", "vgg16"),
    ("model.head.dropout", "0.5"),
    ("model.head.hidden", "[256]"),
    ("model.head.pooling", "flatten"),
    ("model.include_top", "false"),
    ("model.weights", "imagenet"),
    ("run.device", "auto"),
    ("stage.head.augment", "false"),
    ("stage.head.batch_size", "20"),
    ("stage.head.epochs", "30"),
    ("stage.head.frozen", "[block1, block2, block3, block4, block5]"),
    ("stage.head.name", "head"),
    ("stage.head.optimizer.epsilon", "1e-7"),
    ("stage.head.optimizer.momentum", "0.0"),
    ("stage.head.optimizer.name", "rmsprop"),
    ("stage.head.optimizer.rho", "0.9"),
];

fn experiment(index: usize) -> String {
    format!("many_{}", index / 1000)
}

fn seed(index: usize) -> i64 {
    index as i64 % 8 + 1
}

/// A share that looks random and is not.
fn share(index: usize, salt: usize) -> f64 {
    let mixed = (index * 31 + salt).wrapping_mul(2_654_435_761) % 1_000_003;
    mixed as f64 / 1_000_003.0
}

fn epochs(index: usize) -> Vec<EpochRecord> {
    let epoch = |epoch: usize| EpochRecord {
        stage: "head".to_owned(),
        epoch,
        epochs: 30,
        global_epoch: epoch,
        train_loss: share(index, epoch),
        train_accuracy: Some(0.9),
        validation_loss: share(index, 100 + epoch),
        validation_accuracy: Some(share(index, 200 + epoch)),
        train_mae: None,
        validation_mae: None,
        learning_rate: 2e-5,
        duration_s: 0.4,
        images_per_s: 5000.0,
        waiting_s: 0.0,
    };
    (1..=30).map(epoch).collect()
}

/// What a run that ended leaves in `run.parquet`.
fn row(index: usize, status: &str) -> RunRow {
    let score = |salt| (status == "finished").then(|| share(index, salt));
    RunRow {
        experiment: experiment(index),
        status: status.to_owned(),
        error: (status == "failed").then(|| "the loss is not finite".to_owned()),
        started_at: Some(Timestamp(1_795_491_000_000 + index as i64)),
        finished_at: Some(Timestamp(1_795_491_009_000 + index as i64)),
        duration_s: Some(9.0 + share(index, 5)),
        seed: seed(index),
        classes: vec!["cats".to_owned(), "dogs".to_owned()],
        device: "cpu".to_owned(),
        precision: "f32".to_owned(),
        fingerprint: fingerprint(index),
        runner_version: "0.1.0".to_owned(),
        train_images: Some(2000),
        validation_images: Some(1000),
        test_images: Some(1000),
        parameters: Some(16_812_353),
        best_epoch: Some(30),
        best_validation_loss: score(1),
        best_validation_accuracy: score(2),
        test_loss: score(3),
        test_accuracy: score(4),
        ..RunRow::default()
    }
}

fn fingerprint(index: usize) -> String {
    format!("{:08x}{:056x}", (index as u32).wrapping_mul(2_654_435_761), index)
}

/// Writes one run with these entries added to a plan that all share; what its folder is.
pub fn one(results: &Path, run: RunRow, entries: &[(&str, &str)]) -> PathBuf {
    let owned = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
    let mut params: Vec<(String, String)> = PLAN.iter().map(owned).collect();
    params.push(("experiment.name".to_owned(), run.experiment.clone()));
    params.push(("experiment.seed".to_owned(), run.seed.to_string()));
    params.extend(entries.iter().map(owned));
    let start = Start { run: run.clone(), params, ..Start::default() };
    let mut writer = RunWriter::create(results, start).unwrap();
    let (folder, id) = (writer.folder().to_path_buf(), writer.id().to_owned());
    writer.finish(&End::Finished, None).unwrap();
    tables::write(&folder, &id, vec![run]).unwrap();
    folder
}

/// Writes `count` runs below `results`; of a hundred, three did not finish and one has a label.
pub fn write(results: &Path, count: usize) {
    for index in 0..count {
        let status = match index % 100 {
            13 | 57 => "failed",
            91 => "interrupted",
            _ => "finished",
        };
        let run = row(index, status);
        let params = params(index);
        let start = Start { run: run.clone(), params, ..Start::default() };
        let mut writer = RunWriter::create(results, start).unwrap();
        let (folder, id) = (writer.folder().to_path_buf(), writer.id().to_owned());
        tables::write(&folder, &id, epochs(index)).unwrap();
        writer.finish(&End::Finished, None).unwrap();
        tables::write(&folder, &id, vec![run]).unwrap();
        if index % 100 == 7 {
            let label = LabelRow { tags: vec!["chosen".to_owned()], note: Some("look".to_owned()) };
            tables::write(&folder, &id, vec![label]).unwrap();
        }
    }
}
