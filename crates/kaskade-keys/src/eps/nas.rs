//! K_ASME, the anchor of the serving network, and the keys of NAS (TS 33.401 A.2, A.7).

use crate::derivation::{keys, rows};
use crate::id::{ServingNetworkIdentity, TypeDistinguisher};
use crate::umts::{CkIk, SqnXorAk};
use crate::{CipheringAlgorithm, IntegrityAlgorithm};

keys! {
    /// K_ASME: the anchor of the serving network, and the key of an EPS NAS security context. 32 octets (TS 33.401 A.2).
    pub struct KAsme(32) = "K_ASME" {
        /// To the MME, in the answer of the HSS.
        expose_to_mme,
    }

    /// K_NASenc: ciphers NAS. 16 octets (TS 33.401 A.7).
    pub struct KNasEnc(16) = "K_NASenc (EPS)";

    /// K_NASint: protects the integrity of NAS. 16 octets (TS 33.401 A.7).
    pub struct KNasInt(16) = "K_NASint (EPS)";
}

rows! {
    /// K_ASME of EPS AKA. `sqn_xor_ak` is octets 0..5 of AUTN.
    row_k_asme: CkIk.k_asme(serving_network: &ServingNetworkIdentity, sqn_xor_ak: &SqnXorAk) -> KAsme {
        fc: 0x10,
        s: [
            "SN id": ServingNetworkIdentity = serving_network,
            "SQN ⊕ AK": SqnXorAk = sqn_xor_ak,
        ],
        keep: all,
        clause: "TS 33.401 A.2",
        derived_by: [Auc, Me],
        held_by: [Mme, Me],
        life: NAS_CONTEXT,
    }

    /// K_NASenc for a ciphering algorithm.
    row_k_nas_enc: KAsme.k_nas_enc(algorithm: CipheringAlgorithm) -> KNasEnc {
        fc: 0x15,
        s: [
            "algorithm type distinguisher" fixed: TypeDistinguisher = &TypeDistinguisher::NasEnc,
            "ciphering algorithm identity": CipheringAlgorithm = &algorithm,
        ],
        keep: low_128,
        clause: "TS 33.401 A.7",
        derived_by: [Mme, Me],
        held_by: [Mme, Me],
        life: NAS_CONTEXT,
    }

    /// K_NASint for an integrity algorithm.
    row_k_nas_int: KAsme.k_nas_int(algorithm: IntegrityAlgorithm) -> KNasInt {
        fc: 0x15,
        s: [
            "algorithm type distinguisher" fixed: TypeDistinguisher = &TypeDistinguisher::NasInt,
            "integrity algorithm identity": IntegrityAlgorithm = &algorithm,
        ],
        keep: low_128,
        clause: "TS 33.401 A.7",
        derived_by: [Mme, Me],
        held_by: [Mme, Me],
        life: NAS_CONTEXT,
    }
}
