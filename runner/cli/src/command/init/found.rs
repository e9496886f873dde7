//! What photos there are, as the comment on top of an experiment.

use runner_experiment::section::task::Task;
use runner_experiment::text::{thousands, visible};

use super::folder::Photos;
use super::layout::Layout;

/// How many classes are listed by name.
const LISTED: usize = 40;

/// How much there is to learn of each photo, in words.
pub(super) fn learned(photos: &Photos) -> String {
    let count = photos.classes.len();
    match photos.layout.task() {
        Task::Classification => format!("{count} classes"),
        Task::Multilabel => format!("{count} labels"),
        Task::Regression if count == 1 => "1 number".to_owned(),
        Task::Regression => format!("{count} numbers"),
    }
}

/// What was found, as comments.
pub(super) fn header(name: &str, photos: &Photos) -> String {
    let mut lines = vec![
        format!("{} photos of {}.", thousands(photos.images()), learned(photos)),
        format!("`runner check` shows the plan, `runner run` trains and tests: results/{name}"),
        String::new(),
    ];
    lines.extend(table(photos));
    let [smallest, median, largest] =
        photos.sizes().map(|[height, width]| format!("{height}x{width}"));
    lines.push(String::new());
    lines.push(format!("Height and width: {smallest} to {largest}, half of them up to {median}."));
    if let Layout::Whole { aside: Some(aside), .. } = &photos.layout {
        let aside = visible(aside);
        lines.push(format!(
            "There is no folder for validation, so one folder is divided, and {aside}"
        ));
        lines.push(format!("takes no part; later: `runner predict last {aside}`"));
    }
    if let Some(bad) = photos.bad.first() {
        let path = visible(&bad.path.to_string_lossy()).into_owned();
        lines.push(format!("Files that cannot be used: {}, such as {path}:", photos.bad.len()));
        lines.push(visible(&bad.problem).into_owned());
    }
    let comment = |line: String| format!("# {line}").trim_end().to_owned() + "\n";
    lines.into_iter().map(comment).collect()
}

/// One line per class or label, with its images in each split; per number, from where to where it goes.
fn table(photos: &Photos) -> Vec<String> {
    if !photos.has_classes() {
        let range = |(output, name): (usize, &String)| {
            let [low, high] = photos.range(output);
            format!("`{}`: {} to {}.", visible(name), number(low), number(high))
        };
        let splits = photos
            .splits
            .iter()
            .map(|split| format!("{} to {}", thousands(split.images.len()), purpose(split.name)));
        let splits = splits.collect::<Vec<_>>().join(", ");
        let ranges = photos.classes.iter().enumerate().map(range);
        let advice =
            "Numbers are learned as they stand: bring them to a range of about one in the table.";
        return ranges.chain([advice.to_owned(), format!("Images: {splits}.")]).collect();
    }
    let names: Vec<String> = photos.classes.iter().map(|n| visible(n).into_owned()).collect();
    let width =
        names.iter().take(LISTED).map(|name| name.chars().count()).max().unwrap_or(0).max(5);
    let row = |name: &str, cells: &[String]| {
        let cells: String = cells.iter().map(|cell| format!("{cell:>12}")).collect();
        format!("{name:<width$}{cells}")
    };
    let splits = photos.splits.iter().map(|split| split.name.to_owned());
    let header: Vec<String> = ["images".to_owned()].into_iter().chain(splits).collect();
    let first = if photos.layout.task() == Task::Multilabel { "label" } else { "class" };
    let mut lines = vec![row(first, &header)];
    for (class, name) in names.iter().enumerate().take(LISTED) {
        let counts = photos.counts(class);
        let all = [counts.iter().sum()].into_iter().chain(counts);
        lines.push(row(name, &all.map(thousands).collect::<Vec<_>>()));
    }
    if let Some(rest) = names.len().checked_sub(LISTED).filter(|rest| *rest > 0) {
        lines.push(format!("and {rest} more"));
    }
    lines
}

/// A number, very large and very small ones with an exponent.
fn number(number: f64) -> String {
    match number == 0.0 || (1e-4..1e9).contains(&number.abs()) {
        true => number.to_string(),
        false => format!("{number:e}"),
    }
}

/// What a split is for.
fn purpose(split: &str) -> &str {
    match split {
        "validation" => "validate",
        split => split,
    }
}
