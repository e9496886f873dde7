//! Parameters whose values differ between the sides.

use std::collections::BTreeSet;

use serde::Serialize;

use super::side::Side;
use crate::load::LoadedRun;
use crate::parameter::{FOLD, SEED};
use crate::tables::Cell;

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Changed {
    /// Dotted key, or a column of `run.parquet`.
    pub key: String,
    /// Its value in A, where it has one.
    pub a: Option<String>,
    /// Its value in B, where it has one.
    pub b: Option<String>,
}

/// What tells A from B. Seeds and folds only where both sides are single runs: groups have several.
pub(super) fn changed(a: &Side, b: &Side) -> Vec<Changed> {
    let keys: BTreeSet<&String> = a.settings.keys().chain(b.settings.keys()).collect();
    let mut changed: Vec<Changed> = keys
        .into_iter()
        .map(|key| Changed {
            key: key.clone(),
            a: a.settings.get(key).cloned(),
            b: b.settings.get(key).cloned(),
        })
        .collect();
    if let ([a], [b]) = (a.loaded.as_slice(), b.loaded.as_slice()) {
        changed.push(column(SEED, "seed", a, b));
    }
    if let ([a], [b]) = (a.runs.as_slice(), b.runs.as_slice()) {
        let [a, b] = [a, b].map(|run| run.fold.map(|fold| fold.to_string()));
        changed.push(Changed { key: FOLD.to_owned(), a, b });
    }
    if let (Some(a), Some(b)) = (a.loaded.first(), b.loaded.first()) {
        let about = ["device", "runner_version"];
        changed.extend(about.map(|name| column(name, name, a, b)));
    }
    changed.retain(|parameter| parameter.a != parameter.b);
    changed
}

fn column(key: &str, name: &str, a: &LoadedRun, b: &LoadedRun) -> Changed {
    let value = |run: &LoadedRun| match run.get(name) {
        Cell::Null => None,
        value => Some(value.to_string()),
    };
    Changed { key: key.to_owned(), a: value(a), b: value(b) }
}
