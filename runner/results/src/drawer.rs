//! From what visualize jobs computed to pictures and the tables that go with them.

mod found;
mod from_tables;
mod suspected;

use std::path::{Path, PathBuf};

use image::RgbImage;
use runner_experiment::plan::Visualize;
use runner_record::{Event, Pixels};

use crate::ResultsError;
use crate::picture::from_rgb;
use crate::visuals::{About, Visuals};

/// Reads a photo, or says in words why it cannot be read.
pub type ReadPhoto = fn(&Path) -> Result<Pixels, String>;

/// A job that failed; the others continue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobFailed {
    /// Which job, from 1.
    pub number: usize,
    /// Its word in the file.
    pub job: &'static str,
    /// Why.
    pub reason: String,
}

/// Draws the pictures of one run.
pub struct Drawer {
    /// Where the run's tables are.
    tables: PathBuf,
    /// Where pictures and their tables go.
    folder: PathBuf,
    run: String,
    jobs: Vec<Visualize>,
    classes: Vec<String>,
    read_photo: ReadPhoto,
    visuals: Visuals,
}

impl Drawer {
    /// For the run in `tables`, into `folder`; draws nothing yet.
    #[must_use]
    pub fn new(
        [tables, folder]: [&Path; 2],
        run: &str,
        (jobs, classes): (&[Visualize], &[String]),
        read_photo: ReadPhoto,
    ) -> Self {
        Self {
            tables: tables.to_path_buf(),
            folder: folder.to_path_buf(),
            run: run.to_owned(),
            jobs: jobs.to_vec(),
            classes: classes.to_vec(),
            read_photo,
            visuals: Visuals::default(),
        }
    }

    /// Draws what an event carries; returns the job if it failed.
    ///
    /// # Errors
    ///
    /// [`ResultsError`] where a file cannot be written.
    pub fn take(&mut self, event: Event) -> Result<Option<JobFailed>, ResultsError> {
        match event {
            Event::Drawn { number } => return self.drawn(number),
            Event::JobFailed { number, job, reason } => {
                return Ok(Some(JobFailed { number, job, reason }));
            }
            Event::Activations { number, activations } => self.activations(number, &activations)?,
            Event::Filters { number, found } => self.filters(number, found)?,
            Event::Heatmap { number, heatmap } => self.heatmap(number, heatmap)?,
            Event::Faithfulness { number, scores } => self.faithfulness(number, scores)?,
            Event::Embedding { number, embedding } => self.embedding(number, &embedding)?,
            Event::OutOfFold { number, found } => {
                let drawn = self.suspects_of_folds(number, &found);
                return self.failed(number, drawn);
            }
            _ => {}
        }
        Ok(None)
    }

    /// A full disk ends the run, which can be resumed later; a picture that cannot be drawn only
    /// fails its job.
    fn drawn(&mut self, number: usize) -> Result<Option<JobFailed>, ResultsError> {
        let drawn = self.draw_tables(number);
        self.failed(number, drawn)
    }

    fn failed(
        &self,
        number: usize,
        drawn: Result<(), ResultsError>,
    ) -> Result<Option<JobFailed>, ResultsError> {
        match drawn {
            Err(error @ (ResultsError::Write { .. } | ResultsError::Table { .. })) => Err(error),
            Err(error) => Ok(Some(JobFailed { number, job: "picture", reason: error.to_string() })),
            Ok(()) => Ok(None),
        }
    }

    /// `2-activations`
    fn name(&self, number: usize) -> String {
        let job = self.jobs.get(number - 1).map_or("job", Visualize::job);
        format!("{number}-{job}")
    }

    fn picture(
        &mut self,
        about: About,
        name: &str,
        picture: &RgbImage,
    ) -> Result<(), ResultsError> {
        self.visuals.picture((&self.folder, &self.run), about, name, picture)
    }

    /// A chart as PNG and as SVG.
    fn chart(
        &mut self,
        about: About,
        name: &str,
        (picture, svg): &(RgbImage, String),
    ) -> Result<(), ResultsError> {
        self.picture(about.clone(), name, picture)?;
        let (bytes, size) = (svg.as_bytes(), picture.dimensions());
        let place = (self.folder.as_path(), self.run.as_str());
        self.visuals.file(place, about, &format!("{name}.svg"), bytes, size)
    }
}

fn image(pixels: Pixels) -> RgbImage {
    from_rgb(pixels.width, pixels.height, pixels.rgb)
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn stem(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}
