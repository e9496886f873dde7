//! Kernels before the first batch: passes over made-up images make them ready while the real ones are
//! still being read. What such a pass computes is for whoever runs it; here it is watched.
//!
//! CubeCL compiles on the thread of a device, one kernel after the other, and holds that thread
//! meanwhile: passes on several threads gain nothing over one. What was compiled by an earlier process
//! of the same build comes from CubeCL's cache.

#[cfg(feature = "gpu")]
use std::collections::BTreeSet;
#[cfg(feature = "gpu")]
use std::sync::Mutex;

use burn::tensor::StreamId;
#[cfg(feature = "gpu")]
use burn_cubecl::cubecl::launched::LaunchedKernels;

use crate::device::Compute;
use crate::error::NetworkError;

/// Passes over made-up images.
#[derive(Debug, Default)]
pub struct Warming {
    #[cfg(feature = "gpu")]
    launched: BTreeSet<String>,
}

impl Warming {
    /// Before the first of them.
    ///
    /// # Errors
    ///
    /// [`NetworkError::Unsound`] for a device that computes wrong results: no batch would do better.
    pub fn start(compute: &Compute) -> Result<Self, NetworkError> {
        #[cfg(feature = "gpu")]
        {
            count_kept();
            crate::gpu::require_sound(compute)?;
        }
        let _ = compute;
        Ok(Self::default())
    }

    /// Watches one of them, which is over when it has read what it computed.
    ///
    /// # Errors
    ///
    /// Those of `run`.
    pub fn pass<T, E>(&mut self, run: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
        #[cfg(feature = "gpu")]
        {
            let launched = LaunchedKernels::new();
            let done = run();
            self.launched.extend(launched.finish().into_iter().map(|kernel| format!("{kernel:?}")));
            done
        }
        #[cfg(not(feature = "gpu"))]
        run()
    }

    /// The different kernels that were launched until now, on any thread of the process; none in a
    /// build without GPUs.
    #[must_use]
    pub fn launched(&self) -> usize {
        #[cfg(feature = "gpu")]
        {
            self.launched.len()
        }
        #[cfg(not(feature = "gpu"))]
        0
    }

    /// Names of those kernels, which mean something to this process alone.
    #[cfg(feature = "gpu")]
    #[must_use]
    pub fn names(&self) -> &BTreeSet<String> {
        &self.launched
    }
}

/// Kernels that were kept when [`newly_kept`] was last asked.
#[cfg(feature = "gpu")]
static KEPT: Mutex<Option<u64>> = Mutex::new(None);

/// From now on, what is compiled is new.
#[cfg(feature = "gpu")]
fn count_kept() {
    let mut kept = KEPT.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    kept.get_or_insert_with(crate::device::kernels::kept);
}

/// How many kernels were compiled and kept by this process since this was last asked, or since the
/// first [`Warming`]; kernels that an earlier process had compiled are none of them.
#[must_use]
pub fn newly_kept() -> usize {
    #[cfg(feature = "gpu")]
    {
        let mut kept = KEPT.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let now = crate::device::kernels::kept();
        let before = kept.replace(now).unwrap_or(now);
        usize::try_from(now.saturating_sub(before)).unwrap_or(usize::MAX)
    }
    #[cfg(not(feature = "gpu"))]
    0
}

/// A queue of work of a device. Each thread has its own, with memory of its own, unless it takes over
/// that of another.
#[derive(Debug, Clone, Copy)]
pub struct Queue(StreamId);

impl Queue {
    /// That of this thread.
    #[must_use]
    pub fn current() -> Self {
        Self(StreamId::current())
    }

    /// Does `work` in this queue, whatever the thread.
    pub fn run<T>(self, work: impl FnOnce() -> T) -> T {
        self.0.executes(work)
    }
}
