//! Steps against hand calculations.

use runner_experiment::plan::{Adagrad, Adam, Adamw, Lamb, Lion, Rmsprop, Rule, Sgd};

use super::*;
use runner_experiment::section::run::DeviceName;
use runner_network::device::{Compute, select};
use runner_network::parameter::tensor;

/// The CPU, and a GPU by Vulkan where one answers.
#[expect(clippy::print_stderr, reason = "a test that did less says so")]
pub(crate) fn devices() -> Vec<Compute> {
    let mut all = vec![Compute::cpu()];
    match select(DeviceName::Vulkan(None)) {
        Ok(gpu) => all.push(gpu),
        Err(_) => eprintln!("only the CPU: no Vulkan device answers"),
    }
    all
}

const RMSPROP: Rule = Rule::Rmsprop(Rmsprop { rho: 0.9, momentum: 0.0, epsilon: 1e-7 });

fn run(settings: &Settings, gradients: &[f32], compute: &Compute) -> Result<f32, LearnError> {
    let (device, on_host) = (&compute.device, compute.is_host());
    let mut value = tensor(vec![1.0], device);
    let trained = Trained { length: 1, learning_rate: 0.1, is_bias: true };
    let mut optimizer = Optimizer::new(settings.clone(), vec![trained], on_host);
    for gradient in gradients {
        optimizer.step(&mut [&mut value], vec![tensor(vec![*gradient], device)], 1.0)?;
    }
    Ok(read(value)?[0])
}

fn check(settings: &Settings, expected: f32) -> Result<(), LearnError> {
    for compute in devices() {
        let value = run(settings, &[0.5, -0.25], &compute)?;
        assert!((value - expected).abs() < 1e-6, "{settings:?} on {}: {value}", compute.name());
    }
    Ok(())
}

fn plain(rule: Rule, expected: f32) -> Result<(), LearnError> {
    check(&Settings::plain(rule, 0.1), expected)
}

/// Two steps each, gradients 0.5 and -0.25, from 1.0, by hand from the formulas of Keras.
#[test]
fn two_steps_by_hand() -> Result<(), LearnError> {
    // v = 0.025, p = 1 - 0.05 / √0.025; v = 0.02875, p += 0.025 / √0.02875
    plain(RMSPROP, 0.831_214)?;
    let momentum = Rule::Rmsprop(Rmsprop { rho: 0.9, momentum: 0.9, epsilon: 1e-7 });
    // m = 0.316228; m = 0.9 · 0.316228 - 0.147442 = 0.137163
    plain(momentum, 0.546_610_2)?;
    plain(Rule::Sgd(Sgd { momentum: 0.0, nesterov: false }), 0.975)?;
    // m = -0.05; m = 0.9 · -0.05 + 0.025 = -0.02
    plain(Rule::Sgd(Sgd { momentum: 0.9, nesterov: false }), 0.93)?;
    // p = 1 - 0.045 - 0.05; p += 0.9 · -0.02 + 0.025
    plain(Rule::Sgd(Sgd { momentum: 0.9, nesterov: true }), 0.912)?;
    let adam = Rule::Adam(Adam { beta_1: 0.9, beta_2: 0.999, epsilon: 1e-7 });
    // First step 0.1; then m = 0.02, v = 3.1225e-4, rate 0.1 · √0.001999 / 0.19
    plain(adam, 0.873_367_1)?;
    // v = 0.35, p = 1 - 0.05 / √0.35; v = 0.4125, p += 0.025 / √0.4125
    plain(Rule::Adagrad(Adagrad { initial_accumulator: 0.1, epsilon: 1e-7 }), 0.954_409_8)?;
    // sign(0.05) = 1, m = 0.005; sign(0.9 · 0.005 - 0.025) = -1
    plain(Rule::Lion(Lion { beta_1: 0.9, beta_2: 0.99 }), 1.0)
}

