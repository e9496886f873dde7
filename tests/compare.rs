//! Comparing runs: which, which columns, in which order, in which form.

use std::path::PathBuf;

use runner_results::tables::{self, Cell, RunRow, Timestamp, cell};

use crate::support::many;
use crate::support::runner::{Place, output};

/// The rate that a plan of these tests has besides what all share.
const RATE: &str = "stage.head.optimizer.learning_rate";

/// A finished run, unless `status` says otherwise.
fn run(
    place: &Place,
    experiment: &str,
    status: &str,
    seed: i64,
    score: f64,
    rate: &str,
) -> PathBuf {
    let row = RunRow {
        experiment: experiment.to_owned(),
        status: status.to_owned(),
        started_at: Some(Timestamp(1_795_491_000_000)),
        finished_at: Some(Timestamp(1_795_491_009_000)),
        duration_s: Some(9.0),
        seed,
        fingerprint: format!("{seed:04}{}{}", &experiment[..1], &rate[..1]).repeat(8),
        test_accuracy: (status == "finished").then_some(score),
        test_loss: (status == "finished").then_some(1.0 - score),
        sweep: (experiment == "beta").then(|| "sweep-of-beta".to_owned()),
        ..RunRow::default()
    };
    let tags = format!("[{experiment}s, tests]");
    many::one(&place.path("results"), row, &[(RATE, rate), ("experiment.tags", &tags)])
}

/// Two plans of one experiment with two seeds each, and a run of another.
fn five() -> Place {
    let place = Place::new();
    for (seed, score, rate) in [(1, 0.8, "2e-5"), (2, 0.9, "2e-5"), (1, 0.95, "1e-4")] {
        run(&place, "alpha", "finished", seed, score, rate);
    }
    run(&place, "alpha", "failed", 2, 0.0, "1e-4");
    run(&place, "beta", "finished", 1, 0.7, "2e-5");
    place
}

/// The first column of what was printed as a table or as CSV, without the heading.
fn first(stdout: &str) -> Vec<String> {
    let word = |line: &str| line.split([' ', ',']).next().unwrap_or_default().to_owned();
    stdout.lines().skip(1).map(word).collect()
}

#[test]
fn runs_are_named_by_experiment_tag_pattern_and_part_of_their_id() {
    let place = five();
    let csv = |names: &[&str]| {
        let arguments = [&["compare", "--format", "csv"], names].concat();
        first(&place.succeed(&arguments).stdout).len()
    };
    assert_eq!(csv(&[]), 5);
    assert_eq!(csv(&["alpha"]), 4);
    assert_eq!(csv(&["alphas"]), 4);
    assert_eq!(csv(&["tests", "beta"]), 5);
    assert_eq!(csv(&["sweep-of-beta"]), 1);
    assert_eq!(csv(&["b*"]), 1);
    assert_eq!(csv(&["20*"]), 5);
    let id = place.runs()[0].id.clone();
    assert_eq!(csv(&[&id, &id[9..], "last"]), 1);
    let shown = place.run(&["compare", "alphsa"]);
    assert_eq!(shown.code, Some(2));
    assert!(shown.stderr.contains("did you mean `alpha"), "{shown:?}");
    let ambiguous = place.run(&["compare", "20"]);
    assert!(ambiguous.stderr.contains("could be any of"), "{ambiguous:?}");
    // What a table calls a run is a name of it.
    for short in first(&place.succeed(&["compare", "--columns", "seed"]).stdout) {
        assert!(short.len() >= 8 && short.len() < id.len(), "{short}");
        assert!(place.succeed(&["show", &short]).stdout.contains(&short));
    }
}

#[test]
fn only_what_differs_is_shown_and_more_on_request() {
    let place = five();
    let heading = |arguments: &[&str]| {
        let all = [&["compare", "alpha"], arguments].concat();
        place.succeed(&all).stdout.lines().next().unwrap().to_owned()
    };
    let markdown = heading(&["--format", "markdown"]);
    for there in ["run ", "status", "seed", " learning_rate ", "test_accuracy", "test_loss"] {
        assert!(markdown.contains(there), "{there}: {markdown}");
    }
    for absent in ["experiment", "epochs", "tags", "duration_s", "validation"] {
        assert!(!markdown.contains(absent), "{absent}: {markdown}");
    }
    assert_eq!(markdown, heading(&["--format", "markdown", "--only-changed"]));
    let all = heading(&["--format", "csv", "--all"]);
    assert!(all.contains(",stage.head.epochs,") && all.contains(",tags,"), "{all}");
    // A filter leaves fewer runs, and so fewer columns.
    let one_seed = heading(&["--format", "markdown", "--filter", "seed == 1"]);
    assert!(!one_seed.contains("seed") && !one_seed.contains("status"), "{one_seed}");
    let chosen = heading(&["--format", "csv", "--columns", "test_loss,learning_rate,rho"]);
    let expected = "run_id,test_loss,stage.head.optimizer.learning_rate,stage.head.optimizer.rho";
    assert_eq!(chosen, expected);
    let unknown = place.run(&["compare", "--columns", "learning_rat"]);
    assert_eq!(unknown.code, Some(2));
    assert!(unknown.stderr.contains("did you mean `learning_rate`"), "{unknown:?}");
}

