//! safetensors: a table of names, types, shapes and offsets, then bytes.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use ::safetensors::{Dtype, SafeTensors};

use super::FileTensor;

pub(super) fn read(path: &Path) -> Result<Vec<FileTensor>, String> {
    let bytes = std::fs::read(path).map_err(|error| error.to_string())?;
    let file = SafeTensors::deserialize(&bytes).map_err(|error| error.to_string())?;
    let mut tensors = Vec::new();
    for (name, view) in file.iter() {
        let values = floats(view.data(), view.dtype())
            .ok_or_else(|| format!("`{name}` holds {:?}, not floats", view.dtype()))?;
        tensors.push(FileTensor { name: name.to_owned(), shape: view.shape().to_vec(), values });
    }
    Ok(tensors)
}

/// What a file of this program says of itself. Reads the header alone: eight bytes of length, then
/// JSON.
pub(super) fn about(path: &Path) -> Option<serde_json::Value> {
    if path.extension()? != "safetensors" {
        return None;
    }
    let mut file = File::open(path).ok()?;
    let mut length = [0; 8];
    file.read_exact(&mut length).ok()?;
    let mut header = Vec::new();
    file.take(u64::from_le_bytes(length)).read_to_end(&mut header).ok()?;
    let header: serde_json::Value = serde_json::from_slice(&header).ok()?;
    serde_json::from_str(header["__metadata__"]["runner"].as_str()?).ok()
}

fn floats(bytes: &[u8], kind: Dtype) -> Option<Vec<f32>> {
    Some(match kind {
        Dtype::F32 => super::pytorch::f32s(bytes),
        Dtype::F64 => super::pytorch::f64s(bytes),
        Dtype::F16 => super::pytorch::f16s(bytes),
        Dtype::BF16 => super::pytorch::bf16s(bytes),
        _ => return None,
    })
}
