//! Opens a weights file, in whatever format it is.

use std::io::Read;
use std::path::Path;

use super::entry::{Entry, KerasAbout, TensorFile};
use super::error::WeightsError;
use super::{hdf5, keras, onnx, pytorch, safetensors};

type Contents = (Vec<Entry>, Option<KerasAbout>);

/// Opens a file by what its first bytes say, else by its name.
///
/// # Errors
///
/// [`WeightsError::Unreadable`] or [`WeightsError::UnknownFormat`].
pub fn open(path: &Path) -> Result<TensorFile, WeightsError> {
    let unreadable = |reason: String| WeightsError::Unreadable {
        path: path.to_path_buf(),
        source: reason.into(),
    };
    let mut start = Vec::new();
    std::fs::File::open(path)
        .and_then(|file| file.take(16).read_to_end(&mut start))
        .map_err(|error| unreadable(error.to_string()))?;
    let open: fn(&Path) -> Result<Contents, String> = match format(path, &start) {
        Some(Format::Hdf5) => hdf5::open,
        Some(Format::Zip) => open_zip,
        Some(Format::Pytorch) => |path| Ok((pytorch::open(path)?, None)),
        Some(Format::Safetensors) => |path| Ok((safetensors::open(path)?, None)),
        Some(Format::Onnx) => |path| Ok((onnx::open(path)?, None)),
        None => return Err(WeightsError::UnknownFormat { path: path.to_path_buf() }),
    };
    let (entries, keras) = open(path).map_err(unreadable)?;
    Ok(TensorFile { path: path.to_path_buf(), entries, keras })
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Hdf5,
    Zip,
    Pytorch,
    Safetensors,
    Onnx,
}

/// PyTorch's files have many extensions (`.pth`, `.pt`, `.ckpt`, `.bin`, `.pth.tar`): the first
/// bytes decide, and the extension where they say nothing.
fn format(path: &Path, start: &[u8]) -> Option<Format> {
    if start.starts_with(b"\x89HDF\r\n\x1a\n") {
        return Some(Format::Hdf5);
    }
    if start.starts_with(b"PK\x03\x04") {
        return Some(Format::Zip);
    }
    if start.get(8) == Some(&b'{') {
        return Some(Format::Safetensors);
    }
    let extension = path.extension().unwrap_or_default().to_string_lossy().to_lowercase();
    match extension.as_str() {
        "h5" | "hdf5" => Some(Format::Hdf5),
        "keras" => Some(Format::Zip),
        "pth" | "pt" | "bin" | "ckpt" | "tar" => Some(Format::Pytorch),
        "safetensors" => Some(Format::Safetensors),
        "onnx" => Some(Format::Onnx),
        _ => None,
    }
}

/// PyTorch's archive or Keras's.
fn open_zip(path: &Path) -> Result<Contents, String> {
    match keras::is_archive(path)? {
        true => keras::open(path),
        false => Ok((pytorch::open(path)?, None)),
    }
}
