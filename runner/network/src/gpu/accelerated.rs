//! Convolutions on matrix units, by CubeK's implicit products.
//!
//! What a device takes is not known before it is asked. The first time a shape comes, candidates are
//! tried in a fixed order, and the first one is used whose result is the exact product's but for
//! rounding. Nothing is timed; a refusal costs once.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{LazyLock, Mutex, PoisonError};

use burn::tensor::DType;
use burn_cubecl::CubeDevice;
use burn_cubecl::ops::permute_nchw_to_nhwc;
use burn_cubecl::tensor::CubeTensor;
use cubek::convolution::{
    AcceleratedTileKind as Tile, ConvAlgorithm as Algorithm, ConvolutionArgs, ConvolutionInputs,
    Strategy, launch_ref,
};
use cubek::matmul::definition::{MatmulElems, MatmulGlobalElems};
use cubek::std::InputBinding;

use super::arranged::{arranged, rearrange};
use super::kernel::activation::Epilogue;
use super::kernel::compare;
use super::kernel::place::Product;
use super::launch::{addresses, cubes, element, empty, empty_map, is_channels_last, sizes};
use super::product::{self, Geometry};
use super::rule::Rule;

type Candidate = (Algorithm, Tile);

/// Loads by the memory engine first: CubeK's own tuning takes them to be the best for large products
/// whenever addresses are aligned. Then the pairs that Burn offers to its tuning, the newer first.
const CANDIDATES: [Candidate; 6] = [
    (Algorithm::SimpleAsyncTma, Tile::Mma),
    (Algorithm::SimpleAsyncTma, Tile::Cmma),
    (Algorithm::SimpleAsyncStrided, Tile::Mma),
    (Algorithm::SimpleSyncStrided, Tile::Mma),
    (Algorithm::SimpleAsyncCyclic, Tile::Cmma),
    (Algorithm::SimpleSyncCyclic, Tile::Cmma),
];

/// What one decision holds for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Class {
    device: CubeDevice,
    product: Product,
    input: [usize; 4],
    outputs: usize,
    geometry: Geometry,
    factors: DType,
}

static CHOSEN: LazyLock<Mutex<HashMap<Class, Option<Candidate>>>> = LazyLock::new(Mutex::default);

/// Channels in a multiple of this are aligned for sixteen bytes of either type.
const ALIGNED: usize = 8;

/// The sums of a convolution without bias; `kernel` is packed.
pub(super) fn forward(
    input: &CubeTensor,
    kernel: &CubeTensor,
    geometry: Geometry,
    rule: Rule,
) -> Option<CubeTensor> {
    let ([images, inputs, ..], [outputs, ..]) = (sizes::<4>(input), sizes::<4>(kernel));
    let input = &factor(input, inputs, outputs, rule)?;
    let [height, width] = geometry.output;
    let shape = [images, outputs, height, width];
    let dtype = rule.map_type();
    #[cfg(feature = "autotune")]
    if rule.autotune {
        return Some(super::tuned::forward(input, kernel, geometry));
    }
    let class = class(Product::Forward, input, sizes(input), outputs, geometry);
    let launch = |candidate: Candidate, out: &CubeTensor| {
        let inputs = ConvolutionInputs::Forward {
            input: binding(input),
            weight: binding(kernel),
            bias: None,
            out: permute_nchw_to_nhwc(out.clone()).binding(),
        };
        run(candidate, inputs, geometry, [input, kernel, out])
    };
    let exact = || {
        let epilogue = Epilogue::NONE;
        product::convolution(input, kernel, kernel, geometry, epilogue, DType::F32)
    };
    choose(class, || empty_map(input, shape, dtype), launch, exact)
}

/// What a convolution sends back to `input`.
pub(super) fn input_gradient(
    gradient: &CubeTensor,
    kernel: &CubeTensor,
    input: &CubeTensor,
    geometry: Geometry,
    rule: Rule,
) -> Option<CubeTensor> {
    let ([_, inputs, ..], [outputs, ..]) = (sizes::<4>(input), sizes::<4>(kernel));
    // CubeK has no gradient for longer steps.
    let gradient = &factor(gradient, inputs, outputs, rule).filter(|_| geometry.stride == 1)?;
    let shape = sizes(input);
    let class = class(Product::InputGradient, gradient, shape, outputs, geometry);
    let launch = |candidate: Candidate, out: &CubeTensor| {
        let inputs = ConvolutionInputs::BackwardData {
            out_grad: binding(gradient),
            weights: binding(kernel),
            in_grad: permute_nchw_to_nhwc(out.clone()).binding(),
        };
        run(candidate, inputs, geometry, [gradient, kernel, out])
    };
    let exact = || product::convolution_input(gradient, kernel, shape, geometry, DType::F32);
    choose(class, || empty_map(input, shape, input.dtype), launch, exact)
}

