//! What became of the members: for the terminal, and for `sweep.parquet`.

use runner_experiment::section::task::Task;
use runner_experiment::{Member, fingerprint};
use runner_results::ResultsError;
use runner_results::load::LoadedRun;
use runner_results::out_of_fold::{self, Fold};
use runner_results::report::{PlannedMember, write_sweep};
use runner_results::tables::{Cell, SweepRow, integer};

use super::cards;
use super::halving::Rung;
use super::member::{State, epochs, state};
use super::running::Running;
use crate::failure::Failure;
use crate::terminal;

/// `runner run --dry-run`: what would be done with each member.
pub(super) fn planned(running: &Running<'_>, chosen: &[&Member]) -> String {
    let lines = chosen.iter().map(|member| {
        let what = match state(running, member) {
            State::New => "would start".to_owned(),
            State::Busy(run) => format!("is running: {}", run.id),
            State::Finished(run) => format!("is finished, and skipped: {}", run.id),
            State::Failed(run) | State::Unfinished(run) => {
                format!("would go on after {} epochs: {}", epochs(&run), run.id)
            }
        };
        format!("member {:>3}: {}: {what}", member.number, member.name)
    });
    let jobs = cards::workers(running.arguments.sweep.jobs, chosen).len();
    let head = format!(
        "sweep {} of {} members, {jobs} at a time",
        running.sweep.id,
        running.sweep.members.len()
    );
    std::iter::once(head).chain(lines).collect::<Vec<_>>().join("\n")
}

/// The rows of `sweep.parquet`: one per member and comparison.
pub(super) fn rows(running: &Running<'_>, decided: &[Rung]) -> Vec<SweepRow> {
    let mut rows = Vec::new();
    for member in &running.sweep.members {
        let of_member = decided.iter().filter_map(|rung| {
            let place = rung.settings.iter().position(|s| s.members.contains(&member.number))?;
            Some((rung, place))
        });
        let of_member: Vec<(&Rung, usize)> = of_member.collect();
        let is_stopped = of_member.last().is_some_and(|(rung, _)| !rung.keeps(member.number));
        let base = row(running, member, is_stopped);
        if of_member.is_empty() {
            rows.push(base);
            continue;
        }
        rows.extend(of_member.into_iter().map(|(rung, place)| {
            let setting = &rung.settings[place];
            let seed = setting.members.iter().position(|number| *number == member.number);
            SweepRow {
                rung: Some(integer(rung.number)),
                epochs: Some(integer(rung.epochs)),
                monitor: Some(rung.monitor.as_str().to_owned()),
                value: seed.and_then(|seed| setting.values[seed]),
                rank: Some(integer(place + 1)),
                kept: Some(setting.kept),
                ..base.clone()
            }
        }));
    }
    rows
}

/// The status of a member: that of its run, unless halving ended it.
fn status(run: Option<&LoadedRun>, is_stopped: bool) -> &str {
    match run.map_or("waiting", LoadedRun::status) {
        "interrupted" if is_stopped => "stopped",
        status => status,
    }
}

fn row(running: &Running<'_>, member: &Member, is_stopped: bool) -> SweepRow {
    let state = state(running, member);
    let run = state.run();
    let status = status(run, is_stopped);
    SweepRow {
        member: integer(member.number),
        name: member.name.clone(),
        setting: member.setting.clone(),
        fingerprint: fingerprint::fingerprint(&member.checked.plan),
        run_id: run.map(|run| run.id.clone()),
        status: status.to_owned(),
        error: run.and_then(|run| run.get("error").as_str().map(str::to_owned)),
        ..SweepRow::default()
    }
}

