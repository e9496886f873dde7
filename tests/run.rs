//! Whole runs: their tables, their repetition, their ends.

use std::time::{Duration, Instant};

use runner_results::tables::{self, Cell, cell};

use crate::support::runner::{Place, timeless};

const TABLES: [&str; 6] = [
    "run.parquet",
    "params.parquet",
    "layers.parquet",
    "epochs.parquet",
    "predictions.parquet",
    "artifacts.parquet",
];

#[test]
fn a_run_leaves_every_table_behind() {
    let place = Place::with_shapes();
    let output = place.succeed(&["run", "shapes.toml"]);
    assert!(output.stdout.contains("finished") && output.stdout.contains("run.parquet"));
    assert_eq!(output.stderr.matches("head epoch").count(), 3, "{}", output.stderr);
    let runs = place.runs();
    let [run] = &runs[..] else { panic!("{} runs", runs.len()) };
    for file in ["experiment.toml", "plan.toml", "log.jsonl", "model.safetensors"] {
        assert!(run.path.join(file).is_file(), "{file}");
    }
    let count = |table: &str| tables::read(&run.path.join(table)).unwrap().len();
    assert_eq!(TABLES.map(count), [1, 29, 22, 3, 72, 0]);
    assert_eq!(run.status(), "finished");
    assert_eq!(run.get("test_images"), &Cell::Integer(15));
    let classes = ["circle", "square", "triangle"].map(|c| Cell::Text(c.to_owned()));
    assert_eq!(run.get("classes"), &Cell::List(classes.to_vec()));
    // 14,714,688 of the base, 512 · 16 + 16 hidden, 16 · 3 + 3 output.
    assert_eq!(run.get("parameters"), &Cell::Integer(14_714_688 + 8_208 + 51));
    assert_eq!(run.get("trainable_parameters"), &Cell::Integer(8_259));
    let log = std::fs::read_to_string(run.path.join("log.jsonl")).unwrap();
    assert!(log.lines().all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok()));
    assert_eq!(
        std::fs::read_to_string(run.path.join("experiment.toml")).unwrap(),
        crate::support::runner::SHAPES
    );
}

#[test]
fn scores_follow_from_the_predictions() {
    let place = Place::with_shapes();
    place.succeed(&["run", "shapes.toml"]);
    let run = place.runs().remove(0);
    let predictions = tables::read(&run.path.join("predictions.parquet")).unwrap();
    let last = run.last_epoch();
    for (split, images, loss, accuracy) in [
        ("test", 15.0, run.get("test_loss"), run.get("test_accuracy")),
        (
            "validation",
            15.0,
            cell::get(&last, "validation_loss"),
            cell::get(&last, "validation_accuracy"),
        ),
    ] {
        let own: Vec<_> = predictions
            .iter()
            .filter(|row| cell::get(row, "split").as_str() == Some(split))
            .collect();
        let sum: f64 = own.iter().filter_map(|row| cell::get(row, "loss").as_f64()).sum();
        let right = own.iter().filter(|row| cell::get(row, "correct") == &Cell::Bool(true)).count();
        assert!((sum / images - loss.as_f64().unwrap()).abs() < 1e-12, "{split}");
        assert!((right as f64 / images - accuracy.as_f64().unwrap()).abs() < 1e-12, "{split}");
        for row in own {
            let Cell::List(shares) = cell::get(row, "probabilities") else { panic!("no list") };
            let total: f64 = shares.iter().filter_map(Cell::as_f64).sum();
            assert!((total - 1.0).abs() < 1e-9 && shares.len() == 3);
        }
    }
}

