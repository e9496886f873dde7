//! More epochs for a run that is there, and the same run once more: to the same bits.

use std::path::Path;
use std::time::{Duration, Instant};

use runner_results::load::{self, LoadedRun};
use runner_results::tables::{self, Cell};

use crate::support::runner::{Output, Place, SHAPES, timeless};

const TABLES: [&str; 7] = [
    "run.parquet",
    "params.parquet",
    "layers.parquet",
    "epochs.parquet",
    "predictions.parquet",
    "confusion.parquet",
    "scores.parquet",
];

const KEEP: &str = "[run]\nkeep_checkpoint = true\n";

/// Tables, plan and model of two runs are the same.
fn assert_same(one: &Path, other: &Path) {
    for table in TABLES {
        assert_eq!(timeless(one, table), timeless(other, table), "{table}");
    }
    for file in ["plan.toml", "model.safetensors"] {
        let read = |folder: &Path| std::fs::read(folder.join(file)).unwrap();
        assert!(read(one) == read(other), "{file}");
    }
}

/// A run of `text`, gone on with until the stage has `epochs`, and one that had these from the start.
fn goes_on(text: &str, (stage, epochs): (&str, usize)) -> Place {
    let place = Place::with_shapes();
    place.write("a.toml", text);
    place.succeed(&["run", "a.toml"]);
    let short = place.runs().remove(0);
    let before = std::fs::read(short.path.join("run.parquet")).unwrap();
    let more = format!("stage.{stage}.epochs={epochs}");
    let longer = place.succeed(&["run", "a.toml", "--resume", &short.id, "--set", &more]);
    assert!(longer.stderr.contains(&format!("goes on from {}", short.id)), "{longer:?}");
    assert!(longer.stderr.contains(&format!("{stage} epoch 5/{epochs}")), "{longer:?}");
    assert!(!longer.stderr.contains(&format!("{stage} epoch 4/{epochs}")), "{longer:?}");
    place.succeed(&["run", "a.toml", "--results", "whole", "--set", &more]);
    let whole = load::runs(&place.path("whole")).remove(0);
    let runs = place.runs();
    assert_eq!(runs.len(), 2);
    assert_same(&whole.path, &runs[0].path);
    assert_eq!(std::fs::read(short.path.join("run.parquet")).unwrap(), before);
    let kept = |run: &LoadedRun| std::fs::read_dir(run.path.join("checkpoints")).unwrap().count();
    assert_eq!((kept(&short), kept(&runs[0])), (1, 1));
    place
}

#[test]
fn adam_goes_on_as_if_it_had_never_ended() {
    let text = SHAPES.replace("epochs = 3", "epochs = 4");
    let place = goes_on(&format!("{text}{KEEP}"), ("head", 8));
    // And on from there.
    let id = place.runs()[0].id.clone();
    place.succeed(&["run", "a.toml", "--resume", &id, "--set", "stage.head.epochs=9"]);
    place.succeed(&["run", "a.toml", "--results", "nine", "--set", "stage.head.epochs=9"]);
    let whole = load::runs(&place.path("nine")).remove(0);
    assert_same(&whole.path, &place.runs()[0].path);
}

#[test]
fn momentum_a_plateau_and_accumulated_steps_go_on() {
    let adam = "optimizer = { name = \"adam\", learning_rate = 1e-3 }";
    let rmsprop = "optimizer = { name = \"rmsprop\", learning_rate = 1e-2, momentum = 0.9 }\n\
                   schedule = { name = \"plateau\", factor = 0.5, patience = 1 }\naccumulate = 2\n\
                   augment = true\n";
    let text = SHAPES.replace("epochs = 3", "epochs = 4").replace(adam, rmsprop);
    let augmentation = "[augmentation]\nrotation = 20\nhorizontal_flip = true\nmixup = 0.2\n";
    goes_on(&format!("{text}{augmentation}{KEEP}"), ("head", 8));
}

#[test]
fn averages_best_epochs_and_early_stopping_go_on() {
    let text = SHAPES.replace("epochs = 3", "epochs = 4").replace("[16]", "[16]\ndropout = 0.5");
    let ema = "ema = 0.9\nearly_stopping = { patience = 50, restore_best = true }\n";
    goes_on(&format!("{text}{ema}{KEEP}checkpoint = \"best\"\n"), ("head", 8));
    // So fast that it only gets worse: what is kept is of an epoch before the first end.
    let text = text.replace("1e-3", "3e-1");
    let early = "early_stopping = { patience = 3, restore_best = true }\n";
    for (more, last) in
        [(format!("{early}{KEEP}"), 5.0), (format!("{KEEP}checkpoint = \"best\"\n"), 8.0)]
    {
        let place = goes_on(&format!("{text}{more}"), ("head", 8));
        let run = place.runs().remove(0);
        assert_eq!(run.get("tested_epoch").as_f64(), Some(2.0));
        let rows = tables::read(&run.path.join("epochs.parquet")).unwrap();
        assert_eq!(rows.len() as f64, last);
    }
}

