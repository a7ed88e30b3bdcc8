//! The section `[emsk]`: which keys below the EMSK there are, for whom, and where holders hear of their end.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use kaskade_anchor::emsk::{Custody, DataRule, Domain, Grant, Limits, Registry, Usage, Who};
use kaskade_codec::sbi::NfInstanceId;
use kaskade_keys::id::{Fqdn, Snssai, UsageData, UsageLabel};
use kaskade_net::role::policy::Member;
use kaskade_net::role::usage_keys::CallbackRoot;
use kaskade_net::sbi::client::{ClientOptions, SbiClient};
use kaskade_net::sbi::peer::Requester;

use super::aaa::NotOneOf;
use super::setting::{Tables, settings};
use super::{Config, ConfigError, Parsed, RemoteConfig, Table, TlsConfig};

settings! {
    /// Keys below the EMSK.
    EmskConfig {
        /// An address and port of their own; without, they are asked for where the AUSF is. An AAA server alone needs one.
        listen: Option<SocketAddr> = None => "\"127.0.0.1:7779\"",
        /// Seconds that an EMSK lives after the authentication that it is of.
        lifetime: u64 [60..=31_536_000] = 36_000,
        /// EMSKs at once, roughly: each of 16 parts of the table has its share. Beyond, the oldest end, and who holds keys below them is
        /// told.
        most: u64 [16..=16_777_216] = 65_536,
        /// Keys below one EMSK that are held at once. One network function has a quarter of them at most.
        holders: u64 [1..=256] = 64,
        /// Keys below all EMSKs that are held at once, roughly, as `most`.
        most_holders: u64 [16..=16_777_216] = 65_536,
        /// Where an EMSK is kept: "process", it ends with the program, or "sealed", in the store too, so that keys outlive a restart.
        custody: Parsed<Keeping> = Parsed(Keeping::Process),
        /// After 5G AKA there are such keys, too: a project profile, for UEs that know it.
        five_g_aka: bool = true,
        /// Of `listen`, as for the UDM.
        insecure_h2c: bool = false,
        /// TLS 1.3 of `listen`, as for the UDM.
        tls: TlsConfig = TlsConfig::default(),
        /// How whoever holds a key is told that it ended.
        callbacks: CallbacksConfig = CallbacksConfig::default(),
        /// What there are keys for, each under a name of its own. Without any, nobody has any.
        usages: Tables<UsageConfig> = Tables::default() => "slices",
        /// Domains with key servers of their own (DSRK), each under a name of its own.
        domains: Tables<DomainConfig> = Tables::default() => "visited",
    }

    /// How holders are told.
    CallbacksConfig {
        /// PEM file with the authority that signed their certificates.
        ca: Option<PathBuf> = None => "\"/etc/kaskade/tls/ca.pem\"",
        /// PEM file with the certificate chain that is shown to them, own certificate first.
        client_cert: Option<PathBuf> = None => "\"/etc/kaskade/tls/client.pem\"",
        /// PEM file with its private key.
        client_key: Option<PathBuf> = None => "\"/etc/kaskade/tls/client-key.pem\"",
        /// Let `http` leave this machine.
        insecure_h2c: bool = false,
        /// Who may be told where: groups, peers as in `groups` or NF instance IDs, each with scheme, host and port. Nobody is told
        /// anywhere else, and who is not named here is not told.
        roots: Table<String, Vec<Parsed<CallbackRoot>>> = Table::default()
            => "\"smf.operator.example\" = [\"https://smf.operator.example:8443\"]",
    }

    /// A usage (RFC 5295).
    UsageConfig {
        /// Its label: a name under a domain of the operator's own. UE and network write it alike.
        label: Option<Parsed<UsageLabel>> = None => "\"slice@operator.example\"",
        /// Where its keys are below the key of a domain (DSUSRK), the domain.
        domain: Option<Parsed<Fqdn>> = None => "\"visited.example\"",
        /// What tells its keys apart: "none", it has one; "octets", any; "service", an application; "slice", an S-NSSAI.
        data: Parsed<DataOf> = Parsed(DataOf::None),
        /// Of octets the most, 1 to 2048.
        most_octets: u64 = 64,
        /// Seconds that its keys live after the authentication, 1 to 31536000, and never longer than the EMSK.
        lifetime: u64 = 3_600,
        /// Who may have them: groups, peers as in `groups` or NF instance IDs. For slices each with these: S-NSSAIs, or "all"; otherwise
        /// each with an empty list.
        grants: Table<String, Vec<Parsed<Slices>>> = Table::default() => "\"smf.operator.example\" = [\"1-0000d1\"]",
    }

    /// A domain with a key server of its own.
    DomainConfig {
        /// Its name.
        domain: Option<Parsed<Fqdn>> = None => "\"visited.example\"",
        /// Seconds that its key lives after the authentication, 1 to 31536000, and never longer than the EMSK.
        lifetime: u64 = 3_600,
        /// Its key servers: groups, peers as in `groups` or NF instance IDs.
        servers: Vec<String> = Vec::new(),
    }
}

