//! The gateways and proxies that may ask, by address.

use std::collections::HashMap;
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;
use std::sync::Arc;

use kaskade_crypto::radius::SharedSecret;
use kaskade_faults::fault;

use crate::sbi::peer::{Peer, Requester};

/// Addresses that begin alike: `192.0.2.0/24`, `2001:db8::/32`, or one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Prefix {
    address: IpAddr,
    length: u8,
}

/// Not a prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAPrefix {
    /// No address in it.
    #[error("expected an address or a prefix such as 192.0.2.0/24 or 2001:db8::/32")]
    Form,
    /// More bits than the address has.
    #[error("a prefix of this address has at most {0} bits")]
    Length(u8),
    /// Bits behind its end.
    #[error("the address has bits behind the prefix: the network is {0}")]
    HostBits(Prefix),
}

impl Prefix {
    /// The first bits of an address.
    ///
    /// # Errors
    /// [`NotAPrefix`].
    pub fn new(address: IpAddr, length: u8) -> Result<Self, NotAPrefix> {
        let most = bits_of(address);
        if length > most {
            return Err(NotAPrefix::Length(most));
        }
        let network = masked(address, length);
        let prefix = Self {
            address: network,
            length,
        };
        match network == address {
            true => Ok(prefix),
            false => Err(NotAPrefix::HostBits(prefix)),
        }
    }

    /// One address.
    pub const fn of(address: IpAddr) -> Self {
        Self {
            address,
            length: bits_of(address),
        }
    }

    /// Whether an address is one of them.
    pub fn has(&self, address: IpAddr) -> bool {
        address.is_ipv4() == self.address.is_ipv4() && masked(address, self.length) == self.address
    }
}

const fn bits_of(address: IpAddr) -> u8 {
    match address {
        IpAddr::V4(_) => 32,
        IpAddr::V6(_) => 128,
    }
}

/// An address with zeros behind its first bits.
fn masked(address: IpAddr, length: u8) -> IpAddr {
    match address {
        IpAddr::V4(v4) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(length.min(32))).unwrap_or(0);
            IpAddr::V4((v4.to_bits() & mask).into())
        }
        IpAddr::V6(v6) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(length.min(128))).unwrap_or(0);
            IpAddr::V6((v6.to_bits() & mask).into())
        }
    }
}

impl FromStr for Prefix {
    type Err = NotAPrefix;

    fn from_str(text: &str) -> Result<Self, NotAPrefix> {
        let (address, length) = match text.split_once('/') {
            None => (text, None),
            Some((address, length)) => (address, Some(length)),
        };
        let address: IpAddr = address.parse().map_err(|_| NotAPrefix::Form)?;
        let Some(length) = length else {
            return Ok(Self::of(address));
        };
        if length.is_empty() || !length.bytes().all(|c| c.is_ascii_digit()) {
            return Err(NotAPrefix::Form);
        }
        Self::new(address, length.parse().unwrap_or(u8::MAX))
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.length)
    }
}

/// A gateway or a proxy that may ask.
#[derive(Debug)]
pub struct Client {
    requester: Requester,
    secret: SharedSecret,
}

impl Client {
    /// Known by this name, in logs and as the owner of its sessions. Several with one name are one.
    pub fn new(name: &str, secret: SharedSecret) -> Self {
        Self {
            requester: Requester::group(name),
            secret,
        }
    }

    /// Known over TLS, which does the work of the secret there.
    fn over_tls(requester: Requester) -> Self {
        Self {
            requester,
            secret: SharedSecret::radsec(),
        }
    }

    /// Who it is.
    pub const fn requester(&self) -> &Requester {
        &self.requester
    }

    /// What it shares with this server.
    pub(super) const fn secret(&self) -> &SharedSecret {
        &self.secret
    }
}

/// A client that is known by a pre-shared key, with the octets of that.
#[cfg(feature = "psk")]
struct WithKey {
    client: Arc<Client>,
    key: zeroize::Zeroizing<Vec<u8>>,
}

