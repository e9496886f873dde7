//! What comes out of a network, batch after batch: at once from the CPU, and from a GPU while it works
//! on the next batches.

use std::time::Duration;

use burn::tensor::Tensor;
use runner_network::inference::values;
use runner_network::on_device::readback::Readback;
use runner_network::{Compute, Flow, NetworkError};

/// Batches that came back: what belongs to each, and its values, flat.
pub type Arrived<T> = Vec<(T, Vec<f32>)>;

/// Batches whose values are on their way, each with what belongs to it.
pub struct Outputs<T> {
    /// So many batches are read at once; `None` where there is nothing to wait for.
    every: Option<usize>,
    waiting: Vec<(T, Tensor<2>)>,
    sent: Option<(Readback, Vec<T>)>,
    /// How long somebody waited.
    pub waited: Duration,
}

impl<T> Outputs<T> {
    /// From a GPU the values of so many batches are read at once.
    #[must_use]
    pub fn new(every: usize, compute: &Compute) -> Self {
        let every = (!compute.is_host()).then_some(every);
        Self { every, waiting: Vec::new(), sent: None, waited: Duration::ZERO }
    }

    /// Takes in a batch; the batches that are there by now come back, flat, in their order.
    ///
    /// # Errors
    ///
    /// [`NetworkError::Compute`] where the device lost them.
    pub fn push(&mut self, of: T, flow: Flow) -> Result<Arrived<T>, NetworkError> {
        let Some(every) = self.every else {
            return Ok(vec![(of, values(flow)?)]);
        };
        self.waiting.push((of, flow.rows()));
        if self.waiting.len() < every {
            return Ok(Vec::new());
        }
        self.turn()
    }

    /// The batches that have not come back.
    ///
    /// # Errors
    ///
    /// [`NetworkError::Compute`] where the device lost them.
    pub fn finish(&mut self) -> Result<Arrived<T>, NetworkError> {
        let mut all = self.turn()?;
        all.extend(self.turn()?);
        Ok(all)
    }

    /// Starts to read what waits; what was on its way before comes back.
    fn turn(&mut self) -> Result<Arrived<T>, NetworkError> {
        let (of, tensors): (Vec<T>, Vec<Tensor<2>>) = self.waiting.drain(..).unzip();
        let next = match tensors.is_empty() {
            true => None,
            false => Some((Readback::start(tensors)?, of)),
        };
        let Some((readback, of)) = std::mem::replace(&mut self.sent, next) else {
            return Ok(Vec::new());
        };
        let start = std::time::Instant::now();
        let values = readback.wait()?;
        self.waited += start.elapsed();
        Ok(of.into_iter().zip(values).collect())
    }
}
