//! `runner plot`: accuracy and loss over the epochs, of one run or of several in one picture.

use std::path::PathBuf;

use clap::Args;
use runner_results::history::{History, together};
use runner_results::picture::{self, chart};
use runner_results::{atomic, load};

use crate::arguments::ResultsArguments;
use crate::failure::Failure;
use crate::terminal;

/// `plot`
#[derive(Debug, Args)]
pub struct PlotArguments {
    /// Runs or experiments; several come into one picture.
    #[arg(required = true, value_name = "RUN|EXPERIMENT")]
    pub runs: Vec<String>,
    /// Weight of the past in the exponential moving average.
    #[arg(long, value_name = "WEIGHT", default_value_t = 0.8)]
    pub smoothing: f64,
    /// The picture; an SVG goes beside it.
    #[arg(long, value_name = "FILE", default_value = "curves.png")]
    pub out: PathBuf,
    #[command(flatten)]
    pub results: ResultsArguments,
}

pub(super) fn plot(arguments: &PlotArguments) -> Result<(), Failure> {
    if !(0.0..1.0).contains(&arguments.smoothing) {
        let message = "`--smoothing` must be at least 0 and less than 1";
        return Err(Failure::usage(message));
    }
    let mut histories = Vec::new();
    for run in load::select(&arguments.results.results, &arguments.runs)? {
        let name = format!("{} {}", run.experiment, &run.id[run.id.len().saturating_sub(8)..]);
        histories.push(History::read(&run.path, name)?);
    }
    histories.retain(|history| !history.is_empty());
    let panels = match &histories[..] {
        [] => return Err(Failure::usage("none of these runs has an epoch to draw")),
        [one] => one.panels(),
        several => together(several),
    };
    let (image, svg) = chart::curves(&panels, arguments.smoothing)?;
    let beside = arguments.out.with_extension("svg");
    atomic::write(&arguments.out, &picture::png(&image)?)?;
    atomic::write(&beside, svg.as_bytes())?;
    let (out, runs) = (arguments.out.display(), histories.len());
    let what = if runs == 1 { "run" } else { "runs" };
    terminal::out(&format!("{out} and {}: {runs} {what}", beside.display()));
    Ok(())
}
