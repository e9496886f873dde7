//! Random values of a sweep: each is a function of the seed, the number of the draw, and the key.

use std::ops::Range;

use crate::section::sweep::{Axis, Distribution, Random};
use crate::source::SourceText;
use crate::tree::{Kind, Node};

use super::setting::Setting;

/// Digits of a number that is drawn: more would only make names longer.
const DIGITS: usize = 4;

/// The settings of every draw. A number that was drawn has a line of its own in the source text, so
/// that messages can point at it.
pub(super) fn draws(random: &Random, source: &mut SourceText) -> Vec<Vec<Setting>> {
    let mut draw = |number: usize| {
        let axes = random.axes.iter();
        axes.map(|axis| setting(axis, (random.seed, number), source)).collect()
    };
    (1..=random.n).map(&mut draw).collect()
}

fn setting(
    axis: &Axis<Distribution>,
    (seed, number): (u64, usize),
    source: &mut SourceText,
) -> Setting {
    let key = axis.path.join(".");
    let share = share(seed, number, &key);
    let value = match &axis.values {
        Distribution::Choice(values) => {
            let index = (share * values.len() as f64) as usize;
            return Setting::of(axis, values[index.min(values.len() - 1)].clone());
        }
        Distribution::Uniform([low, high]) => low + share * (high - low),
        Distribution::LogUniform([low, high]) => (low.ln() + share * (high.ln() - low.ln())).exp(),
    };
    let text = rounded(value);
    let line = format!("{key} = {text}");
    let start = source.append_part(&format!("[sweep.random], draw {number}"), &line);
    let span: Range<usize> = start + key.len() + 3..start + line.len();
    let number = text.parse().unwrap_or(value);
    Setting::of(axis, Node { span, kind: Kind::Float(number) })
}

/// From 0 up to, but not including, 1.
fn share(seed: u64, number: usize, key: &str) -> f64 {
    let hash = blake3::hash(format!("{seed} {number} {key}").as_bytes());
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&hash.as_bytes()[..8]);
    // As many bits as a float of 64 bits keeps.
    (u64::from_le_bytes(bytes) >> 11) as f64 / (1_u64 << 53) as f64
}

/// A number as TOML has it, with few digits.
fn rounded(value: f64) -> String {
    let digits = DIGITS - 1;
    let number: f64 = format!("{value:.digits$e}").parse().unwrap_or(value);
    match number.abs() {
        1e-3..1e6 => format!("{number:?}"),
        0.0 => "0.0".to_owned(),
        _ => format!("{number:e}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_four_digits() {
        let shown = [0.123_456, 3.162_277_66e-5, 12.0, 1_234_567.0].map(rounded);
        assert_eq!(shown, ["0.1235", "3.162e-5", "12.0", "1.235e6"]);
    }

    /// The mean of 10,000 uniform numbers is off by more than 0.015 once in 5 million times.
    #[test]
    fn shares_are_uniform_and_always_the_same() {
        let shares: Vec<f64> = (0..10_000).map(|number| share(7, number, "a.b")).collect();
        assert_eq!(share(7, 3, "a.b").to_bits(), shares[3].to_bits());
        assert!((shares.iter().sum::<f64>() / 1e4 - 0.5).abs() < 0.015);
        assert!(shares.iter().all(|share| (0.0..1.0).contains(share)));
    }
}
