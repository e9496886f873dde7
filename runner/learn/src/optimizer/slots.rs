//! What an optimizer remembers of one parameter.

use runner_experiment::optimizer::Slot;

/// A list of values, or nothing, for every [`Slot`]: all that any optimizer may have.
#[derive(Debug, Default)]
pub(super) struct Slots<T> {
    first: T,
    second: T,
}

impl<T: Default> Slots<T> {
    /// As they stand in a checkpoint.
    pub(super) fn new([first, second]: [T; 2]) -> Self {
        Self { first, second }
    }

    /// As they stand in a checkpoint.
    pub(super) fn both(&self) -> [&T; 2] {
        [&self.first, &self.second]
    }

    /// Takes out those that a formula has.
    pub(super) fn take<const N: usize>(&mut self, which: [Slot; N]) -> [T; N] {
        which.map(|slot| std::mem::take(self.get(slot)))
    }

    /// Puts them back.
    pub(super) fn put<const N: usize>(&mut self, which: [Slot; N], values: [T; N]) {
        for (slot, value) in which.into_iter().zip(values) {
            *self.get(slot) = value;
        }
    }

    fn get(&mut self, slot: Slot) -> &mut T {
        match slot {
            Slot::First => &mut self.first,
            Slot::Second => &mut self.second,
        }
    }
}
