//! Which tensors of a file are meant: those below one prefix.
//!
//! Wrappers put a name before every tensor (`module.`, `_orig_mod.`, `model.backbone.`), and a
//! training checkpoint holds several sets (`state_dict`, `state_dict_ema`, an optimizer's). The
//! prefix is whatever stands before names of the family; where several sets fit, the averaged one is
//! taken, as timm does, and said; anything else is the user's to choose, with `FILE#PREFIX`.

use std::collections::BTreeMap;

use runner_experiment::architecture::Family;

use super::entry::{Entry, TensorFile};
use super::error::WeightsError;
use super::known::Known;
use super::names::{Located, is_batch_norm, locate, locate_bare};
use super::numbered::Numbers;

/// One set of tensors.
#[derive(Debug, Default)]
pub struct Set<'a> {
    /// What stands before each name.
    pub prefix: String,
    /// What names a layer, and whose it is.
    pub located: Vec<(&'a Entry, Located)>,
    /// The names of every other tensor of the file.
    pub others: Vec<String>,
    /// How many convolutions it has.
    pub convolutions: usize,
    /// Whether it has batch normalizations.
    pub batch_norm: bool,
    /// What the user should know of the choice.
    pub notes: Vec<String>,
}

/// Finds the set that is meant; `pick` is what the user asked for, `names` the layers of the
/// network with names of its own.
///
/// # Errors
///
/// [`WeightsError::Ambiguous`] where several sets fit, [`WeightsError::NoSuchPart`] where none has
/// the name that was asked for.
pub fn choose<'a>(
    file: &'a TensorFile,
    family: &dyn Family,
    pick: Option<&str>,
    names: &dyn Fn(&str) -> bool,
) -> Result<Set<'a>, WeightsError> {
    let known = Known::of(family);
    let numbers = known.numbered.then(|| Numbers::of(file));
    let mut sets = sets(file, &known, &|name| match &numbers {
        Some(numbers) => locate(&numbers.renamed(name), (family, &known), names),
        None => locate(name, (family, &known), names),
    });
    if sets.is_empty() && family.is_sequential() {
        sets = self::sets(file, &known, &locate_bare);
    }
    if let Some(pick) = pick {
        let known: Vec<String> = sets.keys().cloned().collect();
        sets.retain(|prefix, _| is_below(prefix, pick));
        if sets.is_empty() {
            let (path, part) = (file.path.clone(), pick.to_owned());
            return Err(WeightsError::NoSuchPart { path, part, known });
        }
    }
    let (prefix, notes) = match &sets.keys().collect::<Vec<_>>()[..] {
        [] => (String::new(), Vec::new()),
        [one] => ((*one).clone(), Vec::new()),
        _ => of_several(file, &sets)?,
    };
    let mut set = sets.remove(&prefix).unwrap_or_default();
    let taken =
        |entry: &&Entry| set.located.iter().any(|(located, _)| std::ptr::eq(*located, *entry));
    set.others =
        file.entries.iter().filter(|entry| !taken(entry)).map(|e| e.name.clone()).collect();
    set.batch_norm =
        file.entries.iter().any(|e| e.name.starts_with(&prefix) && is_batch_norm(&e.name));
    set.notes = notes;
    if !prefix.is_empty() && set.notes.is_empty() {
        set.notes.push(format!("the tensors below `{prefix}` are taken"));
    }
    set.prefix = prefix;
    Ok(set)
}

/// Every prefix with a convolution below it.
fn sets<'a>(
    file: &'a TensorFile,
    known: &Known,
    locate: &dyn Fn(&str) -> Option<Located>,
) -> BTreeMap<String, Set<'a>> {
    let mut sets: BTreeMap<String, Set<'a>> = BTreeMap::new();
    for entry in &file.entries {
        if let Some(located) = locate(&entry.name) {
            let set = sets.entry(located.prefix.clone()).or_default();
            set.convolutions += usize::from(known.fit(&entry.shape));
            set.located.push((entry, located));
        }
    }
    sets.retain(|_, set| set.convolutions > 0);
    sets
}

/// Whether a prefix is the one that was asked for, or below or in it: `state_dict_ema` stands for
/// `state_dict_ema.module`.
fn is_below(prefix: &str, pick: &str) -> bool {
    if pick.is_empty() {
        return prefix.is_empty();
    }
    let rest = prefix.strip_prefix(pick);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '/']))
}

