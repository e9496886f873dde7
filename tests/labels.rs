//! Tags, notes, and removing runs.

use std::path::{Path, PathBuf};

use chrono::Utc;
use runner_results::lock::RunLock;
use runner_results::tables::{RunRow, Timestamp};

use crate::support::many;
use crate::support::runner::Place;

/// A run that ended some days ago.
fn run(place: &Place, experiment: &str, status: &str, score: f64, days: i64) -> PathBuf {
    let ended = Timestamp(Utc::now().timestamp_millis() - days * 86_400_000 - 1000);
    let row = RunRow {
        experiment: experiment.to_owned(),
        status: status.to_owned(),
        started_at: Some(ended),
        finished_at: Some(ended),
        fingerprint: format!("{days:08}").repeat(8),
        test_accuracy: Some(score).filter(|score| *score > 0.0),
        ..RunRow::default()
    };
    many::one(&place.path("results"), row, &[("experiment.tags", "[book]")])
}

fn count(place: &Place) -> usize {
    place.runs().len()
}

fn name(folder: &Path) -> &str {
    folder.file_name().unwrap().to_str().unwrap()
}

#[test]
fn tags_and_notes_come_back_in_list_show_and_compare() {
    let place = Place::new();
    let first = run(&place, "alpha", "finished", 0.5, 1);
    run(&place, "alpha", "finished", 0.6, 2);
    // Also while it is running.
    let lock = RunLock::take(&first).unwrap();
    let said = place.succeed(&["tag", name(&first), "paper", "book", "best, so far"]).stdout;
    assert_eq!(said.trim(), format!("{}: book, paper, best, so far", name(&first)));
    drop(lock);
    let note = "kept \u{1b}[31mfor the talk\nsecond line";
    place.succeed(&["note", name(&first), note]);
    assert!(place.succeed(&["note", name(&first)]).stdout.contains("kept \\u{1b}[31mfor the talk"));
    for command in [&["list"][..], &["show", name(&first)], &["compare"]] {
        let shown = place.succeed(command).stdout;
        assert!(shown.contains("paper") && shown.contains("for the talk"), "{shown}");
        assert!(!shown.contains('\u{1b}'), "{shown}");
    }
    let chosen = place.succeed(&["compare", "best, so far", "--format", "json"]).stdout;
    assert_eq!(chosen.matches("\"run_id\"").count(), 1, "{chosen}");
    // What the experiment file says stays.
    let refused = place.run(&["tag", name(&first), "book", "--remove"]);
    assert_eq!(refused.code, Some(2));
    place.succeed(&["tag", name(&first), "paper", "best, so far", "--remove"]);
    place.succeed(&["note", name(&first), ""]);
    assert_eq!(place.succeed(&["tag", name(&first)]).stdout, "book\n");
    assert!(!place.succeed(&["list"]).stdout.contains("note"));
}

#[test]
fn removing_asks_and_takes_only_what_the_runner_wrote() {
    let place = Place::new();
    let folder = run(&place, "alpha", "finished", 0.5, 1);
    let other = run(&place, "alpha", "finished", 0.5, 2);
    std::fs::create_dir_all(folder.join("visualizations/1-curves")).unwrap();
    std::fs::write(folder.join("visualizations/1-curves/curves.png"), "png").unwrap();
    std::fs::write(folder.join("thoughts.txt"), "mine").unwrap();
    std::fs::write(folder.join("model.safetensors"), vec![0; 1000]).unwrap();
    let refused = place.run(&["rm", name(&folder)]);
    assert_eq!(refused.code, Some(2));
    assert!(refused.stderr.contains("--yes"), "{refused:?}");
    let dry = place.succeed(&["rm", name(&folder), "--dry-run"]);
    assert!(dry.stdout.contains("would remove 1 run") && dry.stderr.contains("thoughts.txt stays"));
    assert_eq!(count(&place), 2);
    place.succeed(&["tag", name(&folder), "old"]);
    place.succeed(&["rm", name(&folder), "--yes"]);
    let left: Vec<_> =
        std::fs::read_dir(&folder).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(left, ["thoughts.txt"]);
    // Its own files only: nothing of it is left, and nothing of its experiment.
    std::fs::remove_dir_all(&folder).unwrap();
    std::fs::write(other.join("run.parquet"), "damaged").unwrap();
    place.succeed(&["rm", name(&other), "--yes"]);
    assert!(!place.path("results/alpha").exists());
    assert_eq!(place.run(&["rm", "last", "--yes"]).code, Some(2));
}

