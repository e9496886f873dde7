//! The plan as a list of `key = value`, and its fingerprint.

use serde_json::Value;

use crate::plan::Plan;

/// Entries that say nothing about what is computed: names, what is kept, and where it is computed.
const NAMES: [&str; 7] = [
    "experiment.name",
    "experiment.description",
    "experiment.tags",
    "run.device",
    "run.autotune",
    "run.model",
    "run.keep_checkpoint",
];

/// Whether an entry of the plan says nothing about what is computed.
#[must_use]
pub fn is_name(key: &str) -> bool {
    NAMES.contains(&key)
}

/// Every entry of the plan: dotted key and its value as text, keys sorted within each table. Stages
/// are addressed by name, jobs by number and word (`visualize.1-curves.smoothing`).
#[must_use]
pub fn entries(plan: &Plan) -> Vec<(String, String)> {
    let value = serde_json::to_value(plan).unwrap_or(Value::Null);
    let mut list = Vec::new();
    flatten("", &value, &mut list);
    list
}

/// BLAKE3 of the plan without names, paths of outputs, and device: 64 hexadecimal digits.
///
/// Two plans with one fingerprint compute the same. Stages count by position, so renaming one
/// changes nothing; the seed and the folders of the images do count. So does a precision that is
/// given; where none is, the device decides, and the device does not count.
#[must_use]
pub fn fingerprint(plan: &Plan) -> String {
    let mut plan = plan.clone();
    for (index, stage) in plan.stage.iter_mut().enumerate() {
        stage.name = (index + 1).to_string();
    }
    let mut hasher = blake3::Hasher::new();
    let mut lines: Vec<String> = entries(&plan)
        .into_iter()
        .filter(|(key, _)| !is_name(key))
        .map(|(key, value)| format!("{key}={value}\n"))
        .collect();
    lines.sort();
    for line in lines {
        hasher.update(line.as_bytes());
    }
    hasher.finalize().to_hex().to_string()
}

fn flatten(path: &str, value: &Value, list: &mut Vec<(String, String)>) {
    let dotted = |key: &str| match path {
        "" => key.to_owned(),
        path => format!("{path}.{key}"),
    };
    match value {
        Value::Object(entries) => {
            for (key, value) in entries {
                flatten(&dotted(key), value, list);
            }
        }
        Value::Array(items) if items.iter().any(Value::is_object) => {
            for (index, item) in items.iter().enumerate() {
                let key = match (item.get("name"), item.get("job")) {
                    (Some(Value::String(name)), _) => name.clone(),
                    (_, Some(Value::String(job))) => format!("{}-{job}", index + 1),
                    _ => (index + 1).to_string(),
                };
                flatten(&dotted(&key), item, list);
            }
        }
        Value::String(text) => list.push((path.to_owned(), text.clone())),
        Value::Array(items) => list.push((path.to_owned(), join(items))),
        other => list.push((path.to_owned(), other.to_string())),
    }
}

fn join(items: &[Value]) -> String {
    let texts: Vec<String> = items
        .iter()
        .map(|item| match item {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        })
        .collect();
    format!("[{}]", texts.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load_text;

    fn plan(text: &str) -> Plan {
        match load_text("a.toml", text, &[]) {
            Ok(checked) => checked.plan,
            Err(error) => panic!("{error:?}"),
        }
    }

    const BASE: &str = "[experiment]\nname = \"a\"\n[[visualize]]\njob = \"filters\"\n";

    #[test]
    fn names_and_device_do_not_count_and_defaults_do() {
        let base = fingerprint(&plan(BASE));
        let renamed = BASE.replace("\"a\"", "\"b\"\ntags = [\"x\"]")
            + "[run]\ndevice = \"cpu\"\nkeep_checkpoint = true\n";
        assert_eq!(fingerprint(&plan(&renamed)), base);
        let same = BASE.to_owned() + "count = 64\n";
        assert_eq!(fingerprint(&plan(&same)), base);
        let other = BASE.to_owned() + "count = 63\n";
        assert_ne!(fingerprint(&plan(&other)), base);
    }

    #[test]
    fn a_precision_that_is_given_counts_and_tuning_does_not() {
        let base = fingerprint(&plan(BASE));
        let with = |line: &str| fingerprint(&plan(&format!("{BASE}[run]\n{line}\n")));
        assert_eq!(with("autotune = true"), base);
        let given = ["f32", "tf32", "bf16"].map(|word| with(&format!("precision = \"{word}\"")));
        for (index, one) in given.iter().enumerate() {
            assert!(*one != base && !given[..index].contains(one));
        }
    }

    #[test]
    fn the_plan_read_back_is_the_plan() -> Result<(), toml::ser::Error> {
        let plan_a = plan(BASE);
        assert_eq!(plan(&plan_a.to_toml()?), plan_a);
        Ok(())
    }
}
