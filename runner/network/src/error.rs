//! What can go wrong with a network.

use std::path::PathBuf;

pub use crate::cause::Cause;
use crate::device::DeviceError;
use crate::weights::error::WeightsError;

/// Why a network cannot be made, run or written.
#[derive(Debug, thiserror::Error)]
pub enum NetworkError {
    /// The device that was asked for is not there.
    #[error(transparent)]
    Device(#[from] DeviceError),
    /// Pretrained weights cannot be used.
    #[error(transparent)]
    Weights(#[from] WeightsError),
    /// A file could not be written.
    #[error("cannot write {path}: {source}")]
    Write {
        /// The file.
        path: PathBuf,
        /// What the operating system or the format's library said.
        source: Cause,
    },
    /// A device lost its tensors.
    #[error("the device failed: {0}")]
    Compute(#[source] Cause),
    /// A fault of this program.
    #[error("this is a fault of the program, please report it: {0}")]
    Bug(String),
}
