//! What is asked of a trained network, of one architecture per family: every picture and measure,
//! predictions, exports, and what was exported read back.

use std::path::Path;

use runner_experiment::architecture::ArchitectureName;
use runner_network::weights::{self, Head, Source, Weights};
use runner_results::load::LoadedRun;
use runner_results::tables::{self, Cell, cell};

use crate::pictures;
use crate::support::runner::{Place, SHAPES};

/// Every job but Score-CAM, which asks the network once per channel: that is for `EARLY`.
const JOBS: &str = r#"
[[visualize]]
job = "activations"
images = ["IMAGE"]
layers = ["NODES"]
channels = [0]

[[visualize]]
job = "filters"
layers = ["EARLY"]
count = 1
size = 32
steps = 1

[[visualize]]
job = "gradcam"
images = ["IMAGE"]
samples = 2
steps = 2
methods = [
    "gradcam", "gradcam++", "hirescam", "layercam", "eigencam", "saliency", "smoothgrad",
    "guided_backpropagation", "guided_gradcam", "integrated_gradients", "occlusion",
]

[[visualize]]
job = "gradcam"
images = ["IMAGE"]
layer = "EARLY"
methods = ["gradcam", "layercam", "scorecam"]

[[visualize]]
job = "faithfulness"
methods = ["gradcam", "layercam"]
count = 1
steps = 2

[[visualize]]
job = "confusion"

[[visualize]]
job = "mistakes"

[[visualize]]
job = "embedding"

[[visualize]]
job = "embedding"
method = "tsne"
perplexity = 2
"#;

/// An architecture with the smallest images that make sense, an early layer, and nodes of every kind
/// that it has: by their own names, or by those of the blocks and stages that they end.
struct Case {
    name: &'static str,
    side: usize,
    early: &'static str,
    nodes: &'static [&'static str],
}

fn case(
    name: &'static str,
    side: usize,
    early: &'static str,
    nodes: &'static [&'static str],
) -> Case {
    Case { name, side, early, nodes }
}

fn experiment(place: &Place, case: &Case) -> String {
    let Case { name, side, early, nodes } = case;
    let jobs = JOBS
        .replace("IMAGE", &pictures::image(place))
        .replace("NODES", &nodes.join("\", \""))
        .replace("EARLY", early);
    let model = format!("architecture = \"{name}\"\nweights = \"random\"");
    let text = SHAPES
        .replace("weights = \"random\"", &model)
        .replace("image_size = [32, 32]", &format!("image_size = [{side}, {side}]"))
        .replace("epochs = 3", "epochs = 1");
    text + &jobs
}

/// What the jobs of a case draw and measure.
fn check_jobs(run: &LoadedRun, case: &Case) {
    let name = case.name;
    let rows = tables::read(&run.path.join("artifacts.parquet")).unwrap();
    let drawn = |job: &str| {
        let of_job = |row: &&tables::Record| cell::get(row, "job").as_str() == Some(job);
        rows.iter().filter(of_job).count()
    };
    let jobs = ["1-activations", "2-filters", "3-gradcam", "4-gradcam", "6-confusion"];
    for job in jobs.into_iter().chain(["7-mistakes", "8-embedding", "9-embedding"]) {
        assert!(drawn(job) > 0, "{name}: {job}");
    }
    assert_eq!(drawn("1-activations"), case.nodes.len(), "{name}");
    // A sheet for each method at least; heatmap and overlay only where something speaks for the class.
    assert!(drawn("3-gradcam") >= 11 && drawn("4-gradcam") >= 3, "{name}");
    let measured = tables::read(&run.path.join("faithfulness.parquet")).unwrap();
    assert_eq!(measured.len(), 2 * 5, "{name}");
    assert!(measured.iter().all(|row| cell::get(row, "value").as_f64().unwrap().is_finite()));
}

/// Single photos get the probabilities that the run found for its test images.
fn check_predictions(place: &Place, run: &LoadedRun, name: &str) {
    place.succeed(&["predict", &run.id, "data/shapes/test", "--out", name]);
    let told = tables::read(&place.path(name).join("predicted.parquet")).unwrap();
    let known = tables::read(&run.path.join("predictions.parquet")).unwrap();
    assert_eq!(told.len(), 15, "{name}");
    for row in &told {
        let same = known.iter().find(|k| cell::get(k, "path") == cell::get(row, "path")).unwrap();
        let [Cell::List(ours), Cell::List(theirs)] =
            [row, same].map(|row| cell::get(row, "probabilities"))
        else {
            panic!("{name}: no probabilities")
        };
        for (ours, theirs) in ours.iter().zip(theirs) {
            let off = ours.as_f64().unwrap() - theirs.as_f64().unwrap();
            assert!(off.abs() < 1e-5, "{name}: {off}");
        }
    }
}

fn read(file: &Path, case: &Case) -> Weights {
    let architecture = ArchitectureName::find(case.name).unwrap();
    let size = [case.side, case.side];
    let layers = runner_experiment::architecture::layers(
        architecture,
        size,
        &runner_experiment::architecture::Top::None,
    );
    let network = (architecture.family(), &layers.unwrap()[..]);
    let loaded = weights::load(&Source::from(file.to_path_buf()), network, Head::Leave);
    loaded.unwrap_or_else(|error| panic!("{error}")).weights
}

