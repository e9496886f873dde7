//! JPEG by libjpeg-turbo's decoder (by way of mozjpeg), because Pillow, and so every Keras pipeline,
//! uses it: pure Rust decoders round differently and were up to four grey levels off after resizing.
//!
//! libjpeg draws on where data are missing and only warns. Warnings that mean that a part of the
//! picture is made up make it a broken file; "extraneous bytes", of which old photos have many, do
//! not.

use std::cell::Cell;
use std::ffi::c_int;

use image::RgbImage;
use mozjpeg::{ColorSpace, Decompress};
use mozjpeg_sys::{
    JWRN_HIT_MARKER, JWRN_HUFF_BAD_CODE, JWRN_JPEG_EOF, JWRN_MUST_RESYNC, jpeg_common_struct,
    jpeg_error_mgr, jpeg_std_error,
};

use super::problem::ImageProblem;

/// More scans than any encoder writes: a progressive photo has about ten.
const MOST_SCANS: usize = 200;

/// Pixels times scans, each of which may go over the whole picture: some seconds of work.
const MOST_WORK: u64 = 3_000_000_000;

/// More side data (EXIF, colour profiles, previews) than any photo has, in bytes.
pub(super) const MOST_SIDE_DATA: usize = 32 << 20;

thread_local! {
    /// The first warning of the picture that this thread decodes.
    static WARNED: Cell<Option<c_int>> = const { Cell::new(None) };
}

/// The pixels; `None` for CMYK, which is left to another decoder once its data were looked at.
pub(super) fn decode(bytes: &[u8]) -> Result<Option<RgbImage>, ImageProblem> {
    WARNED.set(None);
    // The library reports fatal errors by unwinding, without a panic message.
    let decoded = std::panic::catch_unwind(|| pixels(bytes));
    match decoded {
        Ok(Ok(picture)) => match WARNED.take() {
            None => Ok(picture),
            Some(code) => Err(meaning(code)),
        },
        Ok(Err(error)) => Err(ImageProblem::Damaged(error.to_string())),
        Err(reason) => {
            let text = reason.downcast_ref::<String>().map_or("libjpeg gave up", String::as_str);
            Err(ImageProblem::Damaged(text.to_owned()))
        }
    }
}

fn meaning(warning: c_int) -> ImageProblem {
    let is = |code| c_int::try_from(code).is_ok_and(|code| code == warning);
    if is(JWRN_HIT_MARKER) || is(JWRN_JPEG_EOF) {
        return ImageProblem::Truncated;
    }
    ImageProblem::Damaged(
        "its data are corrupt: parts of the picture could not be decoded".to_owned(),
    )
}

fn pixels(bytes: &[u8]) -> std::io::Result<Option<RgbImage>> {
    let decoder = Decompress::with_err(errors()).from_mem(bytes)?;
    if matches!(decoder.color_space(), ColorSpace::JCS_CMYK | ColorSpace::JCS_YCCK) {
        let mut started = decoder.to_colorspace(ColorSpace::JCS_CMYK)?;
        drop(started.read_scanlines::<[u8; 4]>()?);
        started.finish()?;
        return Ok(None);
    }
    let mut started = decoder.rgb()?;
    let side = |length: usize| u32::try_from(length).unwrap_or(0);
    let (width, height) = (side(started.width()), side(started.height()));
    let rgb = started.read_scanlines::<u8>()?;
    started.finish()?;
    Ok(RgbImage::from_raw(width, height, rgb))
}

/// libjpeg's own error handling, but for the two functions below.
#[allow(unsafe_code)]
fn errors() -> jpeg_error_mgr {
    // SAFETY: `jpeg_std_error` is documented to fill in a structure of any content, and all zeros
    // is a valid value of one: numbers, null pointers and absent functions.
    let mut errors = unsafe {
        let mut errors: jpeg_error_mgr = std::mem::zeroed();
        jpeg_std_error(&mut errors);
        errors
    };
    errors.error_exit = Some(leave);
    errors.emit_message = Some(note);
    errors
}

/// The code of the message that libjpeg is about to give.
#[allow(unsafe_code)]
fn code(common: &jpeg_common_struct) -> c_int {
    // SAFETY: libjpeg calls with the structure that it was given, whose `err` points to the manager
    // that lives as long as the decoder.
    unsafe { (*common.err).msg_code }
}

/// A fatal error.
extern "C-unwind" fn leave(common: &mut jpeg_common_struct) {
    let text = format!("libjpeg's error {}", code(common));
    std::panic::resume_unwind(Box::new(text));
}

/// A message; those of a negative level are warnings.
extern "C-unwind" fn note(common: &mut jpeg_common_struct, level: c_int) {
    let matters = [JWRN_HIT_MARKER, JWRN_JPEG_EOF, JWRN_HUFF_BAD_CODE, JWRN_MUST_RESYNC];
    let warning = code(common);
    let is = |code| c_int::try_from(code).is_ok_and(|code| code == warning);
    if level < 0 && WARNED.get().is_none() && matters.into_iter().any(is) {
        WARNED.set(Some(warning));
    }
}

/// What the segments of a file say without decoding: how many scans it has, that it ends with its
/// end-of-image marker, and that it is not made to take gigabytes.
///
/// Walks the segments, so that neither a thumbnail inside (EXIF) nor what stands behind the picture
/// (padding, the video of a motion photo) counts.
pub(super) fn scans(bytes: &[u8]) -> Result<usize, ImageProblem> {
    let (mut offset, mut scans, mut side_data) = (2, 0, 0);
    while let Some(marker) = next_marker(bytes, &mut offset) {
        let length = match marker {
            0xD9 => return Ok(scans),
            // Markers without a body: TEM, restarts, start of image.
            0x01 | 0xD0..=0xD8 => continue,
            _ => match bytes.get(offset..offset + 2) {
                Some(length) => usize::from(u16::from_be_bytes([length[0], length[1]])),
                None => return Err(ImageProblem::Truncated),
            },
        };
        offset += length;
        scans += usize::from(marker == 0xDA);
        side_data += if matches!(marker, 0xE0..=0xEF | 0xFE) { length } else { 0 };
        if side_data > MOST_SIDE_DATA {
            return Err(ImageProblem::SideData(side_data));
        }
    }
    Err(ImageProblem::Truncated)
}

/// Whether so many scans over so many pixels are those of a photo.
pub(super) fn check_scans(scans: usize, area: u64) -> Result<(), ImageProblem> {
    match scans > MOST_SCANS || scans as u64 * area > MOST_WORK {
        true => Err(ImageProblem::Damaged(format!(
            "{scans} scans over {area} pixels, which no photo has"
        ))),
        false => Ok(()),
    }
}

/// The next marker at or after `offset`, which moves behind it. Entropy-coded data is passed over: a
/// marker in it would be `FF 00` or a restart.
fn next_marker(bytes: &[u8], offset: &mut usize) -> Option<u8> {
    loop {
        *offset += bytes.get(*offset..)?.iter().position(|byte| *byte == 0xFF)? + 1;
        let marker = *bytes.get(*offset)?;
        if marker != 0xFF {
            *offset += 1;
        }
        if marker != 0x00 && marker != 0xFF {
            return Some(marker);
        }
    }
}
