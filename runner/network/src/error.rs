//! What can go wrong with a network.

use std::path::PathBuf;

pub use crate::cause::Cause;
use crate::device::memory::{OutOfMemory, out_of_memory};
use crate::device::{DeviceError, libdevice};
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
    /// The memory of the device is full.
    #[error("the memory of the device is full{}", asked_for(*.0))]
    OutOfMemory(OutOfMemory),
    /// A device lost its tensors.
    #[error("the device failed: {0}")]
    Compute(#[source] Cause),
    /// A device computes wrong results.
    #[error(
        "the driver of {0} computes wrong results, as a small product shows; use another device \
         (`--device cpu`) or a newer driver"
    )]
    Unsound(String),
    /// A fault of this program.
    #[error("this is a fault of the program, please report it: {0}")]
    Bug(String),
}

impl NetworkError {
    /// What a device said when tensors could not be computed or read.
    #[must_use]
    pub fn of_device(message: String) -> Self {
        if libdevice::is_missing_in(&message) {
            return DeviceError::Libdevice.into();
        }
        match out_of_memory(&message) {
            Some(full) => Self::OutOfMemory(full),
            None => Self::Compute(message.into()),
        }
    }
}

fn asked_for(full: OutOfMemory) -> String {
    full.bytes.map_or(String::new(), |bytes| format!(": {bytes} bytes more were asked for"))
}
