//! Feature maps in memory: reading windows of them with zeros around, and writing them strip by
//! strip.

use crate::lanes::Lanes;
use crate::shape::{Extent, Layout};
use crate::values::{Values, WIDTH};

/// A batch of maps to read.
#[derive(Debug, Clone, Copy)]
pub struct Maps<'a> {
    /// The values of all images.
    pub values: &'a [f32],
    /// Their layout.
    pub layout: Layout,
    /// The size of one map.
    pub extent: Extent,
}

/// A batch of maps to write.
#[derive(Debug)]
pub struct Target<'a> {
    /// The values of all images.
    pub values: &'a mut [f32],
    /// Their layout.
    pub layout: Layout,
    /// Writes only the largest value of every 2×2 square. Needs tiles with even sides.
    pub pool: bool,
}

/// A rectangle of sixteen channels of a map. It may reach over the map's edge.
#[derive(Debug, Clone, Copy)]
pub struct Window {
    /// Which image of the batch.
    pub image: usize,
    /// Which block of sixteen channels.
    pub block: usize,
    /// First row; negative where the window begins above the map.
    pub top: isize,
    /// First column; negative where the window begins to the left of the map.
    pub left: isize,
    /// Columns per row of the window.
    pub width: usize,
}

impl Maps<'_> {
    /// Copies a window into `into`, row by row, with zeros where it reaches over the edge.
    /// Given `positive`, maps of the same extent and layout, values become zero where those
    /// are not positive: the derivative of ReLU.
    #[inline(always)]
    pub fn read<L: Lanes>(
        &self,
        lanes: L,
        window: Window,
        positive: Option<&[f32]>,
        into: &mut [Values],
    ) {
        let Extent { height, width, .. } = self.extent;
        let before = window.left.min(0).unsigned_abs();
        let first = window.left.max(0) as usize;
        let inside = window.width.saturating_sub(before).min(width.saturating_sub(first));
        for (y, row) in into.chunks_exact_mut(window.width).enumerate() {
            let y = window.top + y as isize;
            if y < 0 || y as usize >= height {
                row.fill(Values::ZERO);
                continue;
            }
            let (edge, rest) = row.split_at_mut(before);
            let (row, other) = rest.split_at_mut(inside);
            edge.fill(Values::ZERO);
            other.fill(Values::ZERO);
            self.row(lanes, window, y as usize, first, positive, row);
        }
    }

    /// Part of one row, from column `x` on, which lies entirely inside the map.
    #[inline(always)]
    fn row<L: Lanes>(
        &self,
        lanes: L,
        window: Window,
        y: usize,
        x: usize,
        positive: Option<&[f32]>,
        into: &mut [Values],
    ) {
        let Extent { channels, height, width } = self.extent;
        let plane = height * width;
        match self.layout {
            Layout::Nchw16c => {
                let start =
                    ((window.image * self.extent.blocks() + window.block) * height + y) * width + x;
                let range = start * WIDTH..(start + into.len()) * WIDTH;
                let (values, _) = self.values[range.clone()].as_chunks::<WIDTH>();
                let positive = positive.map(|positive| positive[range].as_chunks::<WIDTH>().0);
                // Not `copy_from_slice`: that is a function call, which is slow
                // for so few values.
                for (x, (into, values)) in into.iter_mut().zip(values).enumerate() {
                    let mut value = lanes.read(values);
                    if let Some(positive) = positive {
                        value = lanes.keep(value, lanes.read(&positive[x]));
                    }
                    lanes.store(value, into);
                }
            }
            Layout::Nchw => {
                let count = WIDTH.min(channels - window.block * WIDTH);
                let start =
                    (window.image * channels + window.block * WIDTH) * plane + y * width + x;
                let planes = Planes { values: &self.values[start..], plane, count };
                let positive =
                    positive.map(|positive| Planes { values: &positive[start..], ..planes });
                planes.read(lanes, positive, into);
            }
        }
    }
}

/// Up to sixteen channels, one plane after the other.
#[derive(Clone, Copy)]
struct Planes<'a> {
    values: &'a [f32],
    plane: usize,
    count: usize,
}

