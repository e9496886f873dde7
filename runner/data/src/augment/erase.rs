//! Random erasing (Zhong et al. 2017): a rectangle of 2 to 33% of the image, 0.3 to 3.3 times as
//! tall as wide, becomes the image's mean colour.

use runner_random::Stream;

const ATTEMPTS: usize = 10;

/// Grey levels `[height, width, 3]`.
pub(super) fn erase(levels: &mut [f32], [height, width]: [usize; 2], stream: &mut Stream) {
    for _ in 0..ATTEMPTS {
        let area = stream.between([0.02, 0.33]) * (height * width) as f64;
        let ratio = stream.between([0.3_f64.ln(), 3.3_f64.ln()]).exp();
        let (tall, wide) = ((area * ratio).sqrt() as usize, (area / ratio).sqrt() as usize);
        if tall >= height || wide >= width {
            continue;
        }
        let top = stream.below((height - tall) as u64 + 1) as usize;
        let left = stream.below((width - wide) as u64 + 1) as usize;
        let mean = mean(levels);
        for row in levels.as_chunks_mut::<3>().0.chunks_exact_mut(width).skip(top).take(tall) {
            row[left..left + wide].fill(mean);
        }
        return;
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
            erase(&mut levels, [40, 30], &mut Key::new(seed, Purpose::Augment).stream());
            let changed = levels.iter().zip(&before).filter(|(a, b)| a != b).count();
            let share = changed as f64 / levels.len() as f64;
            assert!((0.01..0.34).contains(&share), "{share}");
        }
    }
}
