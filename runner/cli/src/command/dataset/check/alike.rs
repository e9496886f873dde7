//! Pictures that look alike, said and put on a page.

use runner_data::Interrupt;
use runner_data::alike::{self, Alike};
use runner_data::scan::ScannedSplit;
use runner_experiment::text::{shown, visible};
use runner_record::{Duplicate, Event};
use runner_results::report::{Group, GroupSection};

use crate::failure::Failure;
use crate::progress::Counters;
use crate::terminal;

/// How many pairs are shown by name.
const SHOWN: usize = 10;

/// Whether a pair, or a picture in several places, is of a kind.
type IsKind<T> = fn(&T) -> bool;

/// What pairs of pictures that look alike are, the worst first.
const KINDS: [(&str, IsKind<Alike>); 3] = [
    ("look alike and have different labels", Alike::is_contradiction),
    ("look alike across splits", |pair| pair.is_leak() && !pair.is_contradiction()),
    ("look alike within a split", |pair| !pair.is_leak() && !pair.is_contradiction()),
];

pub(super) fn find(
    scanned: &[ScannedSplit],
    distance: u32,
    interrupt: &Interrupt,
) -> Result<Vec<Alike>, Failure> {
    let mut counters = Counters::default();
    let found = alike::pairs(scanned, distance, interrupt, &mut |event| {
        if let Event::Progress { phase, done, total } = event {
            counters.set(&phase, done, total);
        }
    });
    counters.clear();
    Ok(found?)
}

/// Counts, and the first of each kind.
pub(super) fn say(found: &[Alike], distance: u32) {
    for (kind, is_kind) in KINDS {
        let pairs: Vec<&Alike> = found.iter().filter(|pair| is_kind(pair)).collect();
        terminal::out(&format!("\npairs that {kind}: {}", pairs.len()));
        for pair in pairs.iter().take(SHOWN) {
            terminal::out(&format!("  {}", line(pair)));
        }
        if pairs.len() > SHOWN {
            let rest = pairs.len() - SHOWN;
            terminal::out(&format!("  and {rest} more; `--page FILE.html` shows them"));
        }
    }
    if !found.is_empty() {
        terminal::note(&format!(
            "\npictures look alike where at most {distance} of the 64 bits of their perceptual hashes \
             differ and their small grey pictures correlate; look at them before you remove any"
        ));
    }
}

/// `train/cats/a.jpg ~ test/dogs/b.jpg (cats, dogs; 4 bits)`
fn line(pair: &Alike) -> String {
    let [a, b] = &pair.places;
    let classes = match pair.is_contradiction() {
        true => format!("{}, {}; ", visible(&a.class), visible(&b.class)),
        false => String::new(),
    };
    let bits = if pair.distance == 1 { "bit" } else { "bits" };
    format!("{} ~ {} ({classes}{} {bits})", shown(&a.path), shown(&b.path), pair.distance)
}

/// Copies of the same bytes for the page.
pub(super) fn copies(found: &[Duplicate]) -> Vec<GroupSection> {
    let kinds: [(&str, IsKind<Duplicate>); 3] = [
        ("Copies with different labels", Duplicate::is_contradiction),
        ("Copies in several splits", |d| d.is_leak() && !d.is_contradiction()),
        ("Copies within a split", |d| !d.is_leak() && !d.is_contradiction()),
    ];
    let group = |duplicate: &Duplicate| Group {
        places: duplicate.places.clone(),
        note: "The same bytes".to_owned(),
    };
    let section = |(title, is_kind): (&str, IsKind<Duplicate>)| GroupSection {
        title: title.to_owned(),
        groups: found.iter().filter(|found| is_kind(found)).map(group).collect(),
    };
    kinds.into_iter().map(section).collect()
}

/// Pictures that look alike for the page.
pub(super) fn sections(found: &[Alike]) -> Vec<GroupSection> {
    let group = |pair: &Alike| Group {
        places: pair.places.to_vec(),
        note: format!("{} of 64 bits differ, correlation {:.3}", pair.distance, pair.correlation),
    };
    let section = |(kind, is_kind): (&str, IsKind<Alike>)| GroupSection {
        title: format!("Pictures that {kind}"),
        groups: found.iter().filter(|pair| is_kind(pair)).map(group).collect(),
    };
    KINDS.into_iter().map(section).collect()
}
