//! A wish to stop, set by a signal handler and looked at between steps.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::error::DataError;

/// Cloned freely; all clones are one flag.
#[derive(Debug, Clone, Default)]
pub struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// Asks everything that looks at this flag to stop at its next step.
    pub fn request(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    /// Whether a stop was asked for.
    #[must_use]
    pub fn is_requested(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }

    /// For use with `?` between steps.
    ///
    /// # Errors
    ///
    /// [`DataError::Interrupted`] once a stop was asked for.
    pub fn check(&self) -> Result<(), DataError> {
        match self.is_requested() {
            true => Err(DataError::Interrupted),
            false => Ok(()),
        }
    }
}
