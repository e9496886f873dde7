//! The batch script of a job array, fit to be read, changed and submitted by hand.

use std::path::{Path, PathBuf};

use runner_experiment::text::visible;
use runner_results::submission::Submission;

use crate::failure::Failure;

/// What the script is made of.
pub(super) struct Script<'a> {
    /// Where it is to lie.
    pub path: PathBuf,
    /// What it runs.
    pub submission: &'a Submission,
    /// The folder of plans.
    pub plans: &'a Path,
    /// The indices, as Slurm writes them.
    pub array: String,
    /// The user's own options.
    pub options: &'a [String],
    /// This program.
    pub program: PathBuf,
    /// Where paths of the plans start.
    pub directory: PathBuf,
    /// The folder of results.
    pub results: PathBuf,
    /// Where weights and features are kept.
    pub cache: PathBuf,
    /// `RUNNER_CACHE_LIMIT`, where it is set.
    pub cache_limit: Option<String>,
    /// Whether tasks may fetch nothing.
    pub offline: bool,
    /// With `--force`: when that was said, in milliseconds since 1970.
    pub forced_at: Option<i64>,
}

/// From here on the script is the same for everything.
const BODY: &str = r#"
# Threads: as many as this task has processors.
export RAYON_NUM_THREADS="${RAYON_NUM_THREADS:-${SLURM_CPUS_ON_NODE:-1}}"

# A request to stop goes on to the program, which saves everything and ends with 130.
program=
stopping=
trap 'stopping=1; [ -z "$program" ] || kill -TERM "$program" 2>/dev/null' TERM
"$runner" task "$plans" "$SLURM_ARRAY_TASK_ID" --results "$results" "${options[@]}" </dev/null &
program=$!
[ -z "$stopping" ] || kill -TERM "$program" 2>/dev/null
stopping=
wait "$program"
code=$?
# A signal ends `wait`, too: then the program is still saving.
while [ -n "$stopping" ]; do
    stopping=
    wait "$program"
    code=$?
done

# The task is queued again, and goes on where it was,
# - after a request to stop, such as the one before the time limit: at most a hundred times;
# - after the program was killed, by want of memory for one: at most twice.
# One that was cancelled, or that Slurm queues again by itself, does not count as running here.
restarts=${SLURM_RESTART_COUNT:-0}
again=
if [ "$code" -eq 130 ]; then
    [ "$restarts" -ge 100 ] || again=1
elif [ "$code" -gt 128 ]; then
    [ "$restarts" -ge 2 ] || again=1
fi
state=$(squeue --noheader --jobs "$SLURM_JOB_ID" --format %T 2>/dev/null)
if [ -n "$again" ] && [ "$state" = RUNNING ]; then
    echo "ended with $code: queued again" >&2
    # Slurm ends this script.
    scontrol requeue "$SLURM_JOB_ID" && sleep 60
fi
exit "$code"
"#;

impl Script<'_> {
    /// The script.
    ///
    /// # Errors
    ///
    /// A [`Failure`] for a path that cannot stand in a script.
    pub(super) fn text(&self) -> Result<String, Failure> {
        let Submission { experiment, folder, is_sweep, .. } = self.submission;
        let log = self.log("%A", "%a");
        let limit = self.cache_limit.as_ref();
        let limit = limit.map(|limit| format!("export RUNNER_CACHE_LIMIT={}\n", quoted(limit)));
        let mut text = format!(
            "#!/bin/bash\n\
             # {what} of the experiment {name}: each task runs one plan, by its number.\n\
             # Written by `runner submit`; the plans are those of that moment.\n\
             #SBATCH --job-name={job}\n\
             #SBATCH --array={array}\n\
             #SBATCH --chdir={directory}\n\
             #SBATCH --output={log}\n\
             #SBATCH --open-mode=append\n\
             #SBATCH --requeue\n\
             # A minute before the time limit, the task is asked to stop.\n\
             #SBATCH --signal=B:TERM@60\n",
            what = if *is_sweep { format!("The sweep {folder}") } else { "A run".to_owned() },
            name = visible(experiment),
            job = double_quoted(&visible(experiment)),
            array = self.array,
            directory = double_quoted(line(&self.directory)?),
            log = double_quoted(line(&log)?),
        );
        for options in self.options {
            text += &format!("#SBATCH {}\n", options.trim());
        }
        text += &format!(
            "\nrunner={}\nplans={}\nresults={}\noptions=({})\nexport RUNNER_CACHE={}\n{}",
            quoted(line(&self.program)?),
            quoted(line(self.plans)?),
            quoted(line(&self.results)?),
            self.flags().join(" "),
            quoted(line(&self.cache)?),
            limit.unwrap_or_default(),
        );
        Ok(text + BODY)
    }

    fn flags(&self) -> Vec<String> {
        let offline = self.offline.then(|| "--offline".to_owned());
        let since = self.forced_at.map(|moment| format!("--since {moment}"));
        offline.into_iter().chain(since).collect()
    }

    /// The output of a task.
    pub(super) fn log(&self, job: &str, task: &str) -> PathBuf {
        // A percent sign stands for something of Slurm's, unless it is doubled.
        let folder = self.path.parent().unwrap_or(Path::new("")).display().to_string();
        let folder = match job.starts_with('%') {
            true => folder.replace('%', "%%"),
            false => folder,
        };
        Path::new(&folder).join(format!("slurm-{job}_{task}.log"))
    }
}

/// A path as one line of text.
fn line(path: &Path) -> Result<&str, Failure> {
    // Slurm takes a backslash in the name of an output for a sign of its own.
    let text = path.to_str().filter(|text| !text.contains(['\n', '\r', '\\']));
    text.ok_or_else(|| {
        Failure::usage(format!(
            "{} cannot stand in a batch script: line breaks, backslashes and bytes that are not UTF-8 \
             have no place there",
            runner_experiment::text::shown(path)
        ))
    })
}

/// For the shell.
pub(super) fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// For a line of `#SBATCH`.
fn double_quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', r"\\").replace('"', "\\\""))
}
