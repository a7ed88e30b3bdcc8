//! keyName-NAI: which key a packet is protected with, and at whose server it is.

use alloc::string::{String, ToString};
use core::fmt;
use core::str::FromStr;

use kaskade_keys::ParseError;
use kaskade_keys::id::{Fqdn, RootKeyName};

/// keyName-NAI: EMSKname in 16 hexadecimal digits, `@`, and the realm of the ER server. At most 253 octets (RFC 6696 5.3.2).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct KeyNameNai {
    name: RootKeyName,
    realm: Fqdn,
}

impl KeyNameNai {
    /// The most octets that it may have.
    pub const MOST: usize = 253;
    const DIGITS: usize = 16;

    /// Of a key and the realm of its server.
    ///
    /// # Errors
    /// [`ParseError::Length`] where both together are too long.
    pub fn new(name: RootKeyName, realm: Fqdn) -> Result<Self, ParseError> {
        let actual = Self::DIGITS.saturating_add(1).saturating_add(realm.as_str().len());
        match actual <= Self::MOST {
            true => Ok(Self { name, realm }),
            false => Err(ParseError::Length {
                field: "keyName-NAI",
                unit: "octets",
                expected: "at most 253",
                actual,
            }),
        }
    }

    /// EMSKname.
    pub const fn name(&self) -> RootKeyName {
        self.name
    }

    /// The realm of the ER server.
    pub const fn realm(&self) -> &Fqdn {
        &self.realm
    }

    pub(super) fn text(&self) -> String {
        self.to_string()
    }
}

impl fmt::Display for KeyNameNai {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.name, self.realm)
    }
}

impl FromStr for KeyNameNai {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let (name, realm) = text.split_once('@').ok_or(ParseError::Form {
            field: "keyName-NAI",
            expected: "16 hexadecimal digits, @ and a realm",
        })?;
        Self::new(name.parse()?, realm.parse()?)
    }
}
