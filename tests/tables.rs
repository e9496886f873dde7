//! Labels from tables: classes as from folders, several labels, numbers.

use std::fmt::Write as _;

use runner_results::tables::{self, Cell, Record, cell};

use crate::support::runner::{Place, SHAPES};

const CLASSES: [&str; 3] = ["circle", "square", "triangle"];

/// Every picture of the shapes with its split and class.
fn pictures(place: &Place) -> Vec<(String, &'static str, &'static str)> {
    let mut all = Vec::new();
    for split in ["train", "validation", "test"] {
        for class in CLASSES {
            let folder = format!("{split}/{class}");
            let mut names: Vec<String> =
                std::fs::read_dir(place.path(&format!("data/shapes/{folder}")))
                    .unwrap()
                    .map(|entry| entry.unwrap().file_name().into_string().unwrap())
                    .collect();
            names.sort();
            all.extend(names.into_iter().map(|name| (format!("{folder}/{name}"), split, class)));
        }
    }
    all
}

/// The shapes with these keys in place of their folders, and more behind.
fn experiment(keys: &str, rest: &str) -> String {
    let folders = "train = \"data/shapes/train\"\nvalidation = \"data/shapes/validation\"\n\
                   test = \"data/shapes/test\"\n";
    assert!(SHAPES.contains(folders));
    SHAPES.replace(folders, keys) + rest
}

fn newest(place: &Place, table: &str) -> Vec<Record> {
    tables::read(&place.runs().remove(0).path.join(table)).unwrap()
}

fn text(row: &Record, column: &str) -> String {
    cell::get(row, column).to_string()
}

#[test]
fn a_table_of_classes_is_the_same_run_as_folders() {
    let place = Place::with_shapes();
    place.succeed(&["run", "shapes.toml"]);
    let mut rows = "file,kind,part\n".to_owned();
    for (path, split, class) in pictures(&place).iter().rev() {
        writeln!(rows, "{path},{class},{split}").unwrap();
    }
    place.write("data/shapes/labels.csv", rows);
    let keys = "table = \"data/shapes/labels.csv\"\n\
                columns = { image = \"file\", label = \"kind\", split = \"part\" }\n";
    place.write("table.toml", experiment(keys, ""));
    let said = place.succeed(&["check", "table.toml"]).stdout;
    assert!(said.contains("circle") && said.contains("data/shapes"), "{said}");
    place.succeed(&["run", "table.toml", "--set", "experiment.name=table"]);
    let [table, folders] = &place.runs()[..] else { panic!("two runs") };
    for column in ["dataset_hash", "test_loss", "test_accuracy", "best_validation_loss"] {
        assert_eq!(table.get(column), folders.get(column), "{column}");
    }
    place.succeed(&["dataset", "check", "table.toml"]);
}

#[test]
fn a_table_is_divided_by_its_groups_and_weighs_images() {
    let place = Place::with_shapes();
    let mut rows = String::new();
    for (number, (path, _, class)) in pictures(&place).iter().enumerate() {
        let weight = if number % 2 == 0 { 1.0 } else { 0.25 };
        let group = number / 4;
        writeln!(
            rows,
            "{{\"image\":\"{path}\",\"label\":\"{class}\",\"group\":{group},\"weight\":{weight}}}"
        )
        .unwrap();
    }
    place.write("labels.jsonl", rows);
    let keys = "table = \"labels.jsonl\"\nimages = \"data/shapes\"\n";
    place.write("table.toml", experiment(keys, ""));
    place.succeed(&["run", "table.toml"]);
    let mut splits = std::collections::BTreeMap::new();
    for row in newest(&place, "splits.parquet") {
        let known = splits.entry(text(&row, "group")).or_insert_with(|| text(&row, "split"));
        assert_eq!(*known, text(&row, "split"));
    }
    assert_eq!(splits.len(), 18);
    let with_weights = place.runs().remove(0).get("test_loss").clone();
    let path = place.path("labels.jsonl");
    let plain = std::fs::read_to_string(&path).unwrap().replace("\"weight\":0.25", "\"weight\":1");
    std::fs::write(&path, plain).unwrap();
    place.succeed(&["run", "table.toml"]);
    assert_ne!(place.runs().remove(0).get("test_loss"), &with_weights);
}

