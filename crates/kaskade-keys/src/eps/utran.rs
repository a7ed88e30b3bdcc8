//! To UTRAN and GERAN and back, voice calls among them (TS 33.401 A.8 to A.13).

use super::nas::KAsme;
use crate::NasCount;
use crate::derivation::{cut, function_rows, keys, rows};
use crate::gsm::CkIkPs;
use crate::id::{NonceMme, NonceUe};
use crate::umts::CkIk;

keys! {
    /// K_ASME_SRVCC: stands for K_ASME in a voice call that goes from 5GS to UTRAN. 32 octets (TS 33.501 A.21).
    pub struct KAsmeSrvcc(32) = "K_ASME_SRVCC";

    /// CK' ‖ IK': the keys of UTRAN or GERAN after EPS. 32 octets (TS 33.401 A.8, A.13).
    pub struct CkIkPrime(32) = "CK'||IK' (UTRAN)";

    /// CK_SRVCC ‖ IK_SRVCC: the keys of a voice call that leaves for UTRAN or GERAN. 32 octets (TS 33.401 A.12).
    pub struct CkIkSrvcc(32) = "CK_SRVCC||IK_SRVCC";

    /// NAS-token: shows in UTRAN that the UE has K_ASME; 16 bits of it are sent. 32 octets (TS 33.401 A.9).
    pub struct NasToken(32) = "NAS-token";
}

rows! {
    /// CK' ‖ IK' at handover from EPS to UTRAN or GERAN.
    row_ck_ik_handover: KAsme.ck_ik_prime_handover(downlink_nas_count: NasCount) -> CkIkPrime {
        fc: 0x16,
        s: [
            "downlink NAS COUNT": NasCount = &downlink_nas_count,
        ],
        keep: all,
        clause: "TS 33.401 A.8",
        derived_by: [Mme, Me],
        held_by: [VlrSgsn, Me],
        life: NAS_CONTEXT,
    }

    /// CK' ‖ IK' in idle mode from EPS to UTRAN or GERAN.
    row_ck_ik_idle: KAsme.ck_ik_prime_idle(uplink_nas_count: NasCount) -> CkIkPrime {
        fc: 0x1B,
        s: [
            "uplink NAS COUNT": NasCount = &uplink_nas_count,
        ],
        keep: all,
        clause: "TS 33.401 A.13",
        derived_by: [Mme, Me],
        held_by: [VlrSgsn, Me],
        life: NAS_CONTEXT,
    }

    /// NAS-token, whose 256 bits are all given here.
    row_nas_token: KAsme.nas_token(uplink_nas_count: NasCount) -> NasToken {
        fc: 0x17,
        s: [
            "uplink NAS COUNT": NasCount = &uplink_nas_count,
        ],
        keep: all,
        clause: "TS 33.401 A.9",
        derived_by: [Mme, Me],
        held_by: [Mme, Me],
        life: ONE_EXCHANGE,
        doubt: "which 16 of its bits are sent was not read; of two implementations one sends the first, one the last",
    }

    /// K'_ASME at handover from UTRAN, from the CK ‖ IK in use there.
    row_k_asme_from_utran_handover: CkIk.k_asme_prime_handover(nonce_mme: NonceMme) -> KAsme {
        fc: 0x18,
        s: [
            "NONCE_MME": NonceMme = &nonce_mme,
        ],
        keep: all,
        clause: "TS 33.401 A.10",
        derived_by: [Mme, Me],
        held_by: [Mme, Me],
        life: NAS_CONTEXT,
        named: "K'_ASME",
    }

    /// K'_ASME in idle mode from UTRAN, from the CK ‖ IK in use there.
    row_k_asme_from_utran_idle: CkIk.k_asme_prime_idle(nonce_ue: NonceUe, nonce_mme: NonceMme) -> KAsme {
        fc: 0x19,
        s: [
            "NONCE_UE": NonceUe = &nonce_ue,
            "NONCE_MME": NonceMme = &nonce_mme,
        ],
        keep: all,
        clause: "TS 33.401 A.11",
        derived_by: [Mme, Me],
        held_by: [Mme, Me],
        life: NAS_CONTEXT,
        named: "K'_ASME",
    }

    /// CK_SRVCC ‖ IK_SRVCC for a voice call that leaves LTE.
    row_ck_ik_srvcc: KAsme.ck_ik_srvcc(downlink_nas_count: NasCount) -> CkIkSrvcc {
        fc: 0x1A,
        s: [
            "downlink NAS COUNT": NasCount = &downlink_nas_count,
        ],
        keep: all,
        clause: "TS 33.401 A.12",
        derived_by: [Mme, Me],
        held_by: [Msc, Me],
        life: ONE_EXCHANGE,
    }

    /// CK_SRVCC ‖ IK_SRVCC for a voice call that left 5GS; the count is 0 (TS 33.501 J.1.2).
    row_ck_ik_srvcc_5g: KAsmeSrvcc.ck_ik_srvcc() -> CkIkSrvcc {
        fc: 0x1A,
        s: [
            "downlink NAS COUNT" fixed: NasCount = &NasCount::from_parts(0, 0),
        ],
        keep: all,
        clause: "TS 33.401 A.12",
        derived_by: [Mme, Me],
        held_by: [Msc, Me],
        life: ONE_EXCHANGE,
    }
}

function_rows! {
    /// K'_ASME of a voice call that comes back from the circuit switched domain; NONCE_MME does not matter then.
    row_k_asme_of_ps: CkIkPs.k_asme() -> KAsme {
        function: cut::<0>, "CK'_PS ‖ IK'_PS",
        s: [],
        clause: "TS 24.301 4.4.2.5",
        derived_by: [Mme, Me],
        held_by: [Mme, Me],
        life: NAS_CONTEXT,
        named: "K'_ASME",
    }
}
