//! `runner dataset`: fetch, generate, check.

use std::path::{Path, PathBuf};

use clap::Subcommand;
use runner_data::Interrupt;
use runner_data::generate;
use runner_data::scan::{self, ScannedSplit};
use runner_experiment::folder::{self, Split};
use runner_experiment::text::shown;
use runner_record::Duplicate;
use runner_record::Event;

use crate::failure::Failure;
use crate::fetch::dataset::fetch;
use crate::fetch::shapes;
use crate::progress::Counters;
use crate::{images, signals, terminal};

/// `dataset`
#[derive(Debug, Subcommand)]
pub enum DatasetCommand {
    /// Download a public data set and lay it out for the shipped experiments.
    Fetch {
        /// `cats_and_dogs_filtered`.
        name: String,
        /// A copy of the archive at hand, instead of a download.
        #[arg(long, value_name = "FILE")]
        from: Option<PathBuf>,
        /// Where it goes.
        #[arg(long, value_name = "DIR")]
        out: Option<PathBuf>,
    },
    /// Make a small, deterministic data set that needs no download.
    Generate {
        /// `shapes`.
        name: String,
        /// Where it goes.
        #[arg(long, value_name = "DIR")]
        out: Option<PathBuf>,
        /// Where random draws start.
        #[arg(long, default_value_t = 42)]
        seed: u64,
    },
    /// Report counts, sizes, broken files, duplicates and leaks between splits.
    Check {
        /// A folder with train, validation and test in it, or with one folder per class.
        folder: PathBuf,
    },
}

pub(super) fn dataset(command: DatasetCommand) -> Result<(), Failure> {
    match command {
        DatasetCommand::Fetch { name, from, out } => {
            let interrupt = signals::interrupt()?;
            let place = fetch(&name, from.as_deref(), out.as_deref(), &interrupt)?;
            terminal::out(&format!("{name}: laid out in {}", place.display()));
            Ok(())
        }
        DatasetCommand::Generate { name, out, seed } => {
            generate_shapes(&name, out.as_deref(), seed)
        }
        DatasetCommand::Check { folder } => check(&folder),
    }
}

fn generate_shapes(name: &str, out: Option<&Path>, seed: u64) -> Result<(), Failure> {
    if name != "shapes" {
        let message = format!("there is no generator `{name}`; there is shapes");
        return Err(Failure::usage(message));
    }
    let out = out.unwrap_or(Path::new(shapes::PLACE));
    if out.exists() {
        return Err(Failure::usage(format!(
            "{} is there already; remove it first, or say --out",
            out.display()
        )));
    }
    let count = shapes::draw(out, seed)?;
    terminal::out(&format!(
        "{count} pictures of {} in {}",
        generate::CLASSES.join(", "),
        out.display()
    ));
    Ok(())
}

fn check(folder: &Path) -> Result<(), Failure> {
    let splits = splits(folder)?;
    let mut counters = Counters::default();
    let scanned = scan::scan(&splits, &Interrupt::default(), &mut |event| {
        if let Event::Progress { phase, done, total } = event {
            counters.set(&phase, done, total);
        }
    })?;
    counters.clear();
    counts(&splits, &scanned);
    differing_classes(&splits);
    let found = scan::duplicates(&scanned);
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
    let narrow: Vec<_> = scanned.iter().flat_map(|split| split.narrow.clone()).collect();
    if !narrow.is_empty() {
        images::show_narrow(&narrow);
    }
    let pages = scan::of_several_pages(&scanned);
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
    for (split, scanned) in splits.iter().zip(scanned) {
        for (index, class) in split.classes.iter().enumerate() {
            let usable: Vec<&scan::ImageFile> =
                scanned.images.iter().filter(|image| image.class == index).collect();
            let [smallest, median, largest] = sizes(&usable);
            rows.push(vec![
                split.name.to_owned(),
                class.name.clone(),
                usable.len().to_string(),
                (class.files.len() - usable.len()).to_string(),
                smallest,
                median,
                largest,
            ]);
        }
    }
    let header = ["split", "class", "usable", "unusable", "smallest", "median", "largest"];
    terminal::out_table(&header, rows);
}

/// Splits of one data set have the same classes.
fn differing_classes(splits: &[Split]) {
    let Some((first, rest)) = splits.split_first() else { return };
    for split in rest.iter().filter(|split| split.class_names() != first.class_names()) {
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
