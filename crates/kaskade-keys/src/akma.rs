//! AKMA: keys for applications out of K_AUSF (TS 33.535 Annex A).
//!
//! ```text
//! K_AUSF ─┬─ K_AKMA ── K_AF ── OSCORE master secret (AKMA)        A.2, A.4, project profile AKMA-OSCORE-P1
//!         └─ A-TID                                                A.3
//! ```
//!
//! OSCORE between UE and application function (TS 33.535 Annex D) starts from a master secret out of K_AF under the label `AKMA-OSCORE`. How the
//! function takes it no source here says: AKMA-OSCORE-P1 is HKDF-SHA-256 without salt, the label as its info, 16 octets (RFC 5869, RFC 8613 3.2).

use kaskade_crypto::kdf::HmacKey;

use crate::Supi;
use crate::derivation::{function_rows, keys, rows};
use crate::fivegs::KAusf;
use crate::id::{AfId, Label};

keys! {
    /// K_AKMA: the anchor of all applications. 32 octets (TS 33.535 A.2).
    pub struct KAkma(32) = "K_AKMA" {
        /// To the AAnF, in Naanf_AKMA_AnchorKey_Register.
        expose_to_aanf,
        /// To the function that mediates lawful interception (TS 33.128, `kAKMA`).
        expose_to_interception,
    }

    /// A-TID: the temporary identifier in an A-KID, which names K_AKMA. 32 octets (TS 33.535 A.3).
    ///
    /// It travels in clear as part of the A-KID; whoever sees one learns nothing of the keys.
    pub struct ATid(32) = "A-TID" {
        /// To the AAnF and to application functions, in an A-KID.
        expose_in_a_kid,
    }

    /// K_AF: the key of one application function. 32 octets (TS 33.535 A.4).
    pub struct KAf(32) = "K_AF" {
        /// To the application function, in the answer of Naanf_AKMA_ApplicationKey_Get.
        expose_to_af,
        /// To the function that mediates lawful interception (TS 33.128, `kAF`).
        expose_to_interception,
    }

    /// Master secret of OSCORE between a UE and an application function. 16 octets (project profile AKMA-OSCORE-P1).
    pub struct OscoreMasterSecret(16) = "OSCORE master secret (AKMA)" {
        /// Into the security context of OSCORE, at both ends.
        expose_to_oscore,
    }
}

/// HKDF-SHA-256 without salt; the input is its info (RFC 5869).
fn hkdf(parent: &[u8], inputs: &[&[u8]], child: &mut [u8]) {
    let extracted = HmacKey::new(&[]).mac(parent);
    let expanded = HmacKey::new(extracted.all()).expand(inputs, child);
    debug_assert!(expanded.is_ok(), "a key longer than HKDF gives");
}

rows! {
    /// K_AKMA, after each successful primary authentication of a subscriber who has AKMA.
    row_k_akma: KAusf.k_akma(supi: &Supi) -> KAkma {
        fc: 0x80,
        s: [
            "label" fixed: Label = &Label("AKMA"),
            "SUPI": Supi = supi,
        ],
        keep: all,
        clause: "TS 33.535 A.2",
        derived_by: [Ausf, Me],
        held_by: [Aanf, Me],
        life: ANCHOR,
    }

    /// A-TID, which changes together with K_AKMA.
    row_a_tid: KAusf.a_tid(supi: &Supi) -> ATid {
        fc: 0x81,
        s: [
            "label" fixed: Label = &Label("A-TID"),
            "SUPI": Supi = supi,
        ],
        keep: all,
        clause: "TS 33.535 A.3",
        derived_by: [Ausf, Me],
        held_by: [Aanf, Af, Me],
        life: ANCHOR,
    }

    /// K_AF for an application function and the protocol that is spoken with it.
    row_k_af: KAkma.k_af(af_id: &AfId) -> KAf {
        fc: 0x82,
        s: [
            "AF_ID": AfId = af_id,
        ],
        keep: all,
        clause: "TS 33.535 A.4",
        derived_by: [Aanf, Me],
        held_by: [Af, Me],
        life: APPLICATION,
    }
}

function_rows! {
    /// Master secret of OSCORE, of K_AF for the Ua* identifier that the operator gives to OSCORE.
    row_oscore_master_secret: KAf.oscore_master_secret() -> OscoreMasterSecret {
        function: hkdf, "HKDF-SHA-256 without salt, over label",
        s: [
            "label" fixed: Label = &Label("AKMA-OSCORE"),
        ],
        clause: "Project profile AKMA-OSCORE-P1, after TS 33.535 D.3",
        derived_by: [Af, Me],
        held_by: [Af, Me],
        life: APPLICATION,
    }
}
