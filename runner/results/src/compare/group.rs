//! Runs that differ in their seed or fold alone, as one row.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::names::Names;
use super::options::DATA;
use super::order;
use super::params::{FOLD, SEED};
use super::score::{DEVIATION, HIGH, LOW};
use super::sheet::Columns;
use super::table::Table;
use crate::load::UNREADABLE;
use crate::statistics::Summary;
use crate::tables::{Cell, integer};

/// Runs of one plan on the same images and weights.
#[derive(Debug, Default)]
struct Group {
    /// Any of its runs.
    first: usize,
    /// The newest finished run of every seed and fold.
    finished: Vec<usize>,
    /// How many runs ended otherwise, or not yet, by status.
    others: BTreeMap<String, usize>,
}

/// What a column of groups is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source {
    Runs,
    NotFinished,
    /// A column of the runs that is the same in the whole group.
    Shared(usize),
    /// A score of the runs.
    Mean(usize),
    Deviation(usize),
    Low(usize),
    High(usize),
}

/// Groups, one per row.
#[derive(Debug)]
pub(super) struct Groups<'a> {
    table: &'a Table<'a>,
    groups: Vec<Group>,
    names: Names,
    sources: Vec<Source>,
    repeats: usize,
    unreadable: usize,
    /// Whether one plan is in several groups.
    is_split: bool,
}

type Plan = Vec<(usize, usize)>;

impl<'a> Groups<'a> {
    pub(super) fn of(table: &'a Table<'a>, rows: &[usize]) -> Self {
        let (names, sources) = columns(table).into_iter().unzip();
        let names = Names::of(names);
        let mut all = Self {
            table,
            groups: Vec::new(),
            names,
            sources,
            repeats: 0,
            unreadable: 0,
            is_split: false,
        };
        all.collect(rows);
        all
    }

    fn collect(&mut self, rows: &[usize]) {
        let table = self.table;
        let (finished, others): (Vec<usize>, Vec<usize>) =
            rows.iter().partition(|row| table.status(**row) == "finished");
        let by_plan = self.collect_finished(&finished);
        self.collect_others(&others, by_plan);
        self.groups.sort_by_key(|group| group.first);
    }

    /// By plan, images and weights; of each seed and fold the newest. Where the last group of a plan is.
    fn collect_finished(&mut self, rows: &[usize]) -> HashMap<Plan, usize> {
        let table = self.table;
        let mut by_data: HashMap<(Plan, [String; 2]), usize> = HashMap::new();
        let mut by_plan: HashMap<Plan, usize> = HashMap::new();
        let mut seeds: HashMap<(usize, [String; 2]), usize> = HashMap::new();
        for row in rows {
            let Some(plan) = table.params.without_seed(*row) else { continue };
            let data = DATA.map(|name| table.named(*row, name).to_string());
            let next = self.groups.len();
            let index = *by_data.entry((plan.clone(), data)).or_insert(next);
            if index == next {
                self.groups.push(Group { first: *row, ..Group::default() });
                self.is_split |= by_plan.insert(plan, index).is_some();
            }
            let runs = &mut self.groups[index].finished;
            let seed = [SEED, FOLD].map(|key| table.named(*row, key).to_string());
            let place = *seeds.entry((index, seed)).or_insert(runs.len());
            match runs.get_mut(place) {
                None => runs.push(*row),
                Some(known) => {
                    self.repeats += 1;
                    if table.runs[*row].id > table.runs[*known].id {
                        *known = *row;
                    }
                }
            }
        }
        by_plan
    }

    /// By plan: a run that ended early may not have seen its images.
    fn collect_others(&mut self, rows: &[usize], mut by_plan: HashMap<Plan, usize>) {
        let table = self.table;
        for row in rows {
            let plan = table.params.without_seed(*row);
            let Some(plan) = plan.filter(|_| table.status(*row) != UNREADABLE) else {
                self.unreadable += 1;
                continue;
            };
            let next = self.groups.len();
            let index = *by_plan.entry(plan).or_insert(next);
            if index == next {
                self.groups.push(Group { first: *row, ..Group::default() });
            }
            let group = &mut self.groups[index];
            group.first = group.first.min(*row);
            *group.others.entry(table.status(*row).to_owned()).or_default() += 1;
        }
    }

