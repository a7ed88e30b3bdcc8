//! Access without 3GPP radio: untrusted, trusted and wireline (TS 33.501 A.9, A.22).

use super::serving_network::KAmf;
use crate::derivation::{keys, rows};
use crate::id::TrustedAccessUsage;
use crate::{AccessType, NasCount};

keys! {
    /// K_N3IWF: the IKEv2 secret of untrusted non-3GPP access. 32 octets (TS 33.501 A.9).
    pub struct KN3iwf(32) = "K_N3IWF";

    /// K_TNGF: the key of trusted non-3GPP access. 32 octets (TS 33.501 A.9).
    pub struct KTngf(32) = "K_TNGF";

    /// K_TWIF: the key of a device without 5G NAS over WLAN. 32 octets (TS 33.501 A.9).
    pub struct KTwif(32) = "K_TWIF";

    /// K_WAGF: the key of wireline access. 32 octets (TS 33.501 A.9).
    pub struct KWagf(32) = "K_WAGF";

    /// K_TIPSec: the IKEv2 secret between UE and TNGF. 32 octets (TS 33.501 A.22).
    pub struct KTipsec(32) = "K_TIPSec";

    /// K_TNAP: the access point's key, in the role of a PMK. 32 octets (TS 33.501 A.22).
    pub struct KTnap(32) = "K_TNAP";

    /// K_FT: the root of fast transitions between access points. 32 octets (TS 33.501 A.22).
    pub struct KFt(32) = "K_FT";
}

rows! {
    /// K_N3IWF for untrusted non-3GPP access.
    row_k_n3iwf: KAmf.k_n3iwf(uplink_nas_count: NasCount) -> KN3iwf {
        fc: 0x6E,
        s: [
            "uplink NAS COUNT": NasCount = &uplink_nas_count,
            "access type distinguisher" fixed: AccessType = &AccessType::NonThreeGpp,
        ],
        keep: all,
        clause: "TS 33.501 A.9",
        derived_by: [Amf, Me],
        held_by: [N3iwf, Me],
        life: ACCESS_STRATUM,
    }

    /// K_TNGF for trusted non-3GPP access.
    row_k_tngf: KAmf.k_tngf(uplink_nas_count: NasCount) -> KTngf {
        fc: 0x6E,
        s: [
            "uplink NAS COUNT": NasCount = &uplink_nas_count,
            "access type distinguisher" fixed: AccessType = &AccessType::NonThreeGpp,
        ],
        keep: all,
        clause: "TS 33.501 A.9",
        derived_by: [Amf, Me],
        held_by: [Tngf, Me],
        life: ACCESS_STRATUM,
    }

    /// K_TWIF for a device without 5G NAS; its count is 0.
    row_k_twif: KAmf.k_twif() -> KTwif {
        fc: 0x6E,
        s: [
            "uplink NAS COUNT" fixed: NasCount = &NasCount::from_parts(0, 0),
            "access type distinguisher" fixed: AccessType = &AccessType::NonThreeGpp,
        ],
        keep: all,
        clause: "TS 33.501 A.9",
        derived_by: [Amf, Me],
        held_by: [Twif, Me],
        life: ACCESS_STRATUM,
    }

    /// K_WAGF for wireline access; the count is 0 for AUN3 devices.
    row_k_wagf: KAmf.k_wagf(uplink_nas_count: NasCount) -> KWagf {
        fc: 0x6E,
        s: [
            "uplink NAS COUNT": NasCount = &uplink_nas_count,
            "access type distinguisher" fixed: AccessType = &AccessType::NonThreeGpp,
        ],
        keep: all,
        clause: "TS 33.501 A.9",
        derived_by: [Amf, Me],
        held_by: [Wagf, Me],
        life: ACCESS_STRATUM,
    }

    /// K_TIPSec for IPsec to the TNGF.
    row_k_tipsec_of_tngf: KTngf.k_tipsec() -> KTipsec {
        fc: 0x84,
        s: [
            "usage type distinguisher" fixed: TrustedAccessUsage = &TrustedAccessUsage::Ipsec,
        ],
        keep: all,
        clause: "TS 33.501 A.22",
        derived_by: [Tngf, Me],
        held_by: [Tngf, Me],
        life: PARENT,
    }

    /// K_TNAP for the access point.
    row_k_tnap_of_tngf: KTngf.k_tnap() -> KTnap {
        fc: 0x84,
        s: [
            "usage type distinguisher" fixed: TrustedAccessUsage = &TrustedAccessUsage::Tnap,
        ],
        keep: all,
        clause: "TS 33.501 A.22",
        derived_by: [Tngf, Me],
        held_by: [Tnap, Me],
        life: PARENT,
    }

    /// K_FT for fast transitions.
    row_k_ft_of_tngf: KTngf.k_ft() -> KFt {
        fc: 0x84,
        s: [
            "usage type distinguisher" fixed: TrustedAccessUsage = &TrustedAccessUsage::FastTransition,
        ],
        keep: all,
        clause: "TS 33.501 A.22",
        derived_by: [Tngf, Me],
        held_by: [Tnap, Me],
        life: PARENT,
    }

    /// K_TNAP for the access point.
    row_k_tnap_of_twif: KTwif.k_tnap() -> KTnap {
        fc: 0x84,
        s: [
            "usage type distinguisher" fixed: TrustedAccessUsage = &TrustedAccessUsage::Tnap,
        ],
        keep: all,
        clause: "TS 33.501 A.22",
        derived_by: [Twif, Me],
        held_by: [Tnap, Me],
        life: PARENT,
    }

    /// K_FT for fast transitions.
    row_k_ft_of_twif: KTwif.k_ft() -> KFt {
        fc: 0x84,
        s: [
            "usage type distinguisher" fixed: TrustedAccessUsage = &TrustedAccessUsage::FastTransition,
        ],
        keep: all,
        clause: "TS 33.501 A.22",
        derived_by: [Twif, Me],
        held_by: [Tnap, Me],
        life: PARENT,
    }
}
