//! Pictures scaled down and encoded again, small enough to stand in the page itself.

use std::io::Cursor;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use image::codecs::jpeg::JpegEncoder;
use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits};
use serde::Serialize;

/// A larger file is not opened for a thumbnail.
const MAX_BYTES: u64 = 64 << 20;
/// A larger picture is not decoded for a thumbnail.
const MAX_PIXELS: u64 = 60_000_000;
/// JPEG's, of 100.
const QUALITY: u8 = 80;

/// A picture in the page.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Thumbnail {
    /// A `data:` URI.
    pub uri: String,
    width: u32,
    height: u32,
}

/// The picture in a file, at most `side` pixels wide and high; `None` where it cannot be read.
pub(super) fn of_file(path: &Path, side: u32) -> Option<Thumbnail> {
    let about = std::fs::metadata(path).ok()?;
    // Reading from a pipe would wait for ever.
    if !about.is_file() || about.len() > MAX_BYTES {
        return None;
    }
    let picture = decode(&std::fs::read(path).ok()?)?;
    let small = match picture.width().max(picture.height()) > side {
        true => picture.thumbnail(side, side),
        false => picture,
    };
    encode(&DynamicImage::ImageRgb8(small.into_rgb8()))
}

fn decode(bytes: &[u8]) -> Option<DynamicImage> {
    let mut reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format().ok()?;
    let mut limits = Limits::default();
    limits.max_alloc = Some(MAX_PIXELS * 8);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().ok()?;
    let (width, height) = decoder.dimensions();
    if u64::from(width) * u64::from(height) > MAX_PIXELS {
        return None;
    }
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let mut picture = DynamicImage::from_decoder(decoder).ok()?;
    picture.apply_orientation(orientation);
    Some(picture)
}

/// Photos are smaller as JPEG, drawings as PNG: whichever is.
fn encode(picture: &DynamicImage) -> Option<Thumbnail> {
    let mut jpeg = Vec::new();
    picture.write_with_encoder(JpegEncoder::new_with_quality(&mut jpeg, QUALITY)).ok()?;
    let mut png = Cursor::new(Vec::new());
    picture.write_to(&mut png, ImageFormat::Png).ok()?;
    let png = png.into_inner();
    let (kind, bytes) = if png.len() <= jpeg.len() { ("png", png) } else { ("jpeg", jpeg) };
    let uri = format!("data:image/{kind};base64,{}", STANDARD.encode(bytes));
    Some(Thumbnail { uri, width: picture.width(), height: picture.height() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_are_scaled_and_what_is_none_is_left_out() -> Result<(), Box<dyn std::error::Error>>
    {
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("a.png");
        image::RgbImage::from_pixel(300, 100, image::Rgb([9, 9, 9])).save(&file)?;
        let small = of_file(&file, 60).ok_or("no thumbnail")?;
        assert_eq!((small.width, small.height), (60, 20));
        assert!(small.uri.starts_with("data:image/png;base64,"), "{}", small.uri);
        std::fs::write(&file, &std::fs::read(&file)?[..40])?;
        assert!(of_file(&file, 60).is_none());
        assert!(
            of_file(folder.path(), 60).is_none() && of_file(&folder.path().join("b"), 60).is_none()
        );
        Ok(())
    }
}
