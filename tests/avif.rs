//! AVIF: against what Pillow reads in it, with lies in its container, and damaged.

use std::path::PathBuf;

use runner_data::decode::{self, ImageProblem};
use runner_random::{Key, Purpose};

use crate::support::runner::Place;

/// See `tests/data/avif/write.py`.
fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/avif")
}

fn file(name: &str) -> Vec<u8> {
    std::fs::read(folder().join(format!("{name}.avif"))).unwrap()
}

/// With other bytes in the place of some that occur in it.
fn with(bytes: &[u8], old: &[u8], new: &[u8]) -> Vec<u8> {
    let place = bytes.windows(old.len()).position(|window| window == old).unwrap();
    let mut changed = bytes.to_vec();
    changed.splice(place..place + old.len(), new.iter().copied());
    changed
}

fn message(bytes: &[u8]) -> String {
    decode::decode(bytes).unwrap_err().to_string()
}

#[test]
fn avif_is_what_pillow_reads_in_it() {
    let mut seen = 0;
    for entry in std::fs::read_dir(folder()).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "avif") {
            continue;
        }
        let (found, range) = decode::decode_with_range(&std::fs::read(&path).unwrap())
            .unwrap_or_else(|problem| panic!("{}: {problem}", path.display()));
        let expected = std::fs::read(path.with_extension("png")).unwrap();
        let expected = decode::decode(&expected).unwrap();
        assert_eq!((found.height, found.width), (expected.height, expected.width), "{path:?}");
        assert_eq!(range, None, "values of 10 and 12 bits are in proportion");
        let pairs = found.rgb.iter().zip(&expected.rgb);
        let off: Vec<u8> = pairs.map(|(a, b)| a.abs_diff(*b)).collect();
        // Where floating point is rounded in the end, a step off in one pixel of a hundred.
        let is_rounded = path.ends_with("premultiplied.avif") || path.ends_with("fcc_full.avif");
        let most = if is_rounded { (1, off.len() / 100) } else { (0, 0) };
        let is_close = *off.iter().max().unwrap() <= most.0
            && off.iter().filter(|off| **off > 0).count() <= most.1;
        assert!(is_close, "{}: {:?}", path.display(), off.iter().max());
        seen += 1;
    }
    assert!(seen > 40, "{seen}");
}

#[test]
fn avif_is_known_by_any_of_its_brands_and_heic_is_not_it() {
    let whole = file("even");
    let pixels = decode::decode(&whole);
    assert!(pixels.is_ok());
    for brand in [b"mif1", b"miaf", b"MA1B", b"avis"] {
        let other = with(&whole, b"ftypavif", &[b"ftyp", &brand[..]].concat());
        assert_eq!(decode::decode(&other), pixels);
    }
    let heic = with(&whole, b"av01", b"hvc1");
    assert_eq!(decode::decode(&heic), Err(ImageProblem::OtherFormat("HEIC")));
    let said = message(&with(&whole, b"av01", b"j2k1"));
    assert!(said.contains("kind that is not read (`j2k1`)") && said.contains("`avifdec photo"));
    // What may not be passed over, and is not known.
    let said = message(&with(&whole, b"av1C", b"a\x1b[m"));
    assert!(said.contains("(`a\\x1b[m`)"), "{said}");
    let moving = b"\0\0\0\x10ftypavis\0\0\0\0\0\0\0\x08moov";
    assert!(message(moving).contains("moving pictures without a still one"));
}

#[test]
fn the_container_speaks_of_colours_before_the_frame_does() {
    let whole = file("bt709_limited");
    let pixels = decode::decode(&whole);
    // The frame says the same.
    assert_eq!(decode::decode(&with(&whole, b"colrnclx", b"freenclx")), pixels);
    let other = |new: &[u8]| {
        let old = b"nclx\0\x01\0\x0d\0\x01\0";
        decode::decode(&with(&whole, old, &[b"nclx", new].concat()))
    };
    // Full range, and BT.601.
    assert_ne!(other(b"\0\x01\0\x0d\0\x01\x80"), pixels);
    assert_ne!(other(b"\0\x01\0\x0d\0\x06\0"), pixels);
    assert!(other(b"\0\x01\0\x0d\0\x06\0").is_ok());
    let refused = other(b"\0\x01\0\x10\0\x0e\0").unwrap_err().to_string();
    assert!(refused.contains("matrix 14, primaries 1"), "{refused}");
    let halved = other(b"\0\x01\0\x0d\0\0\x80").unwrap_err();
    assert!(matches!(halved, ImageProblem::Damaged(_)), "RGB cannot be halved");
}

#[test]
fn a_size_that_is_not_that_of_the_frame_is_refused() {
    let whole = file("420_full");
    let sized = |width: u32, height: u32| {
        let old = b"ispe\0\0\0\0\0\0\0\x17\0\0\0\x11";
        let new = [&b"ispe\0\0\0\0"[..], &width.to_be_bytes(), &height.to_be_bytes()].concat();
        decode::decode(&with(&whole, old, &new))
    };
    assert!(sized(23, 17).is_ok());
    let (width, height) = (100_000, 100_000);
    assert_eq!(sized(width, height), Err(ImageProblem::TooLarge { width, height }));
    let damaged = |text: &str| Err(ImageProblem::Damaged(text.to_owned()));
    assert_eq!(sized(0, 17), damaged("it has no pixels"));
    // The decoder does not begin.
    assert_eq!(sized(5, 5), damaged("its picture is larger than it says"));
    assert_eq!(sized(24, 17), damaged("its picture has another size than it says"));
}

