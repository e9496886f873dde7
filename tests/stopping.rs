//! Signals, resumes and what a run leaves when something is in its way.

use std::collections::BTreeMap;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use runner_results::load::{self, LoadedRun};
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};

use crate::support::runner::{Place, SHAPES, timeless};

/// Long enough to be stopped in its midst.
const MANY: [&str; 2] = ["--set", "stage.head.epochs=100000"];

fn wait(what: &str, mut done: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !done() {
        assert!(begin.elapsed() < Duration::from_secs(60), "{what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn signal(child: &Child, name: &str) {
    let sent = Command::new("kill").args([name, &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
}

/// The newest run, once it is at work and has an epoch.
fn training(place: &Place) -> LoadedRun {
    wait("no epoch came to its end", || {
        let runs = place.runs();
        let newest = runs.first().filter(|run| run.status() == "running");
        newest.is_some_and(|run| run.last_epoch().len() > 1)
    });
    place.runs().remove(0)
}

/// A run that was stopped after some epochs, with its checkpoint.
fn stopped(place: &Place, arguments: &[&str]) -> LoadedRun {
    let mut child = place.start(arguments);
    training(place);
    signal(&child, "-TERM");
    assert_eq!(child.wait().unwrap().code(), Some(130));
    place.runs().remove(0)
}

#[test]
fn a_terminal_that_closes_says_so_twice_and_everything_is_saved() {
    for name in ["-HUP", "-TERM"] {
        let place = Place::with_shapes();
        let mut child = place.start(&[&["run", "shapes.toml"], &MANY[..]].concat());
        training(&place);
        signal(&child, name);
        signal(&child, name);
        assert_eq!(child.wait().unwrap().code(), Some(130), "{name}");
        let run = place.runs().remove(0);
        assert_eq!(run.get("status").as_str(), Some("interrupted"), "{name}");
        assert!(run.path.join("checkpoints").is_dir(), "{name}");
    }
}

#[test]
fn a_signal_that_was_ignored_stays_ignored() {
    let place = Place::with_shapes();
    let mut nohup = Command::new("nohup");
    let plain = place.command(&["run", "shapes.toml", "--set", "stage.head.epochs=4000"]);
    nohup.arg(plain.get_program()).args(plain.get_args());
    nohup.current_dir(plain.get_current_dir().unwrap()).env("RUNNER_CACHE", place.path("cache"));
    nohup.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = nohup.spawn().unwrap();
    training(&place);
    signal(&child, "-HUP");
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert_eq!(place.runs()[0].status(), "finished");
}

#[test]
fn a_renamed_stage_is_another_run() {
    let place = Place::with_shapes();
    stopped(&place, &[&["run", "shapes.toml"], &MANY[..]].concat());
    place.write("renamed.toml", SHAPES.replace("name = \"head\"", "name = \"top\""));
    let many = ["--set", "stage.top.epochs=100000"];
    let refused = place.run(&[&["run", "renamed.toml", "--resume", "last"], &many[..]].concat());
    assert_eq!(refused.code, Some(2), "{refused:?}");
    assert!(refused.stderr.contains("stage.top.epochs"), "{refused:?}");
}

#[test]
fn one_run_is_not_resumed_twice_at_once() {
    let place = Place::with_shapes();
    let arguments = [&["run", "shapes.toml", "--resume", "last"], &MANY[..]].concat();
    let mut child = place.start(&arguments);
    let run = training(&place);
    let again = place.run(&arguments);
    assert_eq!(again.code, Some(2), "{again:?}");
    assert!(again.stderr.contains("is still running"), "{again:?}");
    let id = [&["run", "shapes.toml", "--resume", run.id.as_str()], &MANY[..]].concat();
    assert_eq!(place.run(&id).code, Some(2));
    signal(&child, "-TERM");
    child.wait().unwrap();
    // Two processes at the same moment: one goes on, the other is told.
    let mut both: Vec<Child> = (0..2).map(|_| place.start(&arguments)).collect();
    std::thread::sleep(Duration::from_millis(1500));
    let codes: Vec<Option<i32>> =
        both.iter_mut().map(|child| child.try_wait().unwrap().and_then(|s| s.code())).collect();
    assert_eq!(codes.iter().filter(|code| **code == Some(2)).count(), 1, "{codes:?}");
    both.iter_mut().for_each(|child| child.kill().unwrap_or(()));
    both.iter_mut().for_each(|child| drop(child.wait()));
}

#[test]
fn other_weights_are_no_place_to_go_on_from() {
    let place = Place::with_shapes();
    place.succeed(&["run", "shapes.toml", "--set", "experiment.seed=1"]);
    let model = place.runs()[0].path.join("model.safetensors");
    std::fs::copy(&model, place.path("base.safetensors")).unwrap();
    let from = ["--set", "model.weights=base.safetensors"];
    let arguments = [&["run", "shapes.toml", "--resume", "last"], &from[..], &MANY[..]].concat();
    stopped(&place, &arguments);
    place.succeed(&["run", "shapes.toml", "--set", "experiment.seed=2"]);
    let other = place.runs()[0].path.join("model.safetensors");
    std::fs::copy(&other, place.path("base.safetensors")).unwrap();
    let refused = place.run(&arguments);
    assert_eq!(refused.code, Some(3), "{refused:?}");
    assert!(refused.stderr.contains("weights are no longer those"), "{refused:?}");
    // Brought back, the run goes on.
    std::fs::copy(&model, place.path("base.safetensors")).unwrap();
    let mut child = place.start(&arguments);
    std::thread::sleep(Duration::from_millis(1500));
    assert!(child.try_wait().unwrap().is_none(), "it trains");
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn weights_of_the_last_run_are_those_of_the_run_that_was_the_last_then() {
    let place = Place::with_shapes();
    place.succeed(&["run", "shapes.toml"]);
    let first = place.runs().remove(0).id;
    let last = ["--set", "model.weights=run:last", "--set", "experiment.seed=8"];
    let arguments = [&["run", "shapes.toml", "--resume", "last"], &last[..], &MANY[..]].concat();
    let run = stopped(&place, &arguments);
    let mut child = place.start(&arguments);
    std::thread::sleep(Duration::from_millis(1500));
    signal(&child, "-TERM");
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert_eq!(place.runs().len(), 2, "the stopped run went on");
    let params = run.params().unwrap();
    assert!(params.contains(&("model.weights".to_owned(), format!("run:{first}"))));
}

/// Reads, changes and writes a checkpoint with the checksum that it should have.
fn tamper(path: &Path, change: impl Fn(&mut BTreeMap<String, Vec<u8>>)) {
    let bytes = std::fs::read(path).unwrap();
    let (_, header) = SafeTensors::read_metadata(&bytes).unwrap();
    let about = header.metadata().clone().unwrap()["runner"].clone();
    let mut about: serde_json::Value = serde_json::from_str(&about).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let mut tensors: BTreeMap<String, Vec<u8>> =
        file.iter().map(|(name, view)| (name.to_owned(), view.data().to_vec())).collect();
    change(&mut tensors);
    let mut hasher = blake3::Hasher::new();
    hasher.update(about["state"].as_str().unwrap().as_bytes());
    for (name, bytes) in &tensors {
        hasher.update(name.as_bytes()).update(&(bytes.len() as u64).to_le_bytes()).update(bytes);
    }
    about["checksum"] = hasher.finalize().to_hex().to_string().into();
    let views = tensors.iter().map(|(name, bytes)| {
        (name, TensorView::new(Dtype::F32, vec![bytes.len() / 4], bytes).unwrap())
    });
    let metadata = [("runner".to_owned(), about.to_string())].into();
    std::fs::write(path, safetensors::serialize(views, Some(metadata)).unwrap()).unwrap();
}

#[test]
fn a_checkpoint_that_does_not_fit_the_network_is_passed_over() {
    type Change = fn(&mut BTreeMap<String, Vec<u8>>);
    let shorter: Change = |tensors| {
        tensors.iter_mut().filter(|(name, _)| name.starts_with("second.")).for_each(
            |(_, bytes)| {
                bytes.truncate(bytes.len() / 8 * 4);
            },
        );
    };
    let missing: Change = |tensors| drop(tensors.pop_last());
    let without: Change = |tensors| tensors.retain(|name, _| !name.starts_with("parameter."));
    for (number, change) in [shorter, missing, without].into_iter().enumerate() {
        let place = Place::with_shapes();
        let some = ["run", "shapes.toml", "--resume", "last", "--set", "stage.head.epochs=4000"];
        let run = stopped(&place, &some);
        let folder = run.path.join("checkpoints");
        let files: Vec<PathBuf> =
            std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.iter().for_each(|path| tamper(path, change));
        let said = place.succeed(&some).stderr;
        assert!(said.contains("is passed over"), "case {number}: {said}");
        assert!(!said.contains("resumes after"), "case {number}: {said}");
    }
}

#[test]
fn a_checkpoint_of_another_version_is_named_as_that() {
    let place = Place::with_shapes();
    let arguments = [&["run", "shapes.toml", "--resume", "last"], &MANY[..]].concat();
    let run = stopped(&place, &arguments);
    let files = std::fs::read_dir(run.path.join("checkpoints")).unwrap();
    for path in files.map(|entry| entry.unwrap().path()) {
        let bytes = std::fs::read(&path).unwrap();
        let text = br#"\"format\":2"#;
        let at = bytes.windows(text.len()).position(|window| window == text).unwrap();
        let mut other = bytes.clone();
        other[at + text.len() - 1] = b'9';
        std::fs::write(&path, other).unwrap();
    }
    let refused = place.run(&arguments);
    assert_eq!(refused.code, Some(3), "{refused:?}");
    assert!(refused.stderr.contains("has format 9, written by runner 0.1.0"), "{refused:?}");
    assert!(run.path.join("checkpoints").is_dir());
}

#[test]
fn results_that_vanish_are_no_finished_run() {
    let place = Place::with_shapes();
    place.write(
        "drawn.toml",
        format!("{SHAPES}[[visualize]]\njob = \"curves\"\n[[visualize]]\njob = \"confusion\"\n"),
    );
    let mut child = place.start(&["run", "drawn.toml", "--set", "stage.head.epochs=60"]);
    training(&place);
    std::fs::rename(place.path("results"), place.path("moved")).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(1));
    assert!(!place.path("results").exists());
}

#[test]
fn a_run_is_there_whole_or_not_at_all() {
    let place = Place::with_shapes();
    // What a process leaves that is killed in its first moment.
    let half = place.path("results/shapes/.starting-20260101T000000.000Z-00000000");
    std::fs::create_dir_all(&half).unwrap();
    std::fs::write(half.join(".running"), "").unwrap();
    std::fs::write(half.join("plan.toml"), "x").unwrap();
    assert!(place.runs().is_empty());
    place.succeed(&["run", "shapes.toml"]);
    assert!(!half.exists());
    let names: Vec<String> = std::fs::read_dir(place.path("results/shapes"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    assert_eq!(names, [place.runs()[0].id.clone()]);
}

#[test]
fn pauses_are_no_time_at_work() {
    let place = Place::with_shapes();
    let arguments = ["run", "shapes.toml", "--resume", "last", "--set", "stage.head.epochs=4000"];
    stopped(&place, &arguments);
    std::thread::sleep(Duration::from_secs(4));
    let begin = Instant::now();
    place.succeed(&arguments);
    let took = begin.elapsed().as_secs_f64();
    let seconds = place.runs()[0].get("duration_s").as_f64().unwrap();
    assert!(seconds < took + 3.0, "{seconds} of which {took} now");
}

#[test]
fn what_photos_are_called_changes_no_number() {
    let place = Place::with_shapes();
    let run = ["run", "shapes.toml", "--set", "stage.head.batch_size=5"];
    place.succeed(&run);
    let folder = place.path("data/shapes/train/circle");
    for (number, entry) in std::fs::read_dir(&folder).unwrap().enumerate() {
        let path = entry.unwrap().path();
        let name = format!("{}-{}.jpg", 7919 * (number + 3) % 1000, number);
        std::fs::rename(&path, folder.join(name)).unwrap();
    }
    place.succeed(&run);
    let runs = place.runs();
    assert_eq!(runs[0].get("dataset_hash"), runs[1].get("dataset_hash"));
    assert_eq!(
        timeless(&runs[0].path, "epochs.parquet"),
        timeless(&runs[1].path, "epochs.parquet")
    );
    let model = |run: &LoadedRun| std::fs::read(run.path.join("model.safetensors")).unwrap();
    assert!(model(&runs[0]) == model(&runs[1]));
}

#[test]
fn a_full_standard_output_is_an_error_and_a_closed_one_is_not() {
    let place = Place::with_shapes();
    place.succeed(&["run", "shapes.toml", "--set", "stage.head.epochs=1"]);
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let mut compare = place.command(&["compare", "--format", "csv"]);
    let output = compare.stdout(full).stderr(Stdio::piped()).spawn().unwrap();
    let output = output.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("cannot write to standard output"));
    let mut closed = place.command(&["compare"]);
    let mut closed = closed.stdout(Stdio::piped()).spawn().unwrap();
    drop(closed.stdout.take());
    assert_eq!(closed.wait().unwrap().code(), Some(0));
}

#[test]
fn a_terminal_that_goes_away_costs_the_output_alone() {
    // A pseudo-terminal whose other side closes: writing to it is an error from then on.
    let place = Place::with_shapes();
    let program = "import os, pty, subprocess, sys\n\
                   master, slave = pty.openpty()\n\
                   child = subprocess.Popen(sys.argv[1:], stdin=slave, stdout=slave, \
                   stderr=slave, start_new_session=True)\n\
                   os.close(slave)\n\
                   os.read(master, 10)\n\
                   os.close(master)\n\
                   sys.exit(child.wait())\n";
    let plain = place.command(&["run", "shapes.toml", "--set", "stage.head.epochs=40"]);
    let mut python = Command::new("python3");
    python.args(["-c", program]).arg(plain.get_program()).args(plain.get_args());
    python.current_dir(plain.get_current_dir().unwrap()).env("RUNNER_CACHE", place.path("cache"));
    let code = python.stdin(Stdio::null()).process_group(0).status().unwrap().code();
    assert_eq!(code, Some(0));
    assert_eq!(place.runs()[0].status(), "finished");
    assert_eq!(load::find(&place.path("results"), "last").unwrap().status(), "finished");
}
