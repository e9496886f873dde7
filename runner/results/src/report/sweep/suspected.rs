//! The labels that a cross-validation finds most suspicious, as thumbnails.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;

use crate::report::parallel;
use crate::report::text;
use crate::report::thumbnail::{self, Thumbnail};
use crate::tables::{self, Cell, OutOfFoldRow, Record, Row as _, SuspectRow, cell};

/// Suspects on the page.
const SHOWN: usize = 32;
/// Width and height of a thumbnail, at most.
const SIDE: u32 = 200;

/// The suspects of one setting.
#[derive(Debug, Serialize)]
pub(super) struct Suspects {
    /// Empty where the sweep has one.
    setting: String,
    /// Labels that are probably wrong.
    issues: usize,
    images: usize,
    shown: Vec<Suspect>,
}

#[derive(Debug, Serialize)]
struct Suspect {
    path: String,
    file: String,
    label: String,
    suggested: String,
    label_probability: String,
    suggested_probability: String,
    /// None where the image cannot be read any more.
    picture: Option<Thumbnail>,
}

/// Those of the setting whose out-of-fold predictions are the best; `None` without folds.
pub(super) fn of(folder: &Path) -> Option<Suspects> {
    let rows = tables::read(&folder.join(SuspectRow::FILE)).ok()?;
    let setting = best_setting(folder)?;
    let of_setting = |row: &&Record| cell::get(row, "setting").as_str() == Some(setting.as_str());
    let rows: Vec<&Record> = rows.iter().filter(of_setting).collect();
    let issues = rows.iter().filter(|row| cell::get(row, "is_issue") == &Cell::Bool(true)).count();
    let first: Vec<&Record> = rows.iter().take(SHOWN).copied().collect();
    let paths: Vec<String> = first.iter().map(|row| cell::get(row, "path").to_string()).collect();
    let pictures = parallel::map(&paths, |path| thumbnail::of_file(Path::new(path), SIDE));
    let shown = first.iter().zip(pictures);
    let shown = shown.map(|(row, picture)| suspect(row, picture.flatten())).collect();
    (!rows.is_empty()).then_some(Suspects { setting, issues, images: rows.len(), shown })
}

fn suspect(row: &Record, picture: Option<Thumbnail>) -> Suspect {
    let text = |name| cell::get(row, name).as_str().unwrap_or_default().to_owned();
    let number = |name| cell::get(row, name).as_f64().unwrap_or(f64::NAN);
    let path = text("path");
    Suspect {
        file: text::file_name(&path).to_owned(),
        label: text("label"),
        suggested: text("suggested"),
        label_probability: text::percent(number("self_confidence")),
        suggested_probability: text::percent(number("self_confidence") - number("margin")),
        path,
        picture,
    }
}

/// The setting with the lowest mean loss.
fn best_setting(folder: &Path) -> Option<String> {
    let path = folder.join(OutOfFoldRow::FILE);
    let rows = tables::read_columns(&path, &["setting", "loss"]).ok()?;
    let mut losses: BTreeMap<String, (f64, f64)> = BTreeMap::new();
    for row in &rows {
        let sums = losses.entry(cell::get(row, "setting").to_string()).or_default();
        sums.0 += cell::get(row, "loss").as_f64().unwrap_or(f64::INFINITY);
        sums.1 += 1.0;
    }
    let mean = |(sum, count): (f64, f64)| sum / count;
    let best = losses.into_iter().min_by(|a, b| mean(a.1).total_cmp(&mean(b.1)));
    best.map(|(setting, _)| setting)
}
