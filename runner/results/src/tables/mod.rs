//! One table per file: its columns are declared once, with type, unit and meaning.

pub mod cell;
mod column;
mod definitions;
mod read;
mod row;
mod trust;
mod visual;

use std::path::Path;

use polars::prelude::{CompatLevel, DataFrame, PolarsResult, SchemaExt};
use polars_io::parquet::write::KeyValueMetadata;
use polars_io::prelude::{ParquetCompression, ParquetWriter};
use polars_parquet::write::schema_to_metadata_key;

pub use cell::{Cell, Record};
pub use column::{ColumnValue, Timestamp, integer};
pub use definitions::*;
pub(crate) use read::has_column;
pub use read::{read, read_columns};
pub use row::Row;
pub use trust::*;
pub use visual::*;

use crate::{ResultsError, atomic};

/// The tables of a run.
pub(crate) const NAMES: [&str; 17] = [
    RunRow::FILE,
    ParamRow::FILE,
    LabelRow::FILE,
    <runner_record::LayerRecord as Row>::FILE,
    <runner_record::EpochRecord as Row>::FILE,
    SplitRow::FILE,
    PredictionRow::FILE,
    PredictedRow::FILE,
    ConfusionRow::FILE,
    ScoreRow::FILE,
    LabelScoreRow::FILE,
    SuspectRow::FILE,
    ActivationRow::FILE,
    FilterRow::FILE,
    FaithfulnessRow::FILE,
    EmbeddingRow::FILE,
    ArtifactRow::FILE,
];

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
    let bytes = encode(DataFrame::new(height, columns).map_err(failed)?).map_err(failed)?;
    atomic::write(&path, &bytes)
}

/// Below this many bytes compression makes a table larger, and much slower to read.
const SMALL: usize = 16 * 1024;

/// The bytes of a Parquet file.
pub(crate) fn encode(mut frame: DataFrame) -> PolarsResult<Vec<u8>> {
    let compression = match frame.estimated_size() < SMALL {
        true => ParquetCompression::Uncompressed,
        false => ParquetCompression::default(),
    };
    let mut bytes = Vec::new();
    ParquetWriter::new(&mut bytes)
        .with_compression(compression)
        .with_key_value_metadata(Some(plain_types(&frame)))
        .finish(&mut frame)?;
    Ok(bytes)
}

/// The Arrow schema in the file's metadata, in types that every reader knows: with Polars's own
/// (string views), pandas refuses lists of strings.
fn plain_types(frame: &DataFrame) -> KeyValueMetadata {
    let schema = frame.schema().to_arrow(CompatLevel::oldest());
    let entry = schema_to_metadata_key(&schema);
    KeyValueMetadata::from_static(vec![(entry.key, entry.value.unwrap_or_default())])
}