/// What it sends back to its kernel, of this shape, dense.
pub(super) fn kernel_gradient(
    input: &CubeTensor,
    gradient: &CubeTensor,
    shape: [usize; 4],
    geometry: Geometry,
    rule: Rule,
) -> Option<CubeTensor> {
    let [outputs, inputs, ..] = shape;
    let input = &factor(input, inputs, outputs, rule)?;
    let gradient = &factor(gradient, inputs, outputs, rule)?;
    let class = class(Product::KernelGradient, input, sizes(input), outputs, geometry);
    let launch = |candidate: Candidate, out: &CubeTensor| {
        let inputs = ConvolutionInputs::BackwardWeight {
            input: binding(input),
            out_grad: binding(gradient),
            weight_grad: permute_nchw_to_nhwc(out.clone()).binding(),
        };
        run(candidate, inputs, geometry, [input, gradient, out])
    };
    let exact = || {
        let dense = product::convolution_kernel(input, gradient, geometry);
        arranged(&dense, DType::F32)
    };
    let packed = choose(class, || empty_map(input, shape, DType::F32), launch, exact)?;
    // Back to the order that parameters have.
    let [outputs, inputs, rows, columns] = shape;
    let mut turned = packed;
    *turned.meta = burn_cubecl::cubecl::zspace::metadata::Metadata::new(
        [outputs, rows * columns, 1, inputs],
        [inputs * rows * columns, inputs, 1, 1],
    );
    let out = empty(&turned, shape, DType::F32);
    Some(rearrange(&turned, &out, [outputs, inputs, rows, columns]))
}

/// A map in the type of factors, where matrix units may be used for these channels.
fn factor(map: &CubeTensor, inputs: usize, outputs: usize, rule: Rule) -> Option<CubeTensor> {
    let aligned = inputs.is_multiple_of(ALIGNED) && outputs.is_multiple_of(ALIGNED);
    let matmul = &map.client.properties().features.matmul;
    let has_units = !(matmul.cmma.is_empty() && matmul.mma.is_empty());
    (rule.rounds() && aligned && has_units).then(|| arranged(map, rule.map_type()))
}

fn class(
    product: Product,
    factor: &CubeTensor,
    input: [usize; 4],
    outputs: usize,
    geometry: Geometry,
) -> Class {
    Class {
        device: factor.device.clone(),
        product,
        input,
        outputs,
        geometry,
        factors: factor.dtype,
    }
}

fn binding(tensor: &CubeTensor) -> InputBinding {
    let channels_last = permute_nchw_to_nhwc(tensor.clone());
    InputBinding::new(channels_last.binding(), element(tensor.dtype))
}

/// Launches a candidate; whether it takes the shape.
fn run(
    (algorithm, tile_kind): Candidate,
    inputs: ConvolutionInputs,
    geometry: Geometry,
    [lhs, rhs, out]: [&CubeTensor; 3],
) -> bool {
    let types = MatmulElems::from_globals(&MatmulGlobalElems {
        lhs: element(lhs.dtype),
        rhs: element(rhs.dtype),
        out: element(out.dtype),
    });
    let arguments = ConvolutionArgs {
        stride: [geometry.stride; 2],
        padding: geometry.before,
        dilation: [1, 1],
    };
    let strategy = Strategy::Inferred { algorithm, tile_kind };
    // What a routine does not take it refuses, or falls over in its own arithmetic of tiles.
    let launch = || launch_ref::<2>(&strategy, &out.client, inputs, arguments, types).is_ok();
    catch_unwind(AssertUnwindSafe(launch)).unwrap_or(false)
}

/// The result of the candidate that stands for a class, found out if it is not known.
fn choose(
    class: Class,
    empty: impl Fn() -> CubeTensor,
    launch: impl Fn(Candidate, &CubeTensor) -> bool,
    exact: impl Fn() -> CubeTensor,
) -> Option<CubeTensor> {
    let known = CHOSEN.lock().unwrap_or_else(PoisonError::into_inner).get(&class).copied();
    if let Some(known) = known {
        let out = empty();
        return known.filter(|candidate| launch(*candidate, &out)).map(|_| out);
    }
    let exact = exact();
    let mut is_proof = false;
    let found = CANDIDATES.into_iter().find_map(|candidate| {
        let out = empty();
        let agrees = if launch(candidate, &out) { near(&out, &exact) } else { Some(false) };
        is_proof |= agrees == Some(true);
        agrees.unwrap_or(true).then_some((candidate, out))
    });
    let candidate = found.as_ref().map(|(candidate, _)| *candidate);
    if is_proof || candidate.is_none() {
        CHOSEN.lock().unwrap_or_else(PoisonError::into_inner).insert(class, candidate);
    }
    found.map(|(_, out)| out)
}

/// Eight significant bits are off by 0.002 at most, and the sums of what is rounded so by less: a
/// kernel that is wrong is off by as much as the values are large.
const NEAR: f32 = 0.01;

/// Whether values are the exact ones but for rounding; not where the device failed. `None` where all
/// are zero, which says nothing.
fn near(values: &CubeTensor, exact: &CubeTensor) -> Option<bool> {
    debug_assert!(is_channels_last(values) && is_channels_last(exact));
    let count = sizes::<4>(values).iter().product();
    let sums = empty(values, [2 * compare::CUBES], DType::F32);
    let (number, dim) = cubes(&values.client, compare::CUBES);
    compare::squares::launch(
        &values.client,
        number,
        dim,
        addresses(&[values, exact]),
        values.clone().into_tensor_arg(),
        exact.clone().into_tensor_arg(),
        sums.clone().into_tensor_arg(),
        count,
        element(values.dtype),
    );
    let Ok(bytes) = sums.client.read_one(sums.handle) else { return Some(false) };
    let sums: Vec<f32> = bytemuck::pod_collect_to_vec(&bytes);
    let sum = |first: usize| sums.iter().skip(first).step_by(2).sum::<f32>();
    let (apart, size) = (sum(0), sum(1));
    (size > 0.0).then(|| apart.is_finite() && apart <= NEAR * NEAR * size)
}
