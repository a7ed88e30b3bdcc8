//! Which application functions there are, who asks in their name, and whose keys they may have.

use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;
use core::str::FromStr;
use core::time::Duration;

use kaskade_faults::fault;
use kaskade_keys::id::{AfId, Fqdn, UaProtocolId};
use kaskade_keys::{AKid, ParseError, Supi};

use super::{AfHolderId, FunctionsError, NotAdmitted};

/// Names that are noted have 1 to so many octets.
const LONGEST_NAME: usize = 255;

/// What whoever asks is told of the user, at most (TS 33.535 7.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Identity {
    /// Nothing: the user is anonymous to it.
    #[default]
    Anonymous,
    /// The GPSI, where there is one.
    Gpsi,
    /// The SUPI.
    Supi,
}

/// What may be spoken with an application function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProtocolRule {
    /// This.
    One(UaProtocolId),
    /// TLS of TS 33.222 with any cipher suite: 01 00 01 and two octets more (TS 33.220 Annex H).
    Tls,
}

impl ProtocolRule {
    fn allows(self, protocol: UaProtocolId) -> bool {
        match self {
            Self::One(one) => one == protocol,
            Self::Tls => protocol.octets().starts_with(&[1, 0, 1]),
        }
    }
}

impl FromStr for ProtocolRule {
    type Err = ParseError;

    /// Reads `http-digest`, `tls-1.3-psk`, `tls`, or an identifier in 10 hexadecimal digits.
    fn from_str(text: &str) -> Result<Self, ParseError> {
        Ok(match text {
            "http-digest" => Self::One(UaProtocolId::HTTP_DIGEST),
            "tls-1.3-psk" => Self::One(UaProtocolId::TLS_1_3_PSK),
            "tls" => Self::Tls,
            text => Self::One(text.parse()?),
        })
    }
}

impl fmt::Display for ProtocolRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::One(UaProtocolId::HTTP_DIGEST) => f.write_str("http-digest"),
            Self::One(UaProtocolId::TLS_1_3_PSK) => f.write_str("tls-1.3-psk"),
            Self::One(protocol) => protocol.fmt(f),
            Self::Tls => f.write_str("tls"),
        }
    }
}

/// Whose keys an application function may have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SubscriberRule {
    /// Everybody's.
    All,
    /// This subscriber's.
    One(Supi),
    /// Those whose SUPI begins so, as `imsi-00101*`.
    Beginning(String),
}

impl SubscriberRule {
    fn allows(&self, supi: &Supi) -> bool {
        match self {
            Self::All => true,
            Self::One(one) => one == supi,
            Self::Beginning(begin) => supi.sbi().starts_with(begin.as_str()),
        }
    }
}

impl FromStr for SubscriberRule {
    type Err = ParseError;

    /// Reads `all`, a SUPI, or the beginning of one with `*` behind it.
    fn from_str(text: &str) -> Result<Self, ParseError> {
        if text == "all" {
            return Ok(Self::All);
        }
        let Some(begin) = text.strip_suffix('*') else {
            return text.parse().map(Self::One);
        };
        let kinds = ["imsi-", "nai-", "gci-", "gli-"];
        match kinds.iter().any(|kind| begin.starts_with(kind)) && !begin.contains('*') {
            true => Ok(Self::Beginning(begin.to_string())),
            false => Err(ParseError::Form {
                field: "subscribers",
                expected: "all, a SUPI, or the beginning of one with * behind it, such as imsi-00101*",
            }),
        }
    }
}

impl fmt::Display for SubscriberRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("all"),
            Self::One(supi) => f.write_str(&supi.sbi()),
            Self::Beginning(begin) => write!(f, "{begin}*"),
        }
    }
}

/// An application function, and who may ask in its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Its name. In a request capital letters are small ones; for K_AF they are not.
    pub fqdn: Fqdn,
    /// What is spoken with it.
    pub protocols: Vec<ProtocolRule>,
    /// Who asks in its name: principals and groups, itself or the NEF.
    pub callers: Vec<String>,
    /// What those are told of the user, at most.
    pub identity: Identity,
    /// Whose keys it may have; none: nobody's.
    pub subscribers: Vec<SubscriberRule>,
    /// How long a key lives, from when it is asked for first.
    pub lifetime: Duration,
    /// Whether the same key may be given another life when its first one is over and the user was not authenticated again.
    pub renews: bool,
}

/// A request that whoever asks may make, whoever it is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admitted {
    rule: Rule,
    pub(super) af_id: AfId,
    pub(super) consumer: String,
}

impl Admitted {
    /// Under which name whoever asks is noted.
    pub fn consumer(&self) -> &str {
        &self.consumer
    }

    /// What the record of a holder is found by, below the K_AKMA of this A-KID.
    pub fn holder(&self, a_kid: &AKid) -> AfHolderId {
        AfHolderId::of(a_kid, &self.af_id, &self.consumer)
    }

    /// What whoever asks is told of the user, at most.
    pub const fn identity(&self) -> Identity {
        self.rule.identity
    }

    pub(super) const fn lifetime(&self) -> Duration {
        self.rule.lifetime
    }

    pub(super) const fn renews(&self) -> bool {
        self.rule.renews
    }

    /// Whether it may be of this subscriber.
    ///
    /// # Errors
    /// [`NotAdmitted::SubscriberNotAllowed`].
    pub fn of(&self, supi: &Supi) -> Result<(), NotAdmitted> {
        let mut subscribers = self.rule.subscribers.iter();
        match subscribers.any(|rule| rule.allows(supi)) || fault!("application-keys-of-anybody") {
            true => Ok(()),
            false => Err(NotAdmitted::SubscriberNotAllowed),
        }
    }
}

