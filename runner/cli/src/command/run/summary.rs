//! What is said when a run has ended.

use std::path::{Path, PathBuf};

use runner_results::tables::{self, RunRow};
use runner_results::writer::RunWriter;

use crate::text::duration;

/// Scores, and the paths of what was written.
pub(super) fn summary(writer: &RunWriter) -> String {
    let run = writer.run();
    let mut lines = vec![format!(
        "run {} of {}: {} in {}",
        writer.id(),
        run.experiment,
        run.status,
        duration(run.duration_s.unwrap_or(0.0))
    )];
    if let Some(last) = writer.last_epoch() {
        let score = score(last.validation_accuracy, last.validation_mae);
        lines.push(format!("last epoch:  validation {score}loss {:.4}", last.validation_loss));
    }
    if let (Some(epoch), Some(loss)) = (run.best_epoch, run.best_validation_loss) {
        let score = score(run.best_validation_accuracy, None);
        lines.push(format!("epoch {epoch} had the lowest validation loss: {score}loss {loss:.4}"));
    }
    match run.test_loss {
        Some(loss) => {
            let score = score(run.test_accuracy, run.test_mae);
            lines.push(format!("test:        {score}loss {loss:.4}"));
            lines.extend(binary(run));
            lines.extend(run.test_map.map(|map| format!("             mAP {map:.4}")));
            lines.extend(run.test_r2.map(|r2| format!("             R² {r2:.4}")));
            lines.extend(trust(run));
        }
        _ if run.trainable_parameters.is_some() => {
            lines.push("test:        no test images".to_owned());
        }
        _ => {}
    }
    let drawn = tables::read(&writer.file("artifacts.parquet")).unwrap_or_default().len();
    if drawn > 0 {
        lines.push(format!("pictures:    {drawn} files in visualizations/"));
    }
    lines.push(format!("written to   {}", writer.folder().display()));
    lines.extend(files(writer.folder()).into_iter().map(|name| format!("             {name}")));
    lines.join("\n")
}

/// How far the test scores go.
fn trust(run: &RunRow) -> Option<String> {
    let (low, high) = run.test_accuracy_lower.zip(run.test_accuracy_upper)?;
    let after = run.test_calibrated_ece.zip(run.temperature);
    let after =
        after.map(|(ece, temperature)| format!(", {ece:.4} at temperature {temperature:.2}"));
    Some(format!(
        "             accuracy in [{low:.3}, {high:.3}] (95%), balanced {:.4}; calibration error {:.4}{}",
        run.test_balanced_accuracy?,
        run.test_ece?,
        after.unwrap_or_default()
    ))
}

/// `accuracy 0.9500, `, or what numbers have in its place.
fn score(accuracy: Option<f64>, mae: Option<f64>) -> String {
    match (accuracy, mae) {
        (Some(accuracy), _) => format!("accuracy {accuracy:.4}, "),
        (None, Some(error)) => format!("mean absolute error {error:.4}, "),
        (None, None) => String::new(),
    }
}

/// What two classes have beside accuracy.
fn binary(run: &RunRow) -> Option<String> {
    let positive = run.classes.get(1)?;
    let show = |score: Option<f64>| score.map_or("none".to_owned(), |s| format!("{s:.4}"));
    run.test_auc?;
    Some(format!(
        "             AUC {}; {positive} as positive: precision {}, recall {}, F1 {}",
        show(run.test_auc),
        show(run.test_precision),
        show(run.test_recall),
        show(run.test_f1)
    ))
}

fn files(folder: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let mut names: Vec<String> = paths
        .filter_map(|path: PathBuf| Some(path.file_name()?.to_string_lossy().into_owned()))
        .filter(|name| !name.starts_with('.'))
        .collect();
    names.sort();
    names
}
