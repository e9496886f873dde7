//! What the test found, in words and numbers.

use serde::Serialize;

use super::words::{about, count, of, points};
use crate::significance::{
    Finding, LEVEL, Outcome, Pairs, SeedsAndImages, SingleRuns, images_for_mcnemar,
    images_for_seeds, seeds_for_images,
};

/// Whether one side is better, how that was found, and what it does not say.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Verdict {
    /// What can be said.
    pub outcome: Outcome,
    /// Accuracy of B less that of A, in percentage points; nothing where there was nothing to test.
    pub difference: Option<f64>,
    /// The 95 % interval of that, in percentage points.
    pub interval: Option<[f64; 2]>,
    /// How often two equal settings look at least as different.
    pub p_value: Option<f64>,
    /// Name of the test, with its papers.
    pub test: String,
    /// How the interval was made.
    pub interval_method: String,
    /// Standard error of the difference in percentage points, where seeds were tested.
    pub standard_error: Option<f64>,
    /// Degrees of freedom, where seeds were tested.
    pub degrees_of_freedom: Option<f64>,
    /// Who is right on which images, for two single runs.
    pub pairs: Option<Pairs>,
    /// The 95 % interval of the difference between two single networks, in percentage points.
    pub network_interval: Option<[f64; 2]>,
    /// What the numbers mean, a sentence each.
    pub explanation: Vec<String>,
    /// What would tell more, a sentence each.
    pub advice: Vec<String>,
}

impl Verdict {
    /// `B is better`, `A is better` or `cannot tell`.
    #[must_use]
    pub fn headline(&self) -> &'static str {
        match self.outcome {
            Outcome::ABetter => "A is better",
            Outcome::BBetter => "B is better",
            Outcome::CannotTell => "cannot tell",
        }
    }
}

pub(super) const NO_TEST: Verdict = Verdict {
    outcome: Outcome::CannotTell,
    difference: None,
    interval: None,
    p_value: None,
    test: String::new(),
    interval_method: String::new(),
    standard_error: None,
    degrees_of_freedom: None,
    pairs: None,
    network_interval: None,
    explanation: Vec::new(),
    advice: Vec::new(),
};

/// `several_folds`: whether a side has several of a cross-validation.
pub(super) fn verdict(finding: Option<&Finding>, split: &str, several_folds: bool) -> Verdict {
    let mut verdict = match finding {
        Some(Finding::Single(found)) => single(found, split, several_folds),
        Some(Finding::Seeds(found)) => seeds(found, split),
        None => Verdict {
            test: "none".to_owned(),
            explanation: vec![format!("One {split} image tells nothing about others.")],
            ..NO_TEST
        },
    };
    if several_folds {
        verdict.explanation.push(FOLDS.to_owned());
    }
    verdict
}

/// "No Unbiased Estimator of the Variance of K-Fold Cross-Validation".
const FOLDS: &str = "Each image counts once per seed, by the run of the fold that was not trained on it. \
     Runs of different folds share most of their training images, and how much that matters cannot be told \
     from them (Bengio & Grandvalet 2004): trust no p-value that is just below 0.05.";

fn in_points(interval: [f64; 2]) -> Option<[f64; 2]> {
    Some(interval.map(|end| 100.0 * end))
}

fn single(found: &SingleRuns, split: &str, several_folds: bool) -> Verdict {
    let finding = Finding::Single(found.clone());
    let pairs = found.pairs;
    let mut explanation = vec![format!(
        "Of {}, only A is right on {} and only B on {}.",
        of(pairs.images(), &format!("{split} image")),
        count(pairs.only_a),
        count(pairs.only_b)
    )];
    let networks_differ = found.network_outcome() != Outcome::CannotTell;
    if networks_differ && finding.outcome() == Outcome::CannotTell {
        explanation.push(format!(
            "On images like these one {} better than the other by more than chance, \
             but another seed of the same setting may differ as much.",
            if several_folds { "set of networks is" } else { "network is" }
        ));
    }
    let [networks, runs] = match several_folds {
        true => ["the networks of these folds", "one seed"],
        false => ["two trained networks", "two runs"],
    };
    explanation.push(format!(
        "With one seed each, {networks} are compared, and their settings only as far as seeds \
         matter little: another seed is taken to change the accuracy by {} points (standard deviation, \
         --seed-spread), which {runs} cannot check.",
        points(found.spread)
    ));
    Verdict {
        outcome: finding.outcome(),
        difference: Some(100.0 * found.difference),
        interval: in_points(found.interval),
        p_value: Some(found.p_value),
        test: "exact McNemar test (McNemar 1947; Dietterich 1998)".to_owned(),
        interval_method: "Newcombe 1998, method 10, widened for seeds".to_owned(),
        pairs: Some(pairs),
        network_interval: in_points(found.network_interval),
        explanation,
        advice: single_advice(found, finding.outcome(), split),
        ..NO_TEST
    }
}

fn single_advice(found: &SingleRuns, outcome: Outcome, split: &str) -> Vec<String> {
    let mut advice = Vec::new();
    if outcome != Outcome::CannotTell {
        return advice;
    }
    let images = images_for_mcnemar(&found.pairs).filter(|_| found.p_value >= LEVEL);
    if let Some(images) = images {
        advice.push(format!(
            "To tell two networks apart that differ by {} points with as large a share of \
             disagreements, {} {split} images would be needed (power 80 %).",
            points(found.difference.abs()),
            about(images)
        ));
    }
    advice
}

