//! `[dataset]`: folders that exist, with the same two or more classes in each, or a table.

use crate::architecture::ArchitectureName;
use crate::diagnostic::Diagnostics;
use crate::folder::{self, composed, form};
use crate::listing::{Split, WHOLE};
use crate::plan::Dataset;
use crate::section::Root;
use crate::section::columns::Columns;
use crate::section::dataset::{DatasetSection, Preprocessing};
use crate::section::visualize::SplitName;
use crate::suggest::{closest, join};
use crate::value::{Located, Plain};

use super::division;
use super::keys::{get, require};
use super::path::missing_help;
use super::table::{self, Listing};

/// What the checks of this table found.
#[derive(Debug, Default)]
pub(super) struct Data {
    pub(super) plan: Option<Dataset>,
    pub(super) image_size: [usize; 2],
    pub(super) image_size_span: std::ops::Range<usize>,
    pub(super) splits: Vec<Split>,
    pub(super) classes: Vec<String>,
    /// Splits that are given as such, right or wrong.
    named: Vec<SplitName>,
}

impl Data {
    /// Whether images of a split are to be had.
    pub(super) fn has(&self, split: SplitName) -> bool {
        match self.plan.as_ref().and_then(|plan| Some((plan, plan.split.as_ref()?))) {
            Some((plan, division)) => division::has_share(plan, division, split),
            None => self.named.contains(&split),
        }
    }
}

const SMALLEST: i64 = 32;
const LARGEST: i64 = 4096;

pub(super) fn resolve(root: &Root, trains: bool, diagnostics: &mut Diagnostics) -> Data {
    let Some(table) = &root.dataset else {
        if trains && !root.present.iter().any(|key| key == "dataset") {
            diagnostics
                .error(0..0, "dataset", "the table `[dataset]` is missing, and stages need images")
                .help("add `[dataset]` with `train = \"…\"` and `validation = \"…\"`");
        }
        return Data { image_size: architecture(root).family().image_size(), ..Data::default() };
    };
    let section = &table.value;
    let Listing { splits, group } = list(section, trains, diagnostics);
    let image_size = image_size(root, section, diagnostics);
    let is_column = group.is_some();
    let split = division::resolve(section, (&splits, is_column), trains, diagnostics);
    let preprocessing = get(&section.preprocessing).unwrap_or_else(|| default_preprocessing(root));
    let columns = columns(section, group);
    let given = section.image_size.as_ref().map(|size| size.span.clone());
    Data {
        image_size,
        image_size_span: given.unwrap_or(section.span.clone()),
        plan: Some(Dataset { image_size, preprocessing, columns, split, ..section.plain() }),
        classes: splits.first().map(|split| split.classes.clone()).unwrap_or_default(),
        named: named(section, &splits),
        splits,
    }
}

/// The images of folders or of a table, and what is wrong with the keys that say where they are.
fn list(section: &DatasetSection, trains: bool, diagnostics: &mut Diagnostics) -> Listing {
    division::check_keys(section, diagnostics);
    table::check_keys(section, diagnostics);
    let has = |key: &str| section.present.iter().any(|present| present == key);
    if has("table") {
        let listing = table::list(section, diagnostics);
        division::check_table(section, &listing.splits, trains, diagnostics);
        return listing;
    }
    if trains && !has("path") {
        for name in ["train", "validation"] {
            require(&section.present, name, "dataset", &section.span, diagnostics);
        }
    }
    let splits = splits(section, diagnostics);
    compare_classes(section, &splits, diagnostics);
    Listing { splits, group: None }
}

/// What the columns of the table are called, where there is one; `group` is the one that `split` names.
fn columns(section: &DatasetSection, group: Option<String>) -> Option<Columns> {
    section.table.as_ref()?;
    let columns: Columns = section.columns.as_ref().map(Plain::plain).unwrap_or_default();
    Some(Columns { group: group.or(columns.group), ..columns })
}

fn named(section: &DatasetSection, splits: &[Split]) -> Vec<SplitName> {
    let is_named = |name: &&SplitName| {
        section.present.iter().any(|key| key == name.as_str())
            || splits.iter().any(|split| split.name == name.as_str())
    };
    SplitName::ALL.iter().filter(is_named).copied().collect()
}

/// The architecture of the model, or the default.
fn architecture(root: &Root) -> ArchitectureName {
    root.model.as_ref().and_then(|model| get(&model.value.architecture)).unwrap_or_default()
}

/// What the family's weights were trained on; its classifier may have been trained on another.
fn default_preprocessing(root: &Root) -> Preprocessing {
    let top = root.model.as_ref().and_then(|model| get(&model.value.include_top));
    let family = architecture(root).family();
    match family.classifier().filter(|_| top == Some(true)) {
        Some(classifier) => classifier.preprocessing,
        None => family.preprocessing(),
    }
}