#[test]
fn a_grid_that_does_not_fit_is_refused() {
    let whole = file("grid_420");
    // Two rows and two columns, of 132 by 128 pixels.
    let laid = |rows: u8, columns: u8, width: u8, size: u8| {
        let old = b"\0\0\x01\x01\0\x84\0\x80";
        let changed = with(&whole, old, &[0, 0, rows - 1, columns - 1, 0, width, 0, 128]);
        decode::decode(&with(&changed, b"\0\0\0\x84\0\0\0\x80", &[0, 0, 0, size, 0, 0, 0, 128]))
    };
    assert!(laid(2, 2, 132, 132).is_ok());
    let cut = laid(2, 2, 101, 101).unwrap();
    assert_eq!((cut.width, cut.height), (101, 128));
    assert_eq!(cut.rgb[..3], laid(2, 2, 132, 132).unwrap().rgb[..3]);
    for (rows, columns, width, size) in [(3, 2, 132, 132), (1, 4, 132, 132), (2, 2, 131, 132)] {
        let refused = laid(rows, columns, width, size);
        assert!(matches!(refused, Err(ImageProblem::Damaged(_))), "{rows} {columns} {width}");
    }
    for width in [60, 140] {
        let refused = laid(2, 2, width, width);
        let expected = "its grid does not fit together".to_owned();
        assert_eq!(refused, Err(ImageProblem::Damaged(expected)), "{width}");
    }
    // Frames of which nothing is said how large they may be.
    let sized = [&b"ispe\0\0\0\0\0\0\0"[..], &[66, 0, 0, 0, 64]].concat();
    let refused = decode::decode(&with(&whole, &sized, b"ispe\0\0\0\0\0\0\0\0\0\0\0\0"));
    let expected = "one of its frames has no pixels".to_owned();
    assert_eq!(refused, Err(ImageProblem::Damaged(expected)));
}

#[test]
fn pieces_that_take_no_bytes_do_not_fill_the_memory() {
    let boxed =
        |kind: &[u8], body: &[u8]| [&(body.len() as u32 + 8).to_be_bytes(), kind, body].concat();
    // Items of 65,535 pieces, whose offsets and lengths are of no bytes.
    let item = |id: u16| [&id.to_be_bytes()[..], &[0, 0, 0xFF, 0xFF]].concat();
    let items: Vec<u8> = (0..2000).flat_map(item).collect();
    let places = boxed(b"iloc", &[&[0, 0, 0, 0, 0, 0, 0x07, 0xD0][..], &items].concat());
    let meta = boxed(b"meta", &[&[0; 4][..], &places].concat());
    let said = message(&[boxed(b"ftyp", b"avif\0\0\0\0avif"), meta].concat());
    assert!(said.contains("pieces of its data that have no place"), "{said}");
}

#[test]
fn a_cut_avif_is_truncated_and_never_half_a_picture() {
    for name in ["420_full", "premultiplied", "sequence", "grid_420"] {
        let whole = file(name);
        let pixels = decode::decode(&whole).unwrap();
        let mut is_truncated = 0;
        for length in 40..whole.len() {
            match decode::decode(&whole[..length]) {
                Ok(found) => assert_eq!(found, pixels, "{name}: only what is not read is gone"),
                Err(ImageProblem::Truncated) => is_truncated += 1,
                Err(other) => panic!("{name}, {length} bytes: {other}"),
            }
        }
        assert!(is_truncated > whole.len() / 2, "{name}: {is_truncated}");
    }
}

#[test]
fn a_thousand_damages_of_an_avif_are_each_refused_or_decoded() {
    let mut draw = Key::new(204, Purpose::Generate).stream();
    let names = ["420_full", "444_12_bits", "premultiplied", "film_grain", "grid_10_bits"];
    let mut refused = 0;
    for name in names {
        let whole = file(name);
        for _ in 0..200 {
            let mut damaged = whole.clone();
            for _ in 0..=draw.below(8) {
                let at = draw.below(damaged.len() as u64) as usize;
                damaged[at] = draw.below(256) as u8;
            }
            if draw.below(4) == 0 {
                damaged.truncate(damaged.len() - draw.below(damaged.len() as u64 / 2) as usize);
            }
            refused += usize::from(decode::decode(&damaged).is_err());
        }
    }
    assert!(refused > 300, "{refused}");
}

#[test]
fn avif_is_trained_on_whatever_it_is_called_and_damage_is_named() {
    let place = Place::with_shapes();
    place.write("data/shapes/train/circle/photo.jpg", file("422_10_bits"));
    place.write("data/shapes/train/square/turned.avif", file("turned_6"));
    place.succeed(&["run", "shapes.toml", "--set", "stage.head.epochs=1"]);
    let predicted = place.succeed(&["predict", "last", "data/shapes/train/circle/photo.jpg"]);
    assert!(predicted.stdout.contains("photo.jpg"), "{predicted:?}");
    // What is in the head of the sequence, of which the decoder would complain by itself.
    let whole = file("even");
    let data = whole.windows(4).position(|window| window == b"mdat").unwrap() + 4;
    let mut damaged = whole;
    damaged[data + 4..data + 12].fill(0xFF);
    place.write("data/shapes/train/circle/bad.avif", damaged);
    let checked = place.run(&["dataset", "check", "data/shapes"]);
    assert_eq!(checked.code, Some(3), "{checked:?}");
    assert!(checked.stdout.contains("bad.avif: damaged: "), "{checked:?}");
    assert!(!checked.stderr.contains("parsing") && !checked.stderr.contains("OBU"), "{checked:?}");
}
