//! A cache and results that are shared, damaged, or in the way.

use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::runner::Place;

const SHORT: [&str; 4] = ["run", "shapes.toml", "--set", "stage.head.epochs=1"];

/// Every file below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found
}

/// Cached features, by the names of their images.
fn entries(place: &Place) -> Vec<PathBuf> {
    let mut found = files(&place.path("cache/features"));
    found.retain(|path| path.file_name().unwrap().len() == 64);
    found.sort();
    found
}

#[test]
fn what_is_written_has_the_mode_of_any_other_file() {
    let place = Place::with_shapes();
    let plain = place.command(&SHORT);
    let mut shell = Command::new("sh");
    shell.args(["-c", "umask 002; exec \"$0\" \"$@\""]).arg(plain.get_program());
    shell.args(plain.get_args()).current_dir(plain.get_current_dir().unwrap());
    let status = shell.env("RUNNER_CACHE", place.path("cache")).output().unwrap().status;
    assert!(status.success());
    for path in [files(&place.path("results")), files(&place.path("cache"))].concat() {
        let mode = std::fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o664, "{}", path.display());
    }
}

/// What a comparison calls a run.
fn short(id: &str) -> &str {
    &id[id.len() - 8..]
}

#[test]
fn one_unreadable_run_does_not_hide_the_others() {
    let place = Place::with_shapes();
    for seed in 1..=3 {
        let seed = format!("experiment.seed={seed}");
        place.succeed(&[&SHORT[..], &["--set", &seed]].concat());
    }
    let runs = place.runs();
    let table = std::fs::read(runs[1].path.join("run.parquet")).unwrap();
    let mut flipped = table.clone();
    for at in (4..table.len() - 8).step_by(7) {
        flipped[at] ^= 0x55;
    }
    for damaged in [&b""[..], b"PAR1", b"not a table", &table[..table.len() / 2], &flipped] {
        std::fs::write(runs[1].path.join("run.parquet"), damaged).unwrap();
        let listed = place.succeed(&["list"]).stdout;
        assert!(runs.iter().all(|run| listed.contains(&run.id)), "{listed}");
        assert!(listed.contains("unreadable"), "{listed}");
        let compared = place.succeed(&["compare"]).stdout;
        assert!(runs.iter().all(|run| compared.contains(short(&run.id))), "{compared}");
        assert!(compared.contains("unreadable"), "{compared}");
        place.succeed(&["compare", "--group", "--format", "json"]);
        assert!(place.succeed(&["show", "last"]).stdout.contains(&runs[0].id));
    }
    std::fs::write(runs[2].path.join("params.parquet"), "no table").unwrap();
    assert!(place.succeed(&["compare"]).stdout.contains(short(&runs[2].id)));
}

#[test]
fn the_best_comes_first() {
    let place = Place::with_shapes();
    for rate in ["1e-6", "1e-2"] {
        let optimizer =
            format!("stage.head.optimizer={{ name = \"adam\", learning_rate = {rate} }}");
        place.succeed(&["run", "shapes.toml", "--set", &optimizer]);
    }
    let sorted = |column: &str, more: &[&str]| -> Vec<f64> {
        let arguments = [&["compare", "--sort", column, "--format", "json"], more].concat();
        let rows: serde_json::Value =
            serde_json::from_str(&place.succeed(&arguments).stdout).unwrap();
        rows.as_array().unwrap().iter().map(|row| row[column].as_f64().unwrap()).collect()
    };
    let losses = sorted("test_loss", &[]);
    assert!(losses[0] < losses[1], "{losses:?}");
    let accuracies = sorted("test_accuracy", &[]);
    assert!(accuracies[0] >= accuracies[1], "{accuracies:?}");
    let worst = sorted("test_loss", &["--reverse"]);
    assert!(worst[0] > worst[1], "{worst:?}");
}

