//! `runner watch`: running runs, live, with their curves.

mod board;
mod chart;
mod draw;
mod keys;
mod screen;
#[cfg(test)]
mod tests;

use std::io::IsTerminal;
use std::path::Path;
use std::time::{Duration, SystemTime};

use clap::Args;
use runner_results::live::{Live, LiveRun};

use crate::arguments::ResultsArguments;
use crate::failure::Failure;
use crate::{signals, terminal};

pub(crate) use board::board;

/// `watch`
#[derive(Debug, Args)]
pub struct WatchArguments {
    /// Runs or experiments; every running run where there is none.
    #[arg(value_name = "RUN|EXPERIMENT")]
    pub names: Vec<String>,
    /// Seconds between two looks at the tables.
    #[arg(long, value_name = "SECONDS", default_value_t = 1.0)]
    pub interval: f64,
    #[command(flatten)]
    pub results: ResultsArguments,
}

pub(super) fn watch(arguments: &WatchArguments) -> Result<(), Failure> {
    let interval = Duration::try_from_secs_f64(arguments.interval).ok();
    let Some(interval) = interval.filter(|interval| *interval >= Duration::from_millis(100)) else {
        return Err(Failure::usage("`--interval` must be at least 0.1 seconds"));
    };
    let results = &arguments.results.results;
    match has_screen() {
        true => board(results, &arguments.names, interval, &signals::interrupt()?),
        false => once(results, &arguments.names),
    }
}

/// Whether there is a terminal that can be drawn on, and one that keys come from.
fn has_screen() -> bool {
    let is_plain = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    std::io::stdin().is_terminal() && std::io::stdout().is_terminal() && !is_plain
}

/// Without a terminal: how things stand, as a table.
fn once(results: &Path, names: &[String]) -> Result<(), Failure> {
    let mut live = Live::open(results, names)?;
    live.look();
    let (runs, now) = (live.runs(), SystemTime::now());
    if live.is_idle() {
        terminal::note(&match runs.is_empty() {
            true => format!("there are no runs in {}", results.display()),
            false => format!("no run is running; the newest in {}:", results.display()),
        });
    }
    if runs.is_empty() {
        return Ok(());
    }
    let header = ["run", "experiment", "member", "status", "stage", "epoch", "loss", "accuracy"];
    let header = [&header[..], &["best", "time", "left"]].concat();
    terminal::out_table(&header, runs.iter().map(|run| row(run, now)).collect());
    Ok(())
}

fn row(run: &LiveRun, now: SystemTime) -> Vec<String> {
    let text = draw::Texts::of(run, now);
    let member = run.get("member").to_string();
    vec![
        run.id.clone(),
        run.experiment.clone(),
        member,
        text.status,
        text.stage,
        text.epoch,
        text.loss,
        text.accuracy,
        text.best,
        text.time,
        text.left,
    ]
}
