//! End-to-middle security for small devices: BEST (TS 33.163), and the keys of TR 33.863 6.10 in a profile of ours.
//!
//! ```text
//! CK ‖ IK ───┬─ K_HSE                         TS 33.163, 5G AKA
//! CK' ‖ IK' ─┘                                TS 33.163, EAP-AKA'
//! CK ‖ IK ── e2m_int_key ── e2m_key           project profile BEST-1
//! ```
//!
//! **Project profile BEST-1.** TR 33.863 6.10 names the inputs of its two keys, and leaves FC and their order open. Here:
//! FC 0xF0 over the label makes e2m_int_key, FC 0xF1 over EMSE_Id and the label makes e2m_key. The two FCs are not
//! 3GPP's. Another choice would be another profile with another number, so that no two peers mistake one for the other.

use crate::ServingNetworkName;
use crate::derivation::{keys, rows};
use crate::eap::CkIkPrime;
use crate::id::{E2mLabel, EmseId};
use crate::umts::{CkIk, SqnXorAk};

keys! {
    /// K_HSE: the root of the home security endpoint in 5GS. 32 octets (TS 33.163).
    pub struct KHse(32) = "K_HSE" {
        /// To the home security endpoint.
        expose_to_hse,
    }

    /// e2m_int_key: what UE and EMKS share after an access authentication. 32 octets (TR 33.863 6.10).
    pub struct E2mIntKey(32) = "e2m_int_key" {
        /// To the EMKS, which the home network pushes it to.
        expose_to_emks,
    }

    /// e2m_key: the key of one enterprise endpoint. 32 octets (TR 33.863 6.10).
    pub struct E2mKey(32) = "e2m_key" {
        /// To the enterprise endpoint, in the EMKS's answer.
        expose_to_emse,
    }
}

rows! {
    /// K_HSE after 5G AKA. `sqn_xor_ak` is octets 0..5 of AUTN.
    row_k_hse: CkIk.k_hse(serving_network: &ServingNetworkName, sqn_xor_ak: &SqnXorAk) -> KHse {
        fc: 0x63,
        s: [
            "serving network name": ServingNetworkName = serving_network,
            "SQN ⊕ AK": SqnXorAk = sqn_xor_ak,
        ],
        keep: all,
        clause: "TS 33.163",
        derived_by: [Arpf, Me],
        held_by: [Hse, Me],
        life: ANCHOR,
    }

    /// K_HSE after EAP-AKA'. `sqn_xor_ak` is octets 0..5 of AUTN.
    row_k_hse_of_eap: CkIkPrime.k_hse(serving_network: &ServingNetworkName, sqn_xor_ak: &SqnXorAk) -> KHse {
        fc: 0x64,
        s: [
            "serving network name": ServingNetworkName = serving_network,
            "SQN ⊕ AK": SqnXorAk = sqn_xor_ak,
        ],
        keep: all,
        clause: "TS 33.163",
        derived_by: [Arpf, Me],
        held_by: [Hse, Me],
        life: ANCHOR,
    }

    /// e2m_int_key of an access authentication; the label is `e2m_CIoT` unless agreed otherwise.
    row_e2m_int_key: CkIk.e2m_int_key(label: &E2mLabel) -> E2mIntKey {
        fc: 0xF0,
        s: [
            "label": E2mLabel = label,
        ],
        keep: all,
        clause: "Project profile BEST-1, after TR 33.863 6.10",
        derived_by: [Auc, Me],
        held_by: [Emks, Me],
        life: ANCHOR,
    }

    /// e2m_key for an enterprise endpoint.
    row_e2m_key: E2mIntKey.e2m_key(emse_id: &EmseId, label: &E2mLabel) -> E2mKey {
        fc: 0xF1,
        s: [
            "EMSE_Id": EmseId = emse_id,
            "label": E2mLabel = label,
        ],
        keep: all,
        clause: "Project profile BEST-1, after TR 33.863 6.10",
        derived_by: [Emks, Me],
        held_by: [Emse, Me],
        life: APPLICATION,
    }
}
