//! PC5: links from UE to UE, and through a relay UE (TS 33.536, TS 33.503, TS 33.303).
//!
//! ```text
//! UP-PRUK ── K_NRP ── K_NRP-sess ── NRPEK, NRPIK     TS 33.503 A.8, TS 33.536 Annex A
//! EMSK ── K_AUSF_P ─┬─ CP-PRUK ── K_NR_ProSe         TS 33.503 A.2, A.4
//!                   └─ CP-PRUK ID*                   TS 33.503 A.3
//! discovery key ── DCR keystream                     TS 33.503 A.5
//! PGK ── PTK                                         TS 33.303 A.3
//! ```
//!
//! UP-PRUK, discovery key and PGK come from key management functions, over links that K's other children protect. K_NRP
//! of a V2X link comes from long-term credentials of both UEs. Over the control plane a remote UE authenticates through
//! the relay with EAP-AKA', in a run of its own.

use crate::derivation::{Encoding, cut, function_rows, kdf_parameters, keys, rows};
use crate::eap::Emsk;
use crate::id::{
    Freshness1, Freshness2, GroupIdentity, GroupMemberIdentity, Label, Nonce1, Nonce2, PtkIdentity, RelayServiceCode,
    UtcCounter,
};
use crate::{CipheringAlgorithm, IntegrityAlgorithm, Supi};

keys! {
    /// UP-PRUK: the root of a remote UE's links to relays, over the user plane. 32 octets (TS 33.503 6.3.3.2).
    pub struct UpPruk(32) = "UP-PRUK";

    /// K_NRP: what two UEs share. 32 octets (TS 33.536 5.3.3.1, TS 33.503 A.8).
    pub struct KNrp(32) = "K_NRP";

    /// K_NRP-sess: the key of one link. 32 octets (TS 33.536 Annex A).
    pub struct KNrpSess(32) = "K_NRP-sess";

    /// NRPEK: ciphers a link. 16 octets (TS 33.536 A.3).
    pub struct Nrpek(16) = "NRPEK";

    /// NRPIK: protects the integrity of a link. 16 octets (TS 33.536 A.3).
    pub struct Nrpik(16) = "NRPIK";

    /// K_AUSF_P: K_AUSF's counterpart in the authentication of a remote UE through a relay. 32 octets (TS 33.503 A.2).
    pub struct KAusfP(32) = "K_AUSF_P";

    /// CP-PRUK: the root of a remote UE's links to relays, over the control plane. 32 octets (TS 33.503 A.2).
    pub struct CpPruk(32) = "CP-PRUK" {
        /// To the PAnF, in Npanf_ProseKey_Register.
        expose_to_panf,
    }

    /// CP-PRUK ID*: the part of the identifier that names a CP-PRUK. 32 octets (TS 33.503 A.3).
    ///
    /// It travels to the relay when a link is set up; whoever sees one learns nothing of the keys.
    pub struct CpPrukId(32) = "CP-PRUK ID*" {
        /// To the relay and the PAnF, as part of the CP-PRUK ID.
        expose_as_identity,
    }

    /// K_NR_ProSe: what a remote UE and its relay share, over the control plane. 32 octets (TS 33.503 A.4).
    pub struct KNrProse(32) = "K_NR_ProSe" {
        /// To the relay, through its AMF.
        expose_to_relay,
    }

    /// The discovery key that both UEs chose for direct communication requests. 32 octets (TS 33.503 6.3.5.2).
    pub struct DiscoveryKey(32) = "discovery key";

    /// DCR keystream: hides relay service code and UP-PRUK ID in a direct communication request. 32 octets, of which as
    /// many of the last are used as the two have (TS 33.503 A.5).
    pub struct DcrKeystream(32) = "DCR keystream";

    /// PGK: the key of a group. 32 octets (TS 33.303 6.2.3).
    pub struct Pgk(32) = "PGK";

    /// PTK: the key of one sender in a group. 32 octets (TS 33.303 A.3).
    pub struct Ptk(32) = "PTK";
}

/// What a key of a link is for: P0 of TS 33.536 A.3 and of TS 33.533 A.4. One octet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum LinkKeyUse {
    /// NRPEK, SLPEK.
    Ciphering = 0x00,
    /// NRPIK, SLPIK.
    Integrity = 0x01,
}

kdf_parameters! {
    LinkKeyUse: Encoding::Octets(1), |this| &[*this as u8];
}

function_rows! {
    /// K_AUSF_P, as K_AUSF after EAP-AKA': the 256 most significant bits of the EMSK.
    row_k_ausf_p: Emsk.k_ausf_p() -> KAusfP {
        function: cut::<0>, "octets 0 to 31",
        s: [],
        clause: "TS 33.503 6.3.3.3",
        derived_by: [Ausf, Me],
        held_by: [Ausf, Me],
        life: EAP_RUN,
        doubt: "made as K_AUSF after EAP-AKA', as an implementation quotes it; the clause was not read",
    }
}

