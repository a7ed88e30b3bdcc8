//! The 2G side: triplets from COMP128 or out of a 3G vector, and the conversions between the keys of both.
//!
//! | Name | What | Source |
//! |---|---|---|
//! | [`comp128v1`], [`comp128v2`], [`comp128v3`] | A3/A8 of GSM cards: K, RAND → SRES, Kc | published, never by ETSI |
//! | [`c2`] | RES → SRES | TS 33.102 6.8.1.2 |
//! | [`c3`] | CK, IK → Kc | TS 33.102 6.8.1.2 |
//! | [`c4`], [`c5`] | Kc → CK, Kc → IK, for a GSM subscriber under UTRAN | TS 33.102 6.8 |
//! | [`Triplet::from_vector`] | GSM-MILENAGE and its like: f2 to f4, then c2 and c3 | TS 55.205, TS 33.102 6.8.1.2 |
//!
//! c1 is the identity: RAND of the triplet is RAND of the vector.
//!
//! All three versions of COMP128 are weak. v1 gives K away to whoever may ask a card some ten thousand times, v1 and v2
//! make a Kc of 54 bits. They are here for cards that are still in the field; no new card should have them.
//!
//! ```
//! use kaskade_crypto::gsm::{SresFunction, Triplet};
//! use kaskade_crypto::milenage::Milenage;
//! use kaskade_crypto::{K, Opc, Rand};
//!
//! let rand = Rand::from_octets([0x23; 16]);
//! let (res, ck, ik, _) = Milenage::new(&K::from_octets(&[0x46; 16]), &Opc::from_octets(&[0xcd; 16])).f2345(&rand);
//! let triplet = Triplet::from_vector(&rand, &res, &ck, &ik, SresFunction::Folded);
//! assert_eq!(triplet.kc, kaskade_crypto::gsm::c3(&ck, &ik));
//! ```

mod comp128v1;
mod comp128v23;
mod look_up;
mod tables;

use crate::secret_octets;
use crate::types::{Ck, Ik, Rand, Res};
use crate::wipe::Wiped;

secret_octets! {
    /// Ki: the long-term secret of a GSM card, 16 octets (TS 43.020).
    ///
    /// A type of its own, and none that a [`K`](crate::K) turns into: whoever may ask COMP128v1 some ten thousand times
    /// learns its key, so that the K of another algorithm set must not be able to come here.
    pub struct Ki(16) = "Ki" {}

    /// SRES: what a GSM card answers, and what the network expects. 4 octets (TS 43.020).
    pub struct Sres(4) = "SRES" {
        /// To a row of the cascade, which gives it as its child.
        expose_to_derivation,
        /// To the serving network in a triplet, or from the card to it.
        expose_to_serving_network,
    }

    /// Kc: the ciphering key of GSM. 8 octets; in COMP128v1 and v2 the last 10 bits are 0 (TS 43.020).
    pub struct Kc(8) = "Kc", shown_to_operator {
        /// To a derivation outside this crate, which has Kc as its key.
        expose_to_derivation,
        /// To the serving network in a triplet, or from the card to the device.
        expose_to_serving_network,
    }

    /// Kc128: the ciphering key of A5/4 and GEA4. 16 octets (TS 33.102 B.5).
    pub struct Kc128(16) = "Kc128", shown_to_operator {}
}

/// A GSM authentication vector (TS 33.102 6.8.1.1, TS 43.020).
#[derive(Clone, Debug)]
pub struct Triplet {
    /// RAND.
    pub rand: Rand,
    /// SRES, as the card must answer.
    pub sres: Sres,
    /// Kc.
    pub kc: Kc,
}

/// How SRES comes out of RES (TS 55.205).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum SresFunction {
    /// [`c2`], what TS 33.102 6.8.1.2 has: all words of RES added. TS 55.205 calls it #1.
    #[default]
    Folded,
    /// The first four octets of RES. TS 55.205 calls it #2.
    Truncated,
}

impl SresFunction {
    /// SRES, 4 octets.
    pub fn sres(self, res: &Res) -> Sres {
        match (self, res.octets()) {
            (Self::Truncated, &[a, b, c, d, ..]) => Sres::from_octets(&[a, b, c, d]),
            _ => c2(res),
        }
    }
}

