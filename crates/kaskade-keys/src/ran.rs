//! The access stratum of 5G: handover chains, secondary nodes, IAB (TS 33.501 A.11, A.12, A.16, A.23).
//!
//! ```text
//! K_gNB, NH ─┬─ K_NG-RAN*, the next K_gNB                        A.11 (gNB), A.12 (ng-eNB)
//!            ├─ K_SN ── K_RRCenc, K_RRCint, K_UPenc, K_UPint     A.16, A.8
//!            └─ K_IAB                                            A.23
//! ```

use crate::derivation::{keys, rows};
use crate::eps::SKGnb;
use crate::fivegs::{KGnb, Nh};
use crate::id::{ArfcnDl, EutraPci, IabAddress, NgEnbEarfcnDl, Pci, SnCounter, TypeDistinguisher};
use crate::{CipheringAlgorithm, IntegrityAlgorithm};

keys! {
    /// K_SN: the key of a secondary node. 32 octets (TS 33.501 A.16).
    pub struct KSn(32) = "K_SN";

    /// K_RRCenc of a secondary node. 16 octets (TS 33.501 A.8).
    pub struct SnRrcEnc(16) = "K_RRCenc (SN)";

    /// K_RRCint of a secondary node. 16 octets (TS 33.501 A.8).
    pub struct SnRrcInt(16) = "K_RRCint (SN)";

    /// K_UPenc of a secondary node. 16 octets (TS 33.501 A.8).
    pub struct SnUpEnc(16) = "K_UPenc (SN)";

    /// K_UPint of a secondary node. 16 octets (TS 33.501 A.8).
    pub struct SnUpInt(16) = "K_UPint (SN)";

    /// K_IAB: the IKEv2 secret of IAB-donor and IAB-node; K_IAB-CU-CP and K_IAB-CU-UP of a split donor. 32 octets
    /// (TS 33.501 A.23).
    pub struct KIab(32) = "K_IAB";
}

