//! Networks other than VGG as a user meets them: names, defaults, weights from a server, batch
//! normalizations that are trained.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;

use crate::support::fixtures::{self, Reference};
use crate::support::formula;
use crate::support::runner::{Place, SHAPES, output, timeless};

/// `shapes.toml` for another network.
fn experiment(architecture: &str, stage: &str) -> String {
    let model = format!("architecture = \"{architecture}\"\nweights = \"random\"");
    SHAPES
        .replace("weights = \"random\"", &model)
        .replace("epochs = 3", &format!("epochs = 3\n{stage}"))
}

#[test]
fn stages_blocks_and_layers_can_be_frozen_and_mistakes_are_named() {
    let place = Place::with_shapes();
    let stage = "frozen = [\"stem\", \"layer1\", \"layer2.0\", \"layer2.1.conv1\"]";
    place.write("a.toml", experiment("resnet18", stage));
    let checked = place.succeed(&["check", "a.toml"]).stdout;
    assert!(checked.contains("freezes stem, layer1, layer2.0, layer2.1.conv1\n"), "{checked}");
    assert!(checked.contains("features can be cached behind maxpool"), "{checked}");
    assert!(checked.contains("caches the output of layer2.0.relu, 2,048 values"), "{checked}");
    // Batch normalizations do not train where nobody asked for it.
    assert!(!checked.contains("layer4.1.bn2,"), "{checked}");
    place.write("b.toml", experiment("resnet18", "frozen = [\"layer9\"]"));
    let refused = place.run(&["check", "b.toml"]);
    assert_eq!(refused.code, Some(2), "{refused:?}");
    assert!(refused.stderr.contains("there is no block or layer `layer9`"), "{refused:?}");
    assert!(refused.stderr.contains("did you mean `layer"), "{refused:?}");
    let nothing = "frozen = \"all\"\nbatch_norm = \"train\"";
    place.write("c.toml", experiment("resnet18", nothing));
    let refused = place.run(&["check", "c.toml"]);
    assert!(refused.stderr.contains("trains no batch normalization"), "{refused:?}");
}

#[test]
fn an_architecture_says_its_size_its_preprocessing_and_its_pooling() {
    let place = Place::with_shapes();
    for (name, size, preprocessing, pooling) in [
        ("vgg16", 150, "rescale", "flatten"),
        ("resnet50", 224, "torchvision", "average"),
        ("resnet50_keras", 224, "caffe", "average"),
        ("xception", 299, "tensorflow", "average"),
        ("efficientnet_lite0", 224, "efficientnet_lite", "average"),
    ] {
        let text = experiment(name, "").replace("image_size = [32, 32]\n", "");
        place.write("a.toml", text);
        let plan = place.succeed(&["check", "a.toml"]).stdout;
        assert!(plan.contains(&format!("image_size = [{size}, {size}]")), "{name}: {plan}");
        assert!(plan.contains(&format!("preprocessing = \"{preprocessing}\"")), "{name}");
        assert!(plan.contains(&format!("pooling = \"{pooling}\"")), "{name}");
    }
}

#[test]
fn a_run_with_trained_batch_norms_resumes_to_the_same_bits() {
    let place = Place::with_shapes();
    let stage = "frozen = [\"features.0\"]\nbatch_norm = \"train\"\naccumulate = 2\nema = 0.9";
    let text = experiment("mobilenet_v2", stage).replace("batch_size = 20", "batch_size = 8");
    let text = text.replace("epochs = 3", "epochs = 1") + "\n[run]\nkeep_checkpoint = true\n";
    place.write("a.toml", text);
    let three = ["--set", "stage.head.epochs=3"];
    place.succeed(&[&["run", "a.toml", "--results", "whole"], &three[..]].concat());
    place.succeed(&["run", "a.toml", "--results", "parts"]);
    let short = runner_results::load::runs(&place.path("parts")).remove(0).id;
    let resumed = ["run", "a.toml", "--results", "parts", "--resume", &short];
    place.succeed(&[&resumed[..], &three[..]].concat());
    let model = |results: &str| {
        let runs = runner_results::load::runs(&place.path(results));
        let run = &runs[0];
        assert_eq!(run.status(), "finished");
        (
            std::fs::read(run.path.join("model.safetensors")).unwrap(),
            timeless(&run.path, "epochs.parquet"),
        )
    };
    let (whole, parts) = (model("whole"), model("parts"));
    assert!(whole.0 == parts.0, "the models differ");
    assert_eq!(whole.1, parts.1);
}

/// A server on loopback with one file; the address, and what was asked for.
fn serve(body: Vec<u8>) -> (String, std::sync::mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (asked, paths) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut line = String::new();
            BufReader::new(&stream).read_line(&mut line).unwrap();
            asked.send(line.split(' ').nth(1).unwrap_or_default().to_owned()).unwrap_or(());
            let head = format!(
                "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                body.len()
            );
            let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body));
        }
    });
    (url, paths)
}

#[test]
fn published_weights_come_from_a_server_and_have_their_checksum() {
    let Some(folder) = fixtures::folder("published weights") else { return };
    let place = Place::new();
    let reference = Reference::open(&folder, "backbone_keras_mobilenet.safetensors");
    let file = place.path("mobilenet.safetensors");
    formula::write(&reference, &file);
    let (url, asked) = serve(std::fs::read(&file).unwrap());
    let fetch = |name: &str| {
        let mut command = place.command(&["weights", "fetch", name]);
        output(command.env("RUNNER_WEIGHTS_URL", &url))
    };
    let fetched = fetch("imagenet_mobilenet");
    assert_eq!(fetched.code, Some(0), "{fetched:?}");
    assert_eq!(asked.recv().unwrap(), "/mobilenet/mobilenet_1_0_224_tf_no_top.h5");
    assert!(place.path("cache/weights/imagenet_mobilenet.safetensors").is_file());
    for (name, path, expected) in [
        ("imagenet_resnet50", "/resnet50-11ad3fa6.pth", "expected 11ad3fa6"),
        (
            "imagenet_xception_top",
            "/xception/xception_weights_tf_dim_ordering_tf_kernels.h5",
            "expected 0a58e3b7378bc2990ea3b43d5981f1f6",
        ),
        ("imagenet_efficientnet_lite0", "/efficientnet-lite0-57934424.pth", "expected 57934424"),
    ] {
        let refused = fetch(name);
        assert_eq!(refused.code, Some(3), "{refused:?}");
        assert!(refused.stderr.contains(expected), "{refused:?}");
        assert_eq!(asked.recv().unwrap(), path);
    }
    // No checksum is published of this one: what it holds must be what it is called.
    let refused = fetch("imagenet_mobilenet_v2_keras");
    assert_eq!(refused.code, Some(3), "{refused:?}");
    assert!(refused.stderr.contains("weights of mobilenet"), "{refused:?}");
}
