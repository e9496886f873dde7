//! `runner weights`: fetch, import, list.

use clap::Subcommand;
use runner_network::weights::{self as model_weights, Source};

use crate::environment::show_size;
use crate::failure::Failure;
use crate::fetch::{stored, weights};
use crate::{signals, terminal};

/// `weights`
#[derive(Debug, Subcommand)]
pub enum WeightsCommand {
    /// Download published weights.
    Fetch {
        /// `imagenet` (VGG16's conv base), `imagenet_top` (with its classifier, 528 MB),
        /// `imagenet_resnet50`, `imagenet_resnet50_top`, …: a name that is not known lists them.
        #[arg(default_value = "imagenet")]
        name: String,
    },
    /// Put a file at hand (.h5, .keras, .pth, .ckpt, .safetensors, .onnx) into the cache.
    Import {
        /// The file; `FILE#PART` takes the tensors below PART of a checkpoint that has several sets.
        file: String,
        /// The value that `weights = "NAME"` will have; `imagenet` takes the place of a download.
        #[arg(long = "as", value_name = "NAME")]
        name: String,
    },
    /// List the weights in the cache.
    List,
}

pub(super) fn weights(command: WeightsCommand) -> Result<(), Failure> {
    match command {
        WeightsCommand::Fetch { name } => {
            let interrupt = signals::interrupt()?;
            let place = weights::fetch(&name, &interrupt)?;
            terminal::out(&format!("{name}: {}", place.display()));
            Ok(())
        }
        WeightsCommand::Import { file, name } => {
            let interrupt = signals::interrupt()?;
            let source = weights::with_base(Source::parse(&file), (false, &interrupt))?;
            import(&source, &name)
        }
        WeightsCommand::List => list(),
    }
}

fn import(source: &Source, name: &str) -> Result<(), Failure> {
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if name.is_empty() || name == "random" || !name.chars().all(fits) {
        return Err(Failure::usage(format!(
            "`{name}` cannot be the name of weights; use letters, digits, `-` and `_`, and not `random`"
        )));
    }
    let loaded = stored::load(source)?;
    stored::save(&loaded, name, &source.to_string())?;
    terminal::out(&format!(
        "{name}: {}, {}\nSHA-256 of the tensors {}\nuse it with weights = \"{name}\"",
        loaded.architecture,
        loaded.notes.join("; "),
        model_weights::sha256(&loaded.weights)
    ));
    Ok(())
}

fn list() -> Result<(), Failure> {
    let names = stored::names();
    if names.is_empty() {
        terminal::note(
            "there are no weights in the cache; `runner weights fetch` brings ImageNet's",
        );
        return Ok(());
    }
    let mut rows = Vec::new();
    for name in names {
        let place = stored::place(&name);
        let size = std::fs::metadata(&place)?.len();
        rows.push(vec![name, show_size(size), place.display().to_string()]);
    }
    terminal::out_table(&["name", "size", "file"], rows);
    Ok(())
}
