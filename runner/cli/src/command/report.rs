//! `runner report`: runs, or a sweep, as one page of HTML.

use std::path::{Path, PathBuf};

use clap::Args;
use runner_results::load::{self, LoadedRun};
use runner_results::{atomic, report};

use crate::arguments::ResultsArguments;
use crate::environment::show_size;
use crate::failure::Failure;
use crate::terminal;

/// `report`
#[derive(Debug, Args)]
pub struct ReportArguments {
    /// Runs or experiments, or one sweep by its id.
    #[arg(required = true, value_name = "RUN|EXPERIMENT")]
    pub names: Vec<String>,
    /// The page: everything is in this one file.
    #[arg(long, value_name = "FILE", default_value = report::FILE)]
    pub out: PathBuf,
    #[command(flatten)]
    pub results: ResultsArguments,
}

pub(super) fn report(arguments: &ReportArguments) -> Result<(), Failure> {
    let out = &arguments.out;
    let members = members(arguments);
    let (page, count, what) = match members.first() {
        Some(first) => {
            let title = format!("{}, {}", first.experiment, arguments.names[0]);
            let folder = out.parent().unwrap_or(Path::new(""));
            let page = report::sweep::html(folder, &title, &members, &[])?;
            (page, members.len(), "member")
        }
        None => {
            let runs = load::select(&arguments.results.results, &arguments.names)?;
            (report::html(&runs)?, runs.len(), "run")
        }
    };
    atomic::write(out, page.as_bytes())?;
    let plural = if count == 1 { "" } else { "s" };
    let size = show_size(page.len() as u64);
    terminal::out(&format!("{}: {count} {what}{plural}, {size}", out.display()));
    Ok(())
}

/// The runs of the sweep that the only name is the id of, oldest first.
fn members(arguments: &ReportArguments) -> Vec<LoadedRun> {
    let [name] = &arguments.names[..] else { return Vec::new() };
    let mut runs = load::runs(&arguments.results.results);
    runs.retain(|run| run.get("sweep").as_str() == Some(name));
    runs.reverse();
    runs
}
