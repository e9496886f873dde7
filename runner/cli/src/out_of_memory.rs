//! A device whose memory is full: from whatever a library threw to an error that says what to lower.

use std::sync::{Mutex, PoisonError};

use runner_experiment::Plan;
use runner_experiment::plan::Stage;
use runner_network::Compute;
use runner_network::device::DeviceKind;
use runner_network::device::memory::{OutOfMemory, out_of_memory};

use crate::environment::show_size;
use crate::failure::Failure;

/// A panic that said so, on whatever thread: what follows from it elsewhere says something else.
static PANICKED: Mutex<Option<OutOfMemory>> = Mutex::new(None);

/// Remembers what a panic says, where it is this.
pub fn look_at_panic(message: &str) {
    if let Some(full) = out_of_memory(message) {
        *PANICKED.lock().unwrap_or_else(PoisonError::into_inner) = Some(full);
    }
}

/// What was remembered since the last time.
pub fn take_panicked() -> Option<OutOfMemory> {
    PANICKED.lock().unwrap_or_else(PoisonError::into_inner).take()
}

/// What a run was doing.
pub struct Work<'a> {
    /// On which device.
    pub compute: &'a Compute,
    /// What is to be done.
    pub plan: &'a Plan,
    /// The stage that began last.
    pub stage: Option<&'a str>,
}

/// The error with its place, and with what to lower; other errors stay as they are.
pub fn explained(failure: Failure, work: &Work<'_>) -> Failure {
    let Some(full) = failure.out_of_memory else { return failure };
    let stage = work.plan.stage.iter().find(|stage| Some(stage.name.as_str()) == work.stage);
    let mut message = format!("the memory of {} is full", device(work.compute));
    message += &place(work.plan, stage);
    if let Some(bytes) = full.bytes {
        message += &format!(": {} more were asked for", show_size(bytes));
    }
    message += &format!("\n{}", remedy(work, stage));
    Failure::full(full, &message)
}

/// `cuda:0 (NVIDIA H100 80GB HBM3, 85.0 GB)`
fn device(compute: &Compute) -> String {
    let hardware = &compute.hardware;
    let memory = hardware.memory.map_or(String::new(), |bytes| format!(", {}", show_size(bytes)));
    format!("{} ({}{memory})", compute.name(), hardware.name)
}

fn place(plan: &Plan, stage: Option<&Stage>) -> String {
    let size = plan.dataset.as_ref().map(|dataset| dataset.image_size);
    let size = size.map_or(String::new(), |[height, width]| format!(" of {height}x{width}"));
    match stage {
        Some(stage) => {
            let images = if stage.batch_size == 1 { "image" } else { "images" };
            format!(
                ", in stage `{}` with batches of {} {images}{size}",
                stage.name, stage.batch_size
            )
        }
        None => format!(", before the first stage, with images{size}"),
    }
}

/// What to lower. Half the batch and twice the batches per step is the same step.
fn remedy(work: &Work<'_>, stage: Option<&Stage>) -> String {
    let smaller = "`dataset.image_size`";
    let lower = match stage {
        Some(stage) if stage.batch_size > 1 && stage.batch_size.is_multiple_of(2) => format!(
            "lower `stage.{}.batch_size` (`batch_size = {}` with `accumulate = {}` takes the same \
             steps), or {smaller}",
            stage.name,
            stage.batch_size / 2,
            stage.accumulate * 2
        ),
        Some(stage) if stage.batch_size > 1 => format!(
            "lower `stage.{}.batch_size` (`accumulate` makes one step of several batches), or \
             {smaller}",
            stage.name
        ),
        _ => format!("lower {smaller}"),
    };
    match work.compute.kind {
        DeviceKind::Cuda => {
            format!("{lower}; other programs may hold memory too: `nvidia-smi` lists them")
        }
        _ => lower,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use runner_network::device::Hardware;

    use super::*;
    use crate::failure::guarded;

    fn plan() -> Plan {
        let mut plan = runner_experiment::load_text(
            "a.toml",
            "[experiment]\nname = \"a\"\n[[visualize]]\njob = \"filters\"\n",
            &[],
        )
        .unwrap()
        .plan;
        plan.dataset = Some(runner_experiment::plan::Dataset::default());
        plan.stage = vec![Stage {
            name: "head".to_owned(),
            batch_size: 32,
            accumulate: 1,
            ..Stage::default()
        }];
        plan
    }

    fn card() -> Compute {
        let hardware = Hardware {
            name: "NVIDIA T4".to_owned(),
            memory: Some(16_000_000_000),
            ..Hardware::default()
        };
        Compute { kind: DeviceKind::Cuda, hardware: Arc::new(hardware), ..Compute::cpu() }
    }

    /// In one test, since what panics say is kept for the whole process.
    #[test]
    fn a_full_memory_is_known_and_named_wherever_it_was_noticed() {
        crate::failure::catch_panics();
        let (plan, compute) = (plan(), card());
        let work = Work { compute: &compute, plan: &plan, stage: Some("head") };
        let failure = guarded(|| panic!("out of device memory allocating 2000000000 bytes\n at x"));
        let failure = explained(failure.unwrap_err(), &work);
        assert_eq!(failure.code, 4);
        assert_eq!(
            failure.message(),
            "the memory of cuda:0 (NVIDIA T4, 16.00 GB) is full, in stage `head` with batches of 32 \
             images of 150x150: 2.00 GB more were asked for\nlower `stage.head.batch_size` \
             (`batch_size = 16` with `accumulate = 2` takes the same steps), or \
             `dataset.image_size`; other programs may hold memory too: `nvidia-smi` lists them"
        );
        // What another thread panics over is the reason of what follows in this one.
        let failure = guarded(|| {
            let other = std::thread::spawn(|| panic!("wgpu error: Out of Memory"));
            let _ = other.join();
            Err(Failure::internal("the channel is closed"))
        });
        let failure = failure.unwrap_err();
        assert_eq!((failure.code, failure.out_of_memory), (4, Some(OutOfMemory { bytes: None })));
        let other = guarded(|| Err(Failure::internal("something else"))).unwrap_err();
        assert_eq!((other.code, other.out_of_memory), (1, None));
    }
}
