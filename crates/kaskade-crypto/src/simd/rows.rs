//! Words of several messages side by side: in registers, in memory, and from the one order to the other.

pub(super) mod avx2;
pub(super) mod avx512;

use core::arch::x86_64::__m128i;

/// A lane in each lane of a register that has one.
#[inline]
#[target_feature(enable = "sse2")]
pub(super) fn itself(lane: __m128i) -> __m128i {
    lane
}
