//! Which format a file has that is none of those that are read, by its first bytes.

/// Where the bytes begin, what they are, and whose they are.
type Signature = (usize, &'static [u8], &'static str);

const SIGNATURES: [Signature; 42] = [
    (4, b"ftypheic", "HEIC"),
    (4, b"ftypheix", "HEIC"),
    (4, b"ftypheim", "HEIC"),
    (4, b"ftypheis", "HEIC"),
    (4, b"ftyphevc", "HEIC"),
    (4, b"ftypmif1", "HEIF"),
    (4, b"ftypmsf1", "HEIF"),
    (0, b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG 2000"),
    (0, b"\xff\x4f\xff\x51", "JPEG 2000"),
    (0, b"\0\0\0\x0cJXL \r\n\x87\n", "JPEG XL"),
    (0, b"\xff\x0a", "JPEG XL"),
    (0, b"8BPS", "Photoshop (PSD)"),
    (0, b"%PDF-", "PDF"),
    (0, b"%!PS", "PostScript"),
    (0, b"\xc5\xd0\xd3\xc6", "PostScript (EPS)"),
    (0, b"II\xbc\x01", "JPEG XR"),
    (0, b"IIRO", "a raw photo (Olympus ORF)"),
    (0, b"IIU\0", "a raw photo (Panasonic RW2)"),
    (0, b"FUJIFILMCCD-RAW", "a raw photo (Fujifilm RAF)"),
    (0, b"gimp xcf", "GIMP (XCF)"),
    (0, b"Rar!\x1a\x07", "a RAR archive"),
    (0, b"\0\0\x01\0", "an icon (ICO)"),
    (0, b"#?RADIANCE", "Radiance HDR"),
    (0, b"\x76\x2f\x31\x01", "OpenEXR"),
    (0, b"DDS ", "DDS"),
    (0, b"qoif", "QOI"),
    (0, b"farbfeld", "farbfeld"),
    (0, b"SIMPLE  =", "FITS"),
    (128, b"DICM", "DICOM"),
    (0, b"PK\x03\x04", "a ZIP archive"),
    (0, b"\x1f\x8b", "gzip"),
    (4, b"ftypmif2", "HEIF"),
    (4, b"ftypcrx ", "a raw photo (Canon CR3)"),
    (4, b"ftypqt", "a video (QuickTime)"),
    (4, b"ftyp", "an ISO media file, a video or a raw photo"),
    (0, b"\x1aE\xdf\xa3", "a video (Matroska)"),
    (8, b"AVI ", "a video (AVI)"),
    (0, b"version https://git-lfs", "a pointer of Git LFS, whose file was not fetched"),
    (0, b"<svg", "SVG"),
    (0, b"<?xml", "XML"),
    (0, b"<!DOCTYPE html", "a web page (HTML)"),
    (0, b"<html", "a web page (HTML)"),
];

/// What the file is, where its first bytes are known.
pub(super) fn name(bytes: &[u8]) -> Option<&'static str> {
    let netpbm = matches!(bytes, [b'P', b'1'..=b'7', b' ' | b'\n' | b'\r' | b'\t' | b'#', ..]);
    let found = SIGNATURES.iter().find(|(offset, signature, _)| {
        let start = bytes.get(*offset..offset + signature.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(signature))
    });
    found.map(|(_, _, name)| *name).or(netpbm.then_some("Netpbm (PPM, PGM or PBM)"))
}
