//! The pictures of a run as TensorBoard shows them.

use std::io::Cursor;
use std::path::Path;

use image::imageops::FilterType;
use image::{ImageReader, Limits};

use super::proto::{self, Event, event};
use crate::export::{Content, rows};
use crate::tables::cell;
use crate::{ResultsError, picture};

/// Pixels along the longer side; what is larger is scaled down.
const LONGEST: u32 = 2048;

/// Every PNG file of `artifacts.parquet`, under job and name. One that cannot be read is left out: the
/// numbers are worth more.
pub(super) fn events(content: &Content<'_>) -> Result<Vec<Event>, ResultsError> {
    let mut events = Vec::new();
    for row in rows(&content.run.path.join("artifacts.parquet"))? {
        let Some(path) = cell::get(&row, "path").as_str().map(Path::new) else { continue };
        let inside = path.components().all(|part| matches!(part, std::path::Component::Normal(_)));
        if !inside || path.extension().is_none_or(|end| end != "png") {
            continue;
        }
        let Some((size, png)) = read(&content.run.path.join(path)) else { continue };
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        let tag = format!("{}/{name}", cell::get(&row, "job"));
        let value = proto::picture(tag, size, png);
        events.push(event(content.last_moment(), content.last_step(), value));
    }
    Ok(events)
}

/// Size and bytes of a picture that is no larger than wanted.
fn read(path: &Path) -> Option<((u32, u32), Vec<u8>)> {
    let bytes = std::fs::read(path).ok()?;
    let size = ImageReader::new(Cursor::new(&bytes)).with_guessed_format().ok()?.into_dimensions();
    let size = size.ok()?;
    if size.0.max(size.1) <= LONGEST {
        return Some((size, bytes));
    }
    let mut reader = ImageReader::new(Cursor::new(&bytes)).with_guessed_format().ok()?;
    reader.limits(Limits::default());
    let large = reader.decode().ok()?;
    let small = large.resize(LONGEST, LONGEST, FilterType::Triangle).to_rgb8();
    Some((small.dimensions(), picture::png(&small).ok()?))
}
