//! The table of a sweep's members: parameters in front, scores behind, the best first.

use std::path::Path;

use serde::Serialize;

use crate::report::engine::FILE;
use crate::report::parameters;
use crate::report::scores::{self, Better, SCORES, Score, Value, decides};
use crate::report::subject::Subject;

/// A member that has no run yet, or none that can be shown.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PlannedMember {
    /// What tells it from the others: `learning_rate=1e-5, seed=2`.
    pub name: String,
    /// `waiting`, `failed`, or any other word.
    pub status: String,
    /// Why it failed, where it did.
    pub reason: Option<String>,
}

/// The table.
#[derive(Debug, Serialize)]
pub(super) struct Table {
    /// The last words of the swept keys.
    parameters: Vec<String>,
    scores: Vec<Column>,
    rows: Vec<Row>,
}

#[derive(Debug, Serialize)]
struct Column {
    title: &'static str,
    /// How the first click sorts.
    first: &'static str,
    /// Whether the table is sorted by it.
    sorted: bool,
}

#[derive(Debug, Serialize)]
struct Row {
    /// The index of its run; members without one have none.
    member: Option<usize>,
    name: String,
    /// Its own page.
    link: Option<String>,
    id: String,
    status: String,
    parameters: Vec<Value>,
    scores: Vec<Value>,
}

/// All members, those without a run last.
pub(super) fn table(
    folder: &Path,
    subjects: &[Subject],
    swept: &[String],
    planned: &[PlannedMember],
) -> Table {
    let measured = |score: &Score| subjects.iter().any(|s| s.number(score.column).is_some());
    let mut shown: Vec<Score> = SCORES.into_iter().filter(measured).collect();
    // What decides stands in front.
    shown.sort_by_key(|score| !score.column.contains("validation"));
    let columns: Vec<Vec<Value>> =
        shown.iter().map(|score| scores::values(subjects, *score)).collect();
    let mut rows: Vec<Row> = subjects.iter().map(|s| row(folder, s, swept, &columns)).collect();
    let decisive = decides(subjects);
    let rank = |row: &Row| {
        let member = row.member.map(|index| &subjects[index]);
        member.and_then(|subject| decisive.rank(subject)).unwrap_or(f64::NEG_INFINITY)
    };
    rows.sort_by(|a, b| rank(b).total_cmp(&rank(a)));
    let short = parameters::short(swept);
    rows.extend(planned.iter().map(|member| waiting(member, &short, columns.len())));
    Table {
        scores: shown.iter().map(|score| column(score, decisive)).collect(),
        parameters: short,
        rows,
    }
}

fn column(score: &Score, decisive: Score) -> Column {
    let first = if score.better == Better::Higher { "descending" } else { "ascending" };
    Column { title: score.title, first, sorted: score.column == decisive.column }
}

fn row(folder: &Path, subject: &Subject, swept: &[String], columns: &[Vec<Value>]) -> Row {
    let index = subject.name.index;
    Row {
        member: Some(index),
        name: subject.name.label.clone(),
        link: link(folder, subject),
        id: subject.name.id.clone(),
        status: subject.name.status.clone(),
        parameters: swept.iter().map(|key| parameter(subject.parameter(key))).collect(),
        scores: columns.iter().map(|column| column[index].clone()).collect(),
    }
}

fn parameter(text: Option<&str>) -> Value {
    let value = text.and_then(|text| text.parse().ok());
    Value { text: text.unwrap_or_default().to_owned(), value, best: false }
}

/// A member without a run: its name says what its parameters will be.
fn waiting(member: &PlannedMember, short: &[String], scores: usize) -> Row {
    let declared = |key: &String| {
        let pairs = member.name.split(", ").filter_map(|pair| pair.split_once('='));
        pairs.filter(|(name, _)| name == key).map(|(_, value)| value).next()
    };
    let nothing = Value { text: String::new(), value: None, best: false };
    Row {
        member: None,
        name: member.name.clone(),
        link: None,
        id: String::new(),
        status: member.status.clone(),
        parameters: short.iter().map(|key| parameter(declared(key))).collect(),
        scores: vec![nothing; scores],
    }
}

/// From the folder of the sweep, `<experiment>/sweeps/<id>`, to the page of a run beside `sweeps`.
fn link(folder: &Path, subject: &Subject) -> Option<String> {
    let run = &subject.run.path;
    let experiment = |path: &Path| path.canonicalize().ok();
    let near = experiment(run.parent()?)? == experiment(&folder.join("../.."))?;
    (near && run.join(FILE).is_file())
        .then(|| format!("../../{}/{FILE}", encoded(&subject.name.id)))
}

/// A name as a part of a URL.
fn encoded(name: &str) -> String {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~".contains(byte);
    let encode = |byte: u8| match plain(&byte) {
        true => char::from(byte).to_string(),
        false => format!("%{byte:02X}"),
    };
    name.bytes().map(encode).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_links_are_encoded() {
        assert_eq!(encoded("20261126T19.1Z-fa"), "20261126T19.1Z-fa");
        // RFC 3986, section 2.1: two upper-case digits per byte of UTF-8.
        assert_eq!(encoded("a b\"é"), "a%20b%22%C3%A9");
    }

    #[test]
    fn what_waits_shows_its_parameters() {
        let name = "learning_rate=1e-5, seed=2".to_owned();
        let member = PlannedMember { name, status: "waiting".to_owned(), reason: None };
        let row = waiting(&member, &["seed".to_owned(), "learning_rate".to_owned()], 1);
        let texts: Vec<&str> = row.parameters.iter().map(|value| value.text.as_str()).collect();
        assert_eq!(texts, ["2", "1e-5"]);
        assert_eq!(row.parameters[1].value, Some(1e-5));
    }
}
