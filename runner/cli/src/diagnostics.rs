//! Problems of an experiment file as a compiler shows them: place, caret, help.

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};
use runner_experiment::{Checked, Problem, Problems, Severity, SourceText};

use crate::terminal;

/// Every problem, one after the other, each ending in an empty line.
pub fn render(source: &SourceText, problems: &Problems) -> String {
    problems.iter().map(|problem| format!("{}\n\n", one(source, problem))).collect()
}

/// `experiments/a.toml: 3 errors; nothing was run`
pub fn conclusion(path: &str, problems: &Problems) -> String {
    match problems.errors() {
        1 => format!("{path} has 1 error; nothing was run"),
        errors => format!("{path} has {errors} errors; nothing was run"),
    }
}

/// What the author of a file that can be run should know.
pub fn show_warnings(checked: &Checked) {
    if checked.warnings.iter().next().is_some() {
        terminal::note(render(&checked.source, &checked.warnings).trim_end());
    }
}

fn one(source: &SourceText, problem: &Problem) -> String {
    let (name, text, span) = source.excerpt(&problem.span);
    let title = match problem.severity {
        Severity::Error => Level::ERROR.primary_title(&problem.message),
        Severity::Warning => Level::WARNING.primary_title(&problem.message),
    };
    // The caret of a table is its header line, not its whole body.
    let line_end = text[span.start..].find('\n').map_or(text.len(), |at| span.start + at);
    let span = span.start..span.end.min(line_end).max(span.start);
    let annotation = AnnotationKind::Primary.span(span).label(&problem.label);
    let snippet = Snippet::source(text).path(name).line_start(1).annotation(annotation);
    let mut group = title.element(snippet);
    if let Some(help) = &problem.help {
        group = group.element(Level::HELP.message(help));
    }
    let renderer = match terminal::colours_on_stderr() {
        true => Renderer::styled(),
        false => Renderer::plain(),
    };
    renderer.render(&[group])
}
