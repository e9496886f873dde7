//! The only place that writes to stdout and stderr.
//!
//! Results go to stdout, everything else to stderr. A closed pipe (`runner list | head`) ends the
//! output, not the program. Names of files, classes and tensors come from elsewhere: control
//! characters in them are escaped here.

use std::io::{Error, ErrorKind, IsTerminal, Write};
use std::sync::OnceLock;

use comfy_table::{Attribute, Cell, CellAlignment, ContentArrangement, Table, presets};

use runner_experiment::text::{visible, visible_json, visible_lines};

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

/// Why a result could not be written, a full disk for one.
static LOST: OnceLock<String> = OnceLock::new();

/// A result. Whatever a terminal would obey in it is escaped.
pub fn out(text: &str) {
    print(&visible_lines(text));
}

/// A result that another program reads: as it is, unless a terminal shows it.
pub fn out_data(text: &str) {
    match std::io::stdout().is_terminal() {
        true => out(text),
        false => print(text),
    }
}

/// A result in bytes, for another program.
pub fn out_bytes(bytes: &[u8]) {
    progress::suspended(|| {
        let mut stdout = std::io::stdout().lock();
        written(stdout.write_all(bytes).and_then(|()| stdout.flush()));
    });
}

/// A result as JSON.
pub fn out_json(json: &str) {
    print(&visible_json(json));
}

/// A result as a table.
pub fn out_table(header: &[&str], rows: Vec<Vec<String>>) {
    print(&table(header, rows, |text| visible(text).into_owned(), bold_on_stdout()));
}

/// A table whose cells may have several lines; bold headings where they are wanted.
pub fn table_of_lines(header: &[&str], rows: Vec<Vec<String>>, bold: bool) -> String {
    table(header, rows, |text| visible_lines(text).into_owned(), bold)
}

/// A result that was made fit to be shown.
pub fn out_safe(text: &str) {
    print(text);
}

/// Whether stdout is a terminal that wants bold letters.
pub fn bold_on_stdout() -> bool {
    std::io::stdout().is_terminal() && wants_colours()
}

fn print(text: &str) {
    progress::suspended(|| {
        let mut stdout = std::io::stdout().lock();
        written(writeln!(stdout, "{text}").and_then(|()| stdout.flush()));
    });
}

/// Remembers that a result was lost.
fn written(result: std::io::Result<()>) {
    match result {
        Err(error) if !nobody_listens(&error) => {
            LOST.get_or_init(|| error.to_string());
        }
        _ => {}
    }
}

/// How many characters a line has: that of the terminal, else what `COLUMNS` says.
pub fn width() -> Option<usize> {
    let terminal = console::Term::stdout();
    if let (true, Some((_, columns))) = (terminal.is_term(), terminal.size_checked()) {
        return Some(usize::from(columns)).filter(|columns| *columns > 0);
    }
    std::env::var("COLUMNS").ok()?.parse().ok().filter(|columns| *columns > 0)
}

/// Asks for a yes; `None` where there is nobody to ask.
pub fn ask(question: &str) -> Option<bool> {
    if !(std::io::stdin().is_terminal() && std::io::stderr().is_terminal()) {
        return None;
    }
    progress::suspended(|| {
        let mut stderr = std::io::stderr().lock();
        let _ = write!(stderr, "{} [y/N] ", visible(question)).and_then(|()| stderr.flush());
    });
    let mut answer = String::new();
    let said = std::io::stdin().read_line(&mut answer);
    Some(said.is_ok() && ["y", "yes"].contains(&answer.trim().to_lowercase().as_str()))
}

/// A reader that went away has all it wanted, and so has a terminal.
fn nobody_listens(error: &Error) -> bool {
    error.kind() == ErrorKind::BrokenPipe || error.raw_os_error() == Some(libc::EIO)
}

/// Why results were lost, where they were.
pub fn lost_output() -> Option<&'static str> {
    LOST.get().map(String::as_str)
}

/// What happens meanwhile; nothing with `--quiet`.
pub fn note(text: &str) {
    styled(&visible_lines(text));
}

/// What was made fit to be shown, colours and all; nothing with `--quiet`.
pub fn styled(text: &str) {
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
    raw(&format!("{label}: {}", visible_lines(text)));
}

/// A line on stderr, above the progress bars. A terminal that went away loses it.
pub fn raw(text: &str) {
    progress::suspended(|| {
        let _ = writeln!(std::io::stderr().lock(), "{text}");
    });
}

/// Whether stderr is a terminal that wants colours (`NO_COLOR` does not).
pub fn colours_on_stderr() -> bool {
    std::io::stderr().is_terminal() && wants_colours()
}

/// Whether colours are wanted, as far as `NO_COLOR` says.
pub fn wants_colours() -> bool {
    std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// A table without lines, with a bold header on a terminal that wants colours.
fn table(
    header: &[&str],
    rows: Vec<Vec<String>>,
    safe: impl Fn(&str) -> String,
    bold: bool,
) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(header.iter().map(|name| match bold {
        true => Cell::new(safe(name)).add_attribute(Attribute::Bold),
        false => Cell::new(safe(name)),
    }));
    let numeric: Vec<bool> = (0..header.len())
        .map(|column| rows.iter().filter_map(|row| row.get(column)).all(|text| is_number(text)))
        .collect();
    for row in rows {
        table.add_row(row.iter().map(|text| safe(text)));
    }
    for (index, numeric) in numeric.iter().enumerate() {
        if let (true, Some(column)) = (*numeric, table.column_mut(index)) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let last = header.len().saturating_sub(1);
    for (index, column) in table.column_iter_mut().enumerate() {
        // Behind the last one they would not fit into the width of a terminal.
        column.set_padding((0, if index == last { 0 } else { 2 }));
    }
    table.lines().map(|line| line.trim_end().to_owned()).collect::<Vec<_>>().join("\n")
}

fn is_number(text: &str) -> bool {
    text.is_empty() || text.replace(',', "").parse::<f64>().is_ok()
}
