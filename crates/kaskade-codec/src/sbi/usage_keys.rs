//! Bodies of the usage-key service, a project profile: keys below the EMSK of a subscriber (RFC 5295), and what their holders are told.
//!
//! ```text
//! {"supi": "imsi-…", "label": "slice@operator.example", "snssai": "1-0000d1", "callbackUri": "https://…"}
//! {"key": 128 hexadecimal digits, "keyName": 16, "emskName": 16, "expiry": "2026-01-31T23:59:59.123Z"}
//! ```

use alloc::vec;
use core::fmt;

use kaskade_keys::Supi;
use kaskade_keys::id::{Fqdn, RootKeyName, Snssai, UsageApplication, UsageData, UsageLabel};
use serde::ser::Serializer;
use zeroize::Zeroizing;

use super::body::Value;
use super::date_time::Timestamp;
use super::member::{Member, NoObject};
use super::misread::{Misread, Presence};
use super::values::{Text, secret};

crate::body! {
    /// Who asks for which key of whom. Without data it is the one key of the usage.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct UsageKeyRequest = "UsageKeyRequest" {
        /// Of whom.
        supi "supi": Supi,
        /// What the key is for.
        label "label": UsageLabel,
        /// The domain, of a key below its DSRK.
        domain "domain": Option<Fqdn>,
        /// The data of the usage, 0 to 2048 octets.
        data_hex "dataHex": Option<DataHex>,
        /// The slice, of a slice key.
        snssai "snssai": Option<Snssai>,
        /// The application, of a service key or of a slice key.
        application "application": Option<UsageApplication>,
        /// Where whoever asks wants to hear of the end of the key.
        callback_uri "callbackUri": Option<Text>,
    }
}

crate::body! {
    /// A key of a usage, and how long it lives.
    #[derive(Clone, Debug)]
    pub struct UsageKey = "UsageKey" {
        /// USRK or DSUSRK.
        key "key": RootKey,
        /// USRKname or DSUSRKname.
        key_name "keyName": RootKeyName,
        /// EMSKname.
        emsk_name "emskName": RootKeyName,
        /// Until when it lives.
        expiry "expiry": Timestamp,
    }
}

crate::body! {
    /// A key server asks for the root key of its domain.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct DomainKeyRequest = "DomainKeyRequest" {
        /// Of whom.
        supi "supi": Supi,
        /// The domain.
        domain "domain": Fqdn,
        /// Where the key server wants to hear of the end of the key.
        callback_uri "callbackUri": Option<Text>,
    }
}

crate::body! {
    /// The root key of a domain. It is named by EMSKname and domain.
    #[derive(Clone, Debug)]
    pub struct DomainKey = "DomainKey" {
        /// DSRK.
        key "key": RootKey,
        /// EMSKname.
        emsk_name "emskName": RootKeyName,
        /// Until when it lives.
        expiry "expiry": Timestamp,
    }
}

crate::body! {
    /// A holder needs its key no more: that of this name, or that of this domain.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct KeyGivenUp = "KeyGivenUp" {
        /// Of whom.
        supi "supi": Supi,
        /// USRKname or DSUSRKname.
        key_name "keyName": Option<RootKeyName>,
        /// The domain of a DSRK.
        domain "domain": Option<Fqdn>,
    }
}

crate::body! {
    /// What a holder is told: its key is to be used no more.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct KeyEnded = "KeyEnded" {
        /// Of whom.
        supi "supi": Supi,
        /// EMSKname.
        emsk_name "emskName": RootKeyName,
        /// USRKname or DSUSRKname; a DSRK has none.
        key_name "keyName": Option<RootKeyName>,
        /// What the key was for; a DSRK is for its domain.
        label "label": Option<UsageLabel>,
        /// The domain.
        domain "domain": Option<Fqdn>,
        /// Why: `reauthenticated`, `deregistered`, `lost`, `administered` or `no-room`.
        reason "reason": Text,
    }
}

/// Data of a usage in hexadecimal digits of either case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataHex(pub UsageData);

impl Value for DataHex {
    type Object<'a> = NoObject;

    fn read(member: Member<'_>, presence: Presence) -> Result<Self, Misread> {
        let text = member.text(presence)?;
        let most = UsageData::MOST.saturating_mul(2);
        let wrong = || Misread::wrong(presence, "not at most 4096 hexadecimal digits, an even number of them");
        if text.len() > most {
            return Err(wrong());
        }
        let mut octets = vec![0; text.len() / 2];
        let octets = base16ct::mixed::decode(text.as_bytes(), &mut octets).map_err(|_| wrong())?;
        UsageData::from_octets(octets).map(Self).map_err(|_| wrong())
    }

    fn write<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_bytes(self.0.octets())
    }
}

/// A root key below the EMSK as it travels to its server. 64 octets, wiped on drop.
#[derive(Clone)]
pub struct RootKey(Zeroizing<[u8; 64]>);

impl RootKey {
    /// Of the octets of a USRK, DSUSRK or DSRK.
    pub fn of(octets: &[u8; 64]) -> Self {
        Self(Zeroizing::new(*octets))
    }

    /// The octets: to the server of the usage or domain, which asked for them.
    pub fn expose_to_its_server(&self) -> &[u8; 64] {
        &self.0
    }
}

impl fmt::Debug for RootKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RootKey(…)")
    }
}

impl Value for RootKey {
    type Object<'a> = NoObject;

    const SECRET: bool = true;

    fn read(member: Member<'_>, presence: Presence) -> Result<Self, Misread> {
        secret(member, presence, Self::of)
    }

    fn write<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_bytes(&*self.0)
    }
}
