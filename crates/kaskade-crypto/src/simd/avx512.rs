//! Back ends on AVX-512 with GFNI, VAES and VPCLMULQDQ.

pub(crate) mod polyval;
pub(crate) mod sha256_lanes;
pub(crate) mod snow3g;
pub(crate) mod snow3g_hash;
pub(crate) mod snow3g_lanes;
pub(crate) mod snow5g;
pub(crate) mod zuc;
