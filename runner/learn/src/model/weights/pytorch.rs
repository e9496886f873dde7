//! PyTorch's `.pth`: a pickle, whose opcodes are read as data and never executed.

use std::path::Path;

use half::{bf16, f16};
use pytorch_reader::{DType, PytorchReader};

use super::FileTensor;

pub(super) fn read(path: &Path) -> Result<Vec<FileTensor>, String> {
    let open = |key: Option<&str>| match key {
        None => PytorchReader::new(path),
        Some(key) => PytorchReader::with_top_level_key(path, key),
    };
    let mut reader = open(None).map_err(|error| error.to_string())?;
    // Training checkpoints keep the weights one level down.
    for key in ["state_dict", "model_state_dict", "model"] {
        let prefix = format!("{key}.");
        if reader.keys().iter().any(|name| name.starts_with(&prefix)) {
            reader = open(Some(key)).map_err(|error| error.to_string())?;
            break;
        }
    }
    let mut tensors = Vec::new();
    for (name, tensor) in reader.tensors() {
        let bytes = tensor.read().map_err(|error| error.to_string())?;
        let values = match tensor.dtype() {
            DType::F32 => f32s(&bytes),
            DType::F64 => f64s(&bytes),
            DType::F16 => f16s(&bytes),
            DType::BF16 => bf16s(&bytes),
            other => return Err(format!("`{name}` holds {other:?}, not floats")),
        };
        tensors.push(FileTensor { name: name.clone(), shape: tensor.shape().to_vec(), values });
    }
    tensors.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(tensors)
}

pub(super) fn f32s(bytes: &[u8]) -> Vec<f32> {
    chunks(bytes).map(f32::from_le_bytes).collect()
}

#[allow(clippy::cast_possible_truncation)]
pub(super) fn f64s(bytes: &[u8]) -> Vec<f32> {
    chunks(bytes).map(|chunk| f64::from_le_bytes(chunk) as f32).collect()
}

pub(super) fn f16s(bytes: &[u8]) -> Vec<f32> {
    chunks(bytes).map(|chunk| f16::from_le_bytes(chunk).to_f32()).collect()
}

pub(super) fn bf16s(bytes: &[u8]) -> Vec<f32> {
    chunks(bytes).map(|chunk| bf16::from_le_bytes(chunk).to_f32()).collect()
}

fn chunks<const N: usize>(bytes: &[u8]) -> impl Iterator<Item = [u8; N]> + '_ {
    bytes.as_chunks::<N>().0.iter().copied()
}
