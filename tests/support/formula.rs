//! Weights and pixels that a formula gives: references need not carry them.
//!
//! Element i of the tensor N is lo + (hi - lo) u with u = (splitmix64(fnv1a64(salt + N) +
//! i · 0x9E3779B97F4A7C15) >> 40) / 2²⁴.

use std::path::Path;

use safetensors::Dtype;
use safetensors::tensor::TensorView;
use serde::Deserialize;

use super::fixtures::Reference;

/// A tensor of a reference: its name, its shape, and the range of its values.
#[derive(Debug, Clone, Deserialize)]
pub struct Given(pub String, pub Vec<usize>, pub f64, pub f64);

/// The tensors that a reference was computed with.
pub fn tensors(reference: &Reference) -> Vec<Given> {
    serde_json::from_str(&reference.metadata["tensors"]).unwrap()
}

/// Numbers in [0, 1) for a name.
fn unit(name: &str) -> impl Iterator<Item = f64> + use<> {
    let hash = name.bytes().fold(0xCBF2_9CE4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3)
    });
    (0_u64..).map(move |index| {
        let step = index.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let mut z = hash.wrapping_add(step);
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) >> 40) as f64 / f64::from(1 << 24)
    })
}

/// The values of a tensor.
pub fn values(salt: &str, Given(name, shape, low, high): &Given) -> Vec<f32> {
    let count = shape.iter().product();
    let numbers = unit(&format!("{salt}{name}")).take(count);
    numbers.map(|u| (low + (high - low) * u) as f32).collect()
}

/// `count` levels of pixels, image by image, row by row.
pub fn pixels(salt: &str, count: usize) -> Vec<u8> {
    unit(&format!("{salt}pixels")).take(count).map(|u| (255.0 * u).floor() as u8).collect()
}

/// Writes the tensors of a reference into a file, with its names and in its layouts.
pub fn write(reference: &Reference, path: &Path) {
    let salt = &reference.metadata["salt"];
    let given = tensors(reference);
    let bytes: Vec<Vec<u8>> = given
        .iter()
        .map(|given| values(salt, given).iter().flat_map(|value| value.to_le_bytes()).collect())
        .collect();
    let views = given.iter().zip(&bytes).map(|(given, bytes)| {
        (given.0.clone(), TensorView::new(Dtype::F32, given.1.clone(), bytes).unwrap())
    });
    safetensors::serialize_to_file(views, None, path).unwrap();
}
