//! TFRecord: how messages follow each other in a file.

/// Added to every checksum, so that a checksum of data that holds checksums is no trivial one
/// (`masked_crc` in TensorFlow's `tensorflow/core/lib/hash/crc32c.h`).
const MASK: u32 = 0xa282_ead8;

fn masked(bytes: &[u8]) -> u32 {
    crc32c::crc32c(bytes).rotate_right(15).wrapping_add(MASK)
}

/// Appends a record: length, its checksum, the bytes, their checksum, all in little endian
/// (`tensorflow/core/lib/io/record_writer.h`).
pub(super) fn append(file: &mut Vec<u8>, record: &[u8]) {
    let length = (record.len() as u64).to_le_bytes();
    file.extend(length);
    file.extend(masked(&length).to_le_bytes());
    file.extend(record);
    file.extend(masked(record).to_le_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_those_of_tensorboard() {
        let mut file = Vec::new();
        append(&mut file, b"runner");
        // By tensorboard 2.21: RecordWriter(f).write(b"runner").
        let expected = "06000000000000007369d53772756e6e6572dbcbb121";
        let hex: String = file.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, expected);
    }
}
