//! One file per subcommand: its arguments, its help, what it does.

mod cache;
mod check;
mod compare;
mod dataset;
mod devices;
mod diff;
mod export;
mod frozen;
mod init;
mod label;
mod list;
mod longer;
mod plot;
mod predict;
mod preview;
mod remove;
mod report;
mod rerun;
mod resume;
mod run;
mod show;
mod submit;
mod sweep;
mod visualize;
mod watch;
mod weights;

use clap::Subcommand;

use crate::failure::Failure;
use crate::terminal;

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Write an experiment to begin with: one that comes with the program, or one for your photos.
    Init(init::InitArguments),
    /// Check experiment files and print their plans; runs nothing.
    Check(check::CheckArguments),
    /// Run an experiment.
    Run(run::arguments::RunArguments),
    /// Run the plan of a run again, to the same bits.
    Rerun(rerun::RerunArguments),
    /// Submit an experiment, or every member of a sweep, to other machines.
    Submit(submit::SubmitArguments),
    /// Run one member of what was submitted.
    #[command(hide = true)]
    Task(submit::TaskArguments),
    /// Draw what training sees: images before and after augmentation.
    Preview(preview::PreviewArguments),
    /// Ask a run's model about images.
    Predict(predict::PredictArguments),
    /// Draw the visualize jobs of a file, or of a run on its model.
    Visualize(visualize::VisualizeArguments),
    /// Draw accuracy and loss of one or several runs.
    Plot(plot::PlotArguments),
    /// List runs, newest first.
    List(list::ListArguments),
    /// Watch running runs live, with their curves.
    Watch(watch::WatchArguments),
    /// Show one run: plan, scores, files.
    Show(show::ShowArguments),
    /// Compare runs: changed parameters beside scores.
    Compare(compare::CompareArguments),
    /// Say what differs between two runs or groups of seeds, and whether one is better.
    Diff(diff::DiffArguments),
    /// Bring runs into MLflow or TensorBoard, or the whole model of one into a file.
    Export(export::ExportArguments),
    /// Write one page of HTML about runs: scores, curves, pictures, mistakes.
    Report(report::ReportArguments),
    /// Tag a run, or print its tags.
    Tag(label::TagArguments),
    /// Write a note about a run, or print it.
    Note(label::NoteArguments),
    /// Remove runs.
    Rm(remove::RmArguments),
    /// Remove runs by status, age or score.
    Prune(remove::PruneArguments),
    /// Fetch, import and list pretrained weights.
    #[command(subcommand)]
    Weights(weights::WeightsCommand),
    /// Fetch, generate and check folders of images.
    #[command(subcommand)]
    Dataset(dataset::DatasetCommand),
    /// List and prune cached features.
    #[command(subcommand)]
    Cache(cache::CacheCommand),
    /// List what can compute here: GPUs, the CPU, and what is missing for more.
    Devices(devices::DevicesArguments),
    /// Print the JSON Schema of the experiment file, for editors.
    Schema,
}

/// Does what the command line asks for.
///
/// # Errors
///
/// What went wrong, in words, with the exit code.
pub fn dispatch(command: Command) -> Result<(), Failure> {
    match command {
        Command::Init(arguments) => init::init(&arguments),
        Command::Check(arguments) => check::check(&arguments),
        Command::Run(arguments) => run::run(&arguments),
        Command::Rerun(arguments) => rerun::rerun(&arguments),
        Command::Submit(arguments) => submit::submit(&arguments),
        Command::Task(arguments) => submit::run_task(&arguments),
        Command::Visualize(arguments) => visualize::visualize(&arguments),
        Command::Plot(arguments) => plot::plot(&arguments),
        Command::Predict(arguments) => predict::predict(&arguments),
        Command::Preview(arguments) => preview::preview(&arguments),
        Command::List(arguments) => list::list(&arguments),
        Command::Watch(arguments) => watch::watch(&arguments),
        Command::Show(arguments) => show::show(&arguments),
        Command::Compare(arguments) => compare::compare(&arguments),
        Command::Diff(arguments) => diff::diff(&arguments),
        Command::Export(arguments) => export::export(&arguments),
        Command::Report(arguments) => report::report(&arguments),
        Command::Tag(arguments) => label::tag(&arguments),
        Command::Note(arguments) => label::note(&arguments),
        Command::Rm(arguments) => remove::rm(&arguments),
        Command::Prune(arguments) => remove::prune(&arguments),
        Command::Weights(command) => weights::weights(command),
        Command::Dataset(command) => dataset::dataset(command),
        Command::Cache(command) => cache::cache(&command),
        Command::Devices(arguments) => devices::devices(&arguments),
        Command::Schema => {
            terminal::out(&runner_experiment::schema::json());
            Ok(())
        }
    }
}
