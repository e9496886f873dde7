//! PyTorch's checkpoints: a pickle, whose opcodes are read as data and never executed.

use std::fs::File;
use std::path::Path;

use half::{bf16, f16};
use pytorch_reader::{DType, PytorchReader, Tensor};
use zip::ZipArchive;

use super::entry::Entry;

/// The largest pickle of names and shapes, in bytes: that of a network with a thousand tensors has
/// some hundred thousand.
const LARGEST_PICKLE: u64 = 16 << 20;

pub(super) fn open(path: &Path) -> Result<Vec<Entry>, String> {
    check_size(path)?;
    let reader = PytorchReader::new(path).map_err(|error| explain(&error.to_string()))?;
    let mut entries: Vec<Entry> = reader
        .into_tensors()
        .into_iter()
        .map(|(name, tensor)| {
            let shape = tensor.shape().to_vec();
            Entry { name, shape, values: Box::new(move || floats(&tensor)) }
        })
        .collect();
    entries.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(entries)
}

/// A compressed pickle can claim any size.
fn check_size(path: &Path) -> Result<(), String> {
    let file = File::open(path).map_err(|error| error.to_string())?;
    let Ok(mut archive) = ZipArchive::new(file) else {
        // Older formats are no archives, and no larger than they are.
        return Ok(());
    };
    for index in 0..archive.len() {
        let entry = archive.by_index_raw(index).map_err(|error| error.to_string())?;
        let is_pickle = entry.name().is_ok_and(|name| name.ends_with("data.pkl"));
        if is_pickle && entry.size() > LARGEST_PICKLE {
            return Err(format!(
                "its list of tensors claims {} bytes, more than {LARGEST_PICKLE}",
                entry.size()
            ));
        }
    }
    Ok(())
}

/// What to do about a file that holds more than a dictionary of tensors.
fn explain(reason: &str) -> String {
    match reason.contains("root") || reason.contains("nsupported") {
        true => format!("{reason}; save a `state_dict`: torch.save(model.state_dict(), FILE)"),
        false => reason.to_owned(),
    }
}

fn floats(tensor: &Tensor) -> Result<Vec<f32>, String> {
    let read: fn(&[u8]) -> Vec<f32> = match tensor.dtype() {
        DType::F32 => f32s,
        DType::F64 => f64s,
        DType::F16 => f16s,
        DType::BF16 => bf16s,
        other => return Err(format!("holds {other:?}, not floats")),
    };
    let bytes = tensor.read().map_err(|error| error.to_string())?;
    Ok(read(&bytes))
}

pub(super) fn f32s(bytes: &[u8]) -> Vec<f32> {
    chunks(bytes).map(f32::from_le_bytes).collect()
}

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
