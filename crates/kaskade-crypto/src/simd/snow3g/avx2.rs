//! SNOW 3G on AVX2, AES-NI and PCLMULQDQ: one message at a time, and eight side by side.

mod boxes;
mod hash;
mod images;
mod lanes;
mod single;

pub(crate) use hash::mac;
pub(crate) use lanes::{LANES, apply as apply_lanes, five_words as five_words_of_lanes};
pub(crate) use single::{apply, five_words};
