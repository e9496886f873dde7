//! The page of a sweep: all members in one table, scores against what was swept.
//!
//! Members differ in parameters and seeds; the validation scores say which is the best, so that the
//! test images stay unseen until then.

mod members;
mod strips;
mod suspected;

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::curves::{self, Figure};
use super::engine::{self, FILE};
use super::parameters;
use super::scores::decides;
use super::seeds::{self, Group};
use super::subject::{self, Subject};
use crate::load::LoadedRun;
use crate::{ResultsError, atomic};
pub use members::PlannedMember;
use members::Table;
use strips::Strip;

/// What the template of a sweep is filled with.
#[derive(Serialize)]
struct Page {
    title: String,
    counts: Vec<(String, usize)>,
    members: usize,
    table: Table,
    strips: Vec<Strip>,
    figures: Vec<Figure>,
    /// The member with the highest validation accuracy.
    best: Option<usize>,
    seeds: Vec<Group>,
    failures: Vec<Failure>,
    /// Images whose label is probably wrong, by runs that were not trained on them.
    suspects: Option<suspected::Suspects>,
}

/// A member that failed.
#[derive(Serialize)]
struct Failure {
    name: String,
    reason: String,
}

/// The page of a sweep, as text. Links are relative to `folder`.
///
/// # Errors
///
/// [`ResultsError::Report`] where the template cannot be filled in.
pub fn html(
    folder: &Path,
    title: &str,
    runs: &[LoadedRun],
    planned: &[PlannedMember],
) -> Result<String, ResultsError> {
    let subjects = subject::all(runs);
    let mut swept = parameters::differing(&subjects);
    swept.retain(|key| !key.starts_with("visualize."));
    // What was asked stands in front of what it was repeated with.
    swept.sort_by_key(|key| key == "experiment.seed");
    let page = Page {
        title: title.to_owned(),
        counts: counts(&subjects, planned),
        members: subjects.len() + planned.len(),
        strips: strips::of(&subjects, &swept),
        figures: curves::of_members(&subjects),
        best: best(&subjects),
        seeds: seeds::groups(&subjects),
        failures: failures(&subjects, planned),
        suspects: suspected::of(folder),
        table: members::table(folder, &subjects, &swept, planned),
    };
    engine::render("sweep.html", &page)
}

/// Writes `report.html` into the folder of a sweep, and says where that is.
///
/// # Errors
///
/// [`ResultsError::Report`] or [`ResultsError::Write`].
pub fn write_sweep(
    folder: &Path,
    title: &str,
    members: &[LoadedRun],
    planned: &[PlannedMember],
) -> Result<PathBuf, ResultsError> {
    let file = folder.join(FILE);
    atomic::write(&file, html(folder, title, members, planned)?.as_bytes())?;
    Ok(file)
}

fn best(subjects: &[Subject]) -> Option<usize> {
    let decisive = decides(subjects);
    let scored = subjects.iter().filter_map(|s| Some((s.name.index, decisive.rank(s)?)));
    scored.max_by(|a, b| a.1.total_cmp(&b.1)).map(|(index, _)| index)
}

/// How many members have each status, in the order of their first one.
fn counts(subjects: &[Subject], planned: &[PlannedMember]) -> Vec<(String, usize)> {
    let run = subjects.iter().map(|subject| subject.name.status.as_str());
    let mut counts: Vec<(String, usize)> = Vec::new();
    for status in run.chain(planned.iter().map(|member| member.status.as_str())) {
        match counts.iter_mut().find(|(known, _)| known == status) {
            Some((_, count)) => *count += 1,
            None => counts.push((status.to_owned(), 1)),
        }
    }
    counts
}

fn failures(subjects: &[Subject], planned: &[PlannedMember]) -> Vec<Failure> {
    let of_run = |subject: &Subject| {
        let reason = subject.name.error.clone()?;
        Some(Failure { name: subject.name.label.clone(), reason })
    };
    let of_member = |member: &PlannedMember| {
        Some(Failure { name: member.name.clone(), reason: member.reason.clone()? })
    };
    subjects.iter().filter_map(of_run).chain(planned.iter().filter_map(of_member)).collect()
}
