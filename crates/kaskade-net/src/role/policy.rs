//! Who may ask for what: peers that count as one requester, and which serving networks may authenticate the home network's
//! users (TS 33.501 6.1.2, 6.1.3.2.0 step 3).

use std::net::IpAddr;
use std::str::FromStr;

use kaskade_faults::fault;
use kaskade_keys::{Plmn, ServingNetworkName};

use crate::log_limit;
use crate::sbi::peer::{Peer, Requester, RequesterId};

/// Which peers count as one requester, such as the AMFs of a set. Whoever is in no group is a requester of its own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Groups(Vec<Group>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Group {
    requester: Requester,
    members: Vec<Member>,
}

impl Groups {
    /// Adds a group. Whoever is a member of several is in none of them: which one would be a guess.
    #[must_use]
    pub fn with(mut self, name: &str, members: impl IntoIterator<Item = Member>) -> Self {
        self.0.push(Group {
            requester: Requester::group(name),
            members: members.into_iter().collect(),
        });
        self
    }

    /// Who a peer is.
    pub fn requester(&self, peer: &Peer) -> Requester {
        let has = |group: &&Group| group.members.iter().any(|member| member.is(peer));
        let mut groups = self.0.iter().filter(has).map(|group| &group.requester);
        let Some(group) = groups.next() else {
            return peer.requester().clone();
        };
        let Some(other) = groups.find(|other| other.id() != group.id()) else {
            return group.clone();
        };
        let requester = peer.requester();
        log_limit!(warn, "a peer is of two groups, and counts as none of them", %requester, %group, %other);
        requester.clone()
    }
}

/// A member of a group.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Member {
    /// Peers with this name in their certificate: a DNS name, a URI such as `urn:uuid:…`, or the common name where there is no
    /// alternative name.
    Certificate(Box<str>),
    /// Peers without a certificate whose address has these first bits.
    Addresses {
        /// The address; further bits are 0.
        prefix: IpAddr,
        /// How many bits count.
        bits: u8,
    },
}

/// Not a member of a group.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAMember {
    /// It is empty.
    #[error("empty: expected a name in a certificate, an address, or a prefix such as 192.0.2.0/28")]
    Empty,
    /// It has a character that no name has.
    #[error("has a space or a control character, which no name in a certificate has")]
    Character,
    /// The prefix has more bits than an address, or bits behind its length.
    #[error("not a prefix: expected an address, a slash, and how many of its bits count, with all others 0")]
    Prefix,
}

impl Member {
    /// Whether a peer may be both because of one name or address: equal, or one prefix within the other.
    pub fn overlaps(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Addresses { prefix: a, bits: x }, Self::Addresses { prefix: b, bits: y }) => {
                let bits = *x.min(y);
                a.is_ipv4() == b.is_ipv4() && first_bits(*a, bits) == first_bits(*b, bits)
            }
            _ => self == other,
        }
    }

    fn is(&self, peer: &Peer) -> bool {
        match (self, peer.names()) {
            (Self::Certificate(name), Some(names)) => names.contains(name),
            // An address proves less than a certificate: it says nothing about a peer that has one.
            (Self::Addresses { prefix, bits }, None) => first_bits(peer.address(), *bits) == Some(*prefix),
            _ => false,
        }
    }
}

/// An address with all bits behind the first ones set to 0; `None` when it has fewer.
fn first_bits(address: IpAddr, bits: u8) -> Option<IpAddr> {
    Some(match address {
        IpAddr::V4(v4) => {
            let shift = 32_u32.checked_sub(bits.into())?;
            let mask = u32::MAX.checked_shl(shift).unwrap_or(0);
            IpAddr::V4((v4.to_bits() & mask).into())
        }
        IpAddr::V6(v6) => {
            let shift = 128_u32.checked_sub(bits.into())?;
            let mask = u128::MAX.checked_shl(shift).unwrap_or(0);
            IpAddr::V6((v6.to_bits() & mask).into())
        }
    })
}

impl FromStr for Member {
    type Err = NotAMember;