#[test]
fn scores_that_are_the_same_go_away_but_never_all_of_them() {
    let place = Place::new();
    for seed in [1, 2] {
        run(&place, "alpha", "finished", seed, 0.8, "2e-5");
    }
    // Of a sweep there is a table too, which is no run.
    place.write("results/alpha/sweeps/one/sweep.parquet", "not a run");
    let table = place.succeed(&["compare", "alpha"]).stdout;
    let words: Vec<&str> = table.lines().next().unwrap().split_whitespace().collect();
    assert_eq!(words, ["run", "seed", "test_accuracy"]);
    assert_eq!(place.succeed(&["list"]).stdout.lines().count(), 3);
    assert_eq!(place.run(&["show", "sweeps"]).code, Some(2));
}

#[test]
fn pictures_are_no_parameters() {
    let place = Place::new();
    let row = |seed| RunRow {
        experiment: "alpha".to_owned(),
        status: "finished".to_owned(),
        seed,
        fingerprint: format!("{seed:08}").repeat(8),
        test_accuracy: Some(0.5),
        ..RunRow::default()
    };
    many::one(&place.path("results"), row(1), &[]);
    many::one(&place.path("results"), row(2), &[("visualize.1-curves.smoothing", "0.8")]);
    let json = |arguments: &[&str]| -> serde_json::Value {
        let all = [&["compare", "--format", "json"], arguments].concat();
        serde_json::from_str(&place.succeed(&all).stdout).unwrap()
    };
    assert_eq!(json(&["--group"])[0]["runs"], 2);
    let key = "visualize.1-curves.smoothing";
    assert_eq!(json(&[])[1].get(key), None);
    assert_eq!(json(&["--columns", "smoothing"])[1][key], "0.8");
    assert_eq!(json(&["--filter", "smoothing > 0.5"]).as_array().unwrap().len(), 1);
}

#[test]
fn the_best_is_on_top_and_parameters_rise() {
    let place = five();
    let column = |arguments: &[&str], name: &str| -> Vec<String> {
        let all = [&["compare", "--format", "json"], arguments].concat();
        let rows: Vec<serde_json::Value> =
            serde_json::from_str(&place.succeed(&all).stdout).unwrap();
        rows.iter().map(|row| row[name].to_string()).collect()
    };
    let scores = column(&["--sort", "test_loss"], "test_accuracy");
    assert_eq!(scores, ["0.95", "0.9", "0.8", "0.7", "null"]);
    let scores = column(&["--sort", "test_accuracy", "--top", "2"], "test_accuracy");
    assert_eq!(scores, ["0.95", "0.9"]);
    let scores = column(&["--sort", "test_accuracy", "--reverse"], "test_accuracy");
    assert_eq!(scores, ["0.7", "0.8", "0.9", "0.95", "null"]);
    let rates = column(&["--sort", "learning_rate", "--top", "4"], RATE);
    assert_eq!(rates[2..], ["\"2e-5\"", "\"1e-4\""]);
}

#[test]
fn a_filter_chooses_runs_and_a_wrong_one_is_explained_at_its_place() {
    let place = five();
    let count = |filter: &str| {
        let output = place.succeed(&["compare", "--format", "csv", "--filter", filter]);
        first(&output.stdout).len()
    };
    for (filter, runs) in [
        ("test_accuracy > 0.85", 2),
        ("test_accuracy > 0.85 and seed == 2", 1),
        ("not status == finished or learning_rate < 5e-5", 4),
        ("tags == betas", 1),
        ("experiment in [beta, gamma]", 1),
        ("started_at > 2026-01-01 and started_at < '2027'", 5),
        ("test_auc >= 0", 0),
    ] {
        assert_eq!(count(filter), runs, "{filter}");
    }
    for (filter, said) in [
        ("test_acuracy > 1", "did you mean `test_accuracy`?\n  test_acuracy > 1\n  ^"),
        ("seed = 1", "compared with `==`\n  seed = 1\n       ^"),
        ("seed == 1 and", "\n  seed == 1 and\n               ^"),
    ] {
        let output = place.run(&["compare", "--filter", filter]);
        assert_eq!(output.code, Some(2));
        assert!(output.stderr.contains(said), "{}", output.stderr);
    }
}