#[test]
fn several_labels_have_scores_thresholds_and_pictures() {
    let place = Place::with_shapes();
    let mut rows = "image\tlabels\tsplit\n".to_owned();
    for (path, split, class) in pictures(&place) {
        let labels = match class {
            "circle" => "round",
            "square" => "corners;even",
            _ => "corners",
        };
        writeln!(rows, "{path}\t{labels}\t{split}").unwrap();
    }
    place.write("data/shapes/labels.tsv", rows);
    let keys = "table = \"data/shapes/labels.tsv\"\ntask = \"multilabel\"\nseparator = \";\"\n\
                columns = { label = \"labels\" }\n";
    let rest = "class_weights = \"balanced\"\nlabel_smoothing = 0.05\n\
                [[visualize]]\njob = \"gradcam\"\nimages = [\"data/shapes/test/square/square.000.jpg\"]\n\
                target = \"even\"\nlayer = \"block1_conv1\"\n\
                [[visualize]]\njob = \"mistakes\"\n[[visualize]]\njob = \"curves\"\n";
    place.write("labels.toml", experiment(keys, rest));
    let check = place.succeed(&["check", "labels.toml"]).stdout;
    assert!(check.contains("one sigmoid unit per label"), "{check}");
    place.succeed(&["run", "labels.toml"]);
    let run = place.runs().remove(0);
    assert!(run.get("test_map").as_f64().is_some_and(|map| map > 0.3));
    let predictions = newest(&place, "predictions.parquet");
    let square = predictions.iter().find(|row| text(row, "path").contains("square")).unwrap();
    assert_eq!(text(square, "label"), "corners|even");
    assert_eq!(cell::get(square, "targets").to_string(), "[1.0000, 1.0000, 0.0000]");
    assert_drawn(&place);
    let scores = newest(&place, "label_scores.parquet");
    assert_eq!(scores.len(), 9);
    let images =
        scores.iter().find(|r| text(r, "split") == "test" && text(r, "label") == "corners");
    let tested = run.get("test_images").as_f64().unwrap();
    assert_eq!(cell::get(images.unwrap(), "images").as_f64(), Some(tested * 2.0 / 3.0));
    let said = place.succeed(&["predict", "last", "data/shapes/test/circle/circle.000.jpg"]).stdout;
    assert!(said.contains("round") && said.contains("even"), "{said}");
    let shown = place.succeed(&["show", "last"]).stdout;
    assert!(shown.contains("mAP"), "{shown}");
    place.succeed(&["compare", "shapes", "--sort", "test_map"]);
    place.succeed(&["report", "last", "--out", "report.html"]);
}

/// The pictures of three jobs are there.
fn assert_drawn(place: &Place) {
    let drawn = newest(place, "artifacts.parquet");
    for job in ["mistakes", "gradcam", "curves"] {
        assert!(drawn.iter().any(|row| text(row, "job").contains(job)), "{job}");
    }
}

/// Shapes labelled with how many corners they have.
fn corners() -> Place {
    let place = Place::with_shapes();
    let mut rows = "image,corners,split\n".to_owned();
    for (path, split, class) in pictures(&place) {
        let corners = match class {
            "circle" => 0,
            "square" => 4,
            _ => 3,
        };
        writeln!(rows, "{path},{corners},{split}").unwrap();
    }
    place.write("data/shapes/labels.csv", rows);
    let keys = "table = \"data/shapes/labels.csv\"\ntask = \"regression\"\n\
                columns = { label = \"corners\" }\n";
    let rest = "[[visualize]]\njob = \"curves\"\n[[visualize]]\njob = \"mistakes\"\n\
                [[visualize]]\njob = \"gradcam\"\nimages = [\"data/shapes/test/square/square.000.jpg\"]\n\
                layer = \"block1_conv1\"\n";
    let text = experiment(keys, rest).replace("hidden = [16]", "hidden = [16]\nloss = \"huber\"");
    place.write("numbers.toml", text);
    place
}

