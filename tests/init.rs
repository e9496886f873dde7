//! `runner init`: experiments that come with the program, and one for a folder of photos.

use std::path::Path;

use crate::support::runner::{Output, Place};

/// The shapes of all splits in one folder, one folder per class.
fn photos() -> Place {
    let place = Place::with_shapes();
    for split in ["train", "validation", "test"] {
        for class in ["circle", "square", "triangle"] {
            let from = place.path(&format!("data/shapes/{split}/{class}"));
            let to = place.path(&format!("photos/{class}"));
            std::fs::create_dir_all(&to).unwrap();
            for entry in std::fs::read_dir(from).unwrap() {
                let path = entry.unwrap().path();
                let name = path.file_name().unwrap().to_str().unwrap().to_owned();
                std::fs::copy(&path, to.join(format!("{split}-{name}"))).unwrap();
            }
        }
    }
    place
}

fn read(place: &Place, name: &str) -> String {
    std::fs::read_to_string(place.path(name)).unwrap()
}

/// Images of a class: in all, to train, to validate, to test.
fn counts<'a>(text: &'a str, class: &str) -> impl Iterator<Item = &'a str> {
    let head = format!("# {class} ");
    text.lines().find_map(|line| line.strip_prefix(&head)).unwrap().split_whitespace()
}

/// Nothing is wrong with a file, and nothing is to be warned of.
fn passes(place: &Place, file: &str) -> Output {
    let checked = place.succeed(&["check", file]);
    assert_eq!(checked.stderr, "", "{checked:?}");
    checked
}

/// A folder that cannot be used: the exit code, and what is said.
fn refused(place: &Place, folder: &str, code: i32, said: &str) {
    let refused = place.run(&["init", "--data", folder]);
    assert_eq!(refused.code, Some(code), "{folder}: {refused:?}");
    assert!(refused.stderr.contains(said), "{folder}: {refused:?}");
    let written = std::fs::read_dir(place.path("")).unwrap().map(|entry| entry.unwrap().path());
    let mut tomls = written.filter(|path| path.extension().is_some_and(|e| e == "toml"));
    assert_eq!(tomls.find(|path| !path.ends_with("shapes.toml")), None, "{folder}");
}

#[test]
fn init_lists_what_comes_with_the_program_and_writes_it() {
    let place = Place::new();
    let listed = place.succeed(&["init"]);
    assert!(listed.stdout.contains("quickstart"), "{listed:?}");
    assert!(listed.stderr.contains("runner init --data photos"), "{listed:?}");
    let written = place.succeed(&["init", "quickstart"]);
    assert!(written.stdout.contains("runner run quickstart.toml"), "{written:?}");
    let text = read(&place, "quickstart.toml");
    assert!(text.contains("# Command:  runner run quickstart.toml\n"), "{text}");
    place.succeed(&["dataset", "generate", "shapes"]);
    passes(&place, "quickstart.toml");
    let again = place.run(&["init", "quickstart"]);
    assert_eq!(again.code, Some(2));
    assert!(again.stderr.contains("quickstart.toml is there already"), "{again:?}");
    assert_eq!(read(&place, "quickstart.toml"), text);
    place.succeed(&["init", "quickstart", "--out", "mine.toml"]);
    assert_eq!(read(&place, "mine.toml"), text);
    let unknown = place.run(&["init", "quickstrat"]);
    assert_eq!(unknown.code, Some(2));
    assert!(unknown.stderr.contains("there are quickstart, "), "{unknown:?}");
    // What it extends comes with it.
    let sweep = place.succeed(&["init", "sweep_head"]);
    assert!(sweep.stdout.contains("feature_extraction_caffe.toml"), "{sweep:?}");
    assert!(place.path("feature_extraction_caffe.toml").is_file());
}

