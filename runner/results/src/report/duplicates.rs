//! The page of `dataset check`: pictures that are in several places, or look alike, side by side.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use runner_record::Place;
use serde::Serialize;

use super::thumbnail::{self, Thumbnail};
use super::{engine, parallel};
use crate::{ResultsError, atomic};

/// Groups of a section that are shown.
const SHOWN: usize = 200;
/// Pictures of a group that are shown.
const PICTURES: usize = 12;
/// Width and height of a thumbnail, at most.
const SIDE: u32 = 200;

/// Pictures that are one, or look like one.
#[derive(Debug, Clone, PartialEq)]
pub struct Group {
    /// Where they are.
    pub places: Vec<Place>,
    /// How alike they are, in words.
    pub note: String,
}

/// Groups of one kind.
#[derive(Debug, Clone, PartialEq)]
pub struct GroupSection {
    /// What they have in common.
    pub title: String,
    /// All of them; the page shows the first ones.
    pub groups: Vec<Group>,
}

#[derive(Serialize)]
struct Page {
    title: String,
    sections: Vec<Section>,
}

#[derive(Serialize)]
struct Section {
    title: String,
    count: usize,
    groups: Vec<Shown>,
}

#[derive(Serialize)]
struct Shown {
    note: String,
    /// Pictures that are not shown.
    more: usize,
    pictures: Vec<Picture>,
}

#[derive(Serialize)]
struct Picture {
    path: String,
    split: &'static str,
    class: String,
    /// None where it cannot be read any more.
    picture: Option<Thumbnail>,
}

/// Writes the page to `file`; it appears whole or not at all.
///
/// # Errors
///
/// [`ResultsError::Report`] or [`ResultsError::Write`].
pub fn write_duplicates(
    file: &Path,
    title: &str,
    mut sections: Vec<GroupSection>,
) -> Result<(), ResultsError> {
    let counts: Vec<usize> = sections.iter().map(|section| section.groups.len()).collect();
    sections.iter_mut().for_each(|section| section.groups.truncate(SHOWN));
    let thumbnails = Thumbnails::of(&sections);
    let sections = sections.into_iter().zip(counts).filter(|(_, count)| *count > 0);
    let page = Page {
        title: title.to_owned(),
        sections: sections.map(|(section, count)| shown(section, count, &thumbnails)).collect(),
    };
    atomic::write(file, engine::render("duplicates.html", &page)?.as_bytes())
}

fn shown(section: GroupSection, count: usize, thumbnails: &Thumbnails) -> Section {
    let group = |group: Group| Shown {
        note: group.note,
        more: group.places.len().saturating_sub(PICTURES),
        pictures: group.places.into_iter().take(PICTURES).map(|p| picture(p, thumbnails)).collect(),
    };
    Section { title: section.title, count, groups: section.groups.into_iter().map(group).collect() }
}

fn picture(place: Place, thumbnails: &Thumbnails) -> Picture {
    Picture {
        picture: thumbnails.get(&place.path),
        path: place.path.display().to_string(),
        split: place.split,
        class: place.class,
    }
}

/// Each picture is read once, in however many groups it is.
struct Thumbnails {
    paths: Vec<PathBuf>,
    pictures: Vec<Option<Thumbnail>>,
}

impl Thumbnails {
    fn of(sections: &[GroupSection]) -> Self {
        let groups = sections.iter().flat_map(|section| &section.groups);
        let places = groups.flat_map(|group| group.places.iter().take(PICTURES));
        let paths: BTreeSet<PathBuf> = places.map(|place| place.path.clone()).collect();
        let paths: Vec<PathBuf> = paths.into_iter().collect();
        let read = parallel::map(&paths, |path| thumbnail::of_file(path, SIDE));
        Self { paths, pictures: read.into_iter().map(Option::flatten).collect() }
    }

    fn get(&self, path: &Path) -> Option<Thumbnail> {
        let index = self.paths.binary_search_by(|known| known.as_path().cmp(path)).ok()?;
        self.pictures[index].clone()
    }
}
