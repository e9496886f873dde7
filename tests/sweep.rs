//! Sweeps: one file, many runs; and files that extend others.

use std::collections::BTreeMap;

use runner_results::tables::{self, Cell, Record, cell};

use crate::support::runner::Place;

/// Two rates and two seeds on a head; the third rate makes the loss infinite.
const SWEEP: &str = r#"
extends = "shapes.toml"
[experiment]
name = "rates"
[sweep]
grid = { stage.head.optimizer.learning_rate = [1e-3, 1e-2, 1e30] }
seeds = [1, 2]
"#;

fn place() -> Place {
    let place = Place::with_shapes();
    place.write("sweep.toml", SWEEP);
    place
}

/// Every run of the sweep's experiment.
fn runs(place: &Place) -> Vec<Record> {
    let folders = std::fs::read_dir(place.path("results/rates")).unwrap();
    let tables = folders.map(|folder| folder.unwrap().path().join("run.parquet"));
    let read = tables.filter(|table| table.is_file()).map(|table| tables::read(&table).unwrap());
    let mut runs: Vec<Record> = read.flatten().collect();
    runs.sort_by_key(|run| text(run, "run_id"));
    runs
}

fn text(row: &Record, column: &str) -> String {
    cell::get(row, column).to_string()
}

/// Name of the member to everything about it that a second attempt must not change.
fn outcome(runs: &[Record]) -> BTreeMap<String, [String; 4]> {
    let exact = |run: &Record, column: &str| match cell::get(run, column) {
        Cell::Float(number) => number.to_bits().to_string(),
        other => other.to_string(),
    };
    let of = |run: &Record| {
        let columns = ["status", "fingerprint", "test_loss", "best_validation_loss"];
        (text(run, "member"), columns.map(|column| exact(run, column)))
    };
    runs.iter().map(of).collect()
}

/// Images whose features a run computed, by its log.
fn computed(place: &Place, experiment: &str, run: &str) -> u64 {
    let log = place.path(&format!("results/{experiment}/{run}/log.jsonl"));
    let log = std::fs::read_to_string(log).unwrap();
    let lines = log.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    lines.filter_map(|line| line["fields"]["computed"].as_u64()).sum()
}

fn table_of_sweep(place: &Place) -> Vec<Record> {
    let sweeps = std::fs::read_dir(place.path("results/rates/sweeps")).unwrap();
    let folders: Vec<_> = sweeps.map(|folder| folder.unwrap().path()).collect();
    assert_eq!(folders.len(), 1, "{folders:?}");
    tables::read(&folders[0].join("sweep.parquet")).unwrap()
}

#[test]
fn a_sweep_goes_on_after_a_failure_and_repeats_nothing() {
    let place = place();
    let swept = place.run(&["run", "sweep.toml"]);
    assert_eq!(swept.code, Some(4), "{swept:?}");
    // At once, and at the end.
    assert!(swept.stderr.matches("became NaN").count() >= 2, "{swept:?}");
    assert!(swept.stderr.contains("2 of 6 members failed"), "{swept:?}");
    let first = runs(&place);
    let count = |status: &str| first.iter().filter(|run| text(run, "status") == status).count();
    assert_eq!((first.len(), count("finished"), count("failed")), (6, 4, 2));
    let table = table_of_sweep(&place);
    assert_eq!(table.len(), 6);
    assert_eq!(text(&table[1], "name"), "learning_rate=1e-3, seed=2");
    assert_eq!(text(&table[1], "setting"), "learning_rate=1e-3");
    assert_eq!(text(&table[1], "run_id"), text(&first[1], "run_id"));
    assert_eq!(text(&table[5], "status"), "failed");
    // What is finished is skipped; what failed is tried again in its own folder.
    let again = place.run(&["run", "sweep.toml"]);
    assert_eq!(again.code, Some(4), "{again:?}");
    assert_eq!(runs(&place).len(), 6);
    assert_eq!(outcome(&runs(&place)), outcome(&first));
    // On request they are run again, with the same result.
    place.run(&["run", "sweep.toml", "--force", "--member", "1", "--member", "4"]);
    let forced = runs(&place);
    assert_eq!(forced.len(), 8);
    assert_eq!(outcome(&forced), outcome(&first));
}

#[test]
fn side_by_side_is_the_same_as_one_after_another() {
    let [serial, parallel] = [place(), place()];
    serial.run(&["run", "sweep.toml", "--quiet"]);
    let swept = parallel.run(&["run", "sweep.toml", "--jobs", "3"]);
    assert_eq!(swept.code, Some(4), "{swept:?}");
    assert!(swept.stderr.contains("became NaN"), "{swept:?}");
    assert_eq!(outcome(&runs(&parallel)), outcome(&runs(&serial)));
    assert_eq!(runs(&parallel).len(), 6);
    // The features are computed before the members begin. The base is random: one per seed.
    let names = runs(&parallel);
    let computed = names.iter().map(|run| computed(&parallel, "rates", &text(run, "run_id")));
    assert_eq!(computed.sum::<u64>(), 0);
    for split in ["train: 42", "validation: 15", "test: 15"] {
        let said = format!("features of {split} computed");
        assert_eq!(swept.stderr.matches(&said).count(), 2, "{swept:?}");
    }
}

