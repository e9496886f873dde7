//! Rust values as Polars columns.

use polars::prelude::{
    Column, DataType, IntoColumn, ListChunked, NamedFrom, Series, TimeUnit, TimeZone,
};

/// Milliseconds since 1970, UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp(pub i64);

/// A type that can stand in a table.
pub trait ColumnValue: Sized {
    /// Values of one column.
    fn column(name: &str, values: Vec<Self>) -> Column;
}

macro_rules! plain {
    ($($type:ty),*) => {
        $(impl ColumnValue for $type {
            fn column(name: &str, values: Vec<Self>) -> Column {
                Series::new(name.into(), values).into_column()
            }
        })*
    };
}

plain!(String, Option<String>, i64, Option<i64>, f64, Option<f64>, bool, Option<bool>);

impl ColumnValue for usize {
    fn column(name: &str, values: Vec<Self>) -> Column {
        i64::column(name, values.into_iter().map(integer).collect())
    }
}

/// A count as tables have them.
#[must_use]
pub fn integer(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

macro_rules! list {
    ($($item:ty),*) => {
        $(impl ColumnValue for Vec<$item> {
            fn column(name: &str, values: Vec<Self>) -> Column {
                let empty: Vec<$item> = Vec::new();
                let kind = Series::new("".into(), empty).dtype().clone();
                let series = values.into_iter().map(|items| Series::new("".into(), items));
                let mut list = series.collect::<ListChunked>();
                if list.is_empty() {
                    list = ListChunked::full_null_with_dtype(name.into(), 0, &kind);
                }
                list.rename(name.into());
                list.into_column()
            }
        })*
    };
}

list!(f64, String);

impl ColumnValue for Option<Timestamp> {
    fn column(name: &str, values: Vec<Self>) -> Column {
        let millis: Vec<Option<i64>> = values.iter().map(|time| time.map(|time| time.0)).collect();
        let series = Series::new(name.into(), millis);
        let kind = DataType::Datetime(TimeUnit::Milliseconds, Some(TimeZone::UTC));
        // A cast from 64-bit integers to timestamps has no value that it could refuse.
        series.cast(&kind).unwrap_or(series).into_column()
    }
}

impl ColumnValue for Timestamp {
    fn column(name: &str, values: Vec<Self>) -> Column {
        Option::<Self>::column(name, values.into_iter().map(Some).collect())
    }
}
