//! EAP-AKA' and its fast re-authentication (RFC 9048, TS 33.402 A.2, TS 33.501 A.3).

use kaskade_crypto::kdf::HmacKey;

use super::session::{Emsk, KEncr, Msk};
use crate::ServingNetworkName;
use crate::derivation::{closed_keys, cut, function_rows, keys, rows};
use crate::id::{AccessNetworkIdentity, EapCounter, EapIdentity, Label, NonceS};
use crate::umts::{CkIk, SqnXorAk};

keys! {
    /// CK' ‖ IK': CK and IK bound to the network of an EAP-AKA'. 32 octets (TS 33.402 A.2, TS 33.501 A.3).
    pub struct CkIkPrime(32) = "CK'||IK'" {
        /// To the AUSF or the AAA server, in an authentication vector.
        expose_to_eap_server,
    }

    /// K_aut of EAP-AKA': the key of AT_MAC, HMAC-SHA-256-128. 32 octets (RFC 9048 3.3).
    pub struct KAut(32) = "K_aut";

    /// K_re: the root of fast re-authentications of EAP-AKA'. 32 octets (RFC 9048 3.3).
    pub struct KRe(32) = "K_re";
}

closed_keys! {
    /// MK of EAP-AKA': K_encr ‖ K_aut ‖ K_re ‖ MSK ‖ EMSK. 208 octets (RFC 9048 3.3).
    pub struct MkAkaPrime(208) = "MK (EAP-AKA')";

    /// MK of a fast re-authentication of EAP-AKA': MSK ‖ EMSK. 128 octets (RFC 9048 3.3).
    pub struct MkReauthentication(128) = "MK (EAP-AKA' re-auth)";
}

rows! {
    /// CK' ‖ IK' of EAP-AKA' in 5GS. `sqn_xor_ak` is octets 0..5 of AUTN.
    row_ck_ik_prime: CkIk.ck_ik_prime(serving_network: &ServingNetworkName, sqn_xor_ak: &SqnXorAk) -> CkIkPrime {
        fc: 0x20,
        s: [
            "serving network name": ServingNetworkName = serving_network,
            "SQN ⊕ AK": SqnXorAk = sqn_xor_ak,
        ],
        keep: all,
        clause: "TS 33.501 A.3",
        derived_by: [Arpf, Me],
        held_by: [Ausf, Me],
        life: VECTOR,
    }

    /// CK' ‖ IK' of EAP-AKA' over a non-3GPP access to EPC. `sqn_xor_ak` is octets 0..5 of AUTN.
    row_ck_ik_prime_access: CkIk.ck_ik_prime_access(
        access_network: &AccessNetworkIdentity,
        sqn_xor_ak: &SqnXorAk,
    ) -> CkIkPrime {
        fc: 0x20,
        s: [
            "access network identity": AccessNetworkIdentity = access_network,
            "SQN ⊕ AK": SqnXorAk = sqn_xor_ak,
        ],
        keep: all,
        clause: "TS 33.402 A.2",
        derived_by: [Auc, Me],
        held_by: [AaaServer, Me],
        life: VECTOR,
    }
}

/// PRF' with IK' ‖ CK' as its key.
fn prf_of_ik_ck(ck_ik: &[u8], s: &[&[u8]], child: &mut [u8]) {
    if let Some((ck, ik)) = ck_ik.split_at_checked(16) {
        expand(&HmacKey::from_two(ik, ck), s, child);
    }
}

/// PRF' with the parent as its key.
fn prf(parent: &[u8], s: &[&[u8]], child: &mut [u8]) {
    expand(&HmacKey::new(parent), s, child);
}

/// PRF' over `s`.
pub(super) fn expand(key: &HmacKey, s: &[&[u8]], child: &mut [u8]) {
    // No key of a row is nearly as long as what PRF' can give.
    let expanded = key.expand(s, child);
    debug_assert!(expanded.is_ok(), "a key longer than PRF' gives");
}

