//! Public data sets, laid out for the shipped experiments.

use std::path::{Path, PathBuf};

use runner_data::Interrupt;
use runner_learn::LearnError;

use super::archive::{self, Entry, ExtractError};
use super::download::{Download, DownloadError, PATIENCE};
use super::{Checksum, sha256};
use crate::environment;
use crate::failure::Failure;
use crate::terminal;

/// A subset of Kaggle's "Dogs vs. Cats": 2,000 photos for training, 1,000 for validation.
/// `RUNNER_DATASET_URL` names a mirror. No checksum is published: the length and every entry are
/// checked, and the hash of the archive is written beside the photos.
const URL: &str = "https://storage.googleapis.com/mledu-datasets/cats_and_dogs_filtered.zip";
const LENGTH: u64 = 68_606_236;
const OUT: &str = "data/cats_and_dogs_small";

/// How the photos of one class and folder of the archive are spread.
struct Part {
    from: &'static str,
    numbers: std::ops::Range<usize>,
    to: &'static str,
}

/// The archive has no test split: of the 500 validation photos of each class, the lower half of
/// the numbers stays validation, and the upper half becomes test.
const PARTS: [Part; 3] = [
    Part { from: "train", numbers: 0..1000, to: "train" },
    Part { from: "validation", numbers: 2000..2250, to: "validation" },
    Part { from: "validation", numbers: 2250..2500, to: "test" },
];

/// Every photo of the archive and its place.
pub fn entries() -> Vec<Entry> {
    let mut entries = Vec::new();
    for (folder, animal) in [("cats", "cat"), ("dogs", "dog")] {
        for part in &PARTS {
            for number in part.numbers.clone() {
                let file = format!("{animal}.{number}.jpg");
                entries.push(Entry {
                    name: format!("cats_and_dogs_filtered/{}/{folder}/{file}", part.from),
                    place: PathBuf::from(part.to).join(folder).join(file),
                });
            }
        }
    }
    entries
}

/// Brings the data set to `out`, from the network or from a copy at hand.
///
/// # Errors
///
/// A [`Failure`]; the target appears whole or not at all.
pub fn fetch(
    name: &str,
    from: Option<&Path>,
    out: Option<&Path>,
    interrupt: &Interrupt,
) -> Result<PathBuf, Failure> {
    if name != "cats_and_dogs_filtered" {
        return Err(Failure::usage(format!(
            "there is no data set `{name}`; there is cats_and_dogs_filtered"
        )));
    }
    let out = out.unwrap_or(Path::new(OUT));
    let _lock = super::exclusive(out, interrupt)?;
    if out.exists() {
        return Err(Failure::usage(format!(
            "{} is there already; remove it first, or say --out",
            out.display()
        )));
    }
    if let Some(file) = from {
        lay_out(file, &file.display().to_string(), out, interrupt)?;
        return Ok(out.to_path_buf());
    }
    let url = std::env::var("RUNNER_DATASET_URL").unwrap_or_else(|_| URL.to_owned());
    let archive = download(&url, interrupt)?;
    let laid_out = lay_out(&archive, &url, out, interrupt);
    // The photos are laid out, or the archive is of no use: it would only take room, or be in the
    // way of a better one.
    if laid_out.as_ref().map_or_else(|failure| failure.code == 3, |()| true) {
        let _ = std::fs::remove_file(&archive);
    }
    laid_out.map(|()| out.to_path_buf())
}

fn download(url: &str, interrupt: &Interrupt) -> Result<PathBuf, Failure> {
    let to = environment::cache().join("downloads").join("cats_and_dogs_filtered.zip");
    terminal::note(&format!("fetching {url}"));
    let checksum = Checksum::Length(LENGTH);
    let download = Download { url, checksum, to: &to, patience: PATIENCE };
    match download.fetch(interrupt) {
        Ok(()) => Ok(to),
        Err(DownloadError::Interrupted) => Err(LearnError::Interrupted.into()),
        Err(error @ DownloadError::Write { .. }) => Err(Failure::of(1, &error)),
        Err(error) => Err(Failure::data(format!(
            "{error}\nbring the archive here by other means, then:\n  \
             runner dataset fetch cats_and_dogs_filtered --from FILE"
        ))),
    }
}

/// Extracts beside the target and renames at the end.
fn lay_out(archive: &Path, source: &str, out: &Path, interrupt: &Interrupt) -> Result<(), Failure> {
    let parent = out.parent().filter(|parent| !parent.as_os_str().is_empty());
    let parent = parent.unwrap_or(Path::new("."));
    super::make(parent)?;
    let name = out.file_name().unwrap_or_default().to_string_lossy();
    // Nobody else is at this target: what is there was left by a process that was killed.
    let staging = Staging::new(parent.join(format!(".fetching-{name}")));
    let written = |error: std::io::Error| {
        Failure::internal(format!("cannot write to {}: {error}", parent.display()))
    };
    archive::extract(archive, &entries(), &staging.0, interrupt).map_err(|error| match error {
        ExtractError::Archive(reason) => Failure::data(reason),
        ExtractError::Write { .. } => Failure::of(1, &error),
        ExtractError::Interrupted => LearnError::Interrupted.into(),
    })?;
    let source = format!(
        "archive: cats_and_dogs_filtered.zip, SHA-256 {}\n\
         from: {source}\n\
         rule: of the 500 validation photos of each class, numbers 2000 to 2249 are validation, \
         2250 to 2499 are test\n",
        sha256(archive).map_err(written)?
    );
    std::fs::write(staging.0.join("SOURCE.txt"), source).map_err(written)?;
    std::fs::rename(&staging.0, out).map_err(written)
}

/// A folder that is gone when its work ends, whichever way.
struct Staging(PathBuf);

impl Staging {
    fn new(path: PathBuf) -> Self {
        let staging = Self(path);
        staging.remove();
        staging
    }

    fn remove(&self) {
        // What is left takes space and nothing else.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        self.remove();
    }
}
