//! The only place that writes to stdout and stderr.
//!
//! Results go to stdout, everything else to stderr. A closed pipe (`runner list | head`) ends the
//! output, not the program.

use std::io::{IsTerminal, Write};
use std::sync::OnceLock;

use comfy_table::{Attribute, Cell, CellAlignment, ContentArrangement, Table, presets};

use crate::progress;

static QUIET: OnceLock<bool> = OnceLock::new();

/// Remembers `--quiet`.
pub fn configure(quiet: bool) {
    QUIET.get_or_init(|| quiet);
}

/// Whether only errors are wanted.
pub fn is_quiet() -> bool {
    *QUIET.get().unwrap_or(&false)
}

/// A result.
pub fn out(text: &str) {
    progress::suspended(|| {
        let mut stdout = std::io::stdout().lock();
        // A reader that went away has all it wanted.
        let _ = writeln!(stdout, "{text}").and_then(|()| stdout.flush());
    });
}

/// What happens meanwhile; nothing with `--quiet`.
pub fn note(text: &str) {
    if !is_quiet() {
        raw(text);
    }
}

/// Something the user should know; nothing with `--quiet`.
pub fn warning(text: &str) {
    if is_quiet() {
        return;
    }
    let label = if colours_on_stderr() { "\x1b[1;33mwarning\x1b[0m" } else { "warning" };
    raw(&format!("{label}: {text}"));
}

/// What ended the program.
pub fn error(text: &str) {
    let shown = match (colours_on_stderr(), text.strip_prefix("error:")) {
        (true, Some(rest)) => format!("\x1b[1;31merror\x1b[0m:{rest}"),
        _ => text.to_owned(),
    };
    raw(&shown);
}

/// A line on stderr, above the progress bars.
pub fn raw(text: &str) {
    progress::suspended(|| {
        let _ = writeln!(std::io::stderr().lock(), "{text}");
    });
}

/// Whether stderr is a terminal that wants colours (`NO_COLOR` does not).
pub fn colours_on_stderr() -> bool {
    std::io::stderr().is_terminal() && wants_colours()
}

fn wants_colours() -> bool {
    std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// A table without lines, with a bold header on a terminal that wants colours.
pub fn table(header: &[&str], rows: Vec<Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    let bold = std::io::stdout().is_terminal() && wants_colours();
    table.set_header(header.iter().map(|name| match bold {
        true => Cell::new(name).add_attribute(Attribute::Bold),
        false => Cell::new(name),
    }));
    let numeric: Vec<bool> = (0..header.len())
        .map(|column| rows.iter().filter_map(|row| row.get(column)).all(|text| is_number(text)))
        .collect();
    for row in rows {
        table.add_row(row);
    }
    for (at, numeric) in numeric.iter().enumerate() {
        if let (true, Some(column)) = (*numeric, table.column_mut(at)) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    table.lines().map(|line| line.trim_end().to_owned()).collect::<Vec<_>>().join("\n")
}

fn is_number(text: &str) -> bool {
    text.is_empty() || text.replace(',', "").parse::<f64>().is_ok()
}
