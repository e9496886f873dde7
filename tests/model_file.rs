//! What the file of a model holds: what was trained, or everything.

use std::collections::BTreeMap;
use std::path::Path;

use safetensors::SafeTensors;

use crate::support::fixtures;
use crate::support::runner::{Place, SHAPES};

/// A place with real weights in its cache, and an experiment on a frozen base; `None` without them.
fn place(test: &str) -> Option<Place> {
    let folder = fixtures::folder(test)?;
    let place = Place::with_shapes();
    import(&place, &fixtures::weights(&folder));
    place.write("vgg.toml", SHAPES.replace("\"random\"", "\"imagenet\""));
    Some(place)
}

fn import(place: &Place, file: &Path) {
    place.succeed(&["weights", "import", file.to_str().unwrap(), "--as", "imagenet"]);
}

/// The tensors of a file with their bytes, and what it says of itself.
fn read(path: &Path) -> (BTreeMap<String, Vec<u8>>, serde_json::Value) {
    let bytes = std::fs::read(path).unwrap();
    let (_, header) = SafeTensors::read_metadata(&bytes).unwrap();
    let about = serde_json::from_str(&header.metadata().as_ref().unwrap()["runner"]).unwrap();
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    (tensors.iter().map(|(name, view)| (name.to_owned(), view.data().to_vec())).collect(), about)
}

#[test]
fn a_frozen_base_is_left_out_and_exported_with_the_rest() {
    let Some(place) = place("model_file") else { return };
    place.succeed(&["run", "vgg.toml", "--set", "run.model=whole"]);
    place.succeed(&["run", "vgg.toml"]);
    let [trained, whole] = &place.runs()[..] else { panic!("not two runs") };
    let file = |run: &Path| run.join("model.safetensors");
    let (tensors, about) = read(&file(&trained.path));
    assert!(tensors.keys().all(|name| name.starts_with("head.")), "{:?}", tensors.keys());
    // 512 · 16 + 16 hidden, 16 · 3 + 3 output.
    assert_eq!(tensors.values().map(Vec::len).sum::<usize>(), 4 * (512 * 16 + 16 + 16 * 3 + 3));
    assert_eq!(about["base"]["weights"], "imagenet");
    assert_eq!(about["base"]["sha256"].as_str(), trained.get("weights_sha256").as_str());
    place.succeed(&["export", &trained.id, "--safetensors", "all.safetensors", "--offline"]);
    let exported = place.path("all.safetensors");
    let (ours, theirs) = (read(&exported), read(&file(&whole.path)));
    assert_eq!(ours.0.keys().collect::<Vec<_>>(), theirs.0.keys().collect::<Vec<_>>());
    assert!(ours == theirs, "tensors or metadata differ");
    assert!(std::fs::read(&exported).unwrap() == std::fs::read(file(&whole.path)).unwrap());
    let of_base = ours.0.keys().filter(|name| name.starts_with("features.")).count();
    assert_eq!(of_base, 26, "thirteen kernels and biases by torchvision's names");
    let ask = |model: &str| {
        let arguments = ["predict", model, "data/shapes/test/circle", "--out", "asked"];
        place.succeed(&arguments).stdout
    };
    assert_eq!(ask(&trained.id), ask("all.safetensors"));
    assert_eq!(ask(&trained.id), ask(&whole.id));
    // A later run starts from either.
    let losses = [trained, whole].map(|run| {
        let from = format!("model.weights=run:{}", run.id);
        place.succeed(&["run", "vgg.toml", "--offline", "--set", &from]);
        place.runs()[0].get("test_loss").clone()
    });
    assert_eq!(losses[0], losses[1]);
    place.succeed(&["run", "vgg.toml", "--offline", "--set", "model.weights=run:last"]);
}

#[test]
fn another_base_is_refused_and_a_missing_one_said() {
    let Some(place) = place("model_file base") else { return };
    place.succeed(&["run", "vgg.toml"]);
    let run = place.runs().remove(0);
    let cached = place.path("cache/weights/imagenet.safetensors");
    let mut bytes = std::fs::read(&cached).unwrap();
    let last = bytes.len() - 4;
    bytes[last..].copy_from_slice(&0.25_f32.to_le_bytes());
    place.write("other.safetensors", &bytes);
    import(&place, &place.path("other.safetensors"));
    let from = format!("model.weights=run:{}", run.id);
    let start = ["run", "vgg.toml", "--offline", "--set", &from];
    let export = ["export", &run.id, "--safetensors", "all.safetensors", "--offline"];
    let predict = ["predict", &run.id, "data/shapes/test/circle"];
    for arguments in [&start[..], &export, &predict] {
        let refused = place.run(arguments);
        assert_eq!(refused.code, Some(3), "{refused:?}");
        let sha256 = run.get("weights_sha256").as_str().unwrap();
        let why = format!("was trained on the weights `imagenet` with the SHA-256 {sha256}");
        assert!(refused.stderr.contains(&why), "{refused:?}");
        assert!(refused.stderr.contains("imagenet.safetensors are others"), "{refused:?}");
    }
    assert!(!place.path("all.safetensors").exists());
    // What was trained on them keeps them: nobody publishes those.
    place.succeed(&["run", "vgg.toml", "--set", "experiment.seed=8"]);
    let (tensors, about) = read(&place.runs()[0].path.join("model.safetensors"));
    assert!(about.get("base").is_none() && tensors.len() == 30, "{about}");
    std::fs::remove_file(&cached).unwrap();
    for arguments in [&start[..], &export] {
        let missing = place.run(arguments);
        assert_eq!(missing.code, Some(3), "{missing:?}");
        let why = "`imagenet` are not here, and `--offline` forbids fetching them";
        assert!(missing.stderr.contains(why), "{missing:?}");
    }
}

#[test]
fn a_file_takes_the_model_of_one_run() {
    let place = Place::with_shapes();
    place.succeed(&["run", "shapes.toml"]);
    place.succeed(&["run", "shapes.toml"]);
    let id = place.runs()[0].id.clone();
    for (arguments, why) in [
        (["shapes", "m.safetensors"], "these are 2: name one of them"),
        ([&id, "m.bin"], "should end in `.safetensors`"),
    ] {
        let [run, file] = arguments;
        let refused = place.run(&["export", run, "--safetensors", file]);
        assert_eq!(refused.code, Some(2), "{refused:?}");
        assert!(refused.stderr.contains(why), "{refused:?}");
    }
    place.succeed(&["export", &id, "--safetensors", "m.safetensors"]);
    let model = std::fs::read(place.runs()[0].path.join("model.safetensors")).unwrap();
    assert!(std::fs::read(place.path("m.safetensors")).unwrap() == model);
}
