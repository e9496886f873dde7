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
        /// Not compiled in, or nothing answered.
        reason: String,
        /// What is there.
        available: Vec<String>,
    },
}