#[test]
fn the_same_plan_gives_the_same_bits_with_and_without_cached_features() {
    let place = Place::with_shapes();
    let first = place.succeed(&["run", "shapes.toml"]);
    assert!(first.stderr.contains("features of train: 42 computed, 0 from the cache"));
    let again = place.succeed(&["run", "shapes.toml"]);
    assert!(again.stderr.contains("features of train: 0 computed, 42 from the cache"));
    // The plan that the first run left behind is the same run; another number of threads too.
    let plan = place.runs()[1].path.join("plan.toml");
    let mut single = place.command(&["run", plan.to_str().unwrap(), "--quiet"]);
    let single = single.env("RAYON_NUM_THREADS", "1").env("RUNNER_CACHE", place.path("other"));
    assert!(single.status().unwrap().success());
    let runs = place.runs();
    let models: Vec<_> =
        runs.iter().map(|run| std::fs::read(run.path.join("model.safetensors")).unwrap()).collect();
    for (run, model) in runs.iter().zip(&models) {
        for table in TABLES {
            assert_eq!(timeless(&run.path, table), timeless(&runs[0].path, table), "{table}");
        }
        assert!(*model == models[0], "the model of {} differs", run.id);
    }
}

#[test]
fn another_seed_changes_the_scores_and_another_head_reuses_the_features() {
    let place = Place::with_shapes();
    place.succeed(&["run", "shapes.toml", "--set", "model.weights=random"]);
    let pooled = place.succeed(&[
        "run",
        "shapes.toml",
        "--set",
        "model.head.pooling=average",
        "--set",
        "model.head.hidden=[]",
        "--set",
        "stage.head.optimizer={ name = \"sgd\", learning_rate = 0.01, momentum = 0.9, nesterov = true }",
    ]);
    assert!(pooled.stderr.contains("0 computed, 42 from the cache"), "{}", pooled.stderr);
    let compared = place.succeed(&["compare", "--format", "json"]);
    let rows: serde_json::Value = serde_json::from_str(&compared.stdout).unwrap();
    assert_eq!(rows.as_array().unwrap().len(), 2);
    assert_eq!(rows[1]["stage.head.optimizer.name"], "sgd");
    assert_ne!(rows[0]["test_loss"], rows[1]["test_loss"]);
}

#[test]
fn a_changed_image_is_computed_anew_and_a_damaged_entry_too() {
    let place = Place::with_shapes();
    place.succeed(&["run", "shapes.toml"]);
    let swap = place.path("data/shapes/train/circle");
    let other = std::fs::read(place.path("data/shapes/validation/square/square.000.jpg")).unwrap();
    std::fs::write(swap.join("circle.000.jpg"), other).unwrap();
    let entry = first_entry(&place.path("cache/features")).unwrap();
    std::fs::write(entry, "damaged").unwrap();
    let again = place.succeed(&["run", "shapes.toml"]);
    // The swapped picture is a validation picture, whose features are there.
    let computed = again.stderr.matches(" computed").count();
    assert_eq!(computed, 3, "{}", again.stderr);
    assert!(again.stderr.contains(": 1 computed"), "{}", again.stderr);
    assert!(again.stderr.contains("in more than one split"), "{}", again.stderr);
    assert!(again.stderr.contains("circle.000.jpg (circle) = "), "{}", again.stderr);
}

fn first_entry(folder: &std::path::Path) -> Option<std::path::PathBuf> {
    for entry in std::fs::read_dir(folder).ok()?.filter_map(Result::ok) {
        let path = entry.path();
        let name = path.file_name()?.to_string_lossy().into_owned();
        match path.is_dir() {
            true => {
                if let Some(found) = first_entry(&path) {
                    return Some(found);
                }
            }
            false if name.len() == 64 => return Some(path),
            false => {}
        }
    }
    None
}

