//! SNOW 3G on AVX-512 with GFNI: one message at a time, and sixteen side by side.

mod hash;
mod lanes;
mod single;

pub(crate) use hash::mac;
pub(crate) use lanes::{LANES, apply as apply_lanes, five_words as five_words_of_lanes};
pub(crate) use single::{apply, five_words};
