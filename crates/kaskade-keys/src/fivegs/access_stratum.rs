//! The access stratum of one cell: K_gNB, NH, and the keys of RRC and user plane (TS 33.501 A.8 to A.10).

use kaskade_crypto::KeyMaterial;

use super::serving_network::KAmf;
use crate::derivation::{Encoding, KeyParameter, kdf_parameters, keys, rows};
use crate::id::TypeDistinguisher;
use crate::{AccessType, CipheringAlgorithm, IntegrityAlgorithm, UplinkCount};

keys! {
    /// K_gNB: the key of the access stratum. 32 octets (TS 33.501 A.9).
    pub struct KGnb(32) = "K_gNB";

    /// NH: the next hop parameter, forward security of handovers. 32 octets (TS 33.501 A.10).
    pub struct Nh(32) = "NH";

    /// K_RRCenc: ciphers RRC. 16 octets (TS 33.501 A.8).
    pub struct KRrcEnc(16) = "K_RRCenc";

    /// K_RRCint: protects the integrity of RRC. 16 octets (TS 33.501 A.8).
    pub struct KRrcInt(16) = "K_RRCint";

    /// K_UPenc: ciphers the user plane. 16 octets (TS 33.501 A.8).
    pub struct KUpEnc(16) = "K_UPenc";

    /// K_UPint: protects the integrity of the user plane. 16 octets (TS 33.501 A.8).
    pub struct KUpInt(16) = "K_UPint";
}

rows! {
    /// K_gNB for 3GPP access.
    row_k_gnb: KAmf.k_gnb(uplink_nas_count: UplinkCount) -> KGnb {
        fc: 0x6E,
        s: [
            "uplink NAS COUNT": UplinkCount = &uplink_nas_count,
            "access type distinguisher" fixed: AccessType = &AccessType::ThreeGpp,
        ],
        keep: all,
        clause: "TS 33.501 A.9",
        derived_by: [Amf, Me],
        held_by: [Gnb, Me],
        life: ACCESS_STRATUM,
    }

    /// NH, from K_gNB the first time and from the previous NH afterwards.
    row_nh: KAmf.nh(sync_input: SyncInput<'_>) -> Nh {
        fc: 0x6F,
        s: ["SYNC-input" key: SyncInput<'_> = &sync_input],
        keep: all,
        clause: "TS 33.501 A.10",
        derived_by: [Amf, Me],
        held_by: [Gnb, Me],
        life: ACCESS_STRATUM,
    }

    /// K_RRCenc for a ciphering algorithm.
    row_k_rrc_enc: KGnb.k_rrc_enc(algorithm: CipheringAlgorithm) -> KRrcEnc {
        fc: 0x69,
        s: [
            "algorithm type distinguisher" fixed: TypeDistinguisher = &TypeDistinguisher::RrcEnc,
            "ciphering algorithm identity": CipheringAlgorithm = &algorithm,
        ],
        keep: low_128,
        clause: "TS 33.501 A.8",
        derived_by: [Gnb, Me],
        held_by: [Gnb, Me],
        life: ACCESS_STRATUM,
    }

    /// K_RRCint for an integrity algorithm.
    row_k_rrc_int: KGnb.k_rrc_int(algorithm: IntegrityAlgorithm) -> KRrcInt {
        fc: 0x69,
        s: [
            "algorithm type distinguisher" fixed: TypeDistinguisher = &TypeDistinguisher::RrcInt,
            "integrity algorithm identity": IntegrityAlgorithm = &algorithm,
        ],
        keep: low_128,
        clause: "TS 33.501 A.8",
        derived_by: [Gnb, Me],
        held_by: [Gnb, Me],
        life: ACCESS_STRATUM,
    }

    /// K_UPenc for a ciphering algorithm.
    row_k_up_enc: KGnb.k_up_enc(algorithm: CipheringAlgorithm) -> KUpEnc {
        fc: 0x69,
        s: [
            "algorithm type distinguisher" fixed: TypeDistinguisher = &TypeDistinguisher::UpEnc,
            "ciphering algorithm identity": CipheringAlgorithm = &algorithm,
        ],
        keep: low_128,
        clause: "TS 33.501 A.8",
        derived_by: [Gnb, Me],
        held_by: [Gnb, Me],
        life: ACCESS_STRATUM,
    }

    /// K_UPint for an integrity algorithm.
    row_k_up_int: KGnb.k_up_int(algorithm: IntegrityAlgorithm) -> KUpInt {
        fc: 0x69,
        s: [
            "algorithm type distinguisher" fixed: TypeDistinguisher = &TypeDistinguisher::UpInt,
            "integrity algorithm identity": IntegrityAlgorithm = &algorithm,
        ],
        keep: low_128,
        clause: "TS 33.501 A.8",
        derived_by: [Gnb, Me],
        held_by: [Gnb, Me],
        life: ACCESS_STRATUM,
    }
}

/// SYNC-input of NH (TS 33.501 A.10). 32 octets.
#[derive(Clone, Copy, Debug)]
pub enum SyncInput<'k> {
    /// The K_gNB that was derived last: gives the first NH.
    KGnb(&'k KGnb),
    /// The previous NH.
    Nh(&'k Nh),
}

kdf_parameters! {
    SyncInput<'_>: Encoding::Secret(32), |this| this.octets();
}

impl KeyParameter for SyncInput<'_> {
    const KEYS: &'static [&'static str] = &[KGnb::NAME, Nh::NAME];
}

impl SyncInput<'_> {
    pub(crate) fn octets(&self) -> &[u8] {
        match self {
            Self::KGnb(key) => key.secret_octets(),
            Self::Nh(key) => key.secret_octets(),
        }
    }
}
