//! How often the verdicts of `runner diff` are right, measured on real predictions.
//!
//!     cargo run --release --example significance -- RESULTS EXPERIMENT [WORSE BETTER]
//!
//! EXPERIMENT has at least ten finished runs that differ in their seed alone. Pairs from it have no
//! true difference, and one of two points once answers have been changed. WORSE and BETTER are two
//! experiments that truly differ. Every number is the same in every run of this program.
#![allow(clippy::print_stdout, clippy::print_stderr)]

mod predictions;
mod simulate;
mod synthetic;
mod theory;

use std::path::Path;
use std::process::ExitCode;

use predictions::Setting;
use simulate::{Change, Images, Simulation};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let names: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let [results, experiment, others @ ..] = names.as_slice() else {
        eprintln!("usage: significance RESULTS EXPERIMENT [WORSE BETTER]");
        return ExitCode::from(2);
    };
    let setting = Setting::read(Path::new(results), experiment);
    if setting.test.len() < 2 {
        eprintln!("{experiment} has {} seeds, at least two are needed", setting.test.len());
        return ExitCode::from(2);
    }
    println!("{}", setting.describe());
    no_difference(&setting);
    two_points(&setting);
    if let [worse, better] = others {
        let [worse, better] = [worse, better].map(|name| Setting::read(Path::new(results), name));
        println!("\n{}\n{}", worse.describe(), better.describe());
        real_difference(&worse, &better);
    }
    synthetic::print();
    ExitCode::SUCCESS
}

/// How many seeds a comparison takes from a setting for each side.
fn sizes(setting: &Setting) -> Vec<usize> {
    [1, 2, 3, 5].into_iter().filter(|seeds| 2 * seeds <= setting.test.len()).collect()
}

fn no_difference(setting: &Setting) {
    println!(
        "\nno difference: 1,000 pairs of groups of one setting, seeds drawn without replacement"
    );
    for images in [Images::Resampled, Images::Subset] {
        println!("{}", images.describe());
        for seeds in sizes(setting) {
            Simulation { seeds, images, change: Change::None }.run(setting, setting).print();
        }
    }
}

fn two_points(setting: &Setting) {
    println!("\na difference of two points: 1,000 pairs of one setting, answers of A made worse");
    for change in [Change::SameImages, Change::BothWays, Change::OwnImages] {
        println!("{}", change.describe());
        for images in [Images::Resampled, Images::Subset] {
            println!("  {}", images.describe());
            for seeds in sizes(setting) {
                Simulation { seeds, images, change }.run(setting, setting).print();
            }
        }
    }
}

fn real_difference(worse: &Setting, better: &Setting) {
    println!("two settings that differ: 1,000 pairs, images resampled");
    let most = worse.test.len().min(better.test.len());
    for seeds in [1, 2, 3, 5].into_iter().filter(|seeds| *seeds <= most) {
        let (images, change) = (Images::Resampled, Change::None);
        Simulation { seeds, images, change }.run(worse, better).print();
    }
}
