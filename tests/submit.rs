//! `runner submit`: scripts, and what it says where there is no Slurm. tests/slurm.py runs on a real one.

use crate::support::runner::{Output, Place};

/// Two seeds of the head.
const SWEEP: &str = "extends = \"shapes.toml\"\n[sweep]\nseeds = [1, 2, 3]\n";

fn place() -> Place {
    let place = Place::with_shapes();
    place.write("sweep.toml", SWEEP);
    place
}

fn submit(place: &Place, arguments: &[&str]) -> Output {
    place.run(&[&["submit", "sweep.toml", "--engine", "slurm"], arguments].concat())
}

/// A folder of programs that stand for Slurm's; `sbatch` takes every script as job 12.
fn with_slurm(place: &Place, squeue: &str, arguments: &[&str]) -> Output {
    use std::os::unix::fs::PermissionsExt;
    let programs = [("sbatch", "echo \"12;cluster\"".to_owned()), ("squeue", squeue.to_owned())];
    for (name, line) in programs {
        let name = format!("slurm/{name}");
        place.write(&name, format!("#!/bin/sh\n{line}\n"));
        let mode = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(place.path(&name), mode).unwrap();
    }
    let path = std::env::var("PATH").unwrap();
    let path = format!("{}:{path}", place.path("slurm").display());
    crate::support::runner::output(place.command(arguments).env("PATH", path))
}

#[test]
fn a_dry_run_prints_a_script_and_writes_nothing() {
    let place = place();
    let options = ["--slurm", "--partition=gpu --time=2:00:00", "--slurm", "--gres=gpu:1"];
    let dry = submit(&place, &[&options[..], &["--dry-run", "--jobs-at-once", "2"]].concat());
    assert_eq!(dry.code, Some(0), "{dry:?}");
    for line in [
        "#!/bin/bash",
        "#SBATCH --job-name=\"shapes\"",
        "#SBATCH --array=1-3%2",
        "#SBATCH --requeue",
        "#SBATCH --signal=B:TERM@60",
        "#SBATCH --partition=gpu --time=2:00:00",
        "#SBATCH --gres=gpu:1",
        "scontrol requeue \"$SLURM_JOB_ID\"",
        "# sbatch --parsable '",
    ] {
        let found = dry.stdout.lines().any(|text| text.trim().starts_with(line));
        assert!(found, "`{line}` is missing:\n{}", dry.stdout);
    }
    assert!(!place.path("results").exists() && !place.path("cache").exists());
    // It is a script.
    place.write("dry.sh", &dry.stdout);
    let checked = std::process::Command::new("bash").arg("-n").arg(place.path("dry.sh")).status();
    assert!(checked.unwrap().success());
}

#[test]
fn what_cannot_be_submitted_is_said() {
    let place = place();
    let mut nowhere = place.command(&["submit", "sweep.toml", "--engine", "slurm"]);
    let nowhere = crate::support::runner::output(nowhere.env("PATH", place.path("none")));
    assert_eq!(nowhere.code, Some(2), "{nowhere:?}");
    assert!(nowhere.stderr.contains("there is no `sbatch` on this machine"), "{nowhere:?}");
    assert!(!place.path("results").exists());
    let engine = place.run(&["submit", "sweep.toml", "--engine", "pbs"]);
    assert_eq!(engine.code, Some(2));
    assert!(engine.stderr.contains("[possible values: slurm]"), "{engine:?}");
    let array = submit(&place, &["--slurm", "--array=1-9"]);
    assert!(array.stderr.contains("`--array` is set by `runner submit`"), "{array:?}");
    let word = submit(&place, &["--slurm", "gpu"]);
    assert!(word.stderr.contains("options of sbatch start with `-`"), "{word:?}");
    place.write("sweep.toml", format!("{SWEEP}halving = {{ after = 1, keep = 0.5 }}\n"));
    let halving = submit(&place, &["--dry-run"]);
    assert_eq!(halving.code, Some(2));
    assert!(halving.stderr.contains("`sweep.halving` compares members"), "{halving:?}");
    place.write("sweep.toml", SWEEP.replace("[1, 2, 3]", "[1, -2]"));
    let wrong = submit(&place, &[]);
    assert!(wrong.code == Some(2) && wrong.stderr.contains("sweep.toml:3"), "{wrong:?}");
}

