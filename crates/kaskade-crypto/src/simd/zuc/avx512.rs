//! ZUC on AVX-512 with GFNI: one message at a time, and sixteen side by side.

mod batch;
mod lanes;
mod single;
mod tables;
mod windows;

pub(crate) use batch::{FEW, LANES, cipher, cipher_256, integrity};
pub(crate) use single::Keystream;