#[test]
fn a_folder_of_classes_gets_an_experiment_that_runs() {
    let place = photos();
    let written = place.succeed(&["init", "--data", "photos/"]);
    assert!(
        written.stdout.starts_with("photos.toml: the experiment photos, 72 images of 3 classes"),
        "{written:?}"
    );
    assert!(written.stdout.contains("`runner weights fetch imagenet_efficientnet_lite0`"));
    let text = read(&place, "photos.toml");
    // A fifth of 24 is 4 or 5.
    assert!(counts(&text, "circle").eq(["24", "14", "5", "5"]), "{text}");
    for line in [
        "name = \"photos\"",
        "path = \"photos\"",
        "split = { validation = 0.2, test = 0.2, seed = 1, stratify = true }",
        "image_size = [96, 96]",
        "batch_size = 8",
        "on_bad_image = \"fail\"",
        "architecture = \"efficientnet_lite0\"",
        "split = \"test\"",
    ] {
        assert!(text.lines().any(|found| found == line), "{line}: {text}");
    }
    let checked = passes(&place, "photos.toml");
    assert!(checked.stdout.contains("preprocessing efficientnet_lite"), "{checked:?}");
    let set = ["model.weights=random", "stage.head.epochs=2"].map(|set| ["--set", set]).concat();
    place.succeed(&[&["run", "photos.toml"], &set[..]].concat());
    let run = place.runs().remove(0);
    let rows = runner_results::tables::read(&run.path.join("splits.parquet")).unwrap();
    let get = |row, column| runner_results::tables::cell::get(row, column).to_string();
    let tested: Vec<String> =
        rows.iter().filter(|row| get(row, "split") == "test").map(|row| get(row, "path")).collect();
    assert_eq!(tested.len(), 15);
    let explained: Vec<&str> =
        text.lines().filter_map(|line| line.strip_prefix("    \"")).collect();
    assert_eq!(explained.len(), 3);
    for image in explained {
        let image = image.trim_end_matches("\",");
        assert!(tested.iter().any(|path| path == image), "{image} is not tested: {tested:?}");
    }
}

#[test]
fn every_key_has_a_line_that_explains_it() {
    let place = photos();
    place.succeed(&["init", "--data", "photos"]);
    let text = read(&place, "photos.toml");
    let lines: Vec<&str> = text.lines().collect();
    for (index, line) in lines.iter().enumerate() {
        let is_key = line.contains(" = ") && line.starts_with(|c: char| c.is_ascii_lowercase());
        if !is_key || line.starts_with("job = ") {
            continue;
        }
        assert!(lines[index - 1].starts_with("# "), "{line} has no comment:\n{text}");
    }
}

#[test]
fn folders_of_splits_are_taken_as_they_are() {
    let place = Place::with_shapes();
    std::fs::rename(place.path("data/shapes/validation"), place.path("data/shapes/Val")).unwrap();
    place.succeed(&["init", "--data", "data/shapes", "--out", "split.toml"]);
    let text = read(&place, "split.toml");
    assert!(text.contains("\nvalidation = \"data/shapes/Val\"\n"), "{text}");
    assert!(text.contains("\ntest = \"data/shapes/test\"\n"), "{text}");
    assert!(counts(&text, "circle").eq(["24", "14", "5", "5"]), "{text}");
    passes(&place, "split.toml");
    // Without test images the validation images are drawn.
    std::fs::remove_dir_all(place.path("data/shapes/test")).unwrap();
    place.succeed(&["init", "--data", "data/shapes", "--out", "two.toml"]);
    let text = read(&place, "two.toml");
    assert!(text.contains("\nsplit = \"validation\"\n") && !text.contains("\ntest = "), "{text}");
    passes(&place, "two.toml");
    // Without validation images the training folder is divided, and the test folder waits.
    std::fs::rename(place.path("data/shapes/Val"), place.path("data/shapes/test")).unwrap();
    place.succeed(&["init", "--data", "data/shapes", "--out", "train.toml"]);
    let text = read(&place, "train.toml");
    assert!(text.contains("\npath = \"data/shapes/train\"\n"), "{text}");
    assert!(text.contains("`runner predict last data/shapes/test`"), "{text}");
    passes(&place, "train.toml");
}

#[test]
fn what_is_not_usable_is_named_and_skipped() {
    let place = photos();
    place.write("photos/circle/notes.txt", "blurred ones");
    place.write("photos/circle/a.heic", b"\0\0\0\x18ftypheic\0\0\0\0");
    for number in 10..14 {
        let path = format!("photos/square/train-square.{number:03}.jpg");
        std::fs::remove_file(place.path(&path)).unwrap();
    }
    for number in 0..10 {
        let path = format!("photos/square/train-square.{number:03}.jpg");
        std::fs::remove_file(place.path(&path)).unwrap();
    }
    place.succeed(&["init", "--data", "photos"]);
    let text = read(&place, "photos.toml");
    assert!(text.contains("# Files that cannot be used: 2, such as photos/circle/a.heic:\n"));
    assert!(text.contains("# it is HEIC, and"), "{text}");
    assert!(text.contains("\non_bad_image = \"skip\"\n"), "{text}");
    // 24 of one class, 10 of another.
    assert!(text.contains("\nclass_weights = \"balanced\"\n"), "{text}");
    passes(&place, "photos.toml");
}

