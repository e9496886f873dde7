//! `dataset.folds`: one member per fold of a cross-validation.

use crate::section::FileSection;
use crate::section::sweep::SweepSection;
use crate::source::SourceText;
use crate::tree::{Kind, Node};
use crate::value::{Located, Plain};

use super::setting::Setting;

/// The key that `folds` changes.
pub const FOLD: [&str; 2] = ["dataset", "fold"];

/// What makes many plans of a file.
pub struct Declared {
    /// The table, empty where there is none.
    pub section: Located<SweepSection>,
    /// Into how many folds the images are divided.
    pub folds: Option<Located<usize>>,
}

/// `None` where a file stands for one plan.
pub fn declared(file: &FileSection) -> Option<Declared> {
    let dataset = file.root.dataset.as_ref().map(|table| &table.value);
    let folds = dataset.filter(|table| !table.present.iter().any(|key| key == FOLD[1]));
    let folds = folds.and_then(|table| table.folds.as_ref());
    let folds = folds.map(|folds| Located { value: folds.plain(), span: folds.span.clone() });
    let section = match (&file.sweep, &folds) {
        (Some(section), _) => section.clone(),
        (None, Some(folds)) => Located { value: SweepSection::default(), span: folds.span.clone() },
        (None, None) => return None,
    };
    Some(Declared { section, folds })
}

/// One setting per fold, each with a line of its own in the source text, so that messages can point at
/// it.
pub(super) fn settings(folds: &Located<usize>, source: &mut SourceText) -> Vec<Vec<Setting>> {
    let key = FOLD.join(".");
    let mut setting = |fold: usize| {
        let line = format!("{key} = {fold}");
        let start = source.append_part(&format!("dataset.folds, fold {fold}"), &line);
        let span = start + key.len() + 3..start + line.len();
        let kind = Kind::Integer(i64::try_from(fold).unwrap_or(i64::MAX));
        let path = FOLD.map(str::to_owned).to_vec();
        vec![Setting { path, span: folds.span.clone(), value: Node { span, kind } }]
    };
    (1..=folds.value).map(&mut setting).collect()
}
