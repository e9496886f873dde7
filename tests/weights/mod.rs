//! Weights from every file format, and what is said about files that do not fit.

mod norms;

use std::path::{Path, PathBuf};

use runner_experiment::architecture::family::Vgg;
use runner_experiment::architecture::{Activation, Builder, Layer, LayerId, Op, Padding, Role};
use runner_network::weights::{self, Head, Loaded, Source, Weights, WeightsError};

use crate::support::fixtures;
use crate::support::runner::Place;

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/weights/files").join(name)
}

/// The network of `make.py`.
fn layers() -> Vec<Layer> {
    network([2, 4], ("output", 3))
}

/// Convolutions with so many channels, and a dense layer.
fn network(channels: [usize; 2], (dense, units): (&str, usize)) -> Vec<Layer> {
    let mut net = Builder::new([4, 4]);
    net.convolution("block1_conv1".to_owned(), Padding::Same, channels[0]);
    net.convolution("block1_conv2".to_owned(), Padding::Same, channels[1]);
    net.halve("block1_pool".to_owned());
    net.end_base();
    net.push("flatten", Op::Flatten);
    net.dense(dense, units, Activation::Softmax);
    net.finish().unwrap()
}

/// The same with the dense layer as a classifier of its own.
fn with_top() -> Vec<Layer> {
    network([2, 4], ("predictions", 3))
}

fn load(name: &str, layers: &[Layer]) -> Result<Loaded, WeightsError> {
    weights::load(&Source::parse(file(name).to_str().unwrap()), (&Vgg, layers), Head::Leave)
}

fn check_convolutions(name: &str, loaded: &Weights) {
    // In Keras's order the kernel counts up: tap, then input, then output.
    for (layer, input, output, start, bias) in
        [("block1_conv1", 3, 2, 100.0, 1.0), ("block1_conv2", 2, 4, 1000.0, 11.0)]
    {
        let own = &loaded[layer];
        for tap in 0..9 {
            for i in 0..input {
                for o in 0..output {
                    let expected = start + f32::from(((tap * input + i) * output + o) as u16);
                    let found = own[&Role::Kernel][(o * input + i) * 9 + tap];
                    assert_eq!(found, expected, "{name}: {layer}, tap {tap}, {i} to {o}");
                }
            }
        }
        let biases: Vec<f32> = (0..output).map(|o| bias + f32::from(o as u16)).collect();
        assert_eq!(own[&Role::Bias], biases, "{name}: {layer}");
    }
}

#[test]
fn every_format_holds_the_same_numbers() {
    let formats = [
        "legacy.h5",
        "keras3.weights.h5",
        "half.weights.h5",
        "model.keras",
        "book.h5",
        "theano_th_kernels.h5",
        "theano_tf_kernels.h5",
        "theano_backend.h5",
        "torch.pth",
        "wrapped.ckpt",
        "averaged.pth.tar",
        "averaged.pth.tar#state_dict_ema",
        "nested.bin",
        "two.pth#student",
        "torchvision.safetensors",
        "keras_names.safetensors",
        "half.safetensors",
        "tiny.onnx",
        "torch.onnx",
        "external.onnx",
    ];
    for name in formats {
        let loaded = load(name, &layers()).unwrap_or_else(|error| panic!("{error}"));
        check_convolutions(name, &loaded.weights);
        // A dense layer is not taken for a head because its shape happens to fit.
        assert!(!loaded.weights.contains_key("output"), "{name}");
        assert!(loaded.notes[0].contains("the conv base (2 layers)"), "{name}: {:?}", loaded.notes);
    }
    for name in ["keras3.weights.h5", "theano_th_kernels.h5", "torch.onnx", "external.onnx"] {
        let loaded = load(name, &with_top()).unwrap_or_else(|error| panic!("{error}"));
        let kernel: Vec<f32> = (0..48_u16).map(|n| 5000.0 + f32::from(n)).collect();
        assert_eq!(loaded.weights["predictions"][&Role::Kernel], kernel, "{name}");
        assert_eq!(loaded.weights["predictions"][&Role::Bias], [21.0, 22.0, 23.0], "{name}");
    }
}

#[test]
fn what_was_taken_of_several_sets_is_said() {
    let notes = |name: &str| load(name, &layers()).unwrap().notes.join("; ");
    let averaged = notes("averaged.pth.tar");
    assert!(
        averaged.contains("`state_dict_ema.module` are taken, not `state_dict.module`"),
        "{averaged}"
    );
    assert!(notes("wrapped.ckpt").contains("below `_orig_mod.module.backbone` are taken"));
    assert!(
        notes("book.h5").contains("2 tensors of the file are not used"),
        "{}",
        notes("book.h5")
    );
    assert!(notes("theano_backend.h5").contains("2 kernels were Theano's"));
    // The other half is the same, one higher.
    let other = load("averaged.pth.tar#state_dict", &layers()).unwrap();
    assert_eq!(other.weights["block1_conv1"][&Role::Bias], [2.0, 3.0]);
}

#[test]
fn what_cannot_be_told_apart_is_refused_with_the_reason() {
    let error = |name: &str| load(name, &layers()).unwrap_err().to_string();
    assert!(error("theano_unclear.h5").contains("put `th_kernels` (Theano's) or `tf_kernels`"));
    assert!(error("two.pth").contains("two.pth#student"), "{}", error("two.pth"));
    assert!(error("two.pth#teechr").contains("`student`, `teacher`"));
    let norm = error("batch_norm.pth");
    assert!(norm.contains("these have batch normalization, this network has none"), "{norm}");
    // The classifier is needed, and is another one.
    let ten = network([2, 4], ("predictions", 10));
    let top = load("keras3.weights.h5", &ten).unwrap_err().to_string();
    assert!(top.contains("the network needs [16, 10]"), "{top}");
}

