//! `runner export`: other tools' folders, from runs of every kind. What MLflow and TensorBoard make of
//! them is checked by tests/read_exports.py.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use runner_record::EpochRecord;
use runner_results::lock::RunLock;
use runner_results::tables::{self, ParamRow, RunRow, Timestamp};

use crate::support::runner::Place;

/// A run of that status with two epochs, the second with a loss that is no number.
pub fn make_run(place: &Place, experiment: &str, id: &str, status: &str) -> PathBuf {
    let folder = place.path(&format!("results/{experiment}/{id}"));
    std::fs::create_dir_all(&folder).unwrap();
    let run = RunRow {
        experiment: experiment.to_owned(),
        status: status.to_owned(),
        error: (status == "failed").then(|| "the loss is not finite".to_owned()),
        started_at: Some(Timestamp(1_795_491_000_000)),
        test_accuracy: (status == "finished").then_some(0.75),
        git_commit: Some("abc".to_owned()),
        seed: 7,
        ..RunRow::default()
    };
    tables::write(&folder, id, vec![run]).unwrap();
    let param = |key: &str, value: &str| ParamRow { key: key.to_owned(), value: value.to_owned() };
    let long = "x".repeat(10_000);
    let params = vec![param("stage.a/b.epochs", "2"), param("stage.a_b.epochs", &long)];
    tables::write(&folder, id, params).unwrap();
    let epoch = |epoch: usize, train_loss: f64| EpochRecord {
        stage: "a/b".to_owned(),
        epoch,
        global_epoch: epoch,
        train_loss,
        validation_loss: 0.1,
        duration_s: 1.5,
        ..EpochRecord::default()
    };
    tables::write(&folder, id, vec![epoch(1, 0.3), epoch(2, f64::NAN)]).unwrap();
    folder
}

/// Every file below a folder, with its text.
fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => found.extend(files(&path)),
            false => drop(found.insert(path.clone(), std::fs::read(&path).unwrap())),
        }
    }
    found
}

/// The folder that a run was exported to, as the command says.
fn exported(stdout: &str, id: &str) -> PathBuf {
    let start = format!("{id}: ");
    stdout.lines().find_map(|line| line.strip_prefix(&start)).unwrap().into()
}

fn text(folder: &Path, name: &str) -> String {
    std::fs::read_to_string(folder.join(name)).unwrap()
}

#[test]
fn exactly_one_target_is_given() {
    let place = Place::new();
    make_run(&place, "a", "1", "finished");
    for arguments in [&["a"][..], &["a", "--mlflow", "x", "--tensorboard", "y"], &["--mlflow", "x"]]
    {
        let refused = place.run(&[&["export"], arguments].concat());
        assert_eq!(refused.code, Some(2), "{refused:?}");
    }
    let unknown = place.run(&["export", "b", "--mlflow", "x"]);
    assert_eq!(unknown.code, Some(2), "{unknown:?}");
    assert!(!place.path("x").exists() && !place.path("y").exists());
}

