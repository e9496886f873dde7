//! A folder that MLflow reads: its file store, as in `mlflow/store/tracking/file_store.py`.
//!
//! MLflow up to 3.12 reads it as it is; later ones ask for `MLFLOW_ALLOW_FILE_STORE=true`, and its
//! `mlflow migrate-filestore` brings the folder into a database.
//!
//! Ids depend on names alone, so that a run that is exported again takes its own place. What was
//! added in MLflow stays: other runs, tags, registered models.

mod artifacts;
mod names;
mod yaml;

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use crate::ResultsError;
use crate::export::{Content, make_folder, write};
use names::{Keys, LONGEST_PARAM, LONGEST_TAG, cut, number};
use yaml::quoted;

const META: &str = "meta.yaml";

/// Writes a run, and its experiment where MLflow does not know it yet; returns the run's folder.
///
/// # Errors
///
/// [`ResultsError`] where a file cannot be read or written.
pub fn export(content: &Content<'_>, store: &Path) -> Result<PathBuf, ResultsError> {
    make_folder(store)?;
    let failed = |source| ResultsError::Write { path: store.to_path_buf(), source };
    // MLflow wants absolute places in its files.
    let store = std::fs::canonicalize(store).map_err(failed)?;
    let experiment = experiment(content, &store)?;
    let id = names::run_id(&content.run.experiment, &content.run.id);
    let folder = store.join(&experiment).join(&id);
    for name in ["metrics", "params", "tags", "artifacts"] {
        make_folder(&folder.join(name))?;
    }
    replace(&folder.join("params"), params(content))?;
    replace(&folder.join("metrics"), metrics(content))?;
    for (name, value) in tags(content) {
        write(&folder.join("tags").join(name), value.as_bytes())?;
    }
    artifacts::copy(&content.run.path, &folder.join("artifacts"))?;
    // Last: MLflow shows no run without this file.
    write(&folder.join(META), run_meta(content, &experiment, &id, &folder).as_bytes())?;
    Ok(folder)
}

/// The id of the run's experiment; makes it where no experiment of the store has its name.
fn experiment(content: &Content<'_>, store: &Path) -> Result<String, ResultsError> {
    let name = &content.run.experiment;
    if let Some(id) = known_experiment(store, name) {
        return Ok(id);
    }
    let id = names::experiment_id(name);
    let folder = store.join(&id);
    make_folder(&folder)?;
    let place = yaml::file_url(&folder);
    let lines = [
        ("artifact_location", quoted(&place)),
        ("creation_time", content.started.to_string()),
        ("experiment_id", quoted(&id)),
        ("last_update_time", content.started.to_string()),
        ("lifecycle_stage", "active".to_owned()),
        ("name", quoted(name)),
    ];
    write(&folder.join(META), lines_of(&lines).as_bytes())?;
    Ok(id)
}

/// The id of the experiment of that name, which MLflow may have made itself.
fn known_experiment(store: &Path, name: &str) -> Option<String> {
    let folders = std::fs::read_dir(store).ok()?.flatten().map(|entry| entry.path());
    let mut ids: Vec<String> = folders
        .filter_map(|folder| {
            let meta = std::fs::read_to_string(folder.join(META)).ok()?;
            let same = yaml::text(&meta, "name")? == name;
            same.then(|| yaml::text(&meta, "experiment_id").map(|id| id.into_owned()))?
        })
        .collect();
    ids.sort();
    ids.into_iter().next()
}

fn lines_of(lines: &[(&str, String)]) -> String {
    lines.iter().map(|(key, value)| format!("{key}: {value}\n")).collect()
}

