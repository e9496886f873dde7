//! `runner init`: an experiment to begin with, one of those that come with the program or one for a
//! folder of photos or a table of labels.

mod choice;
mod folder;
mod found;
mod layout;
mod paths;
mod shipped;
mod table;
mod text;

use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use runner_experiment::text::shown;

use crate::failure::Failure;
use crate::{diagnostics, signals, terminal};

use choice::{Choice, Weights};
use folder::Photos;

/// `init`
#[derive(Debug, Args)]
pub struct InitArguments {
    /// An experiment that comes with the program; without one and without `--data`, they are listed.
    #[arg(conflicts_with = "data")]
    pub name: Option<String>,
    /// Photos to write an experiment for: a folder with one folder per class, or with train, validation
    /// and test with one folder per class in each; or a table of labels (CSV, TSV, Parquet, JSON lines).
    #[arg(long, value_name = "DIR|TABLE")]
    pub data: Option<PathBuf>,
    /// The column of the table that is learned; said again for each further one, where labels or numbers
    /// have a column each. Default: what is called `label`, or the only one that it can be.
    #[arg(long, value_name = "COLUMN", requires = "data")]
    pub label: Vec<String>,
    /// The file to write. Default: the name of the experiment with `.toml`.
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

pub(super) fn init(arguments: &InitArguments) -> Result<(), Failure> {
    match (&arguments.name, &arguments.data) {
        (Some(name), _) => write_shipped(name, arguments.out.as_deref()),
        (None, Some(data)) => write_for(data, &arguments.label, arguments.out.as_deref()),
        (None, None) if arguments.out.is_some() => Err(Failure::usage(
            "`--out` needs an experiment to write: `runner init NAME --out FILE`, or `--data DIR|TABLE`",
        )),
        (None, None) => {
            list();
            Ok(())
        }
    }
}

fn list() {
    let row = |name: &str, text| vec![name.to_owned(), shipped::question(text)];
    let rows = shipped::SHIPPED.iter().map(|(name, text)| row(name, text)).collect();
    terminal::out_table(&["experiment", "question"], rows);
    terminal::note(
        "\n`runner init NAME` writes one of them to NAME.toml\n\
         `runner init --data photos` writes one for a folder of your own, `--data labels.csv` for a table",
    );
}

fn write_shipped(name: &str, out: Option<&Path>) -> Result<(), Failure> {
    let text = shipped::find(name)?;
    let file = out.map_or_else(|| PathBuf::from(format!("{name}.toml")), Path::to_path_buf);
    write(&file, &shipped::as_written(text))?;
    terminal::out(&format!("{}: the experiment {name}", shown(&file)));
    if let Some(base) = shipped::base(text) {
        let (name, text) = base?;
        let beside = file.with_file_name(format!("{name}.toml"));
        match beside.exists() {
            true => terminal::note(&format!("it extends {}, which is there", shown(&beside))),
            false => {
                write(&beside, &shipped::as_written(text))?;
                terminal::out(&format!("{}: the experiment that it extends", shown(&beside)));
            }
        }
    }
    say_next(&file, "");
    Ok(())
}

fn write_for(data: &Path, labels: &[String], out: Option<&Path>) -> Result<(), Failure> {
    let layout = layout::look(data, labels)?;
    let name = layout::experiment_name(data);
    let file = out.map_or_else(|| PathBuf::from(format!("{name}.toml")), Path::to_path_buf);
    // Before photos are read, which may take a while.
    if file.symlink_metadata().is_ok() {
        return Err(is_there(&file));
    }
    let photos = Photos::look(&layout, &signals::interrupt()?)?;
    let choice = Choice::of(&photos);
    let text = text::text(&name, &photos, &choice);
    let checked = runner_experiment::load_text(&shown(&file), &text, &[])?;
    write(&file, &text)?;
    diagnostics::show_warnings(&checked);
    terminal::out(&format!(
        "{}: the experiment {name}, {} images of {}, {}",
        shown(&file),
        photos.images(),
        found::learned(&photos),
        choice.architecture
    ));
    let note = match choice.weights {
        Weights::AtHand => String::new(),
        Weights::Published(published) => format!(
            "\nthe first run fetches the weights; `runner weights fetch {published}` does it before"
        ),
    };
    say_next(&file, &note);
    Ok(())
}

/// Never over a file that is there.
fn write(file: &Path, text: &str) -> Result<(), Failure> {
    let made = std::fs::File::options().write(true).create_new(true).open(file);
    match made.and_then(|mut open| open.write_all(text.as_bytes())) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Err(is_there(file)),
        Err(error) => Err(Failure::usage(format!("cannot write {}: {error}", shown(file)))),
    }
}

fn is_there(file: &Path) -> Failure {
    Failure::usage(format!(
        "{} is there already, and nothing is written over it; remove it, or say `--out FILE`",
        shown(file)
    ))
}

fn say_next(file: &Path, note: &str) {
    let file = shown(file);
    let file = match file.contains([' ', '\'', '"', '$', '(', '&', ';']) {
        true => format!("'{}'", file.replace('\'', "'\\''")),
        false => file,
    };
    terminal::out(&format!(
        "next:\n  runner check {file}\n  runner run {file}\n  runner report last{note}"
    ));
}
