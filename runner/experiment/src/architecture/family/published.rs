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
}

/// A server that publishes weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Publisher {
    /// keras.applications
    Keras,
    /// torchvision.models
    Torchvision,
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
