//! `runner cache`: what is kept, and what may go.

use std::time::SystemTime;

use clap::Subcommand;
use runner_learn::feature_cache::FORMAT;
use runner_learn::feature_cache::store::{self, Stored};

use crate::environment::{cache as cache_folder, show_size};
use crate::failure::Failure;
use crate::terminal;

/// `cache`
#[derive(Debug, Subcommand)]
pub enum CacheCommand {
    /// List cached features, most recently used first.
    List,
    /// Remove cached features, least recently used first.
    Prune {
        /// How much may stay, such as 5GiB; 0 removes everything that no run is using.
        #[arg(long, value_name = "SIZE", default_value = "0", value_parser = crate::environment::parse_size)]
        max_size: u64,
    },
}

pub(super) fn cache(command: &CacheCommand) -> Result<(), Failure> {
    let root = cache_folder();
    match command {
        CacheCommand::List => {
            let stored = store::list(&root);
            let bytes: u64 = stored.iter().map(|stored| stored.bytes).sum();
            if !stored.is_empty() {
                show(&stored);
            }
            let place = store::features(&root);
            terminal::out(&format!("{} of features in {}", show_size(bytes), place.display()));
        }
        CacheCommand::Prune { max_size } => {
            let pruned = store::prune(&root, *max_size)?;
            let bytes: u64 = pruned.iter().map(|stored| stored.bytes).sum();
            if !pruned.is_empty() {
                show(&pruned);
            }
            terminal::out(&format!("removed {}", show_size(bytes)));
        }
    }
    Ok(())
}

fn show(stored: &[Stored]) {
    let header = [
        "key",
        "output of",
        "shape",
        "image size",
        "preprocessing",
        "precision",
        "device",
        "images",
        "size",
        "last used",
    ];
    let rows = stored.iter().map(row).collect();
    terminal::out_table(&header, rows);
}

fn row(stored: &Stored) -> Vec<String> {
    let mut row = vec![stored.key.chars().take(12).collect()];
    match &stored.description {
        Some(about) if stored.format == FORMAT => {
            let [height, width] = about.image_size;
            row.extend([
                about.layer.clone(),
                about.shape.clone(),
                format!("{height}x{width}"),
                about.preprocessing.clone(),
                about.precision.to_string(),
                about.device.clone(),
            ]);
        }
        about => {
            let layer = about.as_ref().map_or(String::new(), |about| format!("{}: ", about.layer));
            row.push(format!("{layer}format {}, this version reads {FORMAT}", stored.format));
            row.extend(std::iter::repeat_n(String::new(), 5));
        }
    }
    row.extend([stored.images.to_string(), show_size(stored.bytes), ago(stored.last_used)]);
    row
}

fn ago(moment: SystemTime) -> String {
    match moment.elapsed() {
        Ok(elapsed) => format!("{} ago", indicatif::HumanDuration(elapsed)),
        Err(_) => "just now".to_owned(),
    }
}
