//! What a sweep stands for: its members, what they share, what it costs.

use std::collections::BTreeMap;
use std::path::Path;

use runner_experiment::plan::Stage;
use runner_experiment::{Checked, Sweep, fingerprint};

use crate::command::frozen::{frozen, multiplications};
use crate::command::resume;
use crate::terminal;
use crate::text::{duration, thousands};

/// `rates.toml: a sweep of 12 members, experiment rates`
pub(super) fn head(file: &str, sweep: &Sweep) -> String {
    let name = sweep.members.first().map_or("", |first| &first.checked.plan.experiment.name);
    let halving = sweep.halving.map_or(String::new(), |halving| {
        format!(
            "\nthe better {:.0}% by {} go on after {} epochs, and so on (successive halving)",
            100.0 * halving.keep,
            halving.monitor.as_str(),
            halving.after
        )
    });
    let members = sweep.members.len();
    format!("{file}: sweep {} of {members} members, experiment {name}{halving}\n", sweep.id)
}

/// One line per member.
pub(super) fn members(sweep: &Sweep, results: &Path) {
    let row = |member: &runner_experiment::Member| {
        let runs = resume::of_member(&member.checked, results);
        let finished = runs.iter().find(|run| run.status() == "finished");
        let status = finished.or(runs.first()).map_or("new", |run| run.status()).to_owned();
        let plan = fingerprint::fingerprint(&member.checked.plan)[..8].to_owned();
        vec![member.number.to_string(), member.name.clone(), plan, status]
    };
    let rows = sweep.members.iter().map(row).collect();
    terminal::out_table(&["member", "name", "fingerprint", "status"], rows);
}

/// A frozen pass: what every member that has the same key computes once.
struct Pass {
    members: usize,
    text: String,
}

/// What members share, and what each computes for itself.
pub(super) fn shared(sweep: &Sweep) -> String {
    let mut passes: BTreeMap<String, Pass> = BTreeMap::new();
    for member in &sweep.members {
        for (key, text) in frozen(&member.checked) {
            passes.entry(key).or_insert(Pass { members: 0, text }).members += 1;
        }
    }
    if passes.is_empty() {
        return "\nthe members share no features: none of their stages has a frozen prefix without \
                augmentation"
            .to_owned();
    }
    let lines = passes.values().map(|pass| {
        let plural = if pass.members == 1 { "" } else { "s" };
        format!("\n{} member{plural}: {}", pass.members, pass.text)
    });
    format!("\ncomputed once, and kept for all:{}", lines.collect::<String>())
}

/// What the members cost: steps, multiply-adds, and time where some have run already.
pub(super) fn cost(sweep: &Sweep, results: &Path) -> String {
    let training: f64 = sweep.members.iter().map(|member| training(&member.checked)).sum();
    let epochs: usize =
        sweep.members.iter().flat_map(|member| &member.checked.plan.stage).map(|s| s.epochs).sum();
    let mut text = format!(
        "training: at most {} epochs in all, {:.2} T multiply-adds forward and backward",
        thousands(epochs),
        training / 1e12
    );
    let finished = |member: &runner_experiment::Member| {
        let runs = resume::of_member(&member.checked, results);
        let run = runs.into_iter().find(|run| run.status() == "finished")?;
        run.get("duration_s").as_f64()
    };
    let times: Vec<f64> = sweep.members.iter().filter_map(finished).collect();
    let left = sweep.members.len() - times.len();
    if !times.is_empty() && left > 0 {
        let mean = times.iter().sum::<f64>() / times.len() as f64;
        text += &format!(
            "\n{} members are finished, in {} on the mean: about {} for the {left} left, one after \
             another",
            times.len(),
            duration(mean),
            duration(mean * left as f64)
        );
    }
    text
}

/// Multiply-adds of training one plan to its last epoch: forward once, backward twice as much.
fn training(checked: &Checked) -> f64 {
    let images = checked.splits.iter().find(|split| split.name == "train");
    let images = images.map_or(0, |split| split.images.len()) as f64;
    let of_stage = |stage: &Stage| {
        let prefix = stage.frozen_prefix(&checked.layers);
        let trained = 3.0 * multiplications(&checked.layers[prefix..]);
        let frozen = match stage.augment {
            true => multiplications(&checked.layers[..prefix]),
            false => 0.0,
        };
        stage.epochs as f64 * images * (trained + frozen)
    };
    checked.plan.stage.iter().map(of_stage).sum()
}
