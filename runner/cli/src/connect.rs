//! Connects the event stream to the run's tables, its log and the terminal.

use runner_experiment::Checked;
use runner_experiment::text::shown;
use runner_learn::data::scan::BadImage;
use runner_learn::event::{EarlyStop, EpochRecord, LayerState, Prediction, Reason};
use runner_learn::{Event, Interrupt};
use runner_results::ResultsError;
use runner_results::tables::{EpochRow, LayerRow, PredictionRow};
use runner_results::writer::RunWriter;

use crate::draw::Drawer;
use crate::images;
use crate::progress::Counters;
use crate::terminal;

/// Takes events and passes them on. The first table that cannot be written is kept as the error
/// of the run.
pub struct Connection<'a> {
    writer: &'a mut RunWriter,
    classes: &'a [String],
    drawer: Drawer,
    counters: Counters,
    interrupt: Interrupt,
    /// What comes was said before, by an earlier process.
    replaying: bool,
    /// Whether it was said that features cannot be kept.
    not_kept: bool,
    /// Images left out so far.
    pub skipped: Vec<BadImage>,
    /// Why a table could not be written.
    pub failed: Option<ResultsError>,
}

impl<'a> Connection<'a> {
    /// Nothing seen yet.
    pub fn new(writer: &'a mut RunWriter, checked: &'a Checked, interrupt: Interrupt) -> Self {
        let (classes, jobs) = (&checked.classes[..], &checked.plan.visualize);
        let drawer = Drawer::new([writer.folder(); 2], writer.id(), jobs, classes);
        Self {
            writer,
            classes,
            drawer,
            counters: Counters::default(),
            interrupt,
            replaying: false,
            not_kept: false,
            skipped: Vec::new(),
            failed: None,
        }
    }

    /// Takes one event.
    pub fn take(&mut self, event: Event) {
        let written = self.pass_on(event);
        if let Err(error) = written {
            tracing::error!("{error}");
            self.failed.get_or_insert(error);
            // Training on would only compute what cannot be kept.
            self.interrupt.request();
        }
    }

    /// Takes every progress bar away.
    pub fn finish(&mut self) {
        self.counters.clear();
    }

    fn pass_on(&mut self, event: Event) -> Result<(), ResultsError> {
        match event {
            Event::Progress { phase, done, total } => self.counters.set(&phase, done, total),
            Event::Dataset { images, hash } => {
                tracing::info!(?images, hash, "dataset");
                return self.writer.dataset(images.map(|count| count.map(integer)), hash);
            }
            Event::Skipped(bad) => self.skip(bad),
            Event::Narrow(narrow) => images::show_narrow(&narrow),
            Event::Duplicates(found) => images::show_duplicates(&found),
            Event::Weights { source, notes } => {
                tracing::info!(source, ?notes, "weights");
                terminal::note(&format!("weights of {source}: {}", notes.join("; ")));
            }
            Event::Model { weights_sha256, parameters } => {
                tracing::info!(weights_sha256, parameters, "model");
                return self.writer.model(weights_sha256, integer(parameters));
            }
            Event::Features { split, cached, computed, seconds, model_seconds } => {
                tracing::info!(split, cached, computed, seconds, model_seconds, "features");
                terminal::note(&format!(
                    "features of {split}: {computed} computed, {cached} from the cache, {seconds:.1} s"
                ));
            }
            Event::NotKept { split, reason } => self.not_kept(split, &reason),
            Event::Stage { stage, layers, trainable_parameters } => {
                return self.stage(&stage, layers, trainable_parameters);
            }
            Event::Epoch(record) => return self.epoch(record),
            Event::EarlyStop(stop) => self.early_stop(&stop),
            Event::Replay => self.replaying = true,
            Event::Resumed { stage, epochs, steps } => self.resumed(&stage, epochs, steps),
            Event::Kept { global_epoch } => return self.writer.kept(integer(global_epoch)),
            Event::Evaluated { split, loss, accuracy, predictions } => {
                return self.evaluated(split, loss, accuracy, predictions);
            }
            Event::Written(path) => tracing::info!(path = %path.display(), "written"),
            event => return draw(&mut self.drawer, event),
        }
        Ok(())
    }

    /// Said once.
    fn not_kept(&mut self, split: &str, reason: &str) {
        tracing::info!(split, reason, "features are not kept");
        if !std::mem::replace(&mut self.not_kept, true) {
            terminal::warning(&format!("features cannot be kept for later runs: {reason}"));
        }
    }

    fn resumed(&mut self, stage: &str, epochs: usize, steps: usize) {
        self.replaying = false;
        tracing::info!(stage, epochs, steps, "resumed");
        let plural = |count: usize| if count == 1 { "" } else { "s" };
        terminal::note(&format!(
            "stage {stage}: resumes after {epochs} epoch{} and {steps} step{}",
            plural(epochs),
            plural(steps)
        ));
    }

    fn stage(
        &mut self,
        stage: &str,
        layers: Vec<LayerState>,
        trainable: usize,
    ) -> Result<(), ResultsError> {
        if !self.replaying {
            tracing::info!(stage, trainable, "stage");
            terminal::note(&format!("stage {stage}: training {trainable} parameters"));
        }
        let rows = layers.into_iter().map(|layer| layer_row(stage, layer)).collect();
        self.writer.stage(rows, integer(trainable))
    }

    fn early_stop(&self, stop: &EarlyStop) {
        let EarlyStop { stage, epoch, best_epoch, restored, reason } = stop;
        if !self.replaying {
            tracing::info!(stage, epoch, best_epoch, restored, ?reason, "early stop");
            let late = if *reason == Reason::Minutes { ", time limit reached" } else { "" };
            let best = best_epoch.map_or(String::new(), |best| format!(", best was epoch {best}"));
            let back = if *restored { ", its parameters are back" } else { "" };
            terminal::note(&format!(
                "stage {stage}: stopped after epoch {epoch}{late}{best}{back}"
            ));
        }
    }

