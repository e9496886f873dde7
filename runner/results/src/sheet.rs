//! Tables of labels, read by Polars: CSV, TSV, Parquet, JSON lines. Every cell as a text, so that a class
//! called `007` stays that.

mod csv;

use std::io::Cursor;
use std::num::NonZeroUsize;
use std::path::Path;

use polars::prelude::{DataFrame, PolarsResult};
use polars_io::SerReader;
use polars_io::csv::read::{CsvParseOptions, CsvReadOptions, CsvReader};
use polars_io::json::{JsonFormat, JsonReader};
use polars_io::prelude::ParquetReader;
use runner_experiment::sheet::{Cell as Text, Sheet};

use crate::tables::Cell;
use crate::tables::cell;

/// Reads a table of labels.
///
/// # Errors
///
/// In words, what is wrong with it.
pub fn read(path: &Path) -> Result<Sheet, String> {
    let bytes = std::fs::read(path).map_err(|error| error.to_string())?;
    let extension = path.extension().unwrap_or_default().to_string_lossy().to_lowercase();
    if bytes.is_empty() {
        return Err("it is empty".to_owned());
    }
    let is_binary = matches!(extension.as_str(), "parquet" | "pq");
    if !is_binary {
        csv::encoding(&bytes)?;
    }
    let is_csv = matches!(extension.as_str(), "csv" | "tsv");
    let separator = if extension == "tsv" { b'\t' } else { csv::separator(&bytes) };
    let source = if is_csv { bytes.clone() } else { Vec::new() };
    // Polars panics on some damaged files; that must not end the process.
    let frame = std::panic::catch_unwind(|| frame(bytes, &extension, separator));
    let frame = frame.map_err(|_| match is_binary {
        true => format!(
            "it is damaged, or a column is of a type that is not read (decimals, say); {AS_TEXT}"
        ),
        false => "it is damaged".to_owned(),
    })?;
    let frame = frame.map_err(|error| {
        let source = std::str::from_utf8(&source).unwrap_or_default();
        csv::explanation(source, separator).unwrap_or_else(|| said(&error.to_string()))
    })?;
    let columns: Vec<String> =
        frame.get_column_names().iter().map(|name| name.trim().to_owned()).collect();
    if let Some(name) = columns.iter().find_map(|name| repeated(name, &columns)) {
        return Err(format!("two of its columns are called `{name}`"));
    }
    let rows = cell::records(&frame);
    let rows = rows.into_iter().map(|row| row.into_iter().map(|(_, cell)| text(cell)).collect());
    Ok(Sheet { columns, rows: rows.collect() })
}

/// The name that a column had before Polars made it another one, since an earlier column has it.
fn repeated<'a>(name: &str, columns: &'a [String]) -> Option<&'a String> {
    let (base, number) = name.rsplit_once("_duplicated_")?;
    number.parse::<usize>().ok()?;
    columns.iter().find(|column| *column == base)
}

fn frame(bytes: Vec<u8>, extension: &str, separator: u8) -> PolarsResult<DataFrame> {
    match extension {
        "parquet" | "pq" => ParquetReader::new(Cursor::new(bytes)).finish(),
        "jsonl" | "ndjson" => JsonReader::new(Cursor::new(bytes))
            .with_json_format(JsonFormat::JsonLines)
            // Every row: a column may begin with nulls.
            .infer_schema_len(None::<NonZeroUsize>)
            .finish(),
        _ => {
            let parse = CsvParseOptions::default().with_separator(separator);
            let options = CsvReadOptions::default()
                // Nothing is guessed: all cells are texts.
                .with_infer_schema_length(Some(0))
                .with_parse_options(parse);
            CsvReader::new(Cursor::new(bytes)).with_options(options).finish()
        }
    }
}

/// What helps where a column of a Parquet file cannot be read.
const AS_TEXT: &str = "save it as texts or Float64";

/// The first sentence of what Polars says: what follows is advice about its own functions.
fn said(error: &str) -> String {
    if let Some((_, kind)) = error.split_once("cannot create series from ") {
        return format!("a column is of the type {kind}, which is not read; {AS_TEXT}");
    }
    error.lines().next().unwrap_or_default().trim_end_matches('.').to_owned()
}