/// The page about the sweep, whatever was asked for this time.
pub(super) fn report(running: &Running<'_>) {
    let (mut runs, mut planned) = (Vec::new(), Vec::new());
    for member in &running.sweep.members {
        match state(running, member).run() {
            Some(run) => runs.push(run.clone()),
            None => planned.push(PlannedMember {
                name: member.name.clone(),
                status: "waiting".to_owned(),
                reason: None,
            }),
        }
    }
    let first = running.sweep.members.first();
    let name = first.map_or("", |first| &first.checked.plan.experiment.name);
    let title = format!("{name}, sweep {}", running.sweep.id);
    if let Err(error) = out_of_fold(running) {
        terminal::warning(&format!("predictions out of fold could not be written: {error}"));
    }
    if let Err(error) = write_sweep(&running.folder.path, &title, &runs, &planned) {
        terminal::warning(&format!("the report of the sweep could not be written: {error}"));
    }
}

/// The test predictions of all folds in one table.
fn out_of_fold(running: &Running<'_>) -> Result<(), ResultsError> {
    let states = running.sweep.members.iter().map(|member| (member, state(running, member)));
    let states: Vec<_> = states.collect();
    let finished = states.iter().filter_map(|(member, state)| {
        let run = state.run().filter(|run| run.status() == "finished")?;
        Some(Fold { setting: &member.setting, run })
    });
    out_of_fold::write(&running.folder, &finished.collect::<Vec<_>>())
}

/// A column of `run.parquet`, and what the table at the end calls it.
type Score = (&'static str, &'static str);

const OF_CLASSES: [Score; 3] = [
    ("best_validation_accuracy", "best validation"),
    ("test_accuracy", "test"),
    ("test_loss", "test loss"),
];

const OF_NUMBERS: [Score; 3] = [
    ("best_validation_loss", "best validation"),
    ("test_mae", "test MAE"),
    ("test_loss", "test loss"),
];

fn scores(running: &Running<'_>) -> [Score; 3] {
    let dataset = running.sweep.members.first().and_then(|m| m.checked.plan.dataset.as_ref());
    match dataset.is_some_and(|dataset| dataset.task == Task::Regression) {
        true => OF_NUMBERS,
        false => OF_CLASSES,
    }
}

/// The table at the end, and the failures once more.
pub(super) fn conclude(
    running: &Running<'_>,
    chosen: &[&Member],
    stopped: &[usize],
) -> Result<(), Failure> {
    let (mut lines, mut failed, mut counts) = (Vec::new(), Vec::new(), [0_usize; 2]);
    let scores = scores(running);
    for member in chosen {
        let state = state(running, member);
        let run = state.run();
        let status = status(run, stopped.contains(&member.number));
        counts[0] += usize::from(status == "finished");
        counts[1] += usize::from(status == "stopped");
        if let Some(run) = run.filter(|run| run.status() == "failed") {
            let why = run.get("error").as_str().unwrap_or("").lines().next().unwrap_or("");
            failed.push(format!("member {} ({}): {why}", member.number, member.name));
        }
        let score =
            |(name, _): &Score| run.map_or(Cell::Null, |run| run.get(name).clone()).to_string();
        let mut line = vec![member.number.to_string(), member.name.clone(), status.to_owned()];
        line.extend(scores.iter().map(score));
        line.push(run.map_or(String::new(), |run| run.id.clone()));
        lines.push(line);
    }
    terminal::out("");
    let [best, test, loss] = scores.map(|(_, title)| title);
    let header = ["member", "name", "status", best, test, loss, "run"];
    terminal::out_table(&header, lines);
    terminal::out(&format!(
        "\nsweep {}: {} of {} members finished{}{}; {}",
        running.sweep.id,
        counts[0],
        chosen.len(),
        some(counts[1], "stopped early"),
        some(failed.len(), "failed"),
        running.folder.path.display()
    ));
    match failed.is_empty() {
        true => Ok(()),
        false => Err(failures(&failed, chosen.len())),
    }
}

fn some(count: usize, what: &str) -> String {
    match count {
        0 => String::new(),
        count => format!(", {count} {what}"),
    }
}

fn failures(failed: &[String], all: usize) -> Failure {
    let list: String = failed.iter().map(|line| format!("\n  {line}")).collect();
    let (again, count) = ("the same command tries them again, and skips the rest", failed.len());
    Failure::training(format!("{count} of {all} members failed:{list}\n{again}"))
}
