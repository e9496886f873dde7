//! Convolutions as exact products; tiles and parts for a shape.

use burn::tensor::DType;
use burn_cubecl::tensor::CubeTensor;

use super::epilogue;
use super::kernel::activation::Epilogue;
use super::kernel::place::{Product, StepsLaunch, WindowLaunch};
use super::kernel::product::{self, SIDE, SizesLaunch, Variant};
use super::launch::{addresses, cubes, element, empty, empty_map, sizes};

/// A window that slides over maps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Geometry {
    /// Rows and columns of the kernel.
    pub kernel: [usize; 2],
    /// How far it moves.
    pub stride: usize,
    /// Rows above and columns to the left of the map that count as zero.
    pub before: [usize; 2],
    /// Rows and columns that come out.
    pub output: [usize; 2],
    /// Groups of channels.
    pub groups: usize,
}

impl Geometry {
    /// Of a fully connected layer.
    pub(super) const POINT: Self =
        Self { kernel: [1, 1], stride: 1, before: [0, 0], output: [1, 1], groups: 1 };
}

/// So many cubes keep a large GPU busy. Not asked of the device: what is summed in which order must
/// not depend on it.
const BUSY: usize = 256;
/// The least depth that is worth a cube of its own.
const LEAST: usize = 256;

/// The factors and where they go.
pub(super) struct Job<'a> {
    pub(super) product: Product,
    pub(super) lhs: &'a CubeTensor,
    pub(super) rhs: &'a CubeTensor,
    pub(super) bias: &'a CubeTensor,
    pub(super) epilogue: Epilogue,
    pub(super) by_columns: bool,
    pub(super) rows: usize,
    pub(super) columns: usize,
    pub(super) depth: usize,
    pub(super) parts: usize,
    /// The channels of a place in the kernel.
    pub(super) channels: usize,
    /// The map whose places are rows or the depth.
    pub(super) places: [usize; 2],
    pub(super) geometry: Geometry,
    pub(super) steps: [usize; 3],
}

/// A convolution with bias and activation: `[image, input, row, column]` and
/// `[output, input, row, column]` to maps with the channel changing fastest.
pub(super) fn convolution(
    input: &CubeTensor,
    kernel: &CubeTensor,
    bias: &CubeTensor,
    geometry: Geometry,
    epilogue: Epilogue,
    dtype: DType,
) -> CubeTensor {
    let [images, inputs, ..]: [usize; 4] = sizes(input);
    let [outputs, ..]: [usize; 4] = sizes(kernel);
    let [height, width] = geometry.output;
    let job = Job {
        product: Product::Forward,
        lhs: input,
        rhs: kernel,
        bias,
        epilogue,
        by_columns: false,
        rows: images * height * width,
        columns: outputs,
        depth: inputs * geometry.kernel[0] * geometry.kernel[1],
        parts: 1,
        channels: inputs,
        places: geometry.output,
        geometry,
        steps: [0; 3],
    };
    run(&job, empty_map(input, [images, outputs, height, width], dtype))
}

/// What a convolution sends back to its input, of this shape and type.
pub(super) fn convolution_input(
    gradient: &CubeTensor,
    kernel: &CubeTensor,
    shape: [usize; 4],
    geometry: Geometry,
    dtype: DType,
) -> CubeTensor {
    let [images, inputs, height, width] = shape;
    let [outputs, ..]: [usize; 4] = sizes(kernel);
    let job = Job {
        product: Product::InputGradient,
        lhs: gradient,
        rhs: kernel,
        bias: kernel,
        epilogue: Epilogue::NONE,
        by_columns: true,
        rows: images * height * width,
        columns: inputs,
        depth: outputs * geometry.kernel[0] * geometry.kernel[1],
        parts: 1,
        channels: outputs,
        places: [height, width],
        geometry,
        steps: [0; 3],
    };
    run(&job, empty_map(gradient, shape, dtype))
}

