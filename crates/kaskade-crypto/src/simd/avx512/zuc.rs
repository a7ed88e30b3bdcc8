//! ZUC on AVX-512 with GFNI: one message at a time, and sixteen side by side.

mod batch;
mod lanes;
mod row;
mod single;
mod tables;
mod windows;

pub(crate) use batch::{FEW, cipher, cipher_256, integrity};
pub(crate) use row::LANES;
pub(crate) use single::Keystream;