fn run_meta(content: &Content<'_>, experiment: &str, id: &str, folder: &Path) -> String {
    let nothing = || quoted("");
    lines_of(&[
        ("artifact_uri", quoted(&yaml::file_url(&folder.join("artifacts")))),
        ("deleted_time", "null".to_owned()),
        ("end_time", content.ended.map_or("null".to_owned(), |time| time.to_string())),
        ("entry_point_name", nothing()),
        ("experiment_id", quoted(experiment)),
        ("lifecycle_stage", "active".to_owned()),
        ("run_id", quoted(id)),
        ("run_name", quoted(&content.run.id)),
        ("run_uuid", quoted(id)),
        ("source_name", nothing()),
        // LOCAL
        ("source_type", "4".to_owned()),
        ("source_version", nothing()),
        ("start_time", content.started.to_string()),
        ("status", status(content.run.status()).to_string()),
        ("tags", "[]".to_owned()),
        ("user_id", nothing()),
    ])
}

/// `RunStatus` of MLflow's `service.proto`.
fn status(word: &str) -> u8 {
    match word {
        "running" => 1,
        "waiting" => 2,
        "finished" => 3,
        "failed" => 4,
        // KILLED
        _ => 5,
    }
}

type Files = Vec<(String, String)>;

fn params(content: &Content<'_>) -> Files {
    let mut keys = Keys::default();
    let param = |(name, value): &(String, String)| (keys.key(name), cut(value, LONGEST_PARAM));
    content.params.iter().map(param).collect()
}

/// One file per metric, one line per step: time, value, step. What an epoch and the run both have
/// (`duration_s`) is called `epoch_duration_s` for the epochs.
fn metrics(content: &Content<'_>) -> Files {
    let of_run = |name: &str| content.scores.iter().any(|(score, _)| score == name);
    let mut files: Vec<(String, String)> = Vec::new();
    for epoch in &content.epochs {
        for (name, value) in &epoch.values {
            let name = if of_run(name) { format!("epoch_{name}") } else { name.clone() };
            let line = format!("{} {} {}\n", epoch.time, number(*value), epoch.step);
            match files.iter_mut().find(|(known, _)| *known == name) {
                Some((_, lines)) => lines.push_str(&line),
                None => files.push((name, line)),
            }
        }
    }
    for (name, value) in &content.scores {
        let (time, step) = (content.last_moment(), content.last_step());
        files.push((name.clone(), format!("{time} {} {step}\n", number(*value))));
    }
    let mut keys = Keys::default();
    files.into_iter().map(|(name, lines)| (keys.key(&name), lines)).collect()
}

fn tags(content: &Content<'_>) -> Files {
    let run = content.run;
    let text = |cell: &crate::tables::Cell| cell.to_string();
    let mut tags = vec![
        ("mlflow.runName".to_owned(), run.id.clone()),
        ("mlflow.source.name".to_owned(), "runner".to_owned()),
        ("mlflow.source.type".to_owned(), "LOCAL".to_owned()),
        ("mlflow.source.git.commit".to_owned(), text(run.get("git_commit"))),
        ("mlflow.source.git.dirty".to_owned(), text(run.get("git_dirty"))),
        ("mlflow.note.content".to_owned(), content.note.clone().unwrap_or_default()),
        ("runner.tags".to_owned(), content.tags.join(", ")),
        ("runner.status".to_owned(), run.status().to_owned()),
    ];
    let facts = content.facts.iter().filter(|(name, _)| !name.starts_with("git_"));
    tags.extend(facts.map(|(name, value)| (format!("runner.{name}"), value.clone())));
    let mut keys = Keys::default();
    // What has no value is left as it may have been set in MLflow.
    tags.retain(|(_, value)| !value.is_empty());
    tags.into_iter().map(|(name, value)| (keys.key(&name), cut(&value, LONGEST_TAG))).collect()
}

/// Writes the files of a folder; those that are none of them go away.
fn replace(folder: &Path, files: Files) -> Result<(), ResultsError> {
    let names: HashSet<&str> = files.iter().map(|(name, _)| name.as_str()).collect();
    for (name, text) in &files {
        write(&folder.join(name), text.as_bytes())?;
    }
    let failed = |source| ResultsError::Write { path: folder.to_path_buf(), source };
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let stays = entry.file_name().to_str().is_some_and(|name| names.contains(name));
        if !stays && entry.path().is_file() {
            std::fs::remove_file(entry.path()).map_err(failed)?;
        }
    }
    Ok(())
}
