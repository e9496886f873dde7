//! How photos are laid out: one folder per class, folders per split with these inside, or a table. Looks
//! at names and first bytes alone.

use std::path::{Path, PathBuf};

use runner_data::decode;
use runner_experiment::section::task::Task;
use runner_experiment::sheet::EXTENSIONS;
use runner_experiment::text::{shown, visible};

use super::paths::{entries, folders, quoted, text};
use super::table::{self, Table};
use crate::failure::Failure;

/// What the folders of splits are called, in small letters.
const TRAIN: [&str; 2] = ["train", "training"];
const VALIDATION: [&str; 4] = ["validation", "valid", "val", "dev"];
const TEST: [&str; 2] = ["test", "testing"];

/// How photos are laid out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Layout {
    /// One folder per class inside.
    Whole {
        /// The folder.
        path: String,
        /// A test folder beside it that takes no part, since there is none for validation.
        aside: Option<String>,
    },
    /// Folders per split, one folder per class in each.
    Splits {
        /// The folder to train on.
        train: String,
        /// The folder to validate on.
        validation: String,
        /// The folder to test on, where there is one.
        test: Option<String>,
    },
    /// A table with one row per image.
    Table(Table),
}

impl Layout {
    /// The keys of `[dataset]` that say where the photos are, with their values.
    pub(super) fn keys(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::Table(table) => table.keys(),
            Self::Whole { .. } | Self::Splits { .. } => {
                self.folders().into_iter().map(|(key, path)| (key, quoted(path))).collect()
            }
        }
    }

    /// The folder or table, or the folder to train on.
    pub(super) fn name(&self) -> &str {
        match self {
            Self::Table(table) => &table.path,
            Self::Whole { path, .. } => path,
            Self::Splits { train, .. } => train,
        }
    }

    /// What is learned.
    pub(super) fn task(&self) -> Task {
        match self {
            Self::Table(table) => table.task,
            Self::Whole { .. } | Self::Splits { .. } => Task::Classification,
        }
    }

    /// Whether the photos are still to be divided into splits.
    pub(super) fn is_whole(&self) -> bool {
        match self {
            Self::Table(table) => !table.is_split(),
            Self::Whole { .. } => true,
            Self::Splits { .. } => false,
        }
    }

    /// The folders of classes, by their keys of `[dataset]`; a table has none.
    pub(super) fn folders(&self) -> Vec<(&'static str, &str)> {
        match self {
            Self::Table(_) => Vec::new(),
            Self::Whole { path, .. } => vec![("path", path)],
            Self::Splits { train, validation, test } => {
                let mut folders = vec![("train", train.as_str()), ("validation", validation)];
                folders.extend(test.as_deref().map(|test| ("test", test)));
                folders
            }
        }
    }
}

/// Looks at a folder or a table; `labels` are the columns of the table that were named for them.
///
/// # Errors
///
/// A [`Failure`] that says what is wrong and what to do.
pub(super) fn look(path: &Path, labels: &[String]) -> Result<Layout, Failure> {
    if table::is_table(path) {
        return table::look(path, labels).map(Layout::Table);
    }
    if path.is_file() {
        return Err(Failure::usage(format!(
            "{} is neither a folder nor a table of labels, whose name ends in {}",
            shown(path),
            EXTENSIONS.join(", ")
        )));
    }
    if !path.is_dir() {
        return Err(Failure::usage(format!(
            "{} does not exist; `--data` names a folder with one folder of photos per class, or a table of \
             labels",
            shown(path)
        )));
    }
    if !labels.is_empty() {
        return Err(Failure::usage(format!(
            "{} is a folder, whose folders are the classes; `--label` names a column of a table",
            shown(path)
        )));
    }
    look_at_folder(path)
}

fn look_at_folder(folder: &Path) -> Result<Layout, Failure> {
    let inside = folders(folder)?;
    let named = |names: &[&str]| {
        inside.iter().find(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
            names.contains(&name.as_str()) && folders(path).is_ok_and(|inside| !inside.is_empty())
        })
    };
    let layout = match (named(&TRAIN), named(&VALIDATION), named(&TEST)) {
        (Some(train), Some(validation), test) => Layout::Splits {
            train: text(train)?,
            validation: text(validation)?,
            test: test.map(|test| text(test)).transpose()?,
        },
        (Some(train), None, test) => {
            Layout::Whole { path: text(train)?, aside: test.map(|test| text(test)).transpose()? }
        }
        (None, ..) => Layout::Whole { path: text(folder)?, aside: None },
    };
    for (_, folder) in layout.folders() {
        check_classes(Path::new(folder))?;
    }
    Ok(layout)
}

/// The name of the experiment: that of the folder or table, with what a name may have.
pub(super) fn experiment_name(path: &Path) -> String {
    let real = path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
    let name = if table::is_table(&real) { real.file_stem() } else { real.file_name() };
    let name = name.unwrap_or_default().to_string_lossy().into_owned();
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let name: String = name.chars().map(|c| if fits(c) { c } else { '-' }).collect();
    let name = name.trim_start_matches('.').trim_matches('-');
    // Longer ones are refused as names of folders.
    let name: String = name.chars().take(100).collect();
    if name.is_empty() { "photos".to_owned() } else { name }
}

/// Two or more folders, and no photos beside them.
fn check_classes(folder: &Path) -> Result<(), Failure> {
    let classes = folders(folder)?;
    let loose = loose_photos(folder)?;
    let name = shown(folder);
    let help = "make one folder per class inside, such as cats and dogs, and move each photo into \
                that of its class";
    if let Some(first) = loose.first() {
        let (count, first) = (loose.len(), shown(first));
        return Err(Failure::usage(match classes.is_empty() {
            true => format!(
                "{name} has {count} photos and no folders for classes; {help}; or list them in a table \
                 with the columns image and label, and say `--data labels.csv`"
            ),
            false => format!(
                "{name} has folders, and {count} photos beside them that are in no class, {first} \
                 for one; move each into the folder of its class, or away"
            ),
        }));
    }
    match &classes[..] {
        [] => Err(Failure::usage(format!("{name} has no photos; {help}"))),
        [class] => {
            let inside = folders(class)?.len();
            let class_name =
                visible(&class.file_name().unwrap_or_default().to_string_lossy()).into_owned();
            Err(Failure::usage(match inside {
                0 | 1 => format!(
                    "{name} has one class only, `{class_name}`, and there is nothing to tell apart; \
                     {help}"
                ),
                inside => format!(
                    "{name} has one class only, `{class_name}`, with {inside} folders in it; are \
                     these the classes? Then say `--data {}`",
                    shown(class)
                ),
            }))
        }
        _ => Ok(()),
    }
}

/// Images that are in the folder itself.
fn loose_photos(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let files = entries(folder)?.into_iter().filter(|path| path.is_file());
    Ok(files.filter(|path| decode::has_known_format(path)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_fit_for_experiments() {
        assert_eq!(experiment_name(Path::new("photos/")), "photos");
        assert_eq!(experiment_name(Path::new("my holiday (2024)")), "my-holiday--2024");
        assert_eq!(experiment_name(Path::new("…")), "photos");
        assert_eq!(experiment_name(Path::new("a/.hidden")), "hidden");
    }
}