    pub(super) fn table(&self) -> &Table<'a> {
        self.table
    }

    pub(super) fn len(&self) -> usize {
        self.groups.len()
    }

    /// A run of each of these groups.
    pub(super) fn first_runs(&self, rows: &[usize]) -> Vec<usize> {
        rows.iter().map(|row| self.groups[*row].first).collect()
    }

    /// The columns of the parameters, in the order of their keys.
    pub(super) fn param_columns(&self) -> Vec<usize> {
        let shared = |column: usize| {
            self.sources.iter().position(|source| *source == Source::Shared(column))
        };
        self.table.param_columns().into_iter().filter_map(shared).collect()
    }

    pub(super) fn has_unfinished(&self, rows: &[usize]) -> bool {
        rows.iter().any(|row| !self.groups[*row].others.is_empty())
    }

    pub(super) fn is_split_by_data(&self) -> bool {
        self.is_split
    }

    /// The same columns, each once; behind the mean of a score its deviation and the bounds of the
    /// mean.
    pub(super) fn with_spread(&self, columns: &[usize]) -> Vec<usize> {
        let spread = |column: &usize| match self.sources[*column] {
            // They were declared in that order.
            Source::Mean(_) => *column..*column + 4,
            _ => *column..*column + 1,
        };
        let mut known = HashSet::new();
        columns.iter().flat_map(spread).filter(|column| known.insert(*column)).collect()
    }

    /// What is not in the rows.
    pub(super) fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        match self.repeats {
            0 => {}
            1 => notes.push(
                "1 finished run has the plan and seed of a newer one and is not counted".to_owned(),
            ),
            many => notes.push(format!(
                "{many} finished runs have the plan and seed of a newer one and are not counted"
            )),
        }
        match self.unreadable {
            0 => {}
            1 => notes.push("1 run cannot be read and is in no group".to_owned()),
            many => notes.push(format!("{many} runs cannot be read and are in no group")),
        }
        if self.is_split {
            notes.push(
                "runs of one plan that saw other images or weights are groups of their own"
                    .to_owned(),
            );
        }
        notes
    }

    /// The seeds of one fold share its images: its mean is one number for the mean and its interval.
    fn summary(&self, row: usize, column: usize) -> Summary {
        let mut all = Vec::new();
        let mut units: BTreeMap<String, Vec<f64>> = BTreeMap::new();
        for run in &self.groups[row].finished {
            let Some(value) = self.table.cell(*run, column).as_f64() else { continue };
            let fold = self.table.named(*run, FOLD);
            let unit = match fold {
                Cell::Null => self.table.named(*run, SEED).to_string(),
                fold => fold.to_string(),
            };
            all.push(value);
            units.entry(unit).or_default().push(value);
        }
        let means: Vec<f64> =
            units.values().map(|values| values.iter().sum::<f64>() / values.len() as f64).collect();
        Summary { deviation: Summary::of(&all).deviation, ..Summary::of(&means) }
    }

    fn not_finished(&self, row: usize) -> Cell {
        let others = self.groups[row].others.iter();
        let texts: Vec<String> =
            others.map(|(status, count)| format!("{count} {status}")).collect();
        if texts.is_empty() { Cell::Null } else { Cell::Text(texts.join(", ")) }
    }
}

fn columns(table: &Table<'_>) -> Vec<(String, Source)> {
    let full = |column: usize| table.names().full(column).to_owned();
    let shared =
        |name: &str| table.column(name).map(|column| (full(column), Source::Shared(column)));
    let mut columns: Vec<(String, Source)> = shared("experiment").into_iter().collect();
    columns.push(("runs".to_owned(), Source::Runs));
    columns.push(("not_finished".to_owned(), Source::NotFinished));
    columns.extend(DATA.into_iter().filter_map(shared));
    let params = table.param_columns().into_iter();
    columns.extend(params.map(|column| (full(column), Source::Shared(column))));
    for score in order::scores() {
        let Some(column) = table.column(score) else { continue };
        let spread = [
            ("", Source::Mean(column)),
            (DEVIATION, Source::Deviation(column)),
            (LOW, Source::Low(column)),
            (HIGH, Source::High(column)),
        ];
        columns.extend(spread.map(|(end, source)| (format!("{score}{end}"), source)));
    }
    columns
}

impl Columns for Groups<'_> {
    fn names(&self) -> &Names {
        &self.names
    }

    fn cell(&self, row: usize, column: usize) -> Cell {
        let number = |number: Option<f64>| number.map_or(Cell::Null, Cell::Float);
        let group = &self.groups[row];
        match self.sources[column] {
            Source::Runs => Cell::Integer(integer(group.finished.len())),
            Source::NotFinished => self.not_finished(row),
            Source::Shared(column) => {
                self.table.cell(*group.finished.first().unwrap_or(&group.first), column)
            }
            Source::Mean(column) => number(self.summary(row, column).mean),
            Source::Deviation(column) => number(self.summary(row, column).deviation),
            Source::Low(column) => number(self.summary(row, column).interval.map(|ends| ends.0)),
            Source::High(column) => number(self.summary(row, column).interval.map(|ends| ends.1)),
        }
    }
}