/// What it sends back to its kernel, `[output, input, row, column]`, dense.
pub(super) fn convolution_kernel(
    input: &CubeTensor,
    gradient: &CubeTensor,
    geometry: Geometry,
) -> CubeTensor {
    let [_, inputs, ..]: [usize; 4] = sizes(input);
    let [images, outputs, height, width] = sizes(gradient);
    let places = geometry.kernel[0] * geometry.kernel[1];
    let [rows, depth] = [inputs * places, images * height * width];
    let tiles = rows.div_ceil(4 * SIDE) * outputs.div_ceil(4 * SIDE);
    let job = Job {
        product: Product::KernelGradient,
        lhs: input,
        rhs: gradient,
        bias: gradient,
        epilogue: Epilogue::NONE,
        by_columns: true,
        rows,
        columns: outputs,
        depth,
        parts: parts(tiles, depth),
        channels: inputs,
        places: [height, width],
        geometry,
        steps: [inputs * places, places, 1],
    };
    let [kernel_height, kernel_width] = geometry.kernel;
    let shape = [outputs, inputs, kernel_height, kernel_width];
    run(&job, empty(input, shape, DType::F32))
}

/// How many cubes share a depth: none of this depends on the batch of a forward product.
pub(super) fn parts(tiles: usize, depth: usize) -> usize {
    (BUSY / tiles.max(1)).clamp(1, (depth / LEAST).max(1))
}

/// Rows and columns of a unit: large tiles read less, small ones keep more cubes busy.
fn tile(job: &Job<'_>) -> (usize, usize) {
    let cubes = |rows: usize, columns: usize| {
        job.rows.div_ceil(rows * SIDE) * job.columns.div_ceil(columns * SIDE) * job.parts
    };
    let shared = job.lhs.client.properties().hardware.max_shared_memory_size;
    let fits = |rows: usize, columns: usize| {
        shared >= size_of::<f32>() * product::DEPTH * (2 + SIDE * (rows + columns))
    };
    let wide = job.columns > 4 * SIDE;
    match () {
        () if job.rows <= 2 * SIDE => (2, 4),
        () if wide && cubes(8, 8) >= BUSY && fits(8, 8) => (8, 8),
        () if cubes(8, 4) >= BUSY && fits(8, 4) => (8, 4),
        () => (4, 4),
    }
}

pub(super) fn run(job: &Job<'_>, out: CubeTensor) -> CubeTensor {
    if job.parts <= 1 {
        launch(job, &out, job.depth, job.epilogue);
        return out;
    }
    let depth = job.depth.div_ceil(job.parts).next_multiple_of(product::DEPTH);
    let parts = job.depth.div_ceil(depth);
    let partial = empty(&out, [parts, job.rows * job.columns], DType::F32);
    launch(job, &partial, depth, Epilogue::NONE);
    epilogue::add_parts(partial, job.bias, out, job.columns, job.epilogue)
}

#[expect(unsafe_code, reason = "bounds are checked by the kernel, and not twice")]
fn launch(job: &Job<'_>, out: &CubeTensor, depth: usize, epilogue: Epilogue) {
    let (rows, columns) = tile(job);
    let row_tiles = job.rows.div_ceil(rows * SIDE);
    let column_tiles = job.columns.div_ceil(columns * SIDE);
    let tiles = row_tiles * column_tiles * job.depth.div_ceil(depth);
    let variant =
        Variant { product: job.product, rows, columns, by_columns: job.by_columns, epilogue };
    let (count, dim) = cubes(&out.client, tiles);
    let Geometry { kernel: [_, kernel_width], stride, before: [top, left], .. } = job.geometry;
    let [height, width] = job.places;
    // SAFETY: the kernel reads maps only inside of their shapes, the second factor only below
    // `depth` and `columns`, and writes only below `rows` and `columns`.
    unsafe {
        product::multiply::launch_unchecked(
            &out.client,
            count,
            dim,
            addresses(&[job.lhs, job.rhs, out]),
            job.lhs.clone().into_tensor_arg(),
            job.rhs.clone().into_tensor_arg(),
            job.bias.clone().into_tensor_arg(),
            out.clone().into_tensor_arg(),
            SizesLaunch::new(
                job.rows,
                job.columns,
                job.depth,
                depth,
                row_tiles,
                column_tiles,
                tiles,
            ),
            WindowLaunch::new(job.channels, kernel_width, stride, top, left, height, width),
            StepsLaunch::new(job.steps[0], job.steps[1], job.steps[2]),
            variant,
            [element(job.lhs.dtype), element(job.rhs.dtype), element(out.dtype)],
        );
    }
}
