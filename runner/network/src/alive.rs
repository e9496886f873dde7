//! The values that are alive while a network runs.

use runner_experiment::architecture::LayerId;

use crate::flow::Value;

/// Values that a later layer still takes.
pub(crate) struct Alive(Vec<(LayerId, Value)>);

impl Alive {
    pub(crate) fn new(id: LayerId, value: Value) -> Self {
        Self(vec![(id, value)])
    }

    pub(crate) fn put(&mut self, id: LayerId, value: Value) {
        self.0.push((id, value));
    }

    /// Whether the value is there.
    pub(crate) fn holds(&self, id: LayerId) -> bool {
        self.0.iter().any(|(held, _)| *held == id)
    }

    /// A value; the last one who asks gets it itself, so that its memory can be used again. Layers
    /// stand in topological order, and ranges begin at cuts: it is there.
    pub(crate) fn take(&mut self, id: LayerId, last: bool) -> Value {
        let place = self.0.iter().position(|(held, _)| *held == id).unwrap_or(0);
        match last {
            true => self.0.swap_remove(place).1,
            false => self.0[place].1.clone(),
        }
    }
}
