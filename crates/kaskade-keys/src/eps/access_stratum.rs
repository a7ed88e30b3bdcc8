//! The access stratum: K_eNB, NH, their chain from cell to cell, and the keys of RRC and user plane (TS 33.401 A.3 to A.5,
//! A.7).

use kaskade_crypto::KeyMaterial;

use super::nas::KAsme;
use crate::derivation::{Encoding, KeyParameter, kdf_parameters, keys, rows};
use crate::id::{EarfcnDl, EutraPci, TypeDistinguisher};
use crate::{CipheringAlgorithm, IntegrityAlgorithm, UplinkCount};

keys! {
    /// K_eNB: the key of the access stratum. 32 octets (TS 33.401 A.3).
    pub struct KEnb(32) = "K_eNB";

    /// NH: the next hop parameter, forward security of handovers. 32 octets (TS 33.401 A.4).
    pub struct Nh(32) = "NH (EPS)";

    /// K_RRCenc: ciphers RRC. 16 octets (TS 33.401 A.7).
    pub struct KRrcEnc(16) = "K_RRCenc (EPS)";

    /// K_RRCint: protects the integrity of RRC. 16 octets (TS 33.401 A.7).
    pub struct KRrcInt(16) = "K_RRCint (EPS)";

    /// K_UPenc: ciphers the user plane. 16 octets (TS 33.401 A.7).
    pub struct KUpEnc(16) = "K_UPenc (EPS)";

    /// K_UPint: protects the integrity of the user plane of a relay node. 16 octets (TS 33.401 A.7).
    pub struct KUpInt(16) = "K_UPint (EPS)";
}

rows! {
    /// K_eNB.
    row_k_enb: KAsme.k_enb(uplink_nas_count: UplinkCount) -> KEnb {
        fc: 0x11,
        s: [
            "uplink NAS COUNT": UplinkCount = &uplink_nas_count,
        ],
        keep: all,
        clause: "TS 33.401 A.3",
        derived_by: [Mme, Me],
        held_by: [Enb, Me],
        life: ACCESS_STRATUM,
    }

    /// NH, from K_eNB the first time and from the previous NH afterwards.
    row_nh: KAsme.nh(sync_input: SyncInput<'_>) -> Nh {
        fc: 0x12,
        s: [
            "SYNC-input" key: SyncInput<'_> = &sync_input,
        ],
        keep: all,
        clause: "TS 33.401 A.4",
        derived_by: [Mme, Me],
        held_by: [Enb, Me],
        life: ACCESS_STRATUM,
    }

    /// K_eNB* for a target cell, from the current K_eNB: its K_eNB. EARFCN-DL has 2 octets up to 65535, and 3 above.
    row_k_enb_star_of_k_enb: KEnb.k_enb_star(pci: EutraPci, earfcn_dl: EarfcnDl) -> KEnb {
        fc: 0x13,
        s: [
            "PCI": EutraPci = &pci,
            "EARFCN-DL": EarfcnDl = &earfcn_dl,
        ],
        keep: all,
        clause: "TS 33.401 A.5",
        derived_by: [Enb, Me],
        held_by: [Enb, Me],
        life: ACCESS_STRATUM,
        named: "K_eNB*",
    }

    /// K_eNB* for a target cell, from a fresh NH: its K_eNB. EARFCN-DL has 2 octets up to 65535, and 3 above.
    row_k_enb_star_of_nh: Nh.k_enb_star(pci: EutraPci, earfcn_dl: EarfcnDl) -> KEnb {
        fc: 0x13,
        s: [
            "PCI": EutraPci = &pci,
            "EARFCN-DL": EarfcnDl = &earfcn_dl,
        ],
        keep: all,
        clause: "TS 33.401 A.5",
        derived_by: [Enb, Me],
        held_by: [Enb, Me],
        life: ACCESS_STRATUM,
        named: "K_eNB*",
    }

    /// K_RRCenc for a ciphering algorithm.
    row_k_rrc_enc: KEnb.k_rrc_enc(algorithm: CipheringAlgorithm) -> KRrcEnc {
        fc: 0x15,
        s: [
            "algorithm type distinguisher" fixed: TypeDistinguisher = &TypeDistinguisher::RrcEnc,
            "ciphering algorithm identity": CipheringAlgorithm = &algorithm,
        ],
        keep: low_128,
        clause: "TS 33.401 A.7",
        derived_by: [Enb, Me],
        held_by: [Enb, Me],
        life: ACCESS_STRATUM,
    }

    /// K_RRCint for an integrity algorithm.
    row_k_rrc_int: KEnb.k_rrc_int(algorithm: IntegrityAlgorithm) -> KRrcInt {
        fc: 0x15,
        s: [
            "algorithm type distinguisher" fixed: TypeDistinguisher = &TypeDistinguisher::RrcInt,
            "integrity algorithm identity": IntegrityAlgorithm = &algorithm,
        ],
        keep: low_128,
        clause: "TS 33.401 A.7",
        derived_by: [Enb, Me],
        held_by: [Enb, Me],
        life: ACCESS_STRATUM,
    }

    /// K_UPenc for a ciphering algorithm.
    row_k_up_enc: KEnb.k_up_enc(algorithm: CipheringAlgorithm) -> KUpEnc {
        fc: 0x15,
        s: [
            "algorithm type distinguisher" fixed: TypeDistinguisher = &TypeDistinguisher::UpEnc,
            "ciphering algorithm identity": CipheringAlgorithm = &algorithm,
        ],
        keep: low_128,
        clause: "TS 33.401 A.7",
        derived_by: [Enb, Me],
        held_by: [Enb, Me],
        life: ACCESS_STRATUM,
    }

    /// K_UPint for an integrity algorithm.
    row_k_up_int: KEnb.k_up_int(algorithm: IntegrityAlgorithm) -> KUpInt {
        fc: 0x15,
        s: [
            "algorithm type distinguisher" fixed: TypeDistinguisher = &TypeDistinguisher::UpInt,
            "integrity algorithm identity": IntegrityAlgorithm = &algorithm,
        ],
        keep: low_128,
        clause: "TS 33.401 A.7",
        derived_by: [Enb, Me],
        held_by: [Enb, Me],
        life: ACCESS_STRATUM,
    }
}

/// SYNC-input of NH (TS 33.401 A.4). 32 octets.
#[derive(Clone, Copy, Debug)]
pub enum SyncInput<'k> {
    /// The K_eNB that was derived last: gives the first NH.
    KEnb(&'k KEnb),
    /// The previous NH.
    Nh(&'k Nh),
}

kdf_parameters! {
    SyncInput<'_>: Encoding::Secret(32), |this| match this {
        SyncInput::KEnb(key) => key.secret_octets(),
        SyncInput::Nh(key) => key.secret_octets(),
    };
    Nh: Encoding::Secret(32), |this| this.secret_octets();
}

impl KeyParameter for SyncInput<'_> {
    const KEYS: &'static [&'static str] = &[KEnb::NAME, Nh::NAME];
}

impl KeyParameter for Nh {
    const KEYS: &'static [&'static str] = &[Nh::NAME];
}
