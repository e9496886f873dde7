//! TIFF: the first page, from whatever samples it has to grey or RGB.
//!
//! Grey of 1, 2, 4, 8 or 16 bits, palettes, RGB, CMYK and JPEG's YCbCr, in strips, tiles or planes.
//! What has no agreed brightness (floating point, 32 bits, signed values, many bands, Lab) is refused
//! by name. CMYK and premultiplied transparency are converted as Pillow does.

mod jpeg;

use std::io::{Cursor, ErrorKind};

use image::metadata::Orientation;
use image::{DynamicImage, GrayImage, ImageBuffer, RgbImage};
use tiff::decoder::{Decoder, DecodingResult, Limits};
use tiff::tags::{ExtraSamples, PhotometricInterpretation as Photometric, Tag};
use tiff::{ColorType, TiffError, TiffFormatError};

use super::palette;
use super::problem::{ImageProblem, MAX_PIXELS};

/// Adobe's Digital Negative.
const DNG_VERSION: Tag = Tag::Unknown(50706);

/// Whether these are the first bytes of a TIFF, of 32 or 64 bit addresses.
pub(super) fn is_tiff(bytes: &[u8]) -> bool {
    [b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"].iter().any(|start| bytes.starts_with(*start))
}

/// Width and height of the first page.
pub(super) fn dimensions(bytes: &[u8]) -> Result<(u32, u32), ImageProblem> {
    open(bytes)?.dimensions().map_err(|error| problem(&error))
}

/// Whether there is another page behind the first.
pub(super) fn has_more_pages(bytes: &[u8]) -> bool {
    open(bytes).is_ok_and(|decoder| decoder.more_images())
}

/// The first page, and how it is to be turned.
pub(super) fn decode(bytes: &[u8]) -> Result<(DynamicImage, Orientation), ImageProblem> {
    let mut decoder = open(bytes)?;
    if is_raw(bytes, &mut decoder) {
        return Err(ImageProblem::OtherFormat("a raw photo (DNG, NEF, CR2, ARW or the like)"));
    }
    let turned = decoder.find_tag_unsigned::<u8>(Tag::Orientation).ok().flatten();
    let orientation = turned.and_then(Orientation::from_exif).unwrap_or(Orientation::NoTransforms);
    let photometric = decoder.find_tag_unsigned::<u16>(Tag::PhotometricInterpretation);
    let photometric = photometric.ok().flatten().and_then(Photometric::from_u16);
    let picture = match photometric {
        Some(Photometric::RGBPalette) => {
            let colours = palette::colours(&mut decoder)?;
            let indices = palette::indices(bytes, &mut decoder)?;
            let mut decoder = open(&indices)?;
            let page = Page::read(&mut decoder)?;
            palette::paint(page.grey(false)?, &colours)
        }
        photometric => match jpeg::decode(bytes, photometric, &mut decoder)? {
            Some(picture) => picture,
            None => Page::read(&mut decoder)?.picture(&mut decoder)?,
        },
    };
    Ok((picture, orientation))
}

fn open(bytes: &[u8]) -> Result<Decoder<Cursor<&[u8]>>, ImageProblem> {
    let mut limits = Limits::default();
    limits.decoding_buffer_size = usize::try_from(MAX_PIXELS * 8).unwrap_or(usize::MAX);
    let decoder = Decoder::new(Cursor::new(bytes)).map_err(|error| problem(&error))?;
    Ok(decoder.with_limits(limits))
}

/// What is in a page, sample by sample.
struct Page {
    width: u32,
    height: u32,
    color: ColorType,
    samples: DecodingResult,
    /// Samples from one pixel to the next; in planes, 1.
    stride: usize,
    /// Samples from one channel to the next; in one plane, 1.
    plane: usize,
}

impl Page {
    fn read(decoder: &mut Decoder<Cursor<&[u8]>>) -> Result<Self, ImageProblem> {
        let failed = |error: TiffError| problem(&error);
        let (width, height) = decoder.dimensions().map_err(failed)?;
        let color = decoder.colortype().map_err(failed)?;
        let mut samples = DecodingResult::U8(Vec::new());
        let layout = decoder.read_image_to_buffer(&mut samples).map_err(failed)?;
        if samples.as_buffer(0).as_bytes().len() < layout.complete_len {
            return Err(ImageProblem::TooLarge { width, height });
        }
        let pixels = width as usize * height as usize;
        let count = match &samples {
            DecodingResult::U8(samples) => samples.len(),
            DecodingResult::U16(samples) => samples.len(),
            _ => return Err(no_brightness(&samples)),
        };
        let (stride, plane) = match layout.planes {
            0 | 1 => ((count / pixels.max(1)).max(1), 1),
            planes => (1, count / planes),
        };
        Ok(Self { width, height, color, samples, stride, plane })
    }

    fn picture(self, decoder: &mut Decoder<Cursor<&[u8]>>) -> Result<DynamicImage, ImageProblem> {
        match self.color {
            ColorType::Gray(1..=8) => self.grey(true).map(DynamicImage::ImageLuma8),
            // Transparency beside grey.
            ColorType::Gray(16) | ColorType::Multiband { num_samples: 2, .. } => self.channels(1),
            ColorType::RGB(8 | 16) => self.channels(3),
            ColorType::RGBA(8) if is_premultiplied(decoder) => self.divided(),
            ColorType::RGBA(8 | 16) => self.channels(3),
            ColorType::CMYK(8 | 16) | ColorType::CMYKA(8 | 16) => self.cmyk_to_rgb(),
            ColorType::YCbCr(8) => self.ycbcr_to_rgb(),
            ColorType::Multiband { num_samples, .. } => Err(ImageProblem::Unsupported(format!(
                "a TIFF of {num_samples} bands; keep three of them, or one"
            ))),
            other => Err(ImageProblem::Unsupported(format!(
                "a TIFF in the colours {other:?}; save it as RGB of 8 or 16 bits"
            ))),
        }
    }

    /// Grey of up to eight bits; `spread` over all of 0 to 255, or the values as they are.
    fn grey(&self, spread: bool) -> Result<GrayImage, ImageProblem> {
        let (ColorType::Gray(bits @ 1..=8), DecodingResult::U8(packed)) =
            (self.color, &self.samples)
        else {
            return Err(ImageProblem::Unsupported("a TIFF of an odd depth".to_owned()));
        };
        let width = self.width as usize;
        let row = (width * usize::from(bits)).div_ceil(8);
        let largest = u16::from(u8::MAX >> (8 - bits));
        let value = |row: &[u8], column: usize| {
            let bit = column * usize::from(bits);
            let shift = (8 - usize::from(bits)).saturating_sub(bit % 8);
            let value = (u16::from(row[bit / 8]) >> shift) & largest;
            // At most 255.
            (if spread { value * 255 / largest } else { value }) as u8
        };
        if !matches!(bits, 1 | 2 | 4 | 8) {
            return Err(ImageProblem::Unsupported(format!("a TIFF of {bits} bits")));
        }
        let rows = packed.chunks_exact(row.max(1)).take(self.height as usize);
        let grey = rows.flat_map(|row| (0..width).map(move |column| value(row, column))).collect();
        GrayImage::from_raw(self.width, self.height, grey).ok_or(ImageProblem::Truncated)
    }

    /// One channel as grey, or three as RGB; what stands behind them is dropped.
    fn channels(&self, count: usize) -> Result<DynamicImage, ImageProblem> {
        let (width, height) = (self.width, self.height);
        let made = match (&self.samples, count) {
            (DecodingResult::U8(samples), 1) => {
                GrayImage::from_raw(width, height, self.taken(samples, 1))
                    .map(DynamicImage::ImageLuma8)
            }
            (DecodingResult::U8(samples), _) => {
                RgbImage::from_raw(width, height, self.taken(samples, 3))
                    .map(DynamicImage::ImageRgb8)
            }
            (DecodingResult::U16(samples), 1) => {
                ImageBuffer::from_raw(width, height, self.taken(samples, 1))
                    .map(DynamicImage::ImageLuma16)
            }
            (DecodingResult::U16(samples), _) => {
                ImageBuffer::from_raw(width, height, self.taken(samples, 3))
                    .map(DynamicImage::ImageRgb16)
            }
            (other, _) => return Err(no_brightness(other)),
        };
        made.ok_or(ImageProblem::Truncated)
    }

    /// The first samples of each pixel, side by side.
    fn taken<T: Copy>(&self, samples: &[T], count: usize) -> Vec<T> {
        let pixels = self.width as usize * self.height as usize;
        let sample = |pixel: usize, channel: usize| {
            samples.get(pixel * self.stride + channel * self.plane).copied()
        };
        (0..pixels).flat_map(|pixel| (0..count).filter_map(move |c| sample(pixel, c))).collect()
    }

    /// The first four samples of each pixel, in eight bits.
    fn fours(&self) -> Result<Vec<u8>, ImageProblem> {
        match &self.samples {
            DecodingResult::U8(samples) => Ok(self.taken(samples, 4)),
            DecodingResult::U16(samples) => {
                Ok(self.taken(samples, 4).into_iter().map(|sample| (sample >> 8) as u8).collect())
            }
            other => Err(no_brightness(other)),
        }
    }

    fn rgb(&self, rgb: Vec<u8>) -> Result<DynamicImage, ImageProblem> {
        let made = RgbImage::from_raw(self.width, self.height, rgb);
        made.map(DynamicImage::ImageRgb8).ok_or(ImageProblem::Truncated)
    }

    /// Pillow's `cmyk2rgb`.
    fn cmyk_to_rgb(&self) -> Result<DynamicImage, ImageProblem> {
        let times = |a: u8, b: u8| {
            let product = u32::from(a) * u32::from(b) + 128;
            ((product >> 8) + product) >> 8
        };
        let convert = |ink: &[u8; 4]| {
            let white = 255 - ink[3];
            // A product of two shares of 255 is no more than either.
            [0, 1, 2].map(|channel| white - times(ink[channel], white) as u8)
        };
        self.rgb(self.fours()?.as_chunks().0.iter().flat_map(convert).collect())
    }

    /// Colours that were multiplied by their opacity: Pillow's `unpackRGBa`.
    fn divided(&self) -> Result<DynamicImage, ImageProblem> {
        let convert = |[red, green, blue, opacity]: &[u8; 4]| {
            [red, green, blue].map(|colour| match opacity {
                0 => 0,
                opacity => (u32::from(*colour) * 255 / u32::from(*opacity)).min(255) as u8,
            })
        };
        self.rgb(self.fours()?.as_chunks().0.iter().flat_map(convert).collect())
    }

    /// JFIF's conversion, in libjpeg's whole numbers.
    fn ycbcr_to_rgb(&self) -> Result<DynamicImage, ImageProblem> {
        let DecodingResult::U8(samples) = &self.samples else {
            return Err(no_brightness(&self.samples));
        };
        let convert = |[luma, blue, red]: &[u8; 3]| {
            let (luma, blue, red) =
                (i32::from(*luma), i32::from(*blue) - 128, i32::from(*red) - 128);
            let half = 1 << 15;
            [
                luma + ((91_881 * red + half) >> 16),
                luma + ((-22_554 * blue - 46_802 * red + half) >> 16),
                luma + ((116_130 * blue + half) >> 16),
            ]
            .map(|value| value.clamp(0, 255) as u8)
        };
        self.rgb(self.taken(samples, 3).as_chunks().0.iter().flat_map(convert).collect())
    }
}

/// Raw photos begin like a TIFF, whose first page is a thumbnail.
fn is_raw(bytes: &[u8], decoder: &mut Decoder<Cursor<&[u8]>>) -> bool {
    let tag = |decoder: &mut Decoder<_>, tag| decoder.find_tag(tag).ok().flatten();
    let is_reduced = decoder.find_tag_unsigned::<u32>(Tag::NewSubfileType).ok().flatten();
    bytes.get(8..10) == Some(b"CR")
        || tag(decoder, DNG_VERSION).is_some()
        || is_reduced.is_some_and(|kind| kind & 1 == 1)
}

fn is_premultiplied(decoder: &mut Decoder<Cursor<&[u8]>>) -> bool {
    let extra = decoder.find_tag_unsigned_vec::<u16>(Tag::ExtraSamples).ok().flatten();
    let first = extra.and_then(|extra| ExtraSamples::from_u16(*extra.first()?));
    first == Some(ExtraSamples::AssociatedAlpha)
}

fn no_brightness(samples: &DecodingResult) -> ImageProblem {
    use DecodingResult::{F16, F32, F64, U32, U64};
    let what = match samples {
        F16(_) | F32(_) | F64(_) => "floating-point values",
        U32(_) | U64(_) => "32 bits or more",
        _ => "signed values",
    };
    ImageProblem::Unsupported(format!(
        "a TIFF of {what}, whose black and white are anywhere; scale it to 8 or 16 bits"
    ))
}

pub(super) fn problem(error: &TiffError) -> ImageProblem {
    match error {
        TiffError::IoError(error) if error.kind() == ErrorKind::UnexpectedEof => {
            ImageProblem::Truncated
        }
        TiffError::UnsupportedError(what) => {
            ImageProblem::Unsupported(format!("a TIFF that is not read ({what}); save it anew"))
        }
        TiffError::FormatError(TiffFormatError::ImageFileDirectoryNotFound) => {
            ImageProblem::Truncated
        }
        error => ImageProblem::Damaged(error.to_string()),
    }
}
