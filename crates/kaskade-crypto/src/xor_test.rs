//! The XOR test algorithm of conformance tests and test USIMs (TS 34.108 8.1.2). **For test networks only.**
//!
//! It has no strength at all: whoever sees one RAND and its RES of 16 octets knows K. It is here because test equipment,
//! test SIMs and emulated UEs speak it.
//!
//! ```text
//! XDOUT = K ⊕ RAND                 CDOUT = SQN ‖ AMF
//! f1, f1*: MAC = XDOUT 0..7 ⊕ CDOUT
//! f2: RES = XDOUT 0..n−1           f3: CK = XDOUT 1..15, 0
//! f4: IK = XDOUT 2..15, 0, 1       f5, f5*: AK = XDOUT 3..8
//! ```
//!
//! ```
//! use kaskade_crypto::Rand;
//! use kaskade_crypto::xor_test::{ResLength, TestK, XorTest};
//!
//! let set = XorTest::new(&TestK::from_octets(&[0x0f; 16]), ResLength::new(4)?);
//! assert_eq!(set.f2(&Rand::from_octets([0xf0; 16])).octets(), &[0xff; 4]);
//! # Ok::<(), kaskade_crypto::xor_test::InvalidResLength>(())
//! ```

use crate::algorithm_set::{AlgorithmSet, Vector};
use crate::secret_octets;
use crate::types::{Ak, Amf, Auts, Ck, Ik, MacA, MacS, Rand, Res, Sqn};
use crate::wipe::Wiped;

secret_octets! {
    /// K of a test subscription with this algorithm, 16 octets (TS 34.108 8.1.2).
    ///
    /// A type of its own, and none that a [`K`](crate::K) turns into: RES of a RAND of zeros *is* this key, so that the
    /// K of another algorithm set must not be able to come here.
    pub struct TestK(16) = "K" {}
}

/// n of f2: how many octets RES has, 4 to 16 (TS 34.108 8.1.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ResLength(u8);

/// A length that RES cannot have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("XOR test algorithm: RES of {octets} octets, expected 4 to 16")]
pub struct InvalidResLength {
    /// The length given.
    pub octets: usize,
}

impl ResLength {
    /// 16 octets: the whole XDOUT.
    pub const LONGEST: Self = Self(16);

    /// Takes 4 to 16 octets.
    ///
    /// # Errors
    /// [`InvalidResLength`] for any other length.
    pub fn new(octets: usize) -> Result<Self, InvalidResLength> {
        match u8::try_from(octets) {
            Ok(len @ 4..=16) => Ok(Self(len)),
            _ => Err(InvalidResLength { octets }),
        }
    }

    /// The length in octets.
    pub const fn octets(self) -> u8 {
        self.0
    }
}

/// 16 octets.
impl Default for ResLength {
    fn default() -> Self {
        Self::LONGEST
    }
}

/// The XOR test algorithm of one test subscription. Wiped on drop.
#[derive(Clone)]
pub struct XorTest {
    k: TestK,
    res_length: ResLength,
}

impl XorTest {
    /// Takes K and the length of RES.
    pub fn new(k: &TestK, res_length: ResLength) -> Self {
        Self {
            k: k.clone(),
            res_length,
        }
    }

    /// f1: MAC-A over SQN, RAND and AMF, 8 octets (TS 34.108 8.1.2).
    pub fn f1(&self, rand: &Rand, sqn: Sqn, amf: Amf) -> MacA {
        MacA::from_octets(self.mac(rand, sqn, amf))
    }

    /// f1*: MAC-S, computed as f1 is, 8 octets (TS 34.108 8.1.2).
    pub fn f1_star(&self, rand: &Rand, sqn_ms: Sqn, amf_star: Amf) -> MacS {
        MacS::from_octets(self.mac(rand, sqn_ms, amf_star))
    }