#[cfg(unix)]
#[test]
fn running_runs_and_what_links_point_to_stay() {
    let place = Place::new();
    let running = run(&place, "alpha", "running", 0.5, 1);
    let lock = RunLock::take(&running).unwrap();
    let refused = place.run(&["rm", name(&running), "--yes"]);
    assert_eq!(refused.code, Some(2));
    assert!(refused.stderr.contains("it is running"), "{refused:?}");
    place.succeed(&["prune", "--experiment", "alpha", "--yes"]);
    assert_eq!(count(&place), 1);
    drop(lock);
    // A run that was moved elsewhere, and pictures that were.
    let elsewhere = place.path("elsewhere");
    std::fs::create_dir_all(elsewhere.join("pictures")).unwrap();
    std::fs::write(elsewhere.join("pictures/one.png"), "png").unwrap();
    std::os::unix::fs::symlink(elsewhere.join("pictures"), running.join("visualizations")).unwrap();
    let moved = run(&place, "beta", "finished", 0.5, 2);
    std::fs::rename(&moved, elsewhere.join("run")).unwrap();
    std::os::unix::fs::symlink(elsewhere.join("run"), &moved).unwrap();
    let refused = place.run(&["rm", name(&moved), "--yes"]);
    assert_eq!(refused.code, Some(2));
    let pruned = place.succeed(&["prune", "--status", "finished,interrupted", "--yes"]);
    assert!(pruned.stderr.contains("is a link"), "{pruned:?}");
    assert!(elsewhere.join("run/run.parquet").is_file());
    assert!(elsewhere.join("pictures/one.png").is_file());
    assert_eq!(count(&place), 1);
}

#[test]
fn pruning_takes_what_all_conditions_name() {
    let place = Place::new();
    for (status, score, days) in
        [("finished", 0.5, 1), ("finished", 0.9, 40), ("finished", 0.7, 50), ("failed", 0.0, 60)]
    {
        run(&place, "alpha", status, score, days);
    }
    run(&place, "beta", "interrupted", 0.0, 3);
    run(&place, "beta", "finished", 0.1, 70);
    let dry = |arguments: &[&str]| {
        let all = [&["prune", "--dry-run"], arguments].concat();
        let output = place.succeed(&all).stdout;
        output.lines().filter(|line| line.starts_with("20")).count()
    };
    assert_eq!(place.run(&["prune", "--yes"]).code, Some(2));
    assert_eq!(dry(&["--status", "failed,interrupted"]), 2);
    assert_eq!(dry(&["--status", "failed,interrupted", "--older-than", "30d"]), 1);
    assert_eq!(dry(&["--experiment", "alpha", "--keep-best", "2"]), 2);
    assert_eq!(dry(&["--keep-best", "1", "--older-than", "45d"]), 2);
    assert_eq!(place.run(&["prune", "--experiment", "gamma"]).code, Some(2));
    assert_eq!(place.run(&["prune", "--older-than", "soon"]).code, Some(2));
    assert_eq!(place.run(&["prune", "--status", "failed"]).code, Some(2));
    assert_eq!(count(&place), 6);
    place.succeed(&["prune", "--keep-best", "1", "--yes"]);
    let left = place.runs();
    let mut scores: Vec<String> =
        left.iter().map(|run| run.get("test_accuracy").to_string()).collect();
    scores.sort();
    assert_eq!(scores, ["0.1000", "0.9000"]);
}
