//! One file, many plans: the members of a sweep.
//!
//! Members are every combination of the grid, the rows of `zip`, the random draws, the folds, and the
//! seeds, in this order, the seeds changing fastest. Each is checked as a file of its own would be. Two that come
//! to the same plan count once.

mod draw;
mod folds;
mod name;
mod setting;

use std::collections::{BTreeMap, HashSet};

use crate::diagnostic::Diagnostics;
use crate::extends::Overwritten;
use crate::file::{self, ExperimentFile};
use crate::fingerprint::fingerprint;
use crate::section::SWEEP;
use crate::section::sweep::{Axis, SweepSection};
use crate::source::SourceText;
use crate::tree::{self, Kind, Node};
use crate::validate::{Checked, validate};
use crate::value::{Located, Plain, Seed};
use crate::{extends, origin};

pub use crate::section::sweep::Halving;
pub(crate) use folds::{Declared, declared};
pub use name::short_names;
use setting::Setting;

/// More members than anybody waits for.
const MOST: usize = 10_000;

/// What makes members.
const PARTS: [&str; 4] = ["grid", "zip", "random", "seeds"];

/// The key that `seeds` changes.
const SEED: [&str; 2] = ["experiment", "seed"];

/// A file that stands for many plans.
#[derive(Debug, Clone)]
pub struct Sweep {
    /// Eight digits of the hash of all its plans: the name of its folder.
    pub id: String,
    /// Its members, in the order in which they run.
    pub members: Vec<Member>,
    /// When the worse members end early.
    pub halving: Option<Halving>,
    /// The dotted keys that it changes.
    pub keys: Vec<String>,
    /// Warnings for the author of the file.
    pub warnings: Diagnostics,
    /// The text that the warnings point into.
    pub source: SourceText,
}

/// One plan of a sweep.
#[derive(Debug, Clone)]
pub struct Member {
    /// Its place in the sweep, from 1.
    pub number: usize,
    /// What tells it from the others: `learning_rate=1e-5, seed=2`.
    pub name: String,
    /// The same without fold and seed: members that share it are repetitions of one setting.
    pub setting: String,
    /// The plan.
    pub checked: Checked,
}

/// Checks every member; `None` where one of them is no plan.
pub(crate) fn resolve(
    file: &mut ExperimentFile,
    declared: &Declared,
    diagnostics: &mut Diagnostics,
) -> Option<Sweep> {
    let section = &declared.section;
    // Wrong keys and types of the file are known by now, and would be said again for every member.
    check_halving(section, diagnostics);
    let settings = settings(declared, &mut file.source, diagnostics)?;
    extends::take(&mut file.tree, SWEEP);
    let keys = keys(&settings);
    let names = Names { keys: &keys, short: short_names(&keys) };
    let mut found: Vec<(String, Diagnostics)> = Vec::new();
    let mut members: Vec<Member> = Vec::new();
    let (mut seen, mut repeated) = (HashSet::new(), 0);
    for of_member in &settings {
        let [name, setting] = [true, false].map(|whole| names.of(of_member, &file.source, whole));
        let mut wrong = Diagnostics::default();
        if let Some(checked) = member(file, of_member, &mut wrong)
            && wrong.errors() == 0
        {
            match seen.insert(fingerprint(&checked.plan)) {
                true => members.push(Member {
                    number: members.len() + 1,
                    name: name.clone(),
                    setting,
                    checked,
                }),
                false => repeated += 1,
            }
        }
        found.push((name, wrong));
    }
    let total = found.len();
    diagnostics.merge(found);
    if repeated > 0 {
        let message = format!("{repeated} of {total} members are the same as another one");
        diagnostics.warning(section.span.clone(), SWEEP, message).help("each runs once");
    }
    let id = id(&members);
    let halving = section.value.halving.as_ref().map(Plain::plain);
    let (warnings, source) = (Diagnostics::default(), file.source.clone());
    Some(Sweep { id, members, halving, keys, warnings, source })
}

/// Eight digits of the hash of all plans.
fn id(members: &[Member]) -> String {
    let mut hasher = blake3::Hasher::new();
    for member in members {
        hasher.update(fingerprint(&member.checked.plan).as_bytes());
    }
    hasher.finalize().to_hex()[..8].to_owned()
}

fn check_halving(section: &Located<SweepSection>, diagnostics: &mut Diagnostics) {
    if let Some(Located { value: halving, span }) = &section.value.halving
        && !halving.present.iter().any(|key| key == "after")
    {
        diagnostics
            .error(span.clone(), "sweep.halving", "`sweep.halving` lacks `after`")
            .label("`after` is missing here")
            .help("`after` is the number of epochs after which members are compared");
    }
}

/// The plan of one member.
fn member(
    file: &ExperimentFile,
    settings: &[Setting],
    diagnostics: &mut Diagnostics,
) -> Option<Checked> {
    let mut file = file.clone();
    for Setting { path, span, value } in settings {
        match tree::put(&mut file.tree, path, span.clone(), value.clone()) {
            Ok(before) => {
                let by = value.span.clone();
                let base = before.map(|before| before.span);
                file.overwritten.extend(base.map(|base| Overwritten { by, base }));
            }
            Err(reason) => {
                let key = path.join(".");
                diagnostics.error(span.clone(), SWEEP, format!("`{key}`: {reason}"));
            }
        }
    }
    let root = file::root(&file.tree, diagnostics);
    let checked = validate(&root, &file.source, diagnostics)?;
    let origins = origin::origins(&checked.plan, &file);
    Some(Checked { origins, ..checked })
}

