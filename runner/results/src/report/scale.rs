//! From epochs and values to places in a chart of curves.

use std::fmt::Write;

use super::axis::Axis;

pub(super) const WIDTH: f64 = 520.0;
pub(super) const HEIGHT: f64 = 300.0;
pub(super) const LEFT: f64 = 52.0;
pub(super) const RIGHT: f64 = WIDTH - 26.0;
pub(super) const TOP: f64 = 24.0;
pub(super) const BOTTOM: f64 = HEIGHT - 38.0;
/// Losses beyond this many times the ninth decile of all are cut off, so that the others can be seen.
const OUTLIER: f64 = 8.0;

/// Where values stand in the SVG.
pub(super) struct Scale {
    pub x: Axis,
    pub y: Axis,
}

impl Scale {
    pub(super) fn x(&self, epoch: usize) -> f64 {
        tenth(LEFT + self.x.share(epoch as f64) * (RIGHT - LEFT))
    }

    pub(super) fn y(&self, value: f64) -> f64 {
        // A value far outside must not become a number that an SVG cannot hold.
        tenth(BOTTOM - self.y.share(value).clamp(-1.0, 2.0) * (BOTTOM - TOP))
    }
}

/// As exact as a screen, and short.
pub(super) fn tenth(position: f64) -> f64 {
    (position * 10.0).round() / 10.0
}

/// Four significant digits at least; nothing where it is not a number.
pub(super) fn shown(value: f64) -> String {
    match value {
        value if !value.is_finite() => String::new(),
        0.0 => "0".to_owned(),
        value if value.abs() < 1e-3 || value.abs() >= 1e6 => format!("{value:.2e}"),
        value => format!("{value:.4}"),
    }
}

/// Moves and lines; a gap where a value is not a number, a dot where it stands alone.
pub(super) fn path(values: &[f64], scale: &Scale) -> String {
    let mut path = String::new();
    let mut drawing = false;
    for (index, value) in values.iter().enumerate() {
        if !value.is_finite() {
            drawing = false;
            continue;
        }
        let letter = if drawing { 'L' } else { 'M' };
        let alone = !drawing && values.get(index + 1).is_none_or(|next| !next.is_finite());
        // Writing into a string cannot fail.
        let _ = write!(path, "{letter}{},{}", scale.x(index + 1), scale.y(*value));
        if alone {
            path.push_str("h0.1");
        }
        drawing = true;
    }
    path
}

pub(super) fn finite(values: &[f64]) -> impl Iterator<Item = f64> {
    values.iter().copied().filter(|value| value.is_finite())
}

/// Lowest and highest value to draw, and whether some lie above.
pub(super) fn range(mut values: Vec<f64>, may_explode: bool) -> (f64, f64, bool) {
    values.sort_by(f64::total_cmp);
    let (Some(low), Some(high)) = (values.first().copied(), values.last().copied()) else {
        return (0.0, 1.0, false);
    };
    let decile = values[(values.len() - 1) * 9 / 10];
    match may_explode && decile > 0.0 && high > OUTLIER * decile {
        true => (low, 2.0 * decile, true),
        false => (low, high, false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_stay_gaps_and_a_lone_value_is_a_dot() {
        let scale = Scale { x: Axis::between(1.0, 5.0), y: Axis::between(0.0, 1.0) };
        let values = [0.0, 1.0, f64::NAN, 0.5, f64::NAN];
        // 52 + 442 / 4 per epoch; from 262 up to 24.
        assert_eq!(path(&values, &scale), "M52,262L162.5,24M383.5,143h0.1");
    }

    #[test]
    fn a_loss_that_explodes_leaves_the_others_visible() {
        let mut losses = vec![0.5; 18];
        losses.extend([0.6, 1e9]);
        assert_eq!(range(losses.clone(), true), (0.5, 1.0, true));
        assert_eq!(range(losses, false), (0.5, 1e9, false));
        assert_eq!(range(Vec::new(), true), (0.0, 1.0, false));
    }
}
