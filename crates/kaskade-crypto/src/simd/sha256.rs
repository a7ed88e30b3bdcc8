//! SHA-256: one message on the SHA instructions, sixteen side by side on AVX-512.

pub(crate) mod avx512;
pub(crate) mod ni;
