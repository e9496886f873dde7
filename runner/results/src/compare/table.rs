//! Everything that is known about the runs, by column.

use rayon::prelude::*;

use super::names::Names;
use super::options::names_of_run;
use super::params::{Params, SEED};
use super::score::{OF_LAST_EPOCH, SCORES};
use super::sheet::Columns;
use crate::load::{LoadedRun, UNREADABLE};
use crate::tables::{Cell, Record, cell};

/// Where the values of a column come from.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Source {
    Id,
    Experiment,
    Status,
    Tags,
    Note,
    Param(usize),
    LastEpoch,
    Run,
}

/// The columns in front of parameters and scores.
const FRONT: [(&str, Source); 5] = [
    ("run_id", Source::Id),
    ("experiment", Source::Experiment),
    ("status", Source::Status),
    ("tags", Source::Tags),
    ("note", Source::Note),
];

/// Runs, one per row.
#[derive(Debug)]
pub(super) struct Table<'a> {
    pub(super) runs: &'a [LoadedRun],
    pub(super) params: Params,
    /// The last row of each run's epochs.
    last: Vec<Record>,
    sources: Vec<Source>,
    names: Names,
}

impl<'a> Table<'a> {
    pub(super) fn of(runs: &'a [LoadedRun]) -> Self {
        let params = Params::of(runs);
        let last = runs.par_iter().map(LoadedRun::last_validation).collect();
        let mut columns: Vec<(String, Source)> =
            FRONT.into_iter().map(|(name, source)| (name.to_owned(), source)).collect();
        let keys = params.keys.iter().cloned().enumerate();
        columns.extend(keys.map(|(index, key)| (key, Source::Param(index))));
        for score in SCORES {
            let is_last = OF_LAST_EPOCH.contains(&score);
            let source = if is_last { Source::LastEpoch } else { Source::Run };
            columns.push((score.to_owned(), source));
        }
        for name in names_of_run() {
            // The seed is that of the plan.
            let is_seed = name == "seed" && params.keys.iter().any(|key| key == SEED);
            if !is_seed && !columns.iter().any(|(known, _)| *known == name) {
                columns.push((name, Source::Run));
            }
        }
        let (names, sources): (Vec<String>, Vec<Source>) = columns.into_iter().unzip();
        Self { runs, params, last, sources, names: Names::of(names) }
    }

    /// The columns of the parameters, in the order of their keys.
    pub(super) fn param_columns(&self) -> Vec<usize> {
        let is_param = |column: &usize| matches!(self.sources[*column], Source::Param(_));
        (0..self.sources.len()).filter(is_param).collect()
    }

    /// The column of a name that is always there.
    pub(super) fn column(&self, name: &str) -> Option<usize> {
        self.names.find(name).ok()
    }

    /// A value by the name of its column.
    pub(super) fn named(&self, row: usize, name: &str) -> Cell {
        self.column(name).map_or(Cell::Null, |column| self.cell(row, column))
    }

    /// What became of a run.
    pub(super) fn status(&self, row: usize) -> &str {
        if self.params.is_known(row) { self.runs[row].status() } else { UNREADABLE }
    }
}

impl Columns for Table<'_> {
    fn names(&self) -> &Names {
        &self.names
    }

    fn cell(&self, row: usize, column: usize) -> Cell {
        let run = &self.runs[row];
        let name = self.names.full(column);
        let text = |text: &str| Cell::Text(text.to_owned());
        match &self.sources[column] {
            Source::Id => text(&run.id),
            Source::Experiment => text(&run.experiment),
            Source::Status => text(self.status(row)),
            Source::Tags => {
                let tags = run.labels.with_tags_of_plan(&self.params.tags[row]);
                Cell::List(tags.into_iter().map(Cell::Text).collect())
            }
            Source::Note => run.labels.note.clone().map_or(Cell::Null, Cell::Text),
            Source::Param(key) => self.params.value(row, *key).map_or(Cell::Null, text),
            Source::LastEpoch => cell::get(&self.last[row], name).clone(),
            Source::Run => run.get(name).clone(),
        }
    }
}
