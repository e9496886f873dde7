//! Values on a grid of pixels.

/// One value per pixel.
#[derive(Debug, Clone, PartialEq)]
pub struct Grid {
    /// Row by row.
    pub values: Vec<f32>,
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
}

impl Grid {
    /// Stretched bilinearly, the middles of the corner pixels kept inside (OpenCV's and Keras's
    /// `resize`).
    #[must_use]
    pub fn stretched(&self, height: usize, width: usize) -> Self {
        if (self.height, self.width) == (height, width) {
            return self.clone();
        }
        let across: Vec<_> = (0..width).map(|x| neighbours(x, width, self.width)).collect();
        let mut values = Vec::with_capacity(height * width);
        for y in 0..height {
            let (top, bottom, down) = neighbours(y, height, self.height);
            let (top, bottom) =
                (&self.values[top * self.width..], &self.values[bottom * self.width..]);
            values.extend(across.iter().map(|(left, right, share)| {
                let upper = top[*left] * (1.0 - share) + top[*right] * share;
                let lower = bottom[*left] * (1.0 - share) + bottom[*right] * share;
                upper * (1.0 - down) + lower * down
            }));
        }
        Self { values, height, width }
    }

    /// Negative values cut off, then divided by the largest; `None` where nothing is left.
    #[must_use]
    pub fn normalised(mut self) -> Option<Self> {
        let top = self.values.iter().copied().fold(0.0_f32, f32::max);
        if !(top > 0.0 && top.is_finite()) {
            return None;
        }
        self.values.iter_mut().for_each(|value| *value = value.max(0.0) / top);
        Some(self)
    }
}

/// The two places on a line of `from` pixels around the pixel `index` of a line of `to` pixels, and the
/// share of the second.
fn neighbours(index: usize, to: usize, from: usize) -> (usize, usize, f32) {
    let place = (index as f64 + 0.5) * from as f64 / to as f64 - 0.5;
    let place = place.clamp(0.0, (from - 1) as f64);
    let first = place.floor() as usize;
    (first, (first + 1).min(from - 1), (place - place.floor()) as f32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stretches_and_normalises_by_hand() {
        let grid = Grid { values: vec![0.0, 4.0], height: 1, width: 2 };
        // Middles at -0.25, 0.25, 0.75, 1.25 of the two.
        assert_eq!(grid.stretched(2, 4).values[..4], [0.0, 1.0, 3.0, 4.0]);
        let map = Grid { values: vec![-1.0, 2.0, 4.0], height: 1, width: 3 };
        assert_eq!(map.normalised().map(|map| map.values), Some(vec![0.0, 0.5, 1.0]));
        assert_eq!(Grid { values: vec![-1.0, 0.0], height: 1, width: 2 }.normalised(), None);
    }
}
