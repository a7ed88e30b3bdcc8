//! HRES* and HXRES*: hashes by which the visited network checks RES* without knowing it (TS 33.501 A.5).

use kaskade_crypto::kdf::sha256_one_block;
use kaskade_crypto::{KeyMaterial, Rand};
use subtle::ConstantTimeEq;

use super::authentication::{ResStar, XresStar};
use crate::derivation::{Compute, Encoding, Given, Holder, Kept, ParameterSpec, Row, Rule, TextParameter, life};

/// HRES*: what the SEAF computes from RES*. 16 octets, compared in constant time (TS 33.501 A.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HresStar([u8; 16]);

/// HXRES*: what the AUSF sends so that the SEAF can check RES* without knowing it. 16 octets (TS 33.501 A.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HxresStar([u8; 16]);

impl HxresStar {
    /// As received.
    pub fn from_octets(octets: [u8; 16]) -> Self {
        Self(octets)
    }

    /// As sent.
    pub fn octets(&self) -> &[u8; 16] {
        &self.0
    }

    /// Whether HRES* is the expected one, in constant time (TS 33.501 6.1.3.2.0 step 9).
    pub fn verify(&self, hres_star: &HresStar) -> bool {
        self.0[..].ct_eq(&hres_star.0[..]).into()
    }
}

impl XresStar {
    /// HXRES*: the 128 least significant bits of SHA-256(RAND ‖ XRES*). TS 33.501 A.5.
    pub fn hxres_star(&self, rand: &Rand) -> HxresStar {
        HxresStar(hash(rand.octets(), self.secret_octets()))
    }

    /// Whether RES* is the expected one, in constant time (TS 33.501 6.1.3.2.0 step 11).
    pub fn verify(&self, res_star: &ResStar) -> bool {
        self.secret_octets().ct_eq(res_star.secret_octets()).into()
    }
}

impl ResStar {
    /// HRES*: the 128 least significant bits of SHA-256(RAND ‖ RES*). TS 33.501 A.5.
    pub fn hres_star(&self, rand: &Rand) -> HresStar {
        HresStar(hash(rand.octets(), self.secret_octets()))
    }
}

fn hash(rand: &[u8; 16], response: &[u8; 16]) -> [u8; 16] {
    let digest = sha256_one_block(rand, response);
    let [.., a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = digest;
    [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p]
}

/// The rows of HRES* and HXRES*, which are no keys but values that are sent or compared.
const fn hashed(
    child: &'static str,
    about: &'static str,
    parent: &'static str,
    method: &'static str,
    derived_by: &'static [Holder],
) -> Row {
    Row {
        child,
        named: child,
        child_octets: 16,
        child_least_octets: 16,
        parent,
        parent_octets: 16,
        method,
        about,
        rule: Rule::Function("SHA-256", Compute(hashed_octets)),
        parameters: &[ParameterSpec {
            name: "RAND",
            encoding: Encoding::Octets(16),
            given: Given::Text(<Rand as TextParameter>::TEXT_FORM),
        }],
        kept: Kept::Low128,
        derived_by,
        held_by: &[Holder::Seaf],
        life: life::VECTOR,
        clause: "TS 33.501 A.5",
        doubt: "",
    }
}

fn hashed_octets(response: &[u8], inputs: &[&[u8]], child: &mut [u8]) {
    let rand = inputs.first().and_then(|rand| <&[u8; 16]>::try_from(*rand).ok());
    if let (Some(rand), Ok(response)) = (rand, response.try_into()) {
        child.copy_from_slice(&hash(rand, response));
    }
}

/// The row of RES* → HRES*.
pub static ROW_HRES_STAR: Row = hashed(
    "HRES*",
    "HRES*: what the SEAF computes from RES*, to compare.",
    ResStar::NAME,
    "hres_star",
    &[Holder::Seaf],
);
/// The row of XRES* → HXRES*.
pub static ROW_HXRES_STAR: Row = hashed(
    "HXRES*",
    "HXRES*: lets the SEAF check RES* without knowing it.",
    XresStar::NAME,
    "hxres_star",
    &[Holder::Ausf],
);

/// The derivations of this module that are not a KDF of TS 33.220.
pub static HASH_ROWS: &[&Row] = &[&ROW_HRES_STAR, &ROW_HXRES_STAR];
