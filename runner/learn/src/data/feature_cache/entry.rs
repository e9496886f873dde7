//! One entry: magic, BLAKE3 of the values, the values as little-endian 32-bit floats.

use crate::model::weights::le_bytes;

const MAGIC: &[u8; 8] = b"RUNFEAT1";
const HEADER: usize = MAGIC.len() + blake3::OUT_LEN;

pub(super) fn encode(features: &[f32]) -> Vec<u8> {
    let mut bytes = vec![0; HEADER];
    bytes.extend_from_slice(le_bytes(features));
    let checksum = blake3::hash(&bytes[HEADER..]);
    bytes[..MAGIC.len()].copy_from_slice(MAGIC);
    bytes[MAGIC.len()..HEADER].copy_from_slice(checksum.as_bytes());
    bytes
}

/// `None` where anything about the entry is not as it was written.
pub(super) fn decode(bytes: &[u8], values: usize) -> Option<Vec<f32>> {
    let (header, body) = bytes.split_at_checked(HEADER)?;
    let whole = header.starts_with(MAGIC)
        && body.len() == 4 * values
        && header[MAGIC.len()..] == *blake3::hash(body).as_bytes();
    whole.then(|| body.as_chunks::<4>().0.iter().map(|chunk| f32::from_le_bytes(*chunk)).collect())
}
