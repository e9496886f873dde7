//! One entry: magic, BLAKE3 of the values, the values as little-endian floats of 32 or 16 bits.

use half::f16;
use half::slice::HalfFloatSliceExt;
use half::vec::HalfFloatVecExt;
use runner_experiment::section::dataset::FeaturePrecision;

use crate::model::weights::le_bytes;

const MAGIC: &[u8; 8] = b"RUNFEAT1";
const HEADER: usize = MAGIC.len() + blake3::OUT_LEN;

/// What comes back when these values are kept and read again.
pub fn round(features: &mut [f32], precision: FeaturePrecision) {
    if precision == FeaturePrecision::F16 {
        let small: Vec<f16> = Vec::from_f32_slice(features);
        small.convert_to_f32_slice(features);
    }
}

pub(super) fn encode(features: &[f32], precision: FeaturePrecision) -> Vec<u8> {
    let mut bytes = vec![0; HEADER];
    match precision {
        FeaturePrecision::F32 => bytes.extend_from_slice(le_bytes(features)),
        FeaturePrecision::F16 => {
            let small: Vec<f16> = Vec::from_f32_slice(features);
            bytes.extend(small.iter().flat_map(|value| value.to_le_bytes()));
        }
    }
    let checksum = blake3::hash(&bytes[HEADER..]);
    bytes[..MAGIC.len()].copy_from_slice(MAGIC);
    bytes[MAGIC.len()..HEADER].copy_from_slice(checksum.as_bytes());
    bytes
}

/// `None` where anything about the entry is not as it was written.
pub(super) fn decode(bytes: &[u8], values: usize, precision: FeaturePrecision) -> Option<Vec<f32>> {
    let (header, body) = bytes.split_at_checked(HEADER)?;
    let whole =
        header.starts_with(MAGIC) && header[MAGIC.len()..] == *blake3::hash(body).as_bytes();
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
