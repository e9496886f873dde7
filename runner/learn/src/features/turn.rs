//! Several runs that lack the same features: one computes them, the others wait for them.

use std::fs::File;
use std::time::Duration;

use runner_record::{Event, Phase};

use super::Pass;
use crate::error::LearnError;
use crate::feature_cache::Turn;

/// Between two looks at what another run computes.
const PATIENCE: Duration = Duration::from_millis(100);

impl Pass<'_, '_> {
    /// Waits until nobody else computes features of this prefix; what they computed is no longer
    /// missing then.
    pub(super) fn take_turn(
        &mut self,
        missing: &mut Vec<usize>,
        observe: &mut dyn FnMut(Event),
    ) -> Result<Option<File>, LearnError> {
        let (total, phase) = (missing.len(), Phase::Features(self.split.name));
        let mut waited = false;
        while let Some(cache) = self.cache.as_ref().filter(|_| !missing.is_empty()) {
            match cache.turn() {
                Turn::Unknown => break,
                Turn::Ours(turn) if !waited => return Ok(Some(turn)),
                Turn::Ours(turn) => {
                    self.take_present(missing);
                    return Ok(Some(turn));
                }
                Turn::Theirs => {
                    waited = true;
                    self.extractor.interrupt.check()?;
                    std::thread::sleep(PATIENCE);
                    self.take_present(missing);
                    let done = total - missing.len();
                    observe(Event::Progress { phase: phase.clone(), done, total });
                }
            }
        }
        Ok(None)
    }

    /// Takes what the cache has by now of what was missing.
    fn take_present(&mut self, missing: &mut Vec<usize>) {
        let split = self.split;
        let Some(cache) = self.cache.take() else { return };
        missing.retain(|index| {
            let image = &split.images[*index].hash;
            let found = cache.has(image).then(|| cache.get(image)).flatten();
            found.map(|features| self.keep(*index, &features)).is_none()
        });
        self.cache = Some(cache);
    }
}
