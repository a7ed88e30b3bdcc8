//! Beside the eNB: secondary nodes, and WLAN that the eNB commands (TS 33.401 A.15, A.19, Annex G, H).

use super::access_stratum::KEnb;
use crate::derivation::{keys, rows};
use crate::id::{LwipCounter, ScgCounter, TypeDistinguisher, WtCounter};
use crate::{CipheringAlgorithm, IntegrityAlgorithm};

keys! {
    /// S-K_eNB: the key of a secondary eNB. 32 octets (TS 33.401 A.15).
    pub struct SKEnb(32) = "S-K_eNB";

    /// K_UPenc of a secondary eNB. 16 octets (TS 33.401 A.7).
    pub struct SenbUpEnc(16) = "K_UPenc (SeNB)";

    /// S-K_gNB: the key of a secondary gNB in EN-DC. 32 octets (TS 33.401 A.15).
    pub struct SKGnb(32) = "S-K_gNB";

    /// K_RRCenc of a secondary gNB. 16 octets (TS 33.401 A.19).
    pub struct SgnbRrcEnc(16) = "K_RRCenc (SgNB)";

    /// K_RRCint of a secondary gNB. 16 octets (TS 33.401 A.19).
    pub struct SgnbRrcInt(16) = "K_RRCint (SgNB)";

    /// K_UPenc of a secondary gNB. 16 octets (TS 33.401 A.19).
    pub struct SgnbUpEnc(16) = "K_UPenc (SgNB)";

    /// K_UPint of a secondary gNB. 16 octets (TS 33.401 A.19).
    pub struct SgnbUpInt(16) = "K_UPint (SgNB)";

    /// S-K_WT: the key of LTE-WLAN aggregation. 32 octets (TS 33.401 Annex G).
    pub struct SKWt(32) = "S-K_WT";

    /// LWIP-PSK: the IKEv2 secret of LTE-WLAN integration over IPsec. 32 octets (TS 33.401 Annex H).
    pub struct LwipPsk(32) = "LWIP-PSK";
}

rows! {
    /// S-K_eNB for a secondary eNB.
    row_s_k_enb: KEnb.s_k_enb(scg_counter: ScgCounter) -> SKEnb {
        fc: 0x1C,
        s: [
            "SCG Counter": ScgCounter = &scg_counter,
        ],
        keep: all,
        clause: "TS 33.401 A.15",
        derived_by: [Enb, Me],
        held_by: [SecondaryNode, Me],
        life: ACCESS_STRATUM,
    }

    /// S-K_gNB for a secondary gNB.
    row_s_k_gnb: KEnb.s_k_gnb(scg_counter: ScgCounter) -> SKGnb {
        fc: 0x1C,
        s: [
            "SCG Counter": ScgCounter = &scg_counter,
        ],
        keep: all,
        clause: "TS 33.401 A.15",
        derived_by: [Enb, Me],
        held_by: [SecondaryNode, Me],
        life: ACCESS_STRATUM,
    }

    /// K_UPenc of the secondary eNB for a ciphering algorithm.
    row_senb_k_up_enc: SKEnb.k_up_enc(algorithm: CipheringAlgorithm) -> SenbUpEnc {
        fc: 0x15,
        s: [
            "algorithm type distinguisher" fixed: TypeDistinguisher = &TypeDistinguisher::UpEnc,
            "ciphering algorithm identity": CipheringAlgorithm = &algorithm,
        ],
        keep: low_128,
        clause: "TS 33.401 A.7",
        derived_by: [SecondaryNode, Me],
        held_by: [SecondaryNode, Me],
        life: ACCESS_STRATUM,
    }

    /// K_RRCenc of the secondary gNB for a ciphering algorithm of NR.
    row_sgnb_k_rrc_enc: SKGnb.k_rrc_enc(algorithm: CipheringAlgorithm) -> SgnbRrcEnc {
        fc: 0x69,
        s: [
            "algorithm type distinguisher" fixed: TypeDistinguisher = &TypeDistinguisher::RrcEnc,
            "ciphering algorithm identity": CipheringAlgorithm = &algorithm,
        ],
        keep: low_128,
        clause: "TS 33.401 A.19",
        derived_by: [SecondaryNode, Me],
        held_by: [SecondaryNode, Me],
        life: ACCESS_STRATUM,
        doubt: "as two implementations have it; the text of the clause was not read",
    }

    /// K_RRCint of the secondary gNB for an integrity algorithm of NR.
    row_sgnb_k_rrc_int: SKGnb.k_rrc_int(algorithm: IntegrityAlgorithm) -> SgnbRrcInt {
        fc: 0x69,
        s: [
            "algorithm type distinguisher" fixed: TypeDistinguisher = &TypeDistinguisher::RrcInt,
            "integrity algorithm identity": IntegrityAlgorithm = &algorithm,
        ],
        keep: low_128,
        clause: "TS 33.401 A.19",
        derived_by: [SecondaryNode, Me],
        held_by: [SecondaryNode, Me],
        life: ACCESS_STRATUM,
        doubt: "as two implementations have it; the text of the clause was not read",
    }

    /// K_UPenc of the secondary gNB for a ciphering algorithm of NR.
    row_sgnb_k_up_enc: SKGnb.k_up_enc(algorithm: CipheringAlgorithm) -> SgnbUpEnc {
        fc: 0x69,
        s: [
            "algorithm type distinguisher" fixed: TypeDistinguisher = &TypeDistinguisher::UpEnc,
            "ciphering algorithm identity": CipheringAlgorithm = &algorithm,
        ],
        keep: low_128,
        clause: "TS 33.401 A.19",
        derived_by: [SecondaryNode, Me],
        held_by: [SecondaryNode, Me],
        life: ACCESS_STRATUM,
        doubt: "as two implementations have it; the text of the clause was not read",
    }

    /// K_UPint of the secondary gNB for an integrity algorithm of NR.
    row_sgnb_k_up_int: SKGnb.k_up_int(algorithm: IntegrityAlgorithm) -> SgnbUpInt {
        fc: 0x69,
        s: [
            "algorithm type distinguisher" fixed: TypeDistinguisher = &TypeDistinguisher::UpInt,
            "integrity algorithm identity": IntegrityAlgorithm = &algorithm,
        ],
        keep: low_128,
        clause: "TS 33.401 A.19",
        derived_by: [SecondaryNode, Me],
        held_by: [SecondaryNode, Me],
        life: ACCESS_STRATUM,
        doubt: "as two implementations have it; the text of the clause was not read",
    }

    /// S-K_WT for LTE-WLAN aggregation.
    row_s_k_wt: KEnb.s_k_wt(wt_counter: WtCounter) -> SKWt {
        fc: 0x1F,
        s: [
            "WT Counter": WtCounter = &wt_counter,
        ],
        keep: all,
        clause: "TS 33.401 Annex G",
        derived_by: [Enb, Me],
        held_by: [WlanAccess, Me],
        life: ACCESS_STRATUM,
        doubt: "the annex names the inputs; FC 0x1F and its clause, A.18, are what one implementation has",
    }

    /// LWIP-PSK for LTE-WLAN integration over IPsec.
    row_lwip_psk: KEnb.lwip_psk(lwip_counter: LwipCounter) -> LwipPsk {
        fc: 0x1E,
        s: [
            "LWIP Counter": LwipCounter = &lwip_counter,
        ],
        keep: all,
        clause: "TS 33.401 Annex H",
        derived_by: [Enb, Me],
        held_by: [Enb, Me],
        life: ACCESS_STRATUM,
        doubt: "FC 0x1E and its clause, A.16, are what one implementation has; the annex was not read",
    }
}