/// What a file claims is compared with the network before anything is read.
#[test]
fn a_tensor_that_claims_more_than_the_network_holds_is_not_read() {
    let place = Place::new();
    let header = |name: &str, side: u64| {
        let table = format!(
            "{{\"{name}\":{{\"dtype\":\"F32\",\"shape\":[{side},{side}],\"data_offsets\":[0,{}]}}}}",
            side * side * 4
        );
        [&(table.len() as u64).to_le_bytes()[..], table.as_bytes()].concat()
    };
    place.write("claims.safetensors", header("features.0.weight", 1 << 20));
    let error = weights::open(&place.path("claims.safetensors").into()).unwrap_err().to_string();
    assert!(error.contains("its table says"), "{error}");
    place.write("table.safetensors", [&u64::MAX.to_le_bytes()[..], b"{}"].concat());
    let error = weights::open(&place.path("table.safetensors").into()).unwrap_err().to_string();
    assert!(error.contains("its table claims"), "{error}");
}

#[test]
fn what_does_not_fit_is_listed_from_both_sides() {
    let mut other = network([2, 5], ("output", 3));
    let third = Layer {
        name: "block1_conv3".to_owned(),
        input: other[1].output,
        inputs: vec![LayerId::of(1)],
        ..other[1].clone()
    };
    other.push(third);
    let error = load("keras_names.safetensors", &other).unwrap_err();
    let WeightsError::Mismatch { missing, misshapen, extra, .. } = &error else {
        panic!("{error}")
    };
    assert_eq!(missing, &["block1_conv3: kernel [5, 5, 3, 3] or [3, 3, 5, 5], bias [5]"]);
    assert_eq!(misshapen.len(), 2, "{misshapen:?}");
    assert!(extra.is_empty());
    let mut fewer = layers();
    fewer.remove(1);
    let error = load("keras_names.safetensors", &fewer).unwrap_err();
    assert!(error.to_string().contains("in the file, but not in the network"), "{error}");
}

#[test]
fn a_head_is_taken_whole_or_not_at_all() {
    let place = Place::with_shapes();
    let two = "model.head.hidden=[16, 16]";
    place.succeed(&["run", "shapes.toml", "--set", two, "--set", "stage.head.epochs=1"]);
    let run = place.runs().remove(0);
    let weights = format!("model.weights=run:{}", run.id);
    let tiny = "stage.head.optimizer={ name = \"sgd\", learning_rate = 1e-30 }";
    let losses = |head: &str| {
        place.succeed(&["run", "shapes.toml", "--set", &weights, "--set", head, "--set", tiny]);
        place.runs()[0].get("test_loss").as_f64().unwrap()
    };
    // The same head goes on where it was; a shorter one, whose layers would fit, starts anew.
    let same = losses(two);
    assert!((same - run.get("test_loss").as_f64().unwrap()).abs() < 1e-6);
    let fresh = losses("model.head.hidden=[16]");
    place.succeed(&["run", "shapes.toml", "--set", tiny]);
    assert!((fresh - place.runs()[0].get("test_loss").as_f64().unwrap()).abs() < 1e-6);
}

#[test]
fn damaged_weight_files_are_errors() {
    let place = Place::new();
    for name in ["legacy.h5", "keras3.weights.h5", "torch.pth", "tiny.onnx", "half.safetensors"] {
        let whole = std::fs::read(file(name)).unwrap();
        for cut in [0, 1, 10, whole.len() / 2, whole.len() - 1] {
            let damaged = place.path(name);
            std::fs::write(&damaged, &whole[..cut]).unwrap();
            let loaded = weights::load(&damaged.clone().into(), (&Vgg, &layers()), Head::Leave);
            assert!(loaded.is_err(), "{name} cut to {cut} bytes");
        }
    }
    place.write("weights.zip", "x");
    let unknown = place.run(&["weights", "import", "weights.zip", "--as", "mine"]);
    assert_eq!(unknown.code, Some(3));
    assert!(unknown.stderr.contains("unknown weights format"), "{unknown:?}");
}

#[test]
fn a_pickle_is_never_executed() {
    // cos.system("touch pwned"): what a hostile .pth would hold.
    let place = Place::new();
    place.write("evil.pth", b"\x80\x02cos\nsystem\nX\x0b\x00\x00\x00touch pwned\x85R.");
    let refused = place.run(&["weights", "import", "evil.pth", "--as", "evil"]);
    assert_eq!(refused.code, Some(3), "{refused:?}");
    assert!(!place.path("pwned").exists());
}

#[test]
fn imported_weights_have_a_name_and_an_unknown_name_is_explained() {
    let Some(folder) = fixtures::folder("import") else {
        return;
    };
    let place = Place::with_shapes();
    let source = fixtures::weights(&folder);
    let imported = place.succeed(&["weights", "import", source.to_str().unwrap(), "--as", "mine"]);
    assert!(imported.stdout.contains("conv base"), "{imported:?}");
    assert!(place.succeed(&["weights", "list"]).stdout.contains("mine"));
    let missing = place.run(&["run", "shapes.toml", "--set", "model.weights=mein"]);
    assert_eq!(missing.code, Some(2));
    assert!(missing.stderr.contains("known are mine, imagenet"), "{missing:?}");
    let top = place.run(&["run", "shapes.toml", "--set", "model.weights=mine"]);
    assert_eq!(top.code, Some(0), "{top:?}");
}