#[test]
fn two_stages_carry_parameters_over_and_the_second_trains_what_it_says() {
    let place = Place::with_shapes();
    let second = "\n[[stage]]\nname = \"block5\"\nfrozen = [\"block1\", \"block2\", \"block3\", \
                  \"block4\"]\nepochs = 1\noptimizer = { name = \"rmsprop\", learning_rate = 1e-5 }\n";
    place.write("two.toml", format!("{}{second}", crate::support::runner::SHAPES));
    place.succeed(&["run", "two.toml"]);
    let run = place.runs().remove(0);
    let layers = tables::read(&run.path.join("layers.parquet")).unwrap();
    let trained: Vec<&str> = layers
        .iter()
        .filter(|row| cell::get(row, "stage").as_str() == Some("block5"))
        .filter(|row| cell::get(row, "trainable") == &Cell::Bool(true))
        .filter_map(|row| cell::get(row, "layer").as_str())
        .collect();
    assert_eq!(trained, ["block5_conv1", "block5_conv2", "block5_conv3", "hidden1", "output"]);
    let epochs = tables::read(&run.path.join("epochs.parquet")).unwrap();
    let globals: Vec<&Cell> = epochs.iter().map(|row| cell::get(row, "global_epoch")).collect();
    assert_eq!(globals, [1, 2, 3, 4].map(Cell::Integer).iter().collect::<Vec<_>>());
    // The head saw features that were computed from those of block4, and the same bits.
    let other = Place::with_shapes();
    other.succeed(&["run", "shapes.toml"]);
    let alone = timeless(&other.runs().remove(0).path, "epochs.parquet");
    assert_eq!(alone[..], timeless(&run.path, "epochs.parquet")[..3]);
    // The model of a run is a start for another.
    let weights = format!("model.weights=run:{}", run.id);
    place.succeed(&["run", "two.toml", "--set", &weights]);
}

/// Two stages on augmented images, the second with a part of a block.
const AUGMENTED: &str = r#"
[[stage]]
name = "tune"
frozen = ["block1", "block2", "block3", "block4", "block5_conv2"]
augment = true
epochs = 2
batch_size = 16
optimizer = { name = "rmsprop", learning_rate = 1e-5 }

[augmentation]
rotation = 40
width_shift = 0.2
height_shift = 0.2
shear = 0.2
zoom = [0.8, 1.1]
horizontal_flip = true
brightness = [0.9, 1.1]
"#;

#[test]
fn augmented_stages_replay_to_the_same_bits_and_freeze_what_they_say() {
    let place = Place::with_shapes();
    let text = crate::support::runner::SHAPES.replace("epochs = 3", "epochs = 3\naugment = true");
    place.write("augmented.toml", format!("{text}{AUGMENTED}"));
    place.succeed(&["run", "augmented.toml"]);
    place.succeed(&["run", "augmented.toml"]);
    let runs = place.runs();
    for table in ["epochs.parquet", "predictions.parquet", "layers.parquet"] {
        assert_eq!(timeless(&runs[0].path, table), timeless(&runs[1].path, table), "{table}");
    }
    let model = |at: usize| std::fs::read(runs[at].path.join("model.safetensors")).unwrap();
    assert!(model(0) == model(1));
    place.succeed(&["run", "augmented.toml", "--set", "stage.tune.augment=false"]);
    let runs = place.runs();
    let epochs = |at: usize| timeless(&runs[at].path, "epochs.parquet");
    assert_ne!(epochs(0), epochs(1));
}

#[test]
fn a_frozen_parameter_keeps_its_bits() {
    let place = Place::with_shapes();
    let text = crate::support::runner::SHAPES.replace("epochs = 3", "epochs = 1");
    place.write("head.toml", &text);
    place.write("both.toml", format!("{text}{AUGMENTED}"));
    place.succeed(&["run", "head.toml"]);
    place.succeed(&["run", "both.toml"]);
    let models: Vec<Vec<u8>> = place
        .runs()
        .iter()
        .rev()
        .map(|run| std::fs::read(run.path.join("model.safetensors")).unwrap())
        .collect();
    let tensors = |at: usize| safetensors::SafeTensors::deserialize(&models[at]).unwrap();
    let (before, after) = (tensors(0), tensors(1));
    // torchvision's numbers: 26 is block5_conv2, 24 and 28 are its neighbours.
    for (name, same) in [
        ("features.0.weight", true),
        ("features.21.bias", true),
        ("features.24.weight", false),
        ("features.26.weight", true),
        ("features.26.bias", true),
        ("features.28.weight", false),
    ] {
        let data =
            |tensors: &safetensors::SafeTensors<'_>| tensors.tensor(name).unwrap().data().to_vec();
        assert_eq!(data(&before) == data(&after), same, "{name}");
    }
}

