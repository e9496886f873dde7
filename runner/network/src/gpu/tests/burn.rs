//! What Burn's own operations got wrong on GPUs before: the titles of its issues, as the runner would
//! meet them.

use ::burn::tensor::Tensor;
use ::burn::tensor::activation::{relu, softmax, tanh};

use super::{assert_near, gpu, tensor, values};
use crate::device::Compute;

/// The same on both devices.
fn same(what: &str, f: impl Fn(&Compute) -> Vec<f32>) {
    let Some(gpu) = gpu() else { return };
    assert_near(&f(&Compute::cpu()), &f(&gpu), 1e-5, what);
}

#[test]
fn values_of_one_column_survive_what_follows() {
    for rows in [1, 2, 20, 33] {
        same(&format!("{rows} rows"), |compute| {
            let logits: Tensor<2> = tensor([rows, 1], 1, &compute.device);
            let loss = logits.clone().clamp_min(0.0) - logits.clone() * 0.5
                + (-logits.abs()).exp().log1p();
            let mut all = values(loss.clone());
            all.extend(values(loss.mean().unsqueeze::<1>()));
            all
        });
    }
}

/// Issue 5122: 36, 64, 9, 1 units, of which rows after the first were wrong.
#[test]
fn a_narrow_end_of_dense_layers_is_right_for_every_row() {
    let ends = |compute: &Compute, rows: std::ops::Range<usize>| {
        let all = |shape, seed| tensor::<2>(shape, seed, &compute.device);
        let mut flow = all([5, 36], 1).slice([rows, 0..36]);
        for (seed, [from, to]) in [[36, 64], [64, 9]].into_iter().enumerate() {
            let bias = all([1, to], 20 + seed as u64);
            flow = relu(flow.matmul(all([from, to], 10 + seed as u64)) + bias);
        }
        values(tanh(flow.matmul(all([9, 1], 12)) + all([1, 1], 22)))
    };
    let at_once = |compute: &Compute| ends(compute, 0..5);
    let one_by_one = |compute: &Compute| -> Vec<f32> {
        (0..5).flat_map(|row| ends(compute, row..row + 1)).collect()
    };
    same("all rows", at_once);
    same("row by row", one_by_one);
    let Some(gpu) = gpu() else { return };
    assert_near(&one_by_one(&gpu), &at_once(&gpu), 1e-5, "all rows and row by row");
}

/// Issue 5024: a reduction of 4096 rows of 1024 values whose steps are all used again.
#[test]
fn a_reduction_among_many_results_is_right() {
    for shape in [[4, 1024], [4096, 1024]] {
        same(&format!("{shape:?}"), |compute| {
            let input: Tensor<2> = tensor(shape, 6, &compute.device);
            let centred = input.clone() - input.clone().mean_dim(1);
            let squares = centred.clone() * centred.clone();
            let variance = squares.clone().mean_dim(1);
            let normal = centred.clone() / (variance.clone() + 1e-5).sqrt();
            let gated = normal.clone() * input.exp();
            let mut all = values(gated.clone().sum_dim(1));
            for result in [centred, squares, normal, gated] {
                all.extend(values(result.slice([0..4, 0..1024])));
            }
            all.extend(values(variance));
            all
        });
    }
}

/// Issue 4366: what is computed step by step, from what the step before left, and all at once.
#[test]
fn a_recurrence_is_the_same_step_by_step_and_at_once() {
    const STEPS: usize = 12;
    let inputs = |compute: &Compute| {
        let decay = tensor::<2>([STEPS, 6], 7, &compute.device);
        (decay, tensor::<2>([STEPS, 6], 8, &compute.device))
    };
    // state = exp(decay) · state + input
    let by_step = |compute: &Compute| {
        let (decay, input) = inputs(compute);
        let mut state = Tensor::<2>::zeros([1, 6], &compute.device);
        let mut all = Vec::new();
        for step in 0..STEPS {
            let row = |of: &Tensor<2>| of.clone().slice([step..step + 1, 0..6]);
            state = state * row(&decay).exp() + row(&input);
            all.push(state.clone());
        }
        values(Tensor::cat(all, 0))
    };
    // state[t] = exp(sum of decays to t) · sum of exp(-sum of decays to s) · input[s]
    let at_once = |compute: &Compute| {
        let (decay, input) = inputs(compute);
        let decays = decay.cumsum(0);
        values(decays.clone().exp() * ((-decays).exp() * input).cumsum(0))
    };
    same("by step", by_step);
    same("at once", at_once);
    let Some(gpu) = gpu() else { return };
    assert_near(&by_step(&gpu), &at_once(&gpu), 1e-5, "by step and at once");
}

#[test]
fn reductions_of_what_is_not_contiguous() {
    for [images, channels, height, width] in [[2, 5, 3, 4], [1, 33, 7, 2], [20, 8, 5, 5]] {
        let shape = [images, channels, height, width];
        for dim in 0..4 {
            same(&format!("{shape:?} over {dim}"), |compute| {
                let map: Tensor<4> = tensor(shape, 2, &compute.device).permute([0, 2, 3, 1]);
                let mut all = values(map.clone().sum_dim(dim));
                all.extend(values(map.clone().mean_dim(dim)));
                all.extend(values(map.clone().max_dim(dim)));
                all.extend(values(map.swap_dims(0, 3).sum()));
                all
            });
        }
    }
}

#[test]
fn softmax_and_its_gradient() {
    for shape in [[1, 2], [20, 3], [33, 1000]] {
        same(&format!("{shape:?}"), |compute| {
            let leaf: Tensor<2> = tensor(shape, 3, &compute.device).autodiff().require_grad();
            let out = softmax(leaf.clone() * 8.0, 1);
            let weights: Tensor<2> = tensor(shape, 4, &compute.device);
            let mut all = values(out.clone().inner());
            let mut gradients = (out * weights).sum().backward();
            all.extend(values(leaf.grad_remove(&mut gradients).expect("a gradient")));
            all
        });
    }
}