/// All application functions, as they are configured.
#[derive(Clone, Debug, Default)]
pub struct Functions {
    rules: BTreeMap<String, Vec<Rule>>,
}

impl Functions {
    /// Without any: nobody has anything.
    pub const fn new() -> Self {
        Self { rules: BTreeMap::new() }
    }

    /// Adds one.
    ///
    /// # Errors
    /// [`FunctionsError`]; nothing is changed then.
    pub fn add(&mut self, rule: Rule) -> Result<(), FunctionsError> {
        let fqdn = || rule.fqdn.clone();
        if rule.lifetime < Duration::from_secs(1) {
            return Err(FunctionsError::NoLifetime(fqdn()));
        }
        if rule.protocols.is_empty() {
            return Err(FunctionsError::NoProtocol(fqdn()));
        }
        if !rule.callers.iter().all(|name| (1..=LONGEST_NAME).contains(&name.len())) {
            return Err(FunctionsError::Name(fqdn()));
        }
        let plain = rule.fqdn.as_str().to_ascii_lowercase();
        let known = self.rules.get(&plain).into_iter().flatten();
        let mut taken = known.flat_map(|known| &known.callers);
        if let Some(caller) = taken.find(|caller| rule.callers.contains(caller)) {
            return Err(FunctionsError::Twice {
                fqdn: fqdn(),
                caller: caller.clone(),
            });
        }
        self.rules.entry(plain).or_default().push(rule);
        Ok(())
    }

    /// All of them, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Rule> {
        self.rules.values().flatten()
    }

    /// Whether somebody of these names may ask for keys of an application function, over a protocol. It does not depend on any
    /// subscriber.
    ///
    /// # Errors
    /// [`NotAdmitted`].
    pub fn admit(&self, names: &[String], af_id: &AfId) -> Result<Admitted, NotAdmitted> {
        let rules = self.rules.get(&af_id.fqdn().to_ascii_lowercase());
        let own = rules.into_iter().flatten().find_map(|rule| {
            let caller = names.iter().find(|name| rule.callers.contains(name));
            let anybody = || names.first().filter(|_| fault!("functions-of-others"));
            Some((rule, caller.or_else(anybody)?))
        });
        let (rule, consumer) = own.ok_or(NotAdmitted::FunctionNotOwned)?;
        let protocol = af_id.protocol();
        if !rule.protocols.iter().any(|allowed| allowed.allows(protocol)) && !fault!("any-ua-protocol") {
            return Err(NotAdmitted::ProtocolNotAllowed(protocol));
        }
        Ok(Admitted {
            rule: rule.clone(),
            af_id: af_id.clone(),
            consumer: consumer.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    fn rule(fqdn: &str, caller: &str) -> Rule {
        Rule {
            fqdn: fqdn.parse().unwrap(),
            protocols: vec![ProtocolRule::One(UaProtocolId::HTTP_DIGEST), ProtocolRule::Tls],
            callers: vec![caller.to_string()],
            identity: Identity::Gpsi,
            subscribers: vec!["imsi-00101*".parse().unwrap()],
            lifetime: Duration::from_secs(60),
            renews: false,
        }
    }

    #[test]
    fn a_function_is_its_callers_own() {
        let mut functions = Functions::new();
        functions.add(rule("AF.example.com", "portal")).unwrap();
        functions.add(rule("af.example.com", "nef")).unwrap();
        assert!(matches!(
            functions.add(rule("af.EXAMPLE.com", "nef")),
            Err(FunctionsError::Twice { .. })
        ));
        let admit = |names: &[&str], af_id: &str| {
            let names: Vec<String> = names.iter().map(|name| (*name).to_string()).collect();
            functions.admit(&names, &af_id.parse().unwrap())
        };
        assert_eq!(
            admit(&["portal"], "af.example.com0100000002").unwrap().consumer(),
            "portal"
        );
        assert_eq!(
            admit(&["x", "nef"], "af.example.com01000113aa").unwrap().consumer(),
            "nef"
        );
        assert_eq!(
            admit(&["x"], "af.example.com0100000002"),
            Err(NotAdmitted::FunctionNotOwned)
        );
        assert_eq!(
            admit(&[], "af.example.com0100000002"),
            Err(NotAdmitted::FunctionNotOwned)
        );
        assert_eq!(
            admit(&["portal"], "b.example.com0100000002"),
            Err(NotAdmitted::FunctionNotOwned)
        );
        assert_eq!(
            admit(&["portal"], "af.example.com0100000007"),
            Err(NotAdmitted::ProtocolNotAllowed(UaProtocolId::TLS_1_3_PSK))
        );
    }

    #[test]
    fn subscribers_are_named_one_by_one_by_beginning_or_all_together() {
        let supi: Supi = "imsi-001010000000001".parse().unwrap();
        for (text, allows) in [
            ("all", true),
            ("imsi-001010000000001", true),
            ("imsi-001010000000002", false),
            ("imsi-00101*", true),
            ("imsi-00102*", false),
            ("nai-*", false),
        ] {
            let rule: SubscriberRule = text.parse().unwrap();
            assert_eq!((rule.allows(&supi), rule.to_string().as_str()), (allows, text));
        }
        for text in ["", "*", "00101*", "imsi-*1*"] {
            assert!(text.parse::<SubscriberRule>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_protocol_is_read_as_it_is_written() {
        for text in ["http-digest", "tls-1.3-psk", "tls", "ff00000001"] {
            assert_eq!(text.parse::<ProtocolRule>().unwrap().to_string(), text);
        }
        assert_eq!("0100000002".parse(), Ok(ProtocolRule::One(UaProtocolId::HTTP_DIGEST)));
        assert!("telnet".parse::<ProtocolRule>().is_err());
    }
}
