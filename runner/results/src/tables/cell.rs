//! Tables read back, as values that can be shown, compared and sorted.

use std::fmt;

use chrono::DateTime;
use polars::prelude::{AnyValue, DataFrame, TimeUnit};

/// One value of a table.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    /// No value.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Integer(i64),
    /// A number.
    Float(f64),
    /// Text.
    Text(String),
    /// Milliseconds since 1970, UTC.
    Time(i64),
    /// Several values.
    List(Vec<Cell>),
}

/// One row: column and value.
pub type Record = Vec<(String, Cell)>;

/// The value of a column; [`Cell::Null`] where there is none.
#[must_use]
pub fn get<'a>(record: &'a Record, name: &str) -> &'a Cell {
    record.iter().find(|(column, _)| column == name).map_or(&Cell::Null, |(_, cell)| cell)
}

/// The numbers of a column of lists; none where there is no list.
#[must_use]
pub fn numbers(record: &Record, name: &str) -> Vec<f64> {
    match get(record, name) {
        Cell::List(items) => items.iter().filter_map(Cell::as_f64).collect(),
        _ => Vec::new(),
    }
}

impl Cell {
    /// Whether, where this says that.
    #[must_use]
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(value) => Some(*value),
            _ => None,
        }
    }

    /// A number of any kind.
    #[must_use]
    pub fn as_f64(&self) -> Option<f64> {
        match self {
            Self::Float(number) => Some(*number),
            Self::Integer(number) => Some(*number as f64),
            _ => None,
        }
    }

    /// The text, where this is some.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The value for JSON output.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        match self {
            Self::Null => serde_json::Value::Null,
            Self::Bool(flag) => (*flag).into(),
            Self::Integer(number) => (*number).into(),
            Self::Float(number) => (*number).into(),
            Self::List(items) => items.iter().map(Self::to_json).collect(),
            Self::Text(_) | Self::Time(_) => self.to_string().into(),
        }
    }

    /// Nothing last, numbers by size, everything else by its text.
    #[must_use]
    pub fn compare(&self, other: &Self) -> std::cmp::Ordering {
        match (self, other) {
            (Self::Null, Self::Null) => std::cmp::Ordering::Equal,
            (Self::Null, _) => std::cmp::Ordering::Greater,
            (_, Self::Null) => std::cmp::Ordering::Less,
            _ => match (self.as_f64(), other.as_f64()) {
                (Some(a), Some(b)) => a.total_cmp(&b),
                _ => self.to_string().cmp(&other.to_string()),
            },
        }
    }
}

/// Numbers have four decimals, and small ones an exponent.
impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => Ok(()),
            Self::Bool(flag) => write!(f, "{flag}"),
            Self::Integer(number) => write!(f, "{number}"),
            Self::Float(number) if *number != 0.0 && number.abs() < 1e-3 => write!(f, "{number:e}"),
            Self::Float(number) => write!(f, "{number:.4}"),
            Self::Text(text) => f.write_str(text),
            Self::Time(millis) => match DateTime::from_timestamp_millis(*millis) {
                Some(moment) => write!(f, "{}", moment.format("%Y-%m-%d %H:%M:%SZ")),
                None => write!(f, "{millis}"),
            },
            Self::List(items) => {
                let texts: Vec<String> = items.iter().map(ToString::to_string).collect();
                write!(f, "[{}]", texts.join(", "))
            }
        }
    }
}

pub(crate) fn records(frame: &DataFrame) -> Vec<Record> {
    let mut records: Vec<Record> = vec![Vec::new(); frame.height()];
    for column in frame.columns() {
        for (row, record) in records.iter_mut().enumerate() {
            let value = column.get(row).map_or(Cell::Null, |value| cell(&value));
            record.push((column.name().to_string(), value));
        }
    }
    records
}

fn cell(value: &AnyValue<'_>) -> Cell {
    match value {
        AnyValue::Null => Cell::Null,
        AnyValue::Boolean(flag) => Cell::Bool(*flag),
        AnyValue::String(text) => Cell::Text((*text).to_owned()),
        AnyValue::StringOwned(text) => Cell::Text(text.to_string()),
        AnyValue::Float64(number) => Cell::Float(*number),
        AnyValue::Float32(number) => Cell::Float(f64::from(*number)),
        AnyValue::Datetime(time, unit, _) => Cell::Time(millis(*time, *unit)),
        AnyValue::DatetimeOwned(time, unit, _) => Cell::Time(millis(*time, *unit)),
        AnyValue::List(series) => Cell::List(series.iter().map(|item| cell(&item)).collect()),
        // Categories have numbers of their own.
        other => match other.get_str() {
            Some(text) => Cell::Text(text.to_owned()),
            None => {
                other.extract::<i64>().map_or_else(|| Cell::Text(other.to_string()), Cell::Integer)
            }
        },
    }
}

fn millis(time: i64, unit: TimeUnit) -> i64 {
    match unit {
        TimeUnit::Milliseconds => time,
        TimeUnit::Microseconds => time / 1_000,
        TimeUnit::Nanoseconds => time / 1_000_000,
    }
}
