//! The boxes that an AVIF is made of (ISO 14496-12, ISO 23008-12): which items there are, where their
//! data lie, what is said about them. Nothing here decodes.
//!
//! Every length comes from the file, so bytes are only taken through [`Bytes`], which never goes
//! past an end.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::problem::ImageProblem;

/// What a box or an item is, in four letters.
pub(super) type Kind = [u8; 4];

/// What is said about an item: the kind of the property, and its bytes.
type Property<'a> = (Kind, &'a [u8]);

/// Where the data of an item lie.
struct Location {
    /// Offsets count from the `idat` box, not from the start of the file.
    is_in_idat: bool,
    /// Offset and length of each piece; a length of zero goes to the end.
    extents: Vec<(u64, u64)>,
}

/// One item that refers to others.
struct Reference {
    kind: Kind,
    from: u32,
    to: Vec<u32>,
}

/// What the `meta` box says.
#[derive(Default)]
pub(super) struct Container<'a> {
    file: &'a [u8],
    data: &'a [u8],
    primary: u32,
    kinds: BTreeMap<u32, Kind>,
    locations: BTreeMap<u32, Location>,
    references: Vec<Reference>,
    properties: Vec<Property<'a>>,
    /// Of each item: the index of a property, and whether an item is worthless without it.
    associations: BTreeMap<u32, Vec<(usize, bool)>>,
}

impl<'a> Container<'a> {
    pub(super) fn read(file: &'a [u8]) -> Result<Self, ImageProblem> {
        let mut boxes = Bytes(file);
        let mut has_movie = false;
        while let Some((kind, body)) = boxes.next_box()? {
            if &kind == b"meta" {
                let mut container = Self { file, ..Self::default() };
                container.read_meta(body)?;
                return Ok(container);
            }
            has_movie |= &kind == b"moov";
        }
        Err(match has_movie {
            true => ImageProblem::Unsupported(
                "an AVIF of moving pictures without a still one; save a frame of it as PNG: \
                 `ffmpeg -i photo.avif -frames:v 1 photo.png`, say"
                    .to_owned(),
            ),
            false => ImageProblem::Truncated,
        })
    }

    fn read_meta(&mut self, mut body: Bytes<'a>) -> Result<(), ImageProblem> {
        body.version()?;
        while let Some((kind, mut body)) = body.next_box()? {
            match &kind {
                b"pitm" => {
                    let version = body.version()?;
                    self.primary = body.id(version > 0)?;
                }
                b"iinf" => self.read_kinds(body)?,
                b"iloc" => self.read_locations(body)?,
                b"iref" => self.read_references(body)?,
                b"iprp" => self.read_properties(body)?,
                b"idat" => self.data = body.0,
                _ => {}
            }
        }
        Ok(())
    }

    fn read_kinds(&mut self, mut body: Bytes<'a>) -> Result<(), ImageProblem> {
        let version = body.version()?;
        body.number(if version == 0 { 2 } else { 4 })?;
        while let Some((kind, mut entry)) = body.next_box()? {
            let version = entry.version()?;
            // Older versions name no kind.
            if &kind == b"infe" && version >= 2 {
                let id = entry.id(version > 2)?;
                entry.number(2)?;
                self.kinds.insert(id, entry.kind()?);
            }
        }
        Ok(())
    }

    fn read_locations(&mut self, mut body: Bytes<'a>) -> Result<(), ImageProblem> {
        let version = body.version()?;
        let sizes = body.number(2)?;
        let size = |shift: u32| ((sizes >> shift) & 0xF) as usize;
        let index_size = if version > 0 { size(0) } else { 0 };
        let count = body.number(if version < 2 { 2 } else { 4 })?;
        for _ in 0..count {
            let id = body.id(version > 1)?;
            let method = if version > 0 { body.number(2)? & 0xF } else { 0 };
            let source = body.number(2)?;
            let base = body.number(size(4))?;
            let mut extents = Vec::new();
            let pieces = body.number(2)?;
            // Without an offset and a length each, they take no bytes, and any number of them is free.
            if pieces > 1 && size(12) + size(8) == 0 {
                return Err(damaged("pieces of its data that have no place"));
            }
            for _ in 0..pieces {
                body.number(index_size)?;
                let offset = body.number(size(12))?;
                extents.push((base.saturating_add(offset), body.number(size(8))?));
            }
            // Items inside of items, or in other files, are nowhere to be found.
            if method < 2 && source == 0 {
                self.locations.insert(id, Location { is_in_idat: method == 1, extents });
            }
        }
        Ok(())
    }

    fn read_references(&mut self, mut body: Bytes<'a>) -> Result<(), ImageProblem> {
        let is_wide = body.version()? > 0;
        while let Some((kind, mut body)) = body.next_box()? {
            let from = body.id(is_wide)?;
            let count = body.number(2)?;
            let to = (0..count).map(|_| body.id(is_wide)).collect::<Result<_, _>>()?;
            self.references.push(Reference { kind, from, to });
        }
        Ok(())
    }

    fn read_properties(&mut self, mut body: Bytes<'a>) -> Result<(), ImageProblem> {
        while let Some((kind, mut body)) = body.next_box()? {
            match &kind {
                b"ipco" => {
                    while let Some((kind, body)) = body.next_box()? {
                        self.properties.push((kind, body.0));
                    }
                }
                b"ipma" => self.read_associations(body)?,
                _ => {}
            }
        }
        Ok(())
    }