#[test]
fn decay_and_clipping_by_hand() -> Result<(), LearnError> {
    let adamw = Rule::Adamw(Adamw::default());
    let decaying = Settings { weight_decay: Some(0.5), ..Settings::plain(adamw, 0.1) };
    // p = 0.95 - 0.1; p = 0.85 · 0.95 - the same second step
    check(&decaying, 0.780_867_05)?;
    // The one parameter here is a bias.
    check(&Settings { decay_biases: false, ..decaying }, 0.873_367_1)?;
    let sgd = Settings::plain(Rule::Sgd(Sgd { momentum: 0.0, nesterov: false }), 0.1);
    // 1 - 0.1 · 0.3 + 0.1 · 0.25
    check(&Settings { clip_value: Some(0.3), ..sgd.clone() }, 0.995)?;
    // 1 - 0.1 · 0.4 + 0.1 · 0.25
    check(&Settings { clip_norm: Some(0.4), ..sgd }, 0.985)
}

#[test]
fn the_norm_is_that_of_all_parameters_together_and_each_has_its_rate() -> Result<(), LearnError> {
    let sgd = Settings::plain(Rule::Sgd(Sgd { momentum: 0.0, nesterov: false }), 0.1);
    for compute in devices() {
        let (device, on_host) = (compute.device.clone(), compute.is_host());
        let rates = [0.1, 0.01];
        let trained =
            rates.map(|learning_rate| Trained { length: 1, learning_rate, is_bias: false });
        let settings = Settings { clip_norm: Some(1.0), ..sgd.clone() };
        let mut optimizer = Optimizer::new(settings, trained.to_vec(), on_host);
        let (mut a, mut b) = (tensor(vec![1.0], &device), tensor(vec![1.0], &device));
        // The norm is 5; half of each rate.
        let gradients = vec![tensor(vec![3.0], &device), tensor(vec![4.0], &device)];
        optimizer.step(&mut [&mut a, &mut b], gradients, 0.5)?;
        let (a, b) = (read(a)?[0], read(b)?[0]);
        assert!((a - 0.97).abs() < 1e-6 && (b - 0.996).abs() < 1e-6, "{a} {b}");
    }
    Ok(())
}

#[test]
fn epsilon_stands_under_the_root() -> Result<(), LearnError> {
    let wide = Rule::Rmsprop(Rmsprop { rho: 0.9, momentum: 0.0, epsilon: 0.075 });
    // v + ε = 0.1: 1 - 0.05 / √0.1
    for compute in devices() {
        let value = run(&Settings::plain(wide, 0.1), &[0.5], &compute)?;
        assert!((value - 0.841_886_1).abs() < 1e-6, "{value}");
    }
    Ok(())
}

/// Two steps of two tensors, the second of them a bias, with learning rate 0.1.
fn lamb(settings: &Settings, compute: &Compute) -> Result<Vec<f32>, LearnError> {
    let (device, on_host) = (compute.device.clone(), compute.is_host());
    let parameter = |length, is_bias| Trained { length, learning_rate: 0.1, is_bias };
    let parameters = vec![parameter(3, false), parameter(2, true)];
    let mut optimizer = Optimizer::new(settings.clone(), parameters, on_host);
    let mut kernel = tensor(vec![1.0, -2.0, 0.5], &device);
    let mut bias = tensor(vec![0.25, -0.75], &device);
    for gradients in
        [[vec![0.5, -0.25, 1.0], vec![0.1, 0.3]], [vec![-0.2, 0.4, 0.1], vec![-0.5, 0.05]]]
    {
        let gradients = gradients.map(|values| tensor(values, &device)).to_vec();
        optimizer.step(&mut [&mut kernel, &mut bias], gradients, 1.0)?;
    }
    Ok([read(kernel)?, read(bias)?].concat())
}

