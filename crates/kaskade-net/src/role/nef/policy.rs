//! Which application functions there are, as whom they are known, and what each may have.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use kaskade_faults::fault;
use kaskade_keys::id::{AfId, Fqdn, UaProtocolId};

use super::secret::ClientSecretHash;
use crate::role::usage_keys::CallbackRoot;
use crate::sbi::peer::{Requester, RequesterId};
use crate::sbi::service::Caller;

/// Ua* security protocols: one, or all whose identifiers begin alike, such as those of TLS with its cipher suites. 5 octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UaProtocols {
    first: [u8; 5],
    octets: usize,
}

/// Not Ua* security protocols.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not 10 hexadecimal digits such as 0100000002, or 2 to 8 and a star such as 010001*")]
pub struct NotProtocols;

impl UaProtocols {
    /// Whether this protocol is one of them.
    pub fn include(&self, protocol: UaProtocolId) -> bool {
        protocol.octets().get(..self.octets) == self.first.get(..self.octets)
    }
}

impl FromStr for UaProtocols {
    type Err = NotProtocols;

    fn from_str(text: &str) -> Result<Self, NotProtocols> {
        let (digits, octets) = match text.strip_suffix('*') {
            Some(digits) => (digits, digits.len() / 2),
            None => (text, 5),
        };
        let fits = digits.len() == 2 * octets && (1..=5).contains(&octets) && (octets < 5 || digits == text);
        if !fits {
            return Err(NotProtocols);
        }
        let whole = format!("{digits:0<10}");
        let protocol: UaProtocolId = whole.parse().map_err(|_| NotProtocols)?;
        Ok(Self {
            first: *protocol.octets(),
            octets,
        })
    }
}

impl fmt::Display for UaProtocols {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for octet in self.first.iter().take(self.octets) {
            write!(f, "{octet:02x}")?;
        }
        match self.octets {
            5 => Ok(()),
            _ => f.write_str("*"),
        }
    }
}

/// An application function, and what it may have.
#[derive(Clone, Debug, Default)]
pub struct Af {
    /// Domain names that it may put into its AF_ID.
    pub domains: Vec<Fqdn>,
    /// Ua* security protocols that it may put there.
    pub protocols: Vec<UaProtocols>,
    /// Whether it may be told the GPSI.
    pub gpsi: bool,
    /// Where it may be told that a key is to be used no more.
    pub notices: Vec<CallbackRoot>,
    /// What is known of its secret, where it is a client of the token endpoint.
    pub secret: Option<ClientSecretHash>,
}

impl Af {
    /// Whether an AF_ID is its own.
    ///
    /// # Errors
    /// [`NotItsOwn`].
    pub fn admits(&self, af_id: &AfId) -> Result<(), NotItsOwn> {
        let is_own = |domain: &Fqdn| domain.as_str().eq_ignore_ascii_case(af_id.fqdn());
        if !self.domains.iter().any(is_own) && !fault!("af-id-of-anybody") {
            return Err(NotItsOwn::Domain);
        }
        let protocol = af_id.protocol();
        let is_allowed = self.protocols.iter().any(|allowed| allowed.include(protocol));
        if !is_allowed && !fault!("nef-any-ua-protocol") {
            return Err(NotItsOwn::Protocol);
        }
        Ok(())
    }
}

/// An AF_ID is not that of whoever asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotItsOwn {
    /// Its domain name is somebody else's.
    #[error("afId: its domain name is not one of the caller's")]
    Domain,
    /// The caller may not speak this protocol.
    #[error("afId: the caller may not use this Ua* security protocol")]
    Protocol,
}

/// Nobody, or somebody else by its token than by its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NotKnown {
    /// No application function is known so.
    Stranger,
    /// Two of them.
    Two,
}

/// The application functions of a configuration.
#[derive(Clone, Debug, Default)]
pub struct NefPolicy {
    afs: BTreeMap<String, Af>,
    known: BTreeMap<RequesterId, String>,
}