/// Where an EMSK is kept, as it is configured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keeping {
    /// It ends with its process.
    Process,
    /// In the store, sealed.
    Sealed,
}

/// What tells apart the keys of a usage, as it is configured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DataOf {
    /// Nothing.
    None,
    /// Octets.
    Octets,
    /// An application.
    Service,
    /// A slice.
    Slice,
}

/// A slice, or all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slices {
    /// All.
    All,
    /// One.
    Of(Snssai),
}

macro_rules! names {
    ($T:ident, $expected:literal, $($variant:ident = $name:literal),+) => {
        impl FromStr for $T {
            type Err = NotOneOf;

            fn from_str(text: &str) -> Result<Self, NotOneOf> {
                match text {
                    $($name => Ok(Self::$variant),)+
                    _ => Err(NotOneOf($expected)),
                }
            }
        }

        impl fmt::Display for $T {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self { $(Self::$variant => $name,)+ })
            }
        }
    };
}

names!(Keeping, "process or sealed", Process = "process", Sealed = "sealed");
names!(
    DataOf,
    "none, octets, service or slice",
    None = "none",
    Octets = "octets",
    Service = "service",
    Slice = "slice"
);

impl FromStr for Slices {
    type Err = NotOneOf;

    fn from_str(text: &str) -> Result<Self, NotOneOf> {
        match text {
            "all" => Ok(Self::All),
            text => text
                .parse()
                .map(Self::Of)
                .map_err(|_| NotOneOf("an S-NSSAI such as 1-0000d1, or all")),
        }
    }
}

impl fmt::Display for Slices {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("all"),
            Self::Of(slice) => slice.fmt(f),
        }
    }
}

const LONGEST: u64 = 31_536_000;

fn entry(name: String, reason: impl Into<String>) -> ConfigError {
    let reason = reason.into();
    ConfigError::Entry { name, reason }
}

fn lifetime(of: &str, seconds: u64) -> Result<Duration, ConfigError> {
    match seconds {
        1..=LONGEST => Ok(Duration::from_secs(seconds)),
        other => Err(ConfigError::Range {
            name: format!("{of}.lifetime"),
            value: other.to_string(),
            least: 1,
            most: LONGEST,
        }),
    }
}

