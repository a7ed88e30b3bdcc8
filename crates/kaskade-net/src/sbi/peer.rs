//! Who is at the other end of a connection: the names of its certificate, else its address.
//!
//! What a peer asked for belongs to it, not to the connection: peers reconnect. A [`Requester`] is what stays the same.

use std::net::IpAddr;
use std::sync::Arc;

use der::asn1::AnyRef;
use der::{Decode, Reader, SliceReader, Tag, Tagged};
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
            .as_deref()
            .or(names
                .iter()
                .map(|name| &**name)
                .find(|name| name.len() <= MAX_LABEL && is_printable(name)))
            .unwrap_or("a certificate");
        let requester = Requester::new(b"certificate", &parts, label);
        if let Some(name) = common_name.as_deref().map(str::to_ascii_lowercase)
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

/// The most characters that a common name may have (ub-common-name of X.520), and a name in the log.
const MAX_COMMON_NAME: usize = 64;
const MAX_LABEL: usize = 253;

/// The common name of a subject: the content of an X.501 `RDNSequence` in DER. Where there are several, or one that is empty,
/// too long or has control characters in it, nobody is called so: none is chosen.
fn common_name(subject: &[u8]) -> Option<String> {
    const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];

    let mut names = Vec::new();
    for set in values(subject)? {
        for attribute in values(content(set, Tag::Set)?)? {
            let attribute = values(content(attribute, Tag::Sequence)?)?;
            let [kind, value] = attribute.as_slice() else {
                return None;
            };
            if content(*kind, Tag::ObjectIdentifier)? == COMMON_NAME {
                names.push(*value);
            }
        }
    }
    let [name] = names.as_slice() else { return None };
    let name = text(*name)?;
    let fits = (1..=MAX_COMMON_NAME).contains(&name.chars().count());
    (fits && is_printable(&name)).then_some(name)
}

/// The values that follow one another in these octets, and nothing else.
fn values(octets: &[u8]) -> Option<Vec<AnyRef<'_>>> {
    let mut reader = SliceReader::new(octets).ok()?;
    let mut values = Vec::new();
    while !reader.is_finished() {
        values.push(AnyRef::decode(&mut reader).ok()?);
    }
    Some(values)
}

fn content(value: AnyRef<'_>, tag: Tag) -> Option<&[u8]> {
    (value.tag() == tag).then(|| value.value())
}

/// The text of a `DirectoryString`. What nobody writes any more (TeletexString, UniversalString) is not read.
fn text(value: AnyRef<'_>) -> Option<String> {
    let octets = value.value();
    match value.tag() {
        Tag::Utf8String => String::from_utf8(octets.to_vec()).ok(),
        Tag::PrintableString | Tag::Ia5String if octets.is_ascii() => String::from_utf8(octets.to_vec()).ok(),
        Tag::BmpString => {
            let (pairs, []) = octets.as_chunks::<2>() else {
                return None;
            };
            // UCS-2: a surrogate is no character of it.
            let units = pairs.iter().map(|pair| u32::from(u16::from_be_bytes(*pair)));
            units.map(char::from_u32).collect()
        }
        _ => None,
    }
}

