//! The anchors of the serving network: K_SEAF and K_AMF (TS 33.501 A.6, A.7).

use super::authentication::KAusf;
use crate::derivation::{keys, rows};
use crate::{Abba, ServingNetworkName, Supi};

keys! {
    /// K_SEAF: the anchor of the serving network. 32 octets (TS 33.501 A.6).
    pub struct KSeaf(32) = "K_SEAF" {
        /// To the SEAF, in the answer of Nausf_UEAuthentication.
        expose_to_seaf,
    }

    /// K_AMF: the key of a 5G NAS security context. 32 octets (TS 33.501 A.7).
    pub struct KAmf(32) = "K_AMF";
}

rows! {
    /// K_SEAF.
    row_k_seaf: KAusf.k_seaf(serving_network_name: &ServingNetworkName) -> KSeaf {
        fc: 0x6C,
        s: ["serving network name": ServingNetworkName = serving_network_name],
        keep: all,
        clause: "TS 33.501 A.6",
        derived_by: [Ausf, Me],
        held_by: [Seaf, Me],
        life: ANCHOR,
    }

    /// K_AMF. The SUPI enters as IMSI digits or NAI, without prefix.
    row_k_amf: KSeaf.k_amf(supi: &Supi, abba: &Abba) -> KAmf {
        fc: 0x6D,
        s: ["SUPI": Supi = supi, "ABBA": Abba = abba],
        keep: all,
        clause: "TS 33.501 A.7",
        derived_by: [Seaf, Me],
        held_by: [Amf, Me],
        life: NAS_CONTEXT,
    }
}
