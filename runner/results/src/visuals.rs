//! Pictures of a run: files in `visualizations/`, and the tables that go with them.

use std::path::{Path, PathBuf};

use image::RgbImage;
use sha2::{Digest, Sha256};

use crate::tables::{
    self, ActivationRow, ArtifactRow, EmbeddingRow, FaithfulnessRow, FilterRow, SuspectRow,
};
use crate::{ResultsError, atomic, picture};

/// The folder of pictures in that of a run.
pub const FOLDER: &str = "visualizations";

/// What a picture shows.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct About {
    /// Number and word of the job: `2-activations`.
    pub job: String,
    /// The layer it shows.
    pub layer: Option<String>,
    /// The filter it shows.
    pub filter: Option<i64>,
    /// The image it was made from.
    pub image: Option<String>,
    /// The class it explains.
    pub target: Option<String>,
    /// A number that goes with it.
    pub value: Option<f64>,
}

/// Everything that has been drawn so far.
#[derive(Debug, Default)]
pub struct Visuals {
    artifacts: Vec<ArtifactRow>,
    activations: Vec<ActivationRow>,
    filters: Vec<FilterRow>,
    faithfulness: Vec<FaithfulnessRow>,
    embeddings: Vec<EmbeddingRow>,
    suspects: Vec<SuspectRow>,
}

impl Visuals {
    /// Writes a picture as `visualizations/<job>/<name>.png` and its row.
    ///
    /// # Errors
    ///
    /// [`ResultsError`].
    pub fn picture(
        &mut self,
        (run, id): (&Path, &str),
        about: About,
        name: &str,
        picture: &RgbImage,
    ) -> Result<(), ResultsError> {
        let bytes = picture::png(picture)?;
        self.file((run, id), about, &format!("{name}.png"), &bytes, picture.dimensions())
    }

    /// Writes any other file of a picture, and its row.
    ///
    /// # Errors
    ///
    /// [`ResultsError`].
    pub fn file(
        &mut self,
        (run, id): (&Path, &str),
        about: About,
        name: &str,
        bytes: &[u8],
        (width, height): (u32, u32),
    ) -> Result<(), ResultsError> {
        let path = self.free(&Path::new(FOLDER).join(&about.job), &clean(name));
        let whole = run.join(&path);
        // The folder of the run itself is not created: where it is missing, the run was removed.
        for folder in [run.join(FOLDER), run.join(FOLDER).join(&about.job)] {
            match std::fs::create_dir(&folder) {
                Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
                    return Err(ResultsError::Write { path: folder, source: error });
                }
                _ => {}
            }
        }
        atomic::write(&whole, bytes)?;
        let hash = Sha256::digest(bytes);
        self.artifacts.push(ArtifactRow {
            job: about.job,
            layer: about.layer,
            filter: about.filter,
            image: about.image,
            target: about.target,
            path: path.display().to_string(),
            sha256: hash.iter().map(|byte| format!("{byte:02x}")).collect(),
            width: i64::from(width),
            height: i64::from(height),
            value: about.value,
        });
        tables::write(run, id, self.artifacts.clone())
    }

    /// A path that no picture has yet: two photos may have one name.
    fn free(&self, folder: &Path, name: &str) -> PathBuf {
        let taken = |path: &Path| {
            let path = path.display().to_string();
            self.artifacts.iter().any(|row| row.path == path)
        };
        let (stem, extension) = name.rsplit_once('.').unwrap_or((name, ""));
        let numbered = (2..).map(|number| folder.join(format!("{stem}-{number}.{extension}")));
        let mut paths = std::iter::once(folder.join(name)).chain(numbered);
        paths.find(|path| !taken(path)).unwrap_or_else(|| folder.join(name))
    }

    /// Adds how sparse a layer's output is.
    ///
    /// # Errors
    ///
    /// [`ResultsError`].
    pub fn activation(
        &mut self,
        (run, id): (&Path, &str),
        row: ActivationRow,
    ) -> Result<(), ResultsError> {
        self.activations.push(row);
        tables::write(run, id, self.activations.clone())
    }

    /// Adds the steps of some filters.
    ///
    /// # Errors
    ///
    /// [`ResultsError`].
    pub fn filters(
        &mut self,
        (run, id): (&Path, &str),
        rows: impl IntoIterator<Item = FilterRow>,
    ) -> Result<(), ResultsError> {
        self.filters.extend(rows);
        tables::write(run, id, self.filters.clone())
    }

    /// Adds scores of heatmaps.
    ///
    /// # Errors
    ///
    /// [`ResultsError`].
    pub fn faithfulness(
        &mut self,
        (run, id): (&Path, &str),
        rows: impl IntoIterator<Item = FaithfulnessRow>,
    ) -> Result<(), ResultsError> {
        self.faithfulness.extend(rows);
        tables::write(run, id, self.faithfulness.clone())
    }

    /// Adds images in the plane.
    ///
    /// # Errors
    ///
    /// [`ResultsError`].
    pub fn embedding(
        &mut self,
        (run, id): (&Path, &str),
        rows: impl IntoIterator<Item = EmbeddingRow>,
    ) -> Result<(), ResultsError> {
        self.embeddings.extend(rows);
        tables::write(run, id, self.embeddings.clone())
    }

    /// Adds images whose label is looked at.
    ///
    /// # Errors
    ///
    /// [`ResultsError`].
    pub fn suspects(
        &mut self,
        (run, id): (&Path, &str),
        rows: impl IntoIterator<Item = SuspectRow>,
    ) -> Result<(), ResultsError> {
        self.suspects.extend(rows);
        tables::write(run, id, self.suspects.clone())
    }
}

/// Bytes of a name; file systems take 255, and something may still be put in front or behind.
const LONGEST: usize = 160;

/// A name that every file system takes. A long one is cut, and keeps the beginning of its hash, so
/// that two do not become one.
fn clean(name: &str) -> String {
    let fits = |letter: char| letter.is_alphanumeric() || "._-+".contains(letter);
    let fitting: String = name.chars().map(|c| if fits(c) { c } else { '_' }).collect();
    if fitting.len() <= LONGEST {
        return fitting;
    }
    let (stem, extension) = fitting.rsplit_once('.').unwrap_or((&fitting, ""));
    let hash = Sha256::digest(name.as_bytes());
    let start = stem.floor_char_boundary(LONGEST);
    format!(
        "{}-{:02x}{:02x}{:02x}{:02x}.{extension}",
        &stem[..start],
        hash[0],
        hash[1],
        hash[2],
        hash[3]
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_fit_and_stay_apart() {
        assert_eq!(clean("a b/c.png"), "a_b_c.png");
        let long = |end: &str| clean(&format!("{}{end}.png", "ä".repeat(126)));
        assert!(long("x").len() < 200 && long("x").ends_with(".png"));
        assert_ne!(long("x"), long("y"));
    }
}
