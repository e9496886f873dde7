//! One page of HTML about runs, or about a sweep: everything in one file, nothing is fetched.
//!
//! Owns which tables and pictures a page takes and how they are laid out. The templates stand in
//! `templates/`; whatever comes from elsewhere is escaped where it is put into them (`engine`).
//! A table or a picture that cannot be read is left out and never ends a page.
//!
//! | module | what of a page |
//! |---|---|
//! | `subject` | runs with what they are called |
//! | `scores`, `intervals`, `seeds` | what came out |
//! | `parameters` | what was declared |
//! | `verdicts` | what is more than chance |
//! | `curves`, `scale`, `axis` | the epochs as SVG |
//! | `confusion`, `mistakes`, `pictures` | the images |
//! | `about` | where everything came from |
//! | `sweep` | the page of a sweep |
//! | `duplicates` | the page of a check of a data set |

mod about;
mod axis;
mod confusion;
mod curves;
mod duplicates;
mod engine;
mod intervals;
mod mistakes;
mod parallel;
mod parameters;
mod pictures;
mod scale;
mod scores;
mod seeds;
mod subject;
pub mod sweep;
mod text;
mod thumbnail;
mod verdicts;

use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::load::LoadedRun;
use crate::{ResultsError, atomic};
use subject::{Name, Subject};

pub use duplicates::{Group, GroupSection, write_duplicates};
pub use engine::FILE;
pub use sweep::{PlannedMember, write_sweep};
pub use verdicts::Verdict;

/// What the template of runs is filled with.
#[derive(Serialize)]
struct Page {
    title: String,
    description: String,
    names: Vec<Name>,
    sections: Vec<Section>,
    scores: scores::Scores,
    intervals: Vec<intervals::Interval>,
    seeds: Vec<seeds::Group>,
    parameters: parameters::Parameters,
    verdicts: Vec<Verdict>,
    figures: Vec<curves::Figure>,
    confusions: Vec<confusion::Confusion>,
    jobs: Vec<pictures::Job>,
    mistakes: Vec<mistakes::Mistakes>,
    plans: Vec<about::Plan>,
    environment: Vec<about::Fact>,
    folders: Vec<about::Folder>,
}

/// A heading that the page can be entered at.
#[derive(Serialize)]
struct Section {
    id: &'static str,
    title: &'static str,
}

/// The page about some runs, as text.
///
/// # Errors
///
/// [`ResultsError::Report`] where the template cannot be filled in. What cannot be read of a run is
/// left out.
pub fn html(runs: &[LoadedRun]) -> Result<String, ResultsError> {
    let subjects = subject::all(runs);
    let mut page = Page {
        title: title(&subjects),
        description: description(&subjects),
        names: subjects.iter().map(|subject| subject.name.clone()).collect(),
        sections: Vec::new(),
        scores: scores::of(&subjects),
        intervals: intervals::of(&subjects),
        seeds: seeds::groups(&subjects),
        parameters: parameters::of(&subjects),
        verdicts: verdicts::of(&subjects),
        figures: curves::of_runs(&subjects),
        confusions: confusion::of(&subjects),
        jobs: pictures::of(&subjects),
        mistakes: mistakes::of(&subjects),
        plans: about::plans(&subjects),
        environment: about::environment(&subjects),
        folders: about::folders(&subjects),
    };
    page.sections = sections(&page);
    engine::render("runs.html", &page)
}

/// Writes the page about some runs to `file`; it appears whole or not at all.
///
/// # Errors
///
/// [`ResultsError::Report`] or [`ResultsError::Write`].
pub fn write(file: &Path, runs: &[LoadedRun]) -> Result<(), ResultsError> {
    atomic::write(file, html(runs)?.as_bytes())
}

/// Writes a run's own page, `report.html` in its folder, and says where that is.
///
/// # Errors
///
/// [`ResultsError::Report`] or [`ResultsError::Write`]; never because of a picture or a table.
pub fn write_run(run: &LoadedRun) -> Result<PathBuf, ResultsError> {
    let file = run.path.join(FILE);
    write(&file, std::slice::from_ref(run))?;
    Ok(file)
}

/// The experiments, each once.
fn title(subjects: &[Subject]) -> String {
    let mut names: Vec<&str> = subjects.iter().map(|s| s.name.experiment.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    match names.len() {
        0 => "No runs".to_owned(),
        1..=3 => names.join(", "),
        more => format!("{} and {} more experiments", names[..2].join(", "), more - 2),
    }
}

/// What the experiment says about itself, where all runs are of one.
fn description(subjects: &[Subject]) -> String {
    let of = |subject: &Subject| subject.parameter("experiment.description").map(str::to_owned);
    let first = subjects.first().and_then(of);
    let shared = subjects.iter().all(|subject| of(subject) == first);
    first.filter(|_| shared).unwrap_or_default()
}

/// Those that have something in them.
fn sections(page: &Page) -> Vec<Section> {
    let parameters = &page.parameters;
    let several = page.names.len() > 1;
    let all = [
        ("scores", "Scores", true),
        ("parameters", "Parameters", several && !parameters.is_empty()),
        ("verdicts", "Verdicts", !page.verdicts.is_empty()),
        ("curves", "Curves", !page.figures.is_empty()),
        ("confusion", "Confusion", !page.confusions.is_empty()),
        ("pictures", "Pictures", !page.jobs.is_empty()),
        ("mistakes", "Mistakes", !page.mistakes.is_empty()),
        ("plan", "Plan", !page.plans.is_empty() || (!several && !parameters.is_empty())),
        ("environment", "Environment", !page.environment.is_empty()),
        ("files", "Files", !page.folders.is_empty()),
    ];
    let shown = all.into_iter().filter(|(_, _, shown)| *shown);
    shown.map(|(id, title, _)| Section { id, title }).collect()
}
