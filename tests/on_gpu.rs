//! Whole runs on a graphics card against the same on the CPU. Any Vulkan device will do, a driver
//! that computes in software too: `just test-gpu`.

use std::io::Write;
use std::path::Path;
use std::sync::OnceLock;

use runner_results::load::{self, LoadedRun};
use runner_results::tables::{self, Cell, Record, cell};

use crate::pictures::{JOBS, image};
use crate::support::runner::{Place, SHAPES, timeless};

/// Whether the program is built for Vulkan and a device answers that computes rightly; says so where
/// not.
fn is_there(test: &str) -> bool {
    static FOUND: OnceLock<bool> = OnceLock::new();
    let found = *FOUND.get_or_init(|| {
        let place = Place::with_shapes();
        let devices = place.succeed(&["devices", "--format", "json"]).stdout;
        if !devices.contains("\"vulkan:0\"") {
            return false;
        }
        let job = "[[visualize]]\njob = \"filters\"\nlayers = [\"block1_conv1\"]\ncount = 1\n";
        let text = "[experiment]\nname = \"one\"\n[model]\nweights = \"random\"\n".to_owned();
        place.write("one.toml", text + job + "size = 32\nsteps = 1\n");
        let tried = place.run(&["run", "one.toml", "--device", "vulkan"]);
        let refused = tried.stderr.contains("computes wrong results");
        assert!(tried.code == Some(0) || refused, "{tried:?}");
        !refused
    });
    if !found {
        // Written past the test harness, which hides what a passing test prints.
        let text = format!("{test}: skipped, no Vulkan device answers that computes rightly");
        writeln!(std::io::stderr(), "{text}").unwrap();
    }
    found
}

/// Runs a file on the CPU and on the card.
fn both(place: &Place, file: &str) -> [LoadedRun; 2] {
    ["cpu", "vulkan"].map(|device| {
        let done = place.succeed(&["run", file, "--device", device, "--results", device]);
        assert!(!done.stderr.contains("failed"), "{done:?}");
        let run = load::runs(&place.path(device)).remove(0);
        let named = run.get("device").as_str().unwrap().to_owned();
        assert!(named.starts_with(device), "{named}");
        run
    })
}

/// A few photos of each class, and files whose networks do not make next to nothing of them, as random
/// weights do with values from 0 to 1: what takes a card no time takes a driver in software minutes.
fn few() -> (Place, String) {
    let place = Place::with_shapes();
    for (split, kept) in [("train", 7), ("validation", 3), ("test", 2)] {
        for class in ["circle", "square", "triangle"] {
            for number in kept..14 {
                let photo = format!("data/shapes/{split}/{class}/{class}.{number:03}.jpg");
                let _ = std::fs::remove_file(place.path(&photo));
            }
        }
    }
    let large = "image_size = [32, 32]\npreprocessing = \"caffe\"";
    (place, SHAPES.replace("image_size = [32, 32]", large))
}

/// With a network that is quick, and has what VGG16 has not: normalization and shortcuts.
fn resnet(text: &str) -> String {
    text.replace("[model]", "[model]\narchitecture = \"resnet18\"")
}

fn table(run: &Path, name: &str) -> Vec<Record> {
    timeless(run, name)
}

/// Every number of two cells is the same but for `within` of itself, or of one.
fn assert_near(cpu: &Cell, card: &Cell, within: f64, what: &str) {
    match (cpu, card) {
        (Cell::List(cpu), Cell::List(card)) => {
            assert_eq!(cpu.len(), card.len(), "{what}");
            cpu.iter().zip(card).for_each(|(cpu, card)| assert_near(cpu, card, within, what));
        }
        _ => match (cpu.as_f64(), card.as_f64()) {
            (Some(cpu), Some(card)) => {
                let difference = (cpu - card).abs();
                assert!(difference <= within * cpu.abs().max(1.0), "{what}: {cpu} and {card}");
            }
            _ => assert_eq!(cpu, card, "{what}"),
        },
    }
}

/// The columns of two tables agree, row by row.
fn assert_tables(runs: &[LoadedRun; 2], name: &str, columns: &[&str], within: f64) {
    let [cpu, card] = [0, 1].map(|index| table(&runs[index].path, name));
    assert_eq!(cpu.len(), card.len(), "{name}");
    assert!(!cpu.is_empty(), "{name} is empty");
    for (row, (cpu, card)) in cpu.iter().zip(&card).enumerate() {
        for column in columns {
            let what = format!("{name}, row {row}, {column}");
            assert_near(cell::get(cpu, column), cell::get(card, column), within, &what);
        }
    }
}

const LOSSES: [&str; 3] = ["epoch", "train_loss", "validation_loss"];

#[test]
fn a_head_trained_on_cached_features_comes_to_the_cpus_losses() {
    if !is_there("head training on a card") {
        return;
    }
    let (place, text) = few();
    place.write("shapes.toml", text.replace("1e-3", "1e-2"));
    let runs = both(&place, "shapes.toml");
    assert_tables(&runs, "epochs.parquet", &LOSSES, 1e-3);
    // One model on both.
    let predicted = ["cpu", "vulkan"].map(|device| {
        let arguments = ["predict", "last", "data/shapes/test", "--device", device];
        place.succeed(&[&arguments[..], &["--results", "cpu", "--out", device]].concat());
        tables::read(&place.path(device).join("predicted.parquet")).unwrap()
    });
    for (cpu, card) in predicted[0].iter().zip(&predicted[1]) {
        for column in ["path", "probabilities"] {
            assert_near(cell::get(cpu, column), cell::get(card, column), 1e-4, column);
        }
    }
}

