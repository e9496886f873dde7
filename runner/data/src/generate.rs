//! A small, deterministic data set of drawn shapes that needs no download.
//!
//! Each picture has one large shape, which is its class, on a background of two colours, with
//! strokes that belong to no class, noise, and JPEG's artefacts. Colour, size, place and rotation
//! vary freely and say nothing about the class.

use std::path::{Path, PathBuf};

use image::ExtendedColorType;
use image::codecs::jpeg::JpegEncoder;
use tiny_skia::{
    Color, FillRule, GradientStop, LinearGradient, Paint, Path as Outline, PathBuilder, Pixmap,
    Point, Rect, SpreadMode, Stroke, Transform,
};

use runner_random::{Key, Purpose, Stream};

/// Names of the classes, sorted.
pub const CLASSES: [&str; 3] = ["circle", "square", "triangle"];
/// Splits and how many pictures of each class they have.
pub const SPLITS: [(&str, usize); 3] = [("train", 80), ("validation", 30), ("test", 30)];

const SIDE: u16 = 96;
const QUALITY: u8 = 88;

/// A picture that could not be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write {path}: {reason}")]
pub struct GenerateError {
    /// The file or folder.
    pub path: PathBuf,
    /// What went wrong.
    pub reason: String,
}

/// Makes the whole data set in `folder`, which must not be there yet and appears whole or not at
/// all; returns how many pictures that are.
///
/// # Errors
///
/// [`GenerateError`] where a file cannot be written.
pub fn shapes(folder: &Path, seed: u64) -> Result<usize, GenerateError> {
    let failed = |error: std::io::Error| GenerateError {
        path: folder.to_path_buf(),
        reason: error.to_string(),
    };
    let parent = folder.parent().filter(|parent| !parent.as_os_str().is_empty());
    let parent = parent.unwrap_or(Path::new("."));
    std::fs::create_dir_all(parent).map_err(failed)?;
    let staging =
        tempfile::Builder::new().prefix(".generating-").tempdir_in(parent).map_err(failed)?;
    let whole = staging.path().join("whole");
    let pictures = draw_all(&whole, seed)?;
    std::fs::rename(&whole, folder).map_err(failed)?;
    Ok(pictures)
}

fn draw_all(folder: &Path, seed: u64) -> Result<usize, GenerateError> {
    let mut number = 0;
    for (split, pictures) in SPLITS {
        for (class, name) in CLASSES.iter().enumerate() {
            let place = folder.join(split).join(name);
            let failed = |path: &Path, reason: String| GenerateError { path: path.into(), reason };
            std::fs::create_dir_all(&place).map_err(|e| failed(&place, e.to_string()))?;
            for index in 0..pictures {
                let path = place.join(format!("{name}.{index:03}.jpg"));
                let key = Key { sample: number, ..Key::new(seed, Purpose::Generate) };
                let bytes = picture(class, key).map_err(|reason| failed(&path, reason))?;
                std::fs::write(&path, bytes).map_err(|e| failed(&path, e.to_string()))?;
                number += 1;
            }
        }
    }
    usize::try_from(number)
        .map_err(|e| GenerateError { path: folder.into(), reason: e.to_string() })
}

/// One picture as a JPEG file.
fn picture(class: usize, key: Key) -> Result<Vec<u8>, String> {
    let mut draw = key.stream();
    let side = f32::from(SIDE);
    let mut canvas = Pixmap::new(SIDE.into(), SIDE.into()).ok_or("a canvas of no size")?;
    background(&mut canvas, &mut draw);
    for _ in 0..2 + draw.below(4) {
        stroke(&mut canvas, &mut draw);
    }
    let radius = side * between(&mut draw, 0.16, 0.36);
    let place = |draw: &mut Stream| between(draw, radius * 0.8, side - radius * 0.8);
    let (x, y) = (place(&mut draw), place(&mut draw));
    let turn = Transform::from_rotate(between(&mut draw, 0.0, 360.0)).post_translate(x, y);
    if let Some(outline) = outline(class, radius) {
        let paint = paint(&mut draw);
        match draw.below(4) {
            // One in four is only an outline.
            0 => {
                let width = radius * between(&mut draw, 0.18, 0.3);
                let stroke = Stroke { width, ..Stroke::default() };
                canvas.stroke_path(&outline, &paint, &stroke, turn, None);
            }
            _ => canvas.fill_path(&outline, &paint, FillRule::Winding, turn, None),
        }
    }
    let rgb = noisy(&canvas, &mut draw);
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, QUALITY)
        .encode(&rgb, SIDE.into(), SIDE.into(), ExtendedColorType::Rgb8)
        .map_err(|error| error.to_string())?;
    Ok(bytes)
}

