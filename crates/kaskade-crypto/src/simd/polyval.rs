//! POLYVAL with a last product of its own: the code of the 256-bit algorithms.

pub(crate) mod avx2;
pub(crate) mod avx512;
