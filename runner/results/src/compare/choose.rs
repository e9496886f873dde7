//! Which columns are shown: those that differ, and the scores.

use super::comparison::Comparison;
use super::group::Groups;
use super::options::Options;
use super::order::score_of;
use super::params::{FOLD, SEED};
use super::score::{OF_TASKS, PRIMARY, SCORES};
use super::sheet::{self, Columns};
use super::table::Table;
use crate::ResultsError;
use crate::tables::Cell;

/// One row per run.
///
/// # Errors
///
/// For a column to sort by or to show that is not there.
pub(super) fn of_runs(
    table: &Table<'_>,
    rows: &[usize],
    options: &Options,
) -> Result<Comparison, ResultsError> {
    let rows = sheet::sorted(table, rows.to_vec(), options)?;
    let columns = match options.columns.is_empty() {
        true => columns_of_runs(table, &rows, options),
        false => asked(table, &["run_id"], &options.columns)?,
    };
    let comparison = sheet::filled(table, &rows, &columns);
    Ok(finished(comparison, options))
}

/// One row per group.
///
/// # Errors
///
/// As [`of_runs`].
pub(super) fn in_groups(
    table: &Table<'_>,
    rows: &[usize],
    options: &Options,
) -> Result<Comparison, ResultsError> {
    let groups = Groups::of(table, rows);
    let rows = sheet::sorted(&groups, (0..groups.len()).collect(), options)?;
    let columns = match options.columns.is_empty() {
        true => columns_of_groups(&groups, &rows, options),
        false => groups.with_spread(&asked(&groups, &["experiment", "runs"], &options.columns)?),
    };
    let comparison = sheet::filled(&groups, &rows, &columns);
    Ok(Comparison { notes: groups.notes(), ..finished(comparison, options) })
}

/// The columns that were asked for, each once.
fn asked(
    sheet: &impl Columns,
    front: &[&str],
    names: &[String],
) -> Result<Vec<usize>, ResultsError> {
    let mut columns = Vec::new();
    for name in front.iter().copied().chain(names.iter().map(String::as_str)) {
        let column = sheet.names().find(name)?;
        if !columns.contains(&column) {
            columns.push(column);
        }
    }
    Ok(columns)
}

fn columns_of_runs(table: &Table<'_>, rows: &[usize], options: &Options) -> Vec<usize> {
    let all = options.all;
    let differs =
        |name: &str| table.column(name).is_some_and(|column| sheet::differs(table, rows, column));
    let any = |fits: &dyn Fn(usize) -> bool| rows.iter().any(|row| fits(*row));
    let mut names = vec!["run_id"];
    let fronts = [
        ("experiment", rows.len() == 1 || differs("experiment")),
        ("status", rows.len() == 1 || any(&|row| table.status(row) != "finished")),
        ("tags", differs("tags")),
        ("note", any(&|row| table.runs[row].labels.note.is_some())),
    ];
    names.extend(fronts.into_iter().filter(|(_, shown)| all || *shown).map(|(name, _)| name));
    let mut columns: Vec<usize> = names.iter().filter_map(|name| table.column(name)).collect();
    let differing = table.params.differ(rows);
    let params = table.param_columns().into_iter().zip(differing);
    columns.extend(params.filter(|(_, differs)| all || *differs).map(|(column, _)| column));
    let always = SCORES.iter().filter_map(|score| table.column(score));
    let of_tasks = OF_TASKS.iter().filter_map(|score| table.column(score));
    columns.extend(always.chain(of_tasks.filter(|column| has_value(table, rows, *column))));
    columns
}

/// Whether a column has a value in any of these rows.
fn has_value(sheet: &impl Columns, rows: &[usize], column: usize) -> bool {
    rows.iter().any(|row| sheet.cell(*row, column) != Cell::Null)
}

fn columns_of_groups(groups: &Groups<'_>, rows: &[usize], options: &Options) -> Vec<usize> {
    let column = |name: &str| groups.names().find(name).ok();
    let mut columns: Vec<usize> = ["experiment", "runs"].into_iter().filter_map(column).collect();
    let optional = ["not_finished", "dataset_hash", "weights_sha256"];
    let differs = |column: &usize| sheet::differs(groups, rows, *column);
    let shown = |name: &&str| match *name {
        "not_finished" => groups.has_unfinished(rows),
        _ => groups.is_split_by_data(),
    };
    let optional = optional.into_iter().filter(shown).filter_map(column);
    columns.extend(optional.filter(|column| {
        options.all || { groups.names().full(*column) == "not_finished" || differs(column) }
    }));
    let (table_columns, first) = (groups.param_columns(), groups.first_runs(rows));
    let differing = groups.table().params.differ(&first);
    let params = table_columns.into_iter().zip(differing).filter(|(column, differs)| {
        ![SEED, FOLD].contains(&groups.names().full(*column)) && (options.all || *differs)
    });
    columns.extend(params.map(|(column, _)| column));
    let of_tasks = OF_TASKS.iter().filter_map(|score| column(score));
    let of_tasks = of_tasks.filter(|column| has_value(groups, rows, *column));
    let scores: Vec<usize> =
        SCORES.iter().filter_map(|score| column(score)).chain(of_tasks).collect();
    columns.extend(groups.with_spread(&scores));
    columns
}

/// Names the main score, and what a reader can do without.
fn finished(mut comparison: Comparison, options: &Options) -> Comparison {
    let Comparison { columns, rows, .. } = &comparison;
    let values = |index: usize| rows.iter().filter_map(move |row| row.get(index));
    let has_value = |score: &&&str| {
        let index = columns.iter().position(|name| name == **score);
        index.is_some_and(|index| values(index).any(|cell| *cell != Cell::Null))
    };
    let sorted = options.sort.as_deref().and_then(score_of);
    let main = PRIMARY.iter().find(has_value).copied();
    let primary = sorted.or(main).map(str::to_owned);
    let exactly = options.all || !options.columns.is_empty();
    let dispensable = |(index, name): (usize, &String)| {
        let is_needed = primary.as_deref() == score_of(name) || main == score_of(name);
        let is_same = values(index).skip(1).all(|cell| Some(cell) == values(index).next());
        let is_empty = values(index).all(|cell| *cell == Cell::Null);
        let optional = score_of(name).is_some() || (options.group && name == "experiment");
        optional && !exactly && !is_needed && (is_empty || (rows.len() > 1 && is_same))
    };
    comparison.dispensable = columns.iter().enumerate().map(dispensable).collect();
    comparison.primary = primary;
    comparison
}
