//! `runner export`: runs in the formats of other tools, and a whole model in one file.

use std::path::{Path, PathBuf};

use clap::Args;
use runner_network::device::Compute;
use runner_network::onnx;
use runner_network::saved::Saved;
use runner_results::ResultsError;
use runner_results::export::{Content, mlflow, tensorboard};
use runner_results::load::{self, LoadedRun};

use crate::arguments::ResultsArguments;
use crate::failure::Failure;
use crate::fetch::weights;
use crate::{signals, terminal};

/// `export`
#[derive(Debug, Args)]
pub struct ExportArguments {
    /// Runs or experiments.
    #[arg(required = true, value_name = "RUN|EXPERIMENT")]
    pub runs: Vec<String>,
    #[command(flatten)]
    pub target: Target,
    /// Fetch nothing: a base that is not here yet is an error.
    #[arg(long)]
    pub offline: bool,
    #[command(flatten)]
    pub results: ResultsArguments,
}

/// Where to; exactly one.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub struct Target {
    /// A folder that MLflow reads (a file store); runs that are in it already are brought up to date.
    #[arg(long, value_name = "DIR")]
    pub mlflow: Option<PathBuf>,
    /// A folder of logs that TensorBoard reads.
    #[arg(long, value_name = "DIR")]
    pub tensorboard: Option<PathBuf>,
    /// A file that gets the whole model of one run, with its base.
    #[arg(long, value_name = "FILE")]
    pub safetensors: Option<PathBuf>,
    /// A file that gets the whole model of one run as ONNX, from pixels to probabilities.
    #[arg(long, value_name = "FILE")]
    pub onnx: Option<PathBuf>,
}

/// Writes one run into a folder, and says where.
type Write = fn(&Content<'_>, &Path) -> Result<PathBuf, ResultsError>;

pub(super) fn export(arguments: &ExportArguments) -> Result<(), Failure> {
    let runs = load::select(&arguments.results.results, &arguments.runs)?;
    if let Some(file) = &arguments.target.safetensors {
        return model(&runs, (file, "safetensors"), arguments.offline);
    }
    if let Some(file) = &arguments.target.onnx {
        return model(&runs, (file, "onnx"), arguments.offline);
    }
    match (&arguments.target.mlflow, &arguments.target.tensorboard) {
        (Some(store), _) => {
            let hint = "MLFLOW_ALLOW_FILE_STORE=true mlflow ui --backend-store-uri";
            many(&runs, store, mlflow::export, hint)
        }
        (_, Some(logs)) => many(&runs, logs, tensorboard::export, "tensorboard --logdir"),
        _ => Err(Failure::usage(
            "where to? give --mlflow DIR, --tensorboard DIR, --safetensors FILE or --onnx FILE",
        )),
    }
}

/// Writes the whole model of the only run.
fn model(runs: &[LoadedRun], (file, format): (&Path, &str), offline: bool) -> Result<(), Failure> {
    let [run] = runs else {
        let count = runs.len();
        return Err(Failure::usage(format!(
            "a file takes the model of one run, and these are {count}: name one of them"
        )));
    };
    if file.extension().is_none_or(|extension| extension != format) {
        return Err(Failure::usage(format!(
            "readers know the format of a model by its name: {} should end in `.{format}`",
            file.display()
        )));
    }
    let source = weights::of_run(run, (offline, &signals::interrupt()?))?;
    let saved = Saved::open(&source, Compute::cpu())?;
    match format {
        "onnx" => onnx::write(&saved.network, &saved.about, file)?,
        _ => saved.write(&source, file)?,
    }
    terminal::out(&format!("{}: {}", run.id, file.display()));
    Ok(())
}

/// Exports every run that can be read; the others are said at the end.
fn many(runs: &[LoadedRun], to: &Path, write: Write, hint: &str) -> Result<(), Failure> {
    let mut failures = Vec::new();
    for run in runs {
        let exported = Content::read(run).and_then(|content| write(&content, to));
        match exported {
            Ok(folder) => terminal::out(&format!("{}: {}", run.id, folder.display())),
            // A full disk will not take the next one either.
            Err(error @ ResultsError::Write { .. }) => return Err(error.into()),
            Err(error) => {
                let line = format!("run {} of {} was left out", run.id, run.experiment);
                failures.push(Failure::from(error).with_line(&line));
            }
        }
    }
    if runs.len() > failures.len() {
        terminal::note(&format!("to look at it: {hint} {}", to.display()));
    }
    match failures.is_empty() {
        true => Ok(()),
        false => Err(Failure::joined(failures)),
    }
}