impl Triplet {
    /// Out of RES, CK and IK of a 3G set: Kc by [`c3`], SRES as the card of the subscription does it.
    ///
    /// With MILENAGE this is GSM-MILENAGE (TS 55.205); SEAF, MSC and card of TS 33.102 use [`SresFunction::Folded`].
    pub fn from_vector(rand: &Rand, res: &Res, ck: &Ck, ik: &Ik, sres: SresFunction) -> Self {
        Self {
            rand: *rand,
            sres: sres.sres(res),
            kc: c3(ck, ik),
        }
    }
}

/// c2: SRES = the four words of RES, padded with zeros to 16 octets, added bit by bit (TS 33.102 6.8.1.2).
pub fn c2(res: &Res) -> Sres {
    let mut padded = Wiped([0; 16]);
    for (place, octet) in padded.0.iter_mut().zip(res.octets()) {
        *place = *octet;
    }
    let words = u128::from_be_bytes(padded.0);
    sres(words >> 96 ^ words >> 64 ^ words >> 32 ^ words)
}

/// c3: Kc = the halves of CK and of IK, added bit by bit (TS 33.102 6.8.1.2).
pub fn c3(ck: &Ck, ik: &Ik) -> Kc {
    let [ck, ik] = [ck.secret_octets(), ik.secret_octets()].map(|key| u128::from_be_bytes(*key));
    kc(ck >> 64 ^ ck ^ ik >> 64 ^ ik)
}

/// c4: CK = Kc ‖ Kc (TS 33.102 6.8).
pub fn c4(kc: &Kc) -> Ck {
    let mut ck = Wiped([0; 16]);
    let (first, second) = ck.0.split_at_mut(8);
    first.copy_from_slice(kc.secret_octets());
    second.copy_from_slice(kc.secret_octets());
    Ck::from_octets(&ck.0)
}

/// c5: IK = (Kc1 ⊕ Kc2) ‖ Kc ‖ (Kc1 ⊕ Kc2), where Kc1 and Kc2 are the halves of Kc (TS 33.102 6.8).
pub fn c5(kc: &Kc) -> Ik {
    let mut ik = Wiped([0; 16]);
    let [a, b, c, d, e, f, g, h] = *kc.secret_octets();
    let sum = [a ^ e, b ^ f, c ^ g, d ^ h];
    ik.0[..4].copy_from_slice(&sum);
    ik.0[4..12].copy_from_slice(kc.secret_octets());
    ik.0[12..].copy_from_slice(&sum);
    Ik::from_octets(&ik.0)
}

/// COMP128v1: K and RAND of 16 octets to SRES and Kc, whose last 10 bits are 0.
///
/// Reads the whole of a table for each look-up, so that neither time nor caches tell Ki.
pub fn comp128v1(ki: &Ki, rand: &Rand) -> Triplet {
    let Wiped([output]) = &Wiped([comp128v1::output(ki, rand)]);
    triplet(rand, *output >> 96, *output << 10)
}

/// COMP128v2: K and RAND of 16 octets to SRES and Kc, whose last 10 bits are 0: v3 with a shorter Kc.
///
/// Reads the whole of a table for each look-up, so that neither time nor caches tell Ki.
pub fn comp128v2(ki: &Ki, rand: &Rand) -> Triplet {
    let Wiped([output]) = &Wiped([comp128v23::output(ki, rand)]);
    triplet(rand, *output >> 96, *output & !0x3ff)
}

/// COMP128v3: K and RAND of 16 octets to SRES and Kc of 64 bits.
///
/// Reads the whole of a table for each look-up, so that neither time nor caches tell Ki.
pub fn comp128v3(ki: &Ki, rand: &Rand) -> Triplet {
    let Wiped([output]) = &Wiped([comp128v23::output(ki, rand)]);
    triplet(rand, *output >> 96, *output)
}

fn triplet(rand: &Rand, of_sres: u128, of_kc: u128) -> Triplet {
    Triplet {
        rand: *rand,
        sres: sres(of_sres),
        kc: kc(of_kc),
    }
}

/// The low 32 bits.
fn sres(number: u128) -> Sres {
    let [.., a, b, c, d] = number.to_be_bytes();
    Sres::from_octets(&[a, b, c, d])
}

/// The low 64 bits.
fn kc(number: u128) -> Kc {
    let [.., a, b, c, d, e, f, g, h] = number.to_be_bytes();
    Kc::from_octets(&[a, b, c, d, e, f, g, h])
}