#[test]
fn folders_that_cannot_be_used_are_explained() {
    let place = photos();
    refused(&place, "nowhere", 2, "nowhere does not exist");
    refused(&place, "shapes.toml", 2, "shapes.toml is neither a folder nor a table");
    std::fs::create_dir_all(place.path("empty")).unwrap();
    refused(&place, "empty", 2, "empty has no photos; make one folder per class inside");
    refused(&place, "photos/circle", 2, "has 24 photos and no folders for classes");
    std::fs::create_dir_all(place.path("one")).unwrap();
    std::fs::rename(place.path("photos"), place.path("one/photos")).unwrap();
    refused(&place, "one", 2, "are these the classes? Then say `--data one/photos`");
    std::fs::rename(place.path("one/photos/circle"), place.path("one/circle")).unwrap();
    std::fs::remove_dir_all(place.path("one/photos")).unwrap();
    refused(&place, "one", 2, "one has one class only, `circle`");
    place.write("one/square/a.txt", "no photo");
    refused(&place, "one", 3, "the class `square` of one has 0 usable images");
    let loose = place.path("one/circle/test-circle.000.jpg");
    std::fs::copy(loose, place.path("one/loose.jpg")).unwrap();
    refused(&place, "one", 2, "1 photos beside them that are in no class, one/loose.jpg");
    let both = place.run(&["init", "quickstart", "--data", "one"]);
    assert_eq!(both.code, Some(2), "{both:?}");
}

#[test]
fn weights_at_hand_decide_the_architecture() {
    let place = photos();
    // What is in the cache is told by its name.
    place.write("cache/weights/imagenet.safetensors", "");
    place.succeed(&["init", "--data", "photos", "--out", "vgg.toml"]);
    let text = read(&place, "vgg.toml");
    assert!(text.contains("\narchitecture = \"vgg16\"\n"), "{text}");
    assert!(text.contains("\npreprocessing = \"caffe\"\n"), "{text}");
    place.write("cache/weights/imagenet_resnet50.safetensors", "");
    let said = place.succeed(&["init", "--data", "photos", "--out", "resnet.toml"]).stdout;
    assert!(said.contains("resnet50") && !said.contains("weights fetch"), "{said}");
    let text = read(&place, "resnet.toml");
    assert!(text.contains("\narchitecture = \"resnet50\"\n"), "{text}");
    assert!(!text.contains("preprocessing ="), "{text}");
}

#[test]
fn odd_names_are_written_so_that_they_are_read() {
    let place = photos();
    let odd = "my \"photos\" (2024)";
    std::fs::rename(place.path("photos"), place.path(odd)).unwrap();
    let said = place.succeed(&["init", "--data", odd]).stdout;
    let file = "my--photos---2024.toml";
    assert!(said.starts_with(file), "{said}");
    passes(&place, file);
    assert!(Path::new(&place.path(file)).is_file());
}

/// A table of the photos, which lie beside it in a folder of their own.
fn labels(place: &Place, header: &str, row: impl Fn(&str, usize) -> String) {
    let mut text = format!("{header}\n");
    for class in ["circle", "square", "triangle"] {
        let mut names: Vec<String> = std::fs::read_dir(place.path(&format!("photos/{class}")))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        for (number, name) in names.iter().enumerate() {
            text += &format!("{class}/{name},{}\n", row(class, number));
        }
    }
    place.write("labels.csv", text);
}

#[test]
fn a_table_of_classes_gets_an_experiment_that_runs() {
    let place = photos();
    labels(&place, "file,kind,batch", |class, number| format!("{class},{}", number / 3));
    let asked = place.run(&["init", "--data", "labels.csv"]);
    assert_eq!(asked.code, Some(0), "`kind` is what labels are called: {asked:?}");
    assert!(
        asked.stdout.starts_with("labels.toml: the experiment labels, 72 images of 3 classes"),
        "{asked:?}"
    );
    let text = read(&place, "labels.toml");
    assert!(counts(&text, "circle").eq(["24", "14", "5", "5"]), "{text}");
    for line in [
        "table = \"labels.csv\"",
        "images = \"photos\"",
        "columns = { image = \"file\", label = \"kind\" }",
        "split = { validation = 0.2, test = 0.2, seed = 1, stratify = true }",
        "job = \"confusion\"",
    ] {
        assert!(text.lines().any(|found| found == line), "{line}: {text}");
    }
    passes(&place, "labels.toml");
    let set = ["model.weights=random", "stage.head.epochs=2"].map(|set| ["--set", set]).concat();
    place.succeed(&[&["run", "labels.toml"], &set[..]].concat());
}

