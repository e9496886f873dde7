//! What the images of a batch should come to: their labels, weighted, mixed and smoothed.

use runner_data::mixing::Mix;
use runner_experiment::section::task::Task;

use super::StageRun;
use crate::loss::Target;
use crate::loss::rows::RowTarget;
use crate::loss::targets::Targets;

impl StageRun<'_> {
    /// What the images of a batch should come to.
    pub(super) fn targets(&self, batch: &[usize], mix: Option<Mix>) -> Targets {
        let labels = self.train.labels();
        let smoothing = self.stage.label_smoothing;
        let mix = mix.as_ref();
        if self.objective.task == Task::Classification {
            let plain = |index: &usize| {
                let class = labels.targets[*index].class().unwrap_or(0);
                Target::of(class, self.class_weights.len())
                    .weighted(self.class_weights[class] * labels.weights[*index])
            };
            let targets = mixed(batch.iter().map(plain).collect(), mix, Target::mixed);
            return Targets::Classes(match smoothing {
                0.0 => targets,
                share => targets.into_iter().map(|target| target.smoothed(share)).collect(),
            });
        }
        let plain = |index: &usize| {
            let (target, weight) = (&labels.targets[*index], labels.weights[*index]);
            RowTarget::new(target.values(), weight).with_positive(&self.class_weights)
        };
        let targets = mixed(batch.iter().map(plain).collect(), mix, RowTarget::mixed);
        let targets = match smoothing {
            0.0 => targets,
            share => targets.into_iter().map(|target| target.smoothed(share)).collect(),
        };
        Targets::Rows(self.objective, targets)
    }
}

/// Targets of a batch, each mixed with that of its partner where images are mixed.
fn mixed<T>(plain: Vec<T>, mix: Option<&Mix>, mixed: impl Fn(&T, &T, f64) -> T) -> Vec<T> {
    let Some(mix) = mix else { return plain };
    let pairs = plain.iter().zip(&mix.partners);
    pairs.map(|(target, other)| mixed(target, &plain[*other], mix.share)).collect()
}
