//! Servers that are of no use, and files that were made to do harm.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::time::{Duration, Instant};

use crate::support::runner::Place;

/// A server on loopback that answers every request with the same bytes; how often it was asked.
fn serve(body: Vec<u8>) -> (String, std::sync::Arc<std::sync::atomic::AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let asked = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let count = asked.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming().take(20) {
            let mut stream = stream.unwrap();
            let mut request = [0; 4096];
            let _ = stream.read(&mut request);
            count.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            let head = format!(
                "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                body.len()
            );
            let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body));
        }
    });
    (url, asked)
}

#[test]
fn a_data_set_that_turns_out_unusable_is_asked_for_again() {
    let place = Place::new();
    // As long as the archive that is published, and something else.
    let (url, asked) = serve(vec![7; 68_606_236]);
    let fetch = || {
        let mut command = place.command(&["dataset", "fetch", "cats_and_dogs_filtered"]);
        crate::support::runner::output(command.env("RUNNER_DATASET_URL", format!("{url}/a.zip")))
    };
    for times in 1..=2 {
        let refused = fetch();
        assert_eq!(refused.code, Some(3), "{refused:?}");
        assert_eq!(asked.load(std::sync::atomic::Ordering::SeqCst), times);
    }
    let left: Vec<_> = std::fs::read_dir(place.path("data")).into_iter().flatten().collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn a_run_that_waits_for_a_silent_server_can_be_stopped() {
    let place = Place::with_shapes();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let mut command = place.command(&["run", "shapes.toml", "--set", "model.weights=\"imagenet\""]);
    let mut child = command.env("RUNNER_WEIGHTS_URL", url).spawn().unwrap();
    let _connection = listener.accept().unwrap();
    let pid = child.id().to_string();
    std::process::Command::new("kill").args(["-TERM", &pid]).status().unwrap();
    let begin = Instant::now();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(begin.elapsed() < Duration::from_secs(10));
}

/// Models whose metadata is implausible.
#[test]
fn what_a_model_claims_is_looked_at_before_it_is_believed() {
    let place = Place::with_shapes();
    place.succeed(&["run", "shapes.toml", "--set", "stage.head.epochs=1"]);
    let model = std::fs::read(place.runs()[0].path.join("model.safetensors")).unwrap();
    let length = u64::from_le_bytes(model[..8].try_into().unwrap()) as usize;
    let header = String::from_utf8(model[8..8 + length].to_vec()).unwrap();
    for (from, to) in [
        ("\\\"image_size\\\":[32,32]", "\\\"image_size\\\":[8000,8000]"),
        (
            "\\\"classes\\\":[\\\"circle\\\",\\\"square\\\",\\\"triangle\\\"]",
            "\\\"classes\\\":[\\\"circle\\\"]",
        ),
        ("\\\"hidden\\\":[16]", "\\\"hidden\\\":[99999999]"),
    ] {
        assert!(header.contains(from), "{header}");
        let claimed = header.replace(from, to);
        let mut file = (claimed.len() as u64).to_le_bytes().to_vec();
        file.extend(claimed.as_bytes());
        file.extend(&model[8 + length..]);
        place.write("claims.safetensors", file);
        let photo = "data/shapes/test/circle/circle.000.jpg";
        let refused = place.run(&["predict", "claims.safetensors", photo]);
        assert_eq!(refused.code, Some(3), "{to}: {refused:?}");
        assert!(refused.stderr.contains("metadata is implausible"), "{refused:?}");
    }
}

#[test]
fn an_imported_model_brings_its_head_to_the_same_classes_and_no_others() {
    let place = Place::with_shapes();
    place.succeed(&["run", "shapes.toml"]);
    let model = place.runs()[0].path.join("model.safetensors");
    let imported = place.succeed(&["weights", "import", model.to_str().unwrap(), "--as", "mine"]);
    assert!(imported.stdout.contains("and the head (2 layers)"), "{imported:?}");
    let tiny = "stage.head.optimizer={ name = \"sgd\", learning_rate = 1e-30 }";
    let scored = |weights: &str| {
        let weights = format!("model.weights={weights}");
        let run = place.succeed(&["run", "shapes.toml", "--set", &weights, "--set", tiny]);
        (run.stderr, place.runs()[0].get("test_loss").as_f64().unwrap())
    };
    let trained = place.runs()[0].get("test_loss").as_f64().unwrap();
    for weights in ["mine", model.to_str().unwrap()] {
        let (said, loss) = scored(weights);
        assert!(said.contains("and the head (2 layers)"), "{said}");
        assert!((loss - trained).abs() < 1e-6, "{loss} and {trained}");
    }
    let checked = place.succeed(&["check", "shapes.toml", "--set", "model.weights=mine"]).stdout;
    assert!(checked.contains("and the head (2 layers)"), "{checked}");
    for split in ["train", "validation", "test"] {
        let folder = place.path(&format!("data/shapes/{split}"));
        std::fs::rename(folder.join("circle"), folder.join("ring")).unwrap();
    }
    let (said, loss) = scored("mine");
    assert!(said.contains("its head is for other classes (circle, square, triangle)"), "{said}");
    assert!((loss - trained).abs() > 1e-6, "{loss} and {trained}");
}

#[test]
fn every_file_that_is_checked_is_heard_of() {
    let place = Place::with_shapes();
    place.write("broken.safetensors", "no weights");
    let shapes = std::fs::read_to_string(place.path("shapes.toml")).unwrap();
    place.write("a.toml", shapes.replace("\"random\"", "\"broken.safetensors\""));
    place.write("b.toml", shapes.replace("epochs = 3", "epochs = 0"));
    let checked = place.run(&["check", "a.toml", "b.toml", "shapes.toml"]);
    assert_ne!(checked.code, Some(0));
    assert!(checked.stderr.contains("broken.safetensors"), "{checked:?}");
    assert!(checked.stderr.contains("b.toml"), "{checked:?}");
    assert!(checked.stdout.contains("shapes.toml: experiment shapes"), "{checked:?}");
}
