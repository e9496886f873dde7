//! All maps of a batch, in groups of strips.

use rayon::prelude::*;

use super::axis::{FACTORS, OUTPUTS, Taps};
use super::group::{End, Group};
use super::places::Places;
use super::transform::Reading;
use crate::buffer::scratch;
use crate::filter::{self, Kernel};
use crate::isa::{Isa, RunLanes, with_lanes};
use crate::lanes::Lanes;
use crate::map::{Maps, Piece, cut};
use crate::product::panel_len;
use crate::shape::{ConvShape, Extent, Layout};
use crate::values::{Values, WIDTH};

/// Filters larger than this don't fit in a core's cache: for one use, each panel is transformed just
/// before it is multiplied; for many, a whole batch passes together.
const BATCH_BYTES: usize = 16 << 20;

/// Tiles that are transformed before they are multiplied.
const TILES: usize = 49;

/// The same where the filters are read from memory each time.
const BATCH_TILES: usize = 96;

/// The filters.
#[derive(Debug, Clone, Copy)]
pub enum Filters<'a> {
    /// Not transformed yet.
    Kernel(Kernel<'a>),
    /// `[panel][factor][channel][COLUMNS][16]`
    Transformed(&'a [Values]),
}

/// Whether filters of this many channels and outputs don't fit in a core's cache.
pub fn is_large((channels, outputs): (usize, usize)) -> bool {
    FACTORS * FACTORS * channels * outputs * 4 > BATCH_BYTES
}

/// Transforms the filters of this many channels and outputs.
pub fn transformed(isa: Isa, sizes: (usize, usize), kernel: Kernel<'_>) -> Vec<Values> {
    let mut filters = Vec::new();
    with_lanes(isa, Transform { sizes, kernel, filters: &mut filters });
    filters
}

/// The shape of a convolution as far as its filters depend on it.
pub fn shape((channels, outputs): (usize, usize)) -> ConvShape {
    let input = Extent { channels, height: 1, width: 1 };
    ConvShape { images: 1, input, outputs, padding: 0 }
}

struct Transform<'a> {
    sizes: (usize, usize),
    kernel: Kernel<'a>,
    filters: &'a mut Vec<Values>,
}

impl RunLanes for Transform<'_> {
    fn run<L: Lanes>(self, lanes: L) {
        self.filters.resize(len::<L>(self.sizes), Values::ZERO);
        transform(lanes, self.sizes, self.kernel, self.filters);
    }
}

fn transform<L: Lanes>(
    lanes: L,
    sizes: (usize, usize),
    kernel: Kernel<'_>,
    filters: &mut [Values],
) {
    filter::transform::<L, Taps, FACTORS>(lanes, shape(sizes), kernel, 1, filters);
}

/// Number of [`Values`] in transformed filters.
fn len<L: Lanes>((channels, outputs): (usize, usize)) -> usize {
    let panels = outputs.div_ceil(L::COLUMNS * WIDTH);
    FACTORS * FACTORS * panels * panel_len::<L>(channels.div_ceil(WIDTH))
}

/// All maps of a batch.
pub struct All<'a> {
    /// The maps that go in, in blocks, and their size.
    pub input: (&'a [Values], Extent),
    /// Which of their pixels are read.
    pub reading: Reading,
    /// What each channel is multiplied by.
    pub scale: Option<&'a [Values]>,
    /// The filters.
    pub filters: Filters<'a>,
    /// What is divided into tiles.
    pub tiled: Extent,
    /// Rows of a strip that come out.
    pub step: usize,
    /// The maps that come out, in blocks, and their size.
    pub output: (&'a mut [f32], Extent),
    /// What becomes of the sums.
    pub end: End<'a>,
    /// Whether all threads share the work.
    pub is_shared: bool,
}

impl RunLanes for All<'_> {
    fn run<L: Lanes>(self, lanes: L) {
        let Self { input: (values, extent), reading, scale, filters, tiled, end, .. } = self;
        let (out, output) = self.output;
        let values = bytemuck::cast_slice(values);
        let maps = Maps { values, layout: Layout::Nchw16c, extent };
        let (is_shared, sizes) = (self.is_shared, (extent.channels, output.channels));
        let mut transformed;
        let filters = match filters {
            Filters::Kernel(kernel) if !is_large(sizes) => {
                transformed = scratch(len::<L>(sizes));
                transform(lanes, sizes, kernel, &mut transformed);
                Filters::Transformed(&transformed)
            }
            other => other,
        };
        let group = Group { lanes, maps, reading, scale, filters, output, end, is_shared };
        let mut pieces = cut(out, Layout::Nchw16c, output, self.step);
        let tiles = if is_large(sizes) { BATCH_TILES } else { TILES };
        let most = (tiles / tiled.width.div_ceil(OUTPUTS)).clamp(1, pieces.len());
        // As even as possible.
        let strips = pieces.len().div_ceil(pieces.len().div_ceil(most));
        let run = |(index, pieces): (usize, &mut [Vec<Piece<'_>>])| {
            let first = index * strips;
            group.run(&Places::new(tiled, first..first + pieces.len()), pieces);
        };
        if is_shared {
            pieces.par_chunks_mut(strips).enumerate().for_each(run);
        } else {
            pieces.chunks_mut(strips).enumerate().for_each(run);
        }
    }
}
