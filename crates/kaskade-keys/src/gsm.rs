//! From UMTS to GSM and back, and between packet and circuit switched domain (TS 33.102 6.8 and Annex B, TS 43.020 H.6).
//!
//! ```text
//! RES ── SRES                                       c2
//! CK ‖ IK ─┬─ Kc                                    c3
//!          ├─ Kc128, Ki128                          B.5, TS 43.020 H.6
//!          ├─ CK'_CS ‖ IK'_CS ── Kc'                B.3, c3       voice leaves the packet domain
//!          └─ CK'_PS ‖ IK'_PS ── K'_ASME            B.6           voice comes back
//! Kc ─┬─ CK ‖ IK of a GSM subscriber                c4, c5
//!     └─ Kc ‖ Kc ‖ Kc ‖ Kc ── Kc' ── CK'_CS ‖ IK'_CS of a GSM subscriber      B.4, c4, c5
//! ```
//!
//! What a GSM subscriber's Kc makes has names of its own: whoever has Kc has not the CK and IK that it may come from.

use kaskade_crypto::gsm::{Kc, Kc128, Sres, c2, c3, c4, c5};
use kaskade_crypto::{Ck, Ik, KeyMaterial, Res};

use crate::derivation::{Compute, Holder, Kept, Life, Row, Rule, function_rows, keys, life, rows};
use crate::id::SrvccNonce;
use crate::umts::{self, CkIk};

keys! {
    /// Ki128: protects the integrity of EC-GSM-IoT. 16 octets (TS 43.020 H.6).
    pub struct Ki128(16) = "Ki128";

    /// CK'_CS ‖ IK'_CS: the keys of a voice call that left the packet domain of UTRAN. 32 octets (TS 33.102 B.3).
    pub struct CkIkCs(32) = "CK'_CS||IK'_CS";

    /// CK'_PS ‖ IK'_PS: the keys of a voice call that came back to the packet domain. 32 octets (TS 33.102 B.6).
    pub struct CkIkPs(32) = "CK'_PS||IK'_PS";

    /// Kc': the Kc of a voice call that left the packet domain for GERAN. 8 octets (TS 33.102 B.3, B.4).
    pub struct KcPrime(8) = "Kc'";

    /// Kc four times over: 256 bits for the KDF. 32 octets (TS 33.102 B.4).
    pub struct KcFourTimes(32) = "Kc (4 times)";

    /// CK ‖ IK of a GSM subscriber in UTRAN, which have no more than the 64 bits of Kc. 32 octets (TS 33.102 6.8.2.4).
    pub struct CkIkGsm(32) = "CK||IK (GSM)";
}

/// [`c2`] over octets.
fn sres(res: &[u8], _inputs: &[&[u8]], child: &mut [u8]) {
    if let Some(res) = Res::from_slice(res) {
        child.copy_from_slice(c2(&res).expose_to_derivation());
    }
}

/// [`c3`] over CK ‖ IK.
fn kc(ck_ik: &[u8], _inputs: &[&[u8]], child: &mut [u8]) {
    if let ([ck, ik], []) = ck_ik.as_chunks() {
        child.copy_from_slice(c3(&Ck::from_octets(ck), &Ik::from_octets(ik)).expose_to_derivation());
    }
}

/// [`c4`] and [`c5`] over Kc: CK ‖ IK.
fn ck_ik(kc: &[u8], _inputs: &[&[u8]], child: &mut [u8]) {
    if let (Some(kc), Some((ck, ik))) = (kc.first_chunk(), child.split_at_mut_checked(16)) {
        let kc = Kc::from_octets(kc);
        ck.copy_from_slice(c4(&kc).expose_to_derivation());
        ik.copy_from_slice(c5(&kc).expose_to_derivation());
    }
}

fn four_times(kc: &[u8], _inputs: &[&[u8]], child: &mut [u8]) {
    for place in child.chunks_exact_mut(kc.len().max(1)) {
        place.copy_from_slice(kc);
    }
}

impl CkIkGsm {
    /// c4 and c5 of a triplet's Kc (TS 33.102 6.8.2.4).
    pub fn from_kc(kc: &Kc) -> Self {
        let mut key = Self([0; 32]);
        ck_ik(kc.expose_to_derivation(), &[], &mut key.0);
        key
    }
}

impl KcFourTimes {
    /// Kc ‖ Kc ‖ Kc ‖ Kc (TS 33.102 B.4).
    pub fn from_kc(kc: &Kc) -> Self {
        let mut key = Self([0; 32]);
        four_times(kc.expose_to_derivation(), &[], &mut key.0);
        key
    }
}

