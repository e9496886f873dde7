//! A run that is run again: what is no longer as it was.

use runner_network::Compute;
use runner_record::Event;
use runner_results::load::LoadedRun;

use crate::terminal;

/// What an earlier run of the same plan worked with.
pub struct Before {
    run: LoadedRun,
}

impl Before {
    /// What this run worked with.
    pub fn of(run: &LoadedRun) -> Self {
        Self { run: run.clone() }
    }

    /// Warns where program, device or precision are others: results may differ in their last digits.
    pub fn look_at_program(&self, compute: &Compute) {
        self.compare("runner_version", "the version of runner", env!("CARGO_PKG_VERSION"));
        self.look_at_device(compute);
    }

    /// Warns where another kind of device computes, or another precision.
    pub fn look_at_device(&self, compute: &Compute) {
        let kind = |name: &str| name.split(':').next().unwrap_or_default().to_owned();
        if let Some(before) = self.run.get("device").as_str().map(kind) {
            self.warn("the device", &before, compute.kind.as_str());
        }
        self.compare("precision", "the precision", compute.precision.as_str());
    }

    /// Warns where images or weights are others; said before anything is trained.
    pub fn look_at(&self, event: &Event) {
        match event {
            Event::Dataset { hash, .. } => {
                self.compare("dataset_hash", "the hash of the images", hash);
            }
            Event::Model { weights_sha256, .. } => {
                let now = weights_sha256.as_deref().unwrap_or("random");
                self.compare("weights_sha256", "the hash of the weights", now);
            }
            _ => {}
        }
    }

    fn compare(&self, column: &str, what: &str, now: &str) {
        // A run that failed early does not know.
        if let Some(before) = self.run.get(column).as_str() {
            self.warn(what, before, now);
        }
    }

    fn warn(&self, what: &str, before: &str, now: &str) {
        if before != now {
            terminal::warning(&format!(
                "{what} was {before} in run {} and is {now} now: it will not be the same run",
                self.run.id
            ));
        }
    }
}
