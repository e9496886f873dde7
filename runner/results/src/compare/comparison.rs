//! A table of runs or groups, ready to be printed, and the same as Parquet.

use polars::prelude::{Column as PolarsColumn, DataFrame};

use crate::ResultsError;
use crate::tables::{self, Cell, ColumnValue, Timestamp};

/// A table of runs.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Comparison {
    /// Full names of the columns.
    pub columns: Vec<String>,
    /// The same as short as they are still unambiguous.
    pub short: Vec<String>,
    /// Which columns a table for people can do without: scores that are the same everywhere.
    pub dispensable: Vec<bool>,
    /// One row per run, or per group of runs.
    pub rows: Vec<Vec<Cell>>,
    /// What a reader should know: runs that were left out, and why.
    pub notes: Vec<String>,
    /// The score that the rows are sorted by, or else the main one.
    pub primary: Option<String>,
}

impl Comparison {
    /// The table as a Parquet file. Numbers stay numbers where a column has nothing else.
    ///
    /// # Errors
    ///
    /// [`ResultsError::Table`].
    pub fn to_parquet(&self) -> Result<Vec<u8>, ResultsError> {
        let columns = self.columns.iter().enumerate().map(|(index, name)| {
            let cells: Vec<&Cell> = self.rows.iter().filter_map(|row| row.get(index)).collect();
            column(name, &cells)
        });
        let frame = DataFrame::new(self.rows.len(), columns.collect());
        frame.and_then(tables::encode).map_err(|error| ResultsError::Table {
            path: "comparison.parquet".into(),
            source: error.into(),
        })
    }
}

fn column(name: &str, cells: &[&Cell]) -> PolarsColumn {
    let all = |fits: fn(&Cell) -> bool| {
        let mut values = cells.iter().filter(|cell| ***cell != Cell::Null).peekable();
        values.peek().is_some() && values.all(|cell| fits(cell))
    };
    if all(|cell| matches!(cell, Cell::Integer(_))) {
        return typed(name, cells, |cell| match cell {
            Cell::Integer(number) => Some(*number),
            _ => None,
        });
    }
    if all(|cell| cell.as_f64().is_some()) {
        return typed(name, cells, Cell::as_f64);
    }
    if all(|cell| matches!(cell, Cell::Bool(_))) {
        return typed(name, cells, |cell| match cell {
            Cell::Bool(flag) => Some(*flag),
            _ => None,
        });
    }
    if all(|cell| matches!(cell, Cell::Time(_))) {
        return typed(name, cells, |cell| match cell {
            Cell::Time(moment) => Some(Timestamp(*moment)),
            _ => None,
        });
    }
    if all(|cell| matches!(cell, Cell::List(_))) {
        let list = |cell: &&Cell| match cell {
            Cell::List(items) => items.iter().map(ToString::to_string).collect(),
            _ => Vec::new(),
        };
        return Vec::<String>::column(name, cells.iter().map(list).collect());
    }
    typed(name, cells, |cell| (*cell != Cell::Null).then(|| cell.to_string()))
}

fn typed<T>(name: &str, cells: &[&Cell], value: impl Fn(&Cell) -> Option<T>) -> PolarsColumn
where
    Option<T>: ColumnValue,
{
    Option::<T>::column(name, cells.iter().map(|cell| value(cell)).collect())
}
