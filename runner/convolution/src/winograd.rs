//! A convolution by minimal filtering: input transform, one matrix product per point, output
//! transform.

mod group;
mod multiply;

use std::marker::PhantomData;

use rayon::prelude::*;

use crate::buffer::{Scratch, scratch};
use crate::filter::{self, Kernel};
use crate::lanes::Lanes;
use crate::map::{Maps, Target, cut};
use crate::matrix::Tiling;
use crate::shape::{ConvShape, Epilogue};
use crate::tile::{Blocking, filters_len};
use crate::transform::Strips;
use crate::values::{Values, WIDTH, in_blocks};
use group::Group;

/// The filters.
#[derive(Debug, Clone, Copy)]
pub enum Filters<'a> {
    /// From [`filter::transform`].
    Transformed(&'a [Values]),
    /// Not transformed yet.
    Kernel(Kernel<'a>),
}

/// A convolution by minimal filtering with tiles `T`, and how its work is divided.
#[derive(Debug, Clone, Copy)]
pub struct Winograd<L, T, const M: usize, const N: usize> {
    pub lanes: L,
    pub tile: PhantomData<T>,
    pub shape: ConvShape,
    pub blocking: Blocking,
}

impl<L: Lanes, T: Tiling<M, N>, const M: usize, const N: usize> Winograd<L, T, M, N> {
    /// Convolves `maps`, where `positive` is positive if it is given.
    pub fn forward(
        &self,
        maps: Maps<'_>,
        positive: Option<&[f32]>,
        filters: Filters<'_>,
        epilogue: Epilogue<'_>,
        target: Target<'_>,
    ) {
        let whole = self.shape.output();
        let (extent, side) = if target.pool { (whole.pooled(), M / 2) } else { (whole, M) };
        let (down, across) = (extent.height.div_ceil(side), extent.width.div_ceil(side));
        let mut pieces = cut(target.values, target.layout, extent, side);
        let strips = self.blocking.tiles.div_ceil(across).clamp(1, pieces.len());
        // As even as possible.
        let strips = pieces.len().div_ceil(pieces.len().div_ceil(strips));
        let padding = self.shape.padding;
        let group = Group {
            algorithm: *self,
            strips: Strips { maps, positive, padding, step: M, across, down, range: 0..0 },
            bias: &in_blocks(epilogue.bias.unwrap_or(&[]), extent.blocks()),
            relu: epilogue.relu,
            pool: target.pool,
            width: extent.width,
        };
        let transformed;
        let filters = match filters {
            Filters::Kernel(kernel) if self.is_by_panel(strips == pieces.len()) => {
                group.by_panel(kernel, &mut pieces);
                return;
            }
            Filters::Kernel(kernel) => {
                transformed = self.transformed(kernel);
                &transformed[..]
            }
            Filters::Transformed(filters) => filters,
        };
        if self.blocking.shared {
            for (index, pieces) in pieces.chunks_mut(strips).enumerate() {
                group.run(filters, index * strips, pieces);
            }
        } else {
            let groups = pieces.par_chunks_mut(strips).enumerate();
            groups.for_each(|(index, pieces)| group.run(filters, index * strips, pieces));
        }
    }

    fn transformed(&self, kernel: Kernel<'_>) -> Scratch {
        let Self { lanes, shape, blocking, .. } = *self;
        let mut values = scratch(filters_len::<L>(shape, N * N));
        let per_pass = blocking.panels(L::COLUMNS);
        filter::transform::<L, T::Filter, N>(lanes, shape, kernel, per_pass, &mut values);
        values
    }

    /// Whether each panel of filters is transformed just before it is multiplied. Where all
    /// strips pass `at_once`, it is needed only once.
    fn is_by_panel(&self, at_once: bool) -> bool {
        let panels = self.shape.outputs.div_ceil(WIDTH * L::COLUMNS);
        let enough = panels >= rayon::current_num_threads();
        at_once && self.blocking.shared && enough && !L::MATRIX_UNIT
    }
}