/// In double precision by the formulas of the paper; without decay Keras 3.15's `Lamb(0.1)` comes
/// to the same seven digits. The ratios of the first step are √5.25 / √3 and √0.625 / √2.
#[test]
fn lamb_scales_each_tensor_by_the_ratio_of_norms() -> Result<(), LearnError> {
    let plain = Settings::plain(Rule::Lamb(Lamb::default()), 0.1);
    let decaying = Settings { weight_decay: Some(0.1), ..plain.clone() };
    let kernels_alone = Settings { decay_biases: false, ..decaying.clone() };
    let cases = [
        (&plain, [0.783_917_7, -1.934_658, 0.188_097_29, 0.244_417_6, -0.871_776_5]),
        (&decaying, [0.769_086_1, -1.879_104_7, 0.194_422_56, 0.243_796_42, -0.866_672_2]),
        (&kernels_alone, [0.769_086_1, -1.879_104_7, 0.194_422_56, 0.244_417_6, -0.871_776_5]),
    ];
    for (settings, expected) in cases {
        for compute in devices() {
            for (value, expected) in lamb(settings, &compute)?.into_iter().zip(expected) {
                let near = f32::abs(value - expected) < 1e-6;
                assert!(near, "{settings:?} on {}: {value} and {expected}", compute.name());
            }
        }
    }
    Ok(())
}

/// ‖p‖ = 0, then ‖u‖ = 0: the step is taken as it is.
#[test]
fn lamb_starts_from_zero_and_stays_without_gradient() -> Result<(), LearnError> {
    let trained = Trained { length: 2, learning_rate: 0.1, is_bias: false };
    for compute in devices() {
        let (device, on_host) = (compute.device.clone(), compute.is_host());
        let settings = Settings::plain(Rule::Lamb(Lamb::default()), 0.1);
        let mut optimizer = Optimizer::new(settings, vec![trained; 2], on_host);
        let mut zero = tensor(vec![0.0, 0.0], &device);
        let mut still = tensor(vec![1.0, -3.0], &device);
        let gradients = vec![tensor(vec![0.5, -0.25], &device), tensor(vec![0.0, 0.0], &device)];
        optimizer.step(&mut [&mut zero, &mut still], gradients, 1.0)?;
        let (zero, still) = (read(zero)?, read(still)?);
        assert!((zero[0] + 0.1).abs() < 1e-6 && (zero[1] - 0.1).abs() < 1e-6, "{zero:?}");
        assert_eq!(still, [1.0, -3.0]);
    }
    Ok(())
}

/// What an earlier version wrote for a slot that is not used does not count, and the steps go on
/// to the same bits.
#[test]
fn goes_on_to_the_same_bits_from_checkpoints_old_and_new() -> Result<(), LearnError> {
    let device = Compute::cpu().device;
    let trained = Trained { length: 1, learning_rate: 0.1, is_bias: false };
    let step = |optimizer: &mut Optimizer, value: &mut Tensor<1>, gradient: f32| {
        optimizer.step(&mut [value], vec![tensor(vec![gradient], &device)], 1.0)
    };
    for rule in [RMSPROP, Rule::Sgd(Sgd::default()), Rule::Adagrad(Adagrad::default())] {
        let settings = Settings::plain(rule, 0.1);
        let mut first = Optimizer::new(settings.clone(), vec![trained], true);
        let mut value = tensor(vec![1.0], &device);
        step(&mut first, &mut value, 0.5)?;
        let state = first.state()?;
        assert_eq!(state.slots[0].iter().filter(|slot| slot.is_empty()).count(), 1);
        let mut filled = state.clone();
        filled.slots[0].iter_mut().for_each(|slot| slot.resize(1, 0.0));
        let mut results = Vec::new();
        for state in [state, filled] {
            let mut second = Optimizer::new(settings.clone(), vec![trained], true);
            second.restore(state, &device);
            let mut value = value.clone();
            step(&mut second, &mut value, -0.25)?;
            results.push(read(value)?[0].to_bits());
        }
        step(&mut first, &mut value, -0.25)?;
        assert_eq!(results, [read(value)?[0].to_bits(); 2]);
    }
    Ok(())
}
