//! Images of every kind, and damaged ones.

use std::path::Path;

use image::{DynamicImage, GrayImage, ImageFormat, Rgb, RgbImage, Rgba, RgbaImage};
use runner_data::decode::{self, ImageProblem};
use runner_random::{Key, Purpose};

use crate::support::runner::Place;

fn photo() -> RgbImage {
    RgbImage::from_fn(40, 30, |x, y| Rgb([(x * 6) as u8, (y * 8) as u8, 128]))
}

fn encode(picture: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    picture.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

#[test]
fn every_format_decodes_to_the_same_picture() {
    let whole = DynamicImage::ImageRgb8(photo());
    for format in [ImageFormat::Png, ImageFormat::Bmp, ImageFormat::WebP] {
        let pixels = decode::decode(&encode(&whole, format)).unwrap();
        assert_eq!((pixels.height, pixels.width), (30, 40));
        assert_eq!(pixels.rgb, photo().into_raw(), "{format:?} is lossless");
    }
    for format in [ImageFormat::Jpeg, ImageFormat::Gif] {
        let pixels = decode::decode(&encode(&whole, format)).unwrap();
        let raw = photo().into_raw();
        let sum: u32 = pixels.rgb.iter().zip(&raw).map(|(a, b)| u32::from(a.abs_diff(*b))).sum();
        assert!(sum / (raw.len() as u32) < 8, "{format:?} is off by {sum}");
    }
}

#[test]
fn gray_alpha_and_sixteen_bits_become_rgb() {
    let gray = DynamicImage::ImageLuma8(GrayImage::from_pixel(2, 2, image::Luma([77])));
    for format in [ImageFormat::Png, ImageFormat::Jpeg] {
        let pixels = decode::decode(&encode(&gray, format)).unwrap();
        assert_eq!(pixels.rgb, [77; 12], "{format:?}");
    }
    // The colour of a transparent pixel counts, as with Pillow's convert("RGB").
    let clear = RgbaImage::from_pixel(1, 1, Rgba([10, 20, 30, 0]));
    let clear = encode(&DynamicImage::ImageRgba8(clear), ImageFormat::Png);
    assert_eq!(decode::decode(&clear).unwrap().rgb, [10, 20, 30]);
    let deep = image::ImageBuffer::from_pixel(1, 1, Rgb([0_u16, 257 * 100, 65535]));
    let deep = encode(&DynamicImage::ImageRgb16(deep), ImageFormat::Png);
    assert_eq!(decode::decode(&deep).unwrap().rgb, [0, 100, 255]);
}

/// A JPEG with the EXIF orientation 6: to be turned by 90 degrees clockwise.
fn rotated() -> Vec<u8> {
    let mut exif = b"\xFF\xE1\x00\x22Exif\0\0MM\0\x2A\0\0\0\x08\0\x01".to_vec();
    exif.extend(b"\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0");
    let mut jpeg = encode(&DynamicImage::ImageRgb8(photo()), ImageFormat::Jpeg);
    jpeg.splice(2..2, exif);
    jpeg
}

#[test]
fn exif_rotation_is_applied() {
    let upright = decode::decode(&encode(&DynamicImage::ImageRgb8(photo()), ImageFormat::Jpeg));
    let upright = upright.unwrap();
    let turned = decode::decode(&rotated()).unwrap();
    assert_eq!((turned.height, turned.width), (40, 30));
    // The lower left corner of the stored picture comes to the upper left.
    let corner = 29 * 40 * 3;
    assert_eq!(turned.rgb[..3], upright.rgb[corner..corner + 3]);
}

#[test]
fn cmyk_is_converted() {
    // Written by Pillow 12: Image.new("CMYK", (8, 8), (0, 255, 255, 0)), which is red.
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/cmyk_red.jpg");
    let pixels = decode::decode(&std::fs::read(file).unwrap()).unwrap();
    let [red, green, blue] = pixels.rgb[..3] else { panic!("no pixel") };
    assert!(red > 245 && green < 10 && blue < 10, "{red} {green} {blue}");
}

#[test]
fn a_decompression_bomb_is_not_decoded() {
    // A PNG header that claims 100,000 by 100,000 pixels.
    let mut bomb = encode(&DynamicImage::ImageRgb8(photo()), ImageFormat::Png);
    bomb[16..24].copy_from_slice(&[0, 1, 0x86, 0xA0, 0, 1, 0x86, 0xA0]);
    let crc = crc32(&bomb[12..29]);
    bomb[29..33].copy_from_slice(&crc.to_be_bytes());
    let refused = decode::decode(&bomb).unwrap_err();
    assert_eq!(refused, ImageProblem::TooLarge { width: 100_000, height: 100_000 });
}

/// The checksum of a PNG chunk (RFC 1952), bit by bit.
fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32, byte: &u8| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            (crc >> 1) ^ if crc & 1 == 1 { 0xEDB8_8320 } else { 0 }
        })
    };
    !bytes.iter().fold(!0, step)
}

