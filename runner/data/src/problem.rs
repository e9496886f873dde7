//! Why an image cannot be used.

/// More pixels than this is taken for a decompression bomb: Pillow's `MAX_IMAGE_PIXELS`.
pub const MAX_PIXELS: u64 = 89_478_485;

/// Files larger than this are not read, in bytes.
pub const MAX_FILE_BYTES: u64 = 256 << 20;

/// What helps with a file of another format: programs that are to be had everywhere.
fn remedy(name: &str) -> &'static str {
    match name {
        "HEIC" | "HEIF" => "convert it to JPEG: `heif-convert photo.heic photo.jpg`, say",
        "JPEG XL" => "convert it to PNG: `djxl photo.jxl photo.png`, say",
        "JPEG 2000" => "convert it to PNG: `opj_decompress -i photo.jp2 -o photo.png`, say",
        "PDF" => "convert its pages to JPEG: `pdftoppm -jpeg file.pdf page`, say",
        "a ZIP archive" | "gzip" => "unpack it",
        "a web page (HTML)" | "XML" => "a download that failed? Fetch it again",
        name if name.starts_with("a pointer of Git LFS") => "`git lfs pull` fetches it",
        name if name.starts_with("a video") => "save frames of it as JPEG",
        _ => "convert it to JPEG or PNG",
    }
}

/// Why an image cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ImageProblem {
    /// There are no bytes.
    #[error("the file is empty")]
    Empty,
    /// The first bytes are not those of a known format.
    #[error("not an image: the file is neither JPEG, PNG, TIFF, WebP, AVIF, BMP nor GIF")]
    NotAnImage,
    /// It has another format, whatever its name says.
    #[error("it is {0}, and JPEG, PNG, TIFF, WebP, AVIF, BMP and GIF are read; {remedy}", remedy = remedy(.0))]
    OtherFormat(&'static str),
    /// The format is read, but not this kind of it.
    #[error("{0}")]
    Unsupported(String),
    /// It would fill the memory.
    #[error("too large: {width}x{height} pixels are more than {MAX_PIXELS}, which no photo has")]
    TooLarge {
        /// Columns.
        width: u32,
        /// Rows.
        height: u32,
    },
    /// It would fill the memory.
    #[error("too large: a file of {0} bytes, and no photo has more than {MAX_FILE_BYTES}")]
    TooManyBytes(u64),
    /// It would fill the memory.
    #[error("too large: {0} bytes of side data (colour profile, EXIF, text), which no photo has")]
    SideData(usize),
    /// The data end before the picture does.
    #[error("truncated: its data end before the picture does")]
    Truncated,
    /// The decoder gave up.
    #[error("damaged: {0}")]
    Damaged(String),
    /// Somebody wrote to it.
    #[error("the file changed while the run was going on; run again")]
    Changed,
    /// The operating system gave up.
    #[error("unreadable: {0}")]
    Unreadable(String),
}
