//! A sweep that is being run: what all its members need.

use chrono::{DateTime, Utc};
use runner_experiment::Sweep;
use runner_results::sweep::SweepFolder;

use crate::command::run::arguments::RunArguments;
use crate::command::run::single::Session;

/// A sweep that is being run.
pub(super) struct Running<'a> {
    /// What its runs share.
    pub session: &'a Session,
    /// What it stands for.
    pub sweep: &'a Sweep,
    /// What the command line says.
    pub arguments: &'a RunArguments,
    /// Its folder.
    pub folder: SweepFolder,
    /// When this began; what a worker does began with the process that started it.
    pub began: DateTime<Utc>,
}
