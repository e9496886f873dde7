//! What was found in files, remembered for as long as they stay the same.
//!
//! A file is taken for the same while its size, its time of change and its place on the disk are. What
//! it is then used for is checked against its hash all the same.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use runner_experiment::disk::{self, Synced};
use runner_record::ValueRange;
use serde::{Deserialize, Serialize};

use super::decode;
use super::problem::ImageProblem;

/// BLAKE3 of the bytes of a file.
pub type ContentHash = [u8; 32];

/// Hash, height and width, and the range of values of 16 bits.
pub(crate) type Looked = (ContentHash, [usize; 2], Option<ValueRange>);

/// The version of what is kept: raised when decoding finds something else in a file, or refuses one.
const FORMAT: u32 = 2;

/// A file that changed this short a time ago may change again without a sign.
const FRESH: Duration = Duration::from_secs(2);

/// Usable images that were looked at; shared between runs.
#[derive(Debug, Default)]
pub struct Seen {
    found: Mutex<HashMap<PathBuf, (Stamp, Looked)>>,
    /// The folder in which they are kept for other processes.
    folder: Option<PathBuf>,
}

/// What changes when a file does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Stamp {
    size: u64,
    modified: SystemTime,
    /// Device, number on it, and when anything about the file changed.
    place: [i64; 4],
}

impl Stamp {
    /// `None` for a file that is too new.
    fn of(path: &Path) -> Option<Self> {
        let about = std::fs::metadata(path).ok()?;
        let (modified, changed) = (about.modified().ok()?, changed(&about));
        let age = |moment: SystemTime| moment.elapsed().is_ok_and(|age| age > FRESH);
        let is_settled = age(modified) && changed.is_none_or(age);
        is_settled.then(|| Self { size: about.len(), modified, place: place(&about) })
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

#[cfg(unix)]
fn changed(about: &std::fs::Metadata) -> Option<SystemTime> {
    use std::os::unix::fs::MetadataExt;
    let seconds = Duration::from_secs(u64::try_from(about.ctime()).ok()?);
    Some(SystemTime::UNIX_EPOCH + seconds)
}

#[cfg(not(unix))]
fn changed(_: &std::fs::Metadata) -> Option<SystemTime> {
    None
}

/// What is kept of the files of one folder.
#[derive(Serialize, Deserialize)]
struct Kept {
    format: u32,
    found: Vec<Image>,
}

#[derive(Serialize, Deserialize)]
struct Image {
    path: PathBuf,
    stamp: Stamp,
    hash: ContentHash,
    /// Height and width.
    size: [usize; 2],
    /// Lowest and highest value of 16 bits.
    range: Option<[u16; 2]>,
}

impl Seen {
    /// Keeps what is found in the folder `images` below `cache`, for later runs.
    #[must_use]
    pub fn kept_in(cache: &Path) -> Self {
        Self { folder: Some(cache.join("images")), ..Self::default() }
    }

    fn found(&self) -> MutexGuard<'_, HashMap<PathBuf, (Stamp, Looked)>> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads, hashes and decodes a file, unless that was done before.
    pub(crate) fn look(&self, path: &Path) -> Result<Looked, ImageProblem> {
        // The stamp is taken first: a file that changes while it is read is read again next time.
        let stamp = Stamp::of(path);
        if let Some(stamp) = stamp
            && let Some((_, looked)) = self.found().get(path).filter(|(known, _)| *known == stamp)
        {
            return Ok(*looked);
        }
        let looked = look(path)?;
        if let Some(stamp) = stamp {
            self.found().insert(path.to_path_buf(), (stamp, looked));
        }
        Ok(looked)
    }

    /// Where what is known of the files below a folder is kept.
    fn place(&self, of: &Path) -> Option<PathBuf> {
        let of = of.canonicalize().ok()?;
        let name = blake3::hash(of.as_os_str().as_encoded_bytes()).to_hex();
        Some(self.folder.as_ref()?.join(format!("{}.json", &name[..32])))
    }

    /// Takes what earlier runs found below a folder; what cannot be read is looked at again.
    pub(crate) fn load(&self, of: &Path) {
        let text = self.place(of).and_then(|place| std::fs::read(place).ok());
        let kept: Option<Kept> = text.and_then(|text| serde_json::from_slice(&text).ok());
        let Some(kept) = kept.filter(|kept| kept.format == FORMAT) else { return };
        let mut found = self.found();
        for Image { path, stamp, hash, size, range } in kept.found {
            let range = range.map(|[low, high]| ValueRange { low, high });
            found.entry(path).or_insert((stamp, (hash, size, range)));
        }
    }

    /// Keeps what is known of these files, which are all below one folder. Without it later runs only
    /// take longer, so nothing is said where it cannot be written.
    pub(crate) fn save<'a>(&self, of: &Path, files: impl Iterator<Item = &'a Path>) {
        let Some(place) = self.place(of) else { return };
        let found = self.found();
        let row = |path: &Path| {
            let (stamp, (hash, size, range)) = *found.get(path)?;
            let range = range.map(|range| [range.low, range.high]);
            Some(Image { path: path.to_path_buf(), stamp, hash, size, range })
        };
        let kept = Kept { format: FORMAT, found: files.filter_map(row).collect() };
        let Ok(text) = serde_json::to_vec(&kept) else { return };
        let folder = place.parent().unwrap_or(Path::new("."));
        let _ = std::fs::create_dir_all(folder)
            .and_then(|()| disk::write(&place, &text, Synced::Later));
    }

    /// How many files are known.
    pub(crate) fn count(&self) -> usize {
        self.found().len()
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

    fn aged(path: &Path, seconds: u64) -> std::io::Result<()> {
        let moment = SystemTime::now() - Duration::from_secs(seconds);
        std::fs::File::options().write(true).open(path)?.set_modified(moment)
    }

    #[test]
    fn a_file_that_changed_is_read_again() -> Result<(), Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("a.png");
        let (seen, write) =
            (Seen::default(), |side: u32| image::RgbImage::new(side, 8).save(&path));
        write(8)?;
        aged(&path, 60)?;
        let size = |seen: &Seen| seen.look(&path).map(|(_, size, _)| size);
        assert_eq!((size(&seen)?, seen.count()), ([8, 8], 0), "too new to be remembered");
        std::thread::sleep(FRESH + Duration::from_millis(1_100));
        assert_eq!((size(&seen)?, seen.count()), ([8, 8], 1));
        write(16)?;
        assert_eq!(size(&seen)?, [8, 16]);
        std::fs::remove_file(&path)?;
        assert!(size(&seen).is_err());
        Ok(())
    }

    #[test]
    fn what_is_kept_is_found_by_others_and_damage_does_no_harm()
    -> Result<(), Box<dyn std::error::Error>> {
        let (folder, cache) = (tempfile::tempdir()?, tempfile::tempdir()?);
        let path = folder.path().join("a.png");
        image::RgbImage::new(8, 8).save(&path)?;
        std::thread::sleep(FRESH + Duration::from_millis(1_100));
        let first = Seen::kept_in(cache.path());
        let looked = first.look(&path)?;
        first.save(folder.path(), [path.as_path()].into_iter());
        let second = Seen::kept_in(cache.path());
        second.load(folder.path());
        assert_eq!((second.count(), second.look(&path)?), (1, looked));
        let kept = second.place(folder.path()).ok_or("no place")?;
        std::fs::write(kept, "damaged")?;
        let third = Seen::kept_in(cache.path());
        third.load(folder.path());
        assert_eq!((third.count(), third.look(&path)?), (0, looked));
        Ok(())
    }
}
