//! The error of another library.

/// What another library said.
pub type Cause = Box<dyn std::error::Error + Send + Sync>;
