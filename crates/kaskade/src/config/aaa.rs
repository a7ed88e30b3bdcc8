//! The section `[aaa]`: who may ask by RADIUS, and for which network.

mod clients;

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

use kaskade_aka::eap_aka::ForwardSecrecy;
use kaskade_codec::eap::AkaMethod;
use kaskade_codec::erp::KeyNameNai;
use kaskade_keys::ParseError;
use kaskade_keys::id::{AccessNetworkIdentity, Fqdn};
use kaskade_net::radius::Prefix;

use super::setting::{Tables, settings};
use super::{Config, ConfigError, Parsed, TlsConfig};

pub use clients::Radius;

settings! {
    /// AAA server.
    AaaConfig {
        /// Addresses and ports of RADIUS over UDP; port 0 takes a free one.
        radius: Vec<SocketAddr> = vec![SocketAddr::from(([127, 0, 0, 1], 1812))],
        /// Addresses and ports of RADIUS over TLS 1.3, such as ["0.0.0.0:2083"]; needs tls, with client_ca.
        radsec: Vec<SocketAddr> = Vec::new(),
        /// Addresses and ports of RADIUS over TLS 1.3 with pre-shared keys, in a build with the feature `psk`.
        radsec_psk: Vec<SocketAddr> = Vec::new(),
        /// Realms of identities that are served, such as ["wlan.mnc001.mcc001.3gppnetwork.org"]; without any, all. The first is also that
        /// of fast re-authentications of users who send none.
        realms: Vec<String> = Vec::new(),
        /// Methods, the best first: eap-aka-prime, eap-aka. The subscription of a user must have the method, too.
        methods: Vec<Parsed<AaaMethod>> = vec![Parsed(AaaMethod::EapAkaPrime), Parsed(AaaMethod::EapAka)],
        /// Forward secrecy of EAP-AKA' (RFC 9678): off, offered or required.
        forward_secrecy: Parsed<Secrecy> = Parsed(Secrecy::Off),
        /// Network name that keys of EAP-AKA' are bound to (TS 24.302), for clients that have no other.
        network: String = "WLAN".to_owned(),
        /// Days that a pseudonym can be used; 0: none are given, and identities travel in clear.
        pseudonym_days: u64 [0..=3_650] = 30,
        /// A higher number, and no pseudonym that was given before is taken any more.
        pseudonym_generation: u64 [1..=4_294_967_295] = 1,
        /// Fast re-authentications after a full one; 0: none.
        reauthentications: u64 [0..=65_534] = 32,
        /// Seconds after a full authentication in which there are any.
        reauthentication_lifetime: u64 [60..=2_592_000] = 86_400,
        /// Users who wait for one, all together.
        max_reauthentications: u64 [1..=67_108_864] = 262_144,
        /// Re-authentication by ERP in one round trip (RFC 6696), for users whose devices know `erp_domain`.
        erp: bool = false,
        /// Realm of the ER server, in the case in which devices write it.
        erp_domain: Option<String> = None => "\"wlan.mnc001.mcc001.3gppnetwork.org\"",
        /// Seconds after an authentication in which users may come back by ERP.
        erp_lifetime: u64 [60..=2_592_000] = 86_400,
        /// Users who may, all together; for another, who was authenticated longest ago gives way.
        max_erp: u64 [1..=16_777_216] = 65_536,
        /// Notify the peer of its success under protection before EAP-Success, where it wants that too (AT_RESULT_IND).
        result_ind: bool = false,
        /// Seconds that an authentication may take in all.
        run_lifetime: u64 [1..=3_600] = 60,
        /// Authentications that wait for their peer, of all clients together; one has three quarters at most.
        max_runs: u64 [1..=16_777_216] = 131_072,
        /// Seconds after which a gateway has its user authenticated again; 0: it decides itself.
        session_timeout: u64 [0..=31_536_000] = 0,
        /// TLS 1.3 of radsec.
        tls: TlsConfig = TlsConfig::default(),
        /// Access gateways and proxies that may ask, each under a name of its own.
        clients: Tables<ClientConfig> = Tables::default() => "hotspot",
    }

    /// A RADIUS client.
    ClientConfig {
        /// Over UDP: its addresses, such as ["192.0.2.7", "2001:db8::/48"]. Of several prefixes the longest counts.
        prefixes: Vec<Parsed<Prefix>> = Vec::new(),
        /// File with the secret that it shares with this server, on its first line; nobody else may read it.
        secret_file: Option<PathBuf> = None => "\"/etc/kaskade/hotspot.secret\"",
        /// Or a variable of the environment with it.
        secret_env: Option<String> = None => "\"HOTSPOT_SECRET\"",
        /// Over TLS: names in its certificate (DNS name, URI or common name).
        certificates: Vec<String> = Vec::new(),
        /// Over TLS with pre-shared keys: how it names its key, 1 to 255 octets.
        psk_identity: Option<String> = None => "\"hotspot.example.org\"",
        /// File with the key, 32 to 128 hexadecimal digits on its first line; nobody else may read it.
        psk_file: Option<PathBuf> = None => "\"/etc/kaskade/hotspot.psk\"",
        /// Network name that keys of its users are bound to, where it is another than `aaa.network`.
        network: Option<String> = None => "\"WLAN\"",
    }
}