rows! {
    /// CP-PRUK of a remote UE for what a relay offers.
    row_cp_pruk: KAusfP.cp_pruk(supi: &Supi, relay_service_code: &RelayServiceCode) -> CpPruk {
        fc: 0x85,
        s: [
            "SUPI": Supi = supi,
            "relay service code": RelayServiceCode = relay_service_code,
        ],
        keep: all,
        clause: "TS 33.503 A.2",
        derived_by: [Ausf, Me],
        held_by: [Panf, Me],
        life: APPLICATION,
    }

    /// CP-PRUK ID*, which names the CP-PRUK of the same inputs.
    row_cp_pruk_id: KAusfP.cp_pruk_id(relay_service_code: &RelayServiceCode, supi: &Supi) -> CpPrukId {
        fc: 0x86,
        s: [
            "label" fixed: Label = &Label("PRUK-ID"),
            "relay service code": RelayServiceCode = relay_service_code,
            "SUPI": Supi = supi,
        ],
        keep: all,
        clause: "TS 33.503 A.3",
        derived_by: [Ausf, Me],
        held_by: [Panf, PeerUe, Me],
        life: APPLICATION,
    }

    /// K_NR_ProSe of a remote UE and a relay. Nonce_2, of the AUSF, enters before Nonce_1, of the remote UE.
    row_k_nr_prose: CpPruk.k_nr_prose(nonce_2: &Nonce2, nonce_1: &Nonce1) -> KNrProse {
        fc: 0x87,
        s: [
            "Nonce_2": Nonce2 = nonce_2,
            "Nonce_1": Nonce1 = nonce_1,
        ],
        keep: all,
        clause: "TS 33.503 A.4",
        derived_by: [Ausf, Me],
        held_by: [PeerUe, Me],
        life: DIRECT_LINK,
    }

    /// K_NRP of a remote UE and a relay.
    row_k_nrp: UpPruk.k_nrp(
        relay_service_code: &RelayServiceCode,
        freshness_1: &Freshness1,
        freshness_2: &Freshness2,
    ) -> KNrp {
        fc: 0x8A,
        s: [
            "relay service code": RelayServiceCode = relay_service_code,
            "K_NRP freshness parameter 1": Freshness1 = freshness_1,
            "K_NRP freshness parameter 2": Freshness2 = freshness_2,
        ],
        keep: all,
        clause: "TS 33.503 A.8",
        derived_by: [Pkmf, Me],
        held_by: [PeerUe, Me],
        life: DIRECT_LINK,
    }

    /// K_NRP-sess of a link, from a nonce of each UE.
    row_k_nrp_sess: KNrp.k_nrp_sess(nonce_1: &Nonce1, nonce_2: &Nonce2) -> KNrpSess {
        fc: 0x7F,
        s: [
            "Nonce_1": Nonce1 = nonce_1,
            "Nonce_2": Nonce2 = nonce_2,
        ],
        keep: all,
        clause: "TS 33.536 Annex A",
        derived_by: [Me, PeerUe],
        held_by: [Me, PeerUe],
        life: DIRECT_LINK,
    }

    /// NRPEK for a ciphering algorithm.
    row_nrpek: KNrpSess.nrpek(algorithm: CipheringAlgorithm) -> Nrpek {
        fc: 0x7E,
        s: [
            "use" fixed: LinkKeyUse = &LinkKeyUse::Ciphering,
            "ciphering algorithm identity": CipheringAlgorithm = &algorithm,
        ],
        keep: low_128,
        clause: "TS 33.536 A.3",
        derived_by: [Me, PeerUe],
        held_by: [Me, PeerUe],
        life: DIRECT_LINK,
    }

    /// NRPIK for an integrity algorithm.
    row_nrpik: KNrpSess.nrpik(algorithm: IntegrityAlgorithm) -> Nrpik {
        fc: 0x7E,
        s: [
            "use" fixed: LinkKeyUse = &LinkKeyUse::Integrity,
            "integrity algorithm identity": IntegrityAlgorithm = &algorithm,
        ],
        keep: low_128,
        clause: "TS 33.536 A.3",
        derived_by: [Me, PeerUe],
        held_by: [Me, PeerUe],
        life: DIRECT_LINK,
    }

    /// Keystream for the hidden part of one direct communication request; all 256 bits are given here.
    row_dcr_keystream: DiscoveryKey.dcr_keystream(
        utc_counter: &UtcCounter,
        relay_service_code: &RelayServiceCode,
    ) -> DcrKeystream {
        fc: 0x88,
        s: [
            "UTC-based counter": UtcCounter = utc_counter,
            "relay service code": RelayServiceCode = relay_service_code,
        ],
        keep: all,
        clause: "TS 33.503 A.5",
        derived_by: [Me, PeerUe],
        held_by: [Me, PeerUe],
        life: ONE_EXCHANGE,
    }

    /// PTK of a group member.
    row_ptk: Pgk.ptk(
        group_member_identity: &GroupMemberIdentity,
        ptk_identity: &PtkIdentity,
        group_identity: &GroupIdentity,
    ) -> Ptk {
        fc: 0x4A,
        s: [
            "group member identity": GroupMemberIdentity = group_member_identity,
            "PTK identity": PtkIdentity = ptk_identity,
            "group identity": GroupIdentity = group_identity,
        ],
        keep: all,
        clause: "TS 33.303 A.3",
        derived_by: [Me, PeerUe],
        held_by: [Me, PeerUe],
        life: PARENT,
    }
}