rows! {
    /// K_NG-RAN* for a target gNB, from the current K_gNB: its K_gNB.
    row_k_ng_ran_star_of_k_gnb: KGnb.k_ng_ran_star(pci: Pci, arfcn_dl: ArfcnDl) -> KGnb {
        fc: 0x70,
        s: [
            "PCI": Pci = &pci,
            "ARFCN-DL": ArfcnDl = &arfcn_dl,
        ],
        keep: all,
        clause: "TS 33.501 A.11",
        derived_by: [Gnb, Me],
        held_by: [Gnb, Me],
        life: ACCESS_STRATUM,
        named: "K_NG-RAN*",
    }

    /// K_NG-RAN* for a target ng-eNB, from the current K_gNB: its K_gNB.
    row_k_ng_ran_star_ng_enb_of_k_gnb: KGnb.k_ng_ran_star_ng_enb(pci: EutraPci, earfcn_dl: NgEnbEarfcnDl) -> KGnb {
        fc: 0x71,
        s: [
            "PCI": EutraPci = &pci,
            "EARFCN-DL": NgEnbEarfcnDl = &earfcn_dl,
        ],
        keep: all,
        clause: "TS 33.501 A.12",
        derived_by: [Gnb, NgEnb, Me],
        held_by: [NgEnb, Me],
        life: ACCESS_STRATUM,
        named: "K_NG-RAN*",
    }

    /// K_NG-RAN* for a target gNB, from a fresh NH: its K_gNB.
    row_k_ng_ran_star_of_nh: Nh.k_ng_ran_star(pci: Pci, arfcn_dl: ArfcnDl) -> KGnb {
        fc: 0x70,
        s: [
            "PCI": Pci = &pci,
            "ARFCN-DL": ArfcnDl = &arfcn_dl,
        ],
        keep: all,
        clause: "TS 33.501 A.11",
        derived_by: [Gnb, Me],
        held_by: [Gnb, Me],
        life: ACCESS_STRATUM,
        named: "K_NG-RAN*",
    }

    /// K_NG-RAN* for a target ng-eNB, from a fresh NH: its K_gNB.
    row_k_ng_ran_star_ng_enb_of_nh: Nh.k_ng_ran_star_ng_enb(pci: EutraPci, earfcn_dl: NgEnbEarfcnDl) -> KGnb {
        fc: 0x71,
        s: [
            "PCI": EutraPci = &pci,
            "EARFCN-DL": NgEnbEarfcnDl = &earfcn_dl,
        ],
        keep: all,
        clause: "TS 33.501 A.12",
        derived_by: [Gnb, NgEnb, Me],
        held_by: [NgEnb, Me],
        life: ACCESS_STRATUM,
        named: "K_NG-RAN*",
    }

    /// K_SN for a secondary node.
    row_k_sn: KGnb.k_sn(sn_counter: SnCounter) -> KSn {
        fc: 0x79,
        s: [
            "SN Counter": SnCounter = &sn_counter,
        ],
        keep: all,
        clause: "TS 33.501 A.16",
        derived_by: [Gnb, NgEnb, Me],
        held_by: [SecondaryNode, Me],
        life: ACCESS_STRATUM,
    }

    /// K_RRCenc of the secondary node for a ciphering algorithm.
    row_sn_k_rrc_enc: KSn.k_rrc_enc(algorithm: CipheringAlgorithm) -> SnRrcEnc {
        fc: 0x69,
        s: [
            "algorithm type distinguisher" fixed: TypeDistinguisher = &TypeDistinguisher::RrcEnc,
            "ciphering algorithm identity": CipheringAlgorithm = &algorithm,
        ],
        keep: low_128,
        clause: "TS 33.501 A.8",
        derived_by: [SecondaryNode, Me],
        held_by: [SecondaryNode, Me],
        life: ACCESS_STRATUM,
    }

    /// K_RRCint of the secondary node for an integrity algorithm.
    row_sn_k_rrc_int: KSn.k_rrc_int(algorithm: IntegrityAlgorithm) -> SnRrcInt {
        fc: 0x69,
        s: [
            "algorithm type distinguisher" fixed: TypeDistinguisher = &TypeDistinguisher::RrcInt,
            "integrity algorithm identity": IntegrityAlgorithm = &algorithm,
        ],
        keep: low_128,
        clause: "TS 33.501 A.8",
        derived_by: [SecondaryNode, Me],
        held_by: [SecondaryNode, Me],
        life: ACCESS_STRATUM,
    }

    /// K_UPenc of the secondary node for a ciphering algorithm.
    row_sn_k_up_enc: KSn.k_up_enc(algorithm: CipheringAlgorithm) -> SnUpEnc {
        fc: 0x69,
        s: [
            "algorithm type distinguisher" fixed: TypeDistinguisher = &TypeDistinguisher::UpEnc,
            "ciphering algorithm identity": CipheringAlgorithm = &algorithm,
        ],
        keep: low_128,
        clause: "TS 33.501 A.8",
        derived_by: [SecondaryNode, Me],
        held_by: [SecondaryNode, Me],
        life: ACCESS_STRATUM,
    }

    /// K_UPint of the secondary node for an integrity algorithm.
    row_sn_k_up_int: KSn.k_up_int(algorithm: IntegrityAlgorithm) -> SnUpInt {
        fc: 0x69,
        s: [
            "algorithm type distinguisher" fixed: TypeDistinguisher = &TypeDistinguisher::UpInt,
            "integrity algorithm identity": IntegrityAlgorithm = &algorithm,
        ],
        keep: low_128,
        clause: "TS 33.501 A.8",
        derived_by: [SecondaryNode, Me],
        held_by: [SecondaryNode, Me],
        life: ACCESS_STRATUM,
    }

    /// K_IAB between an IAB-donor-CU and an IAB-node.
    row_k_iab_of_k_gnb: KGnb.k_iab(donor: IabAddress, node: IabAddress) -> KIab {
        fc: 0x83,
        s: [
            "IAB-donor-CU address": IabAddress = &donor,
            "IAB-node DU address": IabAddress = &node,
        ],
        keep: all,
        clause: "TS 33.501 A.23",
        derived_by: [IabDonor, IabNode],
        held_by: [IabDonor, IabNode],
        life: PARENT,
    }

    /// K_IAB between an IAB-donor-CU and an IAB-node.
    row_k_iab_of_k_sn: KSn.k_iab(donor: IabAddress, node: IabAddress) -> KIab {
        fc: 0x83,
        s: [
            "IAB-donor-CU address": IabAddress = &donor,
            "IAB-node DU address": IabAddress = &node,
        ],
        keep: all,
        clause: "TS 33.501 A.23",
        derived_by: [IabDonor, IabNode],
        held_by: [IabDonor, IabNode],
        life: PARENT,
    }

    /// K_IAB between an IAB-donor-CU and an IAB-node.
    row_k_iab_of_s_k_gnb: SKGnb.k_iab(donor: IabAddress, node: IabAddress) -> KIab {
        fc: 0x83,
        s: [
            "IAB-donor-CU address": IabAddress = &donor,
            "IAB-node DU address": IabAddress = &node,
        ],
        keep: all,
        clause: "TS 33.501 A.23",
        derived_by: [IabDonor, IabNode],
        held_by: [IabDonor, IabNode],
        life: PARENT,
    }
}
