//! Between EPS and 5GS over N26, and from 5GS to UTRAN (TS 33.501 A.14, A.15, A.21, clause 8).
//!
//! ```text
//! K_AMF ──── K_ASME'        idle A.14.1, handover A.14.2        K_AMF ── K_ASME_SRVCC     A.21
//! K_ASME ─── K_AMF'         idle A.15.1, handover A.15.2
//! ```

use crate::NasCount;
use crate::derivation::rows;
use crate::eps::{self, KAsme, KAsmeSrvcc};
use crate::fivegs::KAmf;

rows! {
    /// K_ASME' of a mapped EPS context, in idle mode from 5GS; the count is that of the TAU or ATTACH REQUEST.
    row_k_asme_idle: KAmf.k_asme_prime_idle(uplink_nas_count: NasCount) -> KAsme {
        fc: 0x73,
        s: [
            "uplink NAS COUNT": NasCount = &uplink_nas_count,
        ],
        keep: all,
        clause: "TS 33.501 A.14.1",
        derived_by: [Amf, Me],
        held_by: [Mme, Me],
        life: NAS_CONTEXT,
        named: "K_ASME'",
    }

    /// K_ASME' of a mapped EPS context, at handover from 5GS.
    row_k_asme_handover: KAmf.k_asme_prime_handover(downlink_nas_count: NasCount) -> KAsme {
        fc: 0x74,
        s: [
            "downlink NAS COUNT": NasCount = &downlink_nas_count,
        ],
        keep: all,
        clause: "TS 33.501 A.14.2",
        derived_by: [Amf, Me],
        held_by: [Mme, Me],
        life: NAS_CONTEXT,
        named: "K_ASME'",
    }

    /// K_AMF' of a mapped 5G context, in idle mode from EPS; the count is that of the enclosed TAU or ATTACH REQUEST.
    row_k_amf_idle: KAsme.k_amf_prime_idle(eps_uplink_nas_count: NasCount) -> KAmf {
        fc: 0x75,
        s: [
            "EPS uplink NAS COUNT": NasCount = &eps_uplink_nas_count,
        ],
        keep: all,
        clause: "TS 33.501 A.15.1",
        derived_by: [Amf, Me],
        held_by: [Amf, Me],
        life: NAS_CONTEXT,
        named: "K_AMF'",
    }

    /// K_AMF' of a mapped 5G context, at handover from EPS, from the NH that the source MME sent.
    row_k_amf_handover: KAsme.k_amf_prime_handover(nh: &eps::Nh) -> KAmf {
        fc: 0x76,
        s: [
            "NH" key: eps::Nh = nh,
        ],
        keep: all,
        clause: "TS 33.501 A.15.2",
        derived_by: [Amf, Me],
        held_by: [Amf, Me],
        life: NAS_CONTEXT,
        named: "K_AMF'",
    }

    /// K_ASME_SRVCC for a voice call that goes from 5GS to UTRAN.
    row_k_asme_srvcc: KAmf.k_asme_srvcc(downlink_nas_count: NasCount) -> KAsmeSrvcc {
        fc: 0x7D,
        s: [
            "downlink NAS COUNT": NasCount = &downlink_nas_count,
        ],
        keep: all,
        clause: "TS 33.501 A.21",
        derived_by: [Amf, Me],
        held_by: [Mme, Me],
        life: ONE_EXCHANGE,
    }
}
