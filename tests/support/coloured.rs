//! A data set that a small network learns in seconds, with some wrong labels.

use super::runner::{Place, SHAPES};

/// Twelve pictures of one colour per class; with `swap` the sixth blue one is labelled red, and the sixth
/// red one blue.
fn draw(place: &Place, split: &str, swap: bool) {
    for (class, channel) in [("blue", 2), ("green", 1), ("red", 0)] {
        for number in 0..12_u8 {
            let label = match (swap && number == 5, class) {
                (true, "red") => "blue",
                (true, "blue") => "red",
                _ => class,
            };
            let picture = image::RgbImage::from_fn(40, 40, |x, y| {
                let mut pixel = [40 + (x as u8 / 4) + number, 40 + y as u8 / 4, 50];
                pixel[channel] = 200 + number;
                image::Rgb(pixel)
            });
            let to = place.path(&format!("data/{split}/{label}"));
            std::fs::create_dir_all(&to).unwrap();
            picture.save(to.join(format!("{class}.{number:02}.png"))).unwrap();
        }
    }
}

/// Two wrong labels in every split, and `coloured.toml`: a frozen VGG16 with random weights.
pub fn place() -> Place {
    let place = Place::new();
    for split in ["train", "validation", "test"] {
        draw(&place, split, true);
    }
    let text = SHAPES.replace("data/shapes/", "data/").replace("\"shapes\"", "\"coloured\"");
    place.write("coloured.toml", text);
    place.write("learned.toml", learned(&place));
    place
}

/// The same for a small network that learns the colours.
pub fn learned(place: &Place) -> String {
    let text = std::fs::read_to_string(place.path("coloured.toml")).unwrap();
    let text = text.replace("weights =", "architecture = \"convnet\"\nweights =");
    let text = text.replace("image_size = [32, 32]", "image_size = [80, 80]");
    text.replace("epochs = 3", "epochs = 12\nfrozen = \"none\"")
}
