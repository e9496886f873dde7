//! Tables read back: whole, or only some columns.

use std::io::Cursor;
use std::path::Path;

use polars::prelude::{DataFrame, PolarsResult};
use polars_io::SerReader;
use polars_io::prelude::{ParallelStrategy, ParquetReader};

use super::cell::{self, Record};
use crate::ResultsError;

/// Reads a table back, row by row.
///
/// # Errors
///
/// [`ResultsError::Read`] or [`ResultsError::Table`].
pub fn read(path: &Path) -> Result<Vec<Record>, ResultsError> {
    records(path, None)
}

/// Reads some columns of a table, in its own order; those that it lacks are left out.
///
/// # Errors
///
/// As [`read`].
pub fn read_columns(path: &Path, names: &[&str]) -> Result<Vec<Record>, ResultsError> {
    records(path, Some(names))
}

fn records(path: &Path, names: Option<&[&str]>) -> Result<Vec<Record>, ResultsError> {
    let failed = |source| ResultsError::Read { path: path.to_path_buf(), source };
    // Reading from a pipe would wait for ever.
    if !std::fs::metadata(path).map_err(failed)?.is_file() {
        return Err(failed(std::io::Error::other("it is not a file")));
    }
    let bytes = std::fs::read(path).map_err(failed)?;
    let damaged = |source| ResultsError::Table { path: path.to_path_buf(), source };
    // Polars panics on some damaged files; that must not end the process.
    let records =
        std::panic::catch_unwind(|| frame(bytes, names).map(|frame| cell::records(&frame)));
    match records {
        Ok(read) => read.map_err(|error| damaged(error.into())),
        Err(_) => Err(damaged("it is damaged".into())),
    }
}

/// On one thread: the tables are small, and many of them are read beside each other.
fn frame(bytes: Vec<u8>, names: Option<&[&str]>) -> PolarsResult<DataFrame> {
    let mut reader = ParquetReader::new(Cursor::new(bytes)).read_parallel(ParallelStrategy::None);
    if let Some(names) = names {
        let schema = reader.schema()?;
        let wanted = schema.iter_names().enumerate();
        let wanted = wanted.filter(|(_, name)| names.contains(&name.as_str()));
        let indices = wanted.map(|(index, _)| index).collect();
        reader = reader.with_projection(Some(indices));
    }
    reader.finish()
}

/// Whether a file is a table that has this column.
pub(crate) fn has_column(path: &Path, name: &str) -> bool {
    let Ok(bytes) = std::fs::read(path) else { return false };
    let names = std::panic::catch_unwind(|| {
        let schema = ParquetReader::new(Cursor::new(bytes)).schema().ok()?;
        Some(schema.iter_names().any(|column| column.as_str() == name))
    });
    names.ok().flatten().unwrap_or(false)
}
