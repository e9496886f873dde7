//! The features of a split, once or for each of several views that take turns.

use std::sync::OnceLock;

use burn::tensor::{Int, Tensor, TensorData};
use runner_convolution::buffer;
use runner_experiment::architecture::Shape;
use runner_network::on_device::fits;
use runner_network::{Compute, Flow};

use crate::error::LearnError;
use crate::feature_set::FeatureSet;

/// Features that one or several sets hold.
#[derive(Debug)]
pub struct FeatureViews {
    /// At least one.
    views: Vec<FeatureSet>,
    /// See [`FeatureViews::on_device`].
    on_device: OnceLock<Option<Tensor<2>>>,
}

impl FeatureViews {
    /// The sets of one split, of which there is at least one.
    #[must_use]
    pub fn new(views: Vec<FeatureSet>) -> Self {
        Self { views, on_device: OnceLock::new() }
    }

    /// What all views have in common.
    #[must_use]
    pub fn first(&self) -> &FeatureSet {
        &self.views[0]
    }

    /// Features of a batch; in each epoch another view of an image has its turn.
    ///
    /// # Errors
    ///
    /// [`LearnError::Cache`] where an entry was damaged or removed.
    pub fn gather(&self, batch: &[usize], epoch: u64) -> Result<Vec<f32>, LearnError> {
        if let [only] = self.views.as_slice() {
            return only.gather(batch);
        }
        let mut values = buffer::room(batch.len() * self.first().shape.elements());
        for index in batch {
            values.extend(self.views[self.turn(*index, epoch)].gather(&[*index])?);
        }
        Ok(values)
    }

    /// The view whose turn it is.
    fn turn(&self, index: usize, epoch: u64) -> usize {
        (epoch as usize).wrapping_add(index) % self.views.len()
    }

    /// All features on a GPU, one row per view and image; `None` where they do not fit there.
    #[must_use]
    pub fn on_device(&self, compute: &Compute) -> Option<&Tensor<2>> {
        self.on_device.get_or_init(|| self.send(compute)).as_ref()
    }

    /// Features of a batch, from all of them on a GPU.
    #[must_use]
    pub fn select(&self, all: &Tensor<2>, batch: &[usize], epoch: u64) -> Flow {
        let images = self.first().len();
        let rows: Vec<i32> = batch
            .iter()
            .map(|index| self.turn(*index, epoch) * images + index)
            .map(|row| i32::try_from(row).unwrap_or(i32::MAX))
            .collect();
        let rows = TensorData::new(rows, [batch.len()]);
        let rows: Tensor<1, Int> = Tensor::from_data(rows, &all.device());
        let chosen = all.clone().select(0, rows);
        match self.first().shape {
            Shape::Map { height, width, channels } => {
                Flow::Map(chosen.reshape([batch.len(), channels, height, width]))
            }
            Shape::Vector(_) => Flow::Vector(chosen),
        }
    }

    /// All features, where they lie in memory and fit on the device.
    fn send(&self, compute: &Compute) -> Option<Tensor<2>> {
        let length = self.first().shape.elements();
        let values = self.views.iter().map(FeatureSet::values).collect::<Option<Vec<_>>>()?;
        let bytes = size_of_val(values[0]) * values.len();
        if bytes == 0 || !fits(bytes, &compute.device) {
            return None;
        }
        let tensor = |values: &&[f32]| {
            let data = TensorData::new(values.to_vec(), [values.len() / length, length]);
            Tensor::from_data(data, &compute.device)
        };
        let tensors: Vec<Tensor<2>> = values.iter().map(tensor).collect();
        Some(if tensors.len() == 1 { tensors.into_iter().next()? } else { Tensor::cat(tensors, 0) })
    }
}