/// Every combination.
fn settings(
    Declared { section, folds }: &Declared,
    source: &mut SourceText,
    diagnostics: &mut Diagnostics,
) -> Option<Vec<Vec<Setting>>> {
    let SweepSection { grid, zip, random, seeds, .. } = &section.value;
    let mut factors: Vec<Vec<Vec<Setting>>> = Vec::new();
    for axis in grid.iter().flat_map(|grid| &grid.0) {
        let values = axis.values.iter();
        factors.push(values.map(|value| vec![Setting::of(axis, value.clone())]).collect());
    }
    if let Some(zip) = zip {
        factors.push(rows(&zip.0, diagnostics)?);
    }
    let drawn = random.as_ref().map_or(1, |random| random.n);
    let seeds: Vec<Setting> = seeds.iter().flatten().map(seed).collect();
    let counts = factors.iter().map(Vec::len).chain([drawn, seeds.len().max(1)]);
    let counts = counts.chain(folds.as_ref().map(|folds| folds.value));
    let count = counts.fold(1_usize, |all, count| all.saturating_mul(count));
    if count > MOST {
        diagnostics
            .error(section.span.clone(), SWEEP, format!("this sweep has {count} members"))
            .help(format!("a sweep has at most {MOST}"));
        return None;
    }
    if let Some(random) = random {
        factors.push(draw::draws(random, source));
    }
    if let Some(folds) = folds {
        factors.push(folds::settings(folds, source));
    }
    if !seeds.is_empty() {
        factors.push(seeds.into_iter().map(|seed| vec![seed]).collect());
    }
    if folds.is_none() && changes_nothing(&section.value) {
        diagnostics
            .error(section.span.clone(), SWEEP, "this sweep changes nothing")
            .help("give it `grid`, `zip`, `random` or `seeds`");
        return None;
    }
    twice(&factors, diagnostics)?;
    if diagnostics.errors() > 0 && factors.is_empty() {
        return None;
    }
    Some(product(factors))
}

fn changes_nothing(section: &SweepSection) -> bool {
    PARTS.iter().all(|part| !section.present.iter().any(|key| key == part))
}

/// Every combination of a setting of each.
fn product(factors: Vec<Vec<Vec<Setting>>>) -> Vec<Vec<Setting>> {
    let times = |all: Vec<Vec<Setting>>, factor: Vec<Vec<Setting>>| {
        all.iter().flat_map(|head| factor.iter().map(|tail| [&head[..], tail].concat())).collect()
    };
    factors.into_iter().fold(vec![Vec::new()], times)
}

/// The first values of each key, the second, and so on.
fn rows(axes: &[Axis<Vec<Node>>], diagnostics: &mut Diagnostics) -> Option<Vec<Vec<Setting>>> {
    let first = axes.first()?;
    if let Some(other) = axes.iter().find(|axis| axis.values.len() != first.values.len()) {
        let (a, b) = (first.path.join("."), other.path.join("."));
        let (count, others) = (first.values.len(), other.values.len());
        diagnostics
            .error(
                other.span.clone(),
                "sweep.zip",
                format!("`{a}` has {count} values and `{b}` has {others}"),
            )
            .help("`zip` takes the first of each, the second of each, and so on; `grid` combines");
        return None;
    }
    let row = |index: usize| {
        axes.iter().map(|axis| Setting::of(axis, axis.values[index].clone())).collect()
    };
    Some((0..first.values.len()).map(row).collect())
}

fn seed(seed: &Located<Seed>) -> Setting {
    let value = Node { span: seed.span.clone(), kind: Kind::Integer(seed.value.0) };
    Setting { path: SEED.map(str::to_owned).to_vec(), span: seed.span.clone(), value }
}

/// Refuses a key that two parts of the sweep change.
fn twice(factors: &[Vec<Vec<Setting>>], diagnostics: &mut Diagnostics) -> Option<()> {
    let mut seen: BTreeMap<&[String], ()> = BTreeMap::new();
    let firsts = factors.iter().filter_map(|factor| factor.first()).flatten();
    for setting in firsts {
        if seen.insert(&setting.path, ()).is_some() {
            let key = setting.path.join(".");
            let message = format!("two parts of the sweep change `{key}`");
            diagnostics.error(setting.span.clone(), SWEEP, message).help("leave one of them out");
            return None;
        }
    }
    Some(())
}

/// The dotted keys that the sweep changes, those with one value everywhere aside where others are.
fn keys(settings: &[Vec<Setting>]) -> Vec<String> {
    let first = settings.first().into_iter().flatten();
    first.map(|setting| setting.path.join(".")).collect()
}

struct Names<'a> {
    keys: &'a [String],
    short: Vec<String>,
}

impl Names<'_> {
    /// `learning_rate=1e-5, seed=2`; where it is not the `whole` name, without what tells repetitions
    /// apart.
    fn of(&self, settings: &[Setting], source: &SourceText, whole: bool) -> String {
        let repeats = [SEED.join("."), folds::FOLD.join(".")];
        let named = settings.iter().zip(&self.short).zip(self.keys);
        let named = named.filter(|(_, key)| whole || !repeats.contains(key));
        let texts = named.map(|((setting, short), _)| {
            format!("{short}={}", name::shown(&setting.value, source))
        });
        texts.collect::<Vec<_>>().join(", ")
    }
}