function_rows! {
    /// MK of EAP-AKA'. In 5GS the identity is the SUPI, without prefix.
    row_mk: CkIkPrime.mk(identity: &EapIdentity) -> MkAkaPrime {
        function: prf_of_ik_ck, "PRF' with IK' ‖ CK'",
        s: [
            "label" fixed: Label = &Label("EAP-AKA'"),
            "identity": EapIdentity = identity,
        ],
        clause: "RFC 9048 3.3",
        derived_by: [Ausf, AaaServer, Me],
        held_by: [Ausf, AaaServer, Me],
        life: EAP_RUN,
    }

    /// K_encr of EAP-AKA'.
    row_k_encr: MkAkaPrime.k_encr() -> KEncr {
        function: cut::<0>, "octets 0 to 15",
        s: [],
        clause: "RFC 9048 3.3",
        derived_by: [Ausf, AaaServer, Me],
        held_by: [Ausf, AaaServer, Me],
        life: EAP_SESSION,
    }

    /// K_aut of EAP-AKA'.
    row_k_aut: MkAkaPrime.k_aut() -> KAut {
        function: cut::<16>, "octets 16 to 47",
        s: [],
        clause: "RFC 9048 3.3",
        derived_by: [Ausf, AaaServer, Me],
        held_by: [Ausf, AaaServer, Me],
        life: EAP_SESSION,
    }

    /// K_re of EAP-AKA'. 5GS has no fast re-authentication.
    row_k_re: MkAkaPrime.k_re() -> KRe {
        function: cut::<48>, "octets 48 to 79",
        s: [],
        clause: "RFC 9048 3.3",
        derived_by: [Ausf, AaaServer, Me],
        held_by: [AaaServer, Me],
        life: EAP_SESSION,
    }

    /// MSK of EAP-AKA'.
    row_msk: MkAkaPrime.msk() -> Msk {
        function: cut::<80>, "octets 80 to 143",
        s: [],
        clause: "RFC 9048 3.3",
        derived_by: [Ausf, AaaServer, Me],
        held_by: [AaaServer, WlanAccess, Me],
        life: EAP_SESSION,
    }

    /// EMSK of EAP-AKA'.
    row_emsk: MkAkaPrime.emsk() -> Emsk {
        function: cut::<144>, "octets 144 to 207",
        s: [],
        clause: "RFC 9048 3.3",
        derived_by: [Ausf, AaaServer, Me],
        held_by: [Ausf, AaaServer, Me],
        life: EAP_SESSION,
    }

    /// MK of a fast re-authentication of EAP-AKA'.
    row_mk_reauthentication: KRe.mk_reauthentication(
        identity: &EapIdentity,
        counter: EapCounter,
        nonce_s: &NonceS,
    ) -> MkReauthentication {
        function: prf, "PRF'",
        s: [
            "label" fixed: Label = &Label("EAP-AKA' re-auth"),
            "identity": EapIdentity = identity,
            "counter": EapCounter = &counter,
            "NONCE_S": NonceS = nonce_s,
        ],
        clause: "RFC 9048 3.3",
        derived_by: [AaaServer, Me],
        held_by: [AaaServer, Me],
        life: EAP_RUN,
    }

    /// MSK of a fast re-authentication of EAP-AKA'.
    row_msk_reauthentication: MkReauthentication.msk() -> Msk {
        function: cut::<0>, "octets 0 to 63",
        s: [],
        clause: "RFC 9048 3.3",
        derived_by: [AaaServer, Me],
        held_by: [AaaServer, WlanAccess, Me],
        life: EAP_SESSION,
    }

    /// EMSK of a fast re-authentication of EAP-AKA'.
    row_emsk_reauthentication: MkReauthentication.emsk() -> Emsk {
        function: cut::<64>, "octets 64 to 127",
        s: [],
        clause: "RFC 9048 3.3",
        derived_by: [AaaServer, Me],
        held_by: [AaaServer, Me],
        life: EAP_SESSION,
    }
}
