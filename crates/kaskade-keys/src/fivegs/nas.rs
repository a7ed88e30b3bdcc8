//! The NAS security context: its keys, and the K_AMF of the next one (TS 33.501 A.8, A.13).

use super::serving_network::KAmf;
use crate::derivation::{keys, rows};
use crate::id::{HorizontalDirection, TypeDistinguisher};
use crate::{CipheringAlgorithm, IntegrityAlgorithm, NasCount};

keys! {
    /// K_NASenc: ciphers NAS. 16 octets (TS 33.501 A.8).
    pub struct KNasEnc(16) = "K_NASenc";

    /// K_NASint: protects the integrity of NAS. 16 octets (TS 33.501 A.8).
    pub struct KNasInt(16) = "K_NASint";
}

rows! {
    /// K_NASenc for a ciphering algorithm.
    row_k_nas_enc: KAmf.k_nas_enc(algorithm: CipheringAlgorithm) -> KNasEnc {
        fc: 0x69,
        s: [
            "algorithm type distinguisher" fixed: TypeDistinguisher = &TypeDistinguisher::NasEnc,
            "ciphering algorithm identity": CipheringAlgorithm = &algorithm,
        ],
        keep: low_128,
        clause: "TS 33.501 A.8",
        derived_by: [Amf, Me],
        held_by: [Amf, Me],
        life: NAS_CONTEXT,
    }

    /// K_NASint for an integrity algorithm.
    row_k_nas_int: KAmf.k_nas_int(algorithm: IntegrityAlgorithm) -> KNasInt {
        fc: 0x69,
        s: [
            "algorithm type distinguisher" fixed: TypeDistinguisher = &TypeDistinguisher::NasInt,
            "integrity algorithm identity": IntegrityAlgorithm = &algorithm,
        ],
        keep: low_128,
        clause: "TS 33.501 A.8",
        derived_by: [Amf, Me],
        held_by: [Amf, Me],
        life: NAS_CONTEXT,
    }

    /// K_AMF' of a horizontal derivation: the next K_AMF, when the AMF changes or chooses to.
    row_k_amf_horizontal: KAmf.k_amf_prime(direction: HorizontalDirection, nas_count: NasCount) -> KAmf {
        fc: 0x72,
        s: [
            "DIRECTION": HorizontalDirection = &direction,
            "NAS COUNT": NasCount = &nas_count,
        ],
        keep: all,
        clause: "TS 33.501 A.13",
        derived_by: [Amf, Me],
        held_by: [Amf, Me],
        life: NAS_CONTEXT,
        named: "K_AMF'",
    }
}
