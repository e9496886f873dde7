//! "Did you mean": the nearest of the names that there are.

/// Names that differ by more edits than this are unrelated.
const MAX_DISTANCE: usize = 3;

/// The candidate that `name` most likely stands for, if any comes close (Damerau-Levenshtein
/// distance).
pub(crate) fn closest<'a>(
    name: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let length = name.chars().count();
    candidates
        .into_iter()
        // Measuring names of very different lengths is slow and in vain.
        .filter(|candidate| candidate.chars().count().abs_diff(length) <= MAX_DISTANCE)
        .map(|candidate| (strsim::damerau_levenshtein(name, candidate), candidate))
        .filter(|(distance, _)| *distance <= MAX_DISTANCE.min(length.saturating_sub(1)))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}
