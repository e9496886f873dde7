//! `runner dataset check`: what lies in the folders of a data set, and what should not.

mod alike;

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use clap::Args;
use runner_data::alike::{DISTANCE, MOST_DISTANCE};
use runner_data::scan::{self, ScannedSplit};
use runner_data::{Interrupt, division};
use runner_experiment::folder;
use runner_experiment::listing::{Split, Target};
use runner_experiment::text::shown;
use runner_experiment::{Checked, Loaded, Override};
use runner_record::{Duplicate, Event};
use runner_results::report;

use crate::failure::Failure;
use crate::progress::Counters;
use crate::{images, terminal};

/// `dataset check`
#[derive(Debug, Args)]
pub struct CheckArguments {
    /// A folder with train, validation and test in it, or with one folder per class; or an experiment
    /// file, whose data set is checked.
    #[arg(value_name = "FOLDER|FILE")]
    target: PathBuf,
    /// Bits of 64 in which the perceptual hashes of two pictures that look alike may differ; fewer find
    /// less.
    #[arg(long, value_name = "BITS", default_value_t = DISTANCE,
          value_parser = clap::value_parser!(u32).range(0..=i64::from(MOST_DISTANCE)))]
    distance: u32,
    /// Do not look for pictures that look alike: copies of the same bytes alone.
    #[arg(long, conflicts_with = "distance")]
    exact: bool,
    /// Also write what was found as a page with the pictures side by side.
    #[arg(long, value_name = "FILE.html")]
    page: Option<PathBuf>,
}

pub(super) fn check(arguments: &CheckArguments) -> Result<(), Failure> {
    let (splits, checked) = match arguments.target.is_file() {
        true => of_file(&arguments.target)?,
        false => (splits(&arguments.target)?, None),
    };
    let interrupt = crate::signals::interrupt()?;
    let mut scanned = scan(&splits, &interrupt)?;
    if let Some(checked) = &checked {
        scanned = divided(checked, scanned)?;
    }
    counts(&splits, &scanned);
    differing_classes(&scanned);
    let copies = scan::duplicates(&scanned);
    duplicates(&copies);
    let mut sections = alike::copies(&copies);
    if !arguments.exact {
        let alike = alike::find(&scanned, arguments.distance, &interrupt)?;
        alike::say(&alike, arguments.distance);
        sections.extend(alike::sections(&alike));
    }
    if let Some(file) = &arguments.page {
        let title = arguments.target.display().to_string();
        report::write_duplicates(file, &title, sections)?;
        terminal::note(&format!("\nwritten to {}", file.display()));
    }
    unusable(&scanned)
}

fn scan(splits: &[Split], interrupt: &Interrupt) -> Result<Vec<ScannedSplit>, Failure> {
    let mut counters = Counters::default();
    let scanned = scan::scan(splits, interrupt, &mut |event| {
        if let Event::Progress { phase, done, total } = event {
            counters.set(&phase, done, total);
        }
    });
    counters.clear();
    Ok(scanned?)
}

/// The data set of an experiment file; of a sweep, that of its first member.
fn of_file(file: &Path) -> Result<(Vec<Split>, Option<Checked>), Failure> {
    let checked = match runner_experiment::load_all(file, &[] as &[Override])? {
        Loaded::One(checked) => *checked,
        Loaded::Sweep(sweep) => {
            let first = sweep.members.into_iter().next().map(|member| member.checked);
            first.ok_or_else(|| Failure::usage("this sweep has no member"))?
        }
    };
    match checked.splits.is_empty() {
        true => Err(Failure::usage(format!("{} has no data set", file.display()))),
        false => Ok((checked.splits.clone(), Some(checked))),
    }
}

/// The splits that a folder is divided into.
fn divided(
    checked: &Checked,
    mut scanned: Vec<ScannedSplit>,
) -> Result<Vec<ScannedSplit>, Failure> {
    let dataset = checked.plan.dataset.as_ref().filter(|dataset| dataset.is_divided());
    let (Some(dataset), 1) = (dataset, scanned.len()) else { return Ok(scanned) };
    let Some(whole) = scanned.pop() else { return Ok(scanned) };
    let folder = checked.splits.first().map(|split| split.folder.clone()).unwrap_or_default();
    let bad = (whole.bad.clone(), whole.narrow.clone());
    let results = Path::new("results");
    let earlier = crate::division::earlier(&checked.plan, results, None)?;
    let mut splits = division::divide(dataset, &folder, whole, &earlier)?.splits;
    if let Some(first) = splits.first_mut() {
        (first.bad, first.narrow) = bad;
    }
    Ok(splits)
}

