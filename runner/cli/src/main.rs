//! The binary `runner`: arguments in, results to stdout, everything else to stderr, an exit code.
//!
//! The only crate that prints and exits. It connects the event stream of `runner-learn` to the
//! run writer of `runner-results` and to the progress bars.

mod arguments;
mod command;
mod connect;
mod diagnostics;
mod draw;
mod environment;
mod estimate;
mod failure;
mod fetch;
mod logging;
mod progress;
mod terminal;

use std::process::ExitCode;

use clap::Parser;
use runner_learn::allocator::{MiMalloc, keep_memory};

use arguments::Arguments;
use failure::Failure;

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    keep_memory();
    let arguments = Arguments::parse();
    terminal::configure(arguments.quiet);
    logging::start(arguments.verbose, arguments.quiet);
    failure::catch_panics();
    match failure::guarded(|| command::dispatch(arguments.command)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure { code, message }) => {
            terminal::error(&message);
            ExitCode::from(code)
        }
    }
}
