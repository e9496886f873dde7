//! Comparisons for other programs: full names, exact values.

use runner_results::compare::Comparison;
use runner_results::tables::Cell;

pub(super) fn csv(comparison: &Comparison) -> String {
    let quoted = |text: &String| match text.contains([',', '"', '\n', '\r']) {
        true => format!("\"{}\"", text.replace('"', "\"\"")),
        false => text.clone(),
    };
    let line = |cells: &[String]| cells.iter().map(quoted).collect::<Vec<_>>().join(",");
    let exact = |value: &Cell| match value {
        Cell::Float(number) => number.to_string(),
        other => other.to_string(),
    };
    let rows = comparison.rows.iter().map(|row| row.iter().map(exact).collect::<Vec<_>>());
    let lines: Vec<String> =
        std::iter::once(line(&comparison.columns)).chain(rows.map(|row| line(&row))).collect();
    lines.join("\n")
}

pub(super) fn json(comparison: &Comparison) -> String {
    let rows: Vec<serde_json::Value> = comparison
        .rows
        .iter()
        .map(|row| {
            let pairs = comparison.columns.iter().cloned().zip(row.iter().map(Cell::to_json));
            serde_json::Value::Object(pairs.collect())
        })
        .collect();
    format!("{:#}", serde_json::Value::Array(rows))
}