#[test]
fn two_hundred_damaged_images_are_each_named() {
    let place = Place::new();
    let whole = DynamicImage::ImageRgb8(photo());
    let formats = [
        (ImageFormat::Jpeg, "jpg"),
        (ImageFormat::Png, "png"),
        (ImageFormat::WebP, "webp"),
        (ImageFormat::Bmp, "bmp"),
        (ImageFormat::Gif, "gif"),
    ];
    let mut draw = Key::new(201, Purpose::Generate).stream();
    let mut names = Vec::new();
    for number in 0..200_usize {
        let (format, extension) = formats[number % formats.len()];
        let mut bytes = encode(&whole, format);
        match number / formats.len() % 4 {
            0 => bytes.clear(),
            1 => bytes.truncate(1 + draw.below(40) as usize),
            2 => bytes = b"<html>404 not found</html>".repeat(1 + number % 3),
            _ => bytes[..12].fill(0),
        }
        let name = format!("bad{number}.{extension}");
        place.write(&format!("set/train/cats/{name}"), bytes);
        names.push(name);
    }
    place.write("set/train/dogs/good.png", encode(&whole, ImageFormat::Png));
    place.write("set/train/cats/good.png", encode(&whole, ImageFormat::Png));
    let checked = place.run(&["dataset", "check", "set"]);
    assert_eq!(checked.code, Some(3));
    for name in names {
        assert!(checked.stdout.contains(&format!("{name}: ")), "{name} is not named");
    }
}

#[test]
fn no_damage_makes_the_decoders_panic() {
    let whole = DynamicImage::ImageRgb8(photo());
    let mut draw = Key::new(202, Purpose::Generate).stream();
    for format in
        [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::WebP, ImageFormat::Bmp, ImageFormat::Gif]
    {
        let bytes = encode(&whole, format);
        for _ in 0..300 {
            let mut damaged = bytes.clone();
            for _ in 0..=draw.below(8) {
                let at = draw.below(damaged.len() as u64) as usize;
                damaged[at] = draw.below(256) as u8;
            }
            damaged.truncate(damaged.len() - draw.below(damaged.len() as u64 / 2) as usize);
            drop(decode::decode(&damaged));
        }
    }
}

#[test]
fn what_stands_behind_or_inside_a_jpeg_does_not_count() {
    let mut photo = encode(&DynamicImage::ImageRgb8(photo()), ImageFormat::Jpeg);
    let whole = decode::decode(&photo).unwrap();
    // A motion photo: a video behind the picture, in which markers occur by chance.
    let mut motion = photo.clone();
    motion.extend(b"ftypmp42\xFF\xDA\x00\x0Cmore video");
    assert_eq!(decode::decode(&motion), Ok(whole));
    // A thumbnail inside has an end of its own; the picture around it is still truncated.
    let end = photo.len() - 2;
    photo.truncate(end);
    photo.splice(2..2, *b"\xFF\xE1\x00\x08xx\xFF\xD8\xFF\xD9");
    assert_eq!(decode::decode(&photo), Err(ImageProblem::Truncated));
}

#[test]
fn a_truncated_jpeg_is_not_filled_with_gray() {
    let bytes = encode(&DynamicImage::ImageRgb8(photo()), ImageFormat::Jpeg);
    for keep in [bytes.len() / 2, bytes.len() - 2] {
        assert_eq!(decode::decode(&bytes[..keep]).unwrap_err(), ImageProblem::Truncated);
    }
}

#[test]
fn a_jpeg_that_was_cut_and_ended_is_truncated_all_the_same() {
    // Large enough that half of it is not its header alone.
    let photo = RgbImage::from_fn(160, 120, |x, y| {
        Rgb([(x * y % 251) as u8, (x * 7 + y * 3) as u8, (y * 2) as u8])
    });
    let whole = encode(&DynamicImage::ImageRgb8(photo), ImageFormat::Jpeg);
    for share in [2, 3] {
        let mut cut = whole[..whole.len() * (share - 1) / share].to_vec();
        cut.extend(b"\xFF\xD9");
        assert_eq!(decode::decode(&cut), Err(ImageProblem::Truncated), "1/{share} is gone");
    }
    // Bytes that belong to nothing do no harm: old photos have many.
    let end = whole.len() - 2;
    let mut padded = whole.clone();
    padded.splice(end..end, [0; 40]);
    assert_eq!(decode::decode(&padded), decode::decode(&whole));
}

