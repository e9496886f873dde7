//! `runner dataset`: fetch, generate, check.

mod check;

use std::path::{Path, PathBuf};

use clap::Subcommand;
use runner_data::generate;

use crate::failure::Failure;
use crate::fetch::dataset::fetch;
use crate::fetch::shapes;
use crate::{signals, terminal};
use check::CheckArguments;

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
    /// Report counts, sizes, broken files, duplicates and pictures that look alike.
    Check(CheckArguments),
}

pub(super) fn dataset(command: DatasetCommand) -> Result<(), Failure> {
    match command {
        DatasetCommand::Fetch { name, from, out } => {
            let interrupt = signals::interrupt()?;
            let place = fetch(&name, from.as_deref(), out.as_deref(), &interrupt)?;
            terminal::out(&format!("{name}: laid out in {}", place.display()));
            Ok(())
        }
        DatasetCommand::Generate { name, out, seed } => {
            generate_shapes(&name, out.as_deref(), seed)
        }
        DatasetCommand::Check(arguments) => check::check(&arguments),
    }
}

fn generate_shapes(name: &str, out: Option<&Path>, seed: u64) -> Result<(), Failure> {
    if name != "shapes" {
        let message = format!("there is no generator `{name}`; there is shapes");
        return Err(Failure::usage(message));
    }
    let out = out.unwrap_or(Path::new(shapes::PLACE));
    if out.exists() {
        return Err(Failure::usage(format!(
            "{} is there already; remove it first, or say --out",
            out.display()
        )));
    }
    let count = shapes::draw(out, seed)?;
    terminal::out(&format!(
        "{count} pictures of {} in {}",
        generate::CLASSES.join(", "),
        out.display()
    ));
    Ok(())
}
