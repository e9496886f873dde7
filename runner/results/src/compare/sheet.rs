//! From columns that can be asked for to the rows that are shown.

use super::comparison::Comparison;
use super::names::Names;
use super::options::Options;
use super::order;
use crate::ResultsError;
use crate::tables::Cell;

/// Something with rows and named columns: runs, or groups of them.
pub(super) trait Columns {
    /// What the columns are called.
    fn names(&self) -> &Names;

    /// One value.
    fn cell(&self, row: usize, column: usize) -> Cell;
}

/// The rows in the order that was asked for, and no more than that.
///
/// # Errors
///
/// Those of [`Names::find`].
pub(super) fn sorted(
    sheet: &impl Columns,
    mut rows: Vec<usize>,
    options: &Options,
) -> Result<Vec<usize>, ResultsError> {
    match &options.sort {
        Some(name) => {
            let column = sheet.names().find(name)?;
            let rises = order::rises(sheet.names().full(column)) != options.reverse;
            let mut keyed: Vec<(Cell, usize)> =
                rows.iter().map(|row| (sheet.cell(*row, column), *row)).collect();
            keyed.sort_by(|a, b| order::ordered(&a.0, &b.0, rises));
            rows = keyed.into_iter().map(|(_, row)| row).collect();
        }
        None if options.reverse => rows.reverse(),
        None => {}
    }
    rows.truncate(options.top.unwrap_or(usize::MAX));
    Ok(rows)
}

/// The table of these rows and columns.
pub(super) fn filled(sheet: &impl Columns, rows: &[usize], columns: &[usize]) -> Comparison {
    let cells = |row: &usize| columns.iter().map(|column| sheet.cell(*row, *column)).collect();
    let names = sheet.names();
    Comparison {
        columns: columns.iter().map(|column| names.full(*column).to_owned()).collect(),
        short: columns.iter().map(|column| names.short(*column).to_owned()).collect(),
        dispensable: vec![false; columns.len()],
        rows: rows.iter().map(cells).collect(),
        notes: Vec::new(),
        primary: None,
    }
}

/// Whether a column has more than one value in these rows.
pub(super) fn differs(sheet: &impl Columns, rows: &[usize], column: usize) -> bool {
    let mut cells = rows.iter().map(|row| sheet.cell(*row, column));
    let Some(first) = cells.next() else { return false };
    cells.any(|cell| cell != first)
}