/// Two clients have one prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("two RADIUS clients have {0}")]
pub struct Twice(Prefix);

/// All clients. Over UDP they are known by their address: of several prefixes that it has, the longest counts. Over TLS by a name in
/// their certificate; where nobody has such a name, whoever has a certificate is a client. Over TLS with pre-shared keys by the identity of
/// the key that they hold.
#[derive(Clone, Default)]
pub struct Clients {
    /// The lengths that there are, longest first, and who has a prefix of that length.
    by_length: Vec<(u8, HashMap<IpAddr, Arc<Client>>)>,
    /// By names in certificates, in lower case.
    by_name: HashMap<Box<str>, Arc<Client>>,
    /// By identities of pre-shared keys, with the octets of the key.
    #[cfg(feature = "psk")]
    by_key: HashMap<Box<[u8]>, Arc<WithKey>>,
}

/// Without secrets and keys.
impl fmt::Debug for Clients {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Clients")
            .field("by_length", &self.by_length)
            .field("by_name", &self.by_name)
            .finish_non_exhaustive()
    }
}

impl Clients {
    /// With these.
    ///
    /// # Errors
    /// [`Twice`].
    pub fn new(clients: impl IntoIterator<Item = (Prefix, Client)>) -> Result<Self, Twice> {
        let mut by_length: HashMap<u8, HashMap<IpAddr, Arc<Client>>> = HashMap::new();
        for (prefix, client) in clients {
            let of_length = by_length.entry(prefix.length).or_default();
            if of_length.insert(prefix.address, Arc::new(client)).is_some() {
                return Err(Twice(prefix));
            }
        }
        let mut by_length: Vec<_> = by_length.into_iter().collect();
        by_length.sort_unstable_by_key(|(length, _)| std::cmp::Reverse(*length));
        Ok(Self {
            by_length,
            ..Self::default()
        })
    }

    /// And over TLS whoever has this name in its certificate: a DNS name, a URI, or the common name where there is neither. It is known
    /// as `client`, in logs and as the owner of its sessions.
    #[must_use]
    pub fn with_certificate(mut self, name: &str, client: &str) -> Self {
        let client = Client::over_tls(Requester::group(client));
        self.by_name.insert(name.to_ascii_lowercase().into(), Arc::new(client));
        self
    }

    /// Who has this certificate: nobody without one. One with the names of several is nobody's.
    pub(super) fn of_peer(&self, peer: &Peer) -> Option<Arc<Client>> {
        let names = peer.names()?;
        if self.by_name.is_empty() || fault!("radsec-names-not-looked-at") {
            return Some(Arc::new(Client::over_tls(peer.requester().clone())));
        }
        let mut found = names.iter().filter_map(|name| self.by_name.get(&**name));
        let first = found.next()?;
        found
            .all(|other| other.requester == first.requester)
            .then(|| first.clone())
    }

    /// And over TLS with pre-shared keys whoever holds this key, which it names so. It is known as `client`.
    ///
    /// # Errors
    /// [`NotAPskKey`](crate::psk::NotAPskKey) for a key of fewer than 16 or more than 64 octets.
    #[cfg(feature = "psk")]
    pub fn with_key(
        mut self,
        identity: &crate::psk::PskIdentity,
        key: &[u8],
        client: &str,
    ) -> Result<Self, crate::psk::NotAPskKey> {
        crate::psk::PskKey::from_octets(key)?;
        let client = Arc::new(Client::over_tls(Requester::group(client)));
        let key = zeroize::Zeroizing::new(key.to_vec());
        self.by_key
            .insert(identity.as_octets().into(), Arc::new(WithKey { client, key }));
        Ok(self)
    }

    /// Who names a key so.
    #[cfg(feature = "psk")]
    pub(super) fn of_identity(&self, identity: &crate::psk::PskIdentity) -> Option<Arc<Client>> {
        self.by_key.get(identity.as_octets()).map(|with| with.client.clone())
    }

