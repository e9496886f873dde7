//! Runs that were stopped and go on: to the same bits.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use runner_results::tables::Cell;

use crate::support::runner::{Place, SHAPES, timeless};

/// Two stages on augmented images, with everything that has a memory or draws something.
fn experiment() -> String {
    SHAPES
        .replace("hidden = [16]", "hidden = [16]\ndropout = 0.5")
        .replace("epochs = 3", "epochs = 8\naugment = true")
        + r#"early_stopping = { monitor = "validation_loss", patience = 3, restore_best = true }
schedule = { name = "plateau", factor = 0.5, patience = 1 }
accumulate = 3
ema = 0.9
label_smoothing = 0.1

[[stage]]
name = "tune"
frozen = ["block1", "block2", "block3", "block4", "block5_conv2"]
augment = true
epochs = 3
batch_size = 8
schedule = { name = "cosine", warmup_epochs = 1 }
class_weights = "balanced"

[stage.optimizer]
name = "adamw"
learning_rate = { head = 1e-4, block5 = 1e-5, block5_conv3 = 2e-5 }
decay_biases = false
clip_norm = 1.0

[augmentation]
rotation = 40
zoom = 0.2
horizontal_flip = true
random_resized_crop = [0.5, 1.0]
saturation = [0.8, 1.2]
hue = 0.1
erasing = 0.3
randaugment = { operations = 1 }
mixup = 0.4
cutmix = 1.0

[run]
checkpoint = "best"
"#
}

const TABLES: [&str; 6] = [
    "confusion.parquet",
    "layers.parquet",
    "epochs.parquet",
    "predictions.parquet",
    "scores.parquet",
    "run.parquet",
];

