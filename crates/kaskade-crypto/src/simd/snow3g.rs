//! SNOW 3G, and the hash of 128-NIA1 over its first five words.

pub(crate) mod avx2;
pub(crate) mod avx512;
