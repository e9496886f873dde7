//! AVIF: the primary picture of the file, in RGB of eight bits.
//!
//! A picture is one frame of AV1, or a grid of frames. Its samples become what libavif makes of them,
//! which is what Pillow reads. Colour profiles, gain maps, depth maps and the later frames of a
//! sequence are passed over, and so is a clean aperture, as by Pillow.

mod av1;
mod colour;
mod container;
mod planes;

use image::metadata::Orientation;
use image::{DynamicImage, RgbImage};

use super::problem::{ImageProblem, MAX_PIXELS};
use av1::{Colours, Frame};
use container::{Bytes, Container, damaged, missing};
use planes::{Grid, Planes};

/// Brands of files that hold AV1: one picture, a sequence, and two profiles of them.
const BRANDS: [&[u8; 4]; 4] = [b"avif", b"avis", b"MA1A", b"MA1B"];

/// Properties that are read, or without which the pixels are the same.
const KNOWN_PROPERTIES: [&[u8; 4]; 13] = [
    b"av1C", b"auxC", b"ccst", b"clap", b"clli", b"colr", b"imir", b"irot", b"ispe", b"mdcv",
    b"pasp", b"pixi", b"amve",
];

/// Whether these are the first bytes of an AVIF. Many are called `mif1` first, as HEIC may be.
pub(super) fn is_avif(bytes: &[u8]) -> bool {
    let length = bytes.first_chunk().map_or(0, |length| u32::from_be_bytes(*length) as usize);
    let head = &bytes[..length.min(bytes.len())];
    let words = head.as_chunks::<4>().0;
    // The length, `ftyp`, the major brand, its version, and the compatible brands.
    words.get(1).is_some_and(|kind| kind == b"ftyp")
        && words.iter().skip(2).any(|brand| BRANDS.contains(&brand))
}

/// Width and height of the picture before it is turned.
pub(super) fn dimensions(bytes: &[u8]) -> Result<(u32, u32), ImageProblem> {
    let container = Container::read(bytes)?;
    size(&container, container.primary())
}

/// The picture, and how it is to be turned.
pub(super) fn decode(bytes: &[u8]) -> Result<(DynamicImage, Orientation), ImageProblem> {
    let container = Container::read(bytes)?;
    let item = container.primary();
    let mut rgb = picture(&container, item)?;
    if let [opacity, ..] = container.references(item, b"prem") {
        divide(&mut rgb, &picture(&container, *opacity)?)?;
    }
    Ok((DynamicImage::ImageRgb8(rgb), orientation(&container, item)?))
}

/// The pixels of an item.
fn picture(container: &Container, item: u32) -> Result<RgbImage, ImageProblem> {
    let kind = container.kind(item).ok_or_else(|| missing("what its picture is"))?;
    match kind {
        b"av01" => {
            let frame = frame(container, item)?;
            let colours = nclx(container, item)?.unwrap_or_else(|| frame.colours());
            colour::to_rgb(&Planes::of(&frame), colours)
        }
        b"grid" => grid(container, item),
        b"hvc1" | b"hev1" => Err(ImageProblem::OtherFormat("HEIC")),
        kind => Err(unsupported(kind)),
    }
}

/// An item that is worthless without a property that is not known is not to be shown.
fn check_properties(container: &Container, item: u32) -> Result<(), ImageProblem> {
    let unknown = container
        .properties(item)
        .find(|((kind, _), is_essential)| *is_essential && !KNOWN_PROPERTIES.contains(&kind));
    unknown.map_or(Ok(()), |((kind, _), _)| Err(unsupported(&kind)))
}

fn unsupported(kind: &[u8; 4]) -> ImageProblem {
    ImageProblem::Unsupported(format!(
        "an AVIF of a kind that is not read (`{}`); convert it to PNG: `avifdec photo.avif photo.png`, \
         say",
        kind.escape_ascii()
    ))
}

