//! Two hundred damaged experiment files: none may panic, and each error names its place.

use runner_experiment::load_text;
use runner_random::{Key, Purpose, Stream};

use crate::support::runner::Place;

/// Everything that the format has.
const WHOLE: &str = r#"[experiment]
name = "whole"
description = "Everything that the format has."
seed = 42
tags = ["book", "5.3"]

[dataset]
train = "data/train"
validation = "data/validation"
test = "data/test"
image_size = [150, 150]
preprocessing = "rescale"
on_bad_image = "fail"

[model]
architecture = "vgg16"
weights = "imagenet"
include_top = false

[model.head]
pooling = "flatten"
hidden = [256]
dropout = 0.5

[augmentation]
rotation = 40
width_shift = 0.2
height_shift = 0.2
shear = 0.2
zoom = 0.2
horizontal_flip = true
fill = "nearest"

[[stage]]
name = "head"
frozen = "all"
augment = true
epochs = 30
batch_size = 20
optimizer = { name = "rmsprop", learning_rate = 2e-5 }

[[stage]]
name = "block5"
frozen = ["block1", "block2", "block3", "block4"]
epochs = 100
batch_size = 20
optimizer = { name = "sgd", learning_rate = 1e-5, momentum = 0.9, nesterov = true }
early_stopping = { monitor = "validation_loss", patience = 10, restore_best = true }

[[visualize]]
job = "curves"
smoothing = 0.8

[[visualize]]
job = "activations"
images = ["data/test/cats/a.jpg"]
layers = ["block1_conv1"]
images_per_row = 16

[[visualize]]
job = "gradcam"
images = ["data/test/dogs/a.jpg"]
layer = "block5_conv3"
target = "dogs"

[run]
device = "auto"
"#;

fn place() -> Place {
    let place = Place::new();
    for split in ["train", "validation", "test"] {
        for class in ["cats", "dogs"] {
            place.write(&format!("data/{split}/{class}/a.jpg"), "not looked at by check");
        }
    }
    place
}

/// One change: a line deleted, doubled, or with another key or value.
fn damage(draw: &mut Stream) -> String {
    let mut lines: Vec<String> = WHOLE.lines().map(str::to_owned).collect();
    let at = draw.below(lines.len() as u64) as usize;
    let line = lines[at].clone();
    let value = |line: &str, value: &str| match line.split_once(" = ") {
        Some((key, _)) => format!("{key} = {value}"),
        None => format!("{line}x"),
    };
    match draw.below(8) {
        0 => drop(lines.remove(at)),
        1 => lines.insert(at, line),
        2 => lines[at] = line.replacen('a', "e", 1),
        3 => lines[at] = value(&line, "-1"),
        4 => lines[at] = value(&line, "\"ünbekannt\""),
        5 => lines[at] = value(&line, "[[1, {}], 2]"),
        6 => lines[at] = value(&line, "1e999"),
        _ => {
            let cut = draw.below(line.chars().count() as u64 + 1) as usize;
            lines[at] = line.chars().take(cut).collect();
        }
    }
    lines.join("\n")
}

#[test]
fn two_hundred_damaged_experiments_are_explained() {
    let place = place();
    let mut draw = Key::new(200, Purpose::Generate).stream();
    let mut wrong = 0;
    for variant in 0..200 {
        let text = damage(&mut draw);
        let file = format!("variant{variant}.toml");
        place.write(&file, &text);
        let output = place.run(&["check", &file]);
        match output.code {
            Some(0) => assert!(output.stderr.is_empty(), "{text}\n{output:?}"),
            Some(2) => {
                wrong += 1;
                let named = output.stderr.contains(&format!("--> {file}:"));
                assert!(named, "no place is named\n{text}\n{output:?}");
            }
            _ => panic!("{text}\n{output:?}"),
        }
    }
    assert!(wrong > 120, "only {wrong} of 200 were wrong: the damage is too mild");
}

#[test]
fn every_prefix_of_a_file_is_read_without_a_panic() {
    for end in (0..WHOLE.len()).filter(|end| WHOLE.is_char_boundary(*end)) {
        // Folders are missing here; what matters is that nothing panics.
        drop(load_text("prefix.toml", &WHOLE[..end], &[]));
    }
}

#[test]
fn the_whole_file_is_right() {
    let place = place();
    place.write("whole.toml", WHOLE);
    place.succeed(&["check", "whole.toml"]);
}