/// A method of EAP, as it is configured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AaaMethod {
    /// EAP-AKA'.
    EapAkaPrime,
    /// EAP-AKA.
    EapAka,
}

/// Whether EAP-AKA' has forward secrecy, as it is configured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Secrecy {
    /// It has none.
    Off,
    /// Where the peer has it too.
    Offered,
    /// Nobody is let in without.
    Required,
}

/// A text that is none of those that a setting has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected {0}")]
pub struct NotOneOf(pub(super) &'static str);

impl AaaMethod {
    const fn name(self) -> &'static str {
        match self {
            Self::EapAkaPrime => "eap-aka-prime",
            Self::EapAka => "eap-aka",
        }
    }
}

impl FromStr for AaaMethod {
    type Err = NotOneOf;

    fn from_str(text: &str) -> Result<Self, NotOneOf> {
        let all = [Self::EapAkaPrime, Self::EapAka];
        let found = all.into_iter().find(|one| one.name() == text);
        found.ok_or(NotOneOf("eap-aka-prime or eap-aka"))
    }
}

impl fmt::Display for AaaMethod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl From<AaaMethod> for AkaMethod {
    fn from(method: AaaMethod) -> Self {
        match method {
            AaaMethod::EapAkaPrime => Self::AkaPrime,
            AaaMethod::EapAka => Self::Aka,
        }
    }
}

impl Secrecy {
    const fn name(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Offered => "offered",
            Self::Required => "required",
        }
    }
}

impl FromStr for Secrecy {
    type Err = NotOneOf;

    fn from_str(text: &str) -> Result<Self, NotOneOf> {
        let all = [Self::Off, Self::Offered, Self::Required];
        let found = all.into_iter().find(|one| one.name() == text);
        found.ok_or(NotOneOf("off, offered or required"))
    }
}

impl fmt::Display for Secrecy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl From<Secrecy> for ForwardSecrecy {
    fn from(secrecy: Secrecy) -> Self {
        match secrecy {
            Secrecy::Off => Self::Off,
            Secrecy::Offered => Self::offered(),
            Secrecy::Required => Self::Required(Self::offered().groups().to_vec()),
        }
    }
}

impl Config {
    /// The realm of the ER server, where there is one.
    ///
    /// # Errors
    /// [`ConfigError::Value`].
    pub fn erp_domain(&self) -> Result<Option<Fqdn>, ConfigError> {
        let value = |reason| ConfigError::Value {
            name: "aaa.erp_domain",
            reason,
        };
        let Some(text) = self.aaa.erp_domain.as_deref().filter(|_| self.aaa.erp) else {
            return Ok(None);
        };
        let domain: Fqdn = text.parse().map_err(|error: ParseError| value(error.to_string()))?;
        // EMSKname and @ stand before it.
        match text.len() + 17 <= KeyNameNai::MOST {
            true => Ok(Some(domain)),
            false => Err(value(format!("has {} octets, at most 236 are possible", text.len()))),
        }
    }

