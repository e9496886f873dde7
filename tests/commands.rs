//! Commands around a run: check, list, show, compare, cache, dataset, schema.

use std::io::Write;

use crate::support::runner::{Place, SHAPES};

#[test]
fn check_prints_counts_layers_and_what_is_trained() {
    let place = Place::with_shapes();
    let checked = place.succeed(&["check", "shapes.toml"]);
    for text in [
        "14,714,688",
        "4 of 30 tensors",
        "block5_pool",
        "(1, 1, 512)",
        "caches the output of block5_pool, 512 values per image",
        "weights = \"random\"",
        "epsilon = 0.0000001",
    ] {
        assert!(checked.stdout.contains(text), "`{text}` is missing:\n{}", checked.stdout);
    }
    assert!(checked.stderr.contains("freezes layers that have random weights"));
    assert!(!place.path("results").exists() && !place.path("cache").exists());
}

#[test]
fn results_go_to_stdout_and_everything_else_to_stderr() {
    let place = Place::with_shapes();
    let quiet = place.succeed(&["run", "shapes.toml", "--quiet"]);
    assert!(quiet.stderr.is_empty(), "{quiet:?}");
    assert!(quiet.stdout.starts_with("run "), "{quiet:?}");
}

#[test]
fn list_show_and_compare_agree() {
    let place = Place::with_shapes();
    for seed in ["1", "2", "3"] {
        let set = format!("experiment.seed={seed}");
        place.succeed(&["run", "shapes.toml", "--set", &set, "--quiet"]);
    }
    let listed = place.succeed(&["list"]).stdout;
    assert_eq!(listed.lines().count(), 4);
    let newest = place.runs()[0].clone();
    assert!(listed.lines().nth(1).unwrap().starts_with(&newest.id));
    let shown = place.succeed(&["show", "last"]).stdout;
    assert!(shown.contains(&newest.id) && shown.contains("stage.head.optimizer.learning_rate"));
    let table = place.succeed(&["compare", "shapes", "--sort", "test_accuracy"]).stdout;
    assert!(table.lines().next().unwrap().contains("  seed"), "{table}");
    let grouped = place.succeed(&["compare", "--group", "--format", "csv"]).stdout;
    assert_eq!(grouped.lines().count(), 2, "{grouped}");
    assert!(grouped.lines().nth(1).unwrap().starts_with("shapes,3,"), "{grouped}");
    let markdown = place.succeed(&["compare", "--only-changed", "--format", "markdown"]).stdout;
    assert!(markdown.starts_with("| run ") && !markdown.contains("| status"), "{markdown}");
    let unknown = place.run(&["compare", "--sort", "velocity"]);
    assert_eq!(unknown.code, Some(2));
    assert!(unknown.stderr.contains("test_accuracy"), "{unknown:?}");
    let missing = place.run(&["show", "shape"]);
    assert_eq!(missing.code, Some(2));
    assert!(missing.stderr.contains("did you mean `shapes`"), "{missing:?}");
}

#[test]
fn the_cache_is_listed_and_pruned() {
    let place = Place::with_shapes();
    place.succeed(&["run", "shapes.toml", "--quiet"]);
    let listed = place.succeed(&["cache", "list"]).stdout;
    assert!(listed.contains("block5_pool") && listed.contains("72"), "{listed}");
    let pruned = place.succeed(&["cache", "prune"]).stdout;
    assert!(pruned.contains("removed"), "{pruned}");
    assert!(!place.succeed(&["cache", "list"]).stdout.contains("block5_pool"));
}

#[test]
fn the_schema_is_json_and_describes_every_table() {
    let place = Place::new();
    let schema: serde_json::Value =
        serde_json::from_str(&place.succeed(&["schema"]).stdout).unwrap();
    for table in ["experiment", "dataset", "model", "augmentation", "stage", "visualize", "run"] {
        assert!(schema["properties"].get(table).is_some(), "{table}");
    }
    assert_eq!(schema["required"], serde_json::json!(["experiment"]));
}

#[test]
fn dataset_check_finds_leaks_and_duplicates() {
    let place = Place::with_shapes();
    let clean = place.succeed(&["dataset", "check", "data/shapes"]).stdout;
    assert!(clean.contains("96x96") && clean.contains("in more than one split: 0"), "{clean}");
    let from = place.path("data/shapes/train/circle/circle.000.jpg");
    for to in ["test/circle/copy.jpg", "train/square/copy.jpg"] {
        std::fs::copy(&from, place.path(&format!("data/shapes/{to}"))).unwrap();
    }
    let leaky = place.succeed(&["dataset", "check", "data/shapes"]).stdout;
    assert!(leaky.contains("in more than one split: 1"), "{leaky}");
    assert!(leaky.contains("in more than one class: 1"), "{leaky}");
    // A run says both, with the labels that contradict each other.
    let said = place.succeed(&["run", "shapes.toml", "--set", "stage.head.epochs=1"]).stderr;
    assert!(said.contains("a contradiction: one of the labels is wrong"), "{said}");
    assert!(said.contains("circle.000.jpg (circle) = data/shapes/train/square/copy.jpg (square)"));
}

