//! Fills in the templates. Whatever is put into them is escaped here, in text and in attributes.

use std::error::Error as StdError;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Serde, Value};
use minijinja::{Environment, Error, Output, State, UndefinedBehavior, escape_formatter};
use runner_experiment::text::visible_lines;
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::ResultsError;

/// The name of a report in the folder of a run or of a sweep.
pub const FILE: &str = "report.html";

const TEMPLATES: [(&str, &str); 7] = [
    ("base.html", include_str!("templates/base.html")),
    ("parts.html", include_str!("templates/parts.html")),
    ("chart.html", include_str!("templates/chart.html")),
    ("runs.html", include_str!("templates/runs.html")),
    ("images.html", include_str!("templates/images.html")),
    ("sweep.html", include_str!("templates/sweep.html")),
    ("duplicates.html", include_str!("templates/duplicates.html")),
];
const STYLE: &str = include_str!("templates/style.css");
const SCRIPT: &str = include_str!("templates/script.js");

/// Fills in one of the templates.
///
/// # Errors
///
/// [`ResultsError::Report`] where a template names what `page` does not have.
pub(super) fn render(
    template: &'static str,
    page: &impl Serialize,
) -> Result<String, ResultsError> {
    let failed =
        |error: Error| ResultsError::Report(Box::<dyn StdError + Send + Sync>::from(error));
    let mut environment = Environment::new();
    let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build();
    environment.set_syntax(syntax.map_err(failed)?);
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_formatter(visible);
    for (name, source) in TEMPLATES {
        environment.add_template(name, source).map_err(failed)?;
    }
    environment.add_global("style", Value::from_safe_string(STYLE.to_owned()));
    environment.add_global("script", Value::from_safe_string(SCRIPT.to_owned()));
    environment.add_global("script_hash", Value::from_safe_string(hash(SCRIPT)));
    environment.add_global("version", env!("CARGO_PKG_VERSION"));
    let template = environment.get_template(template).map_err(failed)?;
    template.render(Value::from(Serde(page))).map_err(failed)
}

/// As the policy of a page names the only script that may run: others that found their way in do not.
fn hash(script: &str) -> String {
    format!("'sha256-{}'", STANDARD.encode(Sha256::digest(script.as_bytes())))
}

/// Control characters and those that turn the direction of writing are shown as escapes; what means
/// something to HTML is escaped after that.
fn visible(out: &mut Output<'_>, state: &mut State<'_, '_>, value: &Value) -> Result<(), Error> {
    match value.as_str().filter(|_| !value.is_safe()) {
        Some(text) => escape_formatter(out, state, &Value::from(visible_lines(text).as_ref())),
        None => escape_formatter(out, state, value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_that_of_the_specification() {
        // Content Security Policy Level 2, section 7.17.
        assert_eq!(
            hash("alert('Hello, world.');"),
            "'sha256-qznLcsROx4GACP2dm0UCKCzCG+HiZ1guq6ZZDob/Tng='"
        );
    }
}
