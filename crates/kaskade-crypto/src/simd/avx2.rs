//! Back ends on AVX2 with AES-NI and PCLMULQDQ.

pub(crate) mod aes_ctr;
pub(crate) mod polyval;
mod row;
pub(crate) mod snow3g;
pub(crate) mod snow5g;
pub(crate) mod zuc;
