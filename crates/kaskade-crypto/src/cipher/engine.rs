//! Which instructions the ciphers run on.

use super::{BackEnd, BackEndNotAvailable};
#[cfg(x86_back_ends)]
use crate::simd::features::{Avx2, Avx512};

/// A back end, with the proof that the processor has its instructions.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Engine {
    /// Any processor.
    Portable,
    /// AVX2 with AES-NI and PCLMULQDQ.
    #[cfg(x86_back_ends)]
    Avx2(Avx2),
    /// AVX-512 with GFNI, VAES and VPCLMULQDQ.
    #[cfg(x86_back_ends)]
    Avx512(Avx512),
}

impl Engine {
    /// The fastest that this processor has.
    #[cfg(x86_back_ends)]
    pub(crate) fn fastest() -> Self {
        if let Some(proof) = Avx512::detect() {
            Self::Avx512(proof)
        } else if let Some(proof) = Avx2::detect() {
            Self::Avx2(proof)
        } else {
            Self::Portable
        }
    }

    /// The fastest that this processor has.
    #[cfg(not(x86_back_ends))]
    pub(crate) fn fastest() -> Self {
        Self::Portable
    }

    /// That of one back end.
    pub(crate) fn of(back_end: BackEnd) -> Result<Self, BackEndNotAvailable> {
        match back_end {
            BackEnd::Portable => Some(Self::Portable),
            #[cfg(x86_back_ends)]
            BackEnd::Avx2 => Avx2::detect().map(Self::Avx2),
            #[cfg(x86_back_ends)]
            BackEnd::Avx512 => Avx512::detect().map(Self::Avx512),
            #[cfg(not(x86_back_ends))]
            BackEnd::Avx2 | BackEnd::Avx512 => None,
        }
        .ok_or(BackEndNotAvailable(back_end))
    }

    pub(crate) fn back_end(self) -> BackEnd {
        match self {
            Self::Portable => BackEnd::Portable,
            #[cfg(x86_back_ends)]
            Self::Avx2(_) => BackEnd::Avx2,
            #[cfg(x86_back_ends)]
            Self::Avx512(_) => BackEnd::Avx512,
        }
    }

    /// The proof that the processor has the instructions, if this engine is on AVX-512.
    #[cfg(x86_back_ends)]
    #[inline]
    pub(crate) fn avx512(self) -> Option<Avx512> {
        match self {
            Self::Avx512(proof) => Some(proof),
            Self::Portable | Self::Avx2(_) => None,
        }
    }

    /// The proof that the processor has the instructions, if this engine is on AVX2.
    #[cfg(x86_back_ends)]
    #[inline]
    pub(crate) fn avx2(self) -> Option<Avx2> {
        match self {
            Self::Avx2(proof) => Some(proof),
            Self::Portable | Self::Avx512(_) => None,
        }
    }

    /// The proof that the processor has the instructions, if there are engines and all are on AVX2.
    #[cfg(x86_back_ends)]
    pub(crate) fn all_avx2(mut engines: impl Iterator<Item = Self>) -> Option<Avx2> {
        engines.try_fold(None, |_, engine| engine.avx2().map(Some))?
    }

    /// The proof that the processor has the instructions, if there are engines and all are on AVX-512.
    #[cfg(x86_back_ends)]
    pub(crate) fn all_avx512(mut engines: impl Iterator<Item = Self>) -> Option<Avx512> {
        engines.try_fold(None, |_, engine| engine.avx512().map(Some))?
    }
}