#[test]
fn the_small_convnet_trains_from_its_first_layer_on() {
    let place = Place::with_shapes();
    let text = crate::support::runner::SHAPES
        .replace("weights = \"random\"", "architecture = \"convnet\"\nweights = \"random\"")
        .replace("image_size = [32, 32]", "image_size = [64, 64]")
        .replace("name = \"head\"", "name = \"all\"\nfrozen = \"none\"");
    place.write("convnet.toml", text);
    place.succeed(&[
        "run",
        "convnet.toml",
        "--set",
        "stage.all.epochs=50",
        "--set",
        "stage.all.batch_size=7",
    ]);
    let run = place.runs().remove(0);
    let layers = tables::read(&run.path.join("layers.parquet")).unwrap();
    let trained = layers.iter().filter(|row| cell::get(row, "trainable") == &Cell::Bool(true));
    assert_eq!(trained.count(), 6, "four convolutions and two dense layers");
    let epochs = tables::read(&run.path.join("epochs.parquet")).unwrap();
    let losses: Vec<f64> =
        epochs.iter().filter_map(|row| cell::get(row, "train_loss").as_f64()).collect();
    assert!(losses[49] < 0.8 * losses[0], "{losses:?}");
}

#[test]
fn a_loss_that_is_not_finite_fails_with_its_place() {
    let place = Place::with_shapes();
    let rate = "stage.head.optimizer={ name = \"sgd\", learning_rate = 1e38 }";
    let failed = place.run(&["run", "shapes.toml", "--set", rate]);
    assert_eq!(failed.code, Some(4), "{failed:?}");
    assert!(failed.stderr.contains("stage `head`, epoch 1, step"), "{failed:?}");
    let run = place.runs().remove(0);
    assert_eq!(run.status(), "failed");
    assert!(run.get("error").as_str().unwrap().contains("the loss became"));
}

#[test]
fn a_validation_loss_that_is_not_finite_fails_too() {
    let place = Place::with_shapes();
    let rate = "stage.head.optimizer={ name = \"sgd\", learning_rate = 1e38 }";
    let one_step = ["--set", "stage.head.batch_size=1000", "--set", "stage.head.epochs=1"];
    let failed = place.run(&[&["run", "shapes.toml", "--set", rate], &one_step[..]].concat());
    assert_eq!(failed.code, Some(4), "{failed:?}");
    assert_eq!(epochs(&place), 1, "the epoch is kept");
}

#[test]
fn bad_images_end_the_run_or_are_left_out() {
    let place = Place::with_shapes();
    place.write("data/shapes/train/circle/broken.jpg", "no image");
    place.write("data/shapes/test/square/empty.png", "");
    // A good header and a damaged body, as a broken disk leaves it.
    let photo = image::DynamicImage::new_rgb8(64, 64);
    let mut bytes = std::io::Cursor::new(Vec::new());
    photo.write_to(&mut bytes, image::ImageFormat::Png).unwrap();
    let mut bytes = bytes.into_inner();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0xFF;
    place.write("data/shapes/validation/circle/rotten.png", bytes);
    let failed = place.run(&["run", "shapes.toml"]);
    assert_eq!(failed.code, Some(3));
    for name in ["broken.jpg: not an image", "empty.png: the file is empty", "rotten.png: damaged"]
    {
        assert!(failed.stderr.contains(name), "{failed:?}");
    }
    let skipped = place.succeed(&["run", "shapes.toml", "--set", "dataset.on_bad_image=skip"]);
    assert!(skipped.stderr.contains("broken.jpg"), "{skipped:?}");
    let run = place.runs().remove(0);
    assert_eq!(run.get("train_images"), &Cell::Integer(42));
    assert_eq!(run.get("validation_images"), &Cell::Integer(15));
    let log = std::fs::read_to_string(run.path.join("log.jsonl")).unwrap();
    assert!(log.contains("broken.jpg") && log.contains("empty.png"));
}