#[test]
fn other_formats_are_called_by_their_name() {
    let cases: [(&[u8], &str); 9] = [
        (b"8BPS\0\x01", "Photoshop (PSD)"),
        (b"\0\0\0\x0cJXL \r\n\x87\n", "JPEG XL"),
        (b"PK\x03\x04", "a ZIP archive"),
        (b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic", "HEIF"),
        (b"\0\0\0\x18ftypheic\0\0\0\0", "HEIC"),
        (b"\0\0\0\x0cjP  \r\n\x87\n\0\0", "JPEG 2000"),
        (b"%PDF-1.7 and so on", "PDF"),
        (b"P6 4 4 255 .......", "Netpbm (PPM, PGM or PBM)"),
        (b"<!doctype HTML><html>", "a web page (HTML)"),
    ];
    for (bytes, name) in cases {
        assert_eq!(decode::decode(bytes), Err(ImageProblem::OtherFormat(name)));
    }
    let said = ImageProblem::OtherFormat("HEIC").to_string();
    assert!(
        said.starts_with("it is HEIC") && said.ends_with("heif-convert photo.heic photo.jpg`, say")
    );
    assert_eq!(decode::decode(b"nothing that is known"), Err(ImageProblem::NotAnImage));
}

/// A colour profile of zeros, compressed a thousandfold.
#[test]
fn a_profile_that_would_unpack_to_gigabytes_is_not_unpacked() {
    let mut png = encode(&DynamicImage::ImageRgb8(photo()), ImageFormat::Png);
    let whole = decode::decode(&png).unwrap();
    let mut chunk = b"iCCPx\0\0".to_vec();
    chunk.extend(vec![0x78; 1 << 20]);
    let mut framed = ((chunk.len() - 4) as u32).to_be_bytes().to_vec();
    framed.extend(&chunk);
    framed.extend(crc32(&chunk).to_be_bytes());
    png.splice(33..33, framed);
    assert_eq!(decode::decode(&png), Ok(whole));
}

#[test]
fn side_data_and_scans_without_end_are_refused() {
    let jpeg = encode(&DynamicImage::ImageRgb8(photo()), ImageFormat::Jpeg);
    let mut exif = jpeg.clone();
    let segment = [&b"\xFF\xE5\xFF\xFF"[..], &[1; 65_533][..]].concat();
    exif.splice(2..2, segment.repeat(600));
    assert!(matches!(decode::decode(&exif), Err(ImageProblem::SideData(_))));
    let scan = jpeg.windows(2).position(|pair| pair == b"\xFF\xDA").unwrap();
    let mut scans = jpeg.clone();
    let end = scans.len() - 2;
    let again = scans[scan..end].to_vec();
    scans.splice(end..end, again.repeat(300));
    let refused = decode::decode(&scans).unwrap_err().to_string();
    assert!(refused.contains("301 scans"), "{refused}");
}

#[test]
fn twelve_bits_in_sixteen_are_warned_of() {
    let place = Place::with_shapes();
    let deep = image::ImageBuffer::from_fn(40, 40, |x, y| image::Luma([(x * y) as u16 + 100]));
    let png = encode(&DynamicImage::ImageLuma16(deep), ImageFormat::Png);
    place.write("data/shapes/train/circle/deep.png", png);
    let run = place.succeed(&["run", "shapes.toml", "--set", "stage.head.epochs=1"]);
    // 39 · 39 + 100.
    assert!(run.stderr.contains("values from 100 to 1621 of 65535"), "{run:?}");
    let checked = place.succeed(&["dataset", "check", "data/shapes"]);
    assert!(checked.stderr.contains("deep.png: 100 to 1621"), "{checked:?}");
}

#[test]
fn what_is_skipped_in_a_run_is_skipped_everywhere() {
    use std::os::unix::fs::symlink;
    let place = Place::with_shapes();
    symlink("nowhere", place.path("data/shapes/train/circle/aaa.jpg")).unwrap();
    place.write("data/shapes/test/square/bbb.jpg", "8BPS Photoshop it is");
    let failed = place.run(&["run", "shapes.toml"]);
    assert_eq!(failed.code, Some(3), "{failed:?}");
    assert!(failed.stderr.contains("aaa.jpg: unreadable: it is a link that leads nowhere"));
    assert!(failed.stderr.contains("bbb.jpg: it is Photoshop"), "{failed:?}");
    let skip = ["--set", "dataset.on_bad_image=\"skip\"", "--set", "stage.head.augment=true"];
    let text = crate::support::runner::SHAPES.to_owned() + "[augmentation]\nrotation = 10\n";
    place.write("skip.toml", text);
    place.succeed(&[&["run", "skip.toml"], &skip[..]].concat());
    let preview = place.succeed(&[&["preview", "skip.toml"], &skip[..]].concat());
    assert!(preview.stderr.contains("aaa.jpg"), "{preview:?}");
    let predicted = place.succeed(&["predict", "last", "data/shapes/test"]);
    assert!(predicted.stderr.contains("bbb.jpg: it is Photoshop"), "{predicted:?}");
    let alone = place.run(&["predict", "last", "data/shapes/test/square/bbb.jpg"]);
    assert_eq!(alone.code, Some(3), "nothing is left: {alone:?}");
    assert!(!alone.stderr.contains("on_bad_image"), "{alone:?}");
}

#[test]
fn predictions_warn_of_sixteen_bits_that_are_little_used() {
    let place = Place::with_shapes();
    place.succeed(&["run", "shapes.toml", "--set", "stage.head.epochs=1"]);
    let dark = image::ImageBuffer::from_fn(32, 32, |x, y| Rgb([(x * y) as u16, 400, 4095]));
    place.write("dark.png", encode(&DynamicImage::ImageRgb16(dark), ImageFormat::Png));
    let said = place.succeed(&["predict", "last", "dark.png"]);
    assert!(
        said.stderr.contains("1 image of 16 bits is nearly black, with values from 0 to 4095"),
        "{said:?}"
    );
    assert!(said.stdout.contains("dark.png"), "{said:?}");
}

/// Every kind of TIFF, against what Pillow reads in it; see `tests/data/tiff/write.py`.
#[test]
fn tiff_is_what_pillow_reads_in_it() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/tiff");
    let mut seen = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let picture = path.with_extension("png");
        if path.extension().is_none_or(|extension| extension != "tif") || !picture.exists() {
            continue;
        }
        let found = decode::decode(&std::fs::read(&path).unwrap());
        let found = found.unwrap_or_else(|problem| panic!("{}: {problem}", path.display()));
        let expected = decode::decode(&std::fs::read(picture).unwrap()).unwrap();
        assert_eq!((found.height, found.width), (expected.height, expected.width), "{path:?}");
        let pairs = found.rgb.iter().zip(&expected.rgb);
        let off = pairs.map(|(a, b)| a.abs_diff(*b)).max().unwrap();
        assert_eq!(off, 0, "{}", path.display());
        seen += 1;
    }
    assert!(seen > 25, "{seen}");
}

