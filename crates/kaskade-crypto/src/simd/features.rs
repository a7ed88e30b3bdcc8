//! Which instructions the processor has, asked once.

cpufeatures::new!(
    avx512,
    "avx512f",
    "avx512bw",
    "avx512dq",
    "avx512vl",
    "avx512vbmi",
    "avx512vbmi2",
    "avx512ifma",
    "gfni",
    "vaes",
    "vpclmulqdq",
    "aes",
    "pclmulqdq"
);
cpufeatures::new!(avx2, "avx2", "aes", "pclmulqdq");
cpufeatures::new!(aes_instructions, "aes", "ssse3");

/// AES-NI alone, with the SSSE3 that every such processor has: Intel Westmere, AMD Bulldozer, and later ones.
///
/// Asked here and not of the `aes` crate, which a build may bind to its software (`--cfg aes_backend="soft"`): then both
/// are there, to be compared.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AesInstructions(());

impl AesInstructions {
    /// The proof that the processor has them; `None` where it has not.
    #[inline]
    pub(crate) fn detect() -> Option<Self> {
        aes_instructions::get().then_some(Self(()))
    }
}

/// AVX2 with AES-NI and PCLMULQDQ, and SSE up to 4.1, which AVX2 brings along: Intel Haswell, AMD Zen, and later ones.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Avx2(());

impl Avx2 {
    /// The proof that the processor has them; `None` where it has not.
    #[inline]
    pub(crate) fn detect() -> Option<Self> {
        avx2::get().then_some(Self(()))
    }

    /// The proof that the processor has VAES and VPCLMULQDQ too.
    ///
    /// Asked of the standard library: the crate `cpufeatures` says so only where there is AVX-512 too.
    #[inline]
    pub(crate) fn with_vaes(self) -> Option<Vaes> {
        #[cfg(feature = "std")]
        let has_both = std::arch::is_x86_feature_detected!("vaes") && std::arch::is_x86_feature_detected!("vpclmulqdq");
        #[cfg(not(feature = "std"))]
        let has_both = false;
        has_both.then_some(Vaes(()))
    }
}

/// AVX2 with VAES and VPCLMULQDQ, which do two blocks an instruction: AMD Zen 3, Intel Alder Lake, and later ones.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Vaes(());

/// AVX-512 (F, BW, DQ, VL, VBMI, VBMI2, IFMA) with GFNI, VAES and VPCLMULQDQ: Intel Ice Lake, AMD Zen 4, and later ones.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Avx512(());

impl Avx512 {
    /// The proof that the processor has them; `None` where it has not.
    #[inline]
    pub(crate) fn detect() -> Option<Self> {
        avx512::get().then_some(Self(()))
    }
}