impl NefPolicy {
    /// And this application function. Its name is its client identifier.
    #[must_use]
    pub fn with(mut self, name: &str, af: Af) -> Self {
        self.afs.insert(name.to_owned(), af);
        self
    }

    /// This requester is the application function of this name.
    #[must_use]
    pub fn known_as(mut self, requester: RequesterId, name: &str) -> Self {
        self.known.insert(requester, name.to_owned());
        self
    }

    /// The application function of this name.
    pub fn af(&self, name: &str) -> Option<&Af> {
        self.afs.get(name)
    }

    /// The same, with its name as it is kept here.
    pub(super) fn af_named(&self, name: &str) -> Option<(&str, &Af)> {
        self.afs.get_key_value(name).map(|(name, af)| (name.as_str(), af))
    }

    /// Who this requester is.
    pub(super) fn named(&self, requester: &Requester) -> Option<&str> {
        self.known.get(&requester.id()).map(String::as_str)
    }

    /// Who a caller is: by its connection, and by its token, which `issuer` of this NEF or an NRF has given.
    pub(super) fn find(&self, caller: &Caller, issuer: Option<&str>) -> Result<(&str, &Af), NotKnown> {
        let principal = caller.principal();
        let by_token = principal.token().and_then(|token| match issuer {
            Some(issuer) if token.issuer() == issuer => {
                self.afs.get_key_value(token.subject()).map(|(name, _)| name.as_str())
            }
            _ => self.named(&Requester::subject(token.subject())),
        });
        let by_connection = self.named(principal.requester());
        let name = match (by_token, by_connection) {
            (Some(a), Some(b)) if a != b => return Err(NotKnown::Two),
            (Some(name), _) | (None, Some(name)) => name,
            (None, None) => return Err(NotKnown::Stranger),
        };
        self.afs
            .get_key_value(name)
            .map(|(name, af)| (name.as_str(), af))
            .ok_or(NotKnown::Stranger)
    }

    /// Whether whoever is called so may be told there.
    pub(super) fn may_be_told(&self, name: &str, root: &CallbackRoot) -> bool {
        let own = self.afs.get(name);
        own.is_some_and(|af| af.notices.contains(root)) || fault!("notice-to-anywhere")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn protocols_are_one_or_those_that_begin_alike() {
        let parsed = |text: &str| text.parse::<UaProtocols>().expect(text);
        let protocol = |text: &str| text.parse::<UaProtocolId>().expect(text);
        for (text, protocols, includes) in [
            ("0100000002", "0100000002", true),
            ("0100000002", "0100000007", false),
            ("010001*", "01000113a8", true),
            ("010001*", "0100020000", false),
            ("FF*", "ff00000001", true),
        ] {
            assert_eq!(
                parsed(text).include(protocol(protocols)),
                includes,
                "{text} {protocols}"
            );
            assert_eq!(parsed(text).to_string(), text.to_ascii_lowercase());
        }
        for wrong in [
            "",
            "*",
            "0100000002*",
            "010000000",
            "01000*",
            "01000000020",
            "x100000002",
            "all",
        ] {
            assert_eq!(wrong.parse::<UaProtocols>(), Err(NotProtocols), "{wrong}");
        }
    }

    #[test]
    fn an_af_id_has_an_own_domain_and_an_allowed_protocol() {
        let af = Af {
            domains: vec!["video.example.com".parse().expect("a name")],
            protocols: vec!["0100000002".parse().expect("a protocol")],
            ..Af::default()
        };
        let admits = |text: &str| af.admits(&text.parse().expect(text));
        assert_eq!(admits("video.example.com0100000002"), Ok(()));
        assert_eq!(admits("Video.Example.COM0100000002"), Ok(()), "a name of the DNS");
        assert_eq!(admits("a.video.example.com0100000002"), Err(NotItsOwn::Domain));
        assert_eq!(admits("example.com0100000002"), Err(NotItsOwn::Domain));
        assert_eq!(admits("video.example.com0100000007"), Err(NotItsOwn::Protocol));
        assert!(
            Af::default()
                .admits(&"video.example.com0100000002".parse().expect("an AF_ID"))
                .is_err()
        );
    }
}
