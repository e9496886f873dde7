//! One convolution of a stack, prepared for its instruction set.

use std::marker::PhantomData;

use crate::direct;
use crate::filter::{self, Kernel};
use crate::isa::Isa;
use crate::lanes::Lanes;
use crate::map::{Maps, Target};
use crate::matrix::Tiling;
use crate::shape::{ConvShape, DIRECT_CHANNELS, Epilogue, Extent, Layout};
use crate::tile::{Blocking, Run, Tile, dispatch, filters_len, wants_batch};
use crate::values::Values;
use crate::winograd::{self, Winograd};

/// The images that pass through a step together.
#[derive(Debug, Clone, Copy)]
pub struct Batch {
    /// How many pass together.
    pub images: usize,
    /// How many are being worked on at the same time, on all threads.
    pub total: usize,
}

/// A convolution with its filters in the form that its algorithm reads.
pub struct Prepared {
    /// The shape, with one image.
    pub shape: ConvShape,
    /// The layout of the input.
    pub from: Layout,
    /// The layout of the output.
    pub to: Layout,
    isa: Isa,
    tile: Tile,
    filters: Filters,
    bias: Vec<f32>,
    /// Whether sums below zero become zero.
    pub relu: bool,
    /// Whether only the largest value of every 2×2 square is written.
    pool: bool,
}

enum Filters {
    /// `[out, in, 3, 3]`, for direct convolution.
    Direct(Vec<f32>),
    /// From [`filter::transform`].
    Transformed(Vec<Values>),
}

impl Prepared {
    /// Transforms the filters, unless the input has so few channels that it is convolved directly.
    pub fn new(isa: Isa, shape: ConvShape, kernel: &[f32], bias: &[f32], pool: bool) -> Self {
        let tile = Tile::of(shape.output(), isa);
        let filters = if shape.input.channels <= DIRECT_CHANNELS {
            Filters::Direct(kernel.to_vec())
        } else {
            let mut values = Vec::new();
            let kernel = Kernel { values: kernel, transposed: false };
            dispatch(isa, tile, Transform { shape, tile, kernel, values: &mut values });
            Filters::Transformed(values)
        };
        let layout = Layout::Nchw;
        Self {
            shape,
            from: layout,
            to: layout,
            isa,
            tile,
            filters,
            bias: bias.to_vec(),
            relu: true,
            pool,
        }
    }

    /// Whether a whole batch should pass together, so that the filters are read only once.
    pub fn wants_batch(&self) -> bool {
        wants_batch(self.shape, self.tile, self.isa)
    }

    /// Convolves some images.
    ///
    /// # Panics
    ///
    /// Where a slice is shorter than the images need.
    pub fn forward(&self, batch: Batch, input: &[f32], out: &mut [f32]) {
        dispatch(self.isa, self.tile, Pass { prepared: self, batch, input, out });
    }

    /// The size of each map that comes out.
    pub fn output(&self) -> Extent {
        let whole = self.shape.output();
        if self.pool { whole.pooled() } else { whole }
    }
}

struct Transform<'a> {
    shape: ConvShape,
    tile: Tile,
    kernel: Kernel<'a>,
    values: &'a mut Vec<Values>,
}

impl Run for Transform<'_> {
    fn run<L: Lanes, T: Tiling<M, N>, const M: usize, const N: usize>(self, lanes: L) {
        let Self { shape, tile, kernel, values } = self;
        let per_pass = Blocking::of::<L>(shape, tile, shape.images).panels(L::COLUMNS);
        values.resize(filters_len::<L>(shape, tile.points()), Values::ZERO);
        filter::transform::<L, T::Filter, N>(lanes, shape, kernel, per_pass, values);
    }
}

struct Pass<'a> {
    prepared: &'a Prepared,
    batch: Batch,
    input: &'a [f32],
    out: &'a mut [f32],
}

impl Run for Pass<'_> {
    fn run<L: Lanes, T: Tiling<M, N>, const M: usize, const N: usize>(self, lanes: L) {
        let Prepared { shape, tile, filters, bias, relu, pool, from, to, .. } = self.prepared;
        let Batch { images, total } = self.batch;
        let shape = ConvShape { images, ..*shape };
        let values = &self.input[..images * shape.input.values(*from)];
        let maps = Maps { values, layout: *from, extent: shape.input };
        let epilogue = Epilogue { bias: Some(bias), relu: *relu };
        let out = &mut self.out[..images * self.prepared.output().values(*to)];
        let target = Target { values: out, layout: *to, pool: *pool };
        match filters {
            Filters::Direct(kernel) => {
                direct::forward(lanes, shape, values, kernel, epilogue, target);
            }
            Filters::Transformed(filters) => {
                let blocking = Blocking::of::<L>(shape, *tile, total);
                let algorithm =
                    Winograd::<L, T, M, N> { lanes, tile: PhantomData, shape, blocking };
                algorithm.forward(
                    maps,
                    None,
                    winograd::Filters::Transformed(filters),
                    epilogue,
                    target,
                );
            }
        }
    }
}
