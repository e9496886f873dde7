//! JPEG in the strips or tiles of a TIFF, by libjpeg as Pillow has it: what pure Rust made of it was up to
//! 24 grey levels off at hard edges, also where no colour is halved.
//!
//! Each strip is a JPEG of its own whose tables may stand aside, once for all (`JPEGTables`, TIFF
//! Technical Note 2). What they call their colours is not heeded, since the TIFF says which they are. What
//! is not of the usual kind is left to the other decoder.

use std::io::Cursor;

use image::{DynamicImage, RgbImage, imageops};
use tiff::decoder::{ChunkType, Decoder};
use tiff::tags::{CompressionMethod, PhotometricInterpretation as Photometric, Tag};

use crate::jpeg;
use crate::problem::ImageProblem;

/// The start of a JPEG.
const START: [u8; 2] = [0xFF, 0xD8];

/// The page, where all of it is JPEG in grey, RGB or YCbCr of eight bits.
pub(super) fn decode(
    bytes: &[u8],
    photometric: Option<Photometric>,
    decoder: &mut Decoder<Cursor<&[u8]>>,
) -> Result<Option<DynamicImage>, ImageProblem> {
    let Some(page) = Page::new(photometric, decoder) else { return Ok(None) };
    let (width, height) = page.size;
    let mut picture = RgbImage::new(width, height);
    for (index, (offset, length)) in page.places.iter().enumerate() {
        let part = usize::try_from(*offset).ok().zip(usize::try_from(*length).ok());
        let part = part.and_then(|(from, length)| bytes.get(from..from.checked_add(length)?));
        let part = part.ok_or(ImageProblem::Truncated)?;
        let Some(file) = page.file(part) else { return Ok(None) };
        if dimensions(&file) != Some(page.part_size(index, decoder)) {
            return Ok(None);
        }
        let (columns, rows) = page.part;
        jpeg::check_scans(jpeg::scans(&file)?, u64::from(columns) * u64::from(rows))?;
        let Some(part) = jpeg::decode(&file)? else { return Ok(None) };
        let across = i64::from(width.div_ceil(columns.max(1)));
        let index = i64::try_from(index).unwrap_or(i64::MAX);
        let (left, top) = (index % across * i64::from(columns), index / across * i64::from(rows));
        imageops::replace(&mut picture, &part, left, top);
    }
    Ok(Some(match photometric {
        // Three times the same.
        Some(Photometric::BlackIsZero) => DynamicImage::ImageRgb8(picture).into_luma8().into(),
        _ => picture.into(),
    }))
}

struct Page {
    size: (u32, u32),
    /// Of a whole strip or tile.
    part: (u32, u32),
    /// Offset and length of each strip or tile.
    places: Vec<(u64, u64)>,
    /// The segments of the tables.
    tables: Vec<u8>,
    /// What says how three channels become RGB.
    colours: Vec<u8>,
}

impl Page {
    fn new(photometric: Option<Photometric>, decoder: &mut Decoder<Cursor<&[u8]>>) -> Option<Self> {
        let number =
            |decoder: &mut Decoder<_>, tag| decoder.find_tag_unsigned::<u16>(tag).ok().flatten();
        let channels = match photometric? {
            Photometric::BlackIsZero => 1,
            Photometric::RGB | Photometric::YCbCr => 3,
            _ => return None,
        };
        let is_jpeg =
            number(decoder, Tag::Compression) == Some(CompressionMethod::ModernJPEG.to_u16());
        let in_planes = number(decoder, Tag::PlanarConfiguration).is_some_and(|planes| planes != 1);
        let samples = number(decoder, Tag::SamplesPerPixel).unwrap_or(1);
        let bits = decoder.find_tag_unsigned_vec::<u16>(Tag::BitsPerSample).ok()??;
        if !is_jpeg || in_planes || samples != channels || bits.iter().any(|bits| *bits != 8) {
            return None;
        }
        let [offsets, lengths] = match decoder.get_chunk_type() {
            ChunkType::Strip => [Tag::StripOffsets, Tag::StripByteCounts],
            ChunkType::Tile => [Tag::TileOffsets, Tag::TileByteCounts],
        };
        let offsets = decoder.get_tag_u64_vec(offsets).ok()?;
        let lengths = decoder.get_tag_u64_vec(lengths).ok()?;
        let (size, part) = (decoder.dimensions().ok()?, decoder.chunk_dimensions());
        let across = u64::from(size.0.div_ceil(part.0.max(1)));
        let needed = across * u64::from(size.1.div_ceil(part.1.max(1)));
        if offsets.len() as u64 != needed || lengths.len() as u64 != needed {
            return None;
        }
        let tables = decoder.get_tag_u8_vec(Tag::JPEGTables).unwrap_or_default();
        let tables = match tables.is_empty() {
            true => Vec::new(),
            false => segments(&tables)?.0,
        };
        let colours = match photometric? {
            Photometric::BlackIsZero => Vec::new(),
            photometric => adobe(photometric == Photometric::YCbCr),
        };
        let places = offsets.into_iter().zip(lengths).collect();
        Some(Self { size, part, places, tables, colours })
    }

    /// The JPEG of a strip or tile with all that it needs.
    fn file(&self, part: &[u8]) -> Option<Vec<u8>> {
        let (head, rest) = segments(part)?;
        Some([&START[..], &self.colours, &self.tables, &head, rest].concat())
    }

    /// Width and height of a strip or tile; only tiles reach over the edge.
    fn part_size(&self, index: usize, decoder: &Decoder<Cursor<&[u8]>>) -> (u32, u32) {
        match (decoder.get_chunk_type(), u32::try_from(index)) {
            (ChunkType::Strip, Ok(index)) => decoder.chunk_data_dimensions(index),
            _ => self.part,
        }
    }
}

/// Adobe's segment: whether the colours are YCbCr or RGB.
fn adobe(is_ycbcr: bool) -> Vec<u8> {
    let head = [0xFF, 0xEE, 0, 14];
    [&head[..], b"Adobe", &[0, 100, 0, 0, 0, 0, u8::from(is_ycbcr)]].concat()
}

/// The segments before the first scan but for comments and what programs put there, and all from the first
/// scan on, which tables have none of.
fn segments(jpeg: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let mut rest = jpeg.strip_prefix(&START)?;
    let mut kept = Vec::new();
    loop {
        match rest {
            [] | [0xFF, 0xD9, ..] => return Some((kept, &[])),
            [0xFF, 0xDA, ..] => return Some((kept, rest)),
            [0xFF, 0xFF, ..] => rest = &rest[1..],
            [0xFF, marker, high, low, ..] => {
                let length = 2 + usize::from(u16::from_be_bytes([*high, *low]));
                let segment = rest.get(..length)?;
                if !matches!(marker, 0xE0..=0xEF | 0xFE) {
                    kept.extend_from_slice(segment);
                }
                rest = &rest[length..];
            }
            _ => return None,
        }
    }
}

/// Width and height by the start of the frame.
fn dimensions(jpeg: &[u8]) -> Option<(u32, u32)> {
    let mut rest = jpeg.strip_prefix(&START)?;
    loop {
        let [0xFF, marker, high, low, tail @ ..] = rest else { return None };
        if matches!(marker, 0xC0..=0xC2) {
            let [_, height_1, height_2, width_1, width_2, ..] = tail else { return None };
            let side = |high, low| u32::from(u16::from_be_bytes([high, low]));
            return Some((side(*width_1, *width_2), side(*height_1, *height_2)));
        }
        rest = rest.get(2 + usize::from(u16::from_be_bytes([*high, *low]))..)?;
    }
}
