//! A wish to stop, set by a signal handler and looked at between steps.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::error::DataError;

/// Cloned freely; all clones are one flag.
#[derive(Debug, Clone, Default)]
pub struct Interrupt {
    flag: Arc<AtomicBool>,
    /// A wish to stop that is one to stop here too.
    above: Option<Arc<Interrupt>>,
}

impl Interrupt {
    /// A flag for a part of what this one stops: asking the part to stop asks nothing of the rest.
    #[must_use]
    pub fn below(&self) -> Self {
        Self { flag: Arc::default(), above: Some(Arc::new(self.clone())) }
    }

    /// Asks everything that looks at this flag to stop at its next step.
    pub fn request(&self) {
        self.flag.store(true, Ordering::SeqCst);
    }

    /// Whether a stop was asked for.
    #[must_use]
    pub fn is_requested(&self) -> bool {
        self.flag.load(Ordering::SeqCst)
            || self.above.as_ref().is_some_and(|above| above.is_requested())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_stops_its_parts_and_not_the_other_way_round() {
        let whole = Interrupt::default();
        let (a, b) = (whole.below(), whole.below());
        a.clone().request();
        assert!(a.is_requested() && !b.is_requested() && !whole.is_requested());
        whole.request();
        assert!(b.is_requested());
    }
}
