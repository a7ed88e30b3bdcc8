//! Below the EMSK: root keys of usages and domains, and re-authentication with ERP (RFC 5295, RFC 6696).
//!
//! ```text
//! EMSK ─┬─ USRK                                  a usage
//!       ├─ DSRK ─┬─ DSUSRK                       a domain, and a usage in it
//!       │        └─ rRK (DS-rRK)
//!       ├─ DSRK delivery authorization key       says that a domain may have its DSRK
//!       └─ rRK ─┬─ rIK                           ERP
//!               └─ rMSK
//! ```
//!
//! [`of_5g_aka`] has the keys after 5G AKA, which has no EMSK of its own: a project profile.
//!
//! All by one function: prf+ with HMAC-SHA-256 over label ‖ 0x00 ‖ data ‖ length, where length has 2 octets and is the
//! derived key's. RFC 5295 asks for at least 64 octets and lets a usage have more; here all have 64, as the EMSK.

pub mod of_5g_aka;
mod tag;

use kaskade_crypto::kdf::HmacKey;

use crate::derivation::{function_rows, keys};
use crate::eap::Emsk;
use crate::id::{Cryptosuite, ErpSequence, Fqdn, Label, UsageData, UsageLabel};

keys! {
    /// USRK: the root key of one usage of the EMSK. 64 octets (RFC 5295 3.1).
    pub struct Usrk(64) = "USRK" {
        /// To the server of that usage.
        expose_to_usage_server,
    }

    /// DSRK: the root key of one domain. 64 octets (RFC 5295 4).
    pub struct Dsrk(64) = "DSRK" {
        /// To the key server of that domain.
        expose_to_domain,
    }

    /// DSUSRK: the root key of one usage in one domain. 64 octets (RFC 5295 4).
    pub struct Dsusrk(64) = "DSUSRK" {
        /// To the server of that usage.
        expose_to_usage_server,
    }

    /// rRK: the root key of ERP. 64 octets (RFC 6696 4.1).
    pub struct RRk(64) = "rRK" {
        /// To the ER server.
        expose_to_er_server,
    }

    /// The key by which the home tells a peer that a domain may have its DSRK. 64 octets (RFC 6696 5.3.3).
    pub struct DsrkAuthorization(64) = "DSRK delivery authorization key";

    /// rIK: protects the messages of ERP. 64 octets (RFC 6696 4.3).
    pub struct RIk(64) = "rIK";

    /// rMSK: the MSK of one re-authentication. 64 octets (RFC 6696 4.6).
    pub struct RMsk(64) = "rMSK" {
        /// To the authenticator.
        expose_to_authenticator,
    }
}

/// prf+ over label ‖ 0x00 ‖ data ‖ length of the child; the first input is the label.
fn usage_kdf(parent: &[u8], inputs: &[&[u8]], child: &mut [u8]) {
    let (Some((label, data)), Ok(length)) = (inputs.split_first(), u16::try_from(child.len())) else {
        return;
    };
    let length = length.to_be_bytes();
    let data = data.first().copied().unwrap_or_default();
    let expanded = HmacKey::new(parent).expand(&[label, &[0], data, &length], child);
    debug_assert!(expanded.is_ok(), "a key longer than prf+ gives");
}

const RE_AUTHENTICATION_ROOT: Label = Label("EAP Re-authentication Root Key@ietf.org");

function_rows! {
    /// USRK of a usage.
    row_usrk: Emsk.usrk(label: &UsageLabel, data: &UsageData) -> Usrk {
        function: usage_kdf, "prf+ over label ‖ 0x00 ‖ data ‖ 64",
        s: [
            "usage label": UsageLabel = label,
            "usage data": UsageData = data,
        ],
        clause: "RFC 5295 3.1",
        derived_by: [Ausf, AaaServer, Me],
        held_by: [UsageServer, Me],
        life: EAP_SESSION,
    }

    /// DSRK of a domain.
    row_dsrk: Emsk.dsrk(domain: &Fqdn) -> Dsrk {
        function: usage_kdf, "prf+ over label ‖ 0x00 ‖ domain ‖ 64",
        s: [
            "label" fixed: Label = &Label("dsrk@ietf.org"),
            "domain": Fqdn = domain,
        ],
        clause: "RFC 5295 4",
        derived_by: [AaaServer, Me],
        held_by: [ErServer, Me],
        life: EAP_SESSION,
    }

    /// The key of the authorization indication for a domain.
    row_dsrk_authorization: Emsk.dsrk_authorization(domain: &Fqdn) -> DsrkAuthorization {
        function: usage_kdf, "prf+ over label ‖ 0x00 ‖ domain ‖ 64",
        s: [
            "label" fixed: Label = &Label("DSRK Delivery Authorized Key@ietf.org"),
            "domain": Fqdn = domain,
        ],
        clause: "RFC 6696 5.3.3",
        derived_by: [AaaServer, Me],
        held_by: [AaaServer, Me],
        life: EAP_SESSION,
    }

    /// DSUSRK of a usage in a domain.
    row_dsusrk: Dsrk.dsusrk(label: &UsageLabel, data: &UsageData) -> Dsusrk {
        function: usage_kdf, "prf+ over label ‖ 0x00 ‖ data ‖ 64",
        s: [
            "usage label": UsageLabel = label,
            "usage data": UsageData = data,
        ],
        clause: "RFC 5295 4",
        derived_by: [ErServer, Me],
        held_by: [UsageServer, Me],
        life: PARENT,
    }

    /// rRK of ERP with the home domain.
    row_r_rk: Emsk.r_rk() -> RRk {
        function: usage_kdf, "prf+ over label ‖ 0x00 ‖ 64",
        s: [
            "label" fixed: Label = &RE_AUTHENTICATION_ROOT,
        ],
        clause: "RFC 6696 4.1",
        derived_by: [AaaServer, Me],
        held_by: [ErServer, Me],
        life: EAP_SESSION,
    }

    /// rRK of ERP with another domain's ER server.
    row_ds_r_rk: Dsrk.r_rk() -> RRk {
        function: usage_kdf, "prf+ over label ‖ 0x00 ‖ 64",
        s: [
            "label" fixed: Label = &RE_AUTHENTICATION_ROOT,
        ],
        clause: "RFC 6696 4.1",
        derived_by: [ErServer, Me],
        held_by: [ErServer, Me],
        life: PARENT,
        named: "DS-rRK",
    }

    /// rIK for a cryptosuite.
    row_r_ik: RRk.r_ik(cryptosuite: Cryptosuite) -> RIk {
        function: usage_kdf, "prf+ over label ‖ 0x00 ‖ cryptosuite ‖ 64",
        s: [
            "label" fixed: Label = &Label("Re-authentication Integrity Key@ietf.org"),
            "cryptosuite": Cryptosuite = &cryptosuite,
        ],
        clause: "RFC 6696 4.3",
        derived_by: [ErServer, Me],
        held_by: [ErServer, Me],
        life: PARENT,
    }

    /// rMSK of one re-authentication.
    row_r_msk: RRk.r_msk(seq: ErpSequence) -> RMsk {
        function: usage_kdf, "prf+ over label ‖ 0x00 ‖ SEQ ‖ 64",
        s: [
            "label" fixed: Label = &Label("Re-authentication Master Session Key@ietf.org"),
            "SEQ": ErpSequence = &seq,
        ],
        clause: "RFC 6696 4.6",
        derived_by: [ErServer, Me],
        held_by: [WlanAccess, Me],
        life: EAP_SESSION,
    }
}
