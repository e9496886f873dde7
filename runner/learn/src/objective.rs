//! What the logits of a network mean, and how far they are from what an image is labelled with.

use runner_experiment::listing::Target;
use runner_experiment::plan::Plan;
use runner_experiment::section::task::{Loss, Task};

use crate::loss::rows::RowTarget;
use crate::loss::{Outcome, cross_entropy, sigmoid};

/// The task and its loss.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Objective {
    /// What is learned.
    pub task: Task,
    /// How it is measured.
    pub loss: Loss,
    /// Where Huber's loss turns into a straight line.
    pub delta: f64,
    /// How many classes, labels or numbers there are.
    pub classes: usize,
}

impl Objective {
    /// That of a plan, with so many classes, labels or numbers.
    #[must_use]
    pub fn new(plan: &Plan, classes: usize) -> Self {
        let (task, head) = (plan.task(), plan.model.head.as_ref());
        Self {
            task,
            loss: head.and_then(|head| head.loss).unwrap_or(task.loss()),
            delta: head.and_then(|head| head.huber_delta).unwrap_or(1.0),
            classes,
        }
    }

    /// One class out of so many.
    #[must_use]
    pub fn of_classes(classes: usize) -> Self {
        let task = Task::Classification;
        Self { task, loss: task.loss(), delta: 1.0, classes }
    }

    /// The outcome for one image that counts once.
    #[must_use]
    pub fn outcome(&self, logits: &[f32], target: &Target) -> Outcome {
        match target {
            Target::Class(class) => cross_entropy(logits, *class),
            rows => RowTarget::new(rows.values(), 1.0).outcome(logits, self),
        }
    }

    /// A mean score by what it is: an accuracy, or a mean absolute error.
    #[must_use]
    pub(crate) fn named(&self, score: f64) -> (Option<f64>, Option<f64>) {
        match self.task {
            Task::Regression => (None, Some(score)),
            _ => (Some(score), None),
        }
    }

    /// A label for a made-up image.
    #[must_use]
    pub(crate) fn made_up(&self, index: usize) -> Target {
        match self.task {
            Task::Classification => Target::Class(index % self.classes.max(1)),
            Task::Multilabel => Target::Labels(
                (0..self.classes).map(|label| (index + label).is_multiple_of(2)).collect(),
            ),
            Task::Regression => Target::Values(vec![(index % 2) as f64; self.classes]),
        }
    }
}

/// What the logits of one image say: the probability of each class, of each label by itself, or the
/// numbers.
#[must_use]
pub fn answers(task: Task, logits: &[f32]) -> Vec<f64> {
    match task {
        Task::Classification => cross_entropy(logits, 0).probabilities,
        Task::Multilabel => logits.iter().map(|z| sigmoid(f64::from(*z))).collect(),
        Task::Regression => logits.iter().map(|z| f64::from(*z)).collect(),
    }
}
