//! The command line: names and help of every command and option.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use runner_experiment::Override;

/// Declarative experiments with pretrained convnets.
#[derive(Debug, Parser)]
#[command(name = "runner", version, propagate_version = true, disable_help_subcommand = true)]
pub struct Arguments {
    /// More log lines on stderr: -v info, -vv debug, -vvv everything (RUST_LOG overrides it).
    #[arg(short, long, action = clap::ArgAction::Count, global = true)]
    pub verbose: u8,
    /// Results and errors only: no progress, no warnings.
    #[arg(short, long, global = true)]
    pub quiet: bool,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Check experiment files and print their plans; runs nothing.
    Check(CheckArguments),
    /// Run an experiment.
    Run(RunArguments),
    /// Draw what training sees: images before and after augmentation.
    Preview(PreviewArguments),
    /// Ask a run's model about images.
    Predict(PredictArguments),
    /// Draw the visualize jobs of a file, or of a run on its model.
    Visualize(VisualizeArguments),
    /// Draw accuracy and loss of one or several runs.
    Plot(PlotArguments),
    /// List runs, newest first.
    List(ResultsArguments),
    /// Show one run: plan, scores, files.
    Show(ShowArguments),
    /// Compare runs: changed parameters beside scores.
    Compare(CompareArguments),
    /// Fetch, import and list pretrained weights.
    #[command(subcommand)]
    Weights(WeightsCommand),
    /// Fetch, generate and check folders of images.
    #[command(subcommand)]
    Dataset(DatasetCommand),
    /// List and prune cached features.
    #[command(subcommand)]
    Cache(CacheCommand),
    /// Print the JSON Schema of the experiment file, for editors.
    Schema,
}

/// `check`
#[derive(Debug, Args)]
pub struct CheckArguments {
    /// Experiment files, or folders of them.
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Change a key of the plan: `--set stage.head.epochs=2`.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub set: Vec<Override>,
}

/// `run`
#[derive(Debug, Args)]
pub struct RunArguments {
    /// The experiment file.
    pub file: PathBuf,
    /// Change a key of the plan: `--set experiment.seed=7 --set stage.head.epochs=2`.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub set: Vec<Override>,
    /// Where tensors live: auto, cpu, cuda or vulkan.
    #[arg(long, value_name = "DEVICE")]
    pub device: Option<String>,
    /// Go on with a run that was interrupted; `last` is the newest run of this plan, and starts
    /// one where there is none.
    #[arg(long, value_name = "RUN")]
    pub resume: Option<String>,
    /// Fetch nothing: weights that are not here yet are an error.
    #[arg(long)]
    pub offline: bool,
    #[command(flatten)]
    pub results: ResultsArguments,
}

/// `preview`
#[derive(Debug, Args)]
pub struct PreviewArguments {
    /// The experiment file.
    pub file: PathBuf,
    /// Change a key of the plan: `--set augmentation.rotation=90`.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub set: Vec<Override>,
    /// How many images, one per row.
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=64))]
    pub images: u16,
    /// How many epochs, one per column after the image itself.
    #[arg(long, value_name = "N", default_value_t = 7, value_parser = clap::value_parser!(u16).range(1..=64))]
    pub epochs: u16,
    /// The picture.
    #[arg(long, value_name = "FILE", default_value = "preview.png")]
    pub out: PathBuf,
}

/// `predict`
#[derive(Debug, Args)]
pub struct PredictArguments {
    /// A run (its id, the start or end of it, or `last`), or the file of a model.
    pub run: String,
    /// Image files, or folders of them.
    #[arg(required = true, value_name = "IMAGE|FOLDER")]
    pub images: Vec<PathBuf>,
    /// Where tensors live: auto, cpu, cuda or vulkan.
    #[arg(long, value_name = "DEVICE")]
    pub device: Option<String>,
    /// The folder for predicted.parquet. Default: the run's.
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    #[command(flatten)]
    pub results: ResultsArguments,
}

