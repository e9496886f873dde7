//! One file per subcommand.

mod cache;
mod check;
mod compare;
mod dataset;
mod list;
mod plot;
mod predict;
mod preview;
mod resume;
mod run;
mod show;
mod visualize;
mod weights;

use crate::arguments::Command;
use crate::failure::Failure;
use crate::terminal;

/// Does what the command line asks for.
///
/// # Errors
///
/// What went wrong, in words, with the exit code.
pub fn dispatch(command: Command) -> Result<(), Failure> {
    match command {
        Command::Check(arguments) => check::check(&arguments),
        Command::Run(arguments) => run::run(&arguments),
        Command::Visualize(arguments) => visualize::visualize(&arguments),
        Command::Plot(arguments) => plot::plot(&arguments),
        Command::Predict(arguments) => predict::predict(&arguments),
        Command::Preview(arguments) => preview::preview(&arguments),
        Command::List(arguments) => list::list(&arguments),
        Command::Show(arguments) => show::show(&arguments),
        Command::Compare(arguments) => compare::compare(&arguments),
        Command::Weights(command) => weights::weights(command),
        Command::Dataset(command) => dataset::dataset(command),
        Command::Cache(command) => cache::cache(&command),
        Command::Schema => {
            terminal::out(&runner_experiment::schema::json());
            Ok(())
        }
    }
}
