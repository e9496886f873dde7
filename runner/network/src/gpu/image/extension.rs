//! The launches, as operations of Burn's backend for graphics cards.

use burn::backend::tensor::{FloatTensor, IntTensor};
use burn::backend::{Backend, backend_extension};
use burn::cubecl::calculate_cube_count_elemwise;
use burn::cubecl::prelude::*;
use burn::tensor::{DType, Device};
use burn_cubecl::CubeBackend as Cube;
use burn_cubecl::tensor::CubeTensor;

use super::finish;
use super::means::{self, Kind};
use crate::gpu::launch::empty;
use crate::on_device::cube::buffer;

use super::work::{CHANNELS, PARTS, Steps, Work};

/// Operations on images.
#[backend_extension(Cube: cfg(feature = "gpu"))]
pub(crate) trait ImageKernels: Backend {
    /// From bytes to `[image, height, width, 3]`; `words` says what happens to each image.
    fn finish(
        bytes: IntTensor<Self>,
        words: IntTensor<Self>,
        work: Work,
        images: usize,
    ) -> FloatTensor<Self>;

    /// Puts new images where `places` says, in place.
    fn put(
        resident: IntTensor<Self>,
        new: IntTensor<Self>,
        places: IntTensor<Self>,
        work: Work,
    ) -> IntTensor<Self>;
}

impl ImageKernels for Cube {
    fn finish(bytes: CubeTensor, words: CubeTensor, work: Work, images: usize) -> CubeTensor {
        let Steps { channel_shift, contrast, erase, .. } = work.steps;
        let none = like(&bytes, [1, 1, 1, 1]);
        let launch = Launch { bytes: &bytes, words: &words, work, images };
        let known = |wanted: bool, kind, extremes: &CubeTensor, greys: &CubeTensor| match wanted {
            true => launch.known(kind, extremes, greys),
            false => none.clone(),
        };
        let extremes = known(channel_shift, Kind::Extremes, &none, &none);
        let greys = known(contrast, Kind::Grey, &extremes, &none);
        let colours = known(erase, Kind::Colour, &extremes, &greys);
        launch.finish([&extremes, &greys, &colours])
    }

    fn put(resident: CubeTensor, new: CubeTensor, places: CubeTensor, work: Work) -> CubeTensor {
        let length = work.stride / 4;
        let units = places.meta.num_elements() * length as usize;
        let (count, dim) = spread(&resident.client, units);
        finish::put::launch(
            &resident.client,
            count,
            dim,
            values(&new),
            values(&places),
            values(&resident),
            work.height * work.width * 3,
            length,
        );
        resident
    }
}

/// What all launches of a batch have in common.
struct Launch<'a> {
    bytes: &'a CubeTensor,
    words: &'a CubeTensor,
    work: Work,
    images: usize,
}

impl Launch<'_> {
    /// What is known of each image, `[image, 3]`.
    fn known(&self, kind: Kind, extremes: &CubeTensor, greys: &CubeTensor) -> CubeTensor {
        let (client, channels) = (&self.bytes.client, CHANNELS as usize);
        let parts = like(self.bytes, [self.images, PARTS as usize, channels, 1]);
        let (count, dim) = spread(client, self.images * PARTS as usize);
        means::parts::launch(
            client,
            count,
            dim,
            values(self.bytes),
            values(self.words),
            values(extremes),
            values(greys),
            values(&parts),
            kind,
            self.work,
        );
        let out = like(self.bytes, [self.images, channels, 1, 1]);
        let (count, dim) = spread(client, self.images * channels);
        means::whole::launch(client, count, dim, values(&parts), values(&out), kind, self.work);
        out
    }

    fn finish(&self, [extremes, greys, colours]: [&CubeTensor; 3]) -> CubeTensor {
        let [height, width] = [self.work.height, self.work.width].map(|side| side as usize);
        let out = like(self.bytes, [self.images, height, width, 3]);
        let (client, units) = (&self.bytes.client, self.images * height * width);
        let (count, dim) = spread(client, units);
        finish::finish::launch(
            client,
            count,
            dim,
            values(self.bytes),
            values(self.words),
            values(extremes),
            values(greys),
            values(colours),
            values(&out),
            self.work,
        );
        out
    }
}

/// One thread for each unit of work.
fn spread(client: &Client, units: usize) -> (CubeCount, CubeDim) {
    let dim = CubeDim::new(client, units);
    (calculate_cube_count_elemwise(client, units, dim), dim)
}

/// Room for numbers on the same device.
fn like(tensor: &CubeTensor, shape: [usize; 4]) -> CubeTensor {
    empty(tensor, shape, DType::F32)
}

/// The memory of a tensor that lies in one piece.
fn values(tensor: &CubeTensor) -> BufferArg {
    buffer(tensor.handle.clone(), tensor.meta.num_elements())
}

/// What a quarter of the card's memory holds, and one allocation; `None` where there is no card.
pub(super) fn memory(device: &Device) -> Option<u64> {
    let burn::backend::DispatchDevice::Cube(device) = device.as_dispatch() else { return None };
    let memory = device.client().properties().memory.clone();
    Some(
        memory.max_memory().map_or(memory.max_page_size, |all| (all / 4).min(memory.max_page_size)),
    )
}