    /// The key that is named so.
    #[cfg(feature = "psk")]
    pub(super) fn key(&self, identity: &crate::psk::PskIdentity) -> Option<crate::psk::PskKey> {
        let with = self.by_key.get(identity.as_octets())?;
        crate::psk::PskKey::from_octets(&with.key).ok()
    }

    /// Who has this address.
    pub fn at(&self, address: IpAddr) -> Option<Arc<Client>> {
        let address = address.to_canonical();
        let most = bits_of(address);
        let mut of_its_kind = self.by_length.iter().filter(|(length, _)| *length <= most);
        let client = of_its_kind.find_map(|(length, clients)| clients.get(&masked(address, *length)));
        client.cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prefix(text: &str) -> Prefix {
        text.parse().unwrap()
    }

    #[test]
    fn a_prefix_reads_what_it_writes_and_nothing_else() {
        for text in [
            "192.0.2.0/24",
            "0.0.0.0/0",
            "192.0.2.7/32",
            "2001:db8::/32",
            "::/0",
            "::1/128",
        ] {
            assert_eq!(prefix(text).to_string(), text);
        }
        assert_eq!(prefix("192.0.2.7").to_string(), "192.0.2.7/32");
        for (text, error) in [
            (
                "",
                "expected an address or a prefix such as 192.0.2.0/24 or 2001:db8::/32",
            ),
            (
                "192.0.2/24",
                "expected an address or a prefix such as 192.0.2.0/24 or 2001:db8::/32",
            ),
            (
                "192.0.2.0/",
                "expected an address or a prefix such as 192.0.2.0/24 or 2001:db8::/32",
            ),
            (
                "192.0.2.0/+8",
                "expected an address or a prefix such as 192.0.2.0/24 or 2001:db8::/32",
            ),
            ("192.0.2.0/33", "a prefix of this address has at most 32 bits"),
            ("::/999", "a prefix of this address has at most 128 bits"),
            (
                "192.0.2.7/24",
                "the address has bits behind the prefix: the network is 192.0.2.0/24",
            ),
        ] {
            assert_eq!(text.parse::<Prefix>().unwrap_err().to_string(), error, "{text}");
        }
        assert!(prefix("192.0.2.0/24").has([192, 0, 2, 255].into()));
        assert!(!prefix("192.0.2.0/24").has([192, 0, 3, 0].into()));
        assert!(!prefix("0.0.0.0/0").has("::1".parse().unwrap()));
    }

    #[test]
    fn the_longest_prefix_counts() {
        let client = |name: &str| Client::new(name, SharedSecret::radsec());
        let clients = Clients::new([
            (prefix("10.0.0.0/8"), client("campus")),
            (prefix("10.1.0.0/16"), client("house")),
            (prefix("10.1.2.3"), client("door")),
            (prefix("2001:db8::/32"), client("six")),
        ])
        .unwrap();
        let name = |address: &str| {
            clients
                .at(address.parse().unwrap())
                .map(|client| client.requester().to_string())
        };
        assert_eq!(name("10.1.2.3").as_deref(), Some("door"));
        assert_eq!(name("10.1.2.4").as_deref(), Some("house"));
        assert_eq!(name("10.2.2.4").as_deref(), Some("campus"));
        assert_eq!(name("::ffff:10.2.2.4").as_deref(), Some("campus"));
        assert_eq!(name("2001:db8:1::1").as_deref(), Some("six"));
        assert_eq!(name("11.0.0.1"), None);
        assert_eq!(name("::1"), None);
        let twice = Clients::new([(prefix("10.0.0.0/8"), client("a")), (prefix("10.0.0.0/8"), client("b"))]);
        assert_eq!(twice.unwrap_err().to_string(), "two RADIUS clients have 10.0.0.0/8");
    }
}
