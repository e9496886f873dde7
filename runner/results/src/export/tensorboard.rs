//! A folder that TensorBoard reads: `DIR/<experiment>/<run id>/`.
//!
//! TensorBoard draws one tag of several runs into one chart. So training, validation and test are
//! runs of their own below that of the run, as Keras's callback makes them: `train/` and `validation/`
//! share the charts `loss` and `accuracy`. The run itself holds learning rate, speed and pictures, and
//! what the HPARAMS tab shows.

mod pictures;
mod proto;
mod records;

use std::path::{Path, PathBuf};

use prost::Message;

use crate::ResultsError;
use crate::export::{Content, make_folder, write};
use proto::{Event, Value, event, events, seconds};

/// TensorBoard reads every file with `tfevents` in its name. One name, so that a run that is exported
/// again replaces its file.
const FILE: &str = "events.out.tfevents.runner";

/// Splits with a folder of their own, by the prefix of their columns.
const SPLITS: [&str; 3] = ["train", "validation", "test"];

/// Writes a run; returns its folder.
///
/// # Errors
///
/// [`ResultsError`] where a file cannot be read or written.
pub fn export(content: &Content<'_>, logs: &Path) -> Result<PathBuf, ResultsError> {
    let folder = logs.join(&content.run.experiment).join(&content.run.id);
    for split in SPLITS {
        let events = scalars(content, Some(split));
        if !events.is_empty() {
            put(&folder.join(split), content, events)?;
        }
    }
    let mut events = vec![event(content.started, 0, proto::session_start(content))];
    events.extend(scalars(content, None));
    events.extend(pictures::events(content)?);
    if content.ended.is_some() {
        let end = proto::session_end(content);
        events.push(event(content.last_moment(), content.last_step(), end));
    }
    put(&folder, content, events)?;
    Ok(folder)
}

/// Writes the one file of a folder.
fn put(folder: &Path, content: &Content<'_>, events: Vec<Event>) -> Result<(), ResultsError> {
    make_folder(folder)?;
    let version = Event {
        wall_time: seconds(content.started),
        file_version: Some("brain.Event:2".to_owned()),
        ..Event::default()
    };
    let mut bytes = Vec::new();
    for event in std::iter::once(version).chain(events) {
        records::append(&mut bytes, &event.encode_to_vec());
    }
    write(&folder.join(FILE), &bytes)
}

/// The numbers of a split, or those that belong to none: per epoch, and at the end what the tables say
/// of the whole run.
fn scalars(content: &Content<'_>, split: Option<&str>) -> Vec<Event> {
    let mut all = Vec::new();
    for epoch in &content.epochs {
        let values: Vec<Value> = of_split(&epoch.values, split).collect();
        if !values.is_empty() {
            all.push(events(epoch.time, epoch.step, values));
        }
    }
    if split == Some("test") {
        let values: Vec<Value> = of_split(&content.scores, split).collect();
        if !values.is_empty() {
            all.push(events(content.last_moment(), content.last_step(), values));
        }
    }
    all
}

/// `validation_loss` of the split `validation` is `loss`.
fn of_split<'a>(
    numbers: &'a [(String, f64)],
    split: Option<&'a str>,
) -> impl Iterator<Item = Value> + 'a {
    numbers.iter().filter_map(move |(name, number)| {
        let found = SPLITS.iter().find_map(|split| {
            let metric = name.strip_prefix(split)?.strip_prefix('_')?;
            (metric != "images").then_some((*split, metric))
        });
        match (found, split) {
            (Some((of, metric)), Some(split)) if of == split => {
                Some(proto::scalar(metric, *number))
            }
            (None, None) => Some(proto::scalar(name, *number)),
            _ => None,
        }
    })
}
