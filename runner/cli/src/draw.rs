//! From what visualize jobs computed to pictures and tables.

use std::path::{Path, PathBuf};

use image::RgbImage;
use runner_experiment::plan::{Confusion, Curves, Gradcam, ImageSet, Mistakes, Visualize};
use runner_experiment::section::visualize::Projection;
use runner_learn::data::decode::{self, Pixels};
use runner_learn::visualize::activations::Activations;
use runner_learn::visualize::cam::Heatmap;
use runner_learn::visualize::embedding::Embedding;
use runner_learn::visualize::faithfulness::Score;
use runner_learn::visualize::filters::LayerFilters;
use runner_results::ResultsError;
use runner_results::history::{self, History};
use runner_results::picture::channels::{self, Channels, Look};
use runner_results::picture::chart::{self, Scatter};
use runner_results::picture::{confusion, from_rgb, gallery, grid, heat, text};
use runner_results::tables::{ActivationRow, FaithfulnessRow, FilterRow};
use runner_results::visuals::{About, Visuals};

use crate::connect::integer;

/// Photos per row of a gallery.
const GALLERY: usize = 4;

/// White pixels between the pictures of filters.
const MARGIN: u32 = 5;

/// Draws the pictures of one run.
pub struct Drawer {
    /// Where the run's tables are.
    tables: PathBuf,
    /// Where pictures and their tables go.
    folder: PathBuf,
    run: String,
    jobs: Vec<Visualize>,
    classes: Vec<String>,
    visuals: Visuals,
}