#[test]
fn mlflow_has_the_status_the_values_and_the_files_of_each_run() {
    let place = Place::new();
    let statuses = [("finished", 3), ("failed", 4), ("interrupted", 5), ("running", 5)];
    for (status, _) in statuses {
        let folder = make_run(&place, "every kind", &format!("1-{status}"), status);
        std::fs::write(folder.join("model.safetensors"), "model").unwrap();
        std::fs::create_dir_all(folder.join("checkpoints")).unwrap();
        std::fs::write(folder.join("checkpoints/1"), "x").unwrap();
    }
    let at_work = make_run(&place, "every kind", "2-at-work", "running");
    let _lock = RunLock::take(&at_work).unwrap();
    let first = place.succeed(&["export", "every kind", "--mlflow", "store"]);
    let before = files(&place.path("store"));
    let again = place.succeed(&["export", "every kind", "--mlflow", "store"]);
    assert_eq!((files(&place.path("store")), again.stdout), (before, first.stdout.clone()));
    for (status, number) in statuses {
        let folder = exported(&first.stdout, &format!("1-{status}"));
        let meta = text(&folder, "meta.yaml");
        assert!(meta.contains(&format!("\nstatus: {number}\n")), "{status}: {meta}");
        assert!(folder.join("artifacts/epochs.parquet").is_file());
        assert!(!folder.join("artifacts/checkpoints").exists());
    }
    let meta = text(&exported(&first.stdout, "2-at-work"), "meta.yaml");
    assert!(meta.contains("\nstatus: 1\n") && meta.contains("\nend_time: null\n"), "{meta}");
    let folder = exported(&first.stdout, "1-finished");
    // The start, and 1.5 s per epoch.
    let losses = "1795491001500 0.3 1\n1795491003000 nan 2\n";
    assert_eq!(text(&folder, "metrics/train_loss"), losses);
    assert_eq!(text(&folder, "metrics/test_accuracy"), "1795491003000 0.75 2\n");
    assert_eq!(text(&folder, "params/stage.a_b.epochs"), "2");
    assert_eq!(text(&folder, "params/stage.a_b.epochs_2").len(), 6_000);
    assert_eq!(text(&folder, "tags/mlflow.source.git.commit"), "abc");
    assert_eq!(text(&folder, "tags/runner.seed"), "7");
    let failed = exported(&first.stdout, "1-failed");
    assert_eq!(text(&failed, "tags/runner.error"), "the loss is not finite");
}

#[test]
fn what_was_added_in_mlflow_stays_and_its_experiments_are_used() {
    let place = Place::new();
    let run = make_run(&place, "it's", "1", "finished");
    std::fs::write(run.join("model.safetensors"), "model").unwrap();
    // As MLflow itself writes it.
    place.write("store/123/meta.yaml", "experiment_id: '123'\nname: it's\n");
    let first = place.succeed(&["export", "1", "--mlflow", "store"]);
    let folder = exported(&first.stdout, "1");
    assert_eq!(folder.parent().unwrap(), place.path("store/123").canonicalize().unwrap());
    std::fs::write(folder.join("tags/seen"), "yes").unwrap();
    std::fs::write(folder.join("params/gone"), "x").unwrap();
    std::fs::write(folder.join("artifacts/gone.png"), "x").unwrap();
    place.succeed(&["export", "1", "--mlflow", "store"]);
    assert_eq!(text(&folder, "tags/seen"), "yes");
    assert!(!folder.join("params/gone").exists() && !folder.join("artifacts/gone.png").exists());
    assert_eq!(text(&run, "model.safetensors"), "model");
}

#[test]
fn tensorboard_has_one_file_per_folder_however_often() {
    let place = Place::new();
    make_run(&place, "a", "1", "finished");
    place.succeed(&["export", "1", "--tensorboard", "logs"]);
    let before = files(&place.path("logs"));
    place.succeed(&["export", "1", "--tensorboard", "logs"]);
    assert_eq!(files(&place.path("logs")), before);
    let folders: Vec<_> = before.keys().map(|path| path.parent().unwrap().to_owned()).collect();
    let run = place.path("logs/a/1");
    let expected = [run.clone(), run.join("test"), run.join("train"), run.join("validation")];
    assert_eq!(folders, expected);
}

#[test]
fn a_run_that_cannot_be_read_is_said_and_the_others_are_exported() {
    let place = Place::new();
    for id in ["1", "2", "3", "4"] {
        make_run(&place, "a", id, "finished");
    }
    place.write("results/a/2/run.parquet", "damaged");
    place.write("results/a/3/epochs.parquet", "damaged");
    for target in ["--mlflow", "--tensorboard"] {
        let partly = place.run(&["export", "a", target, "out"]);
        assert_eq!(partly.code, Some(3), "{partly:?}");
        assert_eq!(partly.stdout.lines().count(), 2, "{partly:?}");
        for said in ["2/run.parquet", "3/epochs.parquet", "run 3 of a was left out"] {
            assert!(partly.stderr.contains(said), "{partly:?}");
        }
        let alone = place.run(&["export", "2", target, "out"]);
        assert_eq!(alone.code, Some(3), "{alone:?}");
    }
}
