//! Visualize jobs, predictions and plots, as a user would ask for them.

use runner_results::tables::{self, Cell, cell};

use crate::support::runner::{Place, SHAPES};

/// Every job, on generated pictures and a random network.
pub const JOBS: &str = r#"
[[visualize]]
job = "curves"

[[visualize]]
job = "activations"
images = ["IMAGE"]
layers = ["block1_conv1", "block2_pool"]
channels = [0, 1]

[[visualize]]
job = "filters"
layers = ["block2_conv1"]
count = 3
size = 32
steps = 2
jitter = 1
octaves = 2

[[visualize]]
job = "gradcam"
images = ["IMAGE"]
layer = "block3_conv3"
samples = 2
steps = 2
methods = [
    "gradcam", "gradcam++", "hirescam", "layercam", "scorecam", "eigencam", "saliency", "smoothgrad",
    "guided_backpropagation", "guided_gradcam", "integrated_gradients", "occlusion",
]

[[visualize]]
job = "faithfulness"
layer = "block3_conv3"
methods = ["gradcam", "layercam"]
count = 2
steps = 4

[[visualize]]
job = "confusion"
split = "validation"

[[visualize]]
job = "mistakes"
split = "train"

[[visualize]]
job = "embedding"

[[visualize]]
job = "embedding"
method = "tsne"
"#;

