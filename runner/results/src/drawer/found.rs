//! Jobs that computed something: feature maps, filters, heatmaps, scores, points in the plane.

use std::path::PathBuf;

use image::RgbImage;
use runner_experiment::plan::{Gradcam, Visualize};
use runner_record::{Activations, Embedding, Heatmap, LayerFilters, Score};

use super::{Drawer, file_name, image, stem};
use crate::ResultsError;
use crate::picture::channels::{self, Channels, Look};
use crate::picture::chart::{self, Scatter};
use crate::picture::{from_rgb, grid, heat, text};
use crate::tables::{ActivationRow, EmbeddingRow, FaithfulnessRow, FilterRow, integer};
use crate::visuals::About;

/// White pixels between the pictures of filters.
const MARGIN: u32 = 5;

impl Drawer {
    /// What a layer answers to a photo.
    pub(super) fn activations(
        &mut self,
        number: usize,
        found: &Activations,
    ) -> Result<(), ResultsError> {
        let Some(Visualize::Activations(job)) = self.jobs.get(number - 1).cloned() else {
            return Ok(());
        };
        let row = sparsity_row(self.name(number), found);
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
    pub(super) fn filters(
        &mut self,
        number: usize,
        found: LayerFilters,
    ) -> Result<(), ResultsError> {
        let Some(Visualize::Filters(job)) = self.jobs.get(number - 1).cloned() else {
            return Ok(());
        };
        let name = self.name(number);
        let rows = found.filters.iter().flat_map(|filter| {
            filter.losses.iter().enumerate().map(|(index, loss)| FilterRow {
                job: name.clone(),
                layer: found.layer.clone(),
                filter: integer(filter.filter),
                step: integer(index + 1),
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
    pub(super) fn heatmap(&mut self, number: usize, found: Heatmap) -> Result<(), ResultsError> {
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

    /// The scores of heatmaps.
    pub(super) fn faithfulness(
        &mut self,
        number: usize,
        scores: Vec<Score>,
    ) -> Result<(), ResultsError> {
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
    pub(super) fn embedding(
        &mut self,
        number: usize,
        found: &Embedding,
    ) -> Result<(), ResultsError> {
        let count = found.labels.iter().max().map_or(0, |last| last + 1);
        let called =
            |class: usize| self.classes.get(class).cloned().unwrap_or_else(|| class.to_string());
        let classes = (0..count).map(|class| {
            let of_class =
                found.points.iter().zip(&found.labels).filter(|(_, label)| **label == class);
            (called(class), of_class.map(|(point, _)| *point).collect())
        });
        let axis = |index: usize, name: &str| match found.explained {
            Some(shares) => {
                format!("{name} component, {:.0}% of the variance", 100.0 * shares[index])
            }
            None => String::new(),
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
        let job = self.name(number);
        let rows = embedding_rows(&job, found, called);
        self.visuals.embedding((&self.folder, &self.run), rows)?;
        let layer = Some(found.layer.clone());
        let about = About { job, layer, value: found.divergence, ..About::default() };
        self.chart(about, &name, &drawn)
    }
}

/// Every image of an embedding; `called` gives the name of a class.
fn embedding_rows(
    job: &str,
    found: &Embedding,
    called: impl Fn(usize) -> String,
) -> Vec<EmbeddingRow> {
    let images = found.images.iter().zip(&found.labels).zip(&found.points);
    let row = |((image, label), [x, y]): ((&PathBuf, &usize), &[f64; 2])| EmbeddingRow {
        job: job.to_owned(),
        method: found.method.to_owned(),
        layer: found.layer.clone(),
        split: found.split.to_owned(),
        image: image.display().to_string(),
        label: called(*label),
        x: *x,
        y: *y,
    };
    images.map(row).collect()
}

/// How sparse the activations of a layer are.
fn sparsity_row(job: String, found: &Activations) -> ActivationRow {
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
            "{}: {}, {} {:.3}",
            file_name(&found.image),
            found.class,
            if found.is_number { "predicted" } else { "probability" },
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
