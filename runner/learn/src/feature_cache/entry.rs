//! One entry: magic, BLAKE3 of its key and its values, the values as little-endian floats of 32 or 16
//! bits. The key is that of the folder and the hash of the image, so that an entry in another's place
//! is known as one.

use half::f16;
use half::slice::HalfFloatSliceExt;
use half::vec::HalfFloatVecExt;
use runner_experiment::section::dataset::FeaturePrecision;

use super::description::FORMAT;
use runner_data::scan::ContentHash;
use runner_network::weights::le_bytes;

/// Ends in the digit of the format.
const MAGIC: [u8; 8] = {
    assert!(FORMAT < 10, "one digit");
    let mut magic = *b"RUNFEAT0";
    magic[7] += FORMAT as u8;
    magic
};
const HEADER: usize = MAGIC.len() + blake3::OUT_LEN;

/// What comes back when these values are kept and read again.
pub fn round(features: &mut [f32], precision: FeaturePrecision) {
    if precision == FeaturePrecision::F16 {
        let small: Vec<f16> = Vec::from_f32_slice(features);
        small.convert_to_f32_slice(features);
    }
}

/// Says whose features an entry holds.
#[derive(Debug, Clone, Copy)]
pub(super) struct EntryKey<'a> {
    /// Of the folder, see [`super::Description::key`].
    pub folder: &'a str,
    /// Of the bytes of the image.
    pub image: &'a ContentHash,
}

impl EntryKey<'_> {
    fn checksum(&self, body: &[u8]) -> blake3::Hash {
        let mut hasher = blake3::Hasher::new();
        hasher.update(self.folder.as_bytes()).update(self.image).update(body);
        hasher.finalize()
    }
}

pub(super) fn encode(key: EntryKey<'_>, features: &[f32], precision: FeaturePrecision) -> Vec<u8> {
    let mut bytes = vec![0; HEADER];
    match precision {
        FeaturePrecision::F32 => bytes.extend_from_slice(le_bytes(features)),
        FeaturePrecision::F16 => {
            let small: Vec<f16> = Vec::from_f32_slice(features);
            bytes.extend(small.iter().flat_map(|value| value.to_le_bytes()));
        }
    }
    let checksum = key.checksum(&bytes[HEADER..]);
    bytes[..MAGIC.len()].copy_from_slice(&MAGIC);
    bytes[MAGIC.len()..HEADER].copy_from_slice(checksum.as_bytes());
    bytes
}

/// `None` where anything about the entry is not as it was written.
pub(super) fn decode(
    key: EntryKey<'_>,
    bytes: &[u8],
    values: usize,
    precision: FeaturePrecision,
) -> Option<Vec<f32>> {
    let (header, body) = bytes.split_at_checked(HEADER)?;
    let whole =
        header.starts_with(&MAGIC) && header[MAGIC.len()..] == *key.checksum(body).as_bytes();
    let features: Vec<f32> = match precision {
        FeaturePrecision::F32 => {
            body.as_chunks::<4>().0.iter().map(|chunk| f32::from_le_bytes(*chunk)).collect()
        }
        FeaturePrecision::F16 => {
            let small = body.as_chunks::<2>().0.iter().map(|chunk| f16::from_le_bytes(*chunk));
            small.collect::<Vec<f16>>().to_f32_vec()
        }
    };
    (whole && features.len() == values).then_some(features)
}