#[test]
fn tiff_without_agreed_brightness_is_refused_by_name() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/tiff");
    for (name, said) in [
        ("float", "a TIFF of floating-point values"),
        ("32_bits", "a TIFF of 32 bits or more"),
        ("signed", "a TIFF of signed values"),
        ("bands", "a TIFF of 5 bands; keep three of them, or one"),
        ("raw", "it is a raw photo"),
    ] {
        let bytes = std::fs::read(folder.join(format!("refused_{name}.tif"))).unwrap();
        let problem = decode::decode(&bytes).unwrap_err().to_string();
        assert!(problem.contains(said), "{name}: {problem}");
    }
}

#[test]
fn a_damaged_tiff_is_refused_and_never_a_panic() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/tiff");
    let mut draw = Key::new(203, Purpose::Generate).stream();
    for name in ["rgb_lzw", "palette", "planes_16", "tiles", "jpeg_ycbcr", "one_bit_fax", "cmyk"] {
        let whole = std::fs::read(folder.join(format!("{name}.tif"))).unwrap();
        for _ in 0..300 {
            let mut damaged = whole.clone();
            for _ in 0..=draw.below(8) {
                let at = draw.below(damaged.len() as u64) as usize;
                damaged[at] = draw.below(256) as u8;
            }
            damaged.truncate(damaged.len() - draw.below(damaged.len() as u64 / 2) as usize);
            drop(decode::decode(&damaged));
        }
    }
    let whole = std::fs::read(folder.join("tiles.tif")).unwrap();
    assert_eq!(decode::decode(&whole[..whole.len() / 2]), Err(ImageProblem::Truncated));
    assert_eq!(decode::decode(b"II*\0\x08\0\0\0"), Err(ImageProblem::Truncated));
}

#[test]
fn tiff_is_trained_on_and_later_pages_are_said_to_be_left_out() {
    let place = Place::with_shapes();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/tiff");
    let to = place.path("data/shapes/train/circle/pages.tif");
    std::fs::copy(folder.join("two_pages.tif"), to).unwrap();
    for command in [
        &["run", "shapes.toml", "--set", "stage.head.epochs=1"][..],
        &["dataset", "check", "data/shapes"],
    ] {
        let said = place.succeed(command).stderr;
        assert!(said.contains("TIFF of several pages, of which the first is read"), "{said}");
        assert!(said.contains("circle/pages.tif"), "{said}");
    }
}
