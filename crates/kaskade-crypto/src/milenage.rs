//! MILENAGE: the example algorithm set f1, f1*, f2 to f5, f5* around AES-128 (TS 35.205, TS 35.206).
//!
//! ```text
//! TEMP = E_K(RAND ⊕ OPc)                 IN1 = SQN ‖ AMF ‖ SQN ‖ AMF
//! OUT1 = E_K(TEMP ⊕ rot(IN1 ⊕ OPc, r1) ⊕ c1) ⊕ OPc
//! OUTi = E_K(rot(TEMP ⊕ OPc, ri) ⊕ ci) ⊕ OPc, i = 2..5
//! ```
//!
//! | Function | Output | Octets |
//! |---|---|---|
//! | f1 | MAC-A | OUT1 0..7 |
//! | f1* | MAC-S | OUT1 8..15 |
//! | f2 | RES | OUT2 8..15 |
//! | f5 | AK | OUT2 0..5 |
//! | f3 | CK | OUT3 |
//! | f4 | IK | OUT4 |
//! | f5* | AK of a resynchronisation | OUT5 0..5 |
//!
//! An authentication vector takes exactly five AES blocks: TEMP, then OUT1 to OUT4 side by side.
//!
//! ```
//! use kaskade_crypto::milenage::Milenage;
//! use kaskade_crypto::{Amf, K, Op, Opc, Rand, Sqn};
//!
//! let k = K::from_octets(&[0x46; 16]);
//! let opc = Opc::derive(&k, &Op::from_octets(&[0xcd; 16]));
//! let milenage = Milenage::new(&k, &opc);
//! let (rand, sqn) = (Rand::from_octets([0x23; 16]), Sqn::from_octets([0, 0, 0, 0, 0, 32]));
//! let vector = milenage.vector(&rand, sqn, Amf::SEPARATION);
//! assert_eq!(vector.autn().mac_a(), milenage.f1(&rand, sqn, Amf::SEPARATION));
//! ```

mod batch;
mod constants;
mod framework;

use crate::algorithm_set::{AlgorithmSet, Vector};
use crate::block_cipher::{Aes128, Keyed};
use crate::types::{Ak, Amf, Auts, Ck, Ik, K, MacA, MacS, Op, Opc, Rand, Res, Sqn};
use crate::wipe::Wiped;
use framework::{NO_IN1, OUT1, OUT2, OUT3, OUT4, OUT5, in1};

pub use batch::{LengthsDiffer, Request, vectors};
pub use constants::{InvalidConstants, OperatorConstants};

/// OPc = E_K(OP) ⊕ OP: binds the operator variant to one K (TS 35.206 4.1).
pub fn opc(k: &K, op: &Op) -> Opc {
    Opc::derive(k, op)
}

impl Opc {
    /// OPc = E_K(OP) ⊕ OP: binds the operator variant to one K (TS 35.206 4.1).
    pub fn derive(k: &K, op: &Op) -> Self {
        let Wiped([octets]) = &framework::encrypt_and_add(&Aes128::new(k.secret_octets()), op.secret_octets());
        Self::from_octets(octets)
    }
}

/// MILENAGE of one subscription: the key schedule of K, OPc and the operator's constants. Wiped on drop.
#[derive(Clone)]
pub struct Milenage {
    cipher: Aes128,
    opc: Opc,
    constants: OperatorConstants,
}

impl Milenage {
    /// Takes K and OPc, with the constants of TS 35.206 4.1.
    #[inline]
    pub fn new(k: &K, opc: &Opc) -> Self {
        Self::with_constants(k, opc, &OperatorConstants::STANDARD)
    }

    /// Takes K and OPc, with an operator's own constants (TS 35.206 5.3).
    #[inline]
    pub fn with_constants(k: &K, opc: &Opc, constants: &OperatorConstants) -> Self {
        Aes128::within(
            k.secret_octets(),
            #[inline(always)]
            |cipher| Self {
                cipher,
                opc: opc.clone(),
                constants: *constants,
            },
        )
    }

    /// f1: MAC-A over SQN, RAND and AMF, 8 octets (TS 35.206 4.1).
    pub fn f1(&self, rand: &Rand, sqn: Sqn, amf: Amf) -> MacA {
        let Wiped([out1]) = &self.outputs::<OUT1, 1>(rand, in1(sqn, amf));
        mac_a(out1)
    }

    /// f1*: MAC-S over SQN_MS, RAND and AMF*, 8 octets (TS 35.206 4.1).
    ///
    /// AMF* is [`Amf::RESYNCHRONISATION`] in a resynchronisation (TS 33.102 6.3.3).
    pub fn f1_star(&self, rand: &Rand, sqn_ms: Sqn, amf_star: Amf) -> MacS {
        let Wiped([out1]) = &self.outputs::<OUT1, 1>(rand, in1(sqn_ms, amf_star));
        mac_s(out1)
    }

    /// f2 to f5 of one RAND: RES (8 octets), CK, IK (16 each) and AK (6), in four AES blocks (TS 35.206 4.1).
    pub fn f2345(&self, rand: &Rand) -> (Res, Ck, Ik, Ak) {
        let Wiped([out2, out3, out4]) = &self.outputs::<{ OUT2 | OUT3 | OUT4 }, 3>(rand, NO_IN1);
        (res(out2), Ck::from_octets(out3), Ik::from_octets(out4), ak(out2))
    }

