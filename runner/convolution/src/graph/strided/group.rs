//! Strips of tiles that are transformed and multiplied together.

use rayon::prelude::*;

use super::all::{Filters, shape};
use super::axis::{FACTORS, Taps};
use super::maps::{Finish, Products, ToInputs, ToOutputs};
use super::places::Places;
use super::transform::{Reading, ToValues};
use crate::buffer::{Scratch, apart, scratch};
use crate::filter;
use crate::lanes::{Lanes, Work};
use crate::map::{Maps, Piece};
use crate::product::{INNER, Rows, panel_len, product};
use crate::shape::Extent;
use crate::values::{Values, WIDTH};

/// What becomes of the sums.
#[derive(Clone, Copy)]
pub enum End<'a> {
    /// Outputs of a convolution.
    Outputs(Finish<'a>),
    /// The gradient of its input, with this many rows and columns before the first pixel that met the
    /// outer taps.
    Inputs([usize; 2]),
}

/// What all groups of strips have in common.
#[derive(Clone, Copy)]
pub struct Group<'a, L> {
    /// The instruction set.
    pub lanes: L,
    /// The maps that go in.
    pub maps: Maps<'a>,
    /// Which of their pixels are read.
    pub reading: Reading,
    /// What each channel is multiplied by.
    pub scale: Option<&'a [Values]>,
    /// The filters.
    pub filters: Filters<'a>,
    /// The size of the maps that come out.
    pub output: Extent,
    /// What becomes of the sums.
    pub end: End<'a>,
    /// Whether all threads share the work.
    pub is_shared: bool,
}

impl<L: Lanes> Group<'_, L> {
    /// Computes some strips, whose blocks are written to `pieces`.
    pub fn run(&self, places: &Places, pieces: &mut [Vec<Piece<'_>>]) {
        let block = apart(places.len());
        let values = self.values(places, block);
        let mut panels: Vec<Vec<&mut [Piece<'_>]>> = Vec::new();
        for strip in pieces {
            let of_strip = strip.chunks_mut(L::COLUMNS);
            panels.resize_with(of_strip.len(), Vec::new);
            panels.iter_mut().zip(of_strip).for_each(|(panel, blocks)| panel.push(blocks));
        }
        let run = |(panel, mut strips): (usize, Vec<&mut [Piece<'_>]>)| {
            let mut out = scratch(places.len() * L::COLUMNS);
            self.multiply(places, (&values, block), panel, &mut out);
            for (strip, blocks) in strips.iter_mut().enumerate() {
                for (column, piece) in blocks.iter_mut().enumerate() {
                    let strip = places.strip(strip);
                    let products = Products { places, strip, values: &out[column..] };
                    self.finish(products, panel * L::COLUMNS + column, piece);
                }
            }
        };
        if self.is_shared {
            panels.into_par_iter().enumerate().for_each(run);
        } else {
            panels.into_iter().enumerate().for_each(run);
        }
    }

    /// The values of all tiles, `[block][place]`, with this distance from one block to the next.
    fn values(&self, places: &Places, block: usize) -> Scratch {
        let mut values = scratch(self.maps.extent.blocks() * block);
        let Self { maps, reading, scale, .. } = *self;
        let run = |(block, out): (usize, &mut [Values])| {
            let scale = scale.map(|scale| &scale[block]);
            self.lanes.vectorize(ToValues { maps, reading, scale, places, block, out });
        };
        if self.is_shared {
            values.par_chunks_exact_mut(block).enumerate().for_each(run);
        } else {
            values.chunks_exact_mut(block).enumerate().for_each(run);
        }
        values
    }

    /// Writes the products of one panel. Filters that are not transformed yet are only as many channels
    /// at a time as are summed together, so that they stay in this core's cache.
    fn multiply(
        &self,
        places: &Places,
        (values, block): (&[Values], usize),
        panel: usize,
        out: &mut [Values],
    ) {
        let Extent { channels, .. } = self.maps.extent;
        let blocks = self.maps.extent.blocks();
        let kernel = match self.filters {
            Filters::Kernel(kernel) => kernel,
            Filters::Transformed(filters) => {
                let per_panel = FACTORS * FACTORS * panel_len::<L>(blocks);
                let filters = &filters[panel * per_panel..][..per_panel];
                let (values, accumulate) = ((values, block), false);
                let work = Multiply { places, values, blocks, filters, accumulate, out };
                return self.lanes.vectorize(work);
            }
        };
        let shape = shape((channels, self.output.channels));
        let part = panel_len::<L>(INNER.min(blocks));
        let mut filters = scratch(FACTORS * FACTORS * part);
        for first in (0..blocks).step_by(INNER) {
            let some = first..blocks.min(first + INNER);
            let of = (panel, some.start * WIDTH..channels.min(some.end * WIDTH));
            let factors = filters.chunks_exact_mut(part).collect();
            filter::transform_panel::<L, Taps, FACTORS>(self.lanes, shape, kernel, of, factors);
            self.lanes.vectorize(Multiply {
                places,
                values: (&values[first * block..], block),
                blocks: some.len(),
                filters: &filters,
                accumulate: first > 0,
                out: &mut *out,
            });
        }
    }

    /// Transforms one strip of one block back.
    fn finish(&self, products: Products<'_>, block: usize, out: &mut Piece<'_>) {
        let Extent { height, width, .. } = self.output;
        match self.end {
            End::Outputs(finish) => {
                let map = products.strip.image * self.output.blocks() + block;
                let start = (map * height + products.strip.top) * width;
                self.lanes.vectorize(ToOutputs { products, finish, block: (block, start), out });
            }
            End::Inputs(before) => {
                self.lanes.vectorize(ToInputs { products, before, width, out });
            }
        }
    }
}

/// The products of one panel.
struct Multiply<'a> {
    places: &'a Places,
    /// `[block][place]`, and the distance from one block of channels to the next.
    values: (&'a [Values], usize),
    /// Number of blocks of channels.
    blocks: usize,
    /// `[factor][channel][COLUMNS][16]`, with room for as many channels as are summed together.
    filters: &'a [Values],
    /// Adds to the contents of `out`.
    accumulate: bool,
    /// `[place][COLUMNS][16]`
    out: &'a mut [Values],
}

impl Work for Multiply<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let Self { places, values: (values, stride), blocks, filters, accumulate, out } = self;
        let length = filters.len() / (FACTORS * FACTORS);
        for factor in 0..FACTORS * FACTORS {
            let start = places.start(factor);
            let next = places.start(factor + 1) - start;
            let rows = Rows { values: &values[start..], stride, next };
            let out = &mut out[start * L::COLUMNS..][..places.count(factor) * L::COLUMNS];
            product(lanes, blocks, rows, &filters[factor * length..], accumulate, out);
        }
    }
}