/// Copies of the same bytes.
fn duplicates(found: &[Duplicate]) {
    let report = |title: &str, which: fn(&Duplicate) -> bool| {
        let all: Vec<&Duplicate> = found.iter().filter(|found| which(found)).collect();
        terminal::out(&format!("\n{title}: {}", all.len()));
        for duplicate in all {
            terminal::out(&format!("  {}", images::line(duplicate)));
        }
    };
    if found.iter().any(Duplicate::is_contradiction) {
        report("contradictions, pictures in more than one class", Duplicate::is_contradiction);
    }
    report("pictures in more than one split", Duplicate::is_leak);
    report("pictures more than once in a split", |d| !d.is_leak() && !d.is_contradiction());
}

/// What no run could use, and what comes out nearly black.
fn unusable(scanned: &[ScannedSplit]) -> Result<(), Failure> {
    let narrow: Vec<_> = scanned.iter().flat_map(|split| split.narrow.clone()).collect();
    if !narrow.is_empty() {
        images::show_narrow(&narrow);
    }
    let pages = scan::of_several_pages(scanned);
    if !pages.is_empty() {
        images::show_pages(&pages);
    }
    let bad: Vec<_> = scanned.iter().flat_map(|split| &split.bad).collect();
    terminal::out(&format!("\nimages that cannot be used: {}", bad.len()));
    for image in &bad {
        terminal::out(&format!("  {}: {}", shown(&image.path), image.problem));
    }
    match bad.len() {
        0 => Ok(()),
        count => Err(Failure::data(format!("{count} of the images cannot be used"))),
    }
}

/// The splits in a folder, or the folder itself as one.
fn splits(folder: &Path) -> Result<Vec<Split>, Failure> {
    if !folder.is_dir() {
        let message = format!("the folder {} does not exist", folder.display());
        return Err(Failure::usage(message));
    }
    let list = |name, path: &Path| {
        folder::list(name, &path.display().to_string())
            .map_err(|error| Failure::data(error.to_string()))
    };
    let named: Vec<&'static str> = ["train", "validation", "test"]
        .into_iter()
        .filter(|name| folder.join(name).is_dir())
        .collect();
    let splits: Vec<Split> = match named[..] {
        [] => vec![list("images", folder)?],
        _ => named
            .into_iter()
            .map(|name| list(name, &folder.join(name)))
            .collect::<Result<_, _>>()?,
    };
    match splits.iter().all(|split| split.classes.is_empty()) {
        true => Err(Failure::usage(format!(
            "{} has neither train, validation and test in it, nor one folder per class",
            folder.display()
        ))),
        false => Ok(splits),
    }
}

fn counts(splits: &[Split], scanned: &[ScannedSplit]) {
    let mut rows = Vec::new();
    for split in scanned {
        let bad: HashSet<&PathBuf> = split.bad.iter().map(|image| &image.path).collect();
        if split.images.iter().any(|image| matches!(image.target, Target::Values(_))) {
            rows.push(of_numbers(split));
            continue;
        }
        for (index, class) in split.classes.iter().enumerate() {
            let counts = |target: &Target| target.classes().any(|of| of == index);
            let usable: Vec<&scan::ImageFile> =
                split.images.iter().filter(|image| counts(&image.target)).collect();
            let listed = splits.iter().filter(|split| split.classes.get(index) == Some(class));
            let listed = listed.flat_map(|split| &split.images);
            let unusable = listed.filter(|l| counts(&l.target) && bad.contains(&l.path)).count();
            let mut row = vec![split.name.to_owned(), class.clone()];
            row.extend([usable.len(), unusable].map(|count| count.to_string()));
            row.extend(sizes(&usable));
            rows.push(row);
        }
    }
    let header = ["split", "class", "usable", "unusable", "smallest", "median", "largest"];
    terminal::out_table(&header, rows);
}

/// Numbers are no classes: all images of a split in one line.
fn of_numbers(split: &ScannedSplit) -> Vec<String> {
    let mut row = vec![split.name.to_owned(), split.classes.join(", ")];
    row.extend([split.images.len(), split.bad.len()].map(|count| count.to_string()));
    row.extend(sizes(&split.images.iter().collect::<Vec<_>>()));
    row
}

/// Splits of one data set have the same classes.
fn differing_classes(scanned: &[ScannedSplit]) {
    let Some((first, rest)) = scanned.split_first() else { return };
    for split in rest.iter().filter(|split| split.classes != first.classes) {
        terminal::warning(&format!(
            "the classes of {} are not those of {}: a run would refuse them",
            split.name, first.name
        ));
    }
}

/// Smallest, median and largest by area, as `height×width`.
fn sizes(images: &[&scan::ImageFile]) -> [String; 3] {
    let mut sizes: Vec<[usize; 2]> = images.iter().map(|image| image.size).collect();
    sizes.sort_by_key(|[height, width]| height * width);
    let show = |index: usize| sizes.get(index).map_or(String::new(), |[h, w]| format!("{h}x{w}"));
    [show(0), show(sizes.len() / 2), show(sizes.len().saturating_sub(1))]
}
