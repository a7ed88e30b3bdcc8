//! ZUC on AVX2 with AES-NI: one message at a time, and eight side by side.

mod batch;
mod lanes;
mod nonlinear;
mod row;
mod single;
mod tables;
mod windows;

pub(crate) use batch::{FEW, cipher, cipher_256, integrity};
pub(crate) use row::LANES;
pub(crate) use single::Keystream;
