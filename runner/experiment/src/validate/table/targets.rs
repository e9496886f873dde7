//! From the cells of a row to its class, its labels or its numbers.

use std::collections::BTreeSet;

use crate::listing::Target;
use crate::section::dataset::DatasetSection;
use crate::section::task::Task;
use crate::sheet::{self, Cell, Sheet};
use crate::suggest::closest;
use crate::value::Plain;

use super::columns::Found;
use super::problems::{Kind, Problems};

/// Words for a label that an image has, and for one that it has not.
const YES: [&str; 5] = ["1", "true", "yes", "y", "t"];
const NO: [&str; 5] = ["0", "false", "no", "n", "f"];

/// What the cells of a row say, before names become indices.
#[derive(Debug, Clone)]
pub(super) enum Said {
    Names(Vec<String>),
    Flags(Vec<bool>),
    Values(Vec<f64>),
}

/// How the cells of a table are read.
pub(super) struct Reading<'a> {
    task: Task,
    columns: &'a Found,
    separator: String,
}

impl<'a> Reading<'a> {
    pub(super) fn new(section: &DatasetSection, columns: &'a Found) -> Self {
        let separator = section.plain().separator;
        Self { task: section.task(), columns, separator }
    }

    /// What a row says; `None` where that is noted as a problem.
    pub(super) fn row(&self, sheet: &Sheet, row: usize, problems: &mut Problems) -> Option<Said> {
        let cells = &sheet.rows[row];
        let labels = &self.columns.labels;
        match self.task {
            Task::Regression => {
                let values = labels.iter().map(|(place, name)| {
                    let number = number(&cells[*place]);
                    if number.is_none() {
                        let what = format!("`{name}` is {}", shown(&cells[*place]));
                        problems.add(Kind::NoNumber, row, what);
                    }
                    number
                });
                values.collect::<Vec<_>>().into_iter().collect::<Option<_>>().map(Said::Values)
            }
            Task::Multilabel if labels.len() > 1 => {
                let flags = labels.iter().map(|(place, name)| {
                    let flag = flag(&cells[*place]);
                    if flag.is_none() {
                        let what = format!("`{name}` is {}", shown(&cells[*place]));
                        problems.add(Kind::NoFlag, row, what);
                    }
                    flag
                });
                flags.collect::<Vec<_>>().into_iter().collect::<Option<_>>().map(Said::Flags)
            }
            Task::Multilabel => Some(Said::Names(self.names(&cells[labels[0].0]))),
            Task::Classification => match &cells[labels[0].0] {
                Cell::Text(name) if !name.trim().is_empty() => {
                    Some(Said::Names(vec![name.trim().to_owned()]))
                }
                _ => {
                    problems.add(Kind::NoLabel, row, "");
                    None
                }
            },
        }
    }

    /// Several names in one cell; none is an image without labels.
    fn names(&self, cell: &Cell) -> Vec<String> {
        let parts: Vec<&str> = match cell {
            Cell::Empty => Vec::new(),
            Cell::Text(text) if self.separator.is_empty() => vec![text],
            Cell::Text(text) => text.split(&self.separator).collect(),
            Cell::List(names) => names.iter().map(String::as_str).collect(),
        };
        let names = parts.into_iter().map(str::trim).filter(|name| !name.is_empty());
        names.map(str::to_owned).collect()
    }

    /// The names of the classes, labels or numbers: those of the experiment, else those of the columns,
    /// else those that the rows say, sorted.
    pub(super) fn classes(&self, section: &DatasetSection, rows: &[Said]) -> Vec<String> {
        if let Some(classes) = &section.classes {
            return classes.value.clone();
        }
        if self.task == Task::Regression || self.columns.labels.len() > 1 {
            return self.columns.labels.iter().map(|(_, name)| name.clone()).collect();
        }
        let names = rows.iter().flat_map(|said| match said {
            Said::Names(names) => names.as_slice(),
            Said::Flags(_) | Said::Values(_) => &[],
        });
        names.cloned().collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// The target of a row; `None` where it has a label that is none of `classes`.
    pub(super) fn target(
        &self,
        (row, said): (usize, Said),
        classes: &[String],
        problems: &mut Problems,
    ) -> Option<Target> {
        let names = match said {
            Said::Flags(flags) => return Some(Target::Labels(flags)),
            Said::Values(values) => return Some(Target::Values(values)),
            Said::Names(names) => names,
        };
        let mut indices = Vec::new();
        for name in &names {
            match classes.iter().position(|class| class == name) {
                Some(index) => indices.push(index),
                None => {
                    let meant = closest(name, classes.iter().map(String::as_str));
                    let meant =
                        meant.map_or(String::new(), |close| format!("; did you mean `{close}`?"));
                    problems.add(Kind::UnknownLabel, row, format!("`{name}`{meant}"));
                }
            }
        }
        match (self.task, indices.len() == names.len()) {
            (_, false) => None,
            (Task::Multilabel, true) => Some(Target::Labels(
                (0..classes.len()).map(|label| indices.contains(&label)).collect(),
            )),
            (_, true) => indices.first().map(|class| Target::Class(*class)),
        }
    }
}

/// A finite number.
pub(super) fn number(cell: &Cell) -> Option<f64> {
    match cell {
        Cell::Text(text) => sheet::number(text),
        _ => None,
    }
}

fn flag(cell: &Cell) -> Option<bool> {
    let Cell::Text(text) = cell else { return None };
    let word = text.trim().to_lowercase();
    if YES.contains(&word.as_str()) {
        return Some(true);
    }
    if NO.contains(&word.as_str()) {
        return Some(false);
    }
    number(cell).filter(|number| *number == 0.0 || *number == 1.0).map(|number| number == 1.0)
}

pub(super) fn shown(cell: &Cell) -> String {
    match cell {
        Cell::Empty => "empty".to_owned(),
        Cell::Text(text) => format!("`{text}`"),
        Cell::List(_) => "a list".to_owned(),
    }
}