#[test]
fn whatever_is_in_the_place_of_features_does_not_stop_a_run() {
    let place = Place::with_shapes();
    place.succeed(&SHORT);
    let scores = |place: &Place| place.runs()[0].get("test_loss").clone();
    let whole = scores(&place);
    let found = entries(&place);
    // A pipe that nobody writes to, a folder, another's features, and half of them.
    std::fs::remove_file(&found[0]).unwrap();
    assert!(Command::new("mkfifo").arg(&found[0]).status().unwrap().success());
    std::fs::remove_file(&found[1]).unwrap();
    std::fs::create_dir(&found[1]).unwrap();
    let (a, b) = (std::fs::read(&found[2]).unwrap(), std::fs::read(&found[3]).unwrap());
    std::fs::write(&found[2], b).unwrap();
    std::fs::write(&found[3], &a).unwrap();
    std::fs::write(&found[4], &a[..a.len() / 2]).unwrap();
    let again = place.succeed(&SHORT);
    let computed: usize = again
        .stderr
        .lines()
        .filter_map(|line| {
            line.split_once(": ")?.1.split_once(" computed")?.0.parse::<usize>().ok()
        })
        .sum();
    assert_eq!(computed, 5, "{again:?}");
    assert_eq!(scores(&place), whole);
}

#[test]
fn a_cache_that_cannot_be_used_costs_time_alone() {
    let place = Place::with_shapes();
    place.succeed(&SHORT);
    let whole = place.runs()[0].get("test_loss").clone();
    place.write("file", "where the cache would be");
    let mut command = place.command(&SHORT);
    let output = crate::support::runner::output(command.env("RUNNER_CACHE", place.path("file")));
    assert_eq!(output.code, Some(0), "{output:?}");
    let said = output.stderr.matches("features cannot be kept").count();
    assert_eq!(said, 1, "it is said once: {output:?}");
    assert_eq!(*place.runs()[0].get("test_loss"), whole);
}

#[test]
fn class_folders_that_are_no_utf8_are_refused_and_shown() {
    let place = Place::with_shapes();
    for split in ["train", "validation", "test"] {
        for (from, to) in [("circle", &b"caf\xe9"[..]), ("square", b"caf\xe8")] {
            let folder = place.path(&format!("data/shapes/{split}"));
            let to = folder.join(std::ffi::OsStr::from_bytes(to));
            std::fs::rename(folder.join(from), to).unwrap();
        }
    }
    let refused = place.run(&SHORT);
    assert_eq!(refused.code, Some(2), "{refused:?}");
    assert!(refused.stderr.contains(r"caf\xe8") && refused.stderr.contains(r"caf\xe9"));
    assert!(place.runs().is_empty());
    let checked = place.run(&["dataset", "check", "data/shapes"]);
    assert_eq!(checked.code, Some(3), "{checked:?}");
    assert!(checked.stderr.contains(r"caf\xe9"), "{checked:?}");
}

#[test]
fn classes_that_differ_in_normalization_alone_are_explained() {
    let place = Place::with_shapes();
    for (split, name) in
        [("train", "caf\u{e9}"), ("validation", "cafe\u{301}"), ("test", "caf\u{e9}")]
    {
        let folder = place.path(&format!("data/shapes/{split}"));
        std::fs::rename(folder.join("circle"), folder.join(name)).unwrap();
    }
    let refused = place.run(&SHORT);
    assert_eq!(refused.code, Some(2), "{refused:?}");
    assert!(refused.stderr.contains("only its Unicode normalization differs"), "{refused:?}");
}

#[test]
fn what_a_terminal_would_obey_is_escaped() {
    let place = Place::with_shapes();
    let evil = "a\u{1b}[31mred\u{7}\u{9b}2J";
    for split in ["train", "validation", "test"] {
        let folder = place.path(&format!("data/shapes/{split}"));
        std::fs::rename(folder.join("circle"), folder.join(evil)).unwrap();
    }
    place.write(&format!("data/shapes/train/{evil}/b\u{1b}[2Jad.jpg"), "no picture");
    place
        .write("jobs.toml", crate::support::runner::SHAPES.to_owned() + "\"k\\u001b[31mey\" = 1\n");
    let skip = ["--set", "dataset.on_bad_image=\"skip\""];
    let said = [
        place.run(&SHORT),
        place.run(&[&SHORT[..], &skip[..]].concat()),
        place.run(&["check", "shapes.toml"]),
        place.run(&["check", "jobs.toml"]),
        place.run(&["show", "last"]),
        place.run(&["compare"]),
        place.run(&["dataset", "check", "data/shapes"]),
        place.run(&["predict", "last", "data/shapes/test"]),
        place.run(&["run", "shapes.toml", "--set", "model.weights=\"x\\u001b[31m\""]),
    ];
    let obeyed = |text: &str| text.contains(['\u{1b}', '\u{7}', '\u{9b}']);
    for output in &said {
        assert!(!obeyed(&output.stdout) && !obeyed(&output.stderr), "{output:?}");
    }
    assert!(said[2].stdout.contains(r"\u{1b}[31mred"), "{:?}", said[2]);
}

