//! Why a device cannot be had.

/// The asked-for device is not there, or cannot compute as asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DeviceError {
    /// The device is not there.
    #[error(
        "the device `{asked}` is not available: {reason}; available here: {}",
        available.join(", ")
    )]
    Unavailable {
        /// What the experiment or the command line asked for.
        asked: String,
        /// Not compiled in, nothing answered, or no such number.
        reason: String,
        /// What is there.
        available: Vec<String>,
    },
    /// The device does not compute in that precision.
    #[error("`run.precision = \"{asked}\"` does not work on {device}: {reason}; {remedy}")]
    Precision {
        /// The precision.
        asked: String,
        /// The device with what it is.
        device: String,
        /// What has it.
        reason: String,
        /// What to write instead.
        remedy: String,
    },
    /// Kernels cannot be tuned.
    #[error("`run.autotune = true` does not work here: {reason}")]
    Autotune {
        /// What is missing, and what to do.
        reason: String,
    },
}
