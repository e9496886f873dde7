//! Axes of charts: where a value stands, and which values are written beside them.

use serde::Serialize;

/// A larger ratio of the largest to the smallest value is drawn on a logarithmic axis.
const DECADE: f64 = 9.99;
/// Ticks that a linear axis has, more or less.
const TICKS: f64 = 5.0;

/// From values to positions between 0 and 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Axis {
    low: f64,
    high: f64,
    log: bool,
}

/// A value written beside an axis.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Tick {
    /// Where, in the units of the SVG.
    pub position: f64,
    pub label: String,
}

impl Axis {
    /// A linear axis whose ends are round numbers, around some values.
    pub(super) fn round(low: f64, high: f64) -> Self {
        let spread = if high > low { high - low } else { high.abs().max(1e-6) };
        let step = step(spread);
        let (low, high) = ((low / step).floor() * step, (high / step).ceil() * step);
        Self { low, high: if high > low { high } else { low + step }, log: false }
    }

    /// An axis from one value to another.
    pub(super) fn between(low: f64, high: f64) -> Self {
        Self { low, high: if high > low { high } else { low + 1.0 }, log: false }
    }

    /// Around some values; logarithmic where they are positive and span a decade.
    pub(super) fn around(values: &[f64]) -> Self {
        let low = values.iter().copied().fold(f64::INFINITY, f64::min);
        let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        match low > 0.0 && high / low >= DECADE {
            // A little room beside the outermost points.
            true => Self { low: low / 1.3, high: high * 1.3, log: true },
            false => {
                let room = if high > low { 0.06 * (high - low) } else { 0.5 * high.abs().max(1.0) };
                Self { low: low - room, high: high + room, log: false }
            }
        }
    }

    pub(super) fn is_log(&self) -> bool {
        self.log
    }

    pub(super) fn low(&self) -> f64 {
        self.low
    }

    pub(super) fn high(&self) -> f64 {
        self.high
    }

    /// 0 at the low end, 1 at the high one.
    pub(super) fn share(&self, value: f64) -> f64 {
        match self.log {
            true => (value.ln() - self.low.ln()) / (self.high.ln() - self.low.ln()),
            false => (value - self.low) / (self.high - self.low),
        }
    }

    /// Round values and how they are written.
    pub(super) fn ticks(&self) -> Vec<(f64, String)> {
        if self.log {
            return self.powers();
        }
        let step = step(self.high - self.low);
        let first = (self.low / step - 1e-9).ceil() as i64;
        let last = (self.high / step + 1e-9).floor() as i64;
        let decimals = (-step.log10().floor()).clamp(0.0, 9.0) as usize;
        let tick = |index: i64| {
            let value = index as f64 * step;
            (value, format!("{value:.decimals$}"))
        };
        (first..=last).map(tick).collect()
    }

    /// Powers of ten; with few of them, two and five times these as well.
    fn powers(&self) -> Vec<(f64, String)> {
        let first = self.low.log10().floor() as i32;
        let last = self.high.log10().ceil() as i32;
        let factors: &[f64] = if last - first > 3 { &[1.0] } else { &[1.0, 2.0, 5.0] };
        let values = (first..=last).flat_map(|power| {
            factors.iter().map(move |factor| (factor * 10_f64.powi(power), *factor, power))
        });
        let inside = values.filter(|(value, ..)| (self.low..=self.high).contains(value));
        inside.map(|(value, factor, power)| (value, written(value, factor, power))).collect()
    }
}

/// `20`, `0.05`, `2e-5`.
fn written(value: f64, factor: f64, power: i32) -> String {
    match power {
        0..=3 => format!("{value:.0}"),
        -3..=-1 => format!("{value:.*}", power.unsigned_abs() as usize),
        _ => format!("{factor:.0}e{power}"),
    }
}

/// A round distance between ticks: 1, 2 or 5 times a power of ten.
fn step(spread: f64) -> f64 {
    let rough = spread / TICKS;
    let power = 10_f64.powf(rough.log10().floor());
    let factor = [1.0, 2.0, 5.0].into_iter().find(|factor| factor * power >= rough * 0.999);
    factor.unwrap_or(10.0) * power
}

/// Ticks at whole numbers from 1, for epochs.
pub(super) fn epochs(last: usize) -> Vec<usize> {
    let step = (step(last as f64).max(1.0)) as usize;
    let rest = (1..=last).filter(|epoch| epoch.is_multiple_of(step) && *epoch > 1);
    std::iter::once(1).chain(rest).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(axis: Axis) -> Vec<String> {
        axis.ticks().into_iter().map(|(_, label)| label).collect()
    }

    #[test]
    fn ticks_are_round() {
        assert_eq!(labels(Axis::round(0.71, 0.98)), ["0.7", "0.8", "0.9", "1.0"]);
        assert_eq!(labels(Axis::round(0.0, 2.3)), ["0.0", "0.5", "1.0", "1.5", "2.0", "2.5"]);
        assert_eq!(labels(Axis::round(0.5, 0.5)), ["0.50", "0.52", "0.54", "0.56", "0.58", "0.60"]);
        assert_eq!(epochs(30), [1, 10, 20, 30]);
        assert_eq!(epochs(3), [1, 2, 3]);
        assert_eq!(epochs(1), [1]);
    }

    #[test]
    fn decades_are_logarithmic() {
        let axis = Axis::around(&[1e-5, 1e-4, 2e-5]);
        assert!(axis.is_log());
        assert_eq!(labels(axis), ["1e-5", "2e-5", "5e-5", "1e-4"]);
        // The middle between two powers of ten is their geometric mean.
        let axis = Axis { low: 1e-4, high: 1e-2, log: true };
        assert!((axis.share(1e-3) - 0.5).abs() < 1e-12);
        assert!(!Axis::around(&[0.1, 0.5]).is_log() && !Axis::around(&[0.0, 100.0]).is_log());
        assert_eq!(Axis::around(&[3.0, 3.0]).share(3.0), 0.5);
    }
}
