//! One table per file: its columns are declared once, with type, unit and meaning.

pub mod cell;
mod column;
mod definitions;

use std::io::Cursor;
use std::path::Path;

use polars::prelude::{Column as PolarsColumn, CompatLevel, DataFrame, SchemaExt};
use polars_io::SerReader;
use polars_io::parquet::write::KeyValueMetadata;
use polars_io::prelude::{ParquetReader, ParquetWriter};
use polars_parquet::write::schema_to_metadata_key;

pub use cell::{Cell, Record};
pub use column::{ColumnValue, Timestamp, integer};
pub use definitions::*;

use crate::{ResultsError, atomic};

/// A row of one of the tables.
pub trait Row: Sized {
    /// The name of the file.
    const FILE: &'static str;

    /// The rows as columns.
    fn columns(rows: Vec<Self>) -> Vec<PolarsColumn>;
}

/// Declares a table of rows that are made here: their struct, and its fields as columns.
macro_rules! table {
    ($(#[$meta:meta])* pub struct $name:ident => $file:literal {
        $($(#[$field_meta:meta])* $field:ident: $type:ty,)*
    }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq)]
        pub struct $name {
            $($(#[$field_meta])* pub $field: $type,)*
        }

        $crate::tables::columns!($name => $file { $($field: $type,)* });
    };
}

/// Declares which fields of a row are columns, in their order.
macro_rules! columns {
    ($name:ty => $file:literal { $($field:ident: $type:ty,)* }) => {
        impl $crate::tables::Row for $name {
            const FILE: &'static str = $file;

            fn columns(rows: Vec<Self>) -> Vec<polars::prelude::Column> {
                $(let mut $field = Vec::with_capacity(rows.len());)*
                for row in rows {
                    $($field.push(row.$field);)*
                }
                vec![$(<$type as $crate::tables::ColumnValue>::column(stringify!($field), $field),)*]
            }
        }
    };
}

pub(crate) use {columns, table};

/// Writes rows as one Parquet file with `run_id` in front; it appears whole or not at all.
///
/// # Errors
///
/// [`ResultsError::Table`] or [`ResultsError::Write`].
pub fn write<R: Row>(folder: &Path, run_id: &str, rows: Vec<R>) -> Result<(), ResultsError> {
    write_with("run_id", folder, run_id, rows)
}

/// [`write`] with another name for the column in front: whose rows these are.
///
/// # Errors
///
/// As [`write`].
pub fn write_with<R: Row>(
    owner: &str,
    folder: &Path,
    id: &str,
    rows: Vec<R>,
) -> Result<(), ResultsError> {
    let path = folder.join(R::FILE);
    let failed = |error: polars::error::PolarsError| ResultsError::Table {
        path: path.clone(),
        source: error.into(),
    };
    let height = rows.len();
    let ids = vec![id.to_owned(); height];
    let mut columns = vec![<String as ColumnValue>::column(owner, ids)];
    columns.extend(R::columns(rows));
    let mut frame = DataFrame::new(height, columns).map_err(failed)?;
    let mut bytes = Vec::new();
    ParquetWriter::new(&mut bytes)
        .with_key_value_metadata(Some(plain_types(&frame)))
        .finish(&mut frame)
        .map_err(failed)?;
    atomic::write(&path, &bytes)
}

/// The Arrow schema in the file's metadata, in types that every reader knows: with Polars's own
/// (string views), pandas refuses lists of strings.
fn plain_types(frame: &DataFrame) -> KeyValueMetadata {
    let schema = frame.schema().to_arrow(CompatLevel::oldest());
    let entry = schema_to_metadata_key(&schema);
    KeyValueMetadata::from_static(vec![(entry.key, entry.value.unwrap_or_default())])
}

/// Reads a table back, row by row.
///
/// # Errors
///
/// [`ResultsError::Read`] or [`ResultsError::Table`].
pub fn read(path: &Path) -> Result<Vec<Record>, ResultsError> {
    let failed = |source| ResultsError::Read { path: path.to_path_buf(), source };
    // Reading from a pipe would wait for ever.
    if !std::fs::metadata(path).map_err(failed)?.is_file() {
        return Err(failed(std::io::Error::other("it is not a file")));
    }
    let bytes = std::fs::read(path).map_err(failed)?;
    let damaged = |source| ResultsError::Table { path: path.to_path_buf(), source };
    // Polars panics on some damaged files; that must not end the process.
    let records = std::panic::catch_unwind(|| {
        let frame = ParquetReader::new(Cursor::new(bytes)).finish();
        frame.map(|frame| cell::records(&frame))
    });
    match records {
        Ok(read) => read.map_err(|error| damaged(error.into())),
        Err(_) => Err(damaged("it is damaged".into())),
    }
}
