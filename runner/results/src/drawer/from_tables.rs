//! Jobs whose pictures come from the tables of the run: curves, confusion, mistakes.

use std::path::Path;

use runner_experiment::plan::{Confusion, Curves, ImageSet, Mistakes, Visualize};

use super::{Drawer, file_name, image};
use crate::ResultsError;
use crate::history::{self, History};
use crate::picture::{chart, confusion, gallery, text};
use crate::tables::PredictionRow;
use crate::visuals::About;

/// Photos per row of a gallery.
pub(super) const GALLERY: usize = 4;

impl Drawer {
    /// A job whose picture comes from the tables.
    pub(super) fn draw_tables(&mut self, number: usize) -> Result<(), ResultsError> {
        let about = About { job: self.name(number), ..About::default() };
        match self.jobs.get(number - 1).cloned() {
            Some(Visualize::Curves(Curves { smoothing })) => {
                let run = History::read(&self.tables, self.run.clone())?;
                if run.is_empty() {
                    return Err(ResultsError::Picture("this run has no epoch".into()));
                }
                let drawn = chart::curves(&run.panels(), smoothing)?;
                self.chart(about, "curves", &drawn)
            }
            Some(Visualize::Confusion(Confusion { of: ImageSet { split } })) => {
                let rows = history::confusion(&self.tables, split.as_str())?;
                if rows.is_empty() {
                    return Err(no_predictions(split.as_str()));
                }
                let lines = vec![format!("{split} images")];
                let table = confusion::picture(&rows, &self.classes);
                self.picture(about, split.as_str(), &text::captioned(&table, &lines))
            }
            Some(Visualize::Mistakes(Mistakes { of: ImageSet { split }, count })) => {
                self.mistakes(about, split.as_str(), count)
            }
            Some(Visualize::Suspects(job)) => self.suspects_of_tables(number, &job),
            _ => Ok(()),
        }
    }

    fn mistakes(&mut self, about: About, split: &str, count: usize) -> Result<(), ResultsError> {
        if history::predictions(&self.tables, split)?.is_empty() {
            return Err(no_predictions(split));
        }
        let mut wrong = history::mistakes(&self.tables, split)?;
        let all = wrong.len();
        let are_numbers = wrong.iter().any(|row| row.correct.is_none());
        let are_labels = !are_numbers && wrong.iter().any(|row| !row.targets.is_empty());
        wrong.truncate(count);
        let mut photos = Vec::new();
        for row in &wrong {
            let path = Path::new(&row.path);
            let photo = (self.read_photo)(path).map_err(|reason| {
                ResultsError::Picture(format!("{}: {reason}", path.display()).into())
            })?;
            let lines = [vec![file_name(path)], said(row)].concat();
            photos.push((image(photo), lines));
        }
        let title = match (are_numbers, are_labels) {
            (true, _) => format!("{all} {split} images, the largest errors first"),
            (_, true) => format!("{all} mistakes on {split} images, the largest losses first"),
            _ => format!("{all} mistakes on {split} images, the most confident first"),
        };
        let picture = gallery::picture(&photos, GALLERY);
        self.picture(about, split, &text::captioned(&picture, &[title]))
    }
}

/// What an image is labelled with, and what was predicted.
fn said(row: &PredictionRow) -> Vec<String> {
    let or_none = |text: &str| if text.is_empty() { "nothing".to_owned() } else { text.to_owned() };
    if row.correct.is_none() {
        let said = row.logits.iter().map(|value| format!("{value:.3}")).collect::<Vec<_>>();
        let predicted = format!("predicted {}", said.join("|"));
        return vec![row.label.clone(), predicted, format!("off by {:.3}", history::error(row))];
    }
    let taken = format!("{}, taken for {}", or_none(&row.label), or_none(&row.predicted));
    // Of several labels each has a probability of its own.
    match row.targets.is_empty() {
        true => vec![taken, format!("with probability {:.3}", history::confidence(row))],
        false => vec![taken, format!("loss {:.3}", row.loss)],
    }
}

pub(super) fn no_predictions(split: &str) -> ResultsError {
    ResultsError::Picture(format!("this run has no predictions for its {split} images").into())
}
