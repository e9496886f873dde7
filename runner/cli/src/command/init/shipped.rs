//! The experiments that come with the program, compiled into it.

use crate::failure::Failure;

/// A name, and the text of a file.
type Shipped = (&'static str, &'static str);

macro_rules! shipped {
    ($($name:literal),* $(,)?) => {
        [$(($name, include_str!(concat!("../../../../../experiments/", $name, ".toml")))),*]
    };
}

/// All of them: first the one to begin with, then the textbook's, then what came after.
pub(super) const SHIPPED: [Shipped; 15] = shipped![
    "quickstart",
    "convnet_baseline",
    "feature_extraction",
    "feature_extraction_augmented",
    "finetune_block5",
    "visualize_activations",
    "visualize_filters",
    "visualize_gradcam",
    "feature_extraction_caffe",
    "finetune_block5_fast",
    "sweep_head",
    "finetune_modern",
    "finetune_efficientnet",
    "backbones",
    "compare_cam_methods",
];

/// The text of one of them.
///
/// # Errors
///
/// A [`Failure`] that lists all names.
pub(super) fn find(name: &str) -> Result<&'static str, Failure> {
    let wanted = name.trim_end_matches(".toml");
    let found = SHIPPED.iter().find(|(name, _)| *name == wanted);
    found.map(|(_, text)| *text).ok_or_else(|| {
        let names: Vec<&str> = SHIPPED.iter().map(|(name, _)| *name).collect();
        Failure::usage(format!(
            "there is no experiment `{name}`; there are {}\n\
             `runner init --data DIR|TABLE` writes one for a folder of photos or a table of labels",
            names.join(", ")
        ))
    })
}

/// What a file asks, by its header.
pub(super) fn question(text: &str) -> String {
    let mut lines = text.lines();
    let first = lines.find_map(|line| line.strip_prefix("# Question:"));
    let mut question = first.unwrap_or_default().trim().to_owned();
    for line in lines {
        // The next lines of a question are indented; another word begins with a capital and a colon.
        match line.strip_prefix("#  ") {
            Some(more) => question += &format!(" {}", more.trim()),
            None => break,
        }
    }
    question
}

/// The text as it is written: with the commands of someone who has the program alone.
pub(super) fn as_written(text: &str) -> String {
    let mut text = text.replace("just run experiments/", "runner run ");
    for (with_just, alone) in [
        ("just runner ", "runner "),
        ("just show ", "runner show "),
        ("just compare ", "runner compare "),
    ] {
        text = text.replace(with_just, alone);
    }
    text
}

/// The experiment that a file extends.
pub(super) fn base(text: &str) -> Option<Result<Shipped, Failure>> {
    let line = text.lines().find_map(|line| line.strip_prefix("extends = \""))?;
    let name = line.split('"').next()?.trim_end_matches(".toml");
    let named = SHIPPED.iter().find(|(shipped, _)| *shipped == name);
    Some(named.copied().ok_or_else(|| Failure::internal(format!("there is no `{name}`"))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_experiment_comes_with_the_program() -> std::io::Result<()> {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../experiments");
        let mut there = Vec::new();
        for entry in std::fs::read_dir(folder)? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "toml") {
                there.extend(path.file_stem().map(|name| name.to_string_lossy().into_owned()));
            }
        }
        there.sort();
        let mut names: Vec<&str> = SHIPPED.iter().map(|(name, _)| *name).collect();
        names.sort_unstable();
        assert_eq!(names, there);
        Ok(())
    }

    #[test]
    fn each_has_a_question_and_a_base_that_is_there() {
        for (name, text) in SHIPPED {
            assert!(question(text).contains('?'), "{name}: {}", question(text));
            assert!(!as_written(text).contains(" just "), "{name}");
            assert!(base(text).is_none_or(|base| base.is_ok()), "{name}");
        }
    }
}
