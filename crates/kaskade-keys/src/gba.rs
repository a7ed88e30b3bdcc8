//! GBA: keys for applications out of a bootstrapping of its own (TS 33.220).
//!
//! ```text
//! CK ‖ IK ── Ks ─┬─ Ks_NAF                     4.5.2, B.3      GBA_ME: all of it in the ME
//!                ├─ Ks_ext_NAF, Ks_int_NAF     B.3             GBA_U: Ks stays on the card
//!                └─ TMPI                       B.4
//! H(A1) ── passwd, Ks (GBA_Digest)             B.5             without a card: HTTP Digest over TLS
//! ```

use kaskade_crypto::{KeyMaterial, Rand, secret_octets};

use crate::derivation::{Encoding, KeyParameter, cut, function_rows, kdf_parameters, keys, rows};
use crate::id::{BsfId, DigestResponse, Impi, Label, NafId};
use crate::umts::CkIk;

keys! {
    /// Ks: what UE and BSF share after a bootstrapping. 32 octets (TS 33.220 4.5.2).
    pub struct Ks(32) = "Ks";

    /// Ks_NAF: the key of one application function. 32 octets (TS 33.220 B.3).
    pub struct KsNaf(32) = "Ks_NAF" {
        /// To the application function, over Zn.
        expose_to_naf,
    }

    /// Ks_ext_NAF: the key of one application function for the ME, where Ks stays on the card. 32 octets (TS 33.220 B.3).
    pub struct KsExtNaf(32) = "Ks_ext_NAF" {
        /// To the application function, over Zn.
        expose_to_naf,
    }

    /// Ks_int_NAF: the key of one application function that never leaves the card. 32 octets (TS 33.220 B.3).
    pub struct KsIntNaf(32) = "Ks_int_NAF" {
        /// To the application function, over Zn.
        expose_to_naf,
    }

    /// TMPI: stands for the IMPI in the next bootstrapping. 32 octets, of which the first 24, in base64, are its user
    /// name (TS 33.220 B.4).
    pub struct Tmpi(32) = "TMPI" {
        /// To the BSF, as the user name of a temporary identity.
        expose_as_identity,
    }

    /// H(A1): the hash of user name, realm and password of HTTP Digest with SHA-256. 32 octets (TS 33.220 B.5).
    pub struct DigestHa1(32) = "H(A1)";

    /// passwd: the password of HTTP Digest that belongs to one TLS session. 32 octets (TS 33.220 B.5).
    pub struct DigestPasswd(32) = "passwd" {
        /// To HTTP Digest.
        expose_to_http_digest,
    }

    /// Ks of GBA_Digest: what UE and BSF share after a bootstrapping without a card. 32 octets (TS 33.220 B.5).
    pub struct KsDigest(32) = "Ks (GBA_Digest)";
}

secret_octets! {
    /// TLS_MK_Extr: what UE and BSF extract from the TLS session below. 48 octets (TS 33.220 B.5).
    pub struct TlsMkExtr(48) = "TLS_MK_Extr" {}
}

kdf_parameters! {
    TlsMkExtr: Encoding::Secret(48), |this| this.secret_octets();
}

impl KeyParameter for TlsMkExtr {
    const KEYS: &'static [&'static str] = &[TlsMkExtr::NAME];
}

function_rows! {
    /// Ks: CK ‖ IK of the bootstrapping, as it is.
    row_ks: CkIk.ks() -> Ks {
        function: cut::<0>, "CK ‖ IK",
        s: [],
        clause: "TS 33.220 4.5.2",
        derived_by: [Bsf, Me],
        held_by: [Bsf, Me],
        life: BOOTSTRAPPING,
    }
}

rows! {
    /// Ks_NAF for an application function and the protocol that is spoken with it.
    row_ks_naf: Ks.ks_naf(rand: &Rand, impi: &Impi, naf_id: &NafId) -> KsNaf {
        fc: 0x01,
        s: [
            "label" fixed: Label = &Label("gba-me"),
            "RAND": Rand = rand,
            "IMPI": Impi = impi,
            "NAF_Id": NafId = naf_id,
        ],
        keep: all,
        clause: "TS 33.220 B.3",
        derived_by: [Bsf, Me],
        held_by: [Naf, Me],
        life: APPLICATION,
    }

    /// Ks_ext_NAF for an application function: the card gives it to the ME.
    row_ks_ext_naf: Ks.ks_ext_naf(rand: &Rand, impi: &Impi, naf_id: &NafId) -> KsExtNaf {
        fc: 0x01,
        s: [
            "label" fixed: Label = &Label("gba-me"),
            "RAND": Rand = rand,
            "IMPI": Impi = impi,
            "NAF_Id": NafId = naf_id,
        ],
        keep: all,
        clause: "TS 33.220 B.3",
        derived_by: [Bsf, Usim],
        held_by: [Naf, Me],
        life: APPLICATION,
    }

    /// Ks_int_NAF for an application function: stays on the card.
    row_ks_int_naf: Ks.ks_int_naf(rand: &Rand, impi: &Impi, naf_id: &NafId) -> KsIntNaf {
        fc: 0x01,
        s: [
            "label" fixed: Label = &Label("gba-u"),
            "RAND": Rand = rand,
            "IMPI": Impi = impi,
            "NAF_Id": NafId = naf_id,
        ],
        keep: all,
        clause: "TS 33.220 B.3",
        derived_by: [Bsf, Usim],
        held_by: [Naf, Usim],
        life: APPLICATION,
    }

    /// TMPI, as if the BSF were an application function.
    row_tmpi: Ks.tmpi(rand: &Rand, impi: &Impi, bsf_id: &BsfId) -> Tmpi {
        fc: 0x01,
        s: [
            "label" fixed: Label = &Label("gba-me"),
            "RAND": Rand = rand,
            "IMPI": Impi = impi,
            "BSF_Id": BsfId = bsf_id,
        ],
        keep: all,
        clause: "TS 33.220 B.4",
        derived_by: [Bsf, Me],
        held_by: [Bsf, Me],
        life: BOOTSTRAPPING,
    }

    /// passwd of GBA_Digest, with which the UE answers HTTP Digest.
    row_passwd: DigestHa1.passwd(tls_mk_extr: &TlsMkExtr) -> DigestPasswd {
        fc: 0x01,
        s: [
            "label" fixed: Label = &Label("GBA_Digest_RESP"),
            "TLS_MK_Extr" key: TlsMkExtr = tls_mk_extr,
        ],
        keep: all,
        clause: "TS 33.220 B.5",
        derived_by: [Bsf, Me],
        held_by: [Bsf, Me],
        life: ONE_EXCHANGE,
        doubt: "H(A1) of 32 octets is read out of RESP's length with SHA-256; clause M.6.3 was not read",
    }

    /// Ks of GBA_Digest, bound to the TLS session and to the response.
    row_ks_digest: DigestHa1.ks_digest(tls_mk_extr: &TlsMkExtr, resp: &DigestResponse) -> KsDigest {
        fc: 0x01,
        s: [
            "label" fixed: Label = &Label("GBA_Digest_Ks"),
            "TLS_MK_Extr" key: TlsMkExtr = tls_mk_extr,
            "RESP": DigestResponse = resp,
        ],
        keep: all,
        clause: "TS 33.220 B.5",
        derived_by: [Bsf, Me],
        held_by: [Bsf, Me],
        life: BOOTSTRAPPING,
        doubt: "H(A1) of 32 octets is read out of RESP's length with SHA-256; clause M.6.3 was not read",
    }
}