    /// An address, a prefix, or else a name.
    fn from_str(text: &str) -> Result<Self, NotAMember> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (text, None),
        };
        if let Ok(address) = address.parse::<IpAddr>() {
            let all = if address.is_ipv4() { 32 } else { 128 };
            let bits: u8 = bits.map_or(Ok(all), str::parse).map_err(|_| NotAMember::Prefix)?;
            // Peers' addresses are told so too.
            let (address, bits) = match (address.to_canonical(), bits.checked_sub(96)) {
                (mapped @ IpAddr::V4(_), Some(bits)) if address.is_ipv6() => (mapped, bits),
                _ => (address, bits),
            };
            return match first_bits(address, bits) {
                Some(prefix) if prefix == address => Ok(Self::Addresses { prefix, bits }),
                _ => Err(NotAMember::Prefix),
            };
        }
        if text.is_empty() {
            return Err(NotAMember::Empty);
        }
        if text.chars().any(|c| c.is_control() || c == ' ') {
            return Err(NotAMember::Character);
        }
        Ok(Self::Certificate(text.to_ascii_lowercase().into()))
    }
}

impl std::fmt::Display for Member {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Certificate(name) => f.write_str(name),
            Self::Addresses { prefix, bits } => write!(f, "{prefix}/{bits}"),
        }
    }
}

/// Which serving network names are authorised, and who may ask for them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServingNetworkPolicy {
    networks: AuthorisedNetworks,
    reserved: Vec<(ServingNetwork, Vec<RequesterId>)>,
}

/// Serving networks: all of a PLMN, or one name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServingNetwork {
    /// Every name of a PLMN, with or without a NID.
    Of(Plmn),
    /// Exactly this name.
    Named(ServingNetworkName),
}

impl ServingNetwork {
    fn has(&self, name: &ServingNetworkName) -> bool {
        match self {
            Self::Of(plmn) => name.is_of(*plmn),
            Self::Named(named) => named == name,
        }
    }
}

impl FromStr for ServingNetwork {
    type Err = kaskade_keys::ParseError;

    /// MCC-MNC, or a whole name.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.contains(':') {
            text.parse().map(Self::Named)
        } else {
            text.parse().map(Self::Of)
        }
    }
}

impl std::fmt::Display for ServingNetwork {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Of(plmn) => plmn.fmt(f),
            Self::Named(name) => name.fmt(f),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum AuthorisedNetworks {
    Any,
    Listed(Vec<ServingNetwork>),
}

/// Nobody.
impl Default for AuthorisedNetworks {
    fn default() -> Self {
        Self::Listed(Vec::new())
    }
}

impl ServingNetworkPolicy {
    /// Every well-formed name. For tests and closed networks: TS 33.501 wants the home network to decide.
    pub fn any() -> Self {
        Self {
            networks: AuthorisedNetworks::Any,
            reserved: Vec::new(),
        }
    }

    /// Only these.
    pub fn listed(networks: impl Into<Vec<ServingNetwork>>) -> Self {
        Self {
            networks: AuthorisedNetworks::Listed(networks.into()),
            reserved: Vec::new(),
        }
    }

    /// Only these PLMNs.
    pub fn plmns(plmns: impl IntoIterator<Item = Plmn>) -> Self {
        Self::listed(plmns.into_iter().map(ServingNetwork::Of).collect::<Vec<_>>())
    }

    /// Reserves a network to these requesters: others may not ask for it. Where several reservations have a name, the
    /// requester must be in each.
    #[must_use]
    pub fn reserve(mut self, network: ServingNetwork, requesters: impl IntoIterator<Item = RequesterId>) -> Self {
        self.reserved.push((network, requesters.into_iter().collect()));
        self
    }

