//! One frame of AV1 by rav1d, the port of dav1d to Rust.
//!
//! By its C interface: the one for Rust prints what it finds wrong to the terminal.

use std::ptr::NonNull;

use re_rav1d::Dav1dResult;
use re_rav1d::include::dav1d::data::Dav1dData;
use re_rav1d::include::dav1d::dav1d::{Dav1dContext, Dav1dLogger, Dav1dSettings};
use re_rav1d::include::dav1d::headers::{
    DAV1D_PIXEL_LAYOUT_I400, DAV1D_PIXEL_LAYOUT_I420, DAV1D_PIXEL_LAYOUT_I422, Dav1dSequenceHeader,
};
use re_rav1d::include::dav1d::picture::Dav1dPicture;
use re_rav1d::src::lib as dav1d;

use super::container::{Bytes, damaged};
use crate::problem::ImageProblem;

/// More frames than any picture is made of: layers that refine each other are four at most.
const MOST_FRAMES: usize = 8;

/// A decoded frame.
pub(super) struct Frame(Dav1dPicture);

/// What an AV1 stream says about its colours, in the numbers of H.273.
#[derive(Clone, Copy)]
pub(super) struct Colours {
    pub primaries: u32,
    pub matrix: u32,
    pub is_full_range: bool,
}

impl Frame {
    /// Decodes the first frame that is shown. One that is larger is not even begun.
    pub(super) fn decode(data: &[u8], width: u32, height: u32) -> Result<Self, ImageProblem> {
        match count_frames(data)? {
            0 => return Err(no_picture()),
            1..=MOST_FRAMES => {}
            many => {
                return Err(ImageProblem::Damaged(format!("{many} frames, which no photo has")));
            }
        }
        let mut decoder = Decoder::open(width.saturating_mul(height))?;
        decoder.take(data)?;
        let frame = decoder.frame()?;
        match frame.size() == (width, height) && matches!(frame.bits(), 8 | 10 | 12) {
            true => Ok(frame),
            false => Err(damaged("its picture has another size than it says")),
        }
    }

    /// Width and height.
    pub(super) fn size(&self) -> (u32, u32) {
        (self.0.p.w.unsigned_abs(), self.0.p.h.unsigned_abs())
    }

    /// Bits of a sample: 8, 10 or 12. More than 8 are in two bytes of this machine's order.
    pub(super) fn bits(&self) -> u32 {
        self.0.p.bpc.unsigned_abs()
    }

    /// By how many powers of two the planes of colour are narrower and lower; `None` for grey.
    pub(super) fn chroma_shift(&self) -> Option<(u32, u32)> {
        match self.0.p.layout {
            DAV1D_PIXEL_LAYOUT_I400 => None,
            DAV1D_PIXEL_LAYOUT_I420 => Some((1, 1)),
            DAV1D_PIXEL_LAYOUT_I422 => Some((1, 0)),
            _ => Some((0, 0)),
        }
    }

    /// The bytes of a plane, and how many are from one row to the next.
    #[allow(unsafe_code)]
    pub(super) fn plane(&self, index: usize, rows: usize) -> (&[u8], usize) {
        let stride = self.0.stride[index.min(1)].unsigned_abs();
        let Some(start) = self.0.data[index] else { return (&[], 1) };
        // SAFETY: dav1d's own allocator lays a plane out from top to bottom in as many rows as the
        // frame has, the last one as long as the others, and keeps it until `dav1d_picture_unref`.
        let bytes =
            unsafe { std::slice::from_raw_parts(start.as_ptr().cast::<u8>(), stride * rows) };
        (bytes, stride)
    }

    #[allow(unsafe_code)]
    pub(super) fn colours(&self) -> Colours {
        // SAFETY: where there is a pointer, it is to a header that lives as long as the frame.
        let header: Option<&Dav1dSequenceHeader> =
            self.0.seq_hdr.map(|header| unsafe { &*header.as_ptr() });
        let of = |header: &Dav1dSequenceHeader| Colours {
            primaries: header.pri,
            matrix: header.mtrx,
            is_full_range: header.color_range != 0,
        };
        header.map_or(Colours { primaries: 2, matrix: 2, is_full_range: false }, of)
    }
}

impl Drop for Frame {
    #[allow(unsafe_code)]
    fn drop(&mut self) {
        // SAFETY: the frame came from `dav1d_get_picture`, and nobody sees it after this.
        unsafe { dav1d::dav1d_picture_unref(Some(NonNull::from(&mut self.0))) };
    }
}

struct Decoder {
    context: Option<Dav1dContext>,
    /// What was not taken yet.
    data: Dav1dData,
}