    /// Refuses what contradicts itself or would not be used. Secrets are not read.
    pub(super) fn check_aaa(&self) -> Result<(), ConfigError> {
        if !self.aaa.runs() {
            return Ok(());
        }
        let aaa = &self.aaa;
        let value = |name, reason: &str| {
            let reason = reason.to_owned();
            Err(ConfigError::Value { name, reason })
        };
        if aaa.radius.is_empty() && aaa.radsec.is_empty() && aaa.radsec_psk.is_empty() {
            return value("aaa.radius", "is empty, and so is aaa.radsec: nobody could ask");
        }
        if !aaa.radsec_psk.is_empty() {
            if !cfg!(feature = "psk") {
                return value(
                    "aaa.radsec_psk",
                    "this program is built without the feature psk: build it with it (docs/aaa.md), or use aaa.radsec",
                );
            }
            if !aaa.clients.0.iter().any(|(_, client)| client.psk_identity.is_some()) {
                return value(
                    "aaa.radsec_psk",
                    "no client has a key: give one of aaa.clients its psk_identity and psk_file, or nobody could ask there",
                );
            }
        }
        match (&aaa.tls.cert, &aaa.tls.key, &aaa.tls.client_ca) {
            (Some(_), None, _) => return value("aaa.tls", "cert is set without key"),
            (None, Some(_), _) => return value("aaa.tls", "key is set without cert"),
            (None, None, Some(_)) => return value("aaa.tls", "client_ca needs cert and key"),
            (Some(_), _, _) if aaa.radsec.is_empty() => {
                return value("aaa.tls", "is set without aaa.radsec: it would not be used");
            }
            (_, _, None) if !aaa.radsec.is_empty() => {
                return value(
                    "aaa.radsec",
                    "needs tls.cert, tls.key and tls.client_ca: RADIUS over TLS is for clients with a certificate",
                );
            }
            _ => {}
        }
        if aaa.methods.is_empty() {
            return value("aaa.methods", "is empty: name eap-aka-prime, eap-aka or both");
        }
        let aka_prime = aaa.methods.iter().any(|method| method.0 == AaaMethod::EapAkaPrime);
        if aaa.forward_secrecy.0 != Secrecy::Off && !aka_prime {
            return value(
                "aaa.forward_secrecy",
                "is of EAP-AKA', which is not among aaa.methods: it would not be used",
            );
        }
        match (aaa.erp, &aaa.erp_domain) {
            (true, None) => return value("aaa.erp", "needs erp_domain, which devices have to know"),
            (false, Some(_)) => {
                return value("aaa.erp_domain", "is set without aaa.erp: it would not be used");
            }
            _ => {
                self.erp_domain()?;
            }
        }
        network("aaa.network".to_owned(), &aaa.network)?;
        let named = aaa.clients.0.iter().any(|(_, client)| !client.certificates.is_empty());
        if !aaa.radsec.is_empty() && !named {
            return value(
                "aaa.radsec",
                "no client has a name in its certificate: give one of aaa.clients its certificates, or nobody could ask there",
            );
        }
        self.check_clients()
    }
}

