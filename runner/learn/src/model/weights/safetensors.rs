//! safetensors: a table of names, types, shapes and offsets, then bytes.

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

/// What a file of this program says of itself.
pub(super) fn about(path: &Path) -> Option<serde_json::Value> {
    if path.extension()? != "safetensors" {
        return None;
    }
    let bytes = std::fs::read(path).ok()?;
    let (_, header) = SafeTensors::read_metadata(&bytes).ok()?;
    serde_json::from_str(header.metadata().as_ref()?.get("runner")?).ok()
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
