//! From the bytes of a file to RGB pixels.
//!
//! JPEG, PNG, WebP, BMP and the first frame of GIF. Grayscale is spread over three channels, CMYK
//! converted, 16 bits reduced to 8, transparency dropped (as Pillow's `convert("RGB")` does), EXIF
//! rotation applied. Nothing is decoded before its size was looked at.
//!
//! JPEG goes through libjpeg-turbo's decoder (by way of mozjpeg), because Pillow, and so every
//! Keras pipeline, uses it: pure Rust decoders round differently and were up to four grey levels
//! off after resizing. CMYK, which that one does not convert, goes through `image`.

use std::io::Cursor;

use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits, RgbImage};
use mozjpeg::ColorSpace;

/// More pixels than this is taken for a decompression bomb: Pillow's `MAX_IMAGE_PIXELS`.
pub const MAX_PIXELS: u64 = 89_478_485;

/// Files larger than this are not read, in bytes.
pub const MAX_FILE_BYTES: u64 = 256 << 20;

/// RGB, eight bits, row by row, upright.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pixels {
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
    /// `[height, width, 3]`
    pub rgb: Vec<u8>,
}

/// Why an image cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ImageProblem {
    /// There are no bytes.
    #[error("the file is empty")]
    Empty,
    /// The first bytes are not those of a known format.
    #[error("not an image: the file is neither JPEG, PNG, WebP, BMP nor GIF")]
    NotAnImage,
    /// It would fill the memory.
    #[error("too large: {width}x{height} pixels are more than {MAX_PIXELS}, which no photo has")]
    TooLarge {
        /// Columns.
        width: u32,
        /// Rows.
        height: u32,
    },
    /// It would fill the memory.
    #[error("too large: a file of {0} bytes, and no photo has more than {MAX_FILE_BYTES}")]
    TooManyBytes(u64),
    /// The file ends before the picture does.
    #[error("truncated: the file ends before the picture does")]
    Truncated,
    /// The decoder gave up.
    #[error("damaged: {0}")]
    Damaged(String),
    /// Somebody wrote to it.
    #[error("the file changed while the run was going on; run again")]
    Changed,
    /// The operating system gave up.
    #[error("unreadable: {0}")]
    Unreadable(String),
}

/// Looks at everything that can be told without decoding: format, height and width, and whether
/// the end is there.
///
/// # Errors
///
/// [`ImageProblem`], what is wrong with the image.
fn inspect(bytes: &[u8]) -> Result<(ImageFormat, [u32; 2]), ImageProblem> {
    if bytes.is_empty() {
        return Err(ImageProblem::Empty);
    }
    let format = known_format(bytes)?;
    if format == ImageFormat::Jpeg && !ends_like_jpeg(bytes) {
        return Err(ImageProblem::Truncated);
    }
    let (width, height) = decoder(bytes, format)?.dimensions();
    if u64::from(width) * u64::from(height) > MAX_PIXELS {
        return Err(ImageProblem::TooLarge { width, height });
    }
    if width == 0 || height == 0 {
        return Err(ImageProblem::Damaged("it has no pixels".to_owned()));
    }
    Ok((format, [height, width]))
}

/// Decodes one image.
///
/// # Errors
///
/// [`ImageProblem`], what is wrong with the image.
pub fn decode(bytes: &[u8]) -> Result<Pixels, ImageProblem> {
    let (format, _) = inspect(bytes)?;
    let mut decoder = decoder(bytes, format)?;
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let mut picture = match format {
        ImageFormat::Jpeg => match jpeg(bytes)? {
            Some(rgb) => DynamicImage::ImageRgb8(rgb),
            None => from_decoder(decoder)?,
        },
        _ => from_decoder(decoder)?,
    };
    picture.apply_orientation(orientation);
    let rgb = picture.into_rgb8();
    Ok(Pixels { height: rgb.height() as usize, width: rgb.width() as usize, rgb: rgb.into_raw() })
}