impl UsageConfig {
    fn usage(&self, of: &str, called: &dyn Fn(&str) -> String) -> Result<Usage, ConfigError> {
        let Some(Parsed(label)) = &self.label else {
            return Err(entry(
                of.to_owned(),
                "label is missing: UE and network know the usage by it",
            ));
        };
        let most = usize::try_from(self.most_octets).unwrap_or(usize::MAX);
        let data = match self.data.0 {
            DataOf::None => DataRule::None,
            DataOf::Octets if !(1..=UsageData::MOST).contains(&most) => {
                return Err(entry(
                    format!("{of}.most_octets"),
                    format!("{most} is out of range: expected 1 to 2048"),
                ));
            }
            DataOf::Octets => DataRule::Octets { most },
            DataOf::Service => DataRule::Service,
            DataOf::Slice => DataRule::Slice,
        };
        if self.data.0 != DataOf::Octets && self.most_octets != Self::default().most_octets {
            return Err(entry(
                format!("{of}.most_octets"),
                "is for data = \"octets\": it would not be used",
            ));
        }
        let mut grants = Vec::new();
        for (named, slices) in &self.grants.0 {
            let refused = |reason: &str| Err(entry(format!("{of}.grants"), format!("{named}: {reason}")));
            let all = slices.iter().any(|slice| slice.0 == Slices::All);
            let of_slices: Vec<Snssai> = slices
                .iter()
                .filter_map(|slice| match slice.0 {
                    Slices::Of(slice) => Some(slice),
                    Slices::All => None,
                })
                .collect();
            match (self.data.0, slices.is_empty()) {
                (DataOf::Slice, true) => return refused("name its slices, or \"all\""),
                (DataOf::Slice, false) if all && !of_slices.is_empty() => {
                    return refused("has \"all\" beside slices: decide for one of them");
                }
                (DataOf::Slice, false) | (_, true) => {}
                (_, false) => return refused("slices are for data = \"slice\": expected an empty list"),
            }
            grants.push(Grant {
                who: Who::Group(called(named)),
                slices: of_slices,
            });
        }
        Ok(Usage {
            label: label.clone(),
            domain: self.domain.as_ref().map(|domain| domain.0.clone()),
            data,
            grants,
            lifetime: lifetime(of, self.lifetime)?,
        })
    }
}

impl EmskConfig {
    /// Usages and domains, for whoever is called so.
    fn registry(&self, called: &dyn Fn(&str) -> String) -> Result<Registry, ConfigError> {
        let mut registry = Registry::new();
        for (name, config) in &self.usages.0 {
            let of = format!("emsk.usages.{name}");
            let usage = config.usage(&of, called)?;
            registry.add(usage).map_err(|error| entry(of, error.to_string()))?;
        }
        for (name, config) in &self.domains.0 {
            let of = format!("emsk.domains.{name}");
            let Some(Parsed(domain)) = &config.domain else {
                return Err(entry(of, "domain is missing"));
            };
            let domain = Domain {
                domain: domain.clone(),
                servers: config.servers.iter().map(|named| Who::Group(called(named))).collect(),
                lifetime: lifetime(&of, config.lifetime)?,
            };
            registry
                .add_domain(domain)
                .map_err(|error| entry(of, error.to_string()))?;
        }
        Ok(registry)
    }

    /// Everybody who is named in it, each with the setting.
    pub fn named(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let usages = self.usages.0.iter().flat_map(|(_, usage)| &usage.grants.0);
        let usages = usages.map(|(named, _)| ("emsk.usages", named.as_str()));
        let servers = self.domains.0.iter().flat_map(|(_, domain)| &domain.servers);
        let servers = servers.map(|named| ("emsk.domains", named.as_str()));
        let roots = self.callbacks.roots.0.iter();
        usages
            .chain(servers)
            .chain(roots.map(|(named, _)| ("emsk.callbacks.roots", named.as_str())))
    }

    /// What one EMSK may have.
    pub fn limits(&self) -> Limits {
        let holders = usize::try_from(self.holders).unwrap_or(usize::MAX);
        Limits {
            holders,
            of_one: holders.div_ceil(4),
            custody: match self.custody.0 {
                Keeping::Process => Custody::Process,
                Keeping::Sealed => Custody::Sealed,
            },
        }
    }
}

