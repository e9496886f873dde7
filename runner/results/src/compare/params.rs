//! The plans of all runs: every key and every value is kept once, so that plans compare as numbers.

use std::collections::HashMap;

use rayon::prelude::*;

use crate::load::{LoadedRun, UNREADABLE};
pub(super) use crate::parameter::{FOLD, SEED};
use crate::parameter::{describes, is_drawn};

/// The tags of a plan.
const TAGS: &str = "experiment.tags";

/// Whether a key says what others say already: the name of a stage is in all of its keys.
fn is_name_of_stage(key: &str) -> bool {
    key.starts_with("stage.") && key.ends_with(".name") && key.matches('.').count() == 2
}

/// Plans as pairs of numbers.
#[derive(Debug, Default)]
pub(super) struct Params {
    /// Every key that is a parameter, in order.
    pub(super) keys: Vec<String>,
    values: Vec<String>,
    /// For each run, the numbers of keys and values, keys in order; `None` where the plan cannot be
    /// read.
    runs: Vec<Option<Vec<(usize, usize)>>>,
    /// The tags of each run's plan, as text.
    pub(super) tags: Vec<String>,
}

impl Params {
    pub(super) fn of(runs: &[LoadedRun]) -> Self {
        let read = |run: &LoadedRun| {
            let readable = run.status() != UNREADABLE;
            readable.then(|| run.params().ok()).flatten()
        };
        let plans: Vec<Option<Vec<(String, String)>>> = runs.par_iter().map(read).collect();
        let mut keys: Vec<String> = Vec::new();
        let mut numbers: HashMap<String, usize> = HashMap::new();
        let mut params = Self::default();
        let mut values: HashMap<String, usize> = HashMap::new();
        for plan in plans {
            let (mut tags, mut pairs) = (String::new(), Vec::new());
            for (key, value) in plan.iter().flatten() {
                if key == TAGS {
                    tags.clone_from(value);
                }
                if !describes(key) {
                    let key = number(&mut numbers, &mut keys, key);
                    pairs.push((key, number(&mut values, &mut params.values, value)));
                }
            }
            params.runs.push(plan.map(|_| pairs));
            params.tags.push(tags);
        }
        params.in_order(keys);
        params
    }

    /// Numbers the keys by their order.
    fn in_order(&mut self, keys: Vec<String>) {
        let mut order: Vec<usize> = (0..keys.len()).collect();
        order.sort_by(|a, b| keys[*a].cmp(&keys[*b]));
        let mut place = vec![0; keys.len()];
        for (new, old) in order.iter().enumerate() {
            place[*old] = new;
        }
        self.keys = order.iter().map(|old| keys[*old].clone()).collect();
        for pairs in self.runs.iter_mut().flatten() {
            for (key, _) in pairs.iter_mut() {
                *key = place[*key];
            }
            pairs.sort_unstable();
        }
    }

    /// Whether the plan of a run can be read.
    pub(super) fn is_known(&self, run: usize) -> bool {
        self.runs[run].is_some()
    }

    /// The value that a run has for a key.
    pub(super) fn value(&self, run: usize, key: usize) -> Option<&str> {
        let pairs = self.runs[run].as_ref()?;
        let index = pairs.binary_search_by_key(&key, |pair| pair.0).ok()?;
        Some(&self.values[pairs[index].1])
    }

    /// Whether a key is worth a column where its values differ.
    fn is_telling(&self, key: usize) -> bool {
        !is_drawn(&self.keys[key]) && !is_name_of_stage(&self.keys[key])
    }

    /// The plan of a run, its seed, its fold and its pictures aside.
    pub(super) fn without_seed(&self, run: usize) -> Option<Vec<(usize, usize)>> {
        let pairs = self.runs[run].as_ref()?;
        let counts = |key: &str| ![SEED, FOLD].contains(&key) && !is_drawn(key);
        Some(pairs.iter().copied().filter(|(key, _)| counts(&self.keys[*key])).collect())
    }

    /// Whether each key is telling and has different values in these runs, or none in some of them.
    /// Runs without a readable plan do not count.
    pub(super) fn differ(&self, runs: &[usize]) -> Vec<bool> {
        let plans: Vec<&Vec<(usize, usize)>> =
            runs.iter().filter_map(|run| self.runs[*run].as_ref()).collect();
        let mut seen: Vec<(usize, Option<usize>)> = vec![(0, None); self.keys.len()];
        let mut differs = vec![false; self.keys.len()];
        for (key, value) in plans.iter().copied().flatten() {
            let (count, first) = &mut seen[*key];
            *count += 1;
            differs[*key] |= first.is_some_and(|first| first != *value);
            first.get_or_insert(*value);
        }
        let partly = |(count, _): &(usize, Option<usize>)| *count > 0 && *count < plans.len();
        let differs = differs.iter().zip(&seen).enumerate();
        differs
            .map(|(key, (differs, seen))| self.is_telling(key) && (*differs || partly(seen)))
            .collect()
    }
}

fn number(numbers: &mut HashMap<String, usize>, texts: &mut Vec<String>, text: &str) -> usize {
    if let Some(number) = numbers.get(text) {
        return *number;
    }
    numbers.insert(text.to_owned(), texts.len());
    texts.push(text.to_owned());
    texts.len() - 1
}
