//! Whether a device computes what it is told to.
//!
//! Some software drivers lose what the units of a cube share in memory, and say nothing: a network
//! would train on noise.

use std::sync::{Mutex, PoisonError};

use burn::tensor::{Device, Tensor, TensorData};

use super::kernel::activation::Function;
use super::layers;
use crate::device::Compute;
use crate::error::NetworkError;
use crate::parameter::read;

/// More than one step of the depth, and no multiple of anything.
const IMAGES: usize = 3;
const INPUTS: usize = 37;
const OUTPUTS: usize = 5;

/// The devices that are.
static SOUND: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Nothing, for the CPU and for a GPU that computes rightly. Each is asked once.
///
/// # Errors
///
/// [`NetworkError::Unsound`] for one that does not.
pub(crate) fn require_sound(compute: &Compute) -> Result<(), NetworkError> {
    let device = compute.name();
    let mut sound = SOUND.lock().unwrap_or_else(PoisonError::into_inner);
    if compute.is_host() || sound.contains(&device) {
        return Ok(());
    }
    if !is_sound(&compute.device) {
        return Err(NetworkError::Unsound(device));
    }
    sound.push(device);
    Ok(())
}

/// Whether a small product comes out as on the host.
pub(super) fn is_sound(device: &Device) -> bool {
    let value = |index: usize, salt: usize| ((index * 37 + salt) % 101) as f32 / 50.0 - 1.0;
    let row = |count: usize, salt: usize| (0..count).map(|index| value(index, salt)).collect();
    let (input, kernel): (Vec<f32>, Vec<f32>) = (row(IMAGES * INPUTS, 1), row(INPUTS * OUTPUTS, 2));
    let on_device = |values: &[f32], shape: [usize; 2]| -> Tensor<2> {
        Tensor::from_data(TensorData::new(values.to_vec(), shape), device)
    };
    let found = read(layers::dense(
        on_device(&input, [IMAGES, INPUTS]),
        on_device(&kernel, [INPUTS, OUTPUTS]),
        Tensor::zeros([OUTPUTS], device),
        Function::Linear,
    ));
    let expected = |image: usize, output: usize| -> f32 {
        let products = (0..INPUTS)
            .map(|place| input[image * INPUTS + place] * kernel[place * OUTPUTS + output]);
        products.sum()
    };
    found.is_ok_and(|found| {
        let places = (0..IMAGES).flat_map(|image| (0..OUTPUTS).map(move |output| (image, output)));
        places
            .zip(found)
            .all(|((image, output), found)| (expected(image, output) - found).abs() < 1e-3)
    })
}