rows! {
    /// Kc128 of A5/4 and GEA4, in a UMTS security context only.
    row_kc128: CkIk.kc128() -> Kc128 {
        fc: 0x32,
        s: [],
        keep: high_128,
        clause: "TS 33.102 B.5",
        derived_by: [VlrSgsn, Me],
        held_by: [VlrSgsn, Bss, Me],
        life: UMTS_CONTEXT,
    }

    /// Ki128 of EC-GSM-IoT.
    row_ki128: CkIk.ki128() -> Ki128 {
        fc: 0x38,
        s: [],
        keep: low_128,
        clause: "TS 43.020 H.6",
        derived_by: [VlrSgsn, Me],
        held_by: [VlrSgsn, Me],
        life: UMTS_CONTEXT,
    }

    /// CK'_CS ‖ IK'_CS for a voice call that leaves the packet domain, from the CK ‖ IK in use there.
    row_ck_ik_cs: CkIk.ck_ik_prime_cs(nonce: &SrvccNonce) -> CkIkCs {
        fc: 0x30,
        s: [
            "NONCE": SrvccNonce = nonce,
        ],
        keep: all,
        clause: "TS 33.102 B.3",
        derived_by: [VlrSgsn, Me],
        held_by: [Msc, Me],
        life: ONE_EXCHANGE,
    }

    /// CK'_PS ‖ IK'_PS for a voice call that comes back to the packet domain, from the CK ‖ IK in use before.
    row_ck_ik_ps: CkIk.ck_ik_prime_ps(nonce: &SrvccNonce) -> CkIkPs {
        fc: 0x33,
        s: [
            "NONCE_MSC": SrvccNonce = nonce,
        ],
        keep: all,
        clause: "TS 33.102 B.6",
        derived_by: [Msc, Me],
        held_by: [VlrSgsn, Mme, Me],
        life: ONE_EXCHANGE,
        doubt: "FC 0x33 is from memory; the clause was not read",
    }

    /// Kc' of a GSM subscriber's voice call that leaves the packet domain.
    row_kc_prime: KcFourTimes.kc_prime(nonce: &SrvccNonce) -> KcPrime {
        fc: 0x31,
        s: [
            "NONCE": SrvccNonce = nonce,
        ],
        keep: high_64,
        clause: "TS 33.102 B.4",
        derived_by: [VlrSgsn, Me],
        held_by: [Msc, Bss, Me],
        life: ONE_EXCHANGE,
    }
}

function_rows! {
    /// Kc of a UMTS subscriber in GERAN.
    row_kc: CkIk.kc() -> Kc {
        function: kc, "c3",
        s: [],
        clause: "TS 33.102 6.8.1.2",
        derived_by: [Auc, VlrSgsn, Me],
        held_by: [VlrSgsn, Bss, Me],
        life: UMTS_CONTEXT,
    }

    /// Kc' of a UMTS subscriber's voice call that leaves the packet domain for GERAN.
    row_kc_of_cs: CkIkCs.kc_prime() -> KcPrime {
        function: kc, "c3",
        s: [],
        clause: "TS 33.102 B.3",
        derived_by: [Msc, Me],
        held_by: [Msc, Bss, Me],
        life: ONE_EXCHANGE,
    }

    /// CK'_CS ‖ IK'_CS of a GSM subscriber whose voice call leaves the packet domain for UTRAN.
    row_ck_ik_of_kc_prime: KcPrime.ck_ik() -> CkIkGsm {
        function: ck_ik, "c4 ‖ c5",
        s: [],
        clause: "TS 33.102 B.4",
        derived_by: [Msc, Me],
        held_by: [Msc, Rnc, Me],
        life: ONE_EXCHANGE,
        named: "CK'_CS||IK'_CS",
    }
}

/// A row from what a triplet or the algorithm set brings, which has no methods here.
const fn from_outside(
    (parent, parent_octets): (&'static str, u16),
    (child, child_octets): (&'static str, u16),
    method: &'static str,
    about: &'static str,
    (words, compute): (&'static str, Compute),
    (derived_by, held_by): (&'static [Holder], &'static [Holder]),
    (life, clause): (Life, &'static str),
) -> Row {
    Row {
        child,
        named: child,
        child_octets,
        child_least_octets: child_octets,
        parent,
        parent_octets,
        method,
        about,
        rule: Rule::Function(words, compute),
        parameters: &[],
        kept: Kept::AsGiven,
        derived_by,
        held_by,
        life,
        clause,
        doubt: "",
    }
}

/// The row of RES → SRES, by [`c2`].
pub static ROW_SRES: Row = from_outside(
    (umts::RES.child, umts::RES.child_octets),
    (Sres::NAME, 4),
    "c2",
    "SRES: what a UMTS subscriber's RES is in GERAN.",
    ("c2", Compute(sres)),
    (
        &[Holder::Auc, Holder::VlrSgsn, Holder::Me],
        &[Holder::VlrSgsn, Holder::Me],
    ),
    (life::ONE_EXCHANGE, "TS 33.102 6.8.1.2"),
);

/// The row of Kc → CK ‖ IK of a GSM subscriber, by [`CkIkGsm::from_kc`].
pub static ROW_CK_IK_GSM: Row = from_outside(
    (Kc::NAME, 8),
    (CkIkGsm::NAME, 32),
    "ck_ik_gsm",
    "CK ‖ IK of a GSM subscriber in UTRAN.",
    ("c4 ‖ c5", Compute(ck_ik)),
    (
        &[Holder::VlrSgsn, Holder::Me],
        &[Holder::VlrSgsn, Holder::Rnc, Holder::Me],
    ),
    (life::UMTS_CONTEXT, "TS 33.102 6.8.2.4"),
);

/// The row of Kc → Kc ‖ Kc ‖ Kc ‖ Kc, by [`KcFourTimes::from_kc`].
pub static ROW_KC_FOUR_TIMES: Row = from_outside(
    (Kc::NAME, 8),
    (KcFourTimes::NAME, 32),
    "four_times",
    "Kc four times over, the key of the KDF that makes Kc'.",
    ("Kc ‖ Kc ‖ Kc ‖ Kc", Compute(four_times)),
    (&[Holder::VlrSgsn, Holder::Me], &[Holder::VlrSgsn, Holder::Me]),
    (life::ONE_EXCHANGE, "TS 33.102 B.4"),
);

/// The derivations from what a triplet or the algorithm set brings.
pub static OUTSIDE_ROWS: &[&Row] = &[&ROW_SRES, &ROW_CK_IK_GSM, &ROW_KC_FOUR_TIMES];
