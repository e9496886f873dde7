//! What a full memory looks like: devices say so in the text of an error or a panic alone.

/// The memory of a device was full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutOfMemory {
    /// Bytes that were asked for, where the message says it.
    pub bytes: Option<u64>,
}

/// Texts that mean it, each with whether the number of bytes follows. From CubeCL's `IoError` and
/// `LaunchError`, the driver's names as cudarc and ash write them, and wgpu's errors.
const TEXTS: [(&str, bool); 10] = [
    ("out of device memory allocating ", true),
    ("can't allocate buffer of size: ", true),
    ("out-of-memory error happened during launch", false),
    ("cuda_error_out_of_memory", false),
    ("error_out_of_device_memory", false),
    ("error_out_of_host_memory", false),
    ("a device memory allocation has failed", false),
    ("a host memory allocation has failed", false),
    ("wgpu error: out of memory", false),
    ("not enough memory left", false),
];

/// wgpu's words for a buffer above the largest that the device has; the number stands before the
/// second of them.
const TOO_LARGE: (&str, &str) = ("buffer size ", " is greater than the maximum buffer size");

/// Whether a message says that a device's memory was full.
#[must_use]
pub fn out_of_memory(message: &str) -> Option<OutOfMemory> {
    let text = message.to_ascii_lowercase();
    let after = |words: &str| text.split_once(words).map(|(_, rest)| rest);
    if let Some((before, _)) = text.split_once(TOO_LARGE.1)
        && let Some((_, number)) = before.rsplit_once(TOO_LARGE.0)
    {
        return Some(OutOfMemory { bytes: number.parse().ok() });
    }
    let found = TEXTS.iter().find_map(|(words, counts)| Some((after(words)?, *counts)))?;
    let bytes = match found {
        (rest, true) => leading_number(rest),
        (_, false) => None,
    };
    Some(OutOfMemory { bytes })
}

fn leading_number(text: &str) -> Option<u64> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    text[..end].parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As the libraries write them: cubecl-runtime's `server/base.rs`, cudarc's `driver/result.rs`,
    /// wgpu's `api/device.rs` with CubeCL's `device_poison.rs`, wgpu-core's `device/mod.rs` and
    /// `resource.rs`, ash's `vk/enums.rs`.
    #[test]
    fn messages_of_the_libraries_are_known_with_the_bytes_that_they_name() {
        let cases = [
            ("out of device memory allocating 1073741824 bytes\n<backtrace>", Some(1 << 30)),
            ("can't allocate buffer of size: 1099511627776\n<backtrace>", Some(1 << 40)),
            (
                "An out-of-memory error happened during launch\nCaused by:\n  out of memory \
                 launching kernel x\nBacktrace\n",
                None,
            ),
            ("DriverError(CUDA_ERROR_OUT_OF_MEMORY, \"out of memory\")", None),
            ("wgpu error: Out of Memory", None),
            ("Not enough memory left.", None),
            (
                "wgpu error: Validation Error\n\nCaused by:\n  In Device::create_buffer\n    Buffer \
                 size 4294967296 is greater than the maximum buffer size (2147483648)\n",
                Some(1 << 32),
            ),
            ("A device memory allocation has failed", None),
            (
                "CUDA allocation error: DriverError(CUDA_ERROR_OUT_OF_MEMORY, \"out of memory\")",
                None,
            ),
        ];
        for (message, bytes) in cases {
            assert_eq!(out_of_memory(message), Some(OutOfMemory { bytes }), "{message}");
        }
    }

    #[test]
    fn other_messages_are_other_errors() {
        for message in [
            "DriverError(CUDA_ERROR_ILLEGAL_ADDRESS, \"an illegal memory access was encountered\")",
            "A compilation error happened during launch\nCaused by:\n  no such type",
            "Too much shared memory requested.\nRequested 1 bytes, maximum 2 bytes available.",
            "",
        ] {
            assert_eq!(out_of_memory(message), None, "{message}");
        }
    }
}