fn text(cell: Cell) -> Text {
    match cell {
        Cell::Null => Text::Empty,
        Cell::Text(text) if text.is_empty() => Text::Empty,
        Cell::Text(text) => Text::Text(text),
        Cell::Integer(number) => Text::Text(number.to_string()),
        Cell::Float(number) => Text::Text(number.to_string()),
        Cell::Bool(flag) => Text::Text(flag.to_string()),
        Cell::List(cells) => Text::List(
            cells
                .into_iter()
                .filter_map(|cell| match text(cell) {
                    Text::Text(text) => Some(text),
                    Text::Empty | Text::List(_) => None,
                })
                .collect(),
        ),
        other => Text::Text(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_as(name: &str, bytes: &[u8]) -> Result<Sheet, String> {
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).map_err(|error| error.to_string())?;
        read(&path)
    }

    fn texts(sheet: &Sheet) -> Vec<Vec<String>> {
        let text = |cell: &'_ Text| match cell {
            Text::Text(text) => text.clone(),
            Text::Empty => String::new(),
            Text::List(names) => names.join("+"),
        };
        sheet.rows.iter().map(|row| row.iter().map(text).collect()).collect()
    }

    #[test]
    fn cells_are_texts_as_they_stand() -> Result<(), String> {
        let csv = "\u{feff}image,label\n\"a, b.png\",007\nc.png,\n";
        let sheet = read_as("a.csv", csv.as_bytes())?;
        assert_eq!(sheet.columns, ["image", "label"]);
        assert_eq!(texts(&sheet), [["a, b.png", "007"], ["c.png", ""]]);
        let sheet = read_as("a.csv", b"image;age\na.png;1,5\n")?;
        assert_eq!(texts(&sheet), [["a.png", "1,5"]]);
        let sheet = read_as("a.tsv", b"image\tlabel\na.png\tcat\n")?;
        assert_eq!(texts(&sheet), [["a.png", "cat"]]);
        let sheet = read_as("b.tsv", b"image\tlabel (a, b, c, d)\na.png\tcat\n")?;
        assert_eq!(texts(&sheet), [["a.png", "cat"]]);
        let lines =
            "{\"image\":\"a.png\",\"label\":null}\n{\"image\":\"b.png\",\"label\":[\"x\",\"y\"]}\n";
        let sheet = read_as("a.jsonl", lines.as_bytes())?;
        assert_eq!(sheet.rows[1][1], Text::List(vec!["x".to_owned(), "y".to_owned()]));
        let sheet = read_as("a.jsonl", b"{\"image\":\"a.png\",\"age\":2.0,\"is\":true}\n")?;
        assert_eq!(texts(&sheet), [["a.png", "2", "true"]]);
        assert!(read_as("a.parquet", b"PAR1 nothing").is_err());
        let sheet = read_as("a.csv", b"image\tlabel, or so\na.png\tcat\n")?;
        assert_eq!(texts(&sheet), [["a.png", "cat"]]);
        let sheet = read_as("a.csv", b"\"image, relative\";label\r\na.png;cat\r\n\r\n")?;
        assert_eq!(sheet.columns, ["image, relative", "label"]);
        assert_eq!(texts(&sheet), [["a.png", "cat"], ["", ""]]);
        Ok(())
    }

    /// By pyarrow 26: two columns of dictionaries, as pandas writes categories, one of int8, one of uint16.
    #[test]
    fn categories_and_small_integers_of_parquet_are_read() -> Result<(), String> {
        let bytes = include_bytes!("../../../tests/data/categories.parquet");
        let sheet = read_as("a.parquet", bytes)?;
        assert_eq!(sheet.columns, ["image", "label", "age", "size"]);
        assert_eq!(
            texts(&sheet),
            [
                ["b.png", "dog", "3", "65535"],
                ["a.png", "cat", "-7", "0"],
                ["b2.png", "dog", "100", "1"]
            ]
        );
        Ok(())
    }

    #[test]
    fn what_is_wrong_is_said_with_its_row() {
        let said = |bytes: &[u8]| read_as("a.csv", bytes).err().unwrap_or_default();
        let found = said(b"image,label\na.png,b\na.png,b,c,d\n");
        assert!(
            found.starts_with("its first line names 2 columns, and row 2 has 4 cells"),
            "{found}"
        );
        let found = said(b"image,label\n\"a.png\",b\n\"b.png,c\n");
        assert!(found.starts_with("a quotation mark in row 2 "), "{found}");
        let found = said(b"image,label\na.png,b\nb.png,M\xe4use\n");
        assert!(found.starts_with("line 3 has a character that is not UTF-8"), "{found}");
        assert!(said(b"\xff\xfei\0m\0").starts_with("it is UTF-16"));
        assert_eq!(said(b"image,label,label\na,b,c\n"), "two of its columns are called `label`");
        assert_eq!(said(b""), "it is empty");
    }
}
