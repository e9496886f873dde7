//! On a GPU, the kernels of a stage made ready while its images are read and its features computed.

use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use runner_experiment::plan::Stage;
use runner_network::network::Network;
use runner_network::warm::Queue;
use runner_record::Event;

use super::Run;
use super::prepare::Prepared;
use crate::error::LearnError;
use crate::images::Images;
use crate::objective::Objective;
use crate::samples::Samples;
use crate::stage::{Rehearsal, Warmed};

/// Between two looks at whether somebody asked to stop.
const PATIENCE: Duration = Duration::from_millis(50);

impl<'a> Run<'a> {
    /// As [`Run::prepare`], with a rehearsal of the stage beside it. Where it trains on images, they are
    /// decoded meanwhile.
    pub(super) fn prepare_warm(
        &mut self,
        network: &Network,
        stage: &Stage,
        earlier: Option<Prepared>,
    ) -> Result<(Prepared, Option<Warmed>), LearnError> {
        let rehearsal = match network.compute.is_host() {
            true => None,
            false => self.rehearsal(network, stage),
        };
        let Some(rehearsal) = rehearsal else {
            return Ok((self.prepare(network, stage, earlier)?, None));
        };
        let interrupt = self.request.interrupt.below();
        let queue = Queue::current();
        thread::scope(|scope| {
            let (sender, events) = channel();
            let asked = interrupt.clone();
            // In the queue of this thread: another one would have memory of its own.
            let rehearsing = scope.spawn(move || {
                queue.run(|| {
                    rehearsal.run(&asked, &mut |event| {
                        // Nobody listens any more where preparing failed.
                        let _ = sender.send(event);
                    })
                })
            });
            let ready = self.prepare_beside(network, stage, earlier, &events);
            let is_over = || rehearsing.is_finished();
            let ready = ready.and_then(|ready| {
                let samples = [&ready.train, &ready.validation];
                decoding_ahead(samples, is_over, || self.listen(&events))?;
                Ok(ready)
            });
            if ready.is_err() {
                interrupt.request();
            }
            let warmed = rehearsing.join();
            Ok((ready?, Some(warmed)))
        })
    }

    fn rehearsal<'b>(&self, network: &'b Network, stage: &'b Stage) -> Option<Rehearsal<'b>>
    where
        'a: 'b,
    {
        let checked = self.request.checked;
        let images = |name: &str| {
            self.splits.iter().find(|split| split.name == name).map(|split| split.images.len())
        };
        Some(Rehearsal {
            network,
            stage,
            dataset: self.dataset,
            augmentation: checked.plan.augmentation.as_ref(),
            images: [images("train")?, images("validation")?],
            objective: Objective::new(&checked.plan, checked.classes.len()),
            briefly: network.compute.hardware.is_software,
        })
    }

    /// Prepares, and passes on what is said meanwhile.
    fn prepare_beside(
        &mut self,
        network: &Network,
        stage: &Stage,
        earlier: Option<Prepared>,
        events: &Receiver<Event>,
    ) -> Result<Prepared, LearnError> {
        let observe = &mut *self.observe;
        let mut both = |event| {
            events.try_iter().for_each(&mut *observe);
            observe(event);
        };
        let mut run = Run {
            request: self.request,
            stage: self.stage,
            dataset: self.dataset,
            weights: self.weights.clone(),
            splits: std::mem::take(&mut self.splits),
            observe: &mut both,
        };
        let ready = run.prepare(network, stage, earlier);
        self.splits = run.splits;
        ready
    }

    /// Passes on what a rehearsal says until it is over.
    fn listen(&mut self, events: &Receiver<Event>) -> Result<(), LearnError> {
        loop {
            match events.recv_timeout(PATIENCE) {
                Ok(event) => (self.observe)(event),
                Err(RecvTimeoutError::Timeout) => self.request.interrupt.check()?,
                Err(RecvTimeoutError::Disconnected) => return Ok(()),
            }
        }
    }
}

/// Does `work`; until `is_over` images are decoded on all cores, in the order in which they lie there.
fn decoding_ahead<T>(
    samples: [&Samples; 2],
    is_over: impl Fn() -> bool + Sync,
    work: impl FnOnce() -> T,
) -> T {
    let images: Vec<&Images> = samples
        .into_iter()
        .filter_map(|samples| match samples {
            Samples::Images(images) => Some(&**images),
            Samples::Features(_) => None,
        })
        .collect();
    let workers = thread::available_parallelism().map_or(1, usize::from);
    let decode = |worker: usize| {
        for images in &images {
            for index in (worker..images.labels.len()).step_by(workers) {
                if is_over() {
                    return;
                }
                images.decode_ahead(index);
            }
        }
    };
    thread::scope(|scope| {
        let decode = &decode;
        (0..workers).for_each(|worker| drop(scope.spawn(move || decode(worker))));
        work()
    })
}