/// `visualize`
#[derive(Debug, Args)]
pub struct VisualizeArguments {
    /// An experiment file, or a run: its id, the start or end of it, or `last`. A file whose stages
    /// were run stands for the newest run of it.
    #[arg(value_name = "FILE|RUN")]
    pub target: String,
    /// Take the jobs from this experiment file in place of the run's own; their pictures go into a
    /// folder of that name in the run's.
    #[arg(long, value_name = "FILE")]
    pub jobs: Option<PathBuf>,
    /// Change a key of the file: `--set model.weights=run:last`.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub set: Vec<Override>,
    /// Where tensors live: auto, cpu, cuda or vulkan.
    #[arg(long, value_name = "DEVICE")]
    pub device: Option<String>,
    /// Fetch nothing: weights that are not here yet are an error.
    #[arg(long)]
    pub offline: bool,
    #[command(flatten)]
    pub results: ResultsArguments,
}

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

/// Where results are.
#[derive(Debug, Args)]
pub struct ResultsArguments {
    /// The folder of results.
    #[arg(long, value_name = "DIR", default_value = "results")]
    pub results: PathBuf,
}

/// `show`
#[derive(Debug, Args)]
pub struct ShowArguments {
    /// A run: its id, the start or end of it, or `last`.
    pub run: String,
    #[command(flatten)]
    pub results: ResultsArguments,
}

/// `compare`
#[derive(Debug, Args)]
pub struct CompareArguments {
    /// Runs or experiments; every run where there is none.
    #[arg(value_name = "RUN|EXPERIMENT")]
    pub names: Vec<String>,
    /// Sort by a column, the best first: losses and durations rise, everything else falls.
    #[arg(long, value_name = "COLUMN")]
    pub sort: Option<String>,
    /// The worst first.
    #[arg(long)]
    pub reverse: bool,
    /// Leave out columns that are the same everywhere.
    #[arg(long)]
    pub only_changed: bool,
    /// One row per plan: mean and standard deviation over its seeds.
    #[arg(long)]
    pub group: bool,
    /// How to print.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub format: Format,
    #[command(flatten)]
    pub results: ResultsArguments,
}

/// How to print a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    Table,
    /// For spreadsheets.
    Csv,
    /// For programs.
    Json,
    /// For documents.
    Markdown,
}

/// `weights`
#[derive(Debug, Subcommand)]
pub enum WeightsCommand {
    /// Download published weights.
    Fetch {
        /// `imagenet` (the conv base) or `imagenet_top` (with the classifier, 528 MB).
        #[arg(default_value = "imagenet")]
        name: String,
    },
    /// Put a file at hand (.h5, .keras, .pth, .ckpt, .safetensors, .onnx) into the cache.
    Import {
        /// The file; `FILE#PART` takes the tensors below PART of a checkpoint that has several sets.
        file: String,
        /// The value that `weights = "NAME"` will have; `imagenet` takes the place of a download.
        #[arg(long = "as", value_name = "NAME")]
        name: String,
    },
    /// List the weights in the cache.
    List,
}

/// `dataset`
#[derive(Debug, Subcommand)]
pub enum DatasetCommand {
    /// Download a public data set and lay it out for the shipped experiments.
    Fetch {
        /// `cats_and_dogs_filtered`.
        name: String,
        /// A copy of the archive at hand, instead of a download.
        #[arg(long, value_name = "FILE")]
        from: Option<PathBuf>,
        /// Where it goes.
        #[arg(long, value_name = "DIR")]
        out: Option<PathBuf>,
    },
    /// Make a small, deterministic data set that needs no download.
    Generate {
        /// `shapes`.
        name: String,
        /// Where it goes.
        #[arg(long, value_name = "DIR")]
        out: Option<PathBuf>,
        /// Where random draws start.
        #[arg(long, default_value_t = 42)]
        seed: u64,
    },
    /// Report counts, sizes, broken files, duplicates and leaks between splits.
    Check {
        /// A folder with train, validation and test in it, or with one folder per class.
        folder: PathBuf,
    },
}

/// `cache`
#[derive(Debug, Subcommand)]
pub enum CacheCommand {
    /// List cached features, most recently used first.
    List,
    /// Remove cached features, least recently used first.
    Prune {
        /// How much may stay, such as 5GiB; 0 removes everything that no run is using.
        #[arg(long, value_name = "SIZE", default_value = "0", value_parser = crate::environment::parse_size)]
        max_size: u64,
    },
}