#[test]
fn jobs_of_a_file_stay_in_the_folder_of_the_run() {
    let place = Place::with_shapes();
    place.write(
        "...toml",
        format!("{}[[visualize]]\njob = \"curves\"\n", crate::support::runner::SHAPES),
    );
    place.succeed(&SHORT);
    let refused = place.run(&["visualize", "last", "--jobs", "...toml"]);
    assert_eq!(refused.code, Some(2), "{refused:?}");
    assert!(!place.path("results/shapes/visualizations").exists());
}

#[test]
fn a_photo_with_a_long_name_is_drawn() {
    let place = Place::with_shapes();
    let name = format!("{}.jpg", "n".repeat(240));
    let from = place.path("data/shapes/test/circle/circle.000.jpg");
    std::fs::copy(from, place.path(&name)).unwrap();
    let job = format!("[[visualize]]\njob = \"activations\"\nimages = [\"{name}\"]\n");
    place.write("long.toml", crate::support::runner::SHAPES.to_owned() + &job);
    place.succeed(&["run", "long.toml", "--set", "stage.head.epochs=1"]);
    assert!(files(&place.runs()[0].path.join("visualizations")).len() > 1);
    let named = "n".repeat(256);
    let refused =
        place.run(&["check", "shapes.toml", "--set", &format!("experiment.name={named}")]);
    assert_eq!(refused.code, Some(2), "{refused:?}");
}

#[test]
fn thousands_of_mistakes_are_counted_and_the_first_are_shown() {
    let place = Place::with_shapes();
    let keys: String = (0..5000).map(|n| format!("wrong{n} = {n}\n")).collect();
    place.write("keys.toml", format!("{}\n[run]\n{keys}", crate::support::runner::SHAPES));
    let checked = place.run(&["check", "keys.toml"]);
    assert_eq!(checked.code, Some(2));
    // With a warning of random weights.
    assert!(checked.stderr.contains("and 4951 more"), "{}", checked.stderr);
    assert!(checked.stderr.contains("has 5000 errors"), "{}", checked.stderr);
}

#[test]
fn what_programs_read_is_not_escaped_for_a_terminal() {
    let place = Place::with_shapes();
    place.succeed(&SHORT);
    let turned = "data/shapes/te\u{202e}st";
    std::fs::rename(place.path("data/shapes/test"), place.path(turned)).unwrap();
    let test = format!("dataset.test=\"{turned}\"");
    let checked = place.succeed(&["check", "shapes.toml", "--set", &test]).stdout;
    let (shown, plan) = checked.split_once("the plan, with every default:\n\n").unwrap();
    assert!(!shown.contains('\u{202e}') && shown.contains("te\\u{202e}st"), "{shown}");
    place.write("again.toml", plan);
    place.succeed(&["check", "again.toml"]);
    place.succeed(&[&SHORT[..], &["--set", &test]].concat());
    let csv = place.succeed(&["compare", "--format", "csv"]).stdout;
    assert!(csv.contains(turned), "{csv}");
    let json = place.succeed(&["compare", "--format", "json"]).stdout;
    let rows: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert!(!json.contains('\u{202e}'), "{json}");
    assert_eq!(rows[1]["dataset.test"], turned, "{json}");
    let table = place.succeed(&["compare"]).stdout;
    assert!(!table.contains('\u{202e}'), "{table}");
}