impl Decoder {
    #[allow(unsafe_code)]
    fn open(most_pixels: u32) -> Result<Self, ImageProblem> {
        let mut settings = std::mem::MaybeUninit::<Dav1dSettings>::uninit();
        // SAFETY: `dav1d_default_settings` is documented to fill in all of it.
        let mut settings = unsafe {
            let place = NonNull::new_unchecked(settings.as_mut_ptr());
            dav1d::dav1d_default_settings(place);
            settings.assume_init()
        };
        // Images are decoded side by side already.
        settings.n_threads = 1;
        settings.max_frame_delay = 1;
        settings.all_layers = 0;
        settings.frame_size_limit = most_pixels;
        // SAFETY: without a function there is none to be called wrongly.
        settings.logger = unsafe { Dav1dLogger::new(None, None) };
        let mut context = None;
        // SAFETY: both point to values that live through the call.
        let result = unsafe {
            dav1d::dav1d_open(Some(NonNull::from(&mut context)), Some(NonNull::from(&mut settings)))
        };
        match result.0 {
            0 => Ok(Self { context, data: Dav1dData::default() }),
            code => Err(failed(code)),
        }
    }

    #[allow(unsafe_code)]
    fn take(&mut self, data: &[u8]) -> Result<(), ImageProblem> {
        // SAFETY: the place is ours, and comes back with as many bytes as were asked for, or null.
        unsafe {
            let place = dav1d::dav1d_data_create(Some(NonNull::from(&mut self.data)), data.len());
            if place.is_null() {
                return Err(failed(-libc::ENOMEM));
            }
            place.copy_from_nonoverlapping(data.as_ptr(), data.len());
        }
        Ok(())
    }

    #[allow(unsafe_code)]
    fn frame(&mut self) -> Result<Frame, ImageProblem> {
        loop {
            let is_pending = self.data.sz > 0;
            if is_pending {
                // SAFETY: an open decoder, and data that `dav1d_data_create` made.
                let sent = unsafe {
                    dav1d::dav1d_send_data(self.context, Some(NonNull::from(&mut self.data)))
                };
                is_ok_or_again(sent)?;
            }
            let mut picture = Dav1dPicture::default();
            // SAFETY: an open decoder, and a place for what it gives.
            let got = unsafe {
                dav1d::dav1d_get_picture(self.context, Some(NonNull::from(&mut picture)))
            };
            let frame = Frame(picture);
            if is_ok_or_again(got)? {
                return Ok(frame);
            }
            if !is_pending {
                return Err(no_picture());
            }
        }
    }
}

impl Drop for Decoder {
    #[allow(unsafe_code)]
    fn drop(&mut self) {
        // SAFETY: both came from the decoder, and nobody sees them after this.
        unsafe {
            dav1d::dav1d_data_unref(Some(NonNull::from(&mut self.data)));
            dav1d::dav1d_close(Some(NonNull::from(&mut self.context)));
        }
    }
}

fn no_picture() -> ImageProblem {
    damaged("there is no picture in its data")
}

/// Whether it succeeded, or is to be tried again.
fn is_ok_or_again(result: Dav1dResult) -> Result<bool, ImageProblem> {
    match result.0 {
        0 => Ok(true),
        code if code == -libc::EAGAIN => Ok(false),
        code => Err(failed(code)),
    }
}

fn failed(code: i32) -> ImageProblem {
    ImageProblem::Damaged(match -code {
        libc::ERANGE => "its picture is larger than it says".to_owned(),
        libc::ENOPROTOOPT => "its AV1 data are of a kind that is not known".to_owned(),
        code => format!("its AV1 data could not be decoded (error {code})"),
    })
}

/// How many frames there are, shown or not: those are short that take as long as any to decode.
fn count_frames(data: &[u8]) -> Result<usize, ImageProblem> {
    const FRAME_HEADER: u8 = 3;
    const FRAME: u8 = 6;
    let mut bytes = Bytes(data);
    let mut count = 0;
    while !bytes.0.is_empty() {
        let head = bytes.take(1)?[0];
        let (kind, has_extension, has_size) = ((head >> 3) & 0xF, head & 4 != 0, head & 2 != 0);
        bytes.take(usize::from(has_extension))?;
        count += usize::from(matches!(kind, FRAME_HEADER | FRAME));
        let mut size = 0_u64;
        // Seven bits at a time, from the lowest; the highest bit says that there are more.
        for shift in (0..56).step_by(7).take_while(|_| has_size) {
            let byte = bytes.take(1)?[0];
            size |= u64::from(byte & 0x7F) << shift;
            if byte >> 7 == 0 {
                break;
            }
        }
        let size = if has_size { size } else { bytes.0.len() as u64 };
        bytes.take(usize::try_from(size).map_err(|_| ImageProblem::Truncated)?)?;
    }
    Ok(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_without_end_are_refused() -> Result<(), ImageProblem> {
        // A temporal delimiter, a frame with an extension and bytes of its own, frame headers.
        let data = |frames| [&[0x12, 0, 0x36, 0, 2, 0, 0][..], &[0x1A, 0].repeat(frames)].concat();
        assert_eq!(count_frames(&data(0))?, 1);
        assert_eq!(count_frames(&data(200))?, 201);
        assert_eq!(count_frames(&data(3)[..12]), Err(ImageProblem::Truncated));
        // A length in two bytes, and the last one without a length, which goes to the end.
        assert_eq!(count_frames(&[&[0x32, 0x81, 1][..], &[0; 129], &[0x30, 9, 9]].concat())?, 2);
        let refused = Frame::decode(&data(200), 8, 8).err();
        assert_eq!(refused, Some(damaged("201 frames, which no photo has")));
        Ok(())
    }
}
