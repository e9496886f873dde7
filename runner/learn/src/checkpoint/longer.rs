//! More epochs for a run than it was planned for: whether its checkpoint allows that, and a copy of it
//! for the longer run.
//!
//! What the longer run comes to is what it would have come to from the start: nothing that happened
//! until the checkpoint depends on the number of epochs.

use std::path::Path;

use runner_experiment::plan::Stage;
use runner_record::Reason;

use super::file::{newest, write};
use super::state::{Entry, State};
use crate::error::LearnError;

/// Why a run cannot go on for more epochs.
#[derive(Debug, thiserror::Error)]
pub enum NotLonger {
    /// Fewer epochs were asked for.
    #[error("stage `{stage}` had {planned} epochs, and epochs can only be added")]
    Fewer {
        /// The stage.
        stage: String,
        /// Its epochs in the run.
        planned: usize,
    },
    /// A later stage has begun.
    #[error("stage `{stage}` is over, and stage `{next}` started from its end")]
    Over {
        /// The stage that was to be longer.
        stage: String,
        /// The one after it.
        next: String,
    },
    /// The epochs so far were made for another number of epochs.
    #[error(
        "the schedule `{schedule}` of stage `{stage}` depends on the number of epochs, so that the \
         first ones of a longer run are others"
    )]
    Schedule {
        /// The stage.
        stage: String,
        /// Its schedule.
        schedule: &'static str,
    },
    /// More epochs change nothing.
    #[error("early stopping ended stage `{stage}` after epoch {epoch}, and it would do so again")]
    Stopped {
        /// The stage.
        stage: String,
        /// Its last epoch.
        epoch: usize,
    },
    /// No more epoch fits in.
    #[error("the time limit (`max_minutes`) ended stage `{stage}` after epoch {epoch}")]
    Minutes {
        /// The stage.
        stage: String,
        /// Its last epoch.
        epoch: usize,
    },
    /// There is nothing to go on from.
    #[error("it has no checkpoint")]
    NoCheckpoint,
    /// The checkpoint is of another version of this program.
    #[error(transparent)]
    Unreadable(#[from] LearnError),
}

/// Whether the run whose checkpoints are in `folder` can go on with these stages, of which it had
/// `planned` so many epochs each. `is_finished` says whether it came to its end.
///
/// # Errors
///
/// [`NotLonger`].
pub fn check(
    folder: &Path,
    (stages, planned): (&[Stage], &[usize]),
    is_finished: bool,
) -> Result<(), NotLonger> {
    let found = newest(folder, |_| Ok(()))?.map(|found| found.state);
    if found.is_none() && !is_finished {
        return Err(NotLonger::NoCheckpoint);
    }
    let at = found.as_ref().map_or(stages.len().saturating_sub(1), |state| state.stage);
    for (index, (stage, planned)) in stages.iter().zip(planned).enumerate() {
        let (name, next) = (stage.name.clone(), stages.get(index + 1));
        match next.filter(|_| index < at) {
            _ if stage.epochs == *planned => {}
            _ if stage.epochs < *planned => {
                return Err(NotLonger::Fewer { stage: name, planned: *planned });
            }
            Some(next) => return Err(NotLonger::Over { stage: name, next: next.name.clone() }),
            None if index == at => under_way(stage, found.as_ref())?,
            None => {}
        }
    }
    found.map(|_| ()).ok_or(NotLonger::NoCheckpoint)
}

/// Whether the stage that the run is in can be made longer.
fn under_way(stage: &Stage, state: Option<&State>) -> Result<(), NotLonger> {
    let name = || stage.name.clone();
    if let Some(schedule) = stage.schedule.filter(|schedule| schedule.counts_epochs()) {
        return Err(NotLonger::Schedule { stage: name(), schedule: schedule.name() });
    }
    let Some(state) = state else { return Ok(()) };
    let epoch = state.position.epochs;
    let mut rule = stage.early_stopping.iter().zip(state.early_stopping);
    if rule.any(|(rule, memory)| memory.ran_out(*rule)) {
        return Err(NotLonger::Stopped { stage: name(), epoch });
    }
    let limit = stage.max_minutes.filter(|limit| state.position.seconds >= 60.0 * limit);
    match state.over && (limit.is_some() || state.reason == Reason::Minutes) {
        true => Err(NotLonger::Minutes { stage: name(), epoch }),
        false => Ok(()),
    }
}

/// Copies the newest checkpoint in `from` into the folder `to` of a run with these stages, where there
/// is one.
///
/// # Errors
///
/// [`LearnError::OtherFormat`] and [`LearnError::Network`].
pub fn copy(
    from: &Path,
    to: &Path,
    (fingerprint, stages): (&str, &[Stage]),
) -> Result<(), LearnError> {
    let Some(mut found) = newest(from, |_| Ok(()))? else { return Ok(()) };
    fingerprint.clone_into(&mut found.state.fingerprint);
    for entry in &mut found.state.history {
        let stage = stages.iter().find(|stage| stage.name == entry.stage());
        if let (Entry::Epoch(record), Some(stage)) = (entry, stage) {
            record.epochs = stage.epochs;
        }
    }
    write(&found.state, &found.tensors(), to, 1)
}