    fn epoch(&mut self, record: EpochRecord) -> Result<(), ResultsError> {
        if self.replaying {
            return self.writer.epoch(epoch_row(record));
        }
        tracing::info!(
            stage = record.stage,
            epoch = record.epoch,
            train_loss = record.train_loss,
            validation_loss = record.validation_loss,
            validation_accuracy = record.validation_accuracy,
            duration_s = record.duration_s,
            "epoch"
        );
        terminal::note(&format!(
            "{} epoch {:>width$}/{}: loss {:.4}, accuracy {:.4}; validation loss {:.4}, accuracy {:.4}; {:.2} s",
            record.stage,
            record.epoch,
            record.epochs,
            record.train_loss,
            record.train_accuracy,
            record.validation_loss,
            record.validation_accuracy,
            record.duration_s,
            width = record.epochs.to_string().len(),
        ));
        self.writer.epoch(epoch_row(record))
    }

    fn evaluated(
        &mut self,
        split: &str,
        loss: f64,
        accuracy: f64,
        predictions: Vec<Prediction>,
    ) -> Result<(), ResultsError> {
        tracing::info!(split, loss, accuracy, "evaluated");
        let row = |prediction| prediction_row(split, self.classes, prediction);
        let mut rows: Vec<PredictionRow> = predictions.into_iter().map(row).collect();
        rows.sort_by(|a, b| a.path.cmp(&b.path));
        self.writer.evaluated(split, loss, accuracy, rows)
    }

    fn skip(&mut self, bad: Vec<BadImage>) {
        images::show_skipped(&bad);
        for image in &bad {
            tracing::info!(path = shown(&image.path), problem = %image.problem, "skipped image");
        }
        self.skipped.extend(bad);
    }
}

/// Takes the events of pictures alone.
pub struct Pictures {
    drawer: Drawer,
    counters: Counters,
    interrupt: Interrupt,
    failed: Option<ResultsError>,
}

impl Pictures {
    /// Nothing seen yet.
    pub fn new(drawer: Drawer, interrupt: Interrupt) -> Self {
        Self { drawer, counters: Counters::default(), interrupt, failed: None }
    }

    /// Takes one event.
    pub fn take(&mut self, event: Event) {
        if let Event::Progress { phase, done, total } = event {
            self.counters.set(&phase, done, total);
        } else if let Err(error) = draw(&mut self.drawer, event) {
            self.failed.get_or_insert(error);
            // What cannot be kept need not be computed.
            self.interrupt.request();
        }
    }

    /// Takes every progress bar away; why a picture could not be written.
    ///
    /// # Errors
    ///
    /// The first one.
    pub fn finish(&mut self) -> Result<(), ResultsError> {
        self.counters.clear();
        self.failed.take().map_or(Ok(()), Err)
    }
}

/// Passes on what visualize jobs found.
pub fn draw(drawer: &mut Drawer, event: Event) -> Result<(), ResultsError> {
    match event {
        Event::Drawn { number } => {
            match drawer.drawn(number) {
                // A disk that is full ends the run, which can go on later; a picture that cannot be
                // drawn spares it, as any other job that fails.
                Err(error @ (ResultsError::Write { .. } | ResultsError::Table { .. })) => {
                    Err(error)
                }
                Err(error) => {
                    job_failed(number, "picture", &error.to_string());
                    Ok(())
                }
                Ok(()) => Ok(()),
            }
        }
        Event::JobFailed { number, job, reason } => {
            job_failed(number, job, &reason);
            Ok(())
        }
        Event::Activations { number, activations } => drawer.activations(number, &activations),
        Event::Filters { number, found } => drawer.filters(number, found),
        Event::Heatmap { number, heatmap } => drawer.heatmap(number, heatmap),
        Event::Faithfulness { number, scores } => drawer.faithfulness(number, scores),
        Event::Embedding { number, embedding } => drawer.embedding(number, &embedding),
        _ => Ok(()),
    }
}

fn job_failed(number: usize, job: &str, reason: &str) {
    tracing::warn!(number, job, reason, "visualize job failed");
    terminal::warning(&format!("visualize job {number} ({job}) failed: {reason}"));
}

pub fn integer(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn layer_row(stage: &str, layer: LayerState) -> LayerRow {
    LayerRow {
        stage: stage.to_owned(),
        layer: layer.layer,
        kind: layer.kind.to_owned(),
        output_shape: layer.output_shape,
        parameters: integer(layer.parameters),
        trainable: layer.trainable,
    }
}

fn epoch_row(record: EpochRecord) -> EpochRow {
    EpochRow {
        stage: record.stage,
        epoch: integer(record.epoch),
        global_epoch: integer(record.global_epoch),
        train_loss: record.train_loss,
        train_accuracy: record.train_accuracy,
        validation_loss: record.validation_loss,
        validation_accuracy: record.validation_accuracy,
        learning_rate: record.learning_rate,
        duration_s: record.duration_s,
        images_per_s: record.images_per_s,
        waiting_s: record.waiting_s,
    }
}

fn prediction_row(split: &str, classes: &[String], prediction: Prediction) -> PredictionRow {
    let name = |class: usize| classes.get(class).cloned().unwrap_or_default();
    PredictionRow {
        split: split.to_owned(),
        path: prediction.path.display().to_string(),
        label: name(prediction.label),
        predicted: name(prediction.predicted),
        correct: prediction.label == prediction.predicted,
        loss: prediction.loss,
        logits: prediction.logits,
        probabilities: prediction.probabilities,
    }
}