/// Both formats hold the same base, and the program knows again whose it is.
fn check_exports(place: &Place, run: &LoadedRun, case: &Case) {
    let files = ["onnx", "safetensors"].map(|format| {
        let file = format!("{}.{format}", case.name);
        place.succeed(&["export", &run.id, &format!("--{format}"), &file]);
        let imported = place.succeed(&["weights", "import", &file, "--as", "again"]).stdout;
        assert!(imported.contains(&format!("again: {}, the conv base", case.name)), "{imported}");
        place.path(&file)
    });
    let [onnx, safetensors] = files.map(|file| read(&file, case));
    assert!(!onnx.is_empty() && onnx == safetensors, "{}: the files differ", case.name);
}

fn check(cases: &[Case]) {
    let place = Place::with_shapes();
    for case in cases {
        place.write("jobs.toml", experiment(&place, case));
        let done = place.succeed(&["run", "jobs.toml"]);
        assert!(!done.stderr.contains("failed"), "{}: {done:?}", case.name);
        let run = place.runs().remove(0);
        check_jobs(&run, case);
        check_predictions(&place, &run, case.name);
        check_exports(&place, &run, case);
        let wrong =
            experiment(&place, case).replace(&format!("\"{}\"", case.early), "\"nonsense\"");
        place.write("jobs.toml", wrong);
        let refused = place.run(&["check", "jobs.toml"]);
        assert_eq!(refused.code, Some(2), "{}: {refused:?}", case.name);
        assert!(refused.stderr.contains("there is no layer `nonsense`"), "{refused:?}");
        assert!(refused.stderr.contains("expected one of"), "{refused:?}");
    }
}

#[test]
fn every_job_on_residual_networks() {
    check(&[
        case("resnet18", 32, "bn1", &["conv1", "layer1.0.add", "layer2.0", "layer3", "stem"]),
        case("resnet50_keras", 32, "conv1_bn", &["conv2_block1_add", "conv3_block2", "conv4"]),
        case("vgg11_bn", 32, "block1_conv1_bn", &["block1_conv1_relu", "block2", "block5_pool"]),
    ]);
}

#[test]
fn every_job_on_mobile_networks() {
    check(&[
        case("mobilenet", 32, "conv1", &["conv_dw_1", "block_3", "conv_pw_13_relu"]),
        case("mobilenet_v2", 32, "features.1", &["features.3.add", "features.18.1"]),
        case("mobilenet_v3_small", 32, "features.0", &["features.1.block.1", "features.3.add"]),
    ]);
}

#[test]
fn every_job_on_networks_with_branches() {
    check(&[
        case("inception_v3", 75, "activation", &["mixed0", "batch_normalization_3", "mixed10"]),
        case("xception", 71, "block1_conv1_act", &["add", "block4", "block14_sepconv2_act"]),
    ]);
}

#[test]
fn every_job_on_efficient_networks() {
    check(&[
        case(
            "efficientnet_b0",
            32,
            "features.1",
            &["features.2.1.add", "features.3", "features.8"],
        ),
        case("efficientnet_lite0", 32, "blocks.0", &["blocks.2.add", "stage5", "top"]),
        case("convnext_tiny", 32, "features.0", &["features.1.0.add", "features.2", "features.7"]),
    ]);
}

/// A file with pictures alone does not say which network a run trained.
#[test]
fn pictures_of_a_run_go_by_its_own_network() {
    let place = Place::with_shapes();
    let model = "weights = \"random\"\narchitecture = \"resnet18\"";
    let text = SHAPES.replace("weights = \"random\"", model).replace("epochs = 3", "epochs = 1");
    place.write("a.toml", text);
    place.succeed(&["run", "a.toml"]);
    let run = place.runs().remove(0);
    let image = pictures::image(&place);
    let jobs = format!(
        "[experiment]\nname = \"more\"\n[[visualize]]\njob = \"gradcam\"\nimages = [\"{image}\"]\n"
    );
    place.write("more.toml", &jobs);
    let drawn = place.succeed(&["visualize", &run.id, "--jobs", "more.toml"]);
    assert!(!drawn.stderr.contains("failed"), "{drawn:?}");
    place.write("more.toml", format!("{jobs}layer = \"layer3.0\"\n"));
    place.succeed(&["visualize", &run.id, "--jobs", "more.toml"]);
    place.write("more.toml", format!("{jobs}layer = \"block5_conv3\"\n"));
    let refused = place.run(&["visualize", &run.id, "--jobs", "more.toml"]);
    assert_eq!(refused.code, Some(2), "{refused:?}");
    assert!(refused.stderr.contains("there is no layer `block5_conv3`"), "{refused:?}");
    // An experiment of its own has to say it.
    let alone = jobs.replace("[[visualize]]", "[model]\nweights = \"run:last\"\n[[visualize]]");
    place.write("alone.toml", &alone);
    let refused = place.run(&["run", "alone.toml"]);
    assert_eq!(refused.code, Some(2), "{refused:?}");
    assert!(refused.stderr.contains("write `architecture = \"resnet18\"` into"), "{refused:?}");
    let weights = format!("run:{}\"\narchitecture = \"resnet18", run.id);
    place.write("alone.toml", alone.replace("run:last", &weights));
    place.succeed(&["run", "alone.toml"]);
}
