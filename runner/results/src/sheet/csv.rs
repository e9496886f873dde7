//! CSV as text: what stands between its cells, and what is wrong where it cannot be read.

/// So many rows are named.
const LISTED: usize = 5;

/// What stands between the cells of a file: of comma, semicolon and tab what its first line has most of
/// outside quotation marks. Spreadsheets write semicolons where the comma is for decimals.
pub(super) fn separator(bytes: &[u8]) -> u8 {
    let mut counts = [0_usize; 3];
    let mut is_quoted = false;
    for byte in bytes.iter().take_while(|byte| **byte != b'\n') {
        match byte {
            b'"' => is_quoted = !is_quoted,
            b',' if !is_quoted => counts[0] += 1,
            b';' if !is_quoted => counts[1] += 1,
            b'\t' if !is_quoted => counts[2] += 1,
            _ => {}
        }
    }
    let [commas, semicolons, tabs] = counts;
    match (tabs > 0 && tabs >= commas.max(semicolons), semicolons > commas) {
        (true, _) => b'\t',
        (false, true) => b';',
        (false, false) => b',',
    }
}

/// What keeps a text file from being read as a table at all.
pub(super) fn encoding(bytes: &[u8]) -> Result<(), String> {
    let advice = "save it as UTF-8 (in a spreadsheet: \"CSV UTF-8\")";
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        return Err(format!("it is UTF-16; {advice}"));
    }
    let Err(error) = std::str::from_utf8(bytes) else { return Ok(()) };
    let line = bytes[..error.valid_up_to()].iter().filter(|byte| **byte == b'\n').count() + 1;
    Err(format!("line {line} has a character that is not UTF-8; {advice}"))
}

/// Why a table cannot be read, by its rows; nothing where that is not seen.
pub(super) fn explanation(text: &str, separator: u8) -> Option<String> {
    let separator = char::from(separator);
    let records =
        Records { text: text.trim_start_matches('\u{feff}').chars().peekable(), separator };
    let mut columns = None;
    let mut ragged = Vec::new();
    for (row, record) in records.enumerate() {
        if !record.is_closed {
            let place = if row == 0 { "the first line".to_owned() } else { format!("row {row}") };
            return Some(format!("a quotation mark in {place} has no other that ends the cell"));
        }
        let columns = *columns.get_or_insert(record.cells);
        if record.cells > columns {
            ragged.push(format!("row {row} has {} cells", record.cells));
        }
    }
    let more = ragged.len().saturating_sub(LISTED);
    ragged.truncate(LISTED);
    if more > 0 {
        ragged.push(format!("{more} more rows have too many"));
    }
    (!ragged.is_empty()).then(|| {
        format!(
            "its first line names {} columns, and {}; a cell with `{}` in it stands between quotation marks",
            columns.unwrap_or_default(),
            ragged.join(", "),
            if separator == '\t' { "a tab".to_owned() } else { separator.to_string() }
        )
    })
}

/// One line of a table, or several where a cell has line ends in it.
struct Record {
    cells: usize,
    is_closed: bool,
}

struct Records<'a> {
    text: std::iter::Peekable<std::str::Chars<'a>>,
    separator: char,
}

impl Iterator for Records<'_> {
    type Item = Record;

    fn next(&mut self) -> Option<Record> {
        self.text.peek()?;
        let (mut cells, mut begins, mut is_quoted) = (1, true, false);
        for letter in self.text.by_ref() {
            match letter {
                // Two in a row, for one in the cell, end and begin.
                '"' if begins || is_quoted => is_quoted = !is_quoted,
                '"' => is_quoted = true,
                '\n' if !is_quoted => return Some(Record { cells, is_closed: true }),
                letter if letter == self.separator && !is_quoted => {
                    cells += 1;
                    begins = true;
                    continue;
                }
                _ => {}
            }
            begins = false;
        }
        Some(Record { cells, is_closed: !is_quoted })
    }
}
