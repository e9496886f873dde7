//! From the bytes of a file to RGB pixels.
//!
//! JPEG, PNG, WebP, AVIF, BMP, the first frame of GIF and the first page of TIFF. Grayscale is spread
//! over three channels, CMYK converted, more bits reduced to 8, transparency dropped (as Pillow's
//! `convert("RGB")` does), EXIF rotation applied. Nothing is decoded before its size was looked at.

use std::borrow::Cow;
use std::io::{Cursor, Read};
use std::path::Path;

use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits};

use runner_record::{Pixels, ValueRange};

pub use super::problem::{ImageProblem, MAX_FILE_BYTES, MAX_PIXELS};
use super::{avif, jpeg, png, signature, tiff};

/// Looks at everything that can be told without decoding: format, height and width, whether the end
/// is there, and what stands beside the picture. Comes back with the bytes to decode.
fn inspect(bytes: &[u8]) -> Result<(ImageFormat, Cow<'_, [u8]>), ImageProblem> {
    if bytes.is_empty() {
        return Err(ImageProblem::Empty);
    }
    let format = known_format(bytes)?;
    let scans = match format {
        ImageFormat::Jpeg => jpeg::scans(bytes)?,
        _ => 0,
    };
    let bytes = match format {
        ImageFormat::Png => png::without_side_data(bytes)?,
        _ => Cow::Borrowed(bytes),
    };
    let (width, height) = match format {
        ImageFormat::Tiff => tiff::dimensions(&bytes)?,
        ImageFormat::Avif => avif::dimensions(&bytes)?,
        _ => decoder(&bytes, format)?.dimensions(),
    };
    let area = u64::from(width) * u64::from(height);
    if area > MAX_PIXELS {
        return Err(ImageProblem::TooLarge { width, height });
    }
    if width == 0 || height == 0 {
        return Err(ImageProblem::Damaged("it has no pixels".to_owned()));
    }
    jpeg::check_scans(scans, area)?;
    Ok((format, bytes))
}

/// Decodes one image.
///
/// # Errors
///
/// [`ImageProblem`], what is wrong with the image.
pub fn decode(bytes: &[u8]) -> Result<Pixels, ImageProblem> {
    decode_with_range(bytes).map(|(pixels, _)| pixels)
}

/// Decodes one image; one of 16 bits comes with the range of its values.
///
/// # Errors
///
/// [`ImageProblem`], what is wrong with the image.
pub fn decode_with_range(bytes: &[u8]) -> Result<(Pixels, Option<ValueRange>), ImageProblem> {
    let (format, bytes) = inspect(bytes)?;
    let (mut picture, orientation) = match format {
        ImageFormat::Tiff => tiff::decode(&bytes)?,
        ImageFormat::Avif => avif::decode(&bytes)?,
        _ => by_image(&bytes, format)?,
    };
    picture.apply_orientation(orientation);
    let range = range(&picture);
    let rgb = picture.into_rgb8();
    let (height, width) = (rgb.height() as usize, rgb.width() as usize);
    Ok((Pixels { height, width, rgb: rgb.into_raw() }, range))
}

/// What the `image` crate makes of it, and how it is to be turned.
fn by_image(
    bytes: &[u8],
    format: ImageFormat,
) -> Result<(DynamicImage, Orientation), ImageProblem> {
    let mut decoder = decoder(bytes, format)?;
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let picture = match format {
        ImageFormat::Jpeg => match jpeg::decode(bytes)? {
            Some(rgb) => DynamicImage::ImageRgb8(rgb),
            None => from_decoder(decoder)?,
        },
        _ => from_decoder(decoder)?,
    };
    Ok((picture, orientation))
}

/// Of the colours of 16 bits; transparency is dropped anyway.
fn range(picture: &DynamicImage) -> Option<ValueRange> {
    let of = |values: &mut dyn Iterator<Item = u16>| {
        let ends = |(low, high): (u16, u16), value: u16| (low.min(value), high.max(value));
        let (low, high) = values.fold((u16::MAX, 0), ends);
        Some(ValueRange { low, high })
    };
    match picture {
        DynamicImage::ImageLuma16(grey) => of(&mut grey.as_raw().iter().copied()),
        DynamicImage::ImageLumaA16(grey) => of(&mut grey.pixels().map(|pixel| pixel.0[0])),
        DynamicImage::ImageRgb16(rgb) => of(&mut rgb.as_raw().iter().copied()),
        DynamicImage::ImageRgba16(rgba) => {
            of(&mut rgba.pixels().flat_map(|pixel| [pixel.0[0], pixel.0[1], pixel.0[2]]))
        }
        _ => None,
    }
}

/// Whether the first bytes of a file are those of a format that is read.
#[must_use]
pub fn has_known_format(path: &Path) -> bool {
    start(path).is_some_and(|start| known_format(&start).is_ok())
}

/// Whether a file called `.tif` or `.tiff` has more pages than the first, which is read.
#[must_use]
pub fn has_more_pages(path: &Path) -> bool {
    let extension = path.extension().unwrap_or_default().to_ascii_lowercase();
    if extension != "tif" && extension != "tiff" {
        return false;
    }
    start(path).is_some_and(|start| tiff::is_tiff(&start))
        && read(path).is_ok_and(|bytes| tiff::has_more_pages(&bytes))
}

/// Enough of a file to tell its format.
fn start(path: &Path) -> Option<Vec<u8>> {
    let mut start = Vec::new();
    std::fs::File::open(path).ok()?.take(64).read_to_end(&mut start).ok()?;
    Some(start)
}

/// Reads a file, unless it is absurdly large.
///
/// # Errors
///
/// [`ImageProblem::TooManyBytes`] or [`ImageProblem::Unreadable`].
pub fn read(path: &Path) -> Result<Vec<u8>, ImageProblem> {
    let unreadable = |error: std::io::Error| ImageProblem::Unreadable(error.to_string());
    let about = std::fs::metadata(path).map_err(|error| match path.is_symlink() {
        true => ImageProblem::Unreadable(format!("it is a link that leads nowhere ({error})")),
        false => unreadable(error),
    })?;
    // A pipe or a device would keep a reader waiting.
    if !about.is_file() {
        return Err(ImageProblem::Unreadable("it is not a regular file".to_owned()));
    }
    let length = about.len();
    if length > MAX_FILE_BYTES {
        return Err(ImageProblem::TooManyBytes(length));
    }
    std::fs::read(path).map_err(unreadable)
}

fn from_decoder(decoder: impl ImageDecoder) -> Result<DynamicImage, ImageProblem> {
    DynamicImage::from_decoder(decoder).map_err(|error| damaged(&error))
}

fn known_format(bytes: &[u8]) -> Result<ImageFormat, ImageProblem> {
    use ImageFormat::{Bmp, Gif, Jpeg, Png, WebP};
    if tiff::is_tiff(bytes) {
        return Ok(ImageFormat::Tiff);
    }
    if avif::is_avif(bytes) {
        return Ok(ImageFormat::Avif);
    }
    match image::guess_format(bytes) {
        Ok(format @ (Jpeg | Png | WebP | Bmp | Gif)) => Ok(format),
        _ => {
            Err(signature::name(bytes).map_or(ImageProblem::NotAnImage, ImageProblem::OtherFormat))
        }
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
