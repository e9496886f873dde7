//! Values on their way from a GPU to the host, while the GPU goes on.
//!
//! Reading what was just computed waits for it, and the device has nothing to do until the next step
//! was sent. A readback starts the copy behind the work that was sent before; whoever asks for the
//! values later, after more work was sent, waits for no idle device.

use std::pin::Pin;

use burn::tensor::Tensor;

use crate::error::NetworkError;
use crate::parameter::read;
use crate::reading::waited;

type Copied = Pin<Box<dyn Future<Output = Result<Vec<Vec<f32>>, NetworkError>> + Send>>;

/// Some tensors whose values are on their way.
#[must_use]
pub struct Readback(State);

enum State {
    /// They lie in this process's memory.
    Here(Vec<Vec<f32>>),
    #[cfg_attr(not(feature = "gpu"), expect(dead_code, reason = "only GPUs send values"))]
    Sent(Copied),
}

impl Readback {
    /// Starts the copy of some tensors, all in one.
    ///
    /// # Errors
    ///
    /// [`NetworkError::Compute`] where the device lost them.
    pub fn start<const D: usize>(tensors: Vec<Tensor<D>>) -> Result<Self, NetworkError> {
        #[cfg(feature = "gpu")]
        if tensors.first().is_some_and(|tensor| !crate::reading::is_on_host(tensor)) {
            return Ok(Self(State::Sent(copy::start(tensors)?)));
        }
        Ok(Self(State::Here(tensors.into_iter().map(read).collect::<Result<_, _>>()?)))
    }

    /// The values of each tensor, flat.
    ///
    /// # Errors
    ///
    /// [`NetworkError::Compute`] where the device lost them.
    pub fn wait(self) -> Result<Vec<Vec<f32>>, NetworkError> {
        match self.0 {
            State::Here(values) => Ok(values),
            State::Sent(copied) => {
                waited();
                burn::tensor::read_sync(copied)
            }
        }
    }
}

#[cfg(feature = "gpu")]
mod copy {
    use std::sync::{Mutex, PoisonError};

    use burn::cubecl::client::Client;
    use burn::tensor::Tensor;

    use super::Copied;
    use crate::error::NetworkError;
    use crate::on_device::cube::cube;

    /// One per device that was ever read from.
    static CLIENTS: Mutex<Vec<&'static Client>> = Mutex::new(Vec::new());

    /// A client for the life of the process: what is awaited borrows it.
    fn lasting(client: &Client) -> &'static Client {
        let mut clients = CLIENTS.lock().unwrap_or_else(PoisonError::into_inner);
        let device = client.service_id();
        if let Some(found) = clients.iter().find(|found| found.service_id() == device) {
            return found;
        }
        let lasting: &'static Client = Box::leak(Box::new(client.clone()));
        clients.push(lasting);
        lasting
    }

    pub(super) fn start<const D: usize>(tensors: Vec<Tensor<D>>) -> Result<Copied, NetworkError> {
        let tensors = tensors.into_iter().map(cube).collect::<Result<Vec<_>, _>>()?;
        let Some(client) = tensors.first().map(|tensor| lasting(&tensor.client)) else {
            return Ok(Box::pin(std::future::ready(Ok(Vec::new()))));
        };
        let lengths: Vec<usize> = tensors.iter().map(|tensor| tensor.meta.num_elements()).collect();
        let handles = tensors.into_iter().map(|tensor| tensor.handle).collect();
        // Sends the copy now; what is awaited is its end.
        let copied = client.read_async(handles);
        Ok(Box::pin(async move {
            let lost = |error| NetworkError::Compute(format!("{error:?}").into());
            let all = copied.await.map_err(lost)?;
            let pairs = all.iter().zip(lengths);
            let bytes = pairs.map(|(bytes, length)| &bytes[..length * size_of::<f32>()]);
            Ok(bytes.map(bytemuck::pod_collect_to_vec).collect())
        }))
    }
}
