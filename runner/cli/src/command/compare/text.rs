//! Comparisons for people: short names, short ids, rounded numbers, mean ± deviation.

use std::path::Path;

use comfy_table::{ContentArrangement, Table, presets};
use runner_experiment::text::visible;
use runner_results::compare::{Comparison, is_score};
use runner_results::load;
use runner_results::tables::Cell;

use super::fit::{self, Span};
use crate::terminal;

/// A column as it is shown.
struct Column {
    heading: String,
    texts: Vec<String>,
    /// Whether its texts may be folded.
    folds: bool,
    /// Where it goes when the table is broken into several: first what the row is, then scores, then
    /// parameters.
    rank: u8,
}

/// Tables in more parts than this have the scores in front.
const MANY: usize = 2;

/// A comparison as it is shown.
pub(super) struct Shown {
    columns: Vec<Column>,
}

impl Shown {
    pub(super) fn of(comparison: &Comparison, results: &Path) -> Self {
        let shown = |index: &usize| !comparison.dispensable[*index];
        let indices = (0..comparison.columns.len()).filter(shown);
        Self { columns: indices.filter_map(|index| column(comparison, index, results)).collect() }
    }

    /// As wide as that at most; what does not fit beside the first column goes below.
    pub(super) fn table(&self, width: usize, bold: bool) -> String {
        let mut order: Vec<&Column> = self.columns.iter().collect();
        let arranged = |order: &[&Column]| {
            let spans: Vec<Span> = order.iter().map(|column| column.span()).collect();
            fit::blocks(&spans, width)
        };
        let mut blocks = arranged(&order);
        if blocks.len() > MANY {
            order.sort_by_key(|column| column.rank);
            blocks = arranged(&order);
        }
        let print = |block: &Vec<(usize, usize)>| {
            let columns = block.iter().map(|(index, width)| (order[*index], *width));
            let header: Vec<String> =
                columns.clone().map(|(column, width)| fit::fold(&column.heading, width)).collect();
            let rows = self.columns.first().map_or(0, |column| column.texts.len());
            let rows = (0..rows).map(|row| {
                columns
                    .clone()
                    .map(|(column, width)| fit::fold(&column.texts[row], width))
                    .collect()
            });
            let header: Vec<&str> = header.iter().map(String::as_str).collect();
            terminal::table_of_lines(&header, rows.collect(), bold)
        };
        blocks.iter().map(print).collect::<Vec<_>>().join("\n\n")
    }

    pub(super) fn markdown(&self) -> String {
        let mut table = Table::new();
        table.load_style(presets::ASCII_MARKDOWN);
        table.set_content_arrangement(ContentArrangement::Disabled);
        table.set_header(self.columns.iter().map(|column| &column.heading));
        for row in 0..self.columns.first().map_or(0, |column| column.texts.len()) {
            let texts = self.columns.iter().map(|column| column.texts[row].replace('|', "\\|"));
            table.add_row(texts);
        }
        table.to_string()
    }
}

impl Column {
    fn span(&self) -> Span {
        let texts: Vec<&str> = self.texts.iter().map(String::as_str).collect();
        Span::of(&self.heading, &texts, self.folds)
    }
}

/// `None` for a column that is shown in another one.
fn column(comparison: &Comparison, index: usize, results: &Path) -> Option<Column> {
    let name = comparison.columns[index].as_str();
    let at = |name: &str| comparison.columns.iter().position(|column| column == name);
    let mean = |end: &str| name.strip_suffix(end).filter(|mean| at(mean).is_some());
    let heading = comparison.short[index].clone();
    let rank = match name {
        "run_id" | "experiment" | "status" | "runs" | "not_finished" => 0,
        _ if is_score(name) => 1,
        _ => 2,
    };
    let plain = |heading: String, folds| Column {
        heading,
        texts: comparison.rows.iter().map(|row| text(&row[index])).collect(),
        folds,
        rank,
    };
    if name == "run_id" {
        let ids: Vec<String> = comparison.rows.iter().map(|row| row[index].to_string()).collect();
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        let texts = load::short_ids(results, &ids);
        return Some(Column { heading: "run".to_owned(), texts, folds: false, rank });
    }
    if mean("_std").is_some() || mean("_high").is_some() {
        return None;
    }
    if let Some(score) = mean("_low") {
        let high = at(&format!("{score}_high"))?;
        let is_main = comparison.primary.as_deref() == Some(score);
        return is_main.then(|| interval(comparison, index, high, score));
    }
    if let Some(deviation) = at(&format!("{name}_std")) {
        let texts = comparison.rows.iter().map(|row| spread(&row[index], &row[deviation]));
        return Some(Column { heading, texts: texts.collect(), folds: false, rank });
    }
    let is_text = |row: &Vec<Cell>| {
        let text = text(&row[index]);
        !text.is_empty() && text.parse::<f64>().is_err()
    };
    let folds = comparison.rows.iter().any(is_text);
    Some(plain(heading.replace("not_finished", "not finished"), folds))
}

/// `[0.8726, 0.9014]`
fn interval(comparison: &Comparison, low: usize, high: usize, score: &str) -> Column {
    let texts = comparison.rows.iter().map(|row| match (&row[low], &row[high]) {
        (Cell::Null, _) | (_, Cell::Null) => String::new(),
        (low, high) => format!("[{}, {}]", text(low), text(high)),
    });
    let heading = format!("95% of {score}");
    Column { heading, texts: texts.collect(), folds: false, rank: 1 }
}

/// `0.8870 ± 0.0058`
fn spread(mean: &Cell, deviation: &Cell) -> String {
    match deviation {
        Cell::Null => text(mean),
        // As many decimals as the mean has, where that says anything.
        Cell::Float(deviation) if *deviation == 0.0 || *deviation >= 5e-5 => {
            format!("{} ± {deviation:.4}", text(mean))
        }
        deviation => format!("{} ± {}", text(mean), text(deviation)),
    }
}

/// On one line.
fn text(cell: &Cell) -> String {
    match cell {
        Cell::List(items) => {
            let texts: Vec<String> = items.iter().map(ToString::to_string).collect();
            visible(&texts.join(", ")).into_owned()
        }
        Cell::Float(number) if *number != 0.0 && number.abs() < 1e-3 => format!("{number:.3e}"),
        other => visible(&other.to_string()).into_owned(),
    }
}
