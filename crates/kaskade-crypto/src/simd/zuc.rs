//! ZUC, and the sum that 128-EIA3 takes over a message.

pub(crate) mod avx2;
pub(crate) mod avx512;
mod tables;
