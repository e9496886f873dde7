//! Random erasing (Zhong et al. 2017): a rectangle of 2 to 33% of the image, 0.3 to 3.3 times as
//! tall as wide, becomes the image's mean colour.

use runner_random::Stream;

const ATTEMPTS: usize = 10;

/// Part of an image, in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rectangle {
    /// The first row.
    pub top: usize,
    /// The first column.
    pub left: usize,
    /// How many rows.
    pub height: usize,
    /// How many columns.
    pub width: usize,
}

impl Rectangle {
    /// Draws one inside an image of `[height, width]`; `None` where none fitted.
    pub(super) fn draw([height, width]: [usize; 2], stream: &mut Stream) -> Option<Self> {
        for _ in 0..ATTEMPTS {
            let area = stream.between([0.02, 0.33]) * (height * width) as f64;
            let ratio = stream.between([0.3_f64.ln(), 3.3_f64.ln()]).exp();
            let (tall, wide) = ((area * ratio).sqrt() as usize, (area / ratio).sqrt() as usize);
            if tall >= height || wide >= width {
                continue;
            }
            let top = stream.below((height - tall) as u64 + 1) as usize;
            let left = stream.below((width - wide) as u64 + 1) as usize;
            return Some(Self { top, left, height: tall, width: wide });
        }
        None
    }

    /// Grey levels `[height, width, 3]` with the mean colour here.
    pub(super) fn erase(self, levels: &mut [f32], width: usize) {
        let mean = mean(levels);
        let rows = levels.as_chunks_mut::<3>().0.chunks_exact_mut(width);
        for row in rows.skip(self.top).take(self.height) {
            row[self.left..self.left + self.width].fill(mean);
        }
    }
}

fn mean(levels: &[f32]) -> [f32; 3] {
    let pixels = levels.as_chunks::<3>().0;
    std::array::from_fn(|channel| {
        let sum: f64 = pixels.iter().map(|pixel| f64::from(pixel[channel])).sum();
        (sum / pixels.len().max(1) as f64) as f32
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use runner_random::{Key, Purpose};

    #[test]
    fn a_rectangle_of_the_mean_colour() {
        for seed in 0..50 {
            let mut levels: Vec<f32> = (0..40 * 30 * 3).map(|index| (index % 251) as f32).collect();
            let before = levels.clone();
            let mut stream = Key::new(seed, Purpose::Augment).stream();
            Rectangle::draw([40, 30], &mut stream).unwrap().erase(&mut levels, 30);
            let changed = levels.iter().zip(&before).filter(|(a, b)| a != b).count();
            let share = changed as f64 / levels.len() as f64;
            assert!((0.01..0.34).contains(&share), "{share}");
        }
    }
}
