//! Who is at the other end of a connection: the names of its certificate, else its address.
//!
//! What a peer asked for belongs to it, not to the connection: peers reconnect. A [`Requester`] is what stays the same.

use std::net::IpAddr;
use std::sync::Arc;

use kaskade_crypto::kdf::sha256;
use rustls::pki_types::CertificateDer;
use webpki::EndEntityCert;

/// Who asks: as an owner of contexts, and as a payer of budgets. Cheap to clone.
#[derive(Clone, PartialEq, Eq)]
pub struct Requester {
    id: RequesterId,
    label: Arc<str>,
}

/// A requester in 128 bits: a part of SHA-256 over what makes it up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RequesterId(u128);

impl RequesterId {
    /// The 128 bits.
    pub const fn bits(self) -> u128 {
        self.0
    }
}

impl Requester {
    fn new(kind: &[u8], parts: &[&[u8]], label: &str) -> Self {
        // Every part with its length, so that no two lists of parts are one text.
        let mut text = kind.to_vec();
        for part in parts {
            text.extend_from_slice(&(part.len() as u64).to_be_bytes());
            text.extend_from_slice(part);
        }
        let mut id = [0; 16];
        id.copy_from_slice(&sha256(&[&text])[..16]);
        Self {
            id: RequesterId(u128::from_be_bytes(id)),
            label: label.into(),
        }
    }

    /// A group of peers that counts as one.
    pub fn group(name: &str) -> Self {
        Self::new(b"group", &[name.as_bytes()], name)
    }

    /// Whoever has this source address; of IPv6 the first 64 bits count, since one machine has all addresses behind them.
    pub fn address(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(v4) => Self::new(b"ipv4", &[&v4.octets()], &v4.to_string()),
            IpAddr::V6(v6) => {
                let [a, b, c, d, ..] = v6.segments();
                let prefix = std::net::Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0);
                Self::new(b"ipv6", &[&prefix.octets()[..8]], &format!("{prefix}/64"))
            }
        }
    }

    /// What it is told apart by.
    pub fn id(&self) -> RequesterId {
        self.id
    }
}

/// As the log names it: a group, a name of the certificate, or an address.
impl std::fmt::Display for Requester {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.label)
    }
}

impl std::fmt::Debug for Requester {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Requester({self})")
    }
}

/// The other end of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    address: IpAddr,
    names: Option<Box<[Box<str>]>>,
    requester: Requester,
}

impl Peer {
    /// A peer without a certificate.
    pub fn at(address: IpAddr) -> Self {
        Self {
            address: address.to_canonical(),
            names: None,
            requester: Requester::address(address),
        }
    }

    /// A peer with a certificate that the TLS handshake has verified. One that cannot be read leaves the address.
    pub(super) fn with_certificate(address: IpAddr, certificate: &CertificateDer<'_>) -> Self {
        let Ok(certificate) = EndEntityCert::try_from(certificate) else {
            return Self::at(address);
        };
        let common_name = common_name(certificate.subject());
        let mut names: Vec<Box<str>> = certificate
            .valid_dns_names()
            .chain(certificate.valid_uri_names())
            .map(|name| name.to_ascii_lowercase().into())
            .collect();
        names.sort_unstable();
        names.dedup();
        // Subject and names outlive the certificate; a certificate that has neither is known by its key.
        let mut parts: Vec<&[u8]> = vec![certificate.subject()];
        parts.extend(names.iter().map(|name| name.as_bytes()));
        let key = certificate.subject_public_key_info();
        if names.is_empty() && certificate.subject().is_empty() {
            parts.push(&key);
        }
        let label = common_name
            .or(names.first().map(|name| &**name))
            .unwrap_or("a certificate");
        let requester = Requester::new(b"certificate", &parts, label);
        if let Some(name) = common_name.map(str::to_ascii_lowercase)
            && !names.iter().any(|known| **known == *name)
        {
            names.push(name.into());
        }
        Self {
            address: address.to_canonical(),
            names: Some(names.into()),
            requester,
        }
    }

    /// Where it is; an IPv4 address in IPv6 clothes is one of IPv4.
    pub fn address(&self) -> IpAddr {
        self.address
    }

    /// The names in its certificate, lower case: DNS names and URIs of the subject's alternative names, and the common
    /// name. `None` without a certificate.
    pub fn names(&self) -> Option<&[Box<str>]> {
        self.names.as_deref()
    }

    /// Who that is where no group says otherwise.
    pub fn requester(&self) -> &Requester {
        &self.requester
    }
}

