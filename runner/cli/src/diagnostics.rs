//! Problems of an experiment file as a compiler shows them: place, caret, help.

use std::ops::Range;

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};
use runner_experiment::text::visible;
use runner_experiment::{Checked, Diagnostic, Diagnostics, Severity, SourceText, Sweep};

use crate::terminal;

/// How many problems of a file are shown.
const SHOWN: usize = 50;

/// Problems, one after the other, each ending in an empty line; of very many the first.
pub fn render(source: &SourceText, diagnostics: &Diagnostics) -> String {
    let shown = diagnostics.iter().take(SHOWN);
    let mut text: String =
        shown.map(|diagnostic| format!("{}\n\n", one(source, diagnostic))).collect();
    let rest = diagnostics.iter().len().saturating_sub(SHOWN);
    if rest > 0 {
        text += &format!("and {rest} more; these are the first {SHOWN}\n\n");
    }
    text
}

/// `experiments/a.toml: 3 errors; nothing was run`
pub fn conclusion(path: &str, diagnostics: &Diagnostics) -> String {
    let path = visible(path);
    match diagnostics.errors() {
        1 => format!("{path} has 1 error; nothing was run"),
        errors => format!("{path} has {errors} errors; nothing was run"),
    }
}

/// What the author of a file that can be run should know.
pub fn show_warnings(checked: &Checked) {
    if checked.warnings.iter().next().is_some() {
        terminal::styled(render(&checked.source, &checked.warnings).trim_end());
    }
}

/// [`show_warnings`] of a sweep.
pub fn show_warnings_of_sweep(sweep: &Sweep) {
    if sweep.warnings.iter().next().is_some() {
        terminal::styled(render(&sweep.source, &sweep.warnings).trim_end());
    }
}

fn one(source: &SourceText, diagnostic: &Diagnostic) -> String {
    let (name, text, span) = source.excerpt(&diagnostic.span);
    let (text, first, span) = around(text, span);
    let title = match diagnostic.severity {
        Severity::Error => Level::ERROR.primary_title(&diagnostic.message),
        Severity::Warning => Level::WARNING.primary_title(&diagnostic.message),
    };
    // The caret of a table is its header line, not its whole body.
    let line_end = text[span.start..].find('\n').map_or(text.len(), |offset| span.start + offset);
    let span = span.start..span.end.min(line_end).max(span.start);
    let annotation = AnnotationKind::Primary.span(span).label(&diagnostic.label);
    let snippet =
        Snippet::source(text).path(visible(name)).line_start(first).annotation(annotation);
    let mut group = title.element(snippet);
    if let Some(help) = &diagnostic.help {
        group = group.element(Level::HELP.message(help));
    }
    let renderer = match terminal::colours_on_stderr() {
        true => Renderer::styled(),
        false => Renderer::plain(),
    };
    renderer.render(&[group])
}

/// The lines of a span, the number of the first, and the span in them: what is rendered is then as
/// long as what is shown, not as the file.
fn around(text: &str, span: Range<usize>) -> (&str, usize, Range<usize>) {
    let start = text[..span.start].rfind('\n').map_or(0, |offset| offset + 1);
    let end = text[span.end..].find('\n').map_or(text.len(), |offset| span.end + offset);
    let first = text[..start].matches('\n').count() + 1;
    (&text[start..end], first, span.start - start..span.end - start)
}
