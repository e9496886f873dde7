//! What a run is asked to do.

use std::path::{Path, PathBuf};

use runner_data::division::Earlier;
use runner_data::interrupt::Interrupt;
use runner_experiment::Checked;
use runner_network::device::Compute;
use runner_network::weights::Source;

use super::shared::Shared;

/// What to run and where things are.
pub struct Request<'a> {
    /// The plan with its layers, splits and classes.
    pub checked: &'a Checked,
    /// Where the images of a folder that is divided were before.
    pub earlier: Earlier,
    /// The pretrained weights; `None` starts at random.
    pub weights: Option<&'a Source>,
    /// Where tensors live.
    pub compute: Compute,
    /// The cache folder; `None` keeps no features.
    pub cache: Option<&'a Path>,
    /// Where the model goes.
    pub model: PathBuf,
    /// Where checkpoints go; `None` keeps none. The newest that is there already says where an
    /// earlier process left this run.
    pub checkpoints: Option<PathBuf>,
    /// What it shares with other runs of this process.
    pub shared: &'a Shared,
    /// Looked at after every image and step.
    pub interrupt: Interrupt,
}
