//! EAP methods of 3GPP: EAP-AKA', its fast re-authentication and forward secrecy, and EAP-AKA (RFC 9048, 9678, 4187).
//!
//! ```text
//! CK ‖ IK ─┬─ CK' ‖ IK' ─┬─ MK ─── K_encr, K_aut, K_re, MSK, EMSK        EAP-AKA'
//!          │             └─ MK_ECDHE ─── K_re, MSK, EMSK                 with forward secrecy; MK gives K_encr, K_aut
//!          │     K_re ───── MK of a fast re-authentication ─ MSK, EMSK
//!          └─ MK ─┬─ K_encr, K_aut, MSK, EMSK                            EAP-AKA
//!                 └─ XKEY' ─── MSK, EMSK                                 its fast re-authentication
//! MSK ─┬─ PMK of a WLAN                   EMSK ─── K_AUSF
//!      └─ K_AUSF, where credentials are held outside
//! ```

use kaskade_crypto::kdf::{HmacKey, fips_186_2_prf, sha1};
use kaskade_crypto::{KeyMaterial, secret_octets};
use zeroize::{Zeroize, Zeroizing};

use crate::ServingNetworkName;
use crate::derivation::{Encoding, KeyParameter, closed_keys, cut, function_rows, kdf_parameters, keys, rows};
use crate::fivegs::KAusf;
use crate::id::{AccessNetworkIdentity, EapCounter, EapIdentity, Label, NonceS};
use crate::umts::{CkIk, SqnXorAk};

keys! {
    /// CK' ‖ IK': CK and IK bound to the network of an EAP-AKA'. 32 octets (TS 33.402 A.2, TS 33.501 A.3).
    pub struct CkIkPrime(32) = "CK'||IK'" {
        /// To the AUSF or the AAA server, in an authentication vector.
        expose_to_eap_server,
    }

    /// K_encr: ciphers attributes. 16 octets (RFC 4187 7, RFC 9048 3.3).
    pub struct KEncr(16) = "K_encr";

    /// K_aut of EAP-AKA': the key of AT_MAC, HMAC-SHA-256-128. 32 octets (RFC 9048 3.3).
    pub struct KAut(32) = "K_aut";

    /// K_aut of EAP-AKA: the key of AT_MAC, HMAC-SHA1-128. 16 octets (RFC 4187 7).
    pub struct KAutAka(16) = "K_aut (EAP-AKA)";

    /// K_re: the root of fast re-authentications of EAP-AKA'. 32 octets (RFC 9048 3.3).
    pub struct KRe(32) = "K_re";

    /// MSK: what an EAP method gives to whoever guards the access. 64 octets (RFC 3748, RFC 5247).
    pub struct Msk(64) = "MSK" {
        /// To the authenticator: access point, ePDG, TWAG, NSSAAF.
        expose_to_authenticator,
    }

    /// PMK: what a WLAN's access point starts from. 32 octets (TS 33.402 6.2, TS 33.501 Annex S).
    pub struct Pmk(32) = "PMK" {
        /// To the access point.
        expose_to_access_point,
    }
}

secret_octets! {
    /// What the ephemeral keys of both sides agree on: x of P-256, or the output of X25519. 32 octets (RFC 9678 6.3).
    ///
    /// Not out of K: this is what keeps a session secret when K leaks later.
    pub struct SharedSecret(32) = "ECDHE shared secret" {}
}

closed_keys! {
    /// MK of EAP-AKA': K_encr ‖ K_aut ‖ K_re ‖ MSK ‖ EMSK. 208 octets (RFC 9048 3.3).
    pub struct MkAkaPrime(208) = "MK (EAP-AKA')";

    /// MK_ECDHE: K_re ‖ MSK ‖ EMSK of EAP-AKA' with forward secrecy. 160 octets (RFC 9678 6.3).
    pub struct MkEcdhe(160) = "MK_ECDHE";

    /// MK of a fast re-authentication of EAP-AKA': MSK ‖ EMSK. 128 octets (RFC 9048 3.3).
    pub struct MkReauthentication(128) = "MK (EAP-AKA' re-auth)";

    /// MK of EAP-AKA: the seed of its pseudo-random function. 20 octets (RFC 4187 7).
    pub struct MkAka(20) = "MK (EAP-AKA)";

    /// XKEY': the seed of a fast re-authentication of EAP-AKA. 20 octets (RFC 4187 7).
    pub struct XkeyPrime(20) = "XKEY'";

    /// EMSK: what an EAP method keeps for later derivations. 64 octets (RFC 3748, RFC 5247, RFC 5295).
    ///
    /// Never leaves the UE and the EAP server: nothing here exposes it, only what derives from it.
    pub struct Emsk(64) = "EMSK";
}

kdf_parameters! {
    SharedSecret: Encoding::Secret(32), |this| this.secret_octets();
}

impl KeyParameter for SharedSecret {
    const KEYS: &'static [&'static str] = &[SharedSecret::NAME];
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

/// PRF' with IK' ‖ CK' ‖ SHARED_SECRET as its key.
fn prf_with_shared_secret(ck_ik: &[u8], inputs: &[&[u8]], child: &mut [u8]) {
    if let (Some((ck, ik)), Some((secret, s))) = (ck_ik.split_at_checked(16), inputs.split_first()) {
        let key = Zeroizing::new([ik, ck].concat());
        expand(&HmacKey::from_two(&key, secret), s, child);
    }
}

/// PRF' with the parent as its key.
fn prf(parent: &[u8], s: &[&[u8]], child: &mut [u8]) {
    expand(&HmacKey::new(parent), s, child);
}

fn expand(key: &HmacKey, s: &[&[u8]], child: &mut [u8]) {
    // No key of a row is nearly as long as what PRF' can give.
    let expanded = key.expand(s, child);
    debug_assert!(expanded.is_ok(), "a key longer than PRF' gives");
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

    /// PMK of a WLAN: of non-seamless offload in 5GS, of a trusted WLAN of EPC, of a device behind a residential gateway.
    row_pmk: Msk.pmk() -> Pmk {
        function: cut::<0>, "octets 0 to 31",
        s: [],
        clause: "TS 33.501 Annex S",
        derived_by: [WlanAccess, Me],
        held_by: [WlanAccess, Me],
        life: EAP_SESSION,
    }

    /// K_AUSF after EAP-AKA', EAP-TLS and EAP-TTLS: the 256 most significant bits of the EMSK.
    row_k_ausf_of_emsk: Emsk.k_ausf() -> KAusf {
        function: cut::<0>, "octets 0 to 31",
        s: [],
        clause: "TS 33.501 6.1.3.1",
        derived_by: [Ausf, Me],
        held_by: [Ausf, Me],
        life: ANCHOR,
    }

    /// K_AUSF where an AAA server outside holds the credentials: the 256 most significant bits of the MSK.
    row_k_ausf_of_msk: Msk.k_ausf() -> KAusf {
        function: cut::<0>, "octets 0 to 31",
        s: [],
        clause: "TS 33.501 I.2.2.2",
        derived_by: [Ausf, Me],
        held_by: [Ausf, Me],
        life: ANCHOR,
    }
}
