//! "Did you mean": the nearest of the words that would have been right.

/// Words that differ by more edits than this are unrelated.
const MAX_DISTANCE: usize = 4;

/// The candidate that `word` most likely stands for, if any comes close.
///
/// Damerau-Levenshtein distance, at most a third of the longer word, so that `frezen` finds
/// `frozen` and `banana` finds nothing. `-` counts as `_` and case does not count.
pub(crate) fn closest<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let normal = |text: &str| text.to_lowercase().replace('-', "_");
    let word = normal(word);
    let length = word.chars().count();
    candidates
        .into_iter()
        // Words of very different lengths are never close, and measuring them is slow.
        .filter(|candidate| candidate.chars().count().abs_diff(length) <= MAX_DISTANCE)
        .map(|candidate| {
            let distance = strsim::damerau_levenshtein(&word, &normal(candidate));
            (distance, candidate)
        })
        .filter(|(distance, candidate)| {
            let longer = word.chars().count().max(candidate.chars().count());
            *distance <= longer.div_ceil(3).min(MAX_DISTANCE)
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// `did you mean `x`?` where something is close, else the choices themselves.
pub(crate) fn did_you_mean<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str> + Clone,
) -> String {
    match closest(word, candidates.clone()) {
        Some(candidate) => format!("did you mean `{candidate}`?"),
        None => format!("expected one of {}", join(candidates)),
    }
}

/// `` `a`, `b`, `c` ``
pub(crate) fn join<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    words.into_iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_was_meant_and_nothing_else() {
        let keys = ["frozen", "epochs", "batch_size"];
        assert_eq!(closest("frezen", keys), Some("frozen"));
        assert_eq!(closest("batch-size", keys), Some("batch_size"));
        assert_eq!(closest("Epoch", keys), Some("epochs"));
        assert_eq!(closest("banana", keys), None);
    }
}