/// All three cover the same area, so that size says nothing about the class.
fn outline(class: usize, radius: f32) -> Option<Outline> {
    let area = std::f32::consts::PI * radius * radius;
    let mut path = PathBuilder::new();
    match CLASSES[class] {
        "circle" => path.push_circle(0.0, 0.0, radius),
        "square" => {
            let half = area.sqrt() / 2.0;
            path.push_rect(Rect::from_ltrb(-half, -half, half, half)?);
        }
        _ => {
            // Equilateral: area = 3 √3 / 4 · R².
            let corner = (area * 4.0 / (3.0 * 3.0_f32.sqrt())).sqrt();
            let (sine, cosine) = (corner * 0.866_025_4, corner * 0.5);
            path.move_to(0.0, -corner);
            path.line_to(sine, cosine);
            path.line_to(-sine, cosine);
            path.close();
        }
    }
    path.finish()
}

fn background(canvas: &mut Pixmap, draw: &mut Stream) {
    let side = f32::from(SIDE);
    let corner =
        |draw: &mut Stream| Point::from_xy(between(draw, 0.0, side), between(draw, 0.0, side));
    let stops = vec![GradientStop::new(0.0, colour(draw)), GradientStop::new(1.0, colour(draw))];
    let (from, to) = (corner(draw), corner(draw));
    let shader = LinearGradient::new(from, to, stops, SpreadMode::Reflect, Transform::identity());
    let mut paint = paint(draw);
    if let Some(shader) = shader {
        paint.shader = shader;
    }
    if let Some(all) = Rect::from_xywh(0.0, 0.0, side, side) {
        canvas.fill_rect(all, &paint, Transform::identity(), None);
    }
}

/// A curve that belongs to no class.
fn stroke(canvas: &mut Pixmap, draw: &mut Stream) {
    let side = f32::from(SIDE);
    let mut path = PathBuilder::new();
    let mut any = || between(draw, -0.1 * side, 1.1 * side);
    path.move_to(any(), any());
    path.quad_to(any(), any(), any(), any());
    let width = between(draw, 1.0, 5.0);
    let paint = paint(draw);
    if let Some(path) = path.finish() {
        let stroke = Stroke { width, ..Stroke::default() };
        canvas.stroke_path(&path, &paint, &stroke, Transform::identity(), None);
    }
}

fn paint(draw: &mut Stream) -> Paint<'static> {
    let mut paint = Paint::default();
    paint.set_color(colour(draw));
    paint
}

fn colour(draw: &mut Stream) -> Color {
    let mut channel = || draw.uniform();
    Color::from_rgba(channel(), channel(), channel(), 1.0).unwrap_or(Color::BLACK)
}

/// RGB with noise: the sum of four uniforms, close to a normal distribution.
fn noisy(canvas: &Pixmap, draw: &mut Stream) -> Vec<u8> {
    let strength = between(draw, 4.0, 22.0);
    let pixels =
        canvas.pixels().iter().flat_map(|pixel| [pixel.red(), pixel.green(), pixel.blue()]);
    pixels
        .map(|value| {
            let sum: f32 = (0..4).map(|_| draw.uniform()).sum();
            let value = f32::from(value) + (sum - 2.0) * 1.732 * strength;
            value.clamp(0.0, 255.0) as u8
        })
        .collect()
}

fn between(draw: &mut Stream, low: f32, high: f32) -> f32 {
    low + (high - low) * draw.uniform()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_draws_the_same_bytes() -> Result<(), String> {
        let key = Key { sample: 3, ..Key::new(42, Purpose::Generate) };
        assert_eq!(picture(1, key)?, picture(1, key)?);
        assert_ne!(picture(1, key)?, picture(2, key)?);
        Ok(())
    }
}