/// A test image below a folder of classes.
pub fn image(place: &Place) -> String {
    let mut classes: Vec<_> = std::fs::read_dir(place.path("data/shapes/validation"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    classes.sort();
    let mut files: Vec<_> =
        std::fs::read_dir(&classes[0]).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let whole = files[0].strip_prefix(place.path("")).unwrap().display().to_string();
    whole.trim_start_matches('/').to_owned()
}

fn hashes(run: &runner_results::load::LoadedRun) -> Vec<(String, String)> {
    let rows = tables::read(&run.path.join("artifacts.parquet")).unwrap();
    let text = |row, name| cell::get(row, name).as_str().unwrap().to_owned();
    rows.iter().map(|row| (text(row, "path"), text(row, "sha256"))).collect()
}

#[test]
fn every_job_draws_and_two_runs_draw_the_same_bytes() {
    let place = Place::with_shapes();
    let image = image(&place);
    place.write("jobs.toml", SHAPES.to_owned() + &JOBS.replace("IMAGE", &image));
    for _ in 0..2 {
        let done = place.succeed(&["run", "jobs.toml"]);
        assert!(!done.stderr.contains("failed"), "{done:?}");
    }
    let runs = place.runs();
    let drawn = hashes(&runs[0]);
    assert_eq!(drawn, hashes(&runs[1]));
    for job in 1..=9 {
        let own =
            |(path, _): &&(String, String)| path.starts_with(&format!("visualizations/{job}-"));
        // Figures of heatmaps are a table.
        assert_eq!(drawn.iter().any(|row| own(&row)), job != 5, "job {job}: {drawn:?}");
    }
    for (path, _) in &drawn {
        assert!(runs[0].path.join(path).is_file(), "{path}");
    }
    let count = |table: &str| tables::read(&runs[0].path.join(table)).unwrap().len();
    assert_eq!(count("activations.parquet"), 2);
    assert_eq!(count("filters.parquet"), 3 * 2 * 2);
    assert_eq!(count("faithfulness.parquet"), 2 * 2 * 5);
    // Two jobs with the 15 photos of the test split.
    assert_eq!(count("embeddings.parquet"), 2 * 15);
    let plan = runs[0].path.join("plan.toml");
    let checked = place.succeed(&["check", plan.to_str().unwrap()]).stdout;
    assert!(checked.contains(runs[0].get("fingerprint").as_str().unwrap()), "{checked}");
    // The same once more, on the model alone.
    let again = place.succeed(&["visualize", &runs[0].id]);
    assert!(again.stdout.contains("visualizations"), "{again:?}");
    assert_eq!(drawn, hashes(&runs[0]));
    let more = "[experiment]\nname = \"more\"\n[[visualize]]\njob = \"filters\"\ncount = 1\nsize = 32\nsteps = 1\nlayers = [\"block1_conv1\"]\n";
    place.write("more.toml", more);
    place.succeed(&["visualize", &runs[0].id, "--jobs", "more.toml"]);
    assert!(runs[0].path.join("more/artifacts.parquet").is_file());
    assert_eq!(drawn, hashes(&runs[0]), "the run's own pictures stay");
    let plotted = place.succeed(&["plot", "last", &runs[1].id, "--out", "both.png"]);
    assert!(plotted.stdout.contains("2 runs"), "{plotted:?}");
    assert!(place.path("both.png").is_file() && place.path("both.svg").is_file());
}

#[test]
fn a_job_that_fails_spares_the_others_and_the_run() {
    let place = Place::with_shapes();
    let text = format!(
        "{SHAPES}\n[[visualize]]\njob = \"gradcam\"\nimages = [\"broken.jpg\"]\n\n\
         [[visualize]]\njob = \"curves\"\n"
    );
    place.write("jobs.toml", text);
    place.write("broken.jpg", "no image");
    let done = place.succeed(&["run", "jobs.toml"]);
    assert!(done.stderr.contains("visualize job 1 (gradcam) failed"), "{done:?}");
    assert!(done.stderr.contains("broken.jpg"), "{done:?}");
    let run = &place.runs()[0];
    assert_eq!(run.status(), "finished");
    assert_eq!(hashes(run).len(), 2);
}

#[test]
fn pictures_alone_need_no_dataset_and_a_run_brings_its_head() {
    let place = Place::with_shapes();
    place.succeed(&["run", "shapes.toml", "--quiet"]);
    let image = image(&place);
    let text = format!(
        "[experiment]\nname = \"alone\"\n[model]\nweights = \"run:last\"\n\
         [[visualize]]\njob = \"gradcam\"\nimages = [\"{image}\"]\n"
    );
    place.write("alone.toml", &text);
    place.succeed(&["run", "alone.toml"]);
    let run = &place.runs()[0];
    assert_eq!(run.experiment, "alone");
    assert_eq!(hashes(run).len() % 3, 0, "heatmap, overlay and sheet");
    // A conv base alone says what is missing.
    place.write("base.toml", text.replace("run:last", "random"));
    let base = place.run(&["run", "base.toml"]);
    assert!(base.stderr.contains("without a classifier"), "{base:?}");
}

#[test]
fn predict_says_what_the_run_said() {
    let place = Place::with_shapes();
    place.succeed(&["run", "shapes.toml", "--quiet"]);
    let run = place.runs().remove(0);
    let done = place.succeed(&["predict", "last", "data/shapes/validation"]);
    assert!(done.stdout.lines().count() > 10, "{done:?}");
    let told = tables::read(&run.path.join("predicted.parquet")).unwrap();
    let known = tables::read(&run.path.join("predictions.parquet")).unwrap();
    let mut compared = 0;
    for row in &told {
        let path = cell::get(row, "path");
        let same = known.iter().find(|known| cell::get(known, "path") == path).unwrap();
        assert_eq!(cell::get(row, "predicted"), cell::get(same, "predicted"));
        let (Cell::List(ours), Cell::List(theirs)) =
            (cell::get(row, "probabilities"), cell::get(same, "probabilities"))
        else {
            panic!("no probabilities")
        };
        for (ours, theirs) in ours.iter().zip(theirs) {
            let off = ours.as_f64().unwrap() - theirs.as_f64().unwrap();
            assert!(off.abs() < 1e-5, "{path}: {off}");
        }
        compared += 1;
    }
    assert!(compared > 0 && compared == told.len());
    place.write("data/shapes/validation/broken.png", "no image");
    let broken = place.run(&["predict", "last", "data/shapes/validation", "--out", "elsewhere"]);
    assert_eq!(broken.code, Some(3));
    assert!(broken.stderr.contains("broken.png"), "{broken:?}");
    let all = tables::read(&place.path("elsewhere/predicted.parquet")).unwrap();
    assert_eq!(all.len(), told.len());
    let nowhere = place.run(&["predict", "last", "nowhere"]);
    assert_eq!(nowhere.code, Some(2));
}