fn frame(container: &Container, item: u32) -> Result<Frame, ImageProblem> {
    check_properties(container, item)?;
    let (width, height) = size(container, item)?;
    // No pixels would be no limit for the decoder.
    if width == 0 || height == 0 {
        return Err(damaged("one of its frames has no pixels"));
    }
    if u64::from(width) * u64::from(height) > MAX_PIXELS {
        return Err(ImageProblem::TooLarge { width, height });
    }
    Frame::decode(&container.data(item)?, width, height)
}

/// Frames side by side; the first says how large all are, and which colours they have.
fn grid(container: &Container, item: u32) -> Result<RgbImage, ImageProblem> {
    check_properties(container, item)?;
    let grid = Grid::read(&container.data(item)?)?;
    let (width, height) = grid.size();
    if u64::from(width) * u64::from(height) > MAX_PIXELS {
        return Err(ImageProblem::TooLarge { width, height });
    }
    if size(container, item)? != (width, height) {
        return Err(damaged("its grid has another size than it says"));
    }
    let tiles = container.references(item, b"dimg");
    let [first, ..] = tiles else { return Err(missing("what its grid is made of")) };
    let colours = match nclx(container, item)? {
        None => nclx(container, *first)?,
        found => found,
    };
    let (planes, of_frames) = grid.assemble(tiles, |tile| match container.kind(tile) {
        Some(b"av01") => frame(container, tile),
        _ => Err(unsupported(b"grid")),
    })?;
    colour::to_rgb(&planes, colours.unwrap_or(of_frames))
}

fn size(container: &Container, item: u32) -> Result<(u32, u32), ImageProblem> {
    let mut size = container.property(item, b"ispe").ok_or_else(|| missing("its size"))?;
    size.take(4)?;
    Ok((size.long()?, size.long()?))
}

/// What the container says about the colours, which goes before what the frames say.
fn nclx(container: &Container, item: u32) -> Result<Option<Colours>, ImageProblem> {
    let mut found = container.properties(item).filter_map(|((kind, bytes), _)| {
        if &kind == b"colr" { bytes.strip_prefix(b"nclx") } else { None }
    });
    let Some(bytes) = found.next() else { return Ok(None) };
    let mut bytes = Bytes(bytes);
    let (primaries, _transfer, matrix) = (bytes.short()?, bytes.short()?, bytes.short()?);
    Ok(Some(Colours { primaries, matrix, is_full_range: bytes.take(1)?[0] >> 7 == 1 }))
}

/// `irot`, then `imir`, as EXIF's number; what EXIF itself says does not count in an AVIF.
fn orientation(container: &Container, item: u32) -> Result<Orientation, ImageProblem> {
    let number = |kind| match container.property(item, kind) {
        Some(mut bytes) => bytes.take(1).map(|byte| Some(byte[0])),
        None => Ok(None),
    };
    let turned = number(b"irot")?.map_or(0, |angle| angle & 3);
    // Quarters of a turn against the clock; then top and bottom change places, or left and right.
    let exif = match (turned, number(b"imir")?.map(|axis| axis & 1)) {
        (0, None) => 1,
        (1, None) => 8,
        (2, None) => 3,
        (_, None) => 6,
        (0, Some(1)) | (2, Some(0)) => 2,
        (0 | 2, Some(_)) => 4,
        (1, Some(0)) | (3, Some(1)) => 5,
        (_, Some(_)) => 7,
    };
    Ok(Orientation::from_exif(exif).unwrap_or(Orientation::NoTransforms))
}

/// Takes the opacity out of colours that were multiplied by it: libyuv's `ARGBUnattenuate`.
fn divide(rgb: &mut RgbImage, opacity: &RgbImage) -> Result<(), ImageProblem> {
    if rgb.dimensions() != opacity.dimensions() {
        return Err(damaged("its transparency has another size than its picture"));
    }
    for (pixel, opacity) in rgb.pixels_mut().zip(opacity.pixels()) {
        let inverse = 65_536_u32.checked_div(u32::from(opacity.0[0])).unwrap_or(0).min(65_535);
        // At most 255.
        pixel.0 = pixel.0.map(|colour| ((u32::from(colour) * 257 * inverse) >> 16).min(255) as u8);
    }
    Ok(())
}