/// Waits until `condition` holds; a run on a slow machine may need its time.
fn wait_for(what: &str, condition: impl Fn() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < Duration::from_secs(60), "{what} did not happen");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn epochs(place: &Place) -> usize {
    let runs = place.runs();
    let table = runs.first().map(|run| run.path.join("epochs.parquet"));
    table.and_then(|table| tables::read(&table).ok()).map_or(0, |rows| rows.len())
}

#[test]
fn ctrl_c_saves_and_says_interrupted() {
    let place = Place::with_shapes();
    let mut child = place.start(&["run", "shapes.toml", "--set", "stage.head.epochs=100000"]);
    wait_for("the third epoch", || epochs(&place) >= 3);
    assert_eq!(place.runs()[0].status(), "running");
    let sent = std::process::Command::new("kill").args(["-TERM", &child.id().to_string()]).status();
    assert!(sent.unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let run = place.runs().remove(0);
    assert_eq!(run.status(), "interrupted");
    assert!(matches!(run.get("finished_at"), Cell::Time(_)) && epochs(&place) >= 3);
}

/// How many images have their features in the cache.
fn cached(place: &Place) -> usize {
    runner_learn::feature_cache::store::list(&place.path("cache"))
        .iter()
        .map(|stored| stored.images)
        .sum()
}

#[test]
fn an_interrupted_feature_pass_goes_on_where_it_was() {
    let place = Place::with_shapes();
    let size = ["run", "shapes.toml", "--set", "dataset.image_size=[128, 128]"];
    let mut child = place.start(&size);
    wait_for("the first features", || cached(&place) > 0);
    child.kill().unwrap();
    child.wait().unwrap();
    let kept = cached(&place);
    let again = place.succeed(&size);
    let counted: usize = again
        .stderr
        .lines()
        .filter_map(|line| {
            line.split(" computed, ").nth(1)?.split(' ').next()?.parse::<usize>().ok()
        })
        .sum();
    assert!(counted >= kept && kept > 0, "{kept} were kept: {}", again.stderr);
}

#[test]
fn two_runs_at_once_share_the_cache_and_agree() {
    let place = Place::with_shapes();
    let mut children = [place.start(&["run", "shapes.toml"]), place.start(&["run", "shapes.toml"])];
    for child in &mut children {
        assert!(child.wait().unwrap().success());
    }
    let runs = place.runs();
    let [first, second] = &runs[..] else { panic!("{} runs", runs.len()) };
    assert_eq!(timeless(&first.path, "epochs.parquet"), timeless(&second.path, "epochs.parquet"));
    assert_eq!(cached(&place), 72);
}

#[test]
fn a_killed_run_is_shown_as_interrupted_and_its_tables_are_whole() {
    let place = Place::with_shapes();
    let mut child = place.start(&["run", "shapes.toml", "--set", "stage.head.epochs=100000"]);
    wait_for("the second epoch", || epochs(&place) >= 2);
    child.kill().unwrap();
    child.wait().unwrap();
    let run = place.runs().remove(0);
    assert_eq!(run.get("status").as_str(), Some("running"), "nobody could write another word");
    assert_eq!(run.status(), "interrupted");
    for table in TABLES {
        tables::read(&run.path.join(table)).unwrap();
    }
    assert!(place.succeed(&["list"]).stdout.contains("interrupted"));
}
