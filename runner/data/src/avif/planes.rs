//! Planes of samples: those of one frame, or of the frames of a grid put side by side.

use std::borrow::Cow;

use super::av1::{Colours, Frame};
use super::container::{Bytes, damaged};
use crate::problem::ImageProblem;

/// The samples of one channel, from top to bottom.
#[derive(Default)]
struct Plane<'a> {
    bytes: Cow<'a, [u8]>,
    /// Bytes from one row to the next.
    stride: usize,
}

/// A picture as it was coded: how bright (or green), how blue, how red.
pub(super) struct Planes<'a> {
    pub width: usize,
    pub height: usize,
    /// Bits of a sample: 8, 10 or 12. More than 8 are in two bytes of this machine's order.
    pub bits: u32,
    /// By how many powers of two the second and third are narrower and lower; `None` if not there.
    pub chroma_shift: Option<(u32, u32)>,
    planes: [Plane<'a>; 3],
}

impl<'a> Planes<'a> {
    pub(super) fn of(frame: &'a Frame) -> Self {
        let (width, height) = frame.size();
        let chroma_shift = frame.chroma_shift();
        let (width, height) = (width as usize, height as usize);
        let mut planes =
            Self { width, height, bits: frame.bits(), chroma_shift, planes: Default::default() };
        for channel in 0..3 {
            let (bytes, stride) = frame.plane(channel, planes.size(channel).1);
            planes.planes[channel] = Plane { bytes: Cow::Borrowed(bytes), stride };
        }
        planes
    }

    /// Planes of zeros.
    fn empty(width: usize, height: usize, like: &Planes) -> Self {
        let (bits, chroma_shift) = (like.bits, like.chroma_shift);
        let mut planes = Self { width, height, bits, chroma_shift, planes: Default::default() };
        for channel in 0..3 {
            let (columns, rows) = planes.size(channel);
            let stride = columns * planes.bytes_per_sample();
            planes.planes[channel] = Plane { bytes: vec![0; stride * rows].into(), stride };
        }
        planes
    }

    fn bytes_per_sample(&self) -> usize {
        if self.bits > 8 { 2 } else { 1 }
    }

    /// Columns and rows of a plane.
    pub(super) fn size(&self, channel: usize) -> (usize, usize) {
        match (channel, self.chroma_shift) {
            (0, _) => (self.width, self.height),
            (_, Some((x, y))) => (self.width.div_ceil(1 << x), self.height.div_ceil(1 << y)),
            (_, None) => (0, 0),
        }
    }

    fn row(&self, channel: usize, row: usize) -> &[u8] {
        let Plane { bytes, stride } = &self.planes[channel];
        let length = self.size(channel).0 * self.bytes_per_sample();
        &bytes[row * stride..][..length]
    }

    /// The samples of one row, in place of what was in `samples`.
    pub(super) fn read_row(&self, channel: usize, row: usize, samples: &mut Vec<i32>) {
        let row = self.row(channel, row);
        samples.clear();
        if self.bits > 8 {
            let pairs = row.as_chunks().0.iter();
            samples.extend(pairs.map(|pair| i32::from(u16::from_ne_bytes(*pair))));
        } else {
            samples.extend(row.iter().map(|byte| i32::from(*byte)));
        }
    }

    /// Puts a frame in, its upper left corner where `x` and `y` say; what goes over the edge is cut.
    fn put(&mut self, tile: &Planes, x: usize, y: usize) {
        let length = self.bytes_per_sample();
        for channel in 0..3 {
            let (columns, rows) = self.size(channel);
            let shift = if channel == 0 { (0, 0) } else { self.chroma_shift.unwrap_or((0, 0)) };
            let (x, y) = (x >> shift.0, y >> shift.1);
            let (tile_columns, tile_rows) = tile.size(channel);
            let bytes = tile_columns.min(columns.saturating_sub(x)) * length;
            let Plane { bytes: target, stride } = &mut self.planes[channel];
            for row in 0..tile_rows.min(rows.saturating_sub(y)) {
                let start = (y + row) * *stride + x * length;
                let source = &tile.row(channel, row)[..bytes];
                target.to_mut()[start..start + bytes].copy_from_slice(source);
            }
        }
    }
}

/// A picture of frames side by side (ISO 23008-12, `ImageGrid`).
pub(super) struct Grid {
    columns: usize,
    rows: usize,
    width: u32,
    height: u32,
}

impl Grid {
    pub(super) fn read(data: &[u8]) -> Result<Self, ImageProblem> {
        let mut bytes = Bytes(data);
        let is_wide = bytes.take(2)?[1] & 1 == 1;
        let (rows, columns) = (bytes.take(1)?[0], bytes.take(1)?[0]);
        let mut side = || if is_wide { bytes.long() } else { bytes.short() };
        let (width, height) = (side()?, side()?);
        Ok(Self { columns: usize::from(columns) + 1, rows: usize::from(rows) + 1, width, height })
    }

    pub(super) fn size(&self) -> (u32, u32) {
        (self.width, self.height)
    }

    /// Row by row, as they are named; comes with the colours that the first speaks of.
    pub(super) fn assemble(
        &self,
        tiles: &[u32],
        decode: impl Fn(u32) -> Result<Frame, ImageProblem>,
    ) -> Result<(Planes<'static>, Colours), ImageProblem> {
        if tiles.len() != self.columns * self.rows {
            return Err(damaged("its grid has gaps"));
        }
        let first = decode(tiles[0])?;
        let like = Planes::of(&first);
        self.check(&like)?;
        let mut whole = Planes::empty(self.width as usize, self.height as usize, &like);
        whole.put(&like, 0, 0);
        for (index, tile) in tiles.iter().enumerate().skip(1) {
            let frame = decode(*tile)?;
            let part = Planes::of(&frame);
            let kind =
                |planes: &Planes| (planes.width, planes.height, planes.bits, planes.chroma_shift);
            if kind(&part) != kind(&like) {
                return Err(damaged("the parts of its grid are of different kinds"));
            }
            let (row, column) = (index / self.columns, index % self.columns);
            whole.put(&part, column * like.width, row * like.height);
        }
        Ok((whole, first.colours()))
    }

    /// Frames cover the whole and little more, so that a small file is not hours of work; and those
    /// of halved colours begin at a sample.
    fn check(&self, tile: &Planes) -> Result<(), ImageProblem> {
        let fits = |count: usize, side: usize, whole: u32, shift: u32| {
            let whole = whole as usize;
            count * side >= whole
                && (count - 1) * side < whole
                && (count == 1 || side.is_multiple_of(1 << shift))
        };
        let (x, y) = tile.chroma_shift.unwrap_or((0, 0));
        let is_covered = fits(self.columns, tile.width, self.width, x)
            && fits(self.rows, tile.height, self.height, y);
        is_covered.then_some(()).ok_or_else(|| damaged("its grid does not fit together"))
    }
}
