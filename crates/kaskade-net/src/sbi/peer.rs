//! Who is at the other end of a connection: the names of its certificate, else its address.
//!
//! What a peer asked for belongs to it, not to the connection: peers reconnect. A [`Requester`] is what stays the same.

use std::net::IpAddr;
use std::sync::Arc;

use der::asn1::AnyRef;
use der::{Decode, Reader, SliceReader, Tag, TagNumber, Tagged};
use kaskade_crypto::kdf::sha256;
use kaskade_flow::expiring::Owner;
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

    /// The first 64 of them, as the audit log has it.
    pub const fn short(self) -> [u8; 8] {
        let [a, b, c, d, e, f, g, h, ..] = self.0.to_be_bytes();
        [a, b, c, d, e, f, g, h]
    }
}

impl Owner for RequesterId {
    fn bits(self) -> u64 {
        let [low, high] = [0, 64].map(|shift| u64::try_from(self.0 >> shift & u128::from(u64::MAX)).unwrap_or(0));
        low ^ high
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

    /// A role of this process, such as `SEAF`.
    pub(crate) fn role(name: &'static str) -> Self {
        Self::new(b"role", &[name.as_bytes()], name)
    }

    /// A user of this machine, as the system knows it.
    pub fn user(uid: u32) -> Self {
        Self::new(b"user", &[&uid.to_be_bytes()], &format!("uid:{uid}"))
    }

    /// Whom an access token names.
    pub fn subject(name: &str) -> Self {
        let name = name.to_ascii_lowercase();
        Self::new(b"subject", &[name.as_bytes()], &name)
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
    pub(crate) fn with_certificate(address: IpAddr, der: &CertificateDer<'_>) -> Self {
        let Ok(certificate) = EndEntityCert::try_from(der) else {
            return Self::at(address);
        };
        let mut names: Vec<Box<str>> = certificate
            .valid_dns_names()
            .chain(certificate.valid_uri_names())
            .filter(|name| !name.is_empty())
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
        // RFC 9525 2: what an authority checks are the alternative names; a common name counts where there are none of any kind.
        let common_name = match has_alternative_names(der) {
            false => common_name(certificate.subject()),
            true => None,
        };
        let label = names.iter().map(|name| &**name).chain(common_name.as_deref());
        let label = label.map(shown).find(|name| name.len() <= MAX_LABEL);
        let requester = Requester::new(b"certificate", &parts, label.as_deref().unwrap_or("a certificate"));
        names.extend(common_name.map(|name| name.to_ascii_lowercase().into()));
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

    /// The names in its certificate, lower case: DNS names and URIs of the subject's alternative names; the common name of one
    /// that has no alternative names. `None` without a certificate.
    pub fn names(&self) -> Option<&[Box<str>]> {
        self.names.as_deref()
    }

    /// Who that is where no group says otherwise.
    pub fn requester(&self) -> &Requester {
        &self.requester
    }
}

/// The most characters that a common name may have (ub-common-name of X.520).
const MAX_COMMON_NAME: usize = 64;
/// The most characters that a name in the log may have.
const MAX_LABEL: usize = 253;

/// Whether a certificate has alternative names of its subject, of whatever kind (RFC 5280 4.2.1.6). One that cannot be read so far has.
fn has_alternative_names(certificate: &[u8]) -> bool {
    const ALTERNATIVE_NAMES: &[u8] = &[0x55, 0x1D, 0x11];
    const EXTENSIONS: Tag = Tag::ContextSpecific {
        constructed: true,
        number: TagNumber(3),
    };

    let found = || {
        let [certificate] = values(certificate)?[..] else {
            return None;
        };
        let [to_be_signed, ..] = values(content(certificate, Tag::Sequence)?)?[..] else {
            return None;
        };
        let fields = values(content(to_be_signed, Tag::Sequence)?)?;
        let Some(extensions) = fields.iter().find(|field| field.tag() == EXTENSIONS) else {
            return Some(false);
        };
        let [extensions] = values(extensions.value())?[..] else {
            return None;
        };
        for extension in values(content(extensions, Tag::Sequence)?)? {
            let [kind, ..] = values(content(extension, Tag::Sequence)?)?[..] else {
                return None;
            };
            if content(kind, Tag::ObjectIdentifier)? == ALTERNATIVE_NAMES {
                return Some(true);
            }
        }
        Some(false)
    };
    found().unwrap_or(true)
}

/// The common name of a subject: the content of an X.501 `RDNSequence` in DER. Where there are several, or one that is empty,
/// too long or has control characters in it, nobody is called so: none is chosen.
pub(super) fn common_name(subject: &[u8]) -> Option<String> {
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
    (fits && !name.chars().any(char::is_control)).then_some(name)
}

/// The values that follow one another in these octets, and nothing else.
pub(super) fn values(octets: &[u8]) -> Option<Vec<AnyRef<'_>>> {
    let mut reader = SliceReader::new(octets).ok()?;
    let mut values = Vec::new();
    while !reader.is_finished() {
        values.push(AnyRef::decode(&mut reader).ok()?);
    }
    Some(values)
}

pub(super) fn content(value: AnyRef<'_>, tag: Tag) -> Option<&[u8]> {
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

/// A text of a peer as a log may show it: letters, digits and signs of ASCII, and escapes for all else, which may break a line,
/// turn it around or hide in it.
pub(super) fn shown(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' => shown.push_str("\\\\"),
            ' '..='~' => shown.push(c),
            _ => shown.extend(c.escape_default()),
        }
    }
    shown
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
        assert_eq!(names, ["amf1.example.org", uuid]);
        assert_eq!(amf.requester().to_string(), "amf1.example.org");
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

    /// A certificate whose alternative names say one thing and whose common name another is what the former say.
    #[test]
    fn a_common_name_counts_where_there_is_no_other() {
        let names = |peer: &Peer| -> Vec<String> { peer.names().unwrap().iter().map(ToString::to_string).collect() };
        assert_eq!(names(&peer(Some("AMF1"), &[])), ["amf1"]);
        assert_eq!(names(&peer(Some("amf1"), &["amf2.example.org"])), ["amf2.example.org"]);
        assert_eq!(names(&peer(Some("amf1"), &["urn:uuid:1"])), ["urn:uuid:1"]);
        // Alternative names of kinds that say nothing here, or that are none.
        for other in [
            SanType::IpAddress([192, 0, 2, 1].into()),
            SanType::Rfc822Name("amf1@example.org".try_into().unwrap()),
            SanType::DnsName("no name".try_into().unwrap()),
        ] {
            let mut params = CertificateParams::new(Vec::new()).unwrap();
            params.distinguished_name = rcgen::DistinguishedName::new();
            params.distinguished_name.push(DnType::CommonName, "amf1");
            params.subject_alt_names.push(other);
            let certificate = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
            let peer = Peer::with_certificate([127, 0, 0, 1].into(), certificate.der());
            assert_eq!(names(&peer), [""; 0]);
            assert_eq!(peer.requester().to_string(), "a certificate");
        }
    }

    #[test]
    fn what_a_log_shows_is_ascii() {
        for (text, says) in [
            ("amf1.example.org", "amf1.example.org"),
            ("urn:x y\"z'", "urn:x y\"z'"),
            ("Zürich", "Z\\u{fc}rich"),
            ("a\nERROR forged", "a\\nERROR forged"),
            ("a\u{85}b\u{2028}c\u{2029}d", "a\\u{85}b\\u{2028}c\\u{2029}d"),
            ("\u{202e}gro.elpmaxe", "\\u{202e}gro.elpmaxe"),
            (
                "a\u{200b}\u{200d}\u{feff}\u{ad}b",
                "a\\u{200b}\\u{200d}\\u{feff}\\u{ad}b",
            ),
            ("\u{1b}[2J\0", "\\u{1b}[2J\\u{0}"),
            ("a\\nb", "a\\\\nb"),
            ("\u{2066}\u{e0041}", "\\u{2066}\\u{e0041}"),
        ] {
            assert_eq!(shown(text), says);
        }
        let label = |name| peer(Some(name), &[]).requester().to_string();
        assert_eq!(label("amf\u{202e}1\u{200b}"), "amf\\u{202e}1\\u{200b}");
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

    /// Whatever a certificate calls itself, it is no user of this machine.
    #[test]
    fn a_certificate_is_no_user() {
        let root = Requester::user(0);
        assert_eq!(root.to_string(), "uid:0");
        assert_ne!(root, Requester::user(1));
        for named in [peer(Some("uid:0"), &[]), peer(None, &["uid:0"])] {
            let requester = named.requester();
            assert_eq!(requester.to_string(), "uid:0");
            assert_ne!(requester.id(), root.id());
        }
        assert_ne!(Requester::group("uid:0").id(), root.id());
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
        assert_eq!(forged.requester().to_string(), "urn:a\\nerror forged");
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