    /// Whether a requester may ask for this network.
    pub fn authorises(&self, requester: &Requester, name: &ServingNetworkName) -> bool {
        let authorised = match &self.networks {
            AuthorisedNetworks::Any => true,
            AuthorisedNetworks::Listed(networks) => {
                networks.iter().any(|network| network.has(name)) || fault!("network-not-authorised")
            }
        };
        let mut reserved = self.reserved.iter().filter(|(network, _)| network.has(name));
        authorised
            && (fault!("reservation-not-checked")
                || reserved.all(|(_, requesters)| requesters.contains(&requester.id())))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn member(text: &str) -> Member {
        text.parse().unwrap()
    }

    #[test]
    fn members_are_read_and_written() {
        for text in [
            "amf.example.org",
            "urn:uuid:3fa85f64-5717-4562-b3fc-2c963f66afa6",
            "192.0.2.0/28",
            "2001:db8::/48",
        ] {
            assert_eq!(member(text).to_string(), text);
        }
        assert_eq!(member("AMF.Example.org"), member("amf.example.org"));
        assert_eq!(member("192.0.2.1").to_string(), "192.0.2.1/32");
        assert_eq!(member("0.0.0.0/0").to_string(), "0.0.0.0/0");
        assert_eq!(member("::ffff:192.0.2.1"), member("192.0.2.1"));
        assert_eq!(member("::ffff:192.0.2.0/124"), member("192.0.2.0/28"));
        assert_eq!(member("::ffff:0:0/96"), member("0.0.0.0/0"));
        for (text, error) in [
            ("", NotAMember::Empty),
            ("an amf", NotAMember::Character),
            ("192.0.2.1/28", NotAMember::Prefix),
            ("192.0.2.0/33", NotAMember::Prefix),
            ("::/129", NotAMember::Prefix),
            ("::/x", NotAMember::Prefix),
            ("::/", NotAMember::Prefix),
        ] {
            assert_eq!(text.parse::<Member>(), Err(error), "{text}");
        }
    }

    #[test]
    fn a_group_is_one_requester() {
        let groups = Groups::default().with("set", [member("192.0.2.0/28"), member("2001:db8::/63"), member("amf1")]);
        let who = |address: &str| groups.requester(&Peer::at(address.parse().unwrap())).to_string();
        assert_eq!(who("192.0.2.15"), "set");
        assert_eq!(who("::ffff:192.0.2.15"), "set");
        assert_eq!(who("192.0.2.16"), "192.0.2.16");
        assert_eq!(who("2001:db8:0:1::7"), "set");
        assert_eq!(who("2001:db8:0:2::7"), "2001:db8:0:2::/64");
    }

    #[test]
    fn who_is_of_two_groups_is_of_none() {
        let named = |names: &[&str]| {
            let params = rcgen::CertificateParams::new(names.iter().map(ToString::to_string).collect::<Vec<_>>());
            let key = rcgen::KeyPair::generate().unwrap();
            Peer::with_certificate([127, 0, 0, 1].into(), params.unwrap().self_signed(&key).unwrap().der())
        };
        let amfs = ["amf1.example.org", "amf2.example.org"];
        for order in [[0, 1], [1, 0]] {
            let group = |groups: Groups, at: usize| groups.with(&format!("of {}", amfs[at]), [member(amfs[at])]);
            let groups = group(group(Groups::default(), order[0]), order[1]);
            for (names, is) in [
                (&amfs[..1], "of amf1.example.org"),
                (&amfs[1..], "of amf2.example.org"),
                (&["amf1.example.org", "x.example.org"], "of amf1.example.org"),
            ] {
                assert_eq!(groups.requester(&named(names)), Requester::group(is), "{names:?}");
            }
            let both = named(&amfs);
            assert_eq!(groups.requester(&both), *both.requester());
        }
        // One group twice is one group.
        let twice = Groups::default()
            .with("a", [member(amfs[0])])
            .with("a", [member(amfs[1])]);
        assert_eq!(twice.requester(&named(&amfs)), Requester::group("a"));
    }

    #[test]
    fn a_reserved_network_is_for_its_requesters() {
        let home: ServingNetworkName = "5G:mnc001.mcc001.3gppnetwork.org".parse().unwrap();
        let partner: ServingNetworkName = "5G:mnc410.mcc310.3gppnetwork.org".parse().unwrap();
        let foreign: ServingNetworkName = "5G:mnc002.mcc001.3gppnetwork.org".parse().unwrap();
        let [amf, sepp] = ["amf", "sepp"].map(Requester::group);
        let plmns = ["001-01", "310-410"].map(|text| text.parse().unwrap());
        let policy = ServingNetworkPolicy::plmns(plmns).reserve("310-410".parse().unwrap(), [sepp.id()]);
        let may = |requester, names: [&ServingNetworkName; 3]| names.map(|name| policy.authorises(requester, name));
        assert_eq!(may(&amf, [&home, &partner, &foreign]), [true, false, false]);
        assert_eq!(may(&sepp, [&home, &partner, &foreign]), [true, true, false]);
        assert!(!ServingNetworkPolicy::default().authorises(&amf, &home));
        let any = ServingNetworkPolicy::any().reserve(ServingNetwork::Named(home), [sepp.id()]);
        assert!(any.authorises(&amf, &foreign) && !any.authorises(&amf, &home) && any.authorises(&sepp, &home));
    }
}
