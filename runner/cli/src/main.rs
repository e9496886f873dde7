//! The binary `runner`: arguments in, results to stdout, everything else to stderr, an exit code.
//!
//! The only crate that prints and exits. It connects the events of a run to the
//! run writer of `runner-results` and to the progress bars.

mod arguments;
mod before;
mod command;
mod connect;
mod device;
mod diagnostics;
mod division;
mod environment;
mod estimate;
mod failure;
mod fetch;
mod images;
mod logging;
mod out_of_memory;
mod progress;
mod signals;
mod terminal;
mod text;

use std::process::ExitCode;

use clap::{ArgAction, Parser};
use runner_network::allocator::{MiMalloc, keep_memory};
use runner_network::device::{Limit, kernels};

use command::Command;
use failure::Failure;

/// Declarative experiments with pretrained convnets.
#[derive(Debug, Parser)]
#[command(name = "runner", version, propagate_version = true, disable_help_subcommand = true)]
pub struct Arguments {
    /// More log lines on stderr: -v info, -vv debug, -vvv everything (RUST_LOG overrides it).
    #[arg(short, long, action = ArgAction::Count, global = true)]
    pub verbose: u8,
    /// Results and errors only: no progress, no warnings.
    #[arg(short, long, global = true)]
    pub quiet: bool,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    keep_memory();
    runner_experiment::sheet::register(runner_results::sheet::read);
    let arguments = Arguments::parse();
    terminal::configure(arguments.quiet);
    logging::start(arguments.verbose, arguments.quiet);
    failure::catch_panics();
    kernels::keep_in(environment::cache().join("kernels"));
    let outcome = failure::guarded(|| {
        Limit::of_environment().map_err(|error| Failure::usage(error.to_string()))?;
        command::dispatch(arguments.command)
    });
    let outcome = outcome.and_then(|()| match terminal::lost_output() {
        None => Ok(()),
        Some(reason) => {
            Err(Failure::internal(format!("cannot write to standard output: {reason}")))
        }
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            terminal::raw(&failure.shown());
            ExitCode::from(failure.code)
        }
    }
}
