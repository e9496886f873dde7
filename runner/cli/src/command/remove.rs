//! `runner rm` and `runner prune`: runs that may go.

use std::path::Path;
use std::time::Duration;

use chrono::Utc;
use clap::Args;
use runner_experiment::text::shown;
use runner_results::compare::is_lower_better;
use runner_results::load::{self, LoadedRun, UNREADABLE};
use runner_results::remove::Removal;
use runner_results::tables::Cell;

use crate::arguments::ResultsArguments;
use crate::environment::show_size;
use crate::failure::Failure;
use crate::terminal;

/// Whether to remove, and whether to ask.
#[derive(Debug, Args)]
pub struct RemovalArguments {
    /// Remove without asking.
    #[arg(long)]
    pub yes: bool,
    /// Show what would go; remove nothing.
    #[arg(long)]
    pub dry_run: bool,
    #[command(flatten)]
    pub results: ResultsArguments,
}

/// `rm`
#[derive(Debug, Args)]
pub struct RmArguments {
    /// Runs: their ids, the start or end of them, or `last`.
    #[arg(value_name = "RUN", required = true)]
    pub runs: Vec<String>,
    #[command(flatten)]
    pub removal: RemovalArguments,
}

/// `prune`
#[derive(Debug, Args)]
pub struct PruneArguments {
    /// Only runs of this status: finished, failed, interrupted.
    #[arg(long, value_name = "STATUS,...", value_delimiter = ',', value_parser = ["finished", "failed", "interrupted"])]
    pub status: Vec<String>,
    /// Only runs that ended that long ago: 12h, 30d, 2w.
    #[arg(long, value_name = "TIME", value_parser = parse_age)]
    pub older_than: Option<Duration>,
    /// Only runs of this experiment.
    #[arg(long, value_name = "NAME")]
    pub experiment: Option<String>,
    /// Of each experiment the best runs stay; those without a score do not.
    #[arg(long, value_name = "N")]
    pub keep_best: Option<usize>,
    /// The score that says which are the best.
    #[arg(long, value_name = "SCORE", default_value = "test_accuracy", requires = "keep_best")]
    pub by: String,
    #[command(flatten)]
    pub removal: RemovalArguments,
}

/// `12h`, `30d`, `2w`.
fn parse_age(text: &str) -> Result<Duration, String> {
    let hours = match text.chars().last() {
        Some('h') => 1,
        Some('d') => 24,
        Some('w') => 24 * 7,
        _ => 0,
    };
    let number = text.get(..text.len().saturating_sub(1)).and_then(|n| n.parse::<u32>().ok());
    match (hours, number) {
        (1.., Some(number)) => Ok(Duration::from_secs(u64::from(number) * hours * 3600)),
        _ => Err(format!("`{text}` is not a time such as 12h, 30d or 2w")),
    }
}

pub(super) fn rm(arguments: &RmArguments) -> Result<(), Failure> {
    let results = &arguments.removal.results.results;
    let mut runs: Vec<LoadedRun> = Vec::new();
    for name in &arguments.runs {
        let run = load::find(results, name)?;
        if !runs.iter().any(|known| known.path == run.path) {
            runs.push(run);
        }
    }
    let removals = runs.into_iter().map(|run| Removal::of(results, run));
    remove(&removals.collect::<Result<Vec<_>, _>>()?, &arguments.removal)
}

pub(super) fn prune(arguments: &PruneArguments) -> Result<(), Failure> {
    let PruneArguments { status, older_than, experiment, keep_best, by, removal } = arguments;
    let results = &removal.results.results;
    let is_open = status.is_empty() && older_than.is_none() && experiment.is_none();
    if is_open && keep_best.is_none() {
        let message =
            "say which runs may go: `--status`, `--older-than`, `--experiment` or `--keep-best`";
        return Err(Failure::usage(message));
    }
    let columns = ["status", "started_at", "finished_at", "test_accuracy", by.as_str()];
    let mut runs = load::runs_with(results, &columns);
    if let Some(name) = experiment {
        if !runs.iter().any(|run| run.experiment == *name) {
            return Err(Failure::usage(format!("there is no experiment `{name}`")));
        }
        runs.retain(|run| run.experiment == *name);
    }
    // What cannot be read is only removed by name.
    runs.retain(|run| !["running", UNREADABLE].contains(&run.status()));
    if let Some(count) = keep_best {
        keep(&mut runs, *count, by)?;
    }
    runs.retain(|run| status.is_empty() || status.iter().any(|status| status == run.status()));
    runs.retain(|run| older_than.is_none_or(|age| is_older(run, age)));
    let mut removals = Vec::new();
    for run in runs {
        match Removal::of(results, run) {
            Ok(removal) => removals.push(removal),
            Err(error) => terminal::warning(&error.to_string()),
        }
    }
    remove(&removals, removal)
}

