//! What Burn's own operations got wrong on GPUs before: the titles of its issues, as the runner would
//! meet them.

use ::burn::tensor::Tensor;
use ::burn::tensor::activation::softmax;

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
