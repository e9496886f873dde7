//! What the batches of an epoch come to: known at once on the CPU, read now and then from a GPU.
//!
//! A GPU is never waited for where it has nothing else to do: what it counted until now is asked for,
//! more steps are sent, and then the answer is there. So progress and a loss that is not finite are
//! seen a little later than on the CPU; the step that they belong to is the same.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use runner_network::Compute;
use runner_network::on_device::ledger::Ledger;
use runner_network::on_device::readback::Readback;

use crate::checkpoint::Position;
use crate::error::LearnError;
use crate::loss::Outcome;

/// A GPU is asked once in so many batches at the most.
const LEAST: usize = 20;

/// … and at the least.
const MOST: usize = 4096;

/// It is to be asked about this often.
const OFTEN: Duration = Duration::from_millis(500);

/// A batch that was sent.
#[derive(Debug, Clone, Copy)]
struct Sent {
    images: usize,
    /// Whether a step of the optimizer followed.
    stepped: bool,
}

/// Counts the batches of an epoch.
pub(super) struct Tally<'a> {
    compute: &'a Compute,
    /// Images per batch at the most.
    size: usize,
    /// How far the batches got whose outcomes are known.
    reached: Position,
    /// How far the last step of the optimizer among them got: what is saved.
    saved: Position,
    /// Batches whose outcomes are not known.
    unknown: VecDeque<Sent>,
    ledger: Option<Ledger>,
    /// Batches in the ledger.
    noted: usize,
    /// On their way.
    answer: Option<Readback>,
    /// Ask once in so many batches.
    every: usize,
    asked: Instant,
}

/// A loss that is not finite.
pub(super) struct NotFinite {
    pub(super) loss: f64,
    /// 1-based within the epoch.
    pub(super) step: usize,
}

/// Why a tally cannot go on.
pub(super) enum Trouble {
    Loss(NotFinite),
    Other(LearnError),
}

impl<E: Into<LearnError>> From<E> for Trouble {
    fn from(error: E) -> Self {
        Self::Other(error.into())
    }
}

impl<'a> Tally<'a> {
    /// Goes on at a position, with batches of up to `size` images.
    pub(super) fn new(position: Position, size: usize, compute: &'a Compute) -> Self {
        Self {
            compute,
            size,
            reached: position,
            saved: position,
            unknown: VecDeque::new(),
            ledger: None,
            noted: 0,
            answer: None,
            every: LEAST,
            asked: Instant::now(),
        }
    }

    /// How far the batches got whose outcomes are known.
    pub(super) fn reached(&self) -> Position {
        self.reached
    }

    /// How far the last step of the optimizer got whose outcomes are known.
    pub(super) fn saved(&self) -> Position {
        self.saved
    }

    /// A ledger with room for a batch; it goes back by [`Tally::note`].
    pub(super) fn ledger(&mut self) -> Ledger {
        let room = self.every * self.size;
        self.ledger.take().unwrap_or_else(|| Ledger::new(room, &self.compute.device))
    }

    /// A batch stands in a ledger on a GPU. Whether something new is known.
    pub(super) fn note(&mut self, images: usize, ledger: Ledger) -> Result<bool, Trouble> {
        self.unknown.push_back(Sent { images, stepped: false });
        self.ledger = Some(ledger);
        self.noted += 1;
        if self.noted < self.every {
            return Ok(false);
        }
        let pace = self.asked.elapsed();
        self.asked = Instant::now();
        self.turn()?;
        if pace < OFTEN {
            self.every = (2 * self.every).min(MOST);
        } else if pace > 4 * OFTEN {
            self.every = (self.every / 2).max(LEAST);
        }
        Ok(true)
    }

    /// A batch whose outcomes are here.
    pub(super) fn count(&mut self, outcomes: &[Outcome]) -> Result<(), Trouble> {
        let images: Vec<(f64, f64)> =
            outcomes.iter().map(|outcome| (outcome.loss, outcome.score)).collect();
        self.settle(&images, false)
    }

    /// The optimizer took a step after the last batch.
    pub(super) fn stepped(&mut self) {
        match self.unknown.back_mut() {
            Some(sent) => sent.stepped = true,
            None => self.saved = self.reached,
        }
    }

    /// Waits until all outcomes are known.
    pub(super) fn finish(&mut self) -> Result<(), Trouble> {
        self.turn()?;
        self.turn()
    }

    /// Asks for what stands in the ledger; what was asked for before is known then.
    fn turn(&mut self) -> Result<(), Trouble> {
        self.noted = 0;
        let next = self.ledger.take().map(|ledger| Readback::start(vec![ledger.into_values()]));
        let Some(answer) = std::mem::replace(&mut self.answer, next.transpose()?) else {
            return Ok(());
        };
        let values = answer.wait()?.pop().unwrap_or_default();
        let mut images = values.as_chunks::<2>().0;
        while let Some(sent) = self.unknown.front().copied()
            && !images.is_empty()
            && images.len() >= sent.images
        {
            self.unknown.pop_front();
            let (batch, others) = images.split_at(sent.images);
            let batch: Vec<(f64, f64)> =
                batch.iter().map(|[loss, score]| (f64::from(*loss), f64::from(*score))).collect();
            images = others;
            self.settle(&batch, sent.stepped)?;
        }
        Ok(())
    }

    fn settle(&mut self, images: &[(f64, f64)], stepped: bool) -> Result<(), Trouble> {
        self.reached.sums.add(images);
        self.reached.steps += 1;
        let (loss, step) = (self.reached.sums.loss, self.reached.steps);
        if !loss.is_finite() {
            return Err(Trouble::Loss(NotFinite { loss, step }));
        }
        if stepped {
            self.saved = self.reached;
        }
        Ok(())
    }
}
