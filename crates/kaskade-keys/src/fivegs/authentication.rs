//! What the home network makes of CK and IK: K_AUSF, and the answer that the UE must give (TS 33.501 A.2, A.4).

use kaskade_crypto::{Rand, Res};

use crate::ServingNetworkName;
use crate::derivation::{keys, rows};
use crate::umts::{CkIk, SqnXorAk};

keys! {
    /// K_AUSF: the anchor of the home network. 32 octets (TS 33.501 A.2, 6.2.1).
    pub struct KAusf(32) = "K_AUSF" {
        /// To the AUSF, in the answer of Nudm_UEAuthentication.
        expose_to_ausf,
    }

    /// RES*: the UE's answer, bound to the serving network. 16 octets (TS 33.501 A.4).
    pub struct ResStar(16) = "RES*" {
        /// To the AUSF, which checks it.
        expose_to_ausf,
    }

    /// XRES*: the answer that the home network expects. 16 octets (TS 33.501 A.4).
    pub struct XresStar(16) = "XRES*" {
        /// To the AUSF, in the answer of Nudm_UEAuthentication.
        expose_to_ausf,
    }
}

rows! {
    /// K_AUSF of 5G AKA. `sqn_xor_ak` is octets 0..5 of AUTN.
    row_k_ausf: CkIk.k_ausf(serving_network_name: &ServingNetworkName, sqn_xor_ak: &SqnXorAk) -> KAusf {
        fc: 0x6A,
        s: [
            "serving network name": ServingNetworkName = serving_network_name,
            "SQN ⊕ AK": SqnXorAk = sqn_xor_ak,
        ],
        keep: all,
        clause: "TS 33.501 A.2",
        derived_by: [Arpf, Me],
        held_by: [Ausf, Me],
        life: ANCHOR,
    }

    /// RES*, the ME's answer.
    row_res_star: CkIk.res_star(serving_network_name: &ServingNetworkName, rand: &Rand, res: &Res) -> ResStar {
        fc: 0x6B,
        s: [
            "serving network name": ServingNetworkName = serving_network_name,
            "RAND": Rand = rand,
            "RES": Res = res,
        ],
        keep: low_128,
        clause: "TS 33.501 A.4",
        derived_by: [Me],
        held_by: [Me],
        life: VECTOR,
    }

    /// XRES*, the answer that the ARPF expects.
    row_xres_star: CkIk.xres_star(serving_network_name: &ServingNetworkName, rand: &Rand, xres: &Res) -> XresStar {
        fc: 0x6B,
        s: [
            "serving network name": ServingNetworkName = serving_network_name,
            "RAND": Rand = rand,
            "XRES": Res = xres,
        ],
        keep: low_128,
        clause: "TS 33.501 A.4",
        derived_by: [Arpf],
        held_by: [Ausf],
        life: VECTOR,
    }
}