impl Planes<'_> {
    /// Sixteen pixels of each channel, from pixel `x` on.
    #[inline(always)]
    fn square<L: Lanes>(&self, lanes: L, x: usize) -> [L::V; WIDTH] {
        let mut rows = [lanes.splat(0.0); WIDTH];
        for (channel, row) in rows.iter_mut().enumerate().take(self.count) {
            if let Some(values) = self.values[channel * self.plane + x..].first_chunk() {
                *row = lanes.read(values);
            }
        }
        rows
    }

    #[inline(always)]
    fn read<L: Lanes>(&self, lanes: L, positive: Option<Self>, into: &mut [Values]) {
        let (squares, rest) = into.as_chunks_mut::<WIDTH>();
        for (index, into) in squares.iter_mut().enumerate() {
            let mut rows = self.square(lanes, index * WIDTH);
            if let Some(positive) = positive {
                let positive = positive.square(lanes, index * WIDTH);
                for (row, positive) in rows.iter_mut().zip(positive) {
                    *row = lanes.keep(*row, positive);
                }
            }
            for (into, column) in into.iter_mut().zip(lanes.transpose(rows)) {
                lanes.store(column, into);
            }
        }
        let done = squares.len() * WIDTH;
        for (x, into) in rest.iter_mut().enumerate() {
            *into = Values::ZERO;
            for channel in 0..self.count {
                let index = channel * self.plane + done + x;
                if positive.is_none_or(|positive| positive.values[index] > 0.0) {
                    into.0[channel] = self.values[index];
                }
            }
        }
    }
}

/// The memory of one strip of one block of sixteen channels.
#[derive(Debug)]
pub enum Piece<'a> {
    /// Consecutive rows of pixels of sixteen channels.
    Nchw16c(&'a mut [f32]),
    /// The strip's rows of each channel.
    Nchw(Vec<&'a mut [f32]>),
}

impl Piece<'_> {
    /// Writes rows of `width` pixels, which lie `stride` apart in `rows`.
    #[inline(always)]
    pub fn write<L: Lanes>(&mut self, lanes: L, width: usize, stride: usize, rows: &[Values]) {
        match self {
            Self::Nchw16c(out) => {
                let (out, _) = out.as_chunks_mut::<WIDTH>();
                for (out, row) in out.chunks_exact_mut(width).zip(rows.chunks(stride)) {
                    for (out, values) in out.iter_mut().zip(row) {
                        lanes.write(lanes.load(values), out);
                    }
                }
            }
            Self::Nchw(planes) => {
                let rows = rows.chunks(stride);
                for (y, row) in rows.enumerate().take(planes[0].len() / width) {
                    write_row(lanes, &row[..width], planes, y * width);
                }
            }
        }
    }
}

/// Writes one row to up to sixteen planes, at `start` in each.
#[inline(always)]
fn write_row<L: Lanes>(lanes: L, row: &[Values], planes: &mut [&mut [f32]], start: usize) {
    let (squares, rest) = row.as_chunks::<WIDTH>();
    for (index, square) in squares.iter().enumerate() {
        let mut columns = [lanes.splat(0.0); WIDTH];
        for (column, values) in columns.iter_mut().zip(square) {
            *column = lanes.load(values);
        }
        for (plane, row) in planes.iter_mut().zip(lanes.transpose(columns)) {
            if let Some(into) = plane[start + index * WIDTH..].first_chunk_mut() {
                lanes.write(row, into);
            }
        }
    }
    let start = start + squares.len() * WIDTH;
    for (channel, plane) in planes.iter_mut().enumerate() {
        for (into, values) in plane[start..].iter_mut().zip(rest) {
            *into = values.0[channel];
        }
    }
}

/// Cuts a batch of maps into strips of `rows` rows: `[strip of the batch][block of channels]`.
pub fn cut(values: &mut [f32], layout: Layout, extent: Extent, rows: usize) -> Vec<Vec<Piece<'_>>> {
    let strips = extent.height.div_ceil(rows);
    let mut pieces: Vec<Vec<Piece<'_>>> = Vec::new();
    for image in values.chunks_exact_mut(extent.values(layout)) {
        let first = pieces.len();
        pieces.resize_with(first + strips, Vec::new);
        let of_image = &mut pieces[first..];
        let row = extent.width;
        match layout {
            Layout::Nchw16c => {
                for block in image.chunks_exact_mut(extent.height * row * WIDTH) {
                    for (strip, part) in block.chunks_mut(rows * row * WIDTH).enumerate() {
                        of_image[strip].push(Piece::Nchw16c(part));
                    }
                }
            }
            Layout::Nchw => {
                for block in image.chunks_mut(WIDTH * extent.height * row) {
                    for strip in of_image.iter_mut() {
                        strip.push(Piece::Nchw(Vec::with_capacity(WIDTH)));
                    }
                    for plane in block.chunks_exact_mut(extent.height * row) {
                        for (strip, part) in plane.chunks_mut(rows * row).enumerate() {
                            if let Some(Piece::Nchw(planes)) = of_image[strip].last_mut() {
                                planes.push(part);
                            }
                        }
                    }
                }
            }
        }
    }
    pieces
}