/// Tables and model of two runs are the same, and nothing half written is left.
fn assert_same(whole: &Path, resumed: &Path) {
    for table in TABLES {
        assert_eq!(timeless(whole, table), timeless(resumed, table), "{table}");
    }
    let model = |run: &Path| std::fs::read(run.join("model.safetensors")).unwrap();
    assert!(model(whole) == model(resumed));
    let names = |run: &Path| {
        let entries = std::fs::read_dir(run).unwrap();
        let mut names: Vec<String> =
            entries.map(|e| e.unwrap().file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    };
    assert_eq!(names(whole), names(resumed));
}

/// Batch normalizations that are trained: their moving statistics go on where they were, too.
fn with_batch_norms() -> String {
    let model = "architecture = \"resnet18\"\nweights = \"random\"";
    SHAPES.replace("weights = \"random\"", model).replace("hidden = [16]", "dropout = 0.3")
        + r#"
[[stage]]
name = "tune"
frozen = ["stem", "layer1", "layer2"]
batch_norm = "train"
augment = true
epochs = 4
batch_size = 7
accumulate = 2
ema = 0.9
optimizer = { name = "adamw", learning_rate = 3e-4 }

[augmentation]
horizontal_flip = true
mixup = 0.2
"#
}

#[test]
fn killed_at_any_moment_and_resumed_a_run_comes_to_the_same_bits() {
    let place = Place::with_shapes();
    place.write("tune.toml", experiment());
    kill_until_it_ends(&place, 3);
}

#[test]
fn killed_while_batch_norms_are_trained_a_run_comes_to_the_same_bits() {
    let place = Place::with_shapes();
    place.write("tune.toml", with_batch_norms());
    kill_until_it_ends(&place, 2);
}

/// Runs `tune.toml` in one go, and once more with more than so many kills.
fn kill_until_it_ends(place: &Place, least: u32) {
    let start = std::time::Instant::now();
    place.succeed(&["run", "tune.toml"]);
    let mut takes = start.elapsed();
    let whole = place.runs().remove(0);
    // The plan with every default is an experiment file, and the same run.
    let plan = whole.path.join("plan.toml");
    let checked = place.succeed(&["check", plan.to_str().unwrap()]).stdout;
    assert!(checked.contains(whole.get("fingerprint").as_str().unwrap()), "{checked}");
    let results = place.path("killed");
    let arguments = ["run", "tune.toml", "--results", "killed", "--resume", "last"];
    // The machine may have been busier before: then kills have to come sooner.
    let mut kills = Vec::new();
    for _ in 0..4 {
        let kill = kill_later_and_later(place, &arguments, takes);
        kills.push(kill);
        if kill > least {
            break;
        }
        std::fs::remove_dir_all(&results).unwrap();
        takes /= 2;
    }
    assert!(kills.last().is_some_and(|last| *last > least), "killed {kills:?} times");
    let runs = runner_results::load::runs(&results);
    let [run] = &runs[..] else { panic!("{} runs", runs.len()) };
    assert_eq!(run.status(), "finished");
    assert_same(&whole.path, &run.path);
    // Nothing is left to do then.
    let again = place.succeed(&arguments);
    assert!(again.stdout.contains("is finished"), "{again:?}");
}

/// Kills a run that takes so long, each time a little later than the last, until it gets to its end; how
/// often that was.
fn kill_later_and_later(place: &Place, arguments: &[&str], takes: Duration) -> u32 {
    for kills in 0..60 {
        let said = std::fs::File::create(place.path("said.txt")).unwrap();
        let mut child =
            place.command(arguments).stdout(Stdio::null()).stderr(said).spawn().unwrap();
        std::thread::sleep(takes.mul_f64(0.13 + 0.05 * f64::from(kills)));
        if let Some(status) = child.try_wait().unwrap() {
            let said = std::fs::read_to_string(place.path("said.txt")).unwrap();
            assert!(status.success(), "{status} after {kills} kills: {said}");
            return kills;
        }
        child.kill().unwrap();
        child.wait().unwrap();
    }
    panic!("it never ends");
}

#[test]
fn ctrl_c_saves_in_the_middle_of_an_epoch_and_the_run_goes_on_from_there() {
    let place = Place::with_shapes();
    place.write("tune.toml", experiment());
    place.succeed(&["run", "tune.toml"]);
    let whole = place.runs().remove(0);
    let arguments = ["run", "tune.toml", "--results", "stopped", "--resume", "last"];
    let mut child = place.start(&arguments);
    let checkpoints = |place: &Place| {
        let runs = runner_results::load::runs(&place.path("stopped"));
        runs.first().is_some_and(|run| {
            run.path.join("epochs.parquet").is_file() && run.last_epoch().len() > 1
        })
    };
    let begin = std::time::Instant::now();
    while !checkpoints(&place) {
        assert!(begin.elapsed() < Duration::from_secs(60), "no epoch came to its end");
        std::thread::sleep(Duration::from_millis(5));
    }
    let signalled = std::process::Command::new("kill")
        .args(["-TERM", &child.id().to_string()])
        .status()
        .unwrap();
    assert!(signalled.success());
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let stopped = runner_results::load::runs(&place.path("stopped")).remove(0);
    assert_eq!(stopped.status(), "interrupted");
    assert!(stopped.path.join("checkpoints").is_dir());
    let resumed = place.succeed(&arguments);
    assert!(resumed.stderr.contains("resumes after"), "{resumed:?}");
    assert_same(&whole.path, &stopped.path);
}

#[test]
fn another_plan_or_other_images_are_refused() {
    let place = Place::with_shapes();
    place.write("tune.toml", experiment());
    place.succeed(&["run", "tune.toml"]);
    let id = place.runs().remove(0).id;
    let changed = ["run", "tune.toml", "--resume", &id, "--set", "stage.tune.epochs=4"];
    let refused = place.run(&changed);
    assert_eq!(refused.code, Some(2));
    assert!(refused.stderr.contains("stage.tune.epochs: `3` in the run, `4` now"), "{refused:?}");
    let unknown = place.run(&["run", "tune.toml", "--resume", "nonsense"]);
    assert_eq!(unknown.code, Some(2));
    let mut child = place.start(&["run", "tune.toml", "--results", "other"]);
    let status = || {
        runner_results::load::runs(&place.path("other"))
            .first()
            .map(|run| run.last_epoch().len() > 1)
    };
    while status() != Some(true) {
        std::thread::sleep(Duration::from_millis(5));
    }
    std::process::Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let picture = place.path("data/shapes/train/circle/circle.000.jpg");
    std::fs::copy(place.path("data/shapes/train/circle/circle.001.jpg"), picture).unwrap();
    let refused = place.run(&["run", "tune.toml", "--results", "other", "--resume", "last"]);
    assert_eq!(refused.code, Some(3));
    assert!(refused.stderr.contains("the images are no longer those"), "{refused:?}");
    let runs = runner_results::load::runs(&place.path("other"));
    assert_ne!(runs[0].get("status"), &Cell::Text("finished".to_owned()));
    assert!(runs[0].path.join("checkpoints").is_dir(), "what was computed is still there");
}

#[test]
fn stages_whose_names_were_swapped_are_another_run() {
    let place = Place::with_shapes();
    let shapes = std::fs::read_to_string(place.path("shapes.toml")).unwrap();
    let (head, stage) = shapes.split_once("[[stage]]").unwrap();
    let stage = stage.replace("epochs = 3", "epochs = 1");
    let of = |name: &str| format!("[[stage]]{}", stage.replace("\"head\"", name));
    place.write("shapes.toml", format!("{head}{}{}", of("\"one\""), of("\"two\"")));
    place.succeed(&["run", "shapes.toml"]);
    place.write("shapes.toml", format!("{head}{}{}", of("\"two\""), of("\"one\"")));
    let refused = place.run(&["run", "shapes.toml", "--resume", "last"]);
    assert_eq!(refused.code, Some(2), "{refused:?}");
    let why = "the stages in order: one, two in the run, two, one now";
    assert!(refused.stderr.contains(why), "{refused:?}");
    place.succeed(&["run", "shapes.toml"]);
    assert_eq!(place.runs().len(), 2);
}
