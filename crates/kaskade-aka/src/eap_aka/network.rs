//! The network name of EAP-AKA': what CK' and IK' are bound to (RFC 9048 3.1, TS 24.302, TS 24.501 9.12.1).

use kaskade_keys::ServingNetworkName;
use kaskade_keys::id::AccessNetworkIdentity;

/// A network name, of one of the two worlds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NetworkName {
    /// Of an access to EPC, such as `WLAN` (TS 24.302).
    Access(AccessNetworkIdentity),
    /// Of a 5G serving network, or `5G:NSWO`.
    Serving(ServingNetworkName),
}

impl NetworkName {
    /// As AT_KDF_INPUT carries it.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Access(identity) => identity.as_str(),
            Self::Serving(name) => name.as_str(),
        }
    }

    /// Reads AT_KDF_INPUT: `None` for what is no name.
    pub fn of_octets(octets: &[u8]) -> Option<Self> {
        let text = core::str::from_utf8(octets).ok()?;
        match text.parse() {
            Ok(name) => Some(Self::Serving(name)),
            Err(_) => text.parse().ok().map(Self::Access),
        }
    }

    /// Whether the keys are bound to the SUPI instead of the identity that was sent: the name begins with `5G:` (TS 33.501 F.3).
    pub fn binds_supi(&self) -> bool {
        self.as_str().starts_with("5G:")
    }

    /// Whether the 5G system is entered, and K_AUSF made: not for non-seamless WLAN offload (TS 33.501 Annex S).
    pub fn has_k_ausf(&self) -> bool {
        self.binds_supi() && *self != Self::Serving(ServingNetworkName::NSWO)
    }

    /// Whether a received name is this one: compared by the fields between colons; what the received one has more at its end is
    /// not looked at (RFC 9048 3.1).
    pub fn agrees(&self, received: &[u8]) -> bool {
        let mut received = received.split(|octet| *octet == b':');
        let mut expected = self.as_str().as_bytes().split(|octet| *octet == b':');
        expected.all(|field| received.next() == Some(field))
    }
}

impl From<ServingNetworkName> for NetworkName {
    fn from(name: ServingNetworkName) -> Self {
        Self::Serving(name)
    }
}

impl From<AccessNetworkIdentity> for NetworkName {
    fn from(identity: AccessNetworkIdentity) -> Self {
        Self::Access(identity)
    }
}