fn image_size(root: &Root, section: &DatasetSection, diagnostics: &mut Diagnostics) -> [usize; 2] {
    let default = architecture(root).family().image_size();
    let Some(given) = &section.image_size else { return default };
    let in_range = |size: &i64| (SMALLEST..=LARGEST).contains(size);
    if let [height, width] = given.value[..]
        && in_range(&height)
        && in_range(&width)
    {
        return [height, width].map(|size| usize::try_from(size).unwrap_or(0));
    }
    diagnostics
        .error(
            given.span.clone(),
            "dataset.image_size",
            format!("`dataset.image_size` must be a height and a width of {SMALLEST} to {LARGEST} pixels"),
        )
        .label("such as [150, 150]");
    default
}

/// Lists every split whose folder exists.
fn splits(section: &DatasetSection, diagnostics: &mut Diagnostics) -> Vec<Split> {
    let whole = [(WHOLE, &section.path)];
    let named = whole.into_iter().chain(division::folders(section));
    named.filter_map(|(name, folder)| split(name, folder.as_ref()?, diagnostics)).collect()
}

fn split(
    name: &'static str,
    folder: &Located<String>,
    diagnostics: &mut Diagnostics,
) -> Option<Split> {
    let key = format!("dataset.{}", if name == WHOLE { "path" } else { name });
    let path = std::path::Path::new(&folder.value);
    if !path.is_dir() {
        let what = if path.exists() { "is not a folder" } else { "does not exist" };
        diagnostics
            .error(folder.span.clone(), key, format!("the folder `{}` {what}", folder.value))
            .label("no such folder")
            .help(missing_help(&folder.value));
        return None;
    }
    let split = match folder::list(name, &folder.value) {
        Ok(split) => split,
        Err(error) => {
            diagnostics.error(folder.span.clone(), key, error.to_string());
            return None;
        }
    };
    check_classes(&split, &folder.span, &key, diagnostics);
    Some(split)
}

fn check_classes(
    split: &Split,
    span: &std::ops::Range<usize>,
    key: &str,
    diagnostics: &mut Diagnostics,
) {
    if split.classes.len() < 2 {
        let found = match split.classes.first() {
            Some(class) => format!("has one class only, `{class}`"),
            None => "has no class folder".to_owned(),
        };
        diagnostics
            .error(span.clone(), key, format!("`{}` {found}", split.folder))
            .label("needs at least two classes")
            .help("put the images of each class into a folder of its own");
        return;
    }
    let counts = split.counts();
    for (class, _) in split.classes.iter().zip(counts).filter(|(_, count)| *count == 0) {
        diagnostics
            .error(
                span.clone(),
                key,
                format!("the class `{class}` of `{}` has no images", split.folder),
            )
            .label("an empty class");
    }
}

/// Every split must have the classes of the first.
fn compare_classes(section: &DatasetSection, splits: &[Split], diagnostics: &mut Diagnostics) {
    let Some((first, rest)) = splits.split_first() else {
        return;
    };
    let expected = &first.classes;
    for split in rest.iter().filter(|split| split.classes.len() >= 2) {
        let found = &split.classes;
        let missing: Vec<&str> = absent(expected, found);
        let extra: Vec<&str> = absent(found, expected);
        if missing.is_empty() && extra.is_empty() {
            continue;
        }
        let field = if split.name == "test" { &section.test } else { &section.validation };
        let span = field.as_ref().map_or(0..0, |folder| folder.span.clone());
        let mut parts = Vec::new();
        if !missing.is_empty() {
            parts.push(format!("lacks {}", join(missing.iter().copied())));
        }
        if !extra.is_empty() {
            parts.push(format!("has {} besides", join(extra.iter().copied())));
        }
        let close = meant(&missing, &extra);
        diagnostics
            .error(
                span,
                format!("dataset.{}", split.name),
                format!(
                    "the classes of `{}` differ from those of `{}`: it {}",
                    split.folder,
                    first.folder,
                    parts.join(" and ")
                ),
            )
            .label("other classes than the training images")
            .maybe_help(close);
    }
}

/// Which of the missing classes an extra one is probably meant to be.
fn meant(missing: &[&str], extra: &[&str]) -> Option<String> {
    extra.iter().find_map(|name| {
        match missing.iter().find(|near| composed(near) == composed(name)) {
            Some(near) => Some(format!(
                "`{name}` looks the same in both, and only its Unicode normalization differs: {} \
                 here, {} there; rename one of the folders",
                form(name),
                form(near)
            )),
            None => closest(name, missing.iter().copied())
                .map(|near| format!("is `{name}` meant to be `{near}`?")),
        }
    })
}

/// The names in `has` that are not in `lacks`.
fn absent<'a>(has: &'a [String], lacks: &[String]) -> Vec<&'a str> {
    has.iter().filter(|name| !lacks.contains(name)).map(String::as_str).collect()
}
