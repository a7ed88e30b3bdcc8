//! SNOW 5G: the round once, for all widths of the processor's registers.

pub(crate) mod avx2;
pub(crate) mod avx512;
mod registers;