/// A network name of an access that is none of 5GS.
fn network(name: String, text: &str) -> Result<AccessNetworkIdentity, ConfigError> {
    if text.starts_with("5G:") {
        let reason =
            "is of a 5G serving network, whose users an AUSF authenticates: name an access such as WLAN".to_owned();
        return Err(ConfigError::Entry { name, reason });
    }
    text.parse()
        .map_err(|error: kaskade_keys::ParseError| ConfigError::Entry {
            name,
            reason: error.to_string(),
        })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::Role;

    #[test]
    fn an_aaa_server_runs_with_a_section_alone_and_is_printed_as_a_comment_without() {
        let parse = |text: &str| Config::parse(text, Path::new("k.toml"));
        let text = "[aaa]\n[aaa.clients.hotspot]\nprefixes = [\"10.0.0.0/8\", \"::1\"]\nsecret_file = \"s\"\nnetwork = \"ETHERNET\"\n";
        let config = parse(text).expect(text);
        assert_eq!(config.roles().collect::<Vec<_>>(), [Role::Aaa]);
        assert!(config.has_udm() && !config.runs(Role::Udm));
        assert_eq!(parse(&config.commented_toml()).expect("own print-out"), config);
        let both = parse(&format!("[udm]\n{text}")).expect("both");
        assert_eq!(both.roles().collect::<Vec<_>>(), [Role::Udm, Role::Aaa]);
        let usual = Config::default();
        assert!(!usual.runs(Role::Aaa));
        // Without the comment signs it is a section that says what is the default.
        let printed = usual.commented_toml();
        let begin = printed.find("# [aaa]").expect("it is printed");
        let (section, _) = printed[begin..].split_once("\n# [emsk]").expect("another follows");
        let (section, _) = section.rsplit_once("\n\n").expect("what is said about that");
        let lines = section.lines().map(|line| line.strip_prefix("# ").unwrap_or(line));
        let section: String = lines.map(|line| format!("{line}\n")).collect();
        let section = parse(&section).unwrap_or_else(|error| unreachable!("{error}: {section}"));
        assert_eq!(section.aaa.pseudonym_days, 30);
        assert!(section.runs(Role::Aaa) && section.aaa.clients.0.is_empty());
    }

    #[test]
    fn what_an_aaa_server_cannot_mean_is_refused_with_its_place() {
        let tls = "[aaa.tls]\ncert = \"c\"\nkey = \"k\"\nclient_ca = \"a\"\n";
        let one = "[aaa.clients.one]\nprefixes = [\"10.0.0.0/8\"]\nsecret_file = \"s\"\n";
        for (text, says) in [
            (
                "[aaa]\nradius = []\n".to_owned(),
                "line 2, column 1: aaa.radius: is empty",
            ),
            (
                "[aaa]\nmethods = []\n".to_owned(),
                "line 2, column 1: aaa.methods: is empty",
            ),
            (
                "[aaa]\nmethods = [\"aka\"]\n".to_owned(),
                "line 2, column 11: expected eap-aka-prime or eap-aka",
            ),
            (
                "[aaa]\nmethods = [\"eap-aka\"]\nforward_secrecy = \"offered\"\n".to_owned(),
                "line 3, column 1: aaa.forward_secrecy: is of EAP-AKA'",
            ),
            (
                "[aaa]\nforward_secrecy = \"on\"\n".to_owned(),
                "expected off, offered or required",
            ),
            (
                "[aaa]\nnetwork = \"5G:NSWO\"\n".to_owned(),
                "line 2, column 1: aaa.network: is of a 5G",
            ),
            (
                "[aaa]\nradsec = [\"127.0.0.1:2083\"]\n".to_owned(),
                "line 2, column 1: aaa.radsec: needs tls.cert",
            ),
            (
                format!("[aaa]\n{tls}"),
                "line 2, column 6: aaa.tls: is set without aaa.radsec",
            ),
            (
                format!("[aaa]\nradsec = [\"127.0.0.1:2083\"]\n{tls}{one}"),
                "line 2, column 1: aaa.radsec: no client has a name in its certificate",
            ),
            (
                "[aaa]\nerp = true\n".to_owned(),
                "line 2, column 1: aaa.erp: needs erp_domain",
            ),
            (
                "[aaa]\nerp_domain = \"example.org\"\n".to_owned(),
                "line 2, column 1: aaa.erp_domain: is set without aaa.erp",
            ),
            (
                "[aaa]\nerp = true\nerp_domain = \"a b\"\n".to_owned(),
                "line 3, column 1: aaa.erp_domain:",
            ),
            (
                format!(
                    "[aaa]\nerp = true\nerp_domain = \"{}\"\n",
                    ["a"; 60].concat() + "." + &[["a"; 60].concat().as_str(); 3].join(".")
                ),
                "line 3, column 1: aaa.erp_domain: has 243 octets, at most 236 are possible",
            ),
            (
                "[aaa.clients.one]\n".to_owned(),
                "aaa.clients.one: has neither prefixes nor certificates",
            ),
            (
                "[aaa.clients.one]\nprefixes = [\"10.0.0.0/8\"]\n".to_owned(),
                "line 2, column 1: aaa.clients.one.prefixes: there is no secret",
            ),
            (
                "[aaa.clients.one]\nprefixes = [\"10.0.0.1/8\"]\n".to_owned(),
                "line 2, column 12: the address has bits behind the prefix: the network is 10.0.0.0/8",
            ),
            (
                "[aaa.clients.one]\nsecret_file = \"s\"\n".to_owned(),
                "line 2, column 1: aaa.clients.one.secret_file: is for addresses",
            ),
            (
                format!("{one}secret_env = \"S\"\n"),
                "line 4, column 1: aaa.clients.one.secret_env: is set beside secret_file",
            ),
            (
                format!("{one}certificates = [\"a\"]\n"),
                "line 4, column 1: aaa.clients.one.certificates: aaa.radsec is empty",
            ),
            (
                format!("{one}psk_identity = \"a\"\n"),
                "line 4, column 1: aaa.clients.one.psk_identity: needs psk_file",
            ),
            (
                format!("{one}psk_identity = \"a\"\npsk_file = \"f\"\n"),
                "line 4, column 1: aaa.clients.one.psk_identity: aaa.radsec_psk is empty",
            ),
            (
                format!("[aaa]\nradsec_psk = [\"127.0.0.1:2084\"]\n{one}"),
                match cfg!(feature = "psk") {
                    true => "line 2, column 1: aaa.radsec_psk: no client has a key",
                    false => "line 2, column 1: aaa.radsec_psk: this program is built without the feature psk",
                },
            ),
            (
                format!("{one}network = \"5G:NSWO\"\n"),
                "line 4, column 1: aaa.clients.one.network: is of a 5G",
            ),
            (
                format!("{one}[aaa.clients.two]\nprefixes = [\"10.0.0.0/8\"]\nsecret_file = \"t\"\n"),
                "line 5, column 1: aaa.clients.two.prefixes: 10.0.0.0/8 is that of one too",
            ),
            (
                "[aaa.clients.\"a.b\"]\n".to_owned(),
                "expected letters, digits, - and _",
            ),
            (
                "[aaa]\npseudonym_days = 9999\n".to_owned(),
                "line 2, column 18: aaa.pseudonym_days: 9999 is out of range",
            ),
        ] {
            let said = Config::parse(&text, Path::new("k.toml")).expect_err(&text).to_string();
            assert!(said.contains(says), "{said}\n{says}");
        }
    }
}