#[test]
fn groups_count_every_seed_once_and_finished_runs_alone() {
    let place = Place::new();
    for (seed, score) in [(42, 0.1), (7, 0.881), (8, 0.887), (42, 0.892)] {
        run(&place, "alpha", "finished", seed, score, "2e-5");
    }
    run(&place, "alpha", "failed", 9, 0.0, "2e-5");
    run(&place, "alpha", "interrupted", 10, 0.0, "2e-5");
    run(&place, "alpha", "finished", 1, 0.5, "1e-4");
    let arguments = ["compare", "--group", "--sort", "test_accuracy"];
    let output = place.succeed(&[&arguments[..], &["--format", "json"]].concat());
    assert!(output.stderr.contains("1 finished run has the plan and seed of a newer one"));
    let rows: Vec<serde_json::Value> = serde_json::from_str(&output.stdout).unwrap();
    assert_eq!(rows.len(), 2);
    let best = &rows[0];
    assert_eq!(best["runs"], 3);
    assert_eq!(best["not_finished"], "1 failed, 1 interrupted");
    // NumPy and SciPy: mean, std(ddof=1), stats.t.interval(0.95, 2, …) of 0.892, 0.881, 0.887.
    for (column, expected) in [
        ("test_accuracy", 0.886_666_666_666_666_7),
        ("test_accuracy_std", 0.005_507_570_547_286_107),
        ("test_accuracy_low", 0.872_985_102_970_027_8),
        ("test_accuracy_high", 0.900_348_230_363_305_6),
    ] {
        let found = best[column].as_f64().unwrap();
        assert!((found - expected).abs() < 1e-12, "{column}: {found}");
    }
    assert_eq!((&rows[1]["runs"], &rows[1]["test_accuracy_std"]), (&1.into(), &().into()));
    let table = place.succeed(&arguments).stdout;
    for text in ["0.8867 ± 0.0055", "[0.8730, 0.9003]", "1 failed, 1", "learning_rate"] {
        assert!(table.contains(text), "{text}\n{table}");
    }
}

#[test]
fn a_table_is_never_wider_than_the_terminal() {
    let place = five();
    run(&place, "a_name_that_is_as_long_as_names_can_be_and_longer", "finished", 3, 0.5, "1");
    for group in [&[][..], &["--group"]] {
        for columns in ["60", "80", "100"] {
            let mut command = place.command(&[&["compare", "--all"], group].concat());
            let output = output(command.env("COLUMNS", columns));
            let widest = output.stdout.lines().map(|line| line.chars().count()).max().unwrap();
            assert!(widest <= columns.parse().unwrap(), "{columns}\n{}", output.stdout);
            assert!(output.stdout.contains("accuracy"), "{}", output.stdout);
        }
    }
}

#[test]
fn every_format_goes_to_a_file_and_parquet_keeps_types() {
    let place = five();
    let arguments = ["compare", "--sort", "test_accuracy", "--out", "out", "--format"];
    for format in ["table", "csv", "json", "markdown"] {
        assert_eq!(place.succeed(&[&arguments[..], &[format]].concat()).stdout, "");
        let written = std::fs::read_to_string(place.path("out")).unwrap();
        assert!(written.contains("0.95") && written.ends_with('\n'), "{written}");
    }
    place.succeed(&[&arguments[..], &["parquet"]].concat());
    let rows = tables::read(&place.path("out")).unwrap();
    assert_eq!(rows.len(), 5);
    assert_eq!(cell::get(&rows[0], "test_accuracy"), &Cell::Float(0.95));
    assert_eq!(cell::get(&rows[0], RATE), &Cell::Text("1e-4".to_owned()));
    assert_eq!(cell::get(&rows[0], "validation_loss"), &Cell::Null);
    let mut command = place.command(&["compare", "--format", "parquet", "--all"]);
    let bytes = command.output().unwrap().stdout;
    std::fs::write(place.path("piped"), bytes).unwrap();
    let rows = tables::read(&place.path("piped")).unwrap();
    let tags = ["alphas", "tests"].map(|tag| Cell::Text(tag.to_owned()));
    assert_eq!(cell::get(&rows[0], "tags"), &Cell::List(tags.to_vec()));
}

#[test]
fn what_cannot_be_read_ends_no_comparison() {
    let place = five();
    let runs = place.runs();
    std::fs::write(runs[0].path.join("params.parquet"), "damaged").unwrap();
    std::fs::write(runs[1].path.join("run.parquet"), "damaged").unwrap();
    std::fs::write(runs[2].path.join("labels.parquet"), "damaged").unwrap();
    let table = place.succeed(&["compare"]).stdout;
    assert_eq!(table.matches("unreadable").count(), 2, "{table}");
    let grouped = place.succeed(&["compare", "--group"]);
    assert!(grouped.stderr.contains("2 runs cannot be read and are in no group"), "{grouped:?}");
    assert_eq!(place.succeed(&["list"]).stdout.lines().count(), 6);
    assert_eq!(place.succeed(&["list", "--status", "unreadable"]).stdout.lines().count(), 2);
    assert_eq!(place.succeed(&["list", "alpha", "--top", "2"]).stdout.lines().count(), 3);
}

/// `RUNNER_MANY` names a folder, `RUNNER_MANY_COUNT` how many runs to write there.
#[test]
#[ignore = "writes thousands of runs, to measure on"]
fn many_runs_to_measure_on() {
    let folder = std::env::var("RUNNER_MANY").expect("RUNNER_MANY names a folder");
    let count = std::env::var("RUNNER_MANY_COUNT").map_or(10_000, |count| count.parse().unwrap());
    many::write(std::path::Path::new(&folder), count);
}
