//! Maps copied from one layout to another.

use rayon::prelude::*;

use crate::buffer::scratch;
use crate::isa::{Isa, RunLanes, with_lanes};
use crate::lanes::{Lanes, Work};
use crate::map::{Maps, Piece, Window, cut};
use crate::shape::{Extent, Layout};

/// Copies a batch of maps of size `extent` from one layout to another.
///
/// # Panics
///
/// Where `values` holds fewer maps than `out` has room for, or `extent` is empty.
pub fn reorder(extent: Extent, values: &[f32], from: Layout, out: &mut [f32], to: Layout) {
    let maps = Maps { values, layout: from, extent };
    with_lanes(Isa::best(), Reorder { maps, out, to });
}

struct Reorder<'a> {
    maps: Maps<'a>,
    out: &'a mut [f32],
    to: Layout,
}

impl RunLanes for Reorder<'_> {
    fn run<L: Lanes>(self, lanes: L) {
        let Extent { height, width, .. } = self.maps.extent;
        let images = cut(self.out, self.to, self.maps.extent, height);
        images.into_par_iter().enumerate().for_each(|(image, blocks)| {
            for (block, out) in blocks.into_iter().enumerate() {
                let window = Window { image, block, top: 0, left: 0, width };
                lanes.vectorize(Copy { maps: self.maps, window, out });
            }
        });
    }
}

/// One block of channels of one map.
struct Copy<'a, 'b> {
    maps: Maps<'a>,
    window: Window,
    out: Piece<'b>,
}

impl Work for Copy<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(mut self, lanes: L) {
        let Extent { height, width, .. } = self.maps.extent;
        let mut rows = scratch(height * width);
        self.maps.read(lanes, self.window, None, &mut rows);
        self.out.write(lanes, width, width, &rows);
    }
}
