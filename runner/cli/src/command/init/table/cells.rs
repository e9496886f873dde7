//! The cells of a column.

use runner_experiment::sheet::{Cell, Sheet, number};

/// The cells of a column that have something in them.
pub(super) fn texts(sheet: &Sheet, column: usize) -> impl Iterator<Item = &str> {
    sheet.rows.iter().filter_map(move |row| match &row[column] {
        Cell::Text(text) => Some(text.as_str()),
        Cell::Empty | Cell::List(_) => None,
    })
}

pub(super) fn has_text(sheet: &Sheet, column: usize) -> bool {
    texts(sheet, column).next().is_some()
}

/// Whether every cell says yes or no as a number.
pub(super) fn are_flags(sheet: &Sheet, column: usize) -> bool {
    let flags = ["0", "1", "0.0", "1.0", "true", "false"];
    has_text(sheet, column)
        && texts(sheet, column).all(|text| flags.contains(&text.trim().to_lowercase().as_str()))
}

/// The cells as numbers, where all are.
pub(super) fn numbers(sheet: &Sheet, column: usize) -> Option<Vec<f64>> {
    let numbers: Option<Vec<f64>> = texts(sheet, column).map(number).collect();
    numbers.filter(|numbers| !numbers.is_empty())
}

pub(super) fn listed<'a>(names: impl Iterator<Item = &'a String>) -> String {
    names.map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}
