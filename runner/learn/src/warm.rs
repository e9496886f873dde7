//! On a GPU, kernels made ready before the first batch, where that can be seen to happen.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use runner_network::Compute;
use runner_network::warm::{Warming, newly_kept};
use runner_record::Event;

use crate::error::LearnError;

/// What this process has got ready.
static READY: Mutex<BTreeSet<u64>> = Mutex::new(BTreeSet::new());

fn ready() -> MutexGuard<'static, BTreeSet<u64>> {
    READY.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Does `work`, unless it was done for the same thing on the same device: another split, or another
/// member of a sweep. `of` is everything that decides which kernels are launched.
pub(crate) fn once(
    compute: &Compute,
    of: &dyn Debug,
    work: impl FnOnce() -> Result<(), LearnError>,
) -> Result<(), LearnError> {
    let mut hasher = DefaultHasher::new();
    let device = (compute.name(), compute.precision, compute.autotune);
    format!("{device:?} {of:?}").hash(&mut hasher);
    let key = hasher.finish();
    if ready().contains(&key) {
        return Ok(());
    }
    work()?;
    ready().insert(key);
    Ok(())
}

/// Passes over made-up images, and who hears of them.
pub(crate) struct Passes<'a> {
    of: String,
    done: usize,
    total: usize,
    warming: Warming,
    started: Instant,
    observe: &'a mut dyn FnMut(Event),
}

impl<'a> Passes<'a> {
    /// Before the first of `total`; `of` says what is got ready.
    pub(crate) fn start(
        of: &str,
        total: usize,
        compute: &Compute,
        observe: &'a mut dyn FnMut(Event),
    ) -> Result<Self, LearnError> {
        let (of, started) = (of.to_owned(), Instant::now());
        let warming = Warming::start(compute)?;
        let passes = Self { of, done: 0, total, warming, started, observe };
        Ok(passes.told())
    }

    /// One of them.
    pub(crate) fn pass<T>(
        &mut self,
        run: impl FnOnce() -> Result<T, LearnError>,
    ) -> Result<T, LearnError> {
        let out = self.warming.pass(run)?;
        self.done = (self.done + 1).min(self.total);
        self.tell();
        Ok(out)
    }

    /// Those that are left need not be.
    pub(crate) fn finish(&mut self) {
        if self.done < self.total {
            self.done = self.total;
            self.tell();
        }
    }

    /// What the passes launched.
    #[cfg(all(test, feature = "gpu"))]
    pub(crate) fn names(&self) -> BTreeSet<String> {
        self.warming.names().clone()
    }

    fn told(mut self) -> Self {
        self.tell();
        self
    }

    fn tell(&mut self) {
        let compiled = if self.done == self.total { newly_kept() } else { 0 };
        (self.observe)(Event::Kernels {
            of: self.of.clone(),
            passes: [self.done, self.total],
            launched: self.warming.launched(),
            compiled,
            seconds: self.started.elapsed().as_secs_f64(),
        });
    }
}
