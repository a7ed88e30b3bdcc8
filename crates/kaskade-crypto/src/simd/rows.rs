//! Words of several messages side by side: in registers, in memory, and from the one order to the other.

pub(super) mod avx2;
pub(super) mod avx512;
