//! Losses and scores of images on a device, until somebody reads many of them at once.

use burn::tensor::{Device, Tensor};

use crate::error::NetworkError;

/// Losses and scores of images that nobody has read.
#[derive(Debug)]
pub struct Ledger {
    /// Loss and score (of classes 0 or 1) of each image, one after the other.
    pub(super) values: Tensor<1>,
    /// How many images there is room for.
    room: usize,
    pub(super) images: usize,
}

impl Ledger {
    /// An empty one with room for this many images.
    #[must_use]
    pub fn new(room: usize, device: &Device) -> Self {
        Self { values: Tensor::zeros([2 * room.max(1)], device), room, images: 0 }
    }

    /// Whether there is room for more images.
    #[must_use]
    pub fn has_room(&self, images: usize) -> bool {
        self.images + images <= self.room
    }

    /// Puts loss and score of some images behind those that are there, `[images, 2]`.
    ///
    /// # Errors
    ///
    /// [`NetworkError::Bug`] where there is no room for them.
    pub fn add(&mut self, outcomes: Tensor<2>) -> Result<(), NetworkError> {
        let [images, columns] = outcomes.dims();
        if columns != 2 || !self.has_room(images) {
            return Err(NetworkError::Bug("losses of a batch do not fit".to_owned()));
        }
        let range = 2 * self.images..2 * (self.images + images);
        let flat = outcomes.reshape([2 * images]);
        self.values = self.values.clone().slice_assign([range], flat);
        self.images += images;
        Ok(())
    }

    /// Loss and hit of each image until now, one after the other, on the device.
    #[must_use]
    pub fn into_values(self) -> Tensor<1> {
        self.values.narrow(0, 0, 2 * self.images)
    }
}
