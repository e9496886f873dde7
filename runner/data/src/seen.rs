//! What was found in files, remembered for as long as they stay the same.
//!
//! A file is taken for the same while its size, its time of change and its place on the disk are. What
//! it is then used for is checked against its hash all the same.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use runner_record::ValueRange;

use super::decode;
use super::problem::ImageProblem;

/// BLAKE3 of the bytes of a file.
pub type ContentHash = [u8; 32];

/// Hash, height and width, and the range of values of 16 bits.
pub(crate) type Looked = (ContentHash, [usize; 2], Option<ValueRange>);

/// Usable images that were looked at; shared between the runs of a process.
#[derive(Debug, Default)]
pub struct Seen {
    found: Mutex<HashMap<PathBuf, (Stamp, Looked)>>,
}

/// What changes when a file does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    size: u64,
    modified: SystemTime,
    place: [i64; 4],
}

impl Stamp {
    fn of(path: &Path) -> Option<Self> {
        let about = std::fs::metadata(path).ok()?;
        Some(Self { size: about.len(), modified: about.modified().ok()?, place: place(&about) })
    }
}

#[cfg(unix)]
fn place(about: &std::fs::Metadata) -> [i64; 4] {
    use std::os::unix::fs::MetadataExt;
    [about.dev().cast_signed(), about.ino().cast_signed(), about.ctime(), about.ctime_nsec()]
}

#[cfg(not(unix))]
fn place(_: &std::fs::Metadata) -> [i64; 4] {
    [0; 4]
}

impl Seen {
    /// Reads, hashes and decodes a file, unless that was done before.
    pub(crate) fn look(&self, path: &Path) -> Result<Looked, ImageProblem> {
        // The stamp is taken first: a file that changes while it is read is read again next time.
        let stamp = Stamp::of(path);
        if let Some(stamp) = stamp {
            let found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some((_, looked)) = found.get(path).filter(|(known, _)| *known == stamp) {
                return Ok(*looked);
            }
        }
        let looked = look(path)?;
        if let Some(stamp) = stamp {
            let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
            found.insert(path.to_path_buf(), (stamp, looked));
        }
        Ok(looked)
    }
}

fn look(path: &Path) -> Result<Looked, ImageProblem> {
    let bytes = decode::read(path)?;
    let (pixels, range) = decode::decode_with_range(&bytes)?;
    Ok((*blake3::hash(&bytes).as_bytes(), [pixels.height, pixels.width], range))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_changed_is_read_again() -> Result<(), Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("a.png");
        let (seen, write) =
            (Seen::default(), |side: u32| image::RgbImage::new(side, 8).save(&path));
        write(8)?;
        let size = |seen: &Seen| seen.look(&path).map(|(_, size, _)| size);
        assert_eq!(size(&seen)?, [8, 8]);
        write(16)?;
        assert_eq!(size(&seen)?, [8, 16]);
        std::fs::remove_file(&path)?;
        assert!(size(&seen).is_err());
        Ok(())
    }
}