impl CallbacksConfig {
    /// How holders are reached, with the TLS files read; the name of its table is for refusals.
    ///
    /// # Errors
    /// [`ConfigError::File`].
    pub fn client_options(&self, table: &'static str) -> Result<ClientOptions, ConfigError> {
        let remote = RemoteConfig {
            url: None,
            ca: self.ca.clone(),
            client_cert: self.client_cert.clone(),
            client_key: self.client_key.clone(),
            insecure_h2c: self.insecure_h2c,
        };
        remote.client_options(table)
    }

    /// Refuses what contradicts itself or would not be used: in this table, with this table of roots.
    pub(super) fn check(&self, table: &'static str, of_roots: &'static str) -> Result<(), ConfigError> {
        let refused = |name, reason: &str| {
            let reason = reason.to_owned();
            Err(ConfigError::Value { name, reason })
        };
        match (&self.client_cert, &self.client_key) {
            (Some(_), None) => return refused(table, "client_cert is set without client_key"),
            (None, Some(_)) => return refused(table, "client_key is set without client_cert"),
            (Some(_), Some(_)) if self.ca.is_none() => {
                return refused(table, "client_cert would not be used without ca: https needs both");
            }
            _ => {}
        }
        let mut options = ClientOptions::default();
        options.insecure_h2c = self.insecure_h2c;
        for (named, roots) in &self.roots.0 {
            for Parsed(root) in roots {
                if root.is_tls() {
                    if self.ca.is_none() {
                        let reason = format!("{named}: {root} needs ca, the authority that signed its certificate");
                        return refused(of_roots, &reason);
                    }
                } else if let Err(error) = SbiClient::new(&root.to_string(), options.clone()) {
                    return refused(of_roots, &format!("{named}: {error}"));
                }
            }
        }
        Ok(())
    }
}

impl Config {
    /// Usages of the EMSK and domains.
    ///
    /// # Errors
    /// [`ConfigError::Entry`] or [`ConfigError::Range`], with the setting and what is wrong with it.
    pub fn usages(&self) -> Result<Registry, ConfigError> {
        self.emsk.registry(&|named| self.called(named))
    }

    /// What a group, a peer or an NF instance is called, however it is written: as the audit log calls it.
    pub(super) fn called(&self, named: &str) -> String {
        let is_group = self.groups.0.iter().any(|(group, _)| group == named);
        match (named.parse::<NfInstanceId>(), named.parse::<Member>()) {
            _ if is_group => named.to_owned(),
            (Ok(instance), _) => instance.to_string(),
            (_, Ok(member)) => member.to_string(),
            _ => named.to_owned(),
        }
    }

    /// Whom the roles take somebody for who is called so: the group that has this peer, an NF instance, or itself.
    pub fn requester(&self, named: &str) -> Requester {
        let member = named.parse::<Member>().ok();
        let groups = self.groups.0.iter();
        let group = groups
            .filter(|(group, members)| group == named || members.iter().any(|known| Some(&known.0) == member.as_ref()));
        match (group.map(|(group, _)| group).next(), named.parse::<NfInstanceId>()) {
            (Some(group), _) => Requester::group(group),
            (None, Ok(instance)) => Requester::subject(&instance.to_string()),
            (None, Err(_)) => Requester::group(&self.called(named)),
        }
    }

    /// Whether there are keys below the EMSK in this process: a section, and somebody who authenticates.
    pub fn has_usage_keys(&self) -> bool {
        self.emsk.runs() && (self.ausf.runs() || self.aaa.runs())
    }