impl Drawer {
    /// For the run in `tables`, into `folder`; nothing is drawn yet.
    pub fn new(
        [tables, folder]: [&Path; 2],
        run: &str,
        jobs: &[Visualize],
        classes: &[String],
    ) -> Self {
        Self {
            tables: tables.to_path_buf(),
            folder: folder.to_path_buf(),
            run: run.to_owned(),
            jobs: jobs.to_vec(),
            classes: classes.to_vec(),
            visuals: Visuals::default(),
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

    /// A job whose picture comes from the tables.
    pub fn drawn(&mut self, number: usize) -> Result<(), ResultsError> {
        let about = About { job: self.name(number), ..About::default() };
        match self.jobs.get(number - 1).cloned() {
            Some(Visualize::Curves(Curves { smoothing })) => {
                let run = History::read(&self.tables, self.run.clone())?;
                if run.is_empty() {
                    return Err(ResultsError::Picture("this run has no epoch".to_owned()));
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
            _ => Ok(()),
        }
    }

    fn mistakes(&mut self, about: About, split: &str, count: usize) -> Result<(), ResultsError> {
        if history::confusion(&self.tables, split)?.is_empty() {
            return Err(no_predictions(split));
        }
        let mut wrong = history::mistakes(&self.tables, split)?;
        let all = wrong.len();
        wrong.truncate(count);
        let mut photos = Vec::new();
        for row in &wrong {
            let path = Path::new(&row.path);
            let photo = decode::read(path).and_then(|bytes| decode::decode(&bytes));
            let photo = photo.map_err(|problem| {
                ResultsError::Picture(format!("{}: {problem}", path.display()))
            })?;
            let lines = vec![
                file_name(path),
                format!("{}, taken for {}", row.label, row.predicted),
                format!("with probability {:.3}", history::confidence(row)),
            ];
            photos.push((image(photo), lines));
        }
        let title = format!("{all} mistakes on {split} images, the most confident first");
        let picture = gallery::picture(&photos, GALLERY);
        self.picture(about, split, &text::captioned(&picture, &[title]))
    }

    /// What a layer answers to a photo.
    pub fn activations(&mut self, number: usize, found: &Activations) -> Result<(), ResultsError> {
        let Some(Visualize::Activations(job)) = self.jobs.get(number - 1).cloned() else {
            return Ok(());
        };
        let row = silence(self.name(number), found);
        let about = About {
            job: self.name(number),
            layer: Some(found.layer.clone()),
            image: Some(row.image.clone()),
            value: Some(row.sparsity),
            ..About::default()
        };
        let Activations { channels, height, width, .. } = *found;
        let title = format!(
            "{}: {channels} channels of {height}x{width}, {} of them dead, {:.0}% zeros; {}",
            found.layer,
            row.dead,
            100.0 * row.sparsity,
            file_name(&found.image)
        );
        self.visuals.activation((&self.folder, &self.run), row)?;
        let look = Look {
            channels: &job.channels,
            columns: job.images_per_row,
            scale: job.scale,
            colors: job.colors,
        };
        let maps = Channels { values: &found.values, height, width };
        let picture = text::captioned(&channels::picture(maps, look), &[title]);
        self.picture(about, &format!("{}-{}", stem(&found.image), found.layer), &picture)
    }

    /// What the filters of a layer respond to.
    pub fn filters(&mut self, number: usize, found: LayerFilters) -> Result<(), ResultsError> {
        let Some(Visualize::Filters(job)) = self.jobs.get(number - 1).cloned() else {
            return Ok(());
        };
        let name = self.name(number);
        let rows = found.filters.iter().flat_map(|filter| {
            filter.losses.iter().enumerate().map(|(at, loss)| FilterRow {
                job: name.clone(),
                layer: found.layer.clone(),
                filter: integer(filter.filter),
                step: integer(at + 1),
                loss: *loss,
            })
        });
        self.visuals.filters((&self.folder, &self.run), rows.collect::<Vec<_>>())?;
        let single = found.filters.first().filter(|_| found.filters.len() == 1);
        let about = About {
            job: name.clone(),
            layer: Some(found.layer.clone()),
            filter: single.map(|filter| integer(filter.filter)),
            value: single.and_then(|filter| filter.losses.last().copied()),
            ..About::default()
        };
        let silent =
            found.filters.iter().filter(|filter| filter.losses.iter().all(|loss| *loss == 0.0));
        let silent = match silent.count() {
            0 => String::new(),
            count => format!(", {count} of them without an answer"),
        };
        let title =
            format!("{}: what {} filters respond to{silent}", found.layer, found.filters.len());
        let tiles: Vec<RgbImage> = found
            .filters
            .into_iter()
            .map(|filter| from_rgb(found.size, found.size, filter.rgb))
            .collect();
        let rows: Vec<Vec<RgbImage>> =
            tiles.chunks(job.images_per_row).map(<[RgbImage]>::to_vec).collect();
        let picture = text::captioned(&grid::grid(&rows, MARGIN), &[title]);
        self.picture(about, &found.layer, &picture)
    }

    /// What a prediction rests on: heatmap, overlay at the photo's size, and a sheet with both.
    pub fn heatmap(&mut self, number: usize, found: Heatmap) -> Result<(), ResultsError> {
        let Some(Visualize::Gradcam(job)) = self.jobs.get(number - 1).cloned() else {
            return Ok(());
        };
        let about = About {
            job: self.name(number),
            layer: found.layer.clone(),
            image: Some(found.image.display().to_string()),
            target: Some(found.class.clone()),
            value: Some(found.probability),
            ..About::default()
        };
        let name = format!("{}-{}-{}", stem(&found.image), found.method, found.class);
        let lines = caption(&found, &job);
        let photo = image(found.photo);
        let Some(map) = found.map else {
            let nothing = heat::nothing(photo.width().max(160), photo.height().max(60));
            return self.picture(about, &name, &heat::sheet(&[photo, nothing], &lines));
        };
        let heat = heat::coloured(&map.values, map.width, map.height, job.colors);
        let over = heat::overlaid(&photo, &heat, job.alpha);
        self.picture(about.clone(), &format!("{name}-heatmap"), &heat)?;
        self.picture(about.clone(), &format!("{name}-overlay"), &over)?;
        self.picture(about, &name, &heat::sheet(&[photo, heat, over], &lines))
    }

    /// How good heatmaps are.
    pub fn faithfulness(&mut self, number: usize, scores: Vec<Score>) -> Result<(), ResultsError> {
        let job = self.name(number);
        let rows = scores.into_iter().map(|score| FaithfulnessRow {
            job: job.clone(),
            method: score.method.to_string(),
            image: score.image.display().to_string(),
            score: score.score.to_owned(),
            value: score.value,
        });
        self.visuals.faithfulness((&self.folder, &self.run), rows.collect::<Vec<_>>())
    }

    /// Images in the plane.
    pub fn embedding(&mut self, number: usize, found: &Embedding) -> Result<(), ResultsError> {
        let count = found.labels.iter().max().map_or(0, |last| last + 1);
        let classes = (0..count).map(|class| {
            let own = found.points.iter().zip(&found.labels).filter(|(_, label)| **label == class);
            let name = self.classes.get(class).cloned().unwrap_or_else(|| class.to_string());
            (name, own.map(|(point, _)| *point).collect())
        });
        let axis = |at: usize, name: &str| match found.method {
            Projection::Pca => {
                format!("{name} component, {:.0}% of the variance", 100.0 * found.explained[at])
            }
            Projection::Tsne => String::new(),
        };
        let scatter = Scatter {
            title: format!(
                "{} images as {} sees them ({})",
                found.split, found.layer, found.method
            ),
            axes: [axis(0, "first"), axis(1, "second")],
            classes: classes.collect(),
        };
        let name = format!("{}-{}", found.split, found.method);
        let drawn = chart::scatter(&scatter)?;
        let layer = Some(found.layer.clone());
        let about = About { job: self.name(number), layer, ..About::default() };
        self.chart(about, &name, &drawn)
    }
}

/// How silent a layer is.
#[allow(clippy::cast_precision_loss)]
fn silence(job: String, found: &Activations) -> ActivationRow {
    let dead = found.dead();
    let sum: f64 = found.values.iter().map(|value| f64::from(*value)).sum();
    ActivationRow {
        job,
        image: found.image.display().to_string(),
        layer: found.layer.clone(),
        channels: integer(found.channels),
        dead: integer(dead),
        dead_share: dead as f64 / found.channels.max(1) as f64,
        sparsity: found.sparsity(),
        mean: sum / found.values.len().max(1) as f64,
        largest: found.values.iter().copied().fold(0.0, f32::max).into(),
    }
}

fn caption(found: &Heatmap, job: &Gradcam) -> Vec<String> {
    let layer = found.layer.as_ref().map_or(String::new(), |layer| format!(" at {layer}"));
    let mut lines = vec![
        format!(
            "{}: {}, probability {:.3}",
            file_name(&found.image),
            found.class,
            found.probability
        ),
        format!("{}{layer}, of the {}", found.method, job.of),
    ];
    if !found.top.is_empty() {
        let top = found.top.iter().map(|(class, probability)| format!("{class} {probability:.3}"));
        lines.push(top.collect::<Vec<_>>().join(", "));
    }
    lines
}

fn no_predictions(split: &str) -> ResultsError {
    ResultsError::Picture(format!("this run has no predictions for its {split} images"))
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
