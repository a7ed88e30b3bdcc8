//! ZUC on AVX2 with AES-NI: one message at a time, and eight side by side.

mod batch;
mod lanes;
mod nonlinear;
mod single;
mod tables;
mod windows;

pub(crate) use batch::{FEW, LANES, cipher, cipher_256, integrity};
pub(crate) use single::Keystream;
