//! Images whose label is probably wrong: a table of all, a gallery of the first.

use std::path::Path;

use image::RgbImage;
use runner_experiment::plan::{Suspects, Visualize};
use runner_record::OutOfFold;

use super::from_tables::{GALLERY, no_predictions};
use super::{Drawer, file_name, image};
use crate::ResultsError;
use crate::history;
use crate::picture::{gallery, text};
use crate::suspects::{self, Judged};
use crate::tables::SuspectRow;
use crate::visuals::About;

impl Drawer {
    /// Of training images, by models that did not see them.
    pub(super) fn suspects_of_folds(
        &mut self,
        number: usize,
        found: &OutOfFold,
    ) -> Result<(), ResultsError> {
        let Some(Visualize::Suspects(job)) = self.jobs.get(number - 1).cloned() else {
            return Ok(());
        };
        let images = found.images.iter().zip(&found.labels).zip(&found.folds);
        let judged = images.zip(&found.probabilities).map(|(((path, label), fold), said)| Judged {
            path: path.display().to_string(),
            label: *label,
            fold: Some(fold + 1),
            probabilities: said.clone(),
        });
        self.suspects(number, &job, judged.collect())
    }

    /// Of images that were held out, by the predictions of the run.
    pub(super) fn suspects_of_tables(
        &mut self,
        number: usize,
        job: &Suspects,
    ) -> Result<(), ResultsError> {
        let rows = history::predictions(&self.tables, job.split.as_str())?;
        if rows.is_empty() {
            return Err(no_predictions(job.split.as_str()));
        }
        let judged = rows.into_iter().filter_map(|row| {
            let label = self.classes.iter().position(|class| *class == row.label)?;
            let (path, probabilities) = (row.path, row.probabilities);
            Some(Judged { path, label, fold: None, probabilities })
        });
        let judged = judged.collect();
        self.suspects(number, job, judged)
    }

    fn suspects(
        &mut self,
        number: usize,
        job: &Suspects,
        judged: Vec<Judged>,
    ) -> Result<(), ResultsError> {
        let (name, split) = (self.name(number), job.split.as_str());
        let rows: Vec<SuspectRow> = suspects::ranked(&judged, &self.classes)
            .into_iter()
            .map(|row| SuspectRow { job: Some(name.clone()), split: Some(split.to_owned()), ..row })
            .collect();
        let issues = rows.iter().filter(|row| row.is_issue).count();
        let photos = rows.iter().take(job.count).map(|row| self.suspect(row));
        let photos = photos.collect::<Result<Vec<_>, _>>()?;
        let title = format!(
            "{issues} of {} {split} labels are probably wrong; the most suspicious first",
            rows.len()
        );
        self.visuals.suspects((&self.folder, &self.run), rows)?;
        let picture = gallery::picture(&photos, GALLERY);
        let about = About { job: name, ..About::default() };
        self.picture(about, split, &text::captioned(&picture, &[title]))
    }

    /// A photo with what it is labelled as, and what it looks like.
    fn suspect(&self, row: &SuspectRow) -> Result<(RgbImage, Vec<String>), ResultsError> {
        let path = Path::new(&row.path);
        let photo = (self.read_photo)(path).map_err(|reason| {
            ResultsError::Picture(format!("{}: {reason}", path.display()).into())
        })?;
        let lines = vec![
            file_name(path),
            format!("{} -> {}", row.label, row.suggested),
            format!("{:.3} -> {:.3}", row.self_confidence, row.self_confidence - row.margin),
        ];
        Ok((image(photo), lines))
    }
}
