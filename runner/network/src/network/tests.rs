//! Features against batches of other sizes, and against prepared kernels: the same bits.

use runner_experiment::architecture::{ArchitectureName, Shape, Top, layers};
use runner_random::{Key, Purpose};

use super::*;
use crate::error::NetworkError;
use crate::inference::{self, Inference};

fn base(side: usize) -> Network {
    let layers = layers(ArchitectureName::default(), [side, side], &Top::None).unwrap_or_default();
    Network::new(layers, Weights::default(), 7, Compute::cpu())
}

const IMAGES: usize = 20;

fn pixels(shape: Shape) -> Vec<f32> {
    let mut stream = Key::new(1, Purpose::Generate).stream();
    (0..IMAGES * shape.elements()).map(|_| stream.uniform()).collect()
}

#[test]
fn features_of_an_image_do_not_depend_on_its_batch_nor_on_preparation() -> Result<(), NetworkError>
{
    for side in [32, 75] {
        let network = base(side);
        let shape = Shape::Map { height: side, width: side, channels: 3 };
        let (pixels, whole) = (pixels(shape), 0..network.layers.len());
        let input = Flow::batch(pixels.clone(), IMAGES, shape, &network.compute);
        let parameters = network.values();
        let output = network.forward(whole.clone(), input, &parameters);
        let expected = inference::values(output)?;
        let prepared = Inference::new(&network, whole)?;
        for batch in [1, 7, 16, 20] {
            let batches = pixels.chunks(batch * shape.elements());
            let mut all = Vec::new();
            for images in batches {
                let count = images.len() / shape.elements();
                all.extend(inference::values(prepared.forward(images.to_vec(), count))?);
            }
            let same = expected.iter().zip(all);
            let differing = same.filter(|(a, b)| a.to_bits() != b.to_bits()).count();
            assert_eq!(differing, 0, "{side}x{side}, batches of {batch}");
        }
    }
    Ok(())
}
