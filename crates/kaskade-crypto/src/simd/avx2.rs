//! Back ends on AVX2 with AES-NI and PCLMULQDQ.

pub(crate) mod snow3g;
pub(crate) mod zuc;
