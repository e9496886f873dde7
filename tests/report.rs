//! `report`: everything in one file, nothing from elsewhere taken for HTML, whatever state runs are in.

use runner_results::load::{self, LoadedRun};
use runner_results::report::{self, PlannedMember};

use crate::support::runner::Place;

/// Names that a page must show and not obey. A file name may hold all of this but the slash.
const HOSTILE: &str = "\"'><img src=x onerror=alert(1)>&";
const SHOWN: &str = "&quot;&#x27;&gt;&lt;img src=x onerror=alert(1)&gt;&amp;";

const JOBS: &str = r#"
[[visualize]]
job = "gradcam"
images = ["data/shapes/test/square/square.000.jpg", "data/shapes/test/triangle/triangle.000.jpg"]
layer = "block5_conv3"
"#;

/// A page without references to anything outside of it, and with one script.
fn check(page: &str) {
    for outside in
        ["http:", "https:", "src=\"/", "url(/", "@import", "<link rel=\"style", "<iframe"]
    {
        assert!(!page.contains(outside), "{outside}");
    }
    assert_eq!(page.matches("<script>").count(), 1);
    assert!(page.contains("default-src 'none'") && page.contains("script-src 'sha256-"));
    let images = page.matches("<img ").count();
    assert_eq!(images, page.matches("<img src=\"data:image/").count());
    assert!(page.len() < 5 << 20);
}

#[test]
fn one_page_shows_runs_in_any_state_and_obeys_no_name() {
    let place = Place::with_shapes();
    for split in ["train", "validation", "test"] {
        let class = |name: &str| place.path(&format!("data/shapes/{split}/{name}"));
        std::fs::rename(class("circle"), class(HOSTILE)).unwrap();
    }
    let text = std::fs::read_to_string(place.path("shapes.toml")).unwrap();
    place.write("shapes.toml", text + JOBS);
    for seed in ["1", "2", "3"] {
        let set = format!("experiment.seed={seed}");
        place.succeed(&["run", "shapes.toml", "--quiet", "--set", &set]);
    }
    let runs = place.runs();
    // One that cannot be read, and a picture that cannot.
    std::fs::write(runs[2].path.join("run.parquet"), "no table").unwrap();
    let drawn = runs[1].path.join("visualizations/1-gradcam");
    for picture in std::fs::read_dir(drawn).unwrap() {
        std::fs::write(picture.unwrap().path(), "no picture").unwrap();
    }
    // Photos that are gone: of any class, so that some are mistakes.
    for class in ["square", "triangle", HOSTILE] {
        std::fs::remove_dir_all(place.path(&format!("data/shapes/test/{class}"))).unwrap();
    }
    let said = place.succeed(&["report", "shapes", "--out", "page.html"]).stdout;
    assert!(said.starts_with("page.html: 3 runs, "), "{said}");
    let page = std::fs::read_to_string(place.path("page.html")).unwrap();
    check(&page);
    assert!(page.contains(SHOWN) && !page.contains("<img src=x"));
    assert!(page.contains("unreadable") && page.contains("not shown: <code>visualizations"));
    assert!(page.contains("cannot be read: <code>data&#x2f;shapes&#x2f;test"));
    for run in &runs {
        assert!(page.contains(&run.id));
    }
    let accuracy = runs[0].get("test_accuracy").as_f64().unwrap();
    assert!(page.contains(&format!("{accuracy:.4}")));
    assert!(page.contains("experiment.seed") && page.contains("data:image/"));
}

#[test]
fn a_run_has_a_page_of_its_own() {
    let place = Place::with_shapes();
    place.succeed(&["run", "shapes.toml", "--quiet"]);
    let run = place.runs()[0].clone();
    let file = report::write_run(&run).unwrap();
    assert_eq!(file, run.path.join("report.html"));
    let page = std::fs::read_to_string(&file).unwrap();
    check(&page);
    assert!(page.contains("plan.toml") || page.contains("with every default"));
    assert!(page.contains("stage.head.optimizer.learning_rate"));
    let hash = run.get("dataset_hash").to_string();
    assert!(!hash.is_empty() && page.contains(&hash));
    // Twice the same.
    report::write_run(&run).unwrap();
    assert_eq!(std::fs::read_to_string(&file).unwrap(), page);
    // With nothing but a folder left it still is a page.
    for table in ["epochs", "params", "predictions", "confusion", "artifacts"] {
        std::fs::write(run.path.join(format!("{table}.parquet")), "no table").unwrap();
    }
    check(&std::fs::read_to_string(report::write_run(&run).unwrap()).unwrap());
}

#[test]
fn a_sweep_shows_members_with_and_without_a_run() {
    let place = Place::with_shapes();
    for rate in ["1e-3", "1e-5"] {
        let set = format!("stage.head.optimizer.learning_rate={rate}");
        place.succeed(&["run", "shapes.toml", "--quiet", "--set", &set]);
    }
    let mut runs: Vec<LoadedRun> = load::runs(&place.path("results"));
    runs.reverse();
    std::fs::remove_file(runs[1].path.join("report.html")).unwrap();
    let folder = place.path("results/shapes/sweeps/first");
    std::fs::create_dir_all(&folder).unwrap();
    let member = |name: &str, status: &str, reason: Option<&str>| PlannedMember {
        name: name.to_owned(),
        status: status.to_owned(),
        reason: reason.map(str::to_owned),
    };
    let planned = [
        member("learning_rate=0.1", "waiting", None),
        member("learning_rate=10", "failed", Some("the loss is not finite\n</pre><script>x")),
    ];
    let file = report::write_sweep(&folder, "shapes <first>", &runs, &planned).unwrap();
    assert_eq!(file, folder.join("report.html"));
    let page = std::fs::read_to_string(file).unwrap();
    check(&page);
    assert!(page.contains("4 members: 2 finished, 1 waiting, 1 failed."), "{page}");
    assert!(page.contains("shapes &lt;first&gt;"));
    assert!(page.contains("not finite\n&lt;&#x2f;pre&gt;&lt;script&gt;x"));
    // Only the page that is there is linked.
    let link = |run: &LoadedRun| {
        let encoded = format!("../../{}/report.html", run.id).replace('/', "&#x2f;");
        page.contains(&format!("href=\"{encoded}\""))
    };
    assert!(link(&runs[0]) && !link(&runs[1]));
    assert_eq!(page.matches("class=\"point\"").count(), 2);
    assert!(page.contains("data-value=\"0.1\"") && page.contains("logarithmic"));
}

#[test]
fn what_cannot_be_reported_is_an_error() {
    let place = Place::with_shapes();
    let missing = place.run(&["report", "shapes"]);
    assert_eq!(missing.code, Some(2), "{missing:?}");
    let nothing = place.run(&["report"]);
    assert_eq!(nothing.code, Some(2), "{nothing:?}");
    assert!(!place.path("report.html").exists());
}
