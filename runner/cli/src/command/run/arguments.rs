//! The options of `runner run`.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::Args;
use runner_experiment::Override;

use crate::arguments::ResultsArguments;
use crate::failure::Failure;

/// `run`
#[derive(Debug, Args)]
pub struct RunArguments {
    /// The experiment file.
    pub file: PathBuf,
    /// Change a key of the plan: `--set experiment.seed=7 --set stage.head.epochs=2`.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub set: Vec<Override>,
    /// Which device computes: auto, cpu, cuda, cuda:1, vulkan, vulkan:1.
    #[arg(long, value_name = "DEVICE")]
    pub device: Option<String>,
    /// Go on with a run that was interrupted; `last` is the newest run of this plan, and starts
    /// one where there is none. With more `epochs` than a run has, a new one goes on from its end.
    #[arg(long, value_name = "RUN")]
    pub resume: Option<String>,
    /// Fetch nothing: weights that are not here yet are an error.
    #[arg(long)]
    pub offline: bool,
    /// Say what would be run, and run nothing.
    #[arg(long)]
    pub dry_run: bool,
    #[command(flatten)]
    pub sweep: SweepArguments,
    #[command(flatten)]
    pub results: ResultsArguments,
}

/// How many members of a sweep run at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Jobs {
    /// One per GPU; one where the CPU computes, which a run has to itself.
    Auto,
    /// So many.
    Count(u16),
}

impl FromStr for Jobs {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.parse() {
            _ if text == "auto" => Ok(Self::Auto),
            Ok(count @ 1..=256) => Ok(Self::Count(count)),
            _ => Err("a number from 1 to 256, or auto".to_owned()),
        }
    }
}

/// The options of `run` for sweeps.
#[derive(Debug, Clone, Default, Args)]
pub struct SweepArguments {
    /// Of a sweep: run this many members at a time; `auto` is one per GPU. Several GPUs take turns.
    #[arg(long, value_name = "N|auto")]
    pub jobs: Option<Jobs>,
    /// Of a sweep: run members again that are finished.
    #[arg(long)]
    pub force: bool,
    /// Of a sweep: run this member alone, by its number or name; may be given several times.
    #[arg(long, value_name = "MEMBER")]
    pub member: Vec<String>,
    /// Of a sweep: a process that another one started. Milliseconds since 1970 at which that began.
    #[arg(long, hide = true, value_name = "MILLISECONDS")]
    pub worker: Option<i64>,
    /// Of a worker: members pause after this epoch.
    #[arg(long, hide = true, value_name = "EPOCH")]
    pub until: Option<usize>,
}

impl SweepArguments {
    /// These mean nothing for a file that stands for one plan.
    pub fn refuse_for_one(&self, file: &Path) -> Result<(), Failure> {
        match self.member.first() {
            None => Ok(()),
            Some(member) => Err(Failure::usage(format!(
                "{} is no sweep, so it has no member `{member}`; a sweep has a table `[sweep]`",
                file.display()
            ))),
        }
    }
}
