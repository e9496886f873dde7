//! Images of every kind, and damaged ones.

use std::path::Path;

use image::{DynamicImage, GrayImage, ImageFormat, Rgb, RgbImage, Rgba, RgbaImage};
use runner_learn::data::decode::{self, ImageProblem};
use runner_learn::random::{Key, Purpose};

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
