//! Why a job, or the run that it belongs to, did not come to its end.

use runner_data::DataError;
use runner_learn::{Category, LearnError};
use runner_network::NetworkError;

/// Why a job failed.
#[derive(Debug, thiserror::Error)]
pub enum ExplainError {
    /// The run itself did.
    #[error(transparent)]
    Learn(LearnError),
    /// It asks for what the network does not have.
    #[error("{0}")]
    Job(String),
}

impl From<LearnError> for ExplainError {
    fn from(error: LearnError) -> Self {
        Self::Learn(error)
    }
}

impl From<DataError> for ExplainError {
    fn from(error: DataError) -> Self {
        Self::Learn(error.into())
    }
}

impl From<NetworkError> for ExplainError {
    fn from(error: NetworkError) -> Self {
        Self::Learn(error.into())
    }
}

impl ExplainError {
    /// What this error means for the command line.
    #[must_use]
    pub fn category(&self) -> Category {
        match self {
            Self::Learn(error) => error.category(),
            Self::Job(_) => Category::Experiment,
        }
    }
}
