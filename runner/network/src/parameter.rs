//! Parameters as flat tensors with a name and a shape.
//!
//! Flat, because optimizers, checkpoints and files do not care about shapes; the network gives
//! each its shape where it uses it.

use burn::tensor::{Device, Tensor, TensorData};

use runner_experiment::architecture::{Layer, ParameterSpec, Role};

use crate::error::NetworkError;
use crate::reading::{is_on_host, waited};

/// One tensor of a layer.
#[derive(Debug, Clone)]
pub struct Parameter {
    /// `block5_conv1.kernel`, `output.bias`, …
    pub name: String,
    /// What it is for.
    pub role: Role,
    /// As [`ParameterSpec`] has it.
    pub shape: Vec<usize>,
    /// The values, flat, without autodiff.
    pub value: Tensor<1>,
}

impl Parameter {
    /// A parameter of a layer from values on the host.
    #[must_use]
    pub fn new(layer: &Layer, spec: ParameterSpec, values: Vec<f32>, device: &Device) -> Self {
        let ParameterSpec { role, shape, .. } = spec;
        let name = format!("{}.{}", layer.name, role.name());
        Self { name, role, shape, value: tensor(values, device) }
    }

    /// The values on the host.
    ///
    /// # Errors
    ///
    /// [`NetworkError::Compute`] where the device lost them.
    pub fn values(&self) -> Result<Vec<f32>, NetworkError> {
        read(self.value.clone())
    }
}

/// A flat tensor from values on the host.
#[must_use]
pub fn tensor(values: Vec<f32>, device: &Device) -> Tensor<1> {
    let length = values.len();
    Tensor::from_data(TensorData::new(values, [length]), device)
}

/// The values of a tensor on the host, flat.
///
/// # Errors
///
/// [`NetworkError::Compute`] where the device lost them, [`NetworkError::OutOfMemory`] where they
/// did not fit.
pub fn read<const D: usize>(tensor: Tensor<D>) -> Result<Vec<f32>, NetworkError> {
    if !is_on_host(&tensor) {
        waited();
    }
    let data = tensor.try_into_data().map_err(lost)?;
    data.try_into_vec::<f32>().map_err(lost)
}

fn lost(error: impl std::fmt::Debug) -> NetworkError {
    NetworkError::of_device(format!("{error:?}"))
}
