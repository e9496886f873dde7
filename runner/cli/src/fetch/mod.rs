//! What comes from elsewhere: downloads, weights, data sets.

pub mod archive;
pub mod dataset;
pub mod download;
pub mod weights;
pub mod wheel;

use std::io::Read;
use std::path::Path;

use md5::Md5;
use sha2::{Digest, Sha256};

/// A published checksum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Checksum {
    /// As Keras publishes them.
    Md5(&'static str),
    /// None is published; the length in bytes is known.
    Length(u64),
}

impl Checksum {
    /// Whether the file has it; `Err` says what it has instead.
    pub fn check(self, path: &Path) -> std::io::Result<Result<(), String>> {
        let found = match self {
            Self::Md5(_) => hash::<Md5>(path)?,
            Self::Length(_) => std::fs::metadata(path)?.len().to_string(),
        };
        let (kind, expected) = match self {
            Self::Md5(sum) => ("the MD5", sum.to_owned()),
            Self::Length(bytes) => ("the length", bytes.to_string()),
        };
        Ok(match found == expected {
            true => Ok(()),
            false => Err(format!("{kind} is {found}, expected {expected}")),
        })
    }
}

/// SHA-256 of a file, in hexadecimal digits.
pub fn sha256(path: &Path) -> std::io::Result<String> {
    hash::<Sha256>(path)
}

fn hash<D: Digest>(path: &Path) -> std::io::Result<String> {
    let mut hasher = D::new();
    let mut file = std::fs::File::open(path)?;
    let mut buffer = vec![0; 1 << 16];
    loop {
        let count = file.read(&mut buffer)?;
        if count == 0 {
            break;
        }
        hasher.update(&buffer[..count]);
    }
    Ok(hasher
        .finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect())
}
