//! Options that several commands share.

use std::path::PathBuf;

use clap::Args;

/// Where results are.
#[derive(Debug, Args)]
pub struct ResultsArguments {
    /// The folder of results.
    #[arg(long, value_name = "DIR", default_value = "results")]
    pub results: PathBuf,
}
