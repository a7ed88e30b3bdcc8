//! Identities as they are written: which kind one is, by its first character and its realm (TS 23.003 14, 19, 28.7; RFC 4187 4.1).
//!
//! | First character | Kind | Method |
//! |---|---|---|
//! | `0`, `6` and an IMSI | permanent | EAP-AKA, EAP-AKA' |
//! | `2`, `7` | pseudonym | EAP-AKA, EAP-AKA' |
//! | `4`, `8` | of a fast re-authentication | EAP-AKA, EAP-AKA' |
//! | `type` | SUCI in NAI form | EAP-AKA' |
//!
//! The realms `nai.epc…`, `wlan…`, `5gc…` and `5gc-nswo…` of `.3gppnetwork.org` are alike: which of them a terminal has to take is not settled, so
//! the user name decides. Whether the realm is this home network's is the driver's business.

use alloc::format;
use alloc::string::String;
use core::fmt::Write as _;

use kaskade_codec::eap::AkaMethod;
use kaskade_keys::id::{EapIdentity, Imsi, Suci};
use kaskade_keys::{Plmn, Supi};

/// What a peer says who it is. `Debug` masks it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claim {
    /// By the permanent identity.
    Permanent(Supi),
    /// By a pseudonym that this home network gave: the whole identity.
    Pseudonym(EapIdentity),
    /// By an identity of a fast re-authentication: the whole identity.
    Reauthentication(EapIdentity),
    /// By a concealed identity.
    Concealed(Suci),
}

/// An identity that was read: who, and which method its form belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Read {
    pub(super) claim: Claim,
    pub(super) method: AkaMethod,
}

/// The most octets of an identity that is taken: those of an NAI (RFC 7542 2.2).
pub(super) const MOST: usize = 253;

/// Reads what a peer sent; `None` for what is no identity.
pub(super) fn identity(octets: &[u8]) -> Option<EapIdentity> {
    if octets.len() > MOST {
        return None;
    }
    core::str::from_utf8(octets).ok()?.parse().ok()
}

/// Which kind an identity is; `None` for one of another method, or of no method.
pub(super) fn read(identity: &EapIdentity) -> Option<Read> {
    let text = identity.as_str();
    if text.starts_with("type") {
        // Non-seamless WLAN offload has a realm of its own (TS 33.501 S.3).
        let text = text.replacen("@5gc-nswo.", "@5gc.", 1);
        let claim = Claim::Concealed(Suci::from_nai(&text).ok()?);
        let method = AkaMethod::AkaPrime;
        return Some(Read { claim, method });
    }
    let username = text.rsplit_once('@').map_or(text, |(username, _)| username);
    let (first, rest) = username.split_at_checked(1)?;
    let method = match first {
        "0" | "2" | "4" => AkaMethod::Aka,
        "6" | "7" | "8" => AkaMethod::AkaPrime,
        _ => return None,
    };
    let claim = match first {
        "0" | "6" => Claim::Permanent(Supi::Imsi(rest.parse().ok()?)),
        "2" | "7" => Claim::Pseudonym(identity.clone()),
        _ => Claim::Reauthentication(identity.clone()),
    };
    Some(Read { claim, method })
}

/// `nai.epc.mnc<MNC>.mcc<MCC>.3gppnetwork.org` (TS 23.003 19.3.2).
pub fn epc_realm(plmn: Plmn) -> String {
    let mnc = plmn.mnc_3_digits();
    let mnc = core::str::from_utf8(&mnc).unwrap_or_default();
    format!("nai.epc.mnc{mnc}.mcc{}.3gppnetwork.org", plmn.mcc())
}

/// The permanent identity of a subscription for a method: `0<IMSI>@<realm>` or `6<IMSI>@<realm>` (TS 23.003 19.3.2).
pub fn permanent(method: AkaMethod, imsi: &Imsi, realm: &str) -> Option<EapIdentity> {
    let first = match method {
        AkaMethod::Aka => '0',
        AkaMethod::AkaPrime => '6',
    };
    let mut text = String::with_capacity(20 + realm.len());
    let _ = write!(text, "{first}{}@{realm}", imsi.as_str());
    text.parse().ok()
}
