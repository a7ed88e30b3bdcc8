//! Ranging and sidelink positioning: links and groups of UEs that measure where they are (TS 33.533 Annex A).
//!
//! ```text
//! SLPK ── K_SLP                      A.2      a link of two UEs
//! SLPGK ── SLPTK ── SLPEK, SLPIK     A.3, A.4 groups
//! ```
//!
//! SLPK and SLPGK come from a key management function.

use crate::derivation::{keys, rows};
use crate::id::{GroupMemberIdentity, RangingApplicationId, SlpNonce1, SlpNonce2, SlptkIdentity};
use crate::pc5::LinkKeyUse;
use crate::{CipheringAlgorithm, IntegrityAlgorithm};

keys! {
    /// SLPK: the root of a UE's links for ranging and sidelink positioning. 32 octets (TS 33.533 A.2).
    pub struct Slpk(32) = "SLPK";

    /// K_SLP: what two UEs share for ranging and sidelink positioning. 32 octets (TS 33.533 A.2).
    pub struct KSlp(32) = "K_SLP" {
        /// To the other UE of the link, from the key management.
        expose_to_peer_ue,
    }

    /// SLPGK: the key of a group that ranges. 32 octets (TS 33.533 A.3).
    pub struct Slpgk(32) = "SLPGK";

    /// SLPTK: the key of one sender in a group that ranges. 32 octets (TS 33.533 A.3).
    pub struct Slptk(32) = "SLPTK";

    /// SLPEK: ciphers what a group member sends. 16 octets (TS 33.533 A.4).
    pub struct Slpek(16) = "SLPEK";

    /// SLPIK: protects the integrity of what a group member sends. 16 octets (TS 33.533 A.4).
    pub struct Slpik(16) = "SLPIK";
}

rows! {
    /// K_SLP of two UEs for an application.
    row_k_slp: Slpk.k_slp(
        application: &RangingApplicationId,
        nonce_1: &SlpNonce1,
        nonce_2: &SlpNonce2,
    ) -> KSlp {
        fc: 0x8C,
        s: [
            "Ranging/SL Positioning application identifier": RangingApplicationId = application,
            "K_SLP nonce 1": SlpNonce1 = nonce_1,
            "K_SLP nonce 2": SlpNonce2 = nonce_2,
        ],
        keep: all,
        clause: "TS 33.533 A.2",
        derived_by: [Slpkmf, Me],
        held_by: [PeerUe, Me],
        life: DIRECT_LINK,
    }

    /// SLPTK of a group member.
    row_slptk: Slpgk.slptk(group_member_identity: &GroupMemberIdentity, slptk_identity: &SlptkIdentity) -> Slptk {
        fc: 0x8D,
        s: [
            "group member identity": GroupMemberIdentity = group_member_identity,
            "SLPTK identity": SlptkIdentity = slptk_identity,
        ],
        keep: all,
        clause: "TS 33.533 A.3",
        derived_by: [Me, PeerUe],
        held_by: [Me, PeerUe],
        life: PARENT,
        doubt: "the clause gives no lengths; 3 and 2 octets are those of PTK's inputs (TS 33.303 A.3)",
    }

    /// SLPEK for a ciphering algorithm.
    row_slpek: Slptk.slpek(algorithm: CipheringAlgorithm) -> Slpek {
        fc: 0x8E,
        s: [
            "use" fixed: LinkKeyUse = &LinkKeyUse::Ciphering,
            "ciphering algorithm identity": CipheringAlgorithm = &algorithm,
        ],
        keep: low_128,
        clause: "TS 33.533 A.4",
        derived_by: [Me, PeerUe],
        held_by: [Me, PeerUe],
        life: PARENT,
    }

    /// SLPIK for an integrity algorithm.
    row_slpik: Slptk.slpik(algorithm: IntegrityAlgorithm) -> Slpik {
        fc: 0x8E,
        s: [
            "use" fixed: LinkKeyUse = &LinkKeyUse::Integrity,
            "integrity algorithm identity": IntegrityAlgorithm = &algorithm,
        ],
        keep: low_128,
        clause: "TS 33.533 A.4",
        derived_by: [Me, PeerUe],
        held_by: [Me, PeerUe],
        life: PARENT,
    }
}