/// Where a side is a single run, that other seeds would tell more, and how many there are already.
pub(super) fn more_seeds(runs: [usize; 2], other_seeds: [usize; 2]) -> Option<String> {
    let there: Vec<String> = [("A", other_seeds[0]), ("B", other_seeds[1])]
        .into_iter()
        .filter(|(_, seeds)| *seeds > 0)
        .map(|(side, seeds)| format!("{} of {side}'s setting", of(seeds, "other seed")))
        .collect();
    runs.contains(&1).then(|| match there.is_empty() {
        true => "Several seeds of each setting tell more: run them with other values of \
                 experiment.seed, then compare the experiments, or lists of runs with commas between \
                 them."
            .to_owned(),
        false => format!(
            "Several seeds of each setting tell more. There already: {}. Compare the experiments, or \
             lists of runs with commas between them.",
            there.join(" and ")
        ),
    })
}

fn seeds(found: &SeedsAndImages, split: &str) -> Verdict {
    let outcome = Finding::Seeds(found.clone()).outcome();
    let [a, b] = found.seeds;
    let mut explanation = vec![format!(
        "Seeds and {split} images both count as samples: A has {}, B has {}, on {}.",
        of(a, "seed"),
        of(b, "seed"),
        of(found.images, "image")
    )];
    explanation.extend(sources(found));
    if let Some(spread) = found.spread {
        explanation.push(format!(
            "{} has one seed: its accuracy is taken to vary between seeds as the other side's does, and \
             at least by {} points (standard deviation, --seed-spread).",
            if a == 1 { "A" } else { "B" },
            points(spread)
        ));
    }
    Verdict {
        outcome,
        difference: Some(100.0 * found.difference),
        interval: in_points(found.interval),
        p_value: Some(found.p_value),
        test: "test over seeds and images (Obuchowski & Rockette 1995; Hillis 2007)".to_owned(),
        interval_method: "Student's t of the same test".to_owned(),
        standard_error: Some(100.0 * found.standard_error),
        degrees_of_freedom: Some(found.degrees),
        explanation,
        advice: seeds_advice(found, outcome, split),
        ..NO_TEST
    }
}

/// What the standard error is made of. The chance of single seeds at single images counts with seeds.
fn sources(found: &SeedsAndImages) -> Option<String> {
    let settings = found.components.settings();
    let variance = found.standard_error.powi(2);
    (variance > 0.0).then(|| {
        format!(
            "The standard error is {} points; {:.0} % of its square is from seeds, the rest from images.",
            points(found.standard_error),
            100.0 * (1.0 - settings / variance)
        )
    })
}

fn seeds_advice(found: &SeedsAndImages, outcome: Outcome, split: &str) -> Vec<String> {
    if outcome != Outcome::CannotTell || found.difference == 0.0 {
        return Vec::new();
    }
    let images =
        images_for_seeds(found).map(|n| format!("{} {split} images with these seeds", about(n)));
    let seeds =
        seeds_for_images(found).map(|n| format!("{} seeds of each on these images", about(n)));
    let ways: Vec<String> = images.into_iter().chain(seeds).collect();
    let difference = points(found.difference.abs());
    vec![match ways.is_empty() {
        true => format!(
            "To tell a difference of {difference} points, more seeds and more {split} images would \
             both be needed."
        ),
        false => format!(
            "To tell a difference of {difference} points, {} would be needed (power 80 %).",
            ways.join(", or ")
        ),
    }]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::significance::compare;

    fn right(images: usize, wrong: impl Fn(usize) -> bool) -> Vec<bool> {
        (0..images).map(|image| !wrong(image)).collect()
    }

    #[test]
    fn two_runs_are_told_apart_where_seeds_cannot_explain_it() {
        let a = right(1000, |image| image < 200);
        let b = right(1000, |image| (100..210).contains(&image));
        let found = compare(&[a], &[b], None);
        let said = verdict(found.as_ref(), "test", false);
        assert_eq!(said.headline(), "B is better");
        assert_eq!(said.difference.map(f64::round), Some(9.0));
        assert_eq!(
            said.explanation[0],
            "Of 1,000 test images, only A is right on 10 and only B on 100."
        );
        assert!(said.advice.is_empty());
    }

    #[test]
    fn what_seeds_can_explain_is_no_verdict() {
        let a = right(1000, |image| image < 110);
        let b = right(1000, |image| (15..113).contains(&image));
        let found = compare(&[a], &[b], None);
        let said = verdict(found.as_ref(), "test", false);
        // 3 against 15: the binomial p-value is 0.0075.
        assert_eq!(said.p_value.map(|p| (1e4 * p).round()), Some(75.0));
        assert_eq!(said.headline(), "cannot tell");
        assert!(said.explanation[1].contains("another seed"), "{said:?}");
        let advice = more_seeds([1, 1], [0, 1]).unwrap_or_default();
        assert!(advice.contains("There already: 1 other seed of B's setting."), "{advice}");
        assert_eq!(more_seeds([2, 2], [0, 0]), None);
        assert_eq!(verdict(None, "test", false).headline(), "cannot tell");
    }
}