    /// f2 to f5 of one RAND: RES (4 to 16 octets), CK, IK (16 each) and AK (6) (TS 34.108 8.1.2).
    pub fn f2345(&self, rand: &Rand) -> (Res, Ck, Ik, Ak) {
        let mut xdout = self.xdout(rand);
        let Wiped(octets) = &mut xdout;
        let res = Res::from_first(*octets, self.res_length.octets());
        octets.rotate_left(1);
        let ck = Ck::from_octets(octets);
        octets.rotate_left(1);
        let ik = Ik::from_octets(octets);
        let [_, a, b, c, d, e, f, ..] = *octets;
        (res, ck, ik, Ak::from_octets(&[a, b, c, d, e, f]))
    }

    /// f2: RES, 4 to 16 octets (TS 34.108 8.1.2).
    pub fn f2(&self, rand: &Rand) -> Res {
        self.f2345(rand).0
    }

    /// f3: CK, 16 octets (TS 34.108 8.1.2).
    pub fn f3(&self, rand: &Rand) -> Ck {
        self.f2345(rand).1
    }

    /// f4: IK, 16 octets (TS 34.108 8.1.2).
    pub fn f4(&self, rand: &Rand) -> Ik {
        self.f2345(rand).2
    }

    /// f5: AK, 6 octets (TS 34.108 8.1.2).
    pub fn f5(&self, rand: &Rand) -> Ak {
        self.f2345(rand).3
    }

    /// f5*: AK, the same as f5 (TS 34.108 8.1.2).
    pub fn f5_star(&self, rand: &Rand) -> Ak {
        self.f5(rand)
    }

    /// The whole vector of one challenge (TS 33.102 6.3.2).
    pub fn vector(&self, rand: &Rand, sqn: Sqn, amf: Amf) -> Vector {
        AlgorithmSet::vector(self, rand, sqn, amf)
    }

    /// SQN_MS out of AUTS; `None` when its MAC-S is not the one that this K gives for RAND (TS 33.102 6.3.5).
    pub fn verify_auts(&self, rand: &Rand, auts: &Auts) -> Option<Sqn> {
        AlgorithmSet::verify_auts(self, rand, auts)
    }

    /// AUTS for SQN_MS: what a USIM answers to a challenge that is not fresh (TS 33.102 6.3.3).
    pub fn auts(&self, rand: &Rand, sqn_ms: Sqn) -> Auts {
        AlgorithmSet::auts(self, rand, sqn_ms)
    }

    /// XDOUT.
    fn xdout(&self, rand: &Rand) -> Wiped<u8, 16> {
        let mut xdout = Wiped(*self.k.secret_octets());
        for (octet, rand) in xdout.0.iter_mut().zip(rand.octets()) {
            *octet ^= rand;
        }
        xdout
    }

    fn mac(&self, rand: &Rand, sqn: Sqn, amf: Amf) -> [u8; 8] {
        let Wiped([a, b, c, d, e, f, g, h, ..]) = self.xdout(rand);
        let cdout = sqn.value() << 16 | u64::from(u16::from_be_bytes(*amf.octets()));
        (u64::from_be_bytes([a, b, c, d, e, f, g, h]) ^ cdout).to_be_bytes()
    }
}

impl AlgorithmSet for XorTest {
    fn f1(&self, rand: &Rand, sqn: Sqn, amf: Amf) -> MacA {
        self.f1(rand, sqn, amf)
    }

    fn f1_star(&self, rand: &Rand, sqn_ms: Sqn, amf_star: Amf) -> MacS {
        self.f1_star(rand, sqn_ms, amf_star)
    }

    fn f2345(&self, rand: &Rand) -> (Res, Ck, Ik, Ak) {
        self.f2345(rand)
    }

    fn f5_star(&self, rand: &Rand) -> Ak {
        self.f5_star(rand)
    }
}

impl core::fmt::Debug for XorTest {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("XorTest(…)")
    }
}
