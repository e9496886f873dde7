//! Two sides and their differences, for people.

use runner_results::diff::{Diff, Opinion, Score, Side, Summary, Verdict};

use crate::terminal;

pub(super) fn print(diff: &Diff) {
    terminal::out(&format!("A: {}\nB: {}", side(&diff.a), side(&diff.b)));
    parameters(diff);
    scores(diff);
    classes(diff);
    disagreements(diff);
    verdict(&diff.verdict, diff.a.runs.len() + diff.b.runs.len());
}

fn side(side: &Side) -> String {
    match side.runs.as_slice() {
        [run] => {
            let fold = run.fold.map_or(String::new(), |fold| format!(", fold {fold}"));
            format!("run {} of {}, seed {}{fold}", run.id, run.experiment, run.seed)
        }
        runs => {
            let list = |what: &str, values: &[String]| {
                format!(
                    "the {what}{} {}",
                    if values.len() == 1 { "" } else { "s" },
                    values.join(", ")
                )
            };
            let seeds: Vec<String> = side.seeds().into_iter().map(str::to_owned).collect();
            let folds: Vec<String> = side.folds().iter().map(ToString::to_string).collect();
            let folds = match folds.is_empty() {
                true => String::new(),
                false => format!(" and {}", list("fold", &folds)),
            };
            format!("{}: {} runs with {}{folds}", side.name, runs.len(), list("seed", &seeds))
        }
    }
}

fn parameters(diff: &Diff) {
    if diff.parameters.is_empty() {
        terminal::out("\nno parameter differs");
        return;
    }
    terminal::out("\nchanged parameters:");
    let value = |value: &Option<String>| value.clone().unwrap_or_else(|| "-".to_owned());
    let rows = diff.parameters.iter().map(|p| vec![p.key.clone(), value(&p.a), value(&p.b)]);
    terminal::out_table(&["parameter", "A", "B"], rows.collect());
}

fn scores(diff: &Diff) {
    let summary = |summary: Option<Summary>| match summary {
        None => "-".to_owned(),
        Some(Summary { mean, deviation: None, .. }) => format!("{mean:.4}"),
        Some(Summary { mean, deviation: Some(deviation), runs }) => {
            format!("{mean:.4} ± {deviation:.4} (n = {runs})")
        }
    };
    let row = |score: &Score| {
        let difference = score.difference().map_or("-".to_owned(), |d| format!("{d:+.4}"));
        vec![score.name.clone(), summary(score.a), summary(score.b), difference]
    };
    let groups = diff.a.runs.len() > 1 || diff.b.runs.len() > 1;
    let kind = if groups { " (mean ± standard deviation)" } else { "" };
    terminal::out(&format!("\nscores{kind}:"));
    terminal::out_table(&["score", "A", "B", "B - A"], diff.scores.iter().map(row).collect());
}

fn classes(diff: &Diff) {
    if diff.images == 0 {
        return;
    }
    let what = if diff.labels { "label" } else { "class" };
    terminal::out(&format!("\naccuracy per {what} on {} {} images:", diff.images, diff.split));
    let share = |share: Option<f64>| share.map_or("-".to_owned(), |share| format!("{share:.4}"));
    let rows = diff.classes.iter().map(|class| {
        let difference = class.difference.map_or("-".to_owned(), |d| format!("{d:+.4}"));
        let images = class.images.to_string();
        vec![class.class.clone(), images, share(class.a), share(class.b), difference]
    });
    let of = if diff.labels { ["label", "images with it"] } else { ["class", "images"] };
    terminal::out_table(&[of[0], of[1], "A", "B", "B - A"], rows.collect());
}

fn disagreements(diff: &Diff) {
    if diff.images == 0 {
        return;
    }
    let (shown, total) = (diff.disagreements.images.len(), diff.disagreements.total);
    if total == 0 {
        terminal::out("\nA and B disagree on no image");
        return;
    }
    terminal::out(&format!(
        "\nA and B disagree on {total} images; {shown} of them, those with the most different \
         probabilities of the true {} first:",
        if diff.labels { "labels" } else { "class" }
    ));
    let says = |opinion: &Opinion, side: &Side| {
        let said = if opinion.says.is_empty() { "nothing" } else { &opinion.says };
        match side.seeds().len() {
            1 => said.to_owned(),
            seeds => format!("{said} ({} of {seeds} right)", opinion.right),
        }
    };
    let rows = diff.disagreements.images.iter().map(|image| {
        vec![
            image.path.clone(),
            image.label.clone(),
            says(&image.a, &diff.a),
            says(&image.b, &diff.b),
            format!("{:.4}", image.a.probability),
            format!("{:.4}", image.b.probability),
        ]
    });
    let header = match diff.labels {
        true => ["image", "labels", "A says", "B says", "A, true labels", "B, true labels"],
        false => ["image", "class", "A says", "B says", "A, true class", "B, true class"],
    };
    if shown > 0 {
        terminal::out_table(&header, rows.collect());
    }
}

fn verdict(verdict: &Verdict, runs: usize) {
    let mut lines = vec![format!("\nverdict: {}", verdict.headline())];
    if let (Some(difference), Some([low, high])) = (verdict.difference, verdict.interval) {
        lines.push(format!(
            "B - A: {difference:+.2} points of accuracy, 95 % interval {low:+.2} to {high:+.2} ({})",
            verdict.interval_method
        ));
    }
    if let Some([low, high]) = verdict.network_interval {
        let networks = if runs > 2 { "networks" } else { "two networks" };
        lines.push(format!("of these {networks} alone: {low:+.2} to {high:+.2}"));
    }
    if let Some(p) = verdict.p_value {
        let p = if p < 1e-4 { "p < 0.0001".to_owned() } else { format!("p = {p:.4}") };
        let degrees = match verdict.degrees_of_freedom {
            Some(degrees) if degrees.is_finite() => format!(", {degrees:.1} degrees of freedom"),
            _ => String::new(),
        };
        lines.push(format!("{}: {p}{degrees}", verdict.test));
    }
    lines.extend(verdict.explanation.iter().chain(&verdict.advice).cloned());
    terminal::out(&lines.join("\n"));
}