#[test]
fn the_last_of_two_stages_goes_on() {
    let tune = "[[stage]]\nname = \"tune\"\nfrozen = [\"block1\", \"block2\", \"block3\", \"block4\"]\n\
                epochs = 4\nbatch_size = 20\n\
                schedule = { name = \"step\", every = 3, factor = 0.5, warmup_epochs = 2 }\n\
                optimizer = { name = \"sgd\", learning_rate = 1e-4 }\n";
    let text = format!("{SHAPES}{tune}{KEEP}");
    let place = goes_on(&text, ("tune", 7));
    let id = place.runs()[1].id.clone();
    let refused = place.run(&["run", "a.toml", "--resume", &id, "--set", "stage.head.epochs=4"]);
    assert_refused(&refused, "stage `head` is over, and stage `tune` started from its end");
}

fn assert_refused(output: &Output, why: &str) {
    assert_eq!(output.code, Some(2), "{output:?}");
    assert!(output.stderr.contains(why), "{output:?}");
}

#[test]
fn an_interrupted_run_goes_on_for_more_epochs() {
    let place = Place::with_shapes();
    let mut child = place.start(&["run", "shapes.toml", "--set", "stage.head.epochs=4000"]);
    let begin = Instant::now();
    while place.runs().first().is_none_or(|run| run.last_epoch().len() < 2) {
        assert!(begin.elapsed() < Duration::from_secs(60), "no epoch came to its end");
        std::thread::sleep(Duration::from_millis(5));
    }
    let signalled =
        std::process::Command::new("kill").args(["-TERM", &child.id().to_string()]).status();
    assert!(signalled.unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let id = place.runs().remove(0).id;
    let more = ["--set", "stage.head.epochs=4005"];
    let resume = [&["run", "shapes.toml", "--resume", &id], &more[..]].concat();
    let dry = place.succeed(&[&resume[..], &["--dry-run"]].concat());
    assert!(dry.stdout.contains(&format!("goes on from {id}")), "{dry:?}");
    place.succeed(&resume);
    place.succeed(&[&["run", "shapes.toml", "--results", "whole"], &more[..]].concat());
    let whole = load::runs(&place.path("whole")).remove(0);
    let runs = place.runs();
    assert_same(&whole.path, &runs[0].path);
    assert_eq!(runs[1].status(), "interrupted");
    assert!(!runs[0].path.join("checkpoints").exists());
}

#[test]
fn what_would_not_be_the_same_is_refused_with_a_reason() {
    let place = Place::with_shapes();
    let refuse = |text: &str, set: &str, why: &str| {
        place.write("a.toml", text);
        place.succeed(&["run", "a.toml"]);
        let count = place.runs().len();
        let id = place.runs().remove(0).id;
        let refused = place.run(&["run", "a.toml", "--resume", &id, "--set", set]);
        assert_refused(&refused, why);
        assert_eq!(place.runs().len(), count);
    };
    let keep = format!("{SHAPES}{KEEP}");
    refuse(
        SHAPES,
        "stage.head.epochs=8",
        "kept no checkpoint; with `[run] keep_checkpoint = true`",
    );
    refuse(&keep, "stage.head.epochs=2", "stage `head` had 3 epochs, and epochs can only be added");
    refuse(&keep, "stage.head.batch_size=7", "cannot be resumed with another plan");
    for schedule in ["cosine", "one_cycle"] {
        let text = format!("{SHAPES}schedule = {{ name = \"{schedule}\" }}\n{KEEP}");
        let why = format!("the schedule `{schedule}` of stage `head` depends on the number");
        refuse(&text, "stage.head.epochs=8", &why);
    }
    let text = format!("{SHAPES}max_minutes = 1e-6\n{KEEP}");
    refuse(&text, "stage.head.epochs=8", "ended stage `head` after epoch 1");
    // Patience runs out in the middle, and with the last epoch.
    let rule = "early_stopping = { monitor = \"validation_accuracy\", patience = 1 }\n";
    for epochs in [2, 3] {
        let text =
            SHAPES.replace("1e-3", "1e-12").replace("epochs = 3", &format!("epochs = {epochs}"));
        let why = "early stopping ended stage `head` after epoch 2";
        refuse(&format!("{text}{rule}{KEEP}"), "stage.head.epochs=8", why);
    }
}

#[test]
fn a_resume_that_finds_nothing_says_what_differs() {
    let place = Place::with_shapes();
    let keep = ["--set", "run.keep_checkpoint=true"];
    let first = place.succeed(&[&["run", "shapes.toml", "--resume", "last"], &keep[..]].concat());
    assert!(first.stderr.contains("no run has this plan yet: a new one starts\n"), "{first:?}");
    let id = place.runs().remove(0).id;
    let arguments =
        ["run", "shapes.toml", "--resume", "last", "--dry-run", "--set", "stage.head.epochs=1"];
    let said = place.succeed(&arguments).stderr;
    let expected = format!(
        "no run has this plan yet: a new one starts\nthe newest run, {id}, differs:\n  \
         stage.head.epochs: `3` in the run, `1` now\n"
    );
    assert!(said.contains(&expected), "{said}");
    let quiet = place.succeed(&[&["--quiet"], &arguments[..]].concat());
    assert_eq!(quiet.stderr, "");
    let longer = ["--set", "stage.head.epochs=5"];
    let said = place.succeed(&[&arguments[..], &longer].concat()).stderr;
    let hint = format!("`5` now\n`--resume {id}` goes on from there\n");
    assert!(said.contains(&hint), "{said}");
    let many = ["experiment.seed=1", "model.head.dropout=0.25", "dataset.image_size=[33, 33]"];
    let many = many.iter().chain(&["stage.head.batch_size=5", "run.checkpoint=best"]);
    let many: Vec<&str> = many.flat_map(|set| ["--set", *set]).collect();
    let said = place.succeed(&[&arguments[..], &many].concat()).stderr;
    assert!(said.contains("\n  and 1 more\n"), "{said}");
    assert_eq!(said.matches(" in the run, ").count(), 5, "{said}");
}

#[test]
fn a_run_is_run_again_to_the_same_bits() {
    let place = Place::with_shapes();
    place.succeed(&["run", "shapes.toml"]);
    let first = place.runs().remove(0);
    let again = place.succeed(&["rerun", &first.id]);
    assert!(
        again.stdout.contains(&format!("is that of run {}, byte for byte", first.id)),
        "{again:?}"
    );
    assert!(!again.stderr.contains("will not be the same"), "{again:?}");
    assert_same(&first.path, &place.runs()[0].path);
    let picture = place.path("data/shapes/train/circle/circle.000.jpg");
    std::fs::copy(place.path("data/shapes/train/square/square.001.jpg"), picture).unwrap();
    let other = place.succeed(&["rerun", &first.id]);
    let (warned, trained) =
        (other.stderr.find("the hash of the images was"), other.stderr.find("epoch 1/3"));
    assert!(warned.is_some_and(|at| at < trained.unwrap()), "{other:?}");
    assert!(other.stdout.contains("is not that of run"), "{other:?}");
    assert_eq!(place.run(&["rerun", "nonsense"]).code, Some(2));
}

#[test]
fn a_member_of_a_sweep_is_run_again_alone() {
    let place = Place::with_shapes();
    place.write("sweep.toml", format!("{SHAPES}[sweep]\nseeds = [1, 2]\n"));
    place.succeed(&["run", "sweep.toml"]);
    let member = place.runs().remove(0);
    place.succeed(&["rerun", &member.id]);
    let again = place.runs().remove(0);
    assert_ne!(member.get("member"), &Cell::Null);
    assert_eq!((again.get("sweep"), again.get("member")), (&Cell::Null, &Cell::Null));
    assert_eq!(timeless(&member.path, "epochs.parquet"), timeless(&again.path, "epochs.parquet"));
}

#[test]
fn a_run_on_the_weights_of_another_is_run_again_while_that_is_there() {
    let place = Place::with_shapes();
    place.succeed(&["run", "shapes.toml"]);
    let base = place.runs().remove(0);
    place.succeed(&["run", "shapes.toml", "--set", "model.weights=run:last"]);
    let first = place.runs().remove(0);
    place.succeed(&["rerun", &first.id]);
    assert_same(&first.path, &place.runs()[0].path);
    std::fs::remove_dir_all(&base.path).unwrap();
    let gone = place.run(&["rerun", &first.id]);
    assert_refused(&gone, &base.id);
}
