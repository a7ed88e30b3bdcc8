//! Which instructions the ciphers run on.

use super::{BackEnd, BackEndNotAvailable};
#[cfg(target_arch = "x86_64")]
use crate::simd::features::Avx512;

/// A back end, with the proof that the processor has its instructions.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Engine {
    /// Any processor.
    Portable,
    /// AVX-512 with GFNI, VAES and VPCLMULQDQ.
    #[cfg(target_arch = "x86_64")]
    Avx512(Avx512),
}

impl Engine {
    /// The fastest that this processor has.
    pub(crate) fn fastest() -> Self {
        Self::accelerated().unwrap_or(Self::Portable)
    }

    /// That of one back end.
    pub(crate) fn of(back_end: BackEnd) -> Result<Self, BackEndNotAvailable> {
        match back_end {
            BackEnd::Portable => Ok(Self::Portable),
            BackEnd::Accelerated => Self::accelerated().ok_or(BackEndNotAvailable),
        }
    }

    pub(crate) fn back_end(self) -> BackEnd {
        match self {
            Self::Portable => BackEnd::Portable,
            #[cfg(target_arch = "x86_64")]
            Self::Avx512(_) => BackEnd::Accelerated,
        }
    }

    /// The proof that the processor has the instructions, if there are engines and all are accelerated.
    #[cfg(target_arch = "x86_64")]
    pub(crate) fn all_accelerated(mut engines: impl Iterator<Item = Self>) -> Option<Avx512> {
        engines.try_fold(None, |_, engine| match engine {
            Self::Portable => None,
            Self::Avx512(avx512) => Some(Some(avx512)),
        })?
    }

    #[cfg(target_arch = "x86_64")]
    fn accelerated() -> Option<Self> {
        Avx512::detect().map(Self::Avx512)
    }

    #[cfg(not(target_arch = "x86_64"))]
    fn accelerated() -> Option<Self> {
        None
    }
}
