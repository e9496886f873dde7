//! TIFF with a palette, which the decoder does not read: its indices are read as grey, then painted.

use std::io::Cursor;

use image::{DynamicImage, GrayImage, Rgb, RgbImage};
use tiff::decoder::Decoder;
use tiff::tags::{ByteOrder, Tag};

use super::problem::ImageProblem;
use super::tiff::problem;

/// The tag that says what samples mean, and its value for grey.
const PHOTOMETRIC: u16 = 262;
const BLACK_IS_ZERO: u16 = 1;

/// The colours of a palette, in eight bits.
pub(super) fn colours(decoder: &mut Decoder<Cursor<&[u8]>>) -> Result<Vec<Rgb<u8>>, ImageProblem> {
    let map = decoder.get_tag_u16_vec(Tag::ColorMap).map_err(|error| problem(&error))?;
    // Some writers put eight bits where sixteen belong; libtiff allows for it, too.
    let shift = if map.iter().all(|value| *value < 256) { 0 } else { 8 };
    let count = map.len() / 3;
    let colour =
        |index: usize| Rgb([0, 1, 2].map(|channel| (map[channel * count + index] >> shift) as u8));
    Ok((0..count).map(colour).collect())
}

/// The same file, whose samples are called grey.
pub(super) fn indices(
    bytes: &[u8],
    decoder: &mut Decoder<Cursor<&[u8]>>,
) -> Result<Vec<u8>, ImageProblem> {
    let damaged = || ImageProblem::Damaged("its directory cannot be read".to_owned());
    let start = decoder.ifd_pointer().and_then(|pointer| usize::try_from(pointer.0).ok());
    let is_little = decoder.byte_order() == ByteOrder::LittleEndian;
    let number = |at: usize| {
        let pair = [*bytes.get(at)?, *bytes.get(at.checked_add(1)?)?];
        Some(if is_little { u16::from_le_bytes(pair) } else { u16::from_be_bytes(pair) })
    };
    // Addresses of 32 bits, or of 64: where entries begin, how long each is, where its value stands.
    let (head, entry, value) =
        if matches!(bytes.get(2..4), Some(b"*\0" | b"\0*")) { (2, 12, 8) } else { (8, 20, 12) };
    let first = start.and_then(|start| start.checked_add(head)).ok_or_else(damaged)?;
    let entries = (0..usize::from(u16::MAX)).map(|index| first.saturating_add(index * entry));
    let mut entries = entries.take_while(|at| *at < bytes.len());
    let at = entries.find(|at| number(*at) == Some(PHOTOMETRIC)).ok_or_else(damaged)?;
    let grey = if is_little { BLACK_IS_ZERO.to_le_bytes() } else { BLACK_IS_ZERO.to_be_bytes() };
    let mut changed = bytes.to_vec();
    let place = changed.get_mut(at + value..at + value + 2).ok_or_else(damaged)?;
    place.copy_from_slice(&grey);
    Ok(changed)
}

/// Colours in place of their numbers; black where a number has none.
pub(super) fn paint(indices: GrayImage, colours: &[Rgb<u8>]) -> DynamicImage {
    let colour = |index: u8| colours.get(usize::from(index)).copied().unwrap_or(Rgb([0; 3]));
    DynamicImage::ImageRgb8(RgbImage::from_fn(indices.width(), indices.height(), |x, y| {
        colour(indices.get_pixel(x, y).0[0])
    }))
}