    /// Refuses what contradicts itself or would not be used. Files are not read.
    pub(super) fn check_emsk(&self) -> Result<(), ConfigError> {
        if !self.has_usage_keys() {
            return Ok(());
        }
        let emsk = &self.emsk;
        let refused = |name, reason: &str| {
            let reason = reason.to_owned();
            Err(ConfigError::Value { name, reason })
        };
        match (emsk.listen, &emsk.tls.cert, &emsk.tls.key) {
            (None, ..) if !self.ausf.runs() => {
                return refused(
                    "emsk",
                    "no AUSF runs here, whose address keys would be asked for at: set emsk.listen",
                );
            }
            (None, ..) if emsk.tls != TlsConfig::default() || emsk.insecure_h2c => {
                return refused("emsk.tls", "is set without emsk.listen: that of the AUSF is used");
            }
            (_, Some(_), None) => return refused("emsk.tls", "cert is set without key"),
            (_, None, Some(_)) => return refused("emsk.tls", "key is set without cert"),
            (_, None, None) if emsk.tls.client_ca.is_some() => {
                return refused("emsk.tls", "client_ca needs cert and key");
            }
            (_, Some(_), _) if emsk.insecure_h2c => {
                return refused(
                    "emsk.insecure_h2c",
                    "is true beside tls.cert: it would not be used, leave it out",
                );
            }
            (Some(listen), None, _) if !listen.ip().to_canonical().is_loopback() && !emsk.insecure_h2c => {
                let reason = format!(
                    "{listen} is open to other machines, and without TLS every key would travel in clear: set tls.cert and \
                     tls.key, listen on the loopback, or allow it with insecure_h2c = true"
                );
                return refused("emsk.listen", &reason);
            }
            _ => {}
        }
        emsk.callbacks.check("emsk.callbacks", "emsk.callbacks.roots")?;
        self.usages().map(drop)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;

    const USAGE: &str = "[emsk.usages.one]\nlabel = \"one@example.org\"\n";

    fn parse(text: &str) -> Result<Config, ConfigError> {
        Config::parse(text, Path::new("k.toml"))
    }

    /// However it is written, and as the audit log has it.
    #[test]
    fn a_peer_is_called_one_name() {
        let text = format!(
            "{USAGE}[emsk.usages.one.grants]\n\"SMF.example.org\" = []\n\"2001:DB8::1\" = []\n\"AMFs\" = []\n[groups]\nAMFs = [\"amf.example.org\"]\n"
        );
        let config = parse(&text).expect(&text);
        let registry = config.usages().expect("a registry");
        let grants = &registry.usages().next().expect("one").grants;
        let names: BTreeSet<_> = (grants.iter())
            .map(|grant| match &grant.who {
                Who::Group(name) | Who::Principal(name) => name.clone(),
            })
            .collect();
        let known = |named: &str| named.parse::<Member>().expect("a peer").to_string();
        let expected = [known("smf.example.org"), known("2001:db8::1"), "AMFs".to_owned()];
        assert_eq!(names, expected.into());
    }

    #[test]
    fn usages_become_a_registry() {
        let text = "[emsk.usages.slices]\nlabel = \"slice@example.org\"\ndata = \"slice\"\n[emsk.usages.slices.grants]\n\
                    \"smf.example.org\" = [\"1-0000d1\", \"2\"]\nall-slices = [\"all\"]\n\
                    [emsk.domains.visited]\ndomain = \"visited.example\"\nservers = [\"er\"]\n\
                    [groups]\nall-slices = [\"nwdaf.example.org\"]\ner = [\"er.example.org\"]\n";
        let config = parse(text).expect(text);
        let registry = config.usages().expect("a registry");
        let usage = registry.usages().next().expect("one");
        assert_eq!((usage.grants.len(), usage.data), (2, DataRule::Slice));
        assert_eq!(registry.domains().count(), 1);
        assert!(!config.requesters().expect("known").usage_keys.is_empty());
        assert!(!parse("").expect("the default").has_usage_keys());
        assert!(parse("[emsk]\n").expect("empty").has_usage_keys());
        let printed = config.commented_toml();
        assert_eq!(parse(&printed).expect(&printed).emsk, config.emsk);
    }

    #[test]
    fn what_keys_cannot_mean_is_refused_with_its_place() {
        for (text, says) in [
            (
                "[emsk]\nlifetime = 1\n".to_owned(),
                "line 2, column 12: emsk.lifetime: 1 is out of range",
            ),
            (
                "[emsk]\ncustody = \"disk\"\n".to_owned(),
                "line 2, column 11: expected process or sealed",
            ),
            ("[emsk]\nx = 1\n".to_owned(), "line 2, column 1: unknown field `x`"),
            ("[emsk.usages.one]\n".to_owned(), "emsk.usages.one: label is missing"),
            (
                "[emsk.usages.one]\nlabel = \"dsrk@ietf.org\"\n".to_owned(),
                "line 2, column 9: usage label",
            ),
            (
                format!("{USAGE}data = \"slices\"\n"),
                "expected none, octets, service or slice",
            ),
            (
                format!("{USAGE}lifetime = 0\n"),
                "emsk.usages.one.lifetime: 0 is out of range",
            ),
            (
                format!("{USAGE}most_octets = 8\n"),
                "line 3, column 1: emsk.usages.one.most_octets: is for data",
            ),
            (
                format!("{USAGE}data = \"octets\"\nmost_octets = 2049\n"),
                "line 4, column 1: emsk.usages.one.most_octets: 2049 is out of range",
            ),
            (
                format!("{USAGE}[emsk.usages.one.grants]\nsmf = [\"1\"]\n"),
                "emsk.usages.one.grants: smf: slices are for data",
            ),
            (
                format!("{USAGE}data = \"slice\"\n[emsk.usages.one.grants]\nsmf = []\n"),
                "emsk.usages.one.grants: smf: name its slices",
            ),
            (
                format!("{USAGE}data = \"slice\"\n[emsk.usages.one.grants]\nsmf = [\"1\", \"all\"]\n"),
                "emsk.usages.one.grants: smf: has \"all\" beside slices",
            ),
            (
                format!("{USAGE}data = \"slice\"\n[emsk.usages.one.grants]\nsmf = [\"x\"]\n"),
                "expected an S-NSSAI such as 1-0000d1, or all",
            ),
            (
                format!("{USAGE}[emsk.usages.two]\nlabel = \"one@example.org\"\n"),
                "line 3, column 14: emsk.usages.two: usage one@example.org: there is one of this label already",
            ),
            (
                format!("{USAGE}[emsk.usages.one.grants]\n\"a b\" = []\n"),
                "emsk.usages: one of its names is neither a group nor a peer",
            ),
            (
                format!("{USAGE}[emsk.usages.one.grants]\n\"0b6e5a3c-1a2b-4c3d-8e4f-000000000001\" = []\n"),
                "is an NF instance ID, and without oauth2.keys",
            ),
            (
                "[emsk.domains.visited]\n".to_owned(),
                "emsk.domains.visited: domain is missing",
            ),
            (
                "[emsk.callbacks.roots]\nsmf = [\"https://smf.example.org/x\"]\n".to_owned(),
                "with a path: expected scheme, host and port alone",
            ),
            (
                "[emsk.callbacks.roots]\nsmf = [\"https://smf.example.org\"]\n".to_owned(),
                "emsk.callbacks.roots: smf: https://smf.example.org:443 needs ca",
            ),
            (
                "[emsk.callbacks.roots]\nsmf = [\"http://192.0.2.1:80\"]\n".to_owned(),
                "emsk.callbacks.roots: smf: http leads to another machine",
            ),
            (
                "[emsk.callbacks]\nclient_cert = \"c\"\n".to_owned(),
                "emsk.callbacks: client_cert is set without client_key",
            ),
            (
                "[emsk.tls]\ncert = \"c\"\nkey = \"k\"\n".to_owned(),
                "emsk.tls: is set without emsk.listen",
            ),
            (
                "[emsk]\nlisten = \"0.0.0.0:7779\"\n".to_owned(),
                "line 2, column 1: emsk.listen: 0.0.0.0:7779 is open to other machines",
            ),
            (
                "[aaa]\n[emsk]\n".to_owned(),
                "line 2, column 2: emsk: no AUSF runs here",
            ),
        ] {
            let said = parse(&text).expect_err(&text).to_string();
            assert!(said.contains(says), "{said}\n{says}");
        }
    }
}
