//! A table of labels as text, row by row. How files are read is registered by the program: formats of
//! tables are not known here.

use std::path::Path;
use std::sync::OnceLock;

/// One cell.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Cell {
    /// Nothing stands there.
    #[default]
    Empty,
    /// A text, or a number or truth value as one.
    Text(String),
    /// Several texts.
    List(Vec<String>),
}

/// A table with named columns.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sheet {
    /// In their order.
    pub columns: Vec<String>,
    /// One cell per column in each.
    pub rows: Vec<Vec<Cell>>,
}

impl Sheet {
    /// The place of a column.
    #[must_use]
    pub fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column == name)
    }
}

/// A finite number that stands in a cell.
#[must_use]
pub fn number(text: &str) -> Option<f64> {
    text.trim().parse().ok().filter(|number: &f64| number.is_finite())
}

/// How the names of tables end that can be read.
pub const EXTENSIONS: [&str; 6] = ["csv", "tsv", "parquet", "jsonl", "ndjson", "pq"];

/// Reads a table; what is wrong with it comes back as a sentence.
pub type Reader = fn(&Path) -> Result<Sheet, String>;

static READER: OnceLock<Reader> = OnceLock::new();

/// Says who reads tables, once in a process; later calls change nothing.
pub fn register(reader: Reader) {
    READER.get_or_init(|| reader);
}

/// Reads a table with what was registered.
pub(crate) fn read(path: &Path) -> Result<Sheet, String> {
    match READER.get() {
        Some(reader) => reader(path),
        None => Err("this program reads no tables".to_owned()),
    }
}
