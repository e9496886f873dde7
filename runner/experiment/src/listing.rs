//! The images of a split as they are listed, before anything of them is read.

use std::path::PathBuf;

/// What a split is called that holds the images of all.
pub const WHOLE: &str = "images";

/// The splits, in their order.
pub const SPLITS: [&str; 3] = ["train", "validation", "test"];

/// Other words for them.
const ALIASES: [(&str, &str); 4] =
    [("training", "train"), ("val", "validation"), ("valid", "validation"), ("testing", "test")];

/// The split that a word of a table means, in capitals or small letters.
#[must_use]
pub fn split_of(word: &str) -> Option<&'static str> {
    let word = word.trim().to_lowercase();
    let alias = ALIASES.iter().find(|(alias, _)| *alias == word);
    let word = alias.map_or(word.as_str(), |(_, name)| name);
    SPLITS.into_iter().find(|name| *name == word)
}

/// What an image is labelled with.
#[derive(Debug, Clone, PartialEq)]
pub enum Target {
    /// The index of its class.
    Class(usize),
    /// Whether it has each of the labels.
    Labels(Vec<bool>),
    /// One number per output.
    Values(Vec<f64>),
}

impl Target {
    /// The index of its class, where it has one.
    #[must_use]
    pub fn class(&self) -> Option<usize> {
        match self {
            Self::Class(class) => Some(*class),
            Self::Labels(_) | Self::Values(_) => None,
        }
    }

    /// Indices of the classes or labels that it counts for.
    pub fn classes(&self) -> impl Iterator<Item = usize> {
        let (class, labels) = match self {
            Self::Class(class) => (Some(*class), None),
            Self::Labels(labels) => (None, Some(labels)),
            Self::Values(_) => (None, None),
        };
        let labels = labels.into_iter().flatten().enumerate().filter(|(_, has)| **has);
        class.into_iter().chain(labels.map(|(label, _)| label))
    }

    /// As a row of numbers, one per label or output; of a class none.
    #[must_use]
    pub fn values(&self) -> Vec<f64> {
        match self {
            Self::Class(_) => Vec::new(),
            Self::Labels(labels) => labels.iter().map(|has| f64::from(u8::from(*has))).collect(),
            Self::Values(values) => values.clone(),
        }
    }

    /// As people write it: the name of its class, those of its labels, or its numbers.
    #[must_use]
    pub fn text(&self, names: &[String]) -> String {
        match self {
            Self::Values(values) => {
                values.iter().map(ToString::to_string).collect::<Vec<_>>().join(SEPARATOR)
            }
            _ => {
                let names = self.classes().filter_map(|class| names.get(class));
                names.map(String::as_str).collect::<Vec<_>>().join(SEPARATOR)
            }
        }
    }
}

/// What stands between several labels of one image, or several numbers, in the result tables.
pub const SEPARATOR: &str = "|";

/// One image of a split.
#[derive(Debug, Clone, PartialEq)]
pub struct Listed {
    /// Where it is.
    pub path: PathBuf,
    /// What it is labelled with.
    pub target: Target,
    /// What it stays together with when images are divided.
    pub group: Option<String>,
    /// How much it counts in training.
    pub weight: f64,
}

impl Listed {
    /// One that counts as much as any other.
    #[must_use]
    pub fn new(path: PathBuf, target: Target) -> Self {
        Self { path, target, group: None, weight: 1.0 }
    }
}

/// A split: train, validation or test.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Split {
    /// `train`, `validation` or `test`; [`WHOLE`] for images that are divided later.
    pub name: &'static str,
    /// The folder that the images are below, as the experiment names it.
    pub folder: String,
    /// Names of the classes or labels, sorted; of the outputs, in the order of the experiment.
    pub classes: Vec<String>,
    /// Of folders, sorted by class and path; of a table, in its order.
    pub images: Vec<Listed>,
}

impl Split {
    /// How many images count for each class or label.
    #[must_use]
    pub fn counts(&self) -> Vec<usize> {
        let mut counts = vec![0; self.classes.len()];
        for class in self.images.iter().flat_map(|image| image.target.classes()) {
            if let Some(count) = counts.get_mut(class) {
                *count += 1;
            }
        }
        counts
    }
}
