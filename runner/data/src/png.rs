//! What stands beside the picture of a PNG: colour profiles and texts, which may be compressed a
//! thousandfold and are of no use here.

use std::borrow::Cow;

use super::jpeg::MOST_SIDE_DATA;
use super::problem::ImageProblem;

/// Eight bytes before the first chunk.
const SIGNATURE: usize = 8;

/// Chunks that decoders unpack and that nobody here asks for.
const UNWANTED: [&[u8]; 4] = [b"iCCP", b"iTXt", b"zTXt", b"tEXt"];

/// The file without them. What is no sequence of chunks is left to the decoder.
pub(super) fn without_side_data(bytes: &[u8]) -> Result<Cow<'_, [u8]>, ImageProblem> {
    let (mut offset, mut side_data) = (SIGNATURE, 0);
    let mut unwanted: Vec<std::ops::Range<usize>> = Vec::new();
    while let Some(head) = bytes.get(offset..offset + 8) {
        let length = u32::from_be_bytes([head[0], head[1], head[2], head[3]]) as usize;
        let kind = &head[4..];
        let end = offset.saturating_add(length).saturating_add(12);
        if kind == b"IEND" {
            break;
        }
        // Small letters first: a decoder need not know them. Frames of an animation are pictures.
        let is_side = kind[0].is_ascii_lowercase() && kind != b"fdAT";
        side_data += if is_side { length } else { 0 };
        if side_data > MOST_SIDE_DATA {
            return Err(ImageProblem::SideData(side_data));
        }
        if UNWANTED.contains(&kind) && end <= bytes.len() {
            unwanted.push(offset..end);
        }
        offset = end;
    }
    if unwanted.is_empty() {
        return Ok(Cow::Borrowed(bytes));
    }
    let mut kept = Vec::with_capacity(bytes.len());
    let mut from = 0;
    for chunk in unwanted {
        kept.extend_from_slice(&bytes[from..chunk.start]);
        from = chunk.end;
    }
    kept.extend_from_slice(&bytes[from..]);
    Ok(Cow::Owned(kept))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn profiles_and_texts_go_and_the_rest_stays() -> Result<(), ImageProblem> {
        let chunk = |kind: &[u8], length: u32| {
            let mut bytes = length.to_be_bytes().to_vec();
            bytes.extend_from_slice(kind);
            bytes.extend(vec![7; length as usize + 4]);
            bytes
        };
        let file = |kinds: &[&[u8]]| {
            let mut bytes = b"\x89PNG\r\n\x1a\n".to_vec();
            kinds.iter().for_each(|kind| bytes.extend(chunk(kind, 5)));
            bytes
        };
        let whole = file(&[b"IHDR", b"iCCP", b"eXIf", b"zTXt", b"IDAT", b"IEND"]);
        let kept = file(&[b"IHDR", b"eXIf", b"IDAT", b"IEND"]);
        assert_eq!(without_side_data(&whole)?, kept);
        assert!(matches!(without_side_data(&kept)?, Cow::Borrowed(_)));
        // What stands behind the end is no chunk.
        let mut behind = kept.clone();
        behind.extend(b"xxxx and more bytes");
        assert_eq!(without_side_data(&behind)?, behind);
        let mut large = file(&[b"IHDR", b"IDAT"]);
        large.extend(40_000_000_u32.to_be_bytes());
        large.extend(b"eXIf");
        assert!(matches!(without_side_data(&large), Err(ImageProblem::SideData(_))));
        Ok(())
    }
}
