//! What photos there are: every file decoded once, as a run does it, which later finds what was found
//! here.

use runner_data::Interrupt;
use runner_data::division::{self, Earlier};
use runner_data::scan::{self, ImageFile, ScannedSplit, Seen};
use runner_experiment::listing::WHOLE;
use runner_experiment::section::task::Task;
use runner_experiment::text::visible;
use runner_record::{BadImage, Event};

use super::layout::Layout;
use crate::environment;
use crate::failure::Failure;
use crate::progress::Counters;

/// A class needs one image to train on, one to validate and one to test.
const FEWEST: usize = 3;

/// Without a job, an experiment does nothing and is refused; with a stage, images that are too few are,
/// before any was looked at.
const JOB: &str = "[[visualize]]\njob = \"filters\"\n";

/// The photos of a folder or a table.
#[derive(Debug)]
pub(super) struct Photos {
    /// How they are laid out.
    pub(super) layout: Layout,
    /// Names of the classes or labels, sorted; of the numbers, in the order of their columns.
    pub(super) classes: Vec<String>,
    /// Train, validation, and test where there is one; as they will be divided, where one folder is.
    pub(super) splits: Vec<ScannedSplit>,
    /// Files that cannot be used.
    pub(super) bad: Vec<BadImage>,
}

impl Photos {
    /// Reads all images, and divides them where that is not done yet.
    ///
    /// # Errors
    ///
    /// A [`Failure`] where classes differ between splits or have too few images.
    pub(super) fn look(layout: &Layout, interrupt: &Interrupt) -> Result<Self, Failure> {
        let keys = layout.keys().into_iter();
        let keys: String = keys.map(|(key, value)| format!("{key} = {value}\n")).collect();
        let text = format!("[experiment]\nname = \"photos\"\n[dataset]\n{keys}{JOB}");
        let name = format!("the experiment for {}", visible(layout.name()));
        let checked = runner_experiment::load_text(&name, &text, &[])?;
        let mut counters = Counters::default();
        let seen = Seen::kept_in(&environment::cache());
        let scanned = scan::scan_with(&checked.splits, &seen, interrupt, &mut |event| {
            if let Event::Progress { phase, done, total } = event {
                counters.set(&phase, done, total);
            }
        });
        counters.clear();
        let mut splits = scanned?;
        let bad = splits.iter().flat_map(|split| split.bad.clone()).collect();
        check_images(layout, &splits)?;
        check_classes(layout, &splits)?;
        if let (true, Some(dataset)) = (layout.is_whole(), &checked.plan.dataset)
            && let Some(whole) = splits.pop()
        {
            let folder = checked.splits.first().map_or("", |split| split.folder.as_str());
            splits = division::divide(dataset, folder, whole, &Earlier::default())?.splits;
        }
        Ok(Self { layout: layout.clone(), classes: checked.classes, splits, bad })
    }

    /// How many can be used.
    pub(super) fn images(&self) -> usize {
        self.splits.iter().map(|split| split.images.len()).sum()
    }

    /// How many there are to train on.
    pub(super) fn to_train(&self) -> usize {
        self.splits.first().map_or(0, |split| split.images.len())
    }

    /// Whether the labels are classes or words; else they are numbers.
    pub(super) fn has_classes(&self) -> bool {
        self.layout.task() != Task::Regression
    }

    /// Lowest and highest value of a number in all splits.
    pub(super) fn range(&self, output: usize) -> [f64; 2] {
        let images = self.splits.iter().flat_map(|split| &split.images);
        let values = images.filter_map(|image| image.target.values().get(output).copied());
        let ends = |[low, high]: [f64; 2], value: f64| [low.min(value), high.max(value)];
        values.fold([f64::INFINITY, f64::NEG_INFINITY], ends)
    }

    /// Images of a class or label in each split.
    pub(super) fn counts(&self, class: usize) -> Vec<usize> {
        let of_class = |split: &ScannedSplit| count(split, class);
        self.splits.iter().map(of_class).collect()
    }

    /// Smallest, median and largest height and width, by area.
    pub(super) fn sizes(&self) -> [[usize; 2]; 3] {
        let images = self.splits.iter().flat_map(|split| &split.images);
        let mut sizes: Vec<[usize; 2]> = images.map(|image| image.size).collect();
        sizes.sort_by_key(|[height, width]| height * width);
        let at = |index: usize| sizes.get(index).copied().unwrap_or_default();
        [at(0), at(sizes.len() / 2), at(sizes.len().saturating_sub(1))]
    }

    /// The first image of each class among those that are tested, or validated where none are; of labels
    /// and numbers the first ones.
    pub(super) fn examples(&self, most: usize) -> Vec<&ImageFile> {
        let Some(last) = self.splits.last() else { return Vec::new() };
        if self.layout.task() != Task::Classification {
            return last.images.iter().take(most).collect();
        }
        let first = |class| last.images.iter().find(|image| image.target.class() == Some(class));
        (0..self.classes.len()).filter_map(first).take(most).collect()
    }
}

fn count(split: &ScannedSplit, class: usize) -> usize {
    split.images.iter().filter(|image| image.target.classes().any(|has| has == class)).count()
}

/// Every split has images, and photos that are to be divided are enough for it.
fn check_images(layout: &Layout, splits: &[ScannedSplit]) -> Result<(), Failure> {
    if let Some(split) = splits.iter().find(|split| split.images.is_empty()) {
        let of = if split.name == WHOLE { String::new() } else { format!(" for {}", split.name) };
        return Err(Failure::data(format!(
            "{} has no usable image{of}{}",
            visible(layout.name()),
            because(split.bad.first())
        )));
    }
    let all: usize = splits.iter().map(|split| split.images.len()).sum();
    if layout.is_whole() && all < FEWEST {
        return Err(Failure::data(format!(
            "{} has {all} usable image{}, and needs {FEWEST} at the least: to train on, to validate and to \
             test",
            visible(layout.name()),
            if all == 1 { "" } else { "s" }
        )));
    }
    Ok(())
}

/// Every class has images in each split that folders make, or enough of them to be divided.
fn check_classes(layout: &Layout, splits: &[ScannedSplit]) -> Result<(), Failure> {
    let least = if layout.is_whole() { FEWEST } else { 1 };
    let places: Vec<&str> = match layout {
        // What a table divides itself is checked when it is read.
        Layout::Table(table) if table.is_split() || table.task != Task::Classification => {
            Vec::new()
        }
        Layout::Table(table) => vec![&table.path],
        _ => layout.folders().into_iter().map(|(_, folder)| folder).collect(),
    };
    let is_table = matches!(layout, Layout::Table(_));
    for (split, folder) in splits.iter().zip(places) {
        for (class, name) in split.classes.iter().enumerate() {
            let found = count(split, class);
            if found >= least {
                continue;
            }
            let (name, folder) = (visible(name), visible(folder));
            let is_its = |bad: &&BadImage| bad.path.starts_with(format!("{folder}/{name}"));
            let why = split.bad.iter().find(|bad| is_table || is_its(bad));
            return Err(Failure::data(format!(
                "the class `{name}` of {folder} has {found} usable image{}{}, and needs {least} at \
                 the least; add photos, or take the {} away",
                if found == 1 { "" } else { "s" },
                because(why),
                if is_table { "rows" } else { "folder" }
            )));
        }
    }
    Ok(())
}

/// An image that was not counted.
fn because(bad: Option<&BadImage>) -> String {
    bad.map_or(String::new(), |bad| {
        format!(" (others cannot be used: {}: {})", bad.path.display(), bad.problem)
    })
}