/// Two stages on augmented images, the second with trained convolutions.
fn staged(text: &str) -> String {
    resnet(text).replace("epochs = 3", "epochs = 2\naugment = true")
        + r#"
[[stage]]
name = "tune"
frozen = ["stem", "layer1", "layer2", "layer3"]
augment = true
epochs = 2
batch_size = 16
label_smoothing = 0.1
optimizer = { name = "adam", learning_rate = 1e-4 }

[augmentation]
rotation = 40
zoom = 0.2
brightness = [0.8, 1.2]
horizontal_flip = true
random_resized_crop = [0.5, 1.0]
contrast = [0.8, 1.2]
saturation = [0.8, 1.2]
hue = 0.1
erasing = 0.3
mixup = 0.4
cutmix = 1.0
"#
}

#[test]
fn staged_fine_tuning_comes_to_the_cpus_losses_and_goes_on_where_it_was_killed() {
    if !is_there("fine-tuning on a card") {
        return;
    }
    let (place, text) = few();
    place.write("tune.toml", staged(&text));
    let runs = both(&place, "tune.toml");
    assert_tables(&runs, "epochs.parquet", &LOSSES, 1e-3);
    let arguments = ["run", "tune.toml", "--device", "vulkan", "--results", "killed"];
    let arguments = [&arguments[..], &["--resume", "last"]].concat();
    let mut child = place.start(&arguments);
    let killed = || load::runs(&place.path("killed"));
    let begin = std::time::Instant::now();
    while killed().first().is_none_or(|run| run.last_epoch().len() <= 1) {
        assert!(begin.elapsed().as_secs() < 300, "no epoch came to its end");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    place.succeed(&arguments);
    let run = killed().remove(0);
    assert_eq!(run.status(), "finished");
    let [_, whole] = runs;
    assert_tables(&[whole, run], "epochs.parquet", &LOSSES, 1e-6);
}

/// The share of a picture's levels that differ by more than `most`.
fn share_off(cpu: &Path, card: &Path, most: u8) -> f64 {
    let [cpu, card] = [cpu, card].map(|path| image::open(path).unwrap().to_rgb8());
    assert_eq!(cpu.dimensions(), card.dimensions());
    let pairs = cpu.as_raw().iter().zip(card.as_raw());
    let off = pairs.filter(|(cpu, card)| cpu.abs_diff(**card) > most).count();
    off as f64 / cpu.as_raw().len() as f64
}

/// Where each image of a job is in the plane.
fn places(run: &LoadedRun, method: &str) -> Vec<[f64; 2]> {
    let rows = table(&run.path, "embeddings.parquet");
    let of_method = rows.iter().filter(|row| cell::get(row, "method").as_str() == Some(method));
    of_method.map(|row| ["x", "y"].map(|axis| cell::get(row, axis).as_f64().unwrap())).collect()
}

/// The same places but for a thousandth of the picture's size.
fn assert_places(runs: &[LoadedRun; 2], method: &str) {
    let [cpu, card] = [0, 1].map(|index| places(&runs[index], method).concat());
    assert_eq!(cpu.len(), card.len(), "{method}");
    let size = cpu.iter().fold(0.0_f64, |most, value| most.max(value.abs()));
    assert!(size > 0.0, "{method}");
    for (cpu, card) in cpu.iter().zip(&card) {
        assert!((cpu - card).abs() < 1e-3 * size, "{method}: {cpu} and {card} of {size}");
    }
}

/// The jobs that compute something, at layers of the network that is quick.
fn jobs(place: &Place) -> String {
    let drawn_from_tables = ["curves", "confusion", "mistakes"];
    let computed = JOBS
        .split("[[visualize]]")
        .filter(|job| !drawn_from_tables.iter().any(|n| job.contains(n)));
    let mut jobs = computed.collect::<Vec<&str>>().join("[[visualize]]");
    for (layer, instead) in [
        ("block1_conv1", "stem"),
        ("block2_pool", "layer1.0"),
        ("block2_conv1", "layer1.1"),
        ("block3_conv3", "layer2.0"),
    ] {
        jobs = jobs.replace(layer, instead);
    }
    jobs.replace("IMAGE", &image(place))
}

#[test]
fn every_visualize_job_draws_what_the_cpu_draws() {
    if !is_there("visualize jobs on a card") {
        return;
    }
    let (place, text) = few();
    let text = resnet(&text);
    place.write("shapes.toml", &text);
    place.succeed(&["run", "shapes.toml", "--device", "cpu"]);
    let model = place.runs()[0].path.join("model.safetensors");
    let dataset = &text[text.find("[dataset]").unwrap()..text.find("weights").unwrap()];
    let head = format!("[experiment]\nname = \"jobs\"\n{dataset}weights = {model:?}\n");
    place.write("jobs.toml", head + &jobs(&place));
    let runs = both(&place, "jobs.toml");
    assert_tables(&runs, "activations.parquet", &["layer", "channels", "dead", "sparsity"], 1e-3);
    assert_tables(&runs, "filters.parquet", &["layer", "filter", "step", "loss"], 1e-3);
    assert_tables(&runs, "faithfulness.parquet", &["method", "score", "value"], 2e-2);
    assert_places(&runs, "pca");
    assert_places(&runs, "tsne");
    let [cpu, card] = [0, 1].map(|index| table(&runs[index].path, "artifacts.parquet"));
    assert_eq!(cpu.len(), card.len());
    for row in &cpu {
        let path = cell::get(row, "path").as_str().unwrap().to_owned();
        if Path::new(&path).extension().is_some_and(|kind| kind == "png") {
            let [cpu, card] = [0, 1].map(|index| runs[index].path.join(&path));
            let off = share_off(&cpu, &card, 4);
            assert!(off < 0.01, "{path}: {off}");
        }
    }
}
