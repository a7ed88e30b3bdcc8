//! EAP-AKA' with forward secrecy: a secret enters that K does not bring down (RFC 9678).

use kaskade_crypto::kdf::HmacKey;
use kaskade_crypto::{KeyMaterial, secret_octets};
use zeroize::Zeroizing;

use super::aka_prime::{CkIkPrime, KRe, expand};
use super::session::{Emsk, Msk};
use crate::derivation::{Encoding, KeyParameter, closed_keys, cut, function_rows, kdf_parameters};
use crate::id::{EapIdentity, Label};

secret_octets! {
    /// What the ephemeral keys of both sides agree on: x of P-256, or the output of X25519. 32 octets (RFC 9678 6.3).
    ///
    /// Not out of K: this is what keeps a session secret when K leaks later.
    pub struct SharedSecret(32) = "ECDHE shared secret" {}
}

closed_keys! {
    /// MK_ECDHE: K_re ‖ MSK ‖ EMSK of EAP-AKA' with forward secrecy. 160 octets (RFC 9678 6.3).
    pub struct MkEcdhe(160) = "MK_ECDHE";
}

kdf_parameters! {
    SharedSecret: Encoding::Secret(32), |this| this.secret_octets();
}

impl KeyParameter for SharedSecret {
    const KEYS: &'static [&'static str] = &[SharedSecret::NAME];
}

/// PRF' with IK' ‖ CK' ‖ SHARED_SECRET as its key.
fn prf_with_shared_secret(ck_ik: &[u8], inputs: &[&[u8]], child: &mut [u8]) {
    if let (Some((ck, ik)), Some((secret, s))) = (ck_ik.split_at_checked(16), inputs.split_first()) {
        let key = Zeroizing::new([ik, ck].concat());
        expand(&HmacKey::from_two(&key, secret), s, child);
    }
}

function_rows! {
    /// MK_ECDHE of EAP-AKA' with forward secrecy; K_encr and K_aut come from MK.
    row_mk_ecdhe: CkIkPrime.mk_ecdhe(shared_secret: &SharedSecret, identity: &EapIdentity) -> MkEcdhe {
        function: prf_with_shared_secret, "PRF' with IK' ‖ CK' ‖ SHARED_SECRET",
        s: [
            "ECDHE shared secret" key: SharedSecret = shared_secret,
            "label" fixed: Label = &Label("EAP-AKA' FS"),
            "identity": EapIdentity = identity,
        ],
        clause: "RFC 9678 6.3",
        derived_by: [Ausf, AaaServer, Me],
        held_by: [Ausf, AaaServer, Me],
        life: EAP_RUN,
    }

    /// K_re of EAP-AKA' with forward secrecy.
    row_k_re_ecdhe: MkEcdhe.k_re() -> KRe {
        function: cut::<0>, "octets 0 to 31",
        s: [],
        clause: "RFC 9678 6.3",
        derived_by: [AaaServer, Me],
        held_by: [AaaServer, Me],
        life: EAP_SESSION,
    }

    /// MSK of EAP-AKA' with forward secrecy.
    row_msk_ecdhe: MkEcdhe.msk() -> Msk {
        function: cut::<32>, "octets 32 to 95",
        s: [],
        clause: "RFC 9678 6.3",
        derived_by: [Ausf, AaaServer, Me],
        held_by: [AaaServer, WlanAccess, Me],
        life: EAP_SESSION,
    }

    /// EMSK of EAP-AKA' with forward secrecy.
    row_emsk_ecdhe: MkEcdhe.emsk() -> Emsk {
        function: cut::<96>, "octets 96 to 159",
        s: [],
        clause: "RFC 9678 6.3",
        derived_by: [Ausf, AaaServer, Me],
        held_by: [Ausf, AaaServer, Me],
        life: EAP_SESSION,
    }
}
