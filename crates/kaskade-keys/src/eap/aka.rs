//! EAP-AKA and its fast re-authentication (RFC 4187).

use kaskade_crypto::kdf::{fips_186_2_prf, sha1};
use zeroize::{Zeroize, Zeroizing};

use super::session::{Emsk, KEncr, Msk};
use crate::derivation::{closed_keys, cut, function_rows, keys};
use crate::id::{EapCounter, EapIdentity, NonceS};
use crate::umts::CkIk;

keys! {
    /// K_aut of EAP-AKA: the key of AT_MAC, HMAC-SHA1-128. 16 octets (RFC 4187 7).
    pub struct KAutAka(16) = "K_aut (EAP-AKA)";
}

closed_keys! {
    /// MK of EAP-AKA: the seed of its pseudo-random function. 20 octets (RFC 4187 7).
    pub struct MkAka(20) = "MK (EAP-AKA)";

    /// XKEY': the seed of a fast re-authentication of EAP-AKA. 20 octets (RFC 4187 7).
    pub struct XkeyPrime(20) = "XKEY'";
}

/// SHA-1(Identity ‖ IK ‖ CK).
fn sha1_of_ik_ck(ck_ik: &[u8], inputs: &[&[u8]], child: &mut [u8]) {
    if let ([identity], Some((ck, ik))) = (inputs, ck_ik.split_at_checked(16)) {
        hash(&[identity, ik, ck], child);
    }
}

/// SHA-1(Identity ‖ counter ‖ NONCE_S ‖ MK).
fn sha1_before_mk(mk: &[u8], inputs: &[&[u8]], child: &mut [u8]) {
    if let [identity, counter, nonce_s] = inputs {
        hash(&[identity, counter, nonce_s, mk], child);
    }
}

fn hash(parts: &[&[u8]], child: &mut [u8]) {
    let mut digest = sha1(parts);
    child.copy_from_slice(&digest);
    digest.zeroize();
}

/// The octets from `FROM` on of the 160 that the generator of FIPS 186-2 makes of the parent.
fn fips_186_2<const FROM: usize>(xkey: &[u8], inputs: &[&[u8]], child: &mut [u8]) {
    let mut output = Zeroizing::new([0; 160]);
    if let Some(xkey) = xkey.first_chunk() {
        fips_186_2_prf(xkey, &mut output[..]);
    }
    cut::<FROM>(&output[..], inputs, child);
}

function_rows! {
    /// MK of EAP-AKA.
    row_mk_aka: CkIk.mk_aka(identity: &EapIdentity) -> MkAka {
        function: sha1_of_ik_ck, "SHA-1(identity ‖ IK ‖ CK)",
        s: [
            "identity": EapIdentity = identity,
        ],
        clause: "RFC 4187 7",
        derived_by: [AaaServer, Me],
        held_by: [AaaServer, Me],
        life: EAP_SESSION,
    }

    /// K_encr of EAP-AKA.
    row_k_encr_aka: MkAka.k_encr() -> KEncr {
        function: fips_186_2::<0>, "FIPS 186-2 generator, octets 0 to 15",
        s: [],
        clause: "RFC 4187 7",
        derived_by: [AaaServer, Me],
        held_by: [AaaServer, Me],
        life: EAP_SESSION,
    }

    /// K_aut of EAP-AKA.
    row_k_aut_aka: MkAka.k_aut() -> KAutAka {
        function: fips_186_2::<16>, "FIPS 186-2 generator, octets 16 to 31",
        s: [],
        clause: "RFC 4187 7",
        derived_by: [AaaServer, Me],
        held_by: [AaaServer, Me],
        life: EAP_SESSION,
    }

    /// MSK of EAP-AKA.
    row_msk_aka: MkAka.msk() -> Msk {
        function: fips_186_2::<32>, "FIPS 186-2 generator, octets 32 to 95",
        s: [],
        clause: "RFC 4187 7",
        derived_by: [AaaServer, Me],
        held_by: [AaaServer, Epdg, Me],
        life: EAP_SESSION,
    }

    /// EMSK of EAP-AKA.
    row_emsk_aka: MkAka.emsk() -> Emsk {
        function: fips_186_2::<96>, "FIPS 186-2 generator, octets 96 to 159",
        s: [],
        clause: "RFC 4187 7",
        derived_by: [AaaServer, Me],
        held_by: [AaaServer, Me],
        life: EAP_SESSION,
    }

    /// XKEY' of a fast re-authentication of EAP-AKA; K_encr and K_aut stay.
    row_xkey_prime: MkAka.xkey_prime(identity: &EapIdentity, counter: EapCounter, nonce_s: &NonceS) -> XkeyPrime {
        function: sha1_before_mk, "SHA-1(identity ‖ counter ‖ NONCE_S ‖ MK)",
        s: [
            "identity": EapIdentity = identity,
            "counter": EapCounter = &counter,
            "NONCE_S": NonceS = nonce_s,
        ],
        clause: "RFC 4187 7",
        derived_by: [AaaServer, Me],
        held_by: [AaaServer, Me],
        life: EAP_RUN,
    }

    /// MSK of a fast re-authentication of EAP-AKA.
    row_msk_aka_reauthentication: XkeyPrime.msk() -> Msk {
        function: fips_186_2::<0>, "FIPS 186-2 generator, octets 0 to 63",
        s: [],
        clause: "RFC 4187 7",
        derived_by: [AaaServer, Me],
        held_by: [AaaServer, Epdg, Me],
        life: EAP_SESSION,
    }

    /// EMSK of a fast re-authentication of EAP-AKA.
    row_emsk_aka_reauthentication: XkeyPrime.emsk() -> Emsk {
        function: fips_186_2::<64>, "FIPS 186-2 generator, octets 64 to 127",
        s: [],
        clause: "RFC 4187 7",
        derived_by: [AaaServer, Me],
        held_by: [AaaServer, Me],
        life: EAP_SESSION,
    }
}