/// Reads a file, unless it is absurdly large.
///
/// # Errors
///
/// [`ImageProblem::TooManyBytes`] or [`ImageProblem::Unreadable`].
pub fn read(path: &std::path::Path) -> Result<Vec<u8>, ImageProblem> {
    let unreadable = |error: std::io::Error| ImageProblem::Unreadable(error.to_string());
    let length = std::fs::metadata(path).map_err(unreadable)?.len();
    if length > MAX_FILE_BYTES {
        return Err(ImageProblem::TooManyBytes(length));
    }
    std::fs::read(path).map_err(unreadable)
}

fn from_decoder(decoder: impl ImageDecoder) -> Result<DynamicImage, ImageProblem> {
    DynamicImage::from_decoder(decoder).map_err(|error| damaged(&error))
}

/// A JPEG by libjpeg-turbo; `None` for CMYK.
fn jpeg(bytes: &[u8]) -> Result<Option<RgbImage>, ImageProblem> {
    // The library reports fatal errors by unwinding, without a panic message.
    let decoded = std::panic::catch_unwind(|| jpeg_pixels(bytes));
    match decoded {
        Ok(Ok(picture)) => Ok(picture),
        Ok(Err(error)) => Err(ImageProblem::Damaged(error.to_string())),
        Err(reason) => {
            let text = reason.downcast_ref::<String>().map_or("libjpeg gave up", String::as_str);
            Err(ImageProblem::Damaged(text.replace("libjpeg fatal error: ", "")))
        }
    }
}

fn jpeg_pixels(bytes: &[u8]) -> std::io::Result<Option<RgbImage>> {
    let decoder = mozjpeg::Decompress::new_mem(bytes)?;
    if matches!(decoder.color_space(), ColorSpace::JCS_CMYK | ColorSpace::JCS_YCCK) {
        return Ok(None);
    }
    let mut started = decoder.rgb()?;
    let side = |length: usize| u32::try_from(length).unwrap_or(0);
    let (width, height) = (side(started.width()), side(started.height()));
    let rgb = started.read_scanlines::<u8>()?;
    started.finish()?;
    Ok(RgbImage::from_raw(width, height, rgb))
}

fn known_format(bytes: &[u8]) -> Result<ImageFormat, ImageProblem> {
    use ImageFormat::{Bmp, Gif, Jpeg, Png, WebP};
    match image::guess_format(bytes) {
        Ok(format @ (Jpeg | Png | WebP | Bmp | Gif)) => Ok(format),
        _ => Err(ImageProblem::NotAnImage),
    }
}

fn decoder(bytes: &[u8], format: ImageFormat) -> Result<impl ImageDecoder + '_, ImageProblem> {
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    let mut limits = Limits::default();
    limits.max_alloc = Some(MAX_PIXELS * 8);
    reader.limits(limits);
    reader.into_decoder().map_err(|error| damaged(&error))
}

fn damaged(error: &image::ImageError) -> ImageProblem {
    let text = error.to_string();
    match text.contains("unexpected end of file") || text.contains("UnexpectedEof") {
        true => ImageProblem::Truncated,
        false => ImageProblem::Damaged(text),
    }
}

/// Whether the picture of a JPEG ends with its end-of-image marker.
///
/// Walks the segments, so that neither a thumbnail inside (EXIF) nor what stands behind the
/// picture (padding, the video of a motion photo) counts.
fn ends_like_jpeg(bytes: &[u8]) -> bool {
    let mut at = 2;
    while let Some(marker) = next_marker(bytes, &mut at) {
        match marker {
            0xD9 => return true,
            // Markers without a body: TEM, restarts, start of image.
            0x01 | 0xD0..=0xD8 => {}
            _ => match bytes.get(at..at + 2) {
                Some(length) => at += usize::from(u16::from_be_bytes([length[0], length[1]])),
                None => return false,
            },
        }
    }
    false
}

/// The next marker at or after `at`, which moves behind it. Entropy-coded data is passed over: a
/// marker in it would be `FF 00` or a restart.
fn next_marker(bytes: &[u8], at: &mut usize) -> Option<u8> {
    loop {
        *at += bytes.get(*at..)?.iter().position(|byte| *byte == 0xFF)? + 1;
        let marker = *bytes.get(*at)?;
        if marker != 0xFF {
            *at += 1;
        }
        if marker != 0x00 && marker != 0xFF {
            return Some(marker);
        }
    }
}