/// The averaged set, or the only one with the most convolutions.
fn of_several(
    file: &TensorFile,
    sets: &BTreeMap<String, Set<'_>>,
) -> Result<(String, Vec<String>), WeightsError> {
    let most = sets.values().map(|set| set.convolutions).max().unwrap_or(0);
    let largest: Vec<&String> =
        sets.iter().filter(|(_, set)| set.convolutions == most).map(|(p, _)| p).collect();
    let averaged: Vec<&&String> = largest.iter().filter(|prefix| is_average(prefix)).collect();
    let shown = |prefix: &String| match prefix.is_empty() {
        true => "the tensors without a prefix".to_owned(),
        false => format!("`{prefix}`"),
    };
    let others = |taken: &String| {
        let others: Vec<String> =
            sets.keys().filter(|prefix| *prefix != taken).map(shown).collect();
        others.join(", ")
    };
    let path = file.path.display();
    match (&averaged[..], &largest[..]) {
        ([one], _) => {
            let note = format!(
                "the averaged weights below `{one}` are taken, not {}; {path}#PREFIX takes another \
                 set ({path}# the one without a prefix)",
                others(one)
            );
            Ok(((**one).clone(), vec![note]))
        }
        ([], [one]) => {
            let note = format!("{} of {path} taken, not {}", shown(one), others(one));
            Ok(((*one).clone(), vec![note]))
        }
        _ => Err(WeightsError::Ambiguous {
            path: file.path.clone(),
            reason: format!(
                "it holds several sets of weights, below {}; say which one: {path}#{}",
                sets.keys().map(shown).collect::<Vec<_>>().join(", "),
                sets.keys().find(|prefix| !prefix.is_empty()).map_or("PREFIX", String::as_str)
            ),
        }),
    }
}

/// `state_dict_ema`, `model_ema.module`, `ema`.
fn is_average(prefix: &str) -> bool {
    let words = || prefix.split(['.', '/', '_']);
    words().any(|word| word == "ema" || word == "averaged")
}

#[cfg(test)]
mod tests {
    use runner_experiment::architecture::family::Vgg;

    use super::*;

    fn file(prefixes: &[(&str, usize)]) -> TensorFile {
        let entries = prefixes.iter().flat_map(|(prefix, convolutions)| {
            (0..*convolutions).map(move |index| Entry {
                name: format!("{prefix}features.{index}.weight"),
                shape: vec![1, 1, 3, 3],
                values: Box::new(|| Ok(vec![0.0; 9])),
            })
        });
        TensorFile { path: "a.pth".into(), entries: entries.collect(), keras: None }
    }

    fn chosen(prefixes: &[(&str, usize)], pick: Option<&str>) -> Result<String, String> {
        let file = file(prefixes);
        let set = choose(&file, &Vgg, pick, &|_| false).map_err(|error| error.to_string())?;
        Ok(set.prefix)
    }

    #[test]
    fn wrappers_go_and_the_average_comes_first() {
        assert_eq!(chosen(&[("", 13)], None).as_deref(), Ok(""));
        assert_eq!(chosen(&[("a.module.", 13)], None).as_deref(), Ok("a.module"));
        let both = [("state_dict.", 13), ("state_dict_ema.module.", 13)];
        assert_eq!(chosen(&both, None).as_deref(), Ok("state_dict_ema.module"));
        assert_eq!(chosen(&both, Some("state_dict")).as_deref(), Ok("state_dict"));
        assert_eq!(chosen(&both, Some("state_dict_ema")).as_deref(), Ok("state_dict_ema.module"));
        assert!(chosen(&both, Some("model")).is_err());
    }

    #[test]
    fn two_sets_that_fit_are_for_the_user_to_choose() {
        let error = chosen(&[("student.", 13), ("teacher.", 13)], None).unwrap_err();
        assert!(error.contains("a.pth#student"), "{error}");
        assert_eq!(chosen(&[("small.", 3), ("large.", 16)], None).as_deref(), Ok("large"));
        let both = [("", 13), ("ema.", 13)];
        assert_eq!(chosen(&both, None).as_deref(), Ok("ema"));
        assert_eq!(chosen(&both, Some("")).as_deref(), Ok(""));
    }
}
