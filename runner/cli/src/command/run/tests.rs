//! One process, many runs.

use runner_results::tables;

use super::*;
use crate::logging;

const EXPERIMENT: &str = r#"
[experiment]
name = "twice"
[dataset]
train = "DATA/train"
validation = "DATA/validation"
image_size = [48, 48]
[model]
architecture = "convnet"
[model.head]
pooling = "average"
hidden = []
[[stage]]
name = "all"
frozen = "none"
epochs = 1
batch_size = 60
optimizer = { name = "sgd" }
"#;

#[test]
fn runs_follow_each_other_each_with_its_own_log() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let data = folder.path().join("data");
    runner_data::generate::shapes(&data, 1)?;
    let text = EXPERIMENT.replace("DATA", &data.display().to_string());
    let results = folder.path().join("results");
    logging::start(0, true);
    let session = Session::of_test(&results, &folder.path().join("cache"));
    for seed in [1, 2] {
        let overrides = [Override::new("experiment.seed", &seed.to_string())];
        let checked = runner_experiment::load_text("twice.toml", &text, &overrides)
            .map_err(|error| error.to_string())?;
        let job = Job { checked, choice: Choice::Fresh, member: None, pause_after: None };
        run_one(&session, job).map_err(|failure| failure.shown())?;
    }
    let mut seeds = Vec::new();
    for run in std::fs::read_dir(results.join("twice"))? {
        let run = run?.path();
        let log = std::fs::read_to_string(run.join("log.jsonl"))?;
        let count = |what: &str| log.matches(what).count();
        assert_eq!((count("\"end\""), count("\"epoch\":1")), (1, 1), "{log}");
        let row = &tables::read(&run.join("run.parquet"))?[0];
        assert_eq!(tables::cell::get(row, "status").as_str(), Some("finished"));
        seeds.extend(tables::cell::get(row, "seed").as_f64());
    }
    seeds.sort_by(f64::total_cmp);
    assert_eq!(seeds, [1.0, 2.0]);
    Ok(())
}
