//! Comparing, labelling and removing runs.

use crate::support::many;

/// `RUNNER_MANY` names a folder, `RUNNER_MANY_COUNT` how many runs to write there.
#[test]
#[ignore = "writes thousands of runs, to measure on"]
fn many_runs_to_measure_on() {
    let folder = std::env::var("RUNNER_MANY").expect("RUNNER_MANY names a folder");
    let count = std::env::var("RUNNER_MANY_COUNT").map_or(10_000, |count| count.parse().unwrap());
    many::write(std::path::Path::new(&folder), count);
}
