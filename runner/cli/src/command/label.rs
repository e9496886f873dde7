//! `runner tag` and `runner note`: what people say about runs.

use clap::Args;
use runner_experiment::text::visible;
use runner_results::labels::Labels;
use runner_results::load::{self, LoadedRun};

use crate::arguments::ResultsArguments;
use crate::failure::Failure;
use crate::terminal;

/// `tag`
#[derive(Debug, Args)]
pub struct TagArguments {
    /// A run: its id, the start or end of it, or `last`.
    pub run: String,
    /// Words to find it by; without any, its tags are printed.
    #[arg(value_name = "TAG")]
    pub tags: Vec<String>,
    /// Take these tags away instead.
    #[arg(long)]
    pub remove: bool,
    #[command(flatten)]
    pub results: ResultsArguments,
}

/// `note`
#[derive(Debug, Args)]
pub struct NoteArguments {
    /// A run: its id, the start or end of it, or `last`.
    pub run: String,
    /// What is worth remembering, in place of what was there; "" for nothing. Without it the note is
    /// printed.
    pub text: Option<String>,
    #[command(flatten)]
    pub results: ResultsArguments,
}

pub(super) fn tag(arguments: &TagArguments) -> Result<(), Failure> {
    let run = load::find(&arguments.results.results, &arguments.run)?;
    let tags: Vec<&str> = arguments.tags.iter().map(|tag| tag.trim()).collect();
    if tags.contains(&"") {
        return Err(Failure::usage("a tag is a word, not nothing"));
    }
    match (tags.is_empty(), arguments.remove) {
        (true, true) => return Err(Failure::usage("name the tags to remove")),
        (true, false) => {
            for tag in run.tags() {
                terminal::out(&visible(&tag));
            }
            return Ok(());
        }
        (false, true) => remove(&run, &tags)?,
        (false, false) => add(&run, &tags)?,
    }
    let run = load::find(&arguments.results.results, &run.path.to_string_lossy()).unwrap_or(run);
    terminal::out(&format!("{}: {}", run.id, run.tags().join(", ")));
    Ok(())
}

fn add(run: &LoadedRun, tags: &[&str]) -> Result<(), Failure> {
    let (mut labels, known) = (Labels::read(&run.path)?, run.tags());
    for tag in tags {
        if !known.iter().chain(&labels.tags).any(|known| known == tag) {
            labels.tags.push((*tag).to_owned());
        }
    }
    Ok(labels.write(&run.path, &run.id)?)
}

fn remove(run: &LoadedRun, tags: &[&str]) -> Result<(), Failure> {
    let mut labels = Labels::read(&run.path)?;
    let missing: Vec<&str> =
        tags.iter().copied().filter(|tag| !labels.tags.iter().any(|known| known == tag)).collect();
    if let Some(tag) = missing.first() {
        let reason = match run.tags().iter().any(|known| known == tag) {
            true => "is in the experiment file of the run, and stays",
            false => "is none of the tags of the run",
        };
        return Err(Failure::usage(format!("`{tag}` {reason}")));
    }
    labels.tags.retain(|known| !tags.contains(&known.as_str()));
    Ok(labels.write(&run.path, &run.id)?)
}

pub(super) fn note(arguments: &NoteArguments) -> Result<(), Failure> {
    let run = load::find(&arguments.results.results, &arguments.run)?;
    let Some(text) = &arguments.text else {
        match &run.labels.note {
            Some(note) => terminal::out(note),
            None => terminal::note(&format!("run {} has no note", run.id)),
        }
        return Ok(());
    };
    let text = text.trim();
    let note = (!text.is_empty()).then(|| text.to_owned());
    let labels = Labels { note, ..Labels::read(&run.path)? };
    Ok(labels.write(&run.path, &run.id)?)
}