#[test]
fn tables_of_labels_and_of_numbers_are_told_apart() {
    let place = photos();
    labels(&place, "image,round,even", |class, _| match class {
        "circle" => "1,0".to_owned(),
        "square" => "0,1".to_owned(),
        _ => "0,0".to_owned(),
    });
    let said = place.succeed(&["init", "--data", "labels.csv", "--out", "flags.toml"]).stdout;
    assert!(said.contains("72 images of 2 labels"), "{said}");
    let text = read(&place, "flags.toml");
    assert!(text.contains("\ncolumns = { label = [\"round\", \"even\"] }\n"), "{text}");
    assert!(text.contains("\ntask = \"multilabel\"\n") && !text.contains("confusion"), "{text}");
    passes(&place, "flags.toml");

    labels(&place, "image,size,name", |class, number| format!("{number}.5,{class}"));
    let refused = place.run(&["init", "--data", "labels.csv", "--out", "size.toml"]);
    assert_eq!(refused.code, Some(2));
    assert!(refused.stderr.contains("`size`, `name`? Name it: `--label size`"), "{refused:?}");
    place.succeed(&["init", "--data", "labels.csv", "--label", "size", "--out", "size.toml"]);
    let text = read(&place, "size.toml");
    assert!(text.contains("# `size`: 0.5 to 23.5."), "{text}");
    assert!(text.contains("\ntask = \"regression\"\n"), "{text}");
    passes(&place, "size.toml");
    let set = ["model.weights=random", "stage.head.epochs=1"].map(|set| ["--set", set]).concat();
    place.succeed(&[&["run", "size.toml"], &set[..]].concat());
    let rows = runner_results::tables::read(&place.runs()[0].path.join("splits.parquet")).unwrap();
    let [train, validation, test] = ["train", "validation", "test"].map(|split| {
        let get = |row| runner_results::tables::cell::get(row, "split").to_string();
        rows.iter().filter(|row| get(row) == split).count()
    });
    let said = format!("# Images: {train} to train, {validation} to validate, {test} to test.\n");
    assert!(text.contains(&said), "{said}: {text}");

    place.write("labels.csv", "image,label\nnowhere/a.jpg,x\n");
    let refused = place.run(&["init", "--data", "labels.csv", "--out", "none.toml"]);
    assert_eq!(refused.code, Some(2));
    assert!(
        refused.stderr.contains(
            "no column of the table labels.csv names image files (`./nowhere/a.jpg` is not there"
        ),
        "{refused:?}"
    );
}

#[test]
fn columns_of_tables_are_found_whatever_their_case_and_mistakes_are_said() {
    let place = photos();
    let split = |number| ["train", "train", "Val", "test"][number % 4];
    labels(&place, "Image,Label,Split,note", |class, number| {
        format!("{class},{},{number}", split(number))
    });
    let written = place.succeed(&["init", "--data", "labels.csv", "--out", "split.toml"]);
    assert!(written.stdout.contains("3 classes"), "{written:?}");
    let text = read(&place, "split.toml");
    assert!(counts(&text, "circle").eq(["24", "12", "6", "6"]), "{text}");
    let columns = "{ image = \"Image\", label = \"Label\", split = \"Split\" }";
    assert!(text.contains(&format!("\ncolumns = {columns}\n# Not used: \"note\".\n")), "{text}");
    passes(&place, "split.toml");

    let refused = |header: &str, row: &dyn Fn(&str, usize) -> String, said: &str| {
        labels(&place, header, row);
        let refused = place.run(&["init", "--data", "labels.csv", "--out", "none.toml"]);
        assert_eq!(refused.code, Some(2), "{refused:?}");
        assert!(refused.stderr.contains(said), "{said}: {refused:?}");
    };
    let of_train = |class: &str, _| format!("{class},train");
    refused("image,label,split", &of_train, "no row of labels.csv is of the split `validation`");
    let of_class = |class: &str, _| class.to_owned();
    refused(
        "circle/test-circle.000.jpg,circle",
        &of_class,
        "the first line of labels.csv names an image",
    );
    refused(
        "image,size",
        &|_, number| format!("\"{number},5\""),
        "numbers are written with a point",
    );
    let again = place.run(&["init", "--data", "labels.csv", "--label", "image"]);
    assert!(
        again.stderr.contains("the column `image` of labels.csv names the images"),
        "{again:?}"
    );
    // A column of splits in which nothing stands is none.
    labels(&place, "image,label,split", |class, _| format!("{class},"));
    place.succeed(&["init", "--data", "labels.csv", "--out", "empty.toml"]);
    passes(&place, "empty.toml");
}