#[test]
fn numbers_have_errors_in_place_of_accuracies() {
    let place = corners();
    let said = place.succeed(&["run", "numbers.toml"]);
    assert!(said.stderr.contains("mean error"), "{}", said.stderr);
    assert!(said.stdout.contains("mean absolute error"), "{}", said.stdout);
    let run = place.runs().remove(0);
    assert_eq!(run.get("test_accuracy"), &Cell::Null);
    let error = run.get("test_mae").as_f64().unwrap();
    // What the table says is what its predictions come to.
    let predictions = newest(&place, "predictions.parquet");
    let number = |row: &Record, column| match cell::get(row, column) {
        Cell::List(values) => values[0].as_f64().unwrap(),
        other => panic!("{other}"),
    };
    let tested: Vec<&Record> =
        predictions.iter().filter(|row| cell::get(row, "split").as_str() == Some("test")).collect();
    let errors = tested.iter().map(|row| (number(row, "targets") - number(row, "logits")).abs());
    let mean = errors.sum::<f64>() / tested.len() as f64;
    assert!((mean - error).abs() < 1e-9, "{mean} is not {error}");
    assert_drawn(&place);
    for epoch in newest(&place, "epochs.parquet") {
        assert_eq!(cell::get(&epoch, "validation_accuracy"), &Cell::Null);
        assert!(cell::get(&epoch, "validation_mae").as_f64().is_some());
    }
    for command in ["show", "report", "predict"] {
        let mut arguments = vec![command, "last"];
        if command == "predict" {
            arguments.push("data/shapes/test/circle/circle.000.jpg");
        }
        place.succeed(&arguments);
    }
    let sorted = ["compare", "shapes", "--sort", "test_mae"];
    place.succeed(&sorted);
    // Where errors are all there is, they are shown, seeds together too.
    for more in [&[][..], &["--group"]] {
        let said = place.succeed(&[&sorted[..2], more, &["--format", "csv"]].concat()).stdout;
        assert!(said.lines().next().unwrap().contains("test_mae,"), "{said}");
        assert!(said.lines().next().unwrap().contains("test_r2"), "{said}");
    }
    place.succeed(&["plot", "last", "--out", "curves.png"]);
}

#[test]
fn keys_that_say_nothing_are_refused() {
    let place = Place::with_shapes();
    place.write("data/shapes/labels.csv", "image,label\ntrain/circle/circle.000.jpg,2.5\n");
    let keys =
        "table = \"data/shapes/labels.csv\"\ntask = \"regression\"\npath = \"data/shapes\"\n";
    let rest = "class_weights = \"balanced\"\nlabel_smoothing = 0.1\n\
                [[visualize]]\njob = \"confusion\"\n[[visualize]]\njob = \"embedding\"\n";
    let text =
        experiment(keys, rest).replace("hidden = [16]", "hidden = [16]\nloss = \"cross_entropy\"");
    place.write("wrong.toml", text);
    let said = place.run(&["check", "wrong.toml"]);
    assert_eq!(said.code, Some(2));
    for part in [
        "`dataset.path` and `dataset.table` exclude each other",
        "`cross_entropy` does not measure `regression`",
        "`class_weights` is about classes",
        "`label_smoothing` is about classes",
        "`confusion` is about classes",
        "`embedding` is about classes",
    ] {
        assert!(said.stderr.contains(part), "{part} is not in\n{}", said.stderr);
    }
}