    fn read_associations(&mut self, mut body: Bytes<'a>) -> Result<(), ImageProblem> {
        let head = body.number(4)?;
        let (version, is_wide) = (head >> 24, head & 1 == 1);
        for _ in 0..body.number(4)? {
            let id = body.id(version > 0)?;
            let properties = self.associations.entry(id).or_default();
            for _ in 0..body.number(1)? {
                let entry = body.number(if is_wide { 2 } else { 1 })?;
                let essential = if is_wide { 1 << 15 } else { 1 << 7 };
                let index = (entry & (essential - 1)) as usize;
                // Counted from one; zero is none.
                if let Some(index) = index.checked_sub(1) {
                    properties.push((index, entry & essential != 0));
                }
            }
        }
        Ok(())
    }

    /// The item that is the picture.
    pub(super) fn primary(&self) -> u32 {
        self.primary
    }

    pub(super) fn kind(&self, item: u32) -> Option<&Kind> {
        self.kinds.get(&item)
    }

    /// The items that an item refers to.
    pub(super) fn references(&self, from: u32, kind: &Kind) -> &[u32] {
        let mut found = self.references.iter().filter(|one| one.from == from && one.kind == *kind);
        found.next().map_or(&[], |one| &one.to)
    }

    /// The properties of an item, and whether it is worthless without them.
    pub(super) fn properties(&self, item: u32) -> impl Iterator<Item = (Property<'a>, bool)> {
        let indices = self.associations.get(&item).into_iter().flatten();
        indices.filter_map(|(index, essential)| Some((*self.properties.get(*index)?, *essential)))
    }

    /// The first property of a kind.
    pub(super) fn property(&self, item: u32, kind: &Kind) -> Option<Bytes<'a>> {
        let mut found = self.properties(item).filter(|((of, _), _)| of == kind);
        found.next().map(|((_, bytes), _)| Bytes(bytes))
    }

    /// The bytes of an item.
    pub(super) fn data(&self, item: u32) -> Result<Cow<'a, [u8]>, ImageProblem> {
        let location = self.locations.get(&item).ok_or_else(|| missing("where its data lie"))?;
        let place = if location.is_in_idat { self.data } else { self.file };
        let piece = |&(offset, length): &(u64, u64)| {
            let start = usize::try_from(offset).ok()?;
            let rest = place.get(start..)?;
            if length == 0 { Some(rest) } else { rest.get(..usize::try_from(length).ok()?) }
        };
        match location.extents.as_slice() {
            [] => Err(missing("where its data lie")),
            [extent] => piece(extent).map(Cow::Borrowed).ok_or(ImageProblem::Truncated),
            extents => {
                let mut whole = Vec::new();
                for extent in extents {
                    let piece = piece(extent).ok_or(ImageProblem::Truncated)?;
                    // Pieces may overlap: a small file could fill the memory.
                    if whole.len() + piece.len() > self.file.len() {
                        return Err(damaged("its pieces overlap"));
                    }
                    whole.extend_from_slice(piece);
                }
                Ok(Cow::Owned(whole))
            }
        }
    }
}

pub(super) fn damaged(what: &str) -> ImageProblem {
    ImageProblem::Damaged(what.to_owned())
}

pub(super) fn missing(what: &str) -> ImageProblem {
    ImageProblem::Damaged(format!("it does not say {what}"))
}

/// Bytes that are still to be read.
#[derive(Clone, Copy)]
pub(super) struct Bytes<'a>(pub(super) &'a [u8]);

impl<'a> Bytes<'a> {
    pub(super) fn take(&mut self, length: usize) -> Result<&'a [u8], ImageProblem> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or(ImageProblem::Truncated)?;
        self.0 = rest;
        Ok(taken)
    }

    /// A whole number of so many bytes, eight at most; zero of none.
    pub(super) fn number(&mut self, length: usize) -> Result<u64, ImageProblem> {
        Ok(self.take(length)?.iter().fold(0, |number, byte| (number << 8) | u64::from(*byte)))
    }

    pub(super) fn short(&mut self) -> Result<u32, ImageProblem> {
        self.take(2).map(|bytes| u32::from(u16::from_be_bytes([bytes[0], bytes[1]])))
    }

    pub(super) fn long(&mut self) -> Result<u32, ImageProblem> {
        self.kind().map(u32::from_be_bytes)
    }

    fn id(&mut self, is_wide: bool) -> Result<u32, ImageProblem> {
        if is_wide { self.long() } else { self.short() }
    }

    fn kind(&mut self) -> Result<Kind, ImageProblem> {
        self.take(4).map(|bytes| [bytes[0], bytes[1], bytes[2], bytes[3]])
    }

    /// The version of a box; three bytes of flags go with it.
    fn version(&mut self) -> Result<u64, ImageProblem> {
        self.number(4).map(|head| head >> 24)
    }

    /// The next box: its kind and what is in it.
    fn next_box(&mut self) -> Result<Option<(Kind, Bytes<'a>)>, ImageProblem> {
        // Fewer bytes than the head of a box are padding.
        if self.0.len() < 8 {
            return Ok(None);
        }
        let (short, kind) = (self.number(4)?, self.kind()?);
        let length = match short {
            0 => self.0.len() as u64,
            1 => self.number(8)?.checked_sub(16).ok_or_else(box_too_short)?,
            short => short.checked_sub(8).ok_or_else(box_too_short)?,
        };
        let length = usize::try_from(length).map_err(|_| ImageProblem::Truncated)?;
        Ok(Some((kind, Bytes(self.take(length)?))))
    }
}

fn box_too_short() -> ImageProblem {
    damaged("one of its boxes is shorter than its own head")
}