    /// f2: RES, 8 octets (TS 35.206 4.1).
    pub fn f2(&self, rand: &Rand) -> Res {
        let Wiped([out2]) = &self.outputs::<OUT2, 1>(rand, NO_IN1);
        res(out2)
    }

    /// f3: CK, 16 octets (TS 35.206 4.1).
    pub fn f3(&self, rand: &Rand) -> Ck {
        let Wiped([out3]) = &self.outputs::<OUT3, 1>(rand, NO_IN1);
        Ck::from_octets(out3)
    }

    /// f4: IK, 16 octets (TS 35.206 4.1).
    pub fn f4(&self, rand: &Rand) -> Ik {
        let Wiped([out4]) = &self.outputs::<OUT4, 1>(rand, NO_IN1);
        Ik::from_octets(out4)
    }

    /// f5: AK, 6 octets, hides SQN in AUTN (TS 35.206 4.1).
    pub fn f5(&self, rand: &Rand) -> Ak {
        let Wiped([out2]) = &self.outputs::<OUT2, 1>(rand, NO_IN1);
        ak(out2)
    }

    /// f5*: AK, 6 octets, hides SQN_MS in AUTS (TS 35.206 4.1).
    pub fn f5_star(&self, rand: &Rand) -> Ak {
        let Wiped([out5]) = &self.outputs::<OUT5, 1>(rand, NO_IN1);
        ak(out5)
    }

    /// The whole vector of one challenge, f1 to f5, in five AES blocks (TS 33.102 6.3.2).
    #[inline]
    pub fn vector(&self, rand: &Rand, sqn: Sqn, amf: Amf) -> MilenageVector {
        MilenageVector::new(&self.cipher, &self.opc, &self.constants, rand, sqn, amf)
    }

    /// SQN_MS out of AUTS; `None` when its MAC-S is not the one that this K gives for RAND (TS 33.102 6.3.5).
    ///
    /// SQN_MS is opened with f5*, MAC-S is computed with AMF* of zero and compared in constant time.
    pub fn verify_auts(&self, rand: &Rand, auts: &Auts) -> Option<Sqn> {
        AlgorithmSet::verify_auts(self, rand, auts)
    }

    /// AUTS for SQN_MS: what a USIM answers to a challenge that is not fresh (TS 33.102 6.3.3).
    pub fn auts(&self, rand: &Rand, sqn_ms: Sqn) -> Auts {
        let Wiped([out1, out5]) = &self.outputs::<{ OUT1 | OUT5 }, 2>(rand, in1(sqn_ms, Amf::RESYNCHRONISATION));
        Auts::from_parts(sqn_ms.xor_ak(&ak(out5)), &mac_s(out1))
    }

    /// The `N` outputs whose bits are set in `WANTED`, in order.
    #[inline(always)]
    fn outputs<const WANTED: u8, const N: usize>(&self, rand: &Rand, in1: u128) -> Wiped<[u8; 16], N> {
        framework::outputs::<WANTED, N>(&self.cipher, &self.opc, &self.constants, rand, in1)
    }
}

impl core::fmt::Debug for Milenage {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Milenage(…)")
    }
}

/// What [`Milenage::vector`] gives: RES has 8 octets.
pub type MilenageVector = Vector;

impl MilenageVector {
    #[inline(always)]
    fn new(cipher: &impl Keyed, opc: &Opc, constants: &OperatorConstants, rand: &Rand, sqn: Sqn, amf: Amf) -> Self {
        let Wiped([out1, out2, out3, out4]) =
            &framework::outputs::<{ OUT1 | OUT2 | OUT3 | OUT4 }, 4>(cipher, opc, constants, rand, in1(sqn, amf));
        let outputs = (res(out2), Ck::from_octets(out3), Ik::from_octets(out4), ak(out2));
        Self::from_outputs(sqn, amf, mac_a(out1), outputs)
    }
}

impl AlgorithmSet for Milenage {
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

    #[inline]
    fn vector(&self, rand: &Rand, sqn: Sqn, amf: Amf) -> Vector {
        self.vector(rand, sqn, amf)
    }

    fn auts(&self, rand: &Rand, sqn_ms: Sqn) -> Auts {
        self.auts(rand, sqn_ms)
    }
}

#[inline(always)]
fn mac_a([a, b, c, d, e, f, g, h, ..]: &[u8; 16]) -> MacA {
    MacA::from_octets([*a, *b, *c, *d, *e, *f, *g, *h])
}

#[inline(always)]
fn mac_s([.., a, b, c, d, e, f, g, h]: &[u8; 16]) -> MacS {
    MacS::from_octets([*a, *b, *c, *d, *e, *f, *g, *h])
}

#[inline(always)]
fn res([.., a, b, c, d, e, f, g, h]: &[u8; 16]) -> Res {
    Res::from_octets([*a, *b, *c, *d, *e, *f, *g, *h])
}

#[inline(always)]
fn ak([a, b, c, d, e, f, ..]: &[u8; 16]) -> Ak {
    Ak::from_octets(&[*a, *b, *c, *d, *e, *f])
}
