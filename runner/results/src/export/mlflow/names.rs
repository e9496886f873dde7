//! Names and texts as MLflow takes them.
//!
//! The limits are those of MLflow 3 (`mlflow/utils/validation.py`), which no version undercuts that
//! is newer than 2.8.

use sha2::{Digest, Sha256};

/// Characters in the name of a parameter, a metric or a tag.
const LONGEST_KEY: usize = 250;

/// Characters in the value of a parameter.
pub(super) const LONGEST_PARAM: usize = 6_000;

/// Characters in the value of a tag.
pub(super) const LONGEST_TAG: usize = 8_000;

/// Digits of an experiment's id; MLflow makes its own as long.
const ID_DIGITS: u32 = 18;

/// Keys as MLflow takes them, each once.
#[derive(Debug, Default)]
pub(super) struct Keys {
    used: std::collections::HashSet<String>,
}

impl Keys {
    /// The key for a name: what MLflow forbids in one becomes `_`, what is too long is cut, and what
    /// is taken gets a number.
    pub(super) fn key(&mut self, name: &str) -> String {
        let allowed = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | ' ');
        let mut key = String::new();
        for c in name.chars().map(|c| if allowed(c) { c } else { '_' }).take(LONGEST_KEY - 1) {
            // Keys are names of files, which have bytes to count.
            if key.len() + c.len_utf8() <= LONGEST_KEY {
                key.push(c);
            }
        }
        if key.is_empty() || key.starts_with('.') {
            key.insert(0, '_');
        }
        let mut unique = key.clone();
        for number in 2.. {
            if self.used.insert(unique.to_lowercase()) {
                break;
            }
            let end = format!("_{number}");
            unique = cut(&key, key.chars().count().min(LONGEST_KEY / 4 - end.len())) + &end;
        }
        unique
    }
}

/// The first characters of a text.
pub(super) fn cut(text: &str, longest: usize) -> String {
    text.chars().take(longest).collect()
}

/// A number as Python reads it: `nan` and `inf` too.
pub(super) fn number(value: f64) -> String {
    match value {
        _ if value.is_nan() => "nan".to_owned(),
        f64::INFINITY => "inf".to_owned(),
        f64::NEG_INFINITY => "-inf".to_owned(),
        // The shortest text that is read back as the same number.
        _ => format!("{value:?}"),
    }
}

fn hash(parts: &[&str]) -> [u8; 16] {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part.as_bytes());
    }
    let mut first = [0; 16];
    first.copy_from_slice(&hash.finalize()[..16]);
    first
}

/// The id of an experiment: a number that its name alone decides.
pub(super) fn experiment_id(name: &str) -> String {
    let smallest = 10_u128.pow(ID_DIGITS - 1);
    let number = u128::from_le_bytes(hash(&["experiment", name])) % (9 * smallest);
    (smallest + number).to_string()
}

/// The id of a run, 32 hexadecimal digits as MLflow's own: experiment and run id decide it.
pub(super) fn run_id(experiment: &str, run: &str) -> String {
    hash(&["run", experiment, run]).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_what_mlflow_takes_and_each_there_once() {
        let mut keys = Keys::default();
        let given = ["stage.head.epochs", "a/b", "a:b", "", "..", "caf\u{e9}", "a_b"];
        let taken: Vec<String> = given.iter().map(|name| keys.key(name)).collect();
        let expected = ["stage.head.epochs", "a_b", "a_b_2", "_", "_..", "caf\u{e9}", "a_b_3"];
        assert_eq!(taken, expected);
        let long = "\u{e9}".repeat(400);
        assert_eq!([keys.key(&long).len(), keys.key(&long).chars().count()], [250, 62]);
    }

    #[test]
    fn ids_have_the_form_of_mlflow_and_depend_on_names_alone() {
        let id = experiment_id("quickstart");
        assert_eq!((id.len(), id.clone()), (18, experiment_id("quickstart")));
        assert!(id.parse::<u64>().is_ok() && id != experiment_id("quickstart2"));
        // hashlib.sha256 over length and bytes of "run", "a", "bc"; the parts do not run together.
        assert_eq!(run_id("a", "bc"), "7ce3548e25aa3de26a29429a955f82a6");
        assert_ne!(run_id("a", "bc"), run_id("ab", "c"));
    }

    #[test]
    fn numbers_are_read_back_as_they_were() {
        for (value, text) in [(f64::NAN, "nan"), (f64::INFINITY, "inf"), (0.1, "0.1")] {
            assert_eq!(number(value), text);
        }
        assert_eq!((number(1e-300), number(f64::NEG_INFINITY)), ("1e-300".into(), "-inf".into()));
    }
}