/// Takes the best runs of every experiment out of the list.
fn keep(runs: &mut Vec<LoadedRun>, count: usize, by: &str) -> Result<(), Failure> {
    let score = |run: &LoadedRun| run.get(by).as_f64().filter(|score| score.is_finite());
    if !runs.is_empty() && runs.iter().all(|run| score(run).is_none()) {
        return Err(Failure::usage(format!("no run has a score `{by}`")));
    }
    let better = |a: &f64, b: &f64| match is_lower_better(by) {
        true => a.total_cmp(b),
        false => b.total_cmp(a),
    };
    let mut best: Vec<(f64, &LoadedRun)> =
        runs.iter().filter_map(|run| Some((score(run)?, run))).collect();
    best.sort_by(|a, b| a.1.experiment.cmp(&b.1.experiment).then_with(|| better(&a.0, &b.0)));
    let experiments = best.chunk_by(|a, b| a.1.experiment == b.1.experiment);
    let stay: std::collections::HashSet<_> = experiments
        .flat_map(|runs| runs.iter().take(count))
        .map(|(_, run)| run.path.clone())
        .collect();
    runs.retain(|run| !stay.contains(&run.path));
    Ok(())
}

fn is_older(run: &LoadedRun, age: Duration) -> bool {
    let moment = match (run.get("finished_at"), run.get("started_at")) {
        (Cell::Time(moment), _) | (_, Cell::Time(moment)) => *moment,
        _ => return false,
    };
    let passed = Utc::now().timestamp_millis().saturating_sub(moment);
    u128::try_from(passed).is_ok_and(|passed| passed >= age.as_millis())
}

fn remove(removals: &[Removal], arguments: &RemovalArguments) -> Result<(), Failure> {
    if removals.is_empty() {
        terminal::note("nothing to remove");
        return Ok(());
    }
    list(removals);
    let bytes: u64 = removals.iter().map(|removal| removal.bytes).sum();
    let what = amount(removals.len(), bytes);
    if arguments.dry_run {
        terminal::out(&format!("would remove {what}"));
        return Ok(());
    }
    if !arguments.yes {
        match terminal::ask(&format!("remove {what}?")) {
            Some(true) => {}
            Some(false) => {
                terminal::note("nothing was removed");
                return Ok(());
            }
            None => {
                let message =
                    "nobody can be asked here: `--yes` removes them, `--dry-run` shows them";
                return Err(Failure::usage(message));
            }
        }
    }
    carry_out(removals, &arguments.results.results)
}

/// `3 runs, 201 MB`
fn amount(runs: usize, bytes: u64) -> String {
    let size = show_size(bytes);
    if runs == 1 { format!("1 run, {size}") } else { format!("{runs} runs, {size}") }
}

fn list(removals: &[Removal]) {
    let row = |removal: &Removal| {
        let run = &removal.run;
        let (id, experiment) = (run.id.clone(), run.experiment.clone());
        let score = run.get("test_accuracy").to_string();
        vec![id, experiment, run.status().to_owned(), score, show_size(removal.bytes)]
    };
    let header = ["run", "experiment", "status", "test", "size"];
    terminal::out_table(&header, removals.iter().map(row).collect());
    for path in removals.iter().flat_map(|removal| &removal.foreign) {
        terminal::note(&format!("{} stays: the runner did not write it", shown(path)));
    }
}

/// Goes on where one run cannot be removed, and says so in the end.
fn carry_out(removals: &[Removal], results: &Path) -> Result<(), Failure> {
    let mut failures = Vec::new();
    let mut removed = Vec::new();
    for removal in removals {
        match removal.carry_out() {
            Ok(()) => removed.push(removal.bytes),
            Err(error) => failures.push(Failure::from(error)),
        }
    }
    if !removed.is_empty() {
        let what = amount(removed.len(), removed.iter().sum());
        terminal::out(&format!("removed {what} from {}", shown(results)));
    }
    match failures.is_empty() {
        true => Ok(()),
        false => Err(Failure::joined(failures)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_by_hand() {
        assert_eq!(parse_age("12h"), Ok(Duration::from_secs(43_200)));
        assert_eq!(parse_age("30d"), Ok(Duration::from_secs(2_592_000)));
        assert!(
            ["", "h", "3", "-1d", "1.5d", "3m", "ä"].iter().all(|text| parse_age(text).is_err())
        );
    }
}
