//! Labels that are probably wrong: as a job of a run, and beside a cross-validation.

use std::path::Path;

use runner_results::tables::{self, Cell, Record, cell};

use crate::support::coloured;
use crate::support::runner::Place;

const JOB: &str = "\n[[visualize]]\njob = \"suspects\"\ncount = 6\nfolds = 3\n";

fn read(path: &Path) -> Vec<Record> {
    tables::read(path).unwrap()
}

fn text(row: &Record, column: &str) -> String {
    cell::get(row, column).to_string()
}

fn place() -> Place {
    let place = coloured::place();
    let text = std::fs::read_to_string(place.path("coloured.toml")).unwrap();
    place.write("coloured.toml", text + JOB);
    place
}

fn is_swapped(row: &Record) -> bool {
    !Path::new(&text(row, "path"))
        .file_name()
        .unwrap()
        .to_str()
        .unwrap()
        .starts_with(&text(row, "label"))
}

#[test]
fn a_job_names_the_wrong_labels_of_the_training_images() {
    let place = place();
    let run = place.succeed(&["run", "coloured.toml"]);
    assert!(!run.stderr.contains("failed"), "{run:?}");
    let run = place.runs().remove(0);
    let rows = read(&run.path.join("suspects.parquet"));
    assert_eq!(rows.len(), 36);
    let (first, rest) = rows.split_at(2);
    assert!(first.iter().all(is_swapped), "{first:?}");
    assert!(first.iter().all(|row| cell::get(row, "is_issue") == &Cell::Bool(true)));
    assert!(first.iter().all(|row| text(row, "path").contains(&text(row, "suggested"))));
    assert!(!rest.iter().any(is_swapped));
    let folds: std::collections::BTreeSet<String> =
        rows.iter().map(|row| text(row, "fold")).collect();
    assert_eq!(folds.into_iter().collect::<Vec<_>>(), ["1", "2", "3"]);
    let ranks: Vec<String> = rows.iter().map(|row| text(row, "rank")).collect();
    assert_eq!(ranks, (1..=36).map(|rank| rank.to_string()).collect::<Vec<_>>());
    assert!(run.path.join("visualizations/1-suspects/train.png").is_file());
    // Again on the model alone, the same.
    place.succeed(&["visualize", "last"]);
    assert_eq!(read(&run.path.join("suspects.parquet")), rows);
    // Images that were held out, by the run's own predictions.
    let learned = std::fs::read_to_string(place.path("learned.toml")).unwrap();
    place.write("learned.toml", learned + &JOB.replace("folds = 3", "split = \"test\""));
    place.succeed(&["run", "learned.toml"]);
    let run = place.runs().remove(0);
    let rows = read(&run.path.join("suspects.parquet"));
    assert!(rows.len() == 36 && text(&rows[0], "split") == "test");
    assert!(rows[..2].iter().all(is_swapped), "{:?}", &rows[..3]);
}

#[test]
fn a_network_that_learned_every_label_is_not_asked() {
    let place = place();
    let all = ["--set", "stage.head.frozen=none", "--set", "stage.head.epochs=1"];
    let run = place.succeed(&[&["run", "coloured.toml"], &all[..]].concat());
    assert!(run.stderr.contains("every layer was trained on the labels"), "{run:?}");
    for (key, said) in [("folds=1", "one fold leaves"), ("split=\"nowhere\"", "unknown")] {
        let (key, value) = key.split_once('=').unwrap();
        let set = format!("visualize=[{{ job = \"suspects\", {key} = {value} }}]");
        let refused = place.run(&["check", "coloured.toml", "--set", &set]);
        assert_eq!(refused.code, Some(2), "{said}: {refused:?}");
    }
}

#[test]
fn a_cross_validation_names_them_too_and_its_page_shows_them() {
    let place = place();
    let text = std::fs::read_to_string(place.path("learned.toml")).unwrap();
    let (before, rest) = text.split_once("train =").unwrap();
    let (_, after) = rest.split_once("image_size").unwrap();
    let dataset = "path = \"data/train\"\nfolds = 3\nimage_size";
    place.write("folds.toml", format!("{before}{dataset}{after}\n[sweep]\nseeds = [1, 2]\n"));
    place.succeed(&["run", "folds.toml"]);
    let sweep = place.runs()[0].get("sweep").as_str().unwrap().to_owned();
    let folder = place.path(&format!("results/coloured/sweeps/{sweep}"));
    let rows = read(&folder.join("suspects.parquet"));
    assert_eq!(rows.len(), 36, "what both seeds say of an image is averaged");
    assert!(rows[..2].iter().all(is_swapped), "{:?}", &rows[..3]);
    let page = std::fs::read_to_string(folder.join("report.html")).unwrap();
    assert!(page.contains("id=\"suspects\"") && page.contains("labels are probably wrong"));
    assert!(page.matches("<img src=\"data:image/").count() >= 32);
}
