//! `runner predict`: what a run's model says about images.

use std::path::{Path, PathBuf};

use clap::Args;
use runner_data::{DataError, Interrupt};
use runner_experiment::folder;
use runner_experiment::section::dataset::OnBadImage;
use runner_experiment::section::run::Precision;
use runner_learn::predict::{self, Predicted};
use runner_network::saved::Saved;
use runner_network::weights::Source;
use runner_record::Phase;
use runner_results::scores::calibration;
use runner_results::tables::PredictedRow;
use runner_results::{load, tables};

use crate::arguments::ResultsArguments;
use crate::failure::Failure;
use crate::fetch::weights;
use crate::progress::Counters;
use crate::{device, images, signals, terminal};

/// `predict`
#[derive(Debug, Args)]
pub struct PredictArguments {
    /// A run (its id, the start or end of it, or `last`), or the file of a model.
    pub run: String,
    /// Image files, or folders of them.
    #[arg(required = true, value_name = "IMAGE|FOLDER")]
    pub images: Vec<PathBuf>,
    /// Which device computes: auto, cpu, cuda, cuda:1, vulkan, vulkan:1.
    #[arg(long, value_name = "DEVICE")]
    pub device: Option<String>,
    /// Divide the logits by the run's temperature, which was fitted to its validation images, so that
    /// probabilities are as often right as they say.
    #[arg(long)]
    pub calibrated: bool,
    /// The folder for predicted.parquet. Default: the run's.
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    #[command(flatten)]
    pub results: ResultsArguments,
}

pub(super) fn predict(arguments: &PredictArguments) -> Result<(), Failure> {
    let interrupt = signals::interrupt()?;
    let Target { source, run, folder, skips, precision, temperature } =
        target(arguments, &interrupt)?;
    let temperature = match (arguments.calibrated, temperature) {
        (true, None) => return Err(Failure::usage(NO_TEMPERATURE)),
        (asked, temperature) => temperature.filter(|_| asked),
    };
    let files = files(&arguments.images)?;
    let compute = device::of_run(arguments.device.as_deref(), precision)?;
    let model = Saved::open(&source, compute)?;
    let mut counters = Counters::default();
    let all = predict::predict(&model, &files, &interrupt, &mut |done| {
        counters.set(&Phase::Predict, done, files.len());
    })?;
    counters.clear();
    let (mut predicted, bad, classes) = (all.predicted, all.bad, &model.about.classes);
    if let Some(temperature) = temperature {
        for one in &mut predicted {
            one.probabilities = calibration::calibrated(&one.logits, temperature);
        }
    }
    if !all.narrow.is_empty() {
        images::show_narrow(&all.narrow);
    }
    show(&predicted, classes);
    let rows = predicted.into_iter().map(|one| row(one, classes)).collect();
    tables::write::<PredictedRow>(&folder, &run, rows)?;
    terminal::note(&format!("written to {}", folder.join("predicted.parquet").display()));
    match bad.is_empty() {
        true => Ok(()),
        false if skips && bad.len() < files.len() => {
            images::show_skipped(&bad);
            Ok(())
        }
        false => Err(DataError::BadImages(bad).into()),
    }
}

/// What `--calibrated` needs.
const NO_TEMPERATURE: &str = "there is no temperature to calibrate with: a run has one where some of its \
     validation images are predicted wrong; `runner show RUN` shows it, and the file of a model has none";

/// Whose model is asked.
struct Target {
    /// The model.
    source: Source,
    /// The id of its run.
    run: String,
    /// Where the table goes.
    folder: PathBuf,
    /// Whether the run leaves out images that cannot be used.
    skips: bool,
    /// What the run was told to compute in.
    precision: Option<Precision>,
    /// What its logits are divided by to calibrate them.
    temperature: Option<f64>,
}

fn target(arguments: &PredictArguments, interrupt: &Interrupt) -> Result<Target, Failure> {
    let given = Path::new(&arguments.run);
    let mut target = if given.is_file() {
        let run = given.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        Target {
            source: weights::with_base(given.to_path_buf().into(), (false, interrupt))?,
            run,
            folder: PathBuf::from("."),
            skips: false,
            precision: None,
            temperature: None,
        }
    } else {
        let run = load::find(&arguments.results.results, &arguments.run)?;
        let skip = ("dataset.on_bad_image".to_owned(), OnBadImage::Skip.to_string());
        let params = run.params().unwrap_or_default();
        let skips = params.contains(&skip);
        let temperature = run.get("temperature").as_f64();
        Target {
            source: weights::of_run(&run, (false, interrupt))?,
            run: run.id,
            folder: run.path,
            skips,
            precision: precision(&params),
            temperature,
        }
    };
    if let Some(folder) = &arguments.out {
        target.folder.clone_from(folder);
    }
    std::fs::create_dir_all(&target.folder)?;
    Ok(target)
}

/// `run.precision` of a plan, where it is given.
fn precision(params: &[(String, String)]) -> Option<Precision> {
    let (_, given) = params.iter().find(|(key, _)| key == "run.precision")?;
    Precision::ALL.iter().copied().find(|precision| precision.as_str() == given)
}

fn files(given: &[PathBuf]) -> Result<Vec<PathBuf>, Failure> {
    let mut files = Vec::new();
    for path in given {
        if path.is_dir() {
            let found = folder::files(path).map_err(|error| Failure::usage(error.to_string()))?;
            files.extend(found);
        } else if path.exists() || path.is_symlink() {
            files.push(path.clone());
        } else {
            let message = format!("there is no file or folder {}", path.display());
            return Err(Failure::usage(message));
        }
    }
    match files.is_empty() {
        true => Err(Failure::usage("there is no image in these folders".to_owned())),
        false => Ok(files),
    }
}

fn show(predicted: &[Predicted], classes: &[String]) {
    let mut header = vec!["file", "predicted"];
    header.extend(classes.iter().map(String::as_str));
    let rows = predicted.iter().map(|one| {
        let mut row = vec![one.path.display().to_string(), classes[one.predicted].clone()];
        row.extend(one.probabilities.iter().map(|probability| format!("{probability:.4}")));
        row
    });
    terminal::out_table(&header, rows.collect());
}

fn row(one: Predicted, classes: &[String]) -> PredictedRow {
    PredictedRow {
        path: one.path.display().to_string(),
        predicted: classes[one.predicted].clone(),
        probability: one.probabilities[one.predicted],
        probabilities: one.probabilities,
    }
}
