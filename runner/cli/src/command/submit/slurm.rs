//! Slurm's own programs: what they are asked, and what they answer.

use std::collections::HashMap;
use std::io::ErrorKind;
use std::num::NonZeroU32;
use std::path::Path;
use std::process::Command;

use super::script::quoted;
use crate::failure::Failure;

/// Options of sbatch that would contradict what is submitted.
const OURS: [&str; 6] = ["--array", "-a", "--wrap", "--chdir", "-D", "--parsable"];

/// Refuses options that sbatch would take for something else.
///
/// # Errors
///
/// A [`Failure`] that names the option.
pub(super) fn check_options(options: &[String]) -> Result<(), Failure> {
    for text in options {
        if !text.trim_start().starts_with('-') || text.contains(['\n', '\r']) {
            return Err(Failure::usage(format!(
                "`--slurm {text}`: options of sbatch start with `-` and stand on one line, such as \
                 `--slurm \"--partition=gpu --time=2:00:00\"`"
            )));
        }
        let name = |word: &str| word.split('=').next().unwrap_or(word).to_owned();
        let taken = text.split_whitespace().map(name).find(|name| OURS.contains(&name.as_str()));
        if let Some(name) = taken {
            return Err(Failure::usage(format!(
                "`--slurm {text}`: `{name}` is set by `runner submit`; `--jobs-at-once N` limits how \
                 many tasks run at a time"
            )));
        }
    }
    Ok(())
}

/// Members as Slurm writes the indices of an array: `1-3,7%4`.
pub(super) fn array(members: &[usize], at_once: Option<NonZeroU32>) -> String {
    let mut spans: Vec<(usize, usize)> = Vec::new();
    for member in members {
        match spans.last_mut() {
            Some((_, last)) if *last + 1 == *member => *last = *member,
            _ => spans.push((*member, *member)),
        }
    }
    let text = |(first, last): &(usize, usize)| match first == last {
        true => first.to_string(),
        false => format!("{first}-{last}"),
    };
    let spans: Vec<String> = spans.iter().map(text).collect();
    let limit = at_once.map_or(String::new(), |limit| format!("%{limit}"));
    spans.join(",") + &limit
}

/// The command that submits a script, as a shell takes it.
pub(super) fn command(script: &Path) -> String {
    format!("sbatch --parsable {}", quoted(&script.display().to_string()))
}

/// Says so where there is no Slurm.
///
/// # Errors
///
/// A [`Failure`] that says what to do.
pub(super) fn is_there() -> Result<(), Failure> {
    match Command::new("sbatch").arg("--version").output() {
        Ok(_) => Ok(()),
        Err(error) => Err(no_program(&error)),
    }
}

fn no_program(error: &std::io::Error) -> Failure {
    match error.kind() {
        ErrorKind::NotFound => Failure::usage(
            "there is no `sbatch` on this machine: submit from one that has Slurm's programs (its \
             login node), or try `--dry-run`",
        ),
        _ => Failure::internal(format!("cannot start `sbatch`: {error}")),
    }
}

/// Submits a script; the number of the job.
///
/// # Errors
///
/// A [`Failure`] with what sbatch said.
pub(super) fn submit(script: &Path) -> Result<u64, Failure> {
    let output = Command::new("sbatch").arg("--parsable").arg(script).output();
    let output = output.map_err(|error| no_program(&error))?;
    let (said, answer) = (text(&output.stderr), text(&output.stdout));
    if !output.status.success() {
        let hint = match said.contains("array specification") {
            true => {
                "\nthe indices of an array end below `MaxArraySize` (`scontrol show config`): split \
                 the sweep into several files"
            }
            false => "",
        };
        return Err(Failure::usage(format!("sbatch refused the job: {said}{hint}")));
    }
    // `JOB` or `JOB;CLUSTER`
    let job = answer.lines().last().and_then(|line| line.split(';').next()?.trim().parse().ok());
    job.ok_or_else(|| {
        Failure::internal(format!("sbatch answered `{answer}`, which is no job number; see squeue"))
    })
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).trim().to_owned()
}

/// What Slurm knows of some jobs.
#[derive(Debug, Default)]
pub(super) struct Queue {
    /// Whether it could be asked.
    pub answered: bool,
    states: HashMap<(u64, usize), String>,
}

impl Queue {
    /// Asks once for all jobs; not at all where there are none.
    pub(super) fn ask(jobs: impl Iterator<Item = u64>) -> Self {
        let mut jobs: Vec<String> = jobs.map(|job| job.to_string()).collect();
        jobs.sort_unstable();
        jobs.dedup();
        if jobs.is_empty() {
            return Self { answered: true, ..Self::default() };
        }
        let mut command = Command::new("squeue");
        command.args(["--noheader", "--array", "--format=%F %K %T", "--jobs"]).arg(jobs.join(","));
        let Ok(output) = command.output() else { return Self::default() };
        // Slurm forgets jobs some minutes after their end, and says this where one alone is asked for.
        let is_forgotten = text(&output.stderr).contains("Invalid job id");
        let answered = output.status.success() || is_forgotten;
        Self { answered, states: states(&text(&output.stdout)) }
    }

    /// The state of the task of a member, such as `PENDING`; `None` where Slurm knows no such task.
    pub(super) fn state(&self, job: u64, member: usize) -> Option<&str> {
        self.states.get(&(job, member)).map(String::as_str)
    }
}

/// Lines of job, index and state.
fn states(answer: &str) -> HashMap<(u64, usize), String> {
    let line = |line: &str| {
        let mut words = line.split_whitespace();
        let (job, index) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
        Some(((job, index), words.next()?.to_owned()))
    };
    answer.lines().filter_map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indices_are_written_as_slurm_reads_them() {
        assert_eq!(array(&[1, 2, 3, 7], NonZeroU32::new(4)), "1-3,7%4");
        assert_eq!(array(&[5], None), "5");
        assert_eq!(array(&[1, 3, 4], None), "1,3-4");
    }

    #[test]
    fn options_that_contradict_are_refused() {
        let check = |text: &str| check_options(&[text.to_owned()]);
        assert!(check("--partition=gpu --time=2:00:00").is_ok() && check("-p gpu").is_ok());
        for wrong in ["gpu", "--time=1 --array=1-3", "-a 1", "--time=1\n#SBATCH --x", ""] {
            assert!(check(wrong).is_err(), "{wrong}");
        }
    }

    /// What squeue of Slurm 22.05 answers.
    #[test]
    fn answers_are_read() {
        let queue =
            Queue { answered: true, states: states("1 3 PENDING\n1 2 RUNNING\n4 N/A RUNNING") };
        assert_eq!((queue.state(1, 3), queue.state(1, 2)), (Some("PENDING"), Some("RUNNING")));
        assert_eq!(queue.state(4, 1), None);
    }
}
