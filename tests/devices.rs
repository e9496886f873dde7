//! Devices and precisions: what there is, what is refused and why, what a run says of its own.

use std::path::Path;

use runner_results::tables::cell;

use crate::support::runner::Place;

#[test]
fn devices_are_listed_for_people_and_for_programs() {
    let place = Place::new();
    let table = place.succeed(&["devices"]).stdout;
    assert!(table.lines().nth(1).is_some_and(|line| line.starts_with("cpu ")), "{table}");
    let json = place.succeed(&["devices", "--format", "json"]).stdout;
    let machine: serde_json::Value = serde_json::from_str(&json).unwrap();
    let cpu = &machine["devices"][0];
    assert_eq!((&cpu["device"], &cpu["kind"]), (&"cpu".into(), &"cpu".into()));
    assert_eq!(cpu["precisions"][0], "f32");
    assert!(cpu["name"].as_str().is_some_and(|name| !name.is_empty()) && cpu["cores"].is_u64());
    let devices = machine["devices"].as_array().unwrap();
    let marked: Vec<_> = devices.iter().filter(|device| device["auto"] == true).collect();
    assert_eq!(marked.len(), 1, "{json}");
    let kernels = machine["kernels"].as_str();
    assert_eq!(kernels.is_some(), cfg!(any(feature = "cuda", feature = "vulkan")), "{json}");
    let cache = place.path("cache/kernels");
    assert!(kernels.is_none_or(|file| Path::new(file).starts_with(cache)), "{json}");
    assert_eq!((&marked[0]["device"], &marked[0]["software"]), (&machine["auto"], &false.into()));
    // Each kind is there, or it is said what would bring it.
    for kind in ["cuda", "vulkan"] {
        let missing = machine["missing"].as_array().unwrap().iter().find(|one| one["kind"] == kind);
        let is_there = devices.iter().any(|device| device["kind"] == kind);
        assert_ne!(is_there, missing.is_some(), "{kind}: {json}");
        if let Some(missing) = missing.filter(|missing| missing["compiled"] == false) {
            let build = format!("cargo build --release --features {kind}");
            assert!(missing["remedy"].as_str().unwrap().contains(&build), "{json}");
        }
    }
}

#[test]
fn a_device_that_is_not_there_is_an_error_that_names_what_is() {
    let place = Place::with_shapes();
    for device in ["vulkan:7", "cuda:7"] {
        let refused = place.run(&["run", "shapes.toml", "--device", device]);
        assert_eq!(refused.code, Some(2), "{refused:?}");
        let said = format!("the device `{device}` is not available: ");
        assert!(refused.stderr.contains(&said), "{refused:?}");
        assert!(refused.stderr.contains("available here: cpu"), "{refused:?}");
    }
    let unknown = place.run(&["run", "shapes.toml", "--device", "cuda:one"]);
    assert_eq!(unknown.code, Some(2));
    assert!(unknown.stderr.contains("unknown value `cuda:one`"), "{unknown:?}");
}

#[test]
fn what_the_cpu_cannot_do_is_refused_in_plain_words() {
    let place = Place::with_shapes();
    let run = |set: &str| place.run(&["run", "shapes.toml", "--device", "cpu", "--set", set]);
    let refused = run("run.precision=tf32");
    assert_eq!(refused.code, Some(2));
    let said = "tf32 is what NVIDIA cards from Ampere on compute with";
    assert!(refused.stderr.contains(said), "{refused:?}");
    let refused = run("run.autotune=true");
    assert_eq!(refused.code, Some(2));
    assert!(refused.stderr.contains("`autotune` is for GPUs"), "{refused:?}");
    let bf16 = run("run.precision=bf16");
    if runner_convolution::bf16::available() {
        assert_eq!(bf16.code, Some(0), "{bf16:?}");
        let run = &place.runs()[0];
        assert_eq!(run.get("precision").as_str(), Some("bf16"));
    } else {
        assert_eq!(bf16.code, Some(2));
        assert!(bf16.stderr.contains("neither AMX-BF16 nor AVX512-BF16"), "{bf16:?}");
    }
    assert!(place.runs().len() <= 1);
}

#[test]
fn a_run_says_what_computed_it_and_in_which_precision() {
    let place = Place::with_shapes();
    let checked = place.succeed(&["check", "shapes.toml", "--set", "run.device=cpu"]).stdout;
    let line = checked.lines().find(|line| line.starts_with("computes on cpu (")).unwrap();
    assert!(line.ends_with("), f32"), "{line}");
    let said = place.succeed(&["run", "shapes.toml", "--device", "cpu"]).stderr;
    assert!(said.contains(line), "{said}");
    let run = &place.runs()[0];
    let text = |column| run.get(column).as_str().map(str::to_owned);
    assert_eq!(text("device").as_deref(), Some("cpu"));
    assert_eq!(text("precision").as_deref(), Some("f32"));
    let name = text("device_name").unwrap();
    assert!(line.contains(&name), "{line}");
    assert!(place.succeed(&["show", "last"]).stdout.contains(&name));
    let report = std::fs::read_to_string(run.path.join("report.html")).unwrap();
    assert!(report.contains(&name));
    // Nothing of it is in the plan: it is the same run wherever it computes.
    assert!(!std::fs::read_to_string(run.path.join("plan.toml")).unwrap().contains("\nprecision"));
}

#[test]
fn a_given_precision_is_part_of_the_plan_and_reads_the_same_features() {
    let place = Place::with_shapes();
    place.succeed(&["run", "shapes.toml", "--device", "cpu", "--quiet"]);
    let set = ["--set", "run.precision=f32"];
    let given = place.succeed(&[&["run", "shapes.toml", "--device", "cpu"][..], &set].concat());
    assert!(given.stderr.contains("features of train: 0 computed, 42 from the cache"), "{given:?}");
    let runs = place.runs();
    let of = |index: usize, column: &str| cell_text(&runs[index].run, column);
    assert_ne!(of(0, "fingerprint"), of(1, "fingerprint"));
    assert_eq!(of(0, "test_loss"), of(1, "test_loss"));
}

fn cell_text(row: &runner_results::tables::Record, column: &str) -> String {
    cell::get(row, column).to_string()
}

#[test]
fn jobs_auto_takes_one_worker_where_there_is_no_gpu() {
    let place = Place::with_shapes();
    place.write(
        "sweep.toml",
        "extends = \"shapes.toml\"\n[experiment]\nname = \"seeds\"\n[run]\ndevice = \"cpu\"\n\
         [sweep]\nseeds = [1, 2]\n",
    );
    let planned = place.succeed(&["run", "sweep.toml", "--jobs", "auto", "--dry-run"]).stdout;
    assert!(planned.contains("2 members, 1 at a time"), "{planned}");
    let two = place.succeed(&["run", "sweep.toml", "--jobs", "8", "--dry-run"]).stdout;
    assert!(two.contains("2 members, 2 at a time"), "{two}");
    let refused = place.run(&["run", "sweep.toml", "--jobs", "0"]);
    assert_eq!(refused.code, Some(2));
    assert!(refused.stderr.contains("a number from 1 to 256, or auto"), "{refused:?}");
}