/// Whether a name can stand in a line of the log.
fn is_printable(name: &str) -> bool {
    !name.chars().any(char::is_control)
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

    /// DER: tag, length, value.
    fn der(tag: u8, value: &[u8]) -> Vec<u8> {
        let len = u32::try_from(value.len()).unwrap().to_be_bytes();
        let mut octets = vec![tag];
        match value.len() {
            0..=0x7f => octets.push(len[3]),
            0x80..=0xff => octets.extend([0x81, len[3]]),
            0x100..=0xffff => octets.extend([0x82, len[2], len[3]]),
            _ => octets.extend([0x83, len[1], len[2], len[3]]),
        }
        octets.extend_from_slice(value);
        octets
    }

    fn attribute(kind: u8, tag: u8, value: &[u8]) -> Vec<u8> {
        der(0x30, &[der(0x06, &[0x55, 4, kind]), der(tag, value)].concat())
    }

    const CN: u8 = 3;
    const ORGANISATION: u8 = 10;
    const UTF8: u8 = 0x0C;
    const BMP: u8 = 0x1E;

    #[test]
    fn common_names_as_people_write_them() {
        let rdn = |attributes: &[Vec<u8>]| der(0x31, &attributes.concat());
        let cn = |tag, value: &[u8]| rdn(&[attribute(CN, tag, value)]);
        let organisation = rdn(&[attribute(ORGANISATION, UTF8, &[b'o'; 300])]);
        let bmp: Vec<u8> = "Zürich amf".encode_utf16().flat_map(u16::to_be_bytes).collect();
        for (subject, name) in [
            (cn(UTF8, "Zürich".as_bytes()), Some("Zürich")),
            (cn(0x13, b"amf1"), Some("amf1")),
            (cn(0x16, b"amf1"), Some("amf1")),
            (cn(BMP, &bmp), Some("Zürich amf")),
            (
                [organisation.clone(), cn(UTF8, b"amf1"), organisation.clone()].concat(),
                Some("amf1"),
            ),
            // Both in one RDN, in either order.
            (
                rdn(&[attribute(CN, UTF8, b"amf1"), attribute(ORGANISATION, UTF8, b"o")]),
                Some("amf1"),
            ),
            (
                rdn(&[attribute(ORGANISATION, UTF8, b"o"), attribute(CN, UTF8, b"amf1")]),
                Some("amf1"),
            ),
            (cn(UTF8, &[b'a'; 64]), Some(&*"a".repeat(64))),
            // Nobody is called so.
            (vec![], None),
            (organisation.clone(), None),
            (cn(UTF8, b""), None),
            (cn(UTF8, &[b'a'; 65]), None),
            (cn(UTF8, &vec![b'a'; 100_000]), None),
            (cn(UTF8, b"amf1\nERROR forged"), None),
            (cn(UTF8, b"\x1b[2J"), None),
            (cn(UTF8, b"amf1\0.example.org"), None),
            (cn(UTF8, b"\xff"), None),
            (cn(0x13, b"\xe4"), None),
            (cn(0x14, b"teletex"), None),
            (cn(0x1C, b"\0\0\0a"), None),
            (cn(0x02, b"a"), None),
            (cn(BMP, b"\0a\0"), None),
            (cn(BMP, b"\xd8\0\xdc\0"), None),
            ([cn(UTF8, b"amf1"), cn(UTF8, b"amf2")].concat(), None),
            (rdn(&[attribute(CN, UTF8, b"amf1"), attribute(CN, UTF8, b"amf2")]), None),
            ([cn(UTF8, b"amf1"), cn(UTF8, b"")].concat(), None),
            // What is no subject.
            ([cn(UTF8, b"amf1"), vec![0]].concat(), None),
            (der(0x31, &der(0x30, &der(0x06, &[0x55, 4, 3]))), None),
            (der(0x30, &attribute(CN, UTF8, b"amf1")), None),
            (vec![0x31, 0x80, 0, 0], None),
            (vec![0x31, 0x84, 0xff, 0xff, 0xff, 0xff], None),
        ] {
            assert_eq!(common_name(&subject).as_deref(), name, "{:02x?}", subject.get(..40));
        }
    }

    #[test]
    fn names_that_forge_lines_are_not_shown() {
        let peer = |name: &str| {
            let mut params = CertificateParams::new(Vec::new()).unwrap();
            params.distinguished_name = rcgen::DistinguishedName::new();
            params.distinguished_name.push(DnType::CommonName, name);
            let uri = format!("urn:{}", "x".repeat(5000));
            params
                .subject_alt_names
                .push(SanType::URI(uri.as_str().try_into().unwrap()));
            params
                .subject_alt_names
                .push(SanType::URI("urn:a\nERROR forged".try_into().unwrap()));
            let key = KeyPair::generate().unwrap();
            Peer::with_certificate([127, 0, 0, 1].into(), params.self_signed(&key).unwrap().der())
        };
        let forged = peer("amf1\nERROR forged");
        assert_eq!(forged.requester().to_string(), "a certificate");
        assert_eq!(peer("amf1").requester().to_string(), "amf1");
        assert_ne!(
            forged.requester(),
            peer("amf1").requester(),
            "and yet it is somebody of its own"
        );
        assert_eq!(forged.requester(), peer("amf1\nERROR forged").requester());
    }

    proptest! {
        #[test]
        fn no_subject_panics(octets in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = common_name(&octets);
        }
    }
}
