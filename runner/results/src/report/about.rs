//! Where everything came from: plan, environment, files.

use std::path::Path;

use serde::Serialize;

use super::subject::{Name, Subject};
use super::text;
use crate::tables::{self, Cell, cell};

/// Bytes of a file that are shown.
const LONGEST: usize = 64 << 10;

/// The plan of a run as text.
#[derive(Debug, Serialize)]
pub(super) struct Plan {
    name: Name,
    files: Vec<File>,
}

#[derive(Debug, Serialize)]
struct File {
    title: &'static str,
    text: String,
}

/// What was declared and what was given, for every run that still has it.
pub(super) fn plans(subjects: &[Subject]) -> Vec<Plan> {
    let files = [("plan.toml", "with every default"), ("experiment.toml", "as it was given")];
    let plan = |subject: &Subject| {
        let file = |(name, title): (&str, &'static str)| {
            Some(File { title, text: beginning(&subject.run.path.join(name))? })
        };
        let files: Vec<File> = files.into_iter().filter_map(file).collect();
        (!files.is_empty()).then(|| Plan { name: subject.name.clone(), files })
    };
    subjects.iter().filter_map(plan).collect()
}

/// The text of a file, unless it is none.
fn beginning(path: &Path) -> Option<String> {
    if !std::fs::metadata(path).ok()?.is_file() {
        return None;
    }
    let bytes = std::fs::read(path).ok()?;
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(LONGEST)]).trim_end().to_owned();
    Some(if bytes.len() > LONGEST { format!("{text}\n…") } else { text })
}

/// One property, a value per run.
#[derive(Debug, Serialize)]
pub(super) struct Fact {
    title: &'static str,
    values: Vec<String>,
    /// Whether the values are hashes, and may be cut.
    hash: bool,
}

/// How a column is written.
#[derive(Clone, Copy)]
enum As {
    Plain,
    Count,
    Bytes,
    Duration,
    Hash,
}

const FACTS: [(&str, &str, As); 21] = [
    ("Status", "status", As::Plain),
    ("Started", "started_at", As::Plain),
    ("Finished", "finished_at", As::Plain),
    ("Duration", "duration_s", As::Duration),
    ("Seed", "seed", As::Plain),
    ("Device", "device", As::Plain),
    ("Its name", "device_name", As::Plain),
    ("Precision", "precision", As::Plain),
    ("Training images", "train_images", As::Count),
    ("Validation images", "validation_images", As::Count),
    ("Test images", "test_images", As::Count),
    ("Parameters", "parameters", As::Count),
    ("Trained in the last stage", "trainable_parameters", As::Count),
    ("Images per second", "images_per_s", As::Plain),
    ("Memory, at most", "peak_rss_bytes", As::Bytes),
    ("Version of runner", "runner_version", As::Plain),
    ("Git commit", "git_commit", As::Hash),
    ("Uncommitted changes", "git_dirty", As::Plain),
    ("Plan (BLAKE3)", "fingerprint", As::Hash),
    ("Weights (SHA-256)", "weights_sha256", As::Hash),
    ("Data set (BLAKE3)", "dataset_hash", As::Hash),
];

/// What `run.parquet` says about each run, scores aside.
pub(super) fn environment(subjects: &[Subject]) -> Vec<Fact> {
    let fact = |(title, column, shown): (&'static str, &str, As)| {
        let values = subjects.iter().map(|subject| value(subject, column, shown)).collect();
        Fact { title, values, hash: matches!(shown, As::Hash) }
    };
    let known = |fact: &Fact| fact.values.iter().any(|value| !value.is_empty());
    FACTS.into_iter().map(fact).filter(known).collect()
}

fn value(subject: &Subject, column: &str, shown: As) -> String {
    let value = subject.run.get(column);
    match (shown, value) {
        _ if column == "status" => subject.name.status.clone(),
        (As::Count, Cell::Integer(number)) => text::count(*number),
        (As::Bytes, Cell::Integer(number)) => text::bytes(*number),
        (As::Duration, Cell::Float(seconds)) => text::duration(*seconds),
        (_, Cell::Bool(flag)) => if *flag { "yes" } else { "no" }.to_owned(),
        (_, Cell::Float(number)) if *number >= 100.0 => text::count(number.round() as i64),
        _ => value.to_string(),
    }
}

/// What a run left behind.
#[derive(Debug, Serialize)]
pub(super) struct Folder {
    name: Name,
    path: String,
    artifacts: Vec<Artifact>,
}

#[derive(Debug, Serialize)]
struct Artifact {
    path: String,
    job: String,
    size: String,
}

/// The folder of each run, and the pictures in it.
pub(super) fn folders(subjects: &[Subject]) -> Vec<Folder> {
    let folder = |subject: &Subject| Folder {
        name: subject.name.clone(),
        path: subject.run.path.display().to_string(),
        artifacts: artifacts(&subject.run.path),
    };
    subjects.iter().map(folder).collect()
}

fn artifacts(folder: &Path) -> Vec<Artifact> {
    let rows = tables::read(&folder.join("artifacts.parquet")).unwrap_or_default();
    let artifact = |row: &tables::Record| Artifact {
        path: cell::get(row, "path").to_string(),
        job: cell::get(row, "job").to_string(),
        size: format!("{} × {}", cell::get(row, "width"), cell::get(row, "height")),
    };
    rows.iter().map(artifact).collect()
}
