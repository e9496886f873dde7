//! safetensors: a table of names, types, shapes and offsets, then bytes.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::Arc;

use ::safetensors::Dtype;
use ::safetensors::tensor::Metadata;

use super::entry::Entry;
use super::pytorch::{bf16s, f16s, f32s, f64s};

/// The largest table, in bytes: that of a network with a thousand tensors has a hundred thousand.
const LARGEST_TABLE: u64 = 8 << 20;

pub(super) fn open(path: &Path) -> Result<Vec<Entry>, String> {
    let file = File::open(path).map_err(|error| error.to_string())?;
    let length = file.metadata().map_err(|error| error.to_string())?.len();
    let table = table(&file)?;
    let metadata = metadata(&table)?;
    let start = 8 + table.len() as u64;
    let whole = start + metadata.data_len() as u64;
    if whole != length {
        return Err(format!("it has {length} bytes, and its table says {whole}"));
    }
    let file = Arc::new(file);
    let mut entries = Vec::new();
    for (name, info) in metadata.tensors() {
        let (from, to) = info.data_offsets;
        let (dtype, file) = (info.dtype, Arc::clone(&file));
        let values = move || {
            let bytes = read(&file, start + from as u64, to - from)?;
            floats(&bytes, dtype).ok_or_else(|| format!("holds {dtype:?}, not floats"))
        };
        entries.push(Entry { name, shape: info.shape.clone(), values: Box::new(values) });
    }
    entries.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(entries)
}

/// Bytes of a file; other readers of the same handle may not read at the same time.
fn read(mut file: &File, from: u64, length: usize) -> Result<Vec<u8>, String> {
    let mut bytes = vec![0; length];
    let read = file.seek(SeekFrom::Start(from)).and_then(|_| file.read_exact(&mut bytes));
    read.map(|()| bytes).map_err(|error| error.to_string())
}

/// The table: its length in eight bytes, then JSON.
fn table(file: &File) -> Result<Vec<u8>, String> {
    let start = read(file, 0, 8)?;
    let size = u64::from_le_bytes(start.try_into().unwrap_or_default());
    if size > LARGEST_TABLE {
        return Err(format!("its table claims {size} bytes, more than {LARGEST_TABLE}"));
    }
    read(file, 8, usize::try_from(size).unwrap_or(0))
}

fn metadata(table: &[u8]) -> Result<Metadata, String> {
    serde_json::from_slice(table).map_err(|error| format!("its table is damaged: {error}"))
}

/// What a file of this program says of itself.
pub(crate) fn about(path: &Path) -> Option<serde_json::Value> {
    let metadata = metadata(&table(&File::open(path).ok()?).ok()?).ok()?;
    serde_json::from_str(metadata.metadata().as_ref()?.get("runner")?).ok()
}

fn floats(bytes: &[u8], kind: Dtype) -> Option<Vec<f32>> {
    Some(match kind {
        Dtype::F32 => f32s(bytes),
        Dtype::F64 => f64s(bytes),
        Dtype::F16 => f16s(bytes),
        Dtype::BF16 => bf16s(bytes),
        _ => return None,
    })
}
