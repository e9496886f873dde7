//! `runner predict`: what a run's model says about images.

use std::path::{Path, PathBuf};

use clap::Args;
use runner_data::{DataError, Interrupt};
use runner_experiment::folder;
use runner_experiment::listing::Target as Label;
use runner_experiment::section::dataset::OnBadImage;
use runner_experiment::section::run::Precision;
use runner_experiment::section::task::Task;
use runner_learn::predict::{self, Predicted};
use runner_network::saved::Saved;
use runner_network::weights::Source;
use runner_record::Phase;
use runner_results::scores::{calibration, labels};
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
    let Target { source, run, home, folder, skips, precision, temperature } =
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
    let (mut predicted, bad) = (all.predicted, all.bad);
    let (task, classes) = (model.about.task, &model.about.classes[..]);
    let about = Answers { task, classes, thresholds: labels::thresholds(&home, classes) };
    if let Some(temperature) = temperature {
        for one in &mut predicted {
            one.probabilities = calibration::calibrated(&one.logits, temperature);
        }
    }
    if !all.narrow.is_empty() {
        images::show_narrow(&all.narrow);
    }
    show(&predicted, &about);
    let rows = predicted.into_iter().map(|one| row(one, &about)).collect();
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
    /// Where the tables of the run are.
    home: PathBuf,
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
            home: PathBuf::new(),
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
            home: run.path.clone(),
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

fn show(predicted: &[Predicted], about: &Answers<'_>) {
    let classes = about.classes;
    // Numbers stand in the columns of their names.
    let is_number = about.task == Task::Regression;
    let mut header = if is_number { vec!["file"] } else { vec!["file", "predicted"] };
    header.extend(classes.iter().map(String::as_str));
    let rows = predicted.iter().map(|one| {
        let mut row = vec![one.path.display().to_string()];
        row.extend((!is_number).then(|| said(one, about)));
        row.extend(one.probabilities.iter().map(|probability| format!("{probability:.4}")));
        row
    });
    terminal::out_table(&header, rows.collect());
}

/// What the outputs of a model mean.
struct Answers<'a> {
    task: Task,
    classes: &'a [String],
    /// Above these an image counts as having a label.
    thresholds: Vec<f64>,
}

/// The class, the labels or the numbers, in words.
fn said(one: &Predicted, about: &Answers<'_>) -> String {
    match about.task {
        Task::Classification => about.classes[one.predicted].clone(),
        Task::Multilabel => {
            let has = one.probabilities.iter().zip(&about.thresholds);
            Label::Labels(has.map(|(share, least)| share > least).collect()).text(about.classes)
        }
        Task::Regression => Label::Values(one.probabilities.clone()).text(about.classes),
    }
}

fn row(one: Predicted, about: &Answers<'_>) -> PredictedRow {
    let is_number = about.task == Task::Regression;
    let (values, probabilities) = match is_number {
        true => (one.probabilities.clone(), Vec::new()),
        false => (Vec::new(), one.probabilities.clone()),
    };
    PredictedRow {
        path: one.path.display().to_string(),
        predicted: said(&one, about),
        probability: (!is_number).then(|| one.probabilities[one.predicted]),
        probabilities,
        values,
    }
}
