//! Successive halving: after some epochs the better members go on, for longer each time.
//!
//! Jamieson and Talwalkar 2016; Li et al. 2018, where `keep` is one over their eta. Members that differ
//! in their seed alone are compared by their mean, and stay or go together. A decision is a function of
//! the members' tables, so that a sweep that is started again decides the same.

use std::collections::BTreeMap;

use runner_experiment::section::monitor::Monitor;
use runner_experiment::{Member, Sweep};
use runner_results::load::LoadedRun;
use runner_results::tables::{self, cell};

use super::member::state;
use super::running::Running;
use crate::terminal;

/// One comparison.
pub(super) struct Rung {
    /// From 1.
    pub number: usize,
    /// After this epoch, counted over all stages.
    pub epochs: usize,
    /// By this metric.
    pub monitor: Monitor,
    /// Settings, the best first.
    pub settings: Vec<Ranked>,
}

/// Members that differ in their seed alone.
pub(super) struct Ranked {
    /// Their numbers.
    pub members: Vec<usize>,
    /// The value of each, in the same order; `None` for one that failed or has no epoch.
    pub values: Vec<Option<f64>>,
    /// The mean; `None` where one has no value.
    pub mean: Option<f64>,
    /// Whether they go on.
    pub kept: bool,
}

impl Rung {
    /// Whether a member goes on.
    pub(super) fn keeps(&self, member: usize) -> bool {
        self.settings.iter().any(|setting| setting.kept && setting.members.contains(&member))
    }
}

/// The epochs after which members are compared: none without halving.
pub(super) fn comparisons(sweep: &Sweep) -> Vec<usize> {
    let Some(halving) = sweep.halving else { return Vec::new() };
    let total = |member: &Member| member.checked.plan.stage.iter().map(|stage| stage.epochs).sum();
    let longest: usize = sweep.members.iter().map(total).max().unwrap_or(0);
    let mut settings: Vec<&str> = sweep.members.iter().map(|m| m.setting.as_str()).collect();
    settings.sort_unstable();
    settings.dedup();
    let (mut epochs, mut left, mut found) = (halving.after as f64, settings.len(), Vec::new());
    while left > 1 && (epochs.ceil() as usize) < longest {
        found.push(epochs.ceil() as usize);
        left = kept(left, halving.keep);
        epochs /= halving.keep;
    }
    found
}

/// How many of so many settings go on: at least one, and never all.
fn kept(settings: usize, keep: f64) -> usize {
    let kept = (settings as f64 * keep).ceil() as usize;
    kept.clamp(1, settings.saturating_sub(1).max(1))
}

/// Compares members.
pub(super) fn compare(
    running: &Running<'_>,
    number: usize,
    epochs: usize,
    members: &[&Member],
) -> Rung {
    let halving = running.sweep.halving.unwrap_or_default();
    let monitor = halving.monitor;
    let mut settings: BTreeMap<&str, Ranked> = BTreeMap::new();
    for member in members {
        let value = state(running, member).run().and_then(|run| value(run, epochs, monitor));
        let setting = settings.entry(&member.setting).or_insert_with(|| Ranked {
            members: Vec::new(),
            values: Vec::new(),
            mean: None,
            kept: false,
        });
        setting.members.push(member.number);
        setting.values.push(value);
    }
    let mut settings: Vec<Ranked> = settings.into_values().collect();
    for setting in &mut settings {
        let values: Option<Vec<f64>> = setting.values.iter().copied().collect();
        setting.mean = values.map(|values| values.iter().sum::<f64>() / values.len() as f64);
    }
    rank(&mut settings, is_better_low(monitor));
    let kept = kept(settings.len(), halving.keep);
    let fits = |(place, setting): (usize, &mut Ranked)| {
        setting.kept = place < kept && setting.mean.is_some();
    };
    settings.iter_mut().enumerate().for_each(fits);
    Rung { number, epochs, monitor, settings }
}

fn is_better_low(monitor: Monitor) -> bool {
    matches!(monitor, Monitor::ValidationLoss | Monitor::TrainLoss)
}

/// The best first, those without a value last, equal ones in the order of the members.
fn rank(settings: &mut [Ranked], lowest_first: bool) {
    let sign = if lowest_first { 1.0 } else { -1.0 };
    let key = |setting: &Ranked| {
        (sign * setting.mean.unwrap_or(f64::NAN), setting.members.first().copied())
    };
    settings.sort_by(|a, b| {
        let ((a, first), (b, second)) = (key(a), key(b));
        // NaN comes after every number in this order, once its sign is gone.
        let positive = |x: f64| if x.is_nan() { f64::NAN } else { x };
        positive(a).total_cmp(&positive(b)).then(first.cmp(&second))
    });
}

/// The metric after an epoch, or after the last one before it where the run ended early; `None` for a
/// run that failed.
fn value(run: &LoadedRun, epochs: usize, monitor: Monitor) -> Option<f64> {
    if run.status() == "failed" {
        return None;
    }
    let rows = tables::read(&run.path.join("epochs.parquet")).ok()?;
    let mut within = rows.iter().rev().filter(|row| {
        cell::get(row, "global_epoch").as_f64().is_some_and(|epoch| epoch <= epochs as f64)
    });
    cell::get(within.next()?, monitor.as_str()).as_f64().filter(|value| value.is_finite())
}

/// What was decided.
pub(super) fn say(rung: &Rung) {
    let stopped: usize =
        rung.settings.iter().filter(|setting| !setting.kept).map(|s| s.members.len()).sum();
    let all: usize = rung.settings.iter().map(|setting| setting.members.len()).sum();
    terminal::note(&format!(
        "\nafter {} epochs, by {}: {} of {all} members go on, {stopped} are stopped",
        rung.epochs,
        rung.monitor.as_str(),
        all - stopped
    ));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn setting(member: usize, mean: Option<f64>) -> Ranked {
        Ranked { members: vec![member], values: vec![mean], mean, kept: false }
    }

    /// Li et al. 2018, table 1, eta 3: of 81, then 27, 9, 3 and 1 go on.
    #[test]
    fn a_third_goes_on_each_time() {
        let mut left = 81;
        let mut all = vec![left];
        while left > 1 {
            left = kept(left, 1.0 / 3.0);
            all.push(left);
        }
        assert_eq!(all, [81, 27, 9, 3, 1]);
        assert_eq!([kept(5, 0.5), kept(2, 0.9), kept(1, 0.5)], [3, 1, 1]);
    }

    #[test]
    fn the_best_come_first_and_those_that_failed_last() {
        let mut all = [Some(0.5), None, Some(0.2), Some(0.5)];
        let mut ranked: Vec<Ranked> =
            all.iter_mut().enumerate().map(|(i, mean)| setting(i + 1, *mean)).collect();
        rank(&mut ranked, true);
        let order = |ranked: &[Ranked]| ranked.iter().map(|r| r.members[0]).collect::<Vec<_>>();
        assert_eq!(order(&ranked), [3, 1, 4, 2]);
        rank(&mut ranked, false);
        assert_eq!(order(&ranked), [1, 4, 3, 2]);
    }
}