#[test]
fn a_member_waits_runs_or_never_starts() {
    let place = place();
    place.succeed(&["run", "sweep.toml", "--quiet", "--member", "2"]);
    let arguments = ["submit", "sweep.toml", "--engine", "slurm"];
    let queue = "printf '12 1 RUNNING\\n12 3 PENDING\\n'";
    let done = with_slurm(&place, queue, &arguments);
    assert_eq!(done.code, Some(0), "{done:?}");
    assert!(done.stdout.starts_with("job 12: 2 tasks"), "{done:?}");
    assert!(done.stderr.contains("1 of 3 members are finished, and left out: 2"), "{done:?}");
    let listed = |squeue| -> Vec<String> {
        let listed = with_slurm(&place, squeue, &["list"]).stdout;
        let rows = listed.lines().filter(|line| line.starts_with("slurm"));
        rows.map(|row| row.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
    };
    let rows = |one, three| {
        [format!("slurm 12_1 seed=1 shapes {one}"), format!("slurm 12_3 seed=3 shapes {three}")]
    };
    assert_eq!(listed(queue), rows("starting", "waiting"));
    let forgotten = "echo 'slurm_load_jobs error: Invalid job id specified' >&2; exit 1";
    assert_eq!(listed(forgotten), rows("never started", "never started"));
    assert_eq!(listed("exit 1"), rows("submitted", "submitted"));
    // What is queued is not queued twice.
    let again = with_slurm(&place, queue, &arguments);
    assert!(again.stdout.contains("nothing is left to submit"), "{again:?}");
}

#[test]
fn a_task_is_the_same_run_as_that_of_the_file() {
    let place = place();
    assert_eq!(
        with_slurm(&place, "", &["submit", "sweep.toml", "--engine", "slurm"]).code,
        Some(0)
    );
    place.write("sweep.toml", "nonsense");
    let sweeps = std::fs::read_dir(place.path("results/shapes/sweeps")).unwrap();
    let sweep = sweeps.map(|folder| folder.unwrap().path()).next().unwrap();
    let plans = std::fs::read_dir(sweep.join("plans")).unwrap().next().unwrap().unwrap().path();
    place.succeed(&["task", plans.to_str().unwrap(), "2", "--quiet"]);
    place.write("sweep.toml", SWEEP);
    let planned = place.succeed(&["run", "sweep.toml", "--dry-run"]).stdout;
    assert!(planned.contains("member   2: seed=2: is finished, and skipped"), "{planned}");
    let run = &place.runs()[0];
    assert_eq!(run.get("member").as_str(), Some("seed=2"));
    assert_eq!(run.get("sweep").as_str(), sweep.file_name().unwrap().to_str());
    let given = std::fs::read_to_string(run.path.join("experiment.toml")).unwrap();
    assert_eq!(given, SWEEP, "the file as it was given");
    let again = place.succeed(&["task", plans.to_str().unwrap(), "2", "--quiet"]);
    assert!(again.stdout.contains("nothing is left to do"), "{again:?}");
    // The plan of another moment is not run.
    let plan = plans.join("member-1.toml");
    let text = std::fs::read_to_string(&plan).unwrap().replace("epochs = 3", "epochs = 4");
    std::fs::write(&plan, text).unwrap();
    let changed = place.run(&["task", plans.to_str().unwrap(), "1"]);
    assert_eq!(changed.code, Some(2), "{changed:?}");
    assert!(changed.stderr.contains("submit the experiment again"), "{changed:?}");
}
