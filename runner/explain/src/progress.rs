//! How far a job is.

use runner_record::{Event, Phase};

/// How far a job is.
pub(crate) struct Progress {
    phase: Phase,
    done: usize,
    total: usize,
}

impl Progress {
    /// Nothing done yet.
    pub(crate) fn new(number: usize, job: &str, total: usize) -> Self {
        Self { phase: Phase::Job(format!("{number} {job}")), done: 0, total }
    }

    /// Says that more is done.
    pub(crate) fn add(&mut self, count: usize, observe: &mut dyn FnMut(Event)) {
        self.done += count;
        let Self { phase, done, total } = self;
        observe(Event::Progress { phase: phase.clone(), done: *done, total: *total });
    }
}
