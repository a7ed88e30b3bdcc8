//! What the authentication algorithm set gives, and the key CK ‖ IK that EPS and 5GS start from.
//!
//! ```text
//! K ─ f2 ─ RES      K ─ f3 ─ CK ┐
//! K ─ f5 ─ AK       K ─ f4 ─ IK ┴─ CK ‖ IK ─ K_AUSF, RES*, K_ASME …
//! ```

use core::ops::RangeInclusive;

use kaskade_crypto::kdf::HmacKey;
use kaskade_crypto::{Ak, Autn, Ck, Ik, K, KeyMaterial, Sqn};

use crate::derivation::{
    Encoding, Given, Holder, Kept, ParameterSpec, Prepared, Row, Rule, TextParameter, keys, life, octets_of,
};

keys! {
    /// CK ‖ IK: the 256-bit key of TS 33.501 A.2 to A.4 and TS 33.401 A.2. 32 octets.
    pub struct CkIk(32) = "CK||IK";
}

impl CkIk {
    /// Puts CK and IK together.
    pub fn from_parts(ck: &Ck, ik: &Ik) -> Self {
        let mut key = Self([0; 32]);
        key.0[..16].copy_from_slice(ck.expose_to_derivation());
        key.0[16..].copy_from_slice(ik.expose_to_derivation());
        key
    }
}

impl Prepared<CkIk> {
    /// Absorbs CK ‖ IK without putting them together first.
    #[inline]
    pub fn from_ck_ik(ck: &Ck, ik: &Ik) -> Self {
        Self::from_hmac(HmacKey::from_two(ck.expose_to_derivation(), ik.expose_to_derivation()))
    }
}

/// SQN ⊕ AK as AUTN carries it: octets 0..5 of AUTN, KDF input in EPS and 5GS. Without anonymity key AK is 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SqnXorAk([u8; 6]);

impl SqnXorAk {
    /// From SQN and AK.
    pub fn new(sqn: Sqn, ak: &Ak) -> Self {
        Self(sqn.xor_ak(ak))
    }

    /// As AUTN carries it.
    pub const fn from_octets(octets: [u8; 6]) -> Self {
        Self(octets)
    }

    /// The 6 octets.
    pub fn octets(&self) -> &[u8; 6] {
        &self.0
    }
}

impl From<&Autn> for SqnXorAk {
    fn from(autn: &Autn) -> Self {
        Self(autn.sqn_xor_ak())
    }
}

const RAND: ParameterSpec = ParameterSpec {
    name: "RAND",
    encoding: Encoding::Octets(16),
    given: Given::Text(<kaskade_crypto::Rand as TextParameter>::TEXT_FORM),
};

const fn f(child: &'static str, octets: RangeInclusive<u16>, about: &'static str, function: &'static str) -> Row {
    Row {
        child,
        named: child,
        child_octets: *octets.end(),
        child_least_octets: *octets.start(),
        about,
        life: life::VECTOR,
        doubt: "",
        parent: K::NAME,
        parent_octets: octets_of(K::LEN),
        method: "f2345",
        rule: Rule::AlgorithmSet(function),
        parameters: &[RAND],
        kept: Kept::AsGiven,
        derived_by: &[Holder::Arpf, Holder::Usim],
        held_by: &[Holder::Arpf, Holder::Usim, Holder::Me],
        clause: "TS 33.102 6.3.2",
    }
}

/// f2: XRES, RES.
pub static RES: Row = f(
    "RES",
    4..=16,
    "RES and XRES: the answer to the challenge, 4 to 16 octets; MILENAGE gives 8, TUAK 4, 8 or 16, XOR 4 to 16.",
    "f2",
);
/// f3: CK.
pub static CK: Row = f(Ck::NAME, 16..=16, "CK: the confidentiality key.", "f3");
/// f4: IK.
pub static IK: Row = f(Ik::NAME, 16..=16, "IK: the integrity key.", "f4");
/// f5: AK.
pub static AK: Row = f(Ak::NAME, 6..=6, "AK: the anonymity key that hides SQN.", "f5");
/// CK ‖ IK.
pub static CK_IK: Row = f(
    CkIk::NAME,
    32..=32,
    "CK and IK as one key, of which EPS and 5GS derive.",
    "f3 ‖ f4",
);

/// The derivations of this module.
pub static ROWS: &[&Row] = &[&RES, &CK, &IK, &AK, &CK_IK];