#[test]
fn dataset_fetch_takes_a_copy_and_only_the_right_one() {
    let place = Place::new();
    let archive = |names: &mut dyn Iterator<Item = String>| {
        let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
        for name in names {
            zip.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
            zip.write_all(b"a photo").unwrap();
        }
        zip.finish().unwrap().into_inner()
    };
    let names = || {
        [("train", 0..1000), ("validation", 2000..2500)].into_iter().flat_map(|(split, numbers)| {
            numbers.flat_map(move |n| {
                ["cat", "dog"].map(|animal| {
                    format!("cats_and_dogs_filtered/{split}/{animal}s/{animal}.{n}.jpg")
                })
            })
        })
    };
    place.write("right.zip", archive(&mut names()));
    let arguments = ["dataset", "fetch", "cats_and_dogs_filtered", "--from"];
    place.succeed(&[&arguments[..], &["right.zip"]].concat());
    let count = |folder: &str| {
        let path = place.path(&format!("data/cats_and_dogs_small/{folder}"));
        std::fs::read_dir(path).unwrap().count()
    };
    assert_eq!(["train/cats", "validation/dogs", "test/cats"].map(count), [1000, 250, 250]);
    assert!(place.path("data/cats_and_dogs_small/test/cats/cat.2250.jpg").is_file());
    assert!(place.path("data/cats_and_dogs_small/SOURCE.txt").is_file());
    let hostile = names().skip(1).chain(["../../escaped.jpg".to_owned()]);
    place.write("hostile.zip", archive(&mut hostile.into_iter()));
    let refused = place.run(&[&arguments[..], &["hostile.zip", "--out", "data/other"]].concat());
    assert_eq!(refused.code, Some(3));
    assert!(refused.stderr.contains("this is another archive"), "{refused:?}");
    assert!(!place.path("data/other").exists() && !place.path("escaped.jpg").exists());
    let names: Vec<_> = std::fs::read_dir(place.path("data")).unwrap().collect();
    assert_eq!(names.len(), 1, "nothing half done is left: {names:?}");
}

#[test]
fn a_missing_folder_says_what_brings_it() {
    let place = Place::new();
    place.write("shapes.toml", crate::support::runner::SHAPES);
    let missing = place.run(&["check", "shapes.toml"]);
    assert_eq!(missing.code, Some(2));
    assert_eq!(missing.stderr.matches("`runner dataset generate shapes` brings it").count(), 3);
}

#[test]
fn preview_draws_images_before_and_after() {
    let place = Place::with_shapes();
    let plain = place.run(&["preview", "shapes.toml"]);
    assert_eq!(plain.code, Some(2));
    assert!(plain.stderr.contains("no stage of shapes.toml augments"), "{plain:?}");
    let text = crate::support::runner::SHAPES.replace("epochs = 3", "epochs = 3\naugment = true");
    place.write("augmented.toml", format!("{text}[augmentation]\nrotation = 40\n"));
    let arguments = ["preview", "augmented.toml", "--images", "3", "--epochs", "2"];
    place.succeed(&arguments);
    let picture = image::open(place.path("preview.png")).unwrap().to_rgb8();
    // Tiles of 32 with a line of words above each, which may be wider than they are.
    assert_eq!(picture.height(), 3 * (32 + 26 + 4) + 4);
    assert!(picture.width() >= 3 * 36 + 4 && picture.width() % 3 == 1, "{}", picture.width());
    let before = std::fs::read(place.path("preview.png")).unwrap();
    place.succeed(&arguments);
    assert!(before == std::fs::read(place.path("preview.png")).unwrap());
}

#[test]
fn a_run_draws_the_shapes_that_it_lacks_and_offline_fetches_nothing() {
    let place = Place::new();
    place.write("shapes.toml", SHAPES);
    let run = place.succeed(&["run", "shapes.toml", "--set", "stage.head.epochs=1"]);
    assert!(run.stderr.contains("data/shapes is not there yet: drawing"), "{}", run.stderr);
    let generated = place.succeed(&["dataset", "generate", "shapes", "--out", "again"]);
    assert!(generated.stdout.contains("420 pictures"));
    for name in ["train/circle/circle.000.jpg", "test/triangle/triangle.029.jpg"] {
        let read = |folder: &str| std::fs::read(place.path(folder).join(name)).unwrap();
        assert_eq!(read("data/shapes"), read("again"));
    }
    // Where something else is wrong too, nothing is made.
    let other = Place::new();
    other.write("shapes.toml", SHAPES.replace("epochs = 3", "epochs = 0"));
    let refused = other.run(&["run", "shapes.toml"]);
    assert_eq!(refused.code, Some(2));
    assert!(!other.path("data").exists(), "{}", refused.stderr);
    let offline =
        place.run(&["run", "shapes.toml", "--offline", "--set", "model.weights=imagenet"]);
    assert_eq!(offline.code, Some(3));
    assert!(offline.stderr.contains("`runner weights fetch imagenet` brings them"), "{offline:?}");
    assert_eq!(place.runs().len(), 1);
}