/// The first common name of a subject: the content of an X.501 `RDNSequence` in DER.
fn common_name(mut subject: &[u8]) -> Option<&str> {
    const SEQUENCE: u8 = 0x30;
    const SET: u8 = 0x31;
    const OBJECT_IDENTIFIER: u8 = 0x06;
    const STRINGS: [u8; 3] = [0x0C, 0x13, 0x16];
    const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];

    while !subject.is_empty() {
        let mut set = value(SET, &mut subject)?;
        while !set.is_empty() {
            let mut attribute = value(SEQUENCE, &mut set)?;
            let kind = value(OBJECT_IDENTIFIER, &mut attribute)?;
            let tag = *attribute.first()?;
            if kind == COMMON_NAME && STRINGS.contains(&tag) {
                let text = value(tag, &mut attribute)?;
                return std::str::from_utf8(text).ok().filter(|text| !text.is_empty());
            }
        }
    }
    None
}

/// Takes one value of this tag off the front; lengths up to 65535 octets.
fn value<'a>(tag: u8, from: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (found, rest) = from.split_first()?;
    let (len, rest) = match rest {
        [len @ 0..=0x7F, rest @ ..] => (usize::from(*len), rest),
        [0x81, len, rest @ ..] => (usize::from(*len), rest),
        [0x82, high, low, rest @ ..] => (usize::from(u16::from_be_bytes([*high, *low])), rest),
        _ => return None,
    };
    let (value, rest) = rest.split_at_checked(len)?;
    *from = rest;
    (*found == tag).then_some(value)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use proptest::prelude::*;
    use rcgen::{CertificateParams, DnType, KeyPair, SanType};

    use super::*;

    fn certificate(common_name: Option<&str>, names: &[&str]) -> CertificateDer<'static> {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name = rcgen::DistinguishedName::new();
        if let Some(name) = common_name {
            params.distinguished_name.push(DnType::OrganizationName, "an operator");
            params.distinguished_name.push(DnType::CommonName, name);
        }
        for name in names {
            params.subject_alt_names.push(match name.contains(':') {
                true => SanType::URI((*name).try_into().unwrap()),
                false => SanType::DnsName((*name).try_into().unwrap()),
            });
        }
        params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().clone()
    }

    fn peer(common_name: Option<&str>, names: &[&str]) -> Peer {
        Peer::with_certificate([127, 0, 0, 1].into(), &certificate(common_name, names))
    }

    #[test]
    fn a_renewed_certificate_is_the_same_requester_and_another_name_is_another() {
        let uuid = "urn:uuid:3fa85f64-5717-4562-b3fc-2c963f66afa6";
        let amf = peer(Some("amf1"), &["AMF1.example.org", uuid]);
        assert_eq!(amf, peer(Some("amf1"), &["AMF1.example.org", uuid]), "another key");
        let names: Vec<_> = amf.names().unwrap().iter().map(|name| &**name).collect();
        assert_eq!(names, ["amf1.example.org", uuid, "amf1"]);
        assert_eq!(amf.requester().to_string(), "amf1");
        let others = [
            peer(Some("amf2"), &["AMF1.example.org", uuid]),
            peer(Some("amf1"), &["amf1.example.org"]),
            peer(None, &["amf1.example.org"]),
            peer(None, &[]),
            peer(None, &[]),
            Peer::at([127, 0, 0, 1].into()),
        ];
        for (at, other) in others.iter().enumerate() {
            assert_ne!(amf.requester(), other.requester(), "{other:?}");
            assert!(
                others[..at]
                    .iter()
                    .all(|earlier| earlier.requester().id() != other.requester().id()),
                "{other:?}"
            );
        }
    }

    #[test]
    fn addresses_are_told_apart_as_machines_are() {
        let requester = |text: &str| Requester::address(text.parse().unwrap());
        assert_eq!(requester("192.0.2.1"), requester("::ffff:192.0.2.1"));
        assert_ne!(requester("192.0.2.1"), requester("192.0.2.2"));
        assert_eq!(requester("2001:db8::1"), requester("2001:db8::ffff:1"));
        assert_ne!(requester("2001:db8::1"), requester("2001:db8:0:1::1"));
        assert_eq!(requester("2001:db8::1").to_string(), "2001:db8::/64");
        assert_ne!(Requester::group("192.0.2.1"), requester("192.0.2.1"));
    }

    proptest! {
        #[test]
        fn no_subject_panics(octets in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = common_name(&octets);
        }
    }
}
