//! ZUC on AVX2 with AES-NI: one message at a time, and eight side by side.

mod nonlinear;
mod single;
mod tables;
mod windows;

pub(crate) use single::Keystream;