#[test]
fn of_runs_that_lack_the_same_features_one_computes_them() {
    let place = Place::with_shapes();
    let rates = ["1e-3", "1e-2", "1e-1"];
    let set = rates.map(|rate| format!("stage.head.optimizer.learning_rate={rate}"));
    let mut all: Vec<_> =
        set.iter().map(|set| place.start(&["run", "shapes.toml", "--set", set])).collect();
    for child in &mut all {
        assert!(child.wait().unwrap().success());
    }
    let runs = place.runs();
    assert_eq!(runs.len(), 3);
    let computed = runs.iter().map(|run| computed(&place, "shapes", &run.id));
    assert_eq!(computed.sum::<u64>(), 72);
}

#[test]
fn a_sweep_that_was_killed_repeats_nothing_and_misses_nothing() {
    let [whole, killed] = [place(), place()];
    whole.run(&["run", "sweep.toml", "--quiet"]);
    for moment in [300, 600, 900, 200] {
        let mut child = killed.command(&["run", "sweep.toml", "--quiet"]).spawn().unwrap();
        std::thread::sleep(std::time::Duration::from_millis(moment));
        child.kill().unwrap();
        child.wait().unwrap();
    }
    killed.run(&["run", "sweep.toml", "--quiet"]);
    let runs = runs(&killed);
    assert_eq!(runs.len(), 6, "each member has one run");
    assert_eq!(outcome(&runs), outcome(&self::runs(&whole)));
}

#[test]
fn the_better_half_goes_on() {
    let place = place();
    let halving = "halving = { after = 1, keep = 0.5 }\n";
    let rates = SWEEP.replace("1e30", "1e-5") + halving;
    place.write("sweep.toml", rates);
    let set = "stage.head.epochs=6";
    let swept = place.succeed(&["run", "sweep.toml", "--set", set]);
    assert!(swept.stderr.contains("after 1 epochs, by validation_loss"), "{swept:?}");
    let rows = table_of_sweep(&place);
    let of = |rung: i64| -> Vec<&Record> {
        rows.iter().filter(|row| *cell::get(row, "rung") == Cell::Integer(rung)).collect()
    };
    // Three settings of two seeds: two settings go on, then one.
    assert_eq!((of(1).len(), of(2).len(), of(3).len()), (6, 4, 0));
    for (rung, epochs) in [(1, "1"), (2, "2")] {
        let mut means: BTreeMap<String, Vec<f64>> = BTreeMap::new();
        for row in of(rung) {
            assert_eq!(text(row, "epochs"), epochs);
            let value = cell::get(row, "value").as_f64().unwrap();
            means.entry(text(row, "setting")).or_default().push(value);
        }
        let mut ranked: Vec<(f64, String)> =
            means.into_iter().map(|(name, values)| (values.iter().sum(), name)).collect();
        ranked.sort_by(|a, b| a.0.total_cmp(&b.0));
        for (place, (_, setting)) in ranked.iter().enumerate() {
            for row in of(rung).iter().filter(|row| text(row, "setting") == *setting) {
                assert_eq!(text(row, "rank"), (place + 1).to_string());
                let kept = place + 1 < ranked.len();
                assert_eq!(text(row, "kept"), kept.to_string());
            }
        }
    }
    let finished = runs(&place).iter().filter(|run| text(run, "status") == "finished").count();
    assert_eq!(finished, 2, "the seeds of the best setting");
    let decided: Vec<Record> = table_of_sweep(&place);
    place.succeed(&["run", "sweep.toml", "--set", set]);
    assert_eq!(table_of_sweep(&place), decided, "the same is decided again");
}

#[test]
fn check_and_a_dry_run_show_the_members_and_run_nothing() {
    let place = place();
    let checked = place.succeed(&["check", "sweep.toml"]);
    for text in [
        "of 6 members, experiment rates",
        "learning_rate=1e30, seed=2",
        "computed once, and kept for all:",
        "3 members: block5_pool of 72 images",
        "stage.head.optimizer.learning_rate  sweep.toml:6    shapes.toml:22",
        "experiment.name                     sweep.toml:4    shapes.toml:3",
    ] {
        assert!(checked.stdout.contains(text), "`{text}` is missing:\n{}", checked.stdout);
    }
    let planned = place.succeed(&["run", "sweep.toml", "--dry-run"]).stdout;
    assert_eq!(planned.matches("would start").count(), 6, "{planned}");
    assert!(!place.path("results").exists());
    let last = place.run(&["run", "sweep.toml", "--resume", "last"]);
    assert_eq!(last.code, Some(2), "{last:?}");
    let unknown = place.run(&["run", "sweep.toml", "--member", "seed=9"]);
    assert!(unknown.stderr.contains("there is no member `seed=9`"), "{unknown:?}");
}

#[test]
fn a_file_counts_before_what_it_extends() {
    let place = Place::with_shapes();
    place.write("more/base.toml", "extends = \"../shapes.toml\"\n[experiment]\nseed = 5\n");
    let text = "extends = \"more/base.toml\"\n[experiment]\nname = \"top\"\n[[stage]]\n\
                name = \"head\"\nepochs = 1\noptimizer = { name = \"sgd\", learning_rate = 0.1 }\n";
    place.write("top.toml", text);
    place.succeed(&["run", "top.toml", "--quiet"]);
    let run = place.runs()[0].clone();
    let plan = std::fs::read_to_string(run.path.join("plan.toml")).unwrap();
    for line in ["name = \"top\"", "seed = 5", "epochs = 1", "batch_size = 20", "name = \"sgd\""] {
        assert!(plan.contains(line), "{line} is missing:\n{plan}");
    }
    assert!(!plan.contains("extends") && !plan.contains("beta_1"), "{plan}");
    // The plan is the same run.
    place.write("again.toml", plan);
    let again = place.succeed(&["run", "again.toml", "--resume", "last"]);
    assert!(again.stdout.contains("nothing is left to do"), "{again:?}");
}
