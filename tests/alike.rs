//! `dataset check`: copies, and pictures that look alike.

use image::{DynamicImage, RgbImage, imageops};

use crate::support::runner::{Place, SHAPES};

/// A picture of waves that no other number has.
fn photo(number: u32) -> DynamicImage {
    let salt = f64::from(number + 1);
    let level = |x: u32, y: u32, tint: f64| {
        let (x, y) = (f64::from(x) / 40.0, f64::from(y) / 40.0);
        let wave =
            (x * (1.0 + 0.37 * salt) + tint).sin() + (y * (2.0 - 0.21 * salt) - salt * x).cos();
        (128.0 + 45.0 * wave) as u8
    };
    DynamicImage::ImageRgb8(RgbImage::from_fn(240, 180, |x, y| {
        image::Rgb([0.0, 0.4, 0.9].map(|tint| level(x, y, tint)))
    }))
}

fn jpeg(picture: &DynamicImage, quality: u8) -> Vec<u8> {
    let mut bytes = Vec::new();
    let encoder = image::codecs::jpeg::JpegEncoder::new_with_quality(&mut bytes, quality);
    picture.to_rgb8().write_with_encoder(encoder).unwrap();
    bytes
}

/// Twelve photos in two splits and two classes.
fn place() -> Place {
    let place = Place::new();
    for number in 0..12 {
        let split = ["train", "validation", "test"][number as usize / 4];
        let class = ["cats", "dogs"][number as usize % 2];
        place.write(&format!("set/{split}/{class}/{number}.jpg"), jpeg(&photo(number), 95));
    }
    place
}

fn pairs(said: &str, kind: &str) -> usize {
    let line = said.lines().find_map(|line| line.strip_prefix(&format!("pairs that {kind}: ")));
    line.unwrap_or_else(|| panic!("{said}")).parse().unwrap()
}

#[test]
fn what_was_changed_a_little_is_found_and_nothing_else() {
    let place = place();
    let clean = place.succeed(&["dataset", "check", "set"]).stdout;
    for kind in [
        "look alike and have different labels",
        "look alike across splits",
        "look alike within a split",
    ] {
        assert_eq!(pairs(&clean, kind), 0, "{clean}");
    }
    let changed: [(u32, &str, DynamicImage, u8); 4] = [
        (0, "test/cats/encoded.jpg", photo(0), 60),
        (1, "test/dogs/half.jpg", photo(1).resize_exact(120, 90, imageops::Triangle), 90),
        (2, "train/dogs/bright.jpg", photo(2).brighten(20), 95),
        (4, "validation/cats/trimmed.jpg", photo(4).crop_imm(2, 2, 236, 176), 95),
    ];
    for (_, name, picture, quality) in &changed {
        place.write(&format!("set/{name}"), jpeg(picture, *quality));
    }
    let found = place.succeed(&["dataset", "check", "set", "--page", "page.html"]).stdout;
    assert_eq!(pairs(&found, "look alike and have different labels"), 1, "{found}");
    assert_eq!(pairs(&found, "look alike across splits"), 2, "{found}");
    assert_eq!(pairs(&found, "look alike within a split"), 1, "{found}");
    for (number, name, ..) in &changed {
        let line = found.lines().find(|line| line.contains(&format!("set/{name}"))).unwrap();
        assert!(line.contains(&format!("/{number}.jpg")), "{line}");
    }
    let page = std::fs::read_to_string(place.path("page.html")).unwrap();
    assert_eq!(page.matches("<img src=\"data:image/").count(), 8);
    assert!(
        page.contains("of 64 bits differ") && !page.contains("http:") && !page.contains("https:")
    );
    let none = place.succeed(&["dataset", "check", "set", "--exact"]).stdout;
    assert!(!none.contains("look alike"), "{none}");
    let refused = place.run(&["dataset", "check", "set", "--distance", "40"]);
    assert_eq!(refused.code, Some(2), "{refused:?}");
}

#[test]
fn copies_are_on_the_page_and_the_data_set_of_an_experiment_is_checked() {
    let place = place();
    std::fs::copy(place.path("set/train/cats/0.jpg"), place.path("set/test/dogs/copy.jpg"))
        .unwrap();
    let text = SHAPES.replace("data/shapes/", "set/");
    place.write("set.toml", &text);
    let said = place.succeed(&["dataset", "check", "set.toml", "--page", "page.html"]).stdout;
    assert!(said.contains("in more than one class: 1"), "{said}");
    // A copy is one picture: it does not look like itself.
    assert_eq!(pairs(&said, "look alike across splits"), 0, "{said}");
    let page = std::fs::read_to_string(place.path("page.html")).unwrap();
    assert!(page.contains("Copies with different labels"));
    assert_eq!(page.matches("<img src=\"data:image/").count(), 2);
    // One folder that is divided: the splits are those of the run.
    let folders = "train = \"set/train\"\nvalidation = \"set/validation\"\ntest = \"set/test\"\n";
    place.write("one.toml", text.replace(folders, "path = \"set/train\"\nfolds = 2\n"));
    let said = place.run(&["dataset", "check", "one.toml"]);
    assert!(said.stdout.contains("train") && said.stdout.contains("test"), "{said:?}");
    place.write("none.toml", "[experiment]\nname = \"none\"\n");
    assert_eq!(place.run(&["dataset", "check", "none.toml"]).code, Some(2));
}
