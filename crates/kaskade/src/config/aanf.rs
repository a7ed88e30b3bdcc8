//! The section `[aanf]`: the anchor function of AKMA, which application functions there are, and who asks in their name.

use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;
use std::time::Duration;

use kaskade_anchor::akma::{Functions, HolderLimits, Identity, ProtocolRule, Rule, SubscriberRule};
use kaskade_keys::id::Fqdn;
use kaskade_keys::{Plmn, RoutingIndicator};

use super::aaa::NotOneOf;
use super::setting::{Tables, settings};
use super::{CallbacksConfig, Config, ConfigError, Parsed, ReauthenticationConfig, TlsConfig};

settings! {
    /// AAnF.
    AanfConfig {
        /// Address and port; port 0 takes a free one.
        listen: SocketAddr = SocketAddr::from(([127, 0, 0, 1], 7780)),
        /// Root of the URIs in answers, if peers reach this node under another name.
        api_root: Option<String> = None => "\"https://aanf.example.org\"",
        /// Seconds that K_AKMA is of use at most after it was registered; 0: until the next authentication.
        context_lifetime: u64 [0..=31_536_000] = 0,
        /// Routing indicators of its subscribers, which an NRF is told; none: all.
        routing_indicators: Vec<Parsed<RoutingIndicator>> = Vec::new(),
        /// Keys below one K_AKMA that are held at once. Who asks for them has half of them at most, and each
        /// application function a quarter.
        holders: u64 [1..=256] = 64,
        /// AUSFs of other processes, which register and remove anchor keys: groups, peers as in `groups` or NF instance IDs.
        ausfs: Vec<String> = Vec::new(),
        /// Serving networks where no application keys are given of a subscriber, as far as it is known where one is served.
        barred_networks: Vec<Parsed<Plmn>> = Vec::new(),
        /// As for the UDM.
        insecure_h2c: bool = false,
        /// TLS 1.3, as for the UDM.
        tls: TlsConfig = TlsConfig::default(),
        /// How whoever holds a key is told that it is to be used no more.
        callbacks: CallbacksConfig = CallbacksConfig::default(),
        /// Users whose keys end are authenticated again (TS 33.501 6.1.5).
        reauthentication: ReauthenticationConfig = ReauthenticationConfig::default(),
        /// Application functions, each under a name of its own. Without any, nobody has any key.
        functions: Tables<FunctionConfig> = Tables::default() => "portal",
    }

    /// An application function.
    FunctionConfig {
        /// Its domain name, with which its AF_ID begins.
        fqdn: Option<Parsed<Fqdn>> = None => "\"af.example.com\"",
        /// What is spoken with it (Ua*): "http-digest", "tls-1.3-psk", "tls" with any cipher suite, or an identifier in 10 hexadecimal digits.
        protocols: Vec<Parsed<ProtocolRule>> = Vec::new(),
        /// Who asks in its name, itself or an NEF: groups, peers as in `groups` or NF instance IDs.
        callers: Vec<String> = Vec::new(),
        /// What those are told of the user at most: "none", "gpsi" or "supi". With access tokens, the SUPI goes to those alone whose
        /// token has the scope naanf-akma:applicationkeyget:supi-access.
        identity: Parsed<Told> = Parsed(Told(Identity::Anonymous)),
        /// Whose keys it may have: "all", SUPIs, or beginnings of them such as "imsi-00101*".
        subscribers: Vec<Parsed<SubscriberRule>> = vec![Parsed(SubscriberRule::All)],
        /// Seconds that a key lives from when it is asked for first, 1 to 31536000.
        lifetime: u64 = 3_600,
        /// Give the same key another life when its first one is over and the user was not authenticated again.
        renews: bool = false,
    }
}

/// What whoever asks is told of the user, as it is configured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Told(pub Identity);

impl FromStr for Told {
    type Err = NotOneOf;

    fn from_str(text: &str) -> Result<Self, NotOneOf> {
        match text {
            "none" => Ok(Self(Identity::Anonymous)),
            "gpsi" => Ok(Self(Identity::Gpsi)),
            "supi" => Ok(Self(Identity::Supi)),
            _ => Err(NotOneOf("none, gpsi or supi")),
        }
    }
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Identity::Anonymous => "none",
            Identity::Gpsi => "gpsi",
            Identity::Supi => "supi",
        })
    }
}

const LONGEST: u64 = 31_536_000;

impl AanfConfig {
    /// The application functions, with callers as they are called.
    fn functions_of(&self, called: &dyn Fn(&str) -> String) -> Result<Functions, ConfigError> {
        let mut functions = Functions::new();
        for (name, config) in &self.functions.0 {
            let of = format!("aanf.functions.{name}");
            let entry = |name: &str, reason: String| ConfigError::Entry {
                name: name.to_owned(),
                reason,
            };
            let Some(Parsed(fqdn)) = &config.fqdn else {
                return Err(entry(&of, "fqdn is missing: its AF_ID begins with it".to_owned()));
            };
            if !(1..=LONGEST).contains(&config.lifetime) {
                return Err(ConfigError::Range {
                    name: format!("{of}.lifetime"),
                    value: config.lifetime.to_string(),
                    least: 1,
                    most: LONGEST,
                });
            }
            let rule = Rule {
                fqdn: fqdn.clone(),
                protocols: config.protocols.iter().map(|protocol| protocol.0).collect(),
                callers: config.callers.iter().map(|named| called(named)).collect(),
                identity: config.identity.0.0,
                subscribers: config.subscribers.iter().map(|rule| rule.0.clone()).collect(),
                lifetime: Duration::from_secs(config.lifetime),
                renews: config.renews,
            };
            functions.add(rule).map_err(|error| entry(&of, error.to_string()))?;
        }
        Ok(functions)
    }

    /// Everybody who is named in it, each with the setting.
    pub(super) fn named(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let callers = self.functions.0.iter().flat_map(|(_, function)| &function.callers);
        let callers = callers.map(|named| ("aanf.functions", named.as_str()));
        let ausfs = self.ausfs.iter().map(|named| ("aanf.ausfs", named.as_str()));
        let roots = self.callbacks.roots.0.iter();
        callers
            .chain(ausfs)
            .chain(roots.map(|(named, _)| ("aanf.callbacks.roots", named.as_str())))
    }

    /// How many may hold keys below one K_AKMA.
    pub fn limits(&self) -> HolderLimits {
        let all = usize::try_from(self.holders).unwrap_or(usize::MAX);
        HolderLimits {
            all,
            of_one: all.div_ceil(2),
            of_function: all.div_ceil(4),
        }
    }
}

impl Config {
    /// Application functions of AKMA.
    ///
    /// # Errors
    /// [`ConfigError::Entry`] or [`ConfigError::Range`], with the setting and what is wrong with it.
    pub fn application_functions(&self) -> Result<Functions, ConfigError> {
        self.aanf.functions_of(&|named| self.called(named))
    }

    /// Refuses what contradicts itself or would not be used. Files are not read.
    pub(super) fn check_aanf(&self) -> Result<(), ConfigError> {
        if !self.aanf.runs() {
            return Ok(());
        }
        if !self.aanf.routing_indicators.is_empty() && self.nrf.url.is_none() {
            return Err(ConfigError::Value {
                name: "aanf.routing_indicators",
                reason: "is for an NRF, and there is none: set nrf.url, or leave it out".to_owned(),
            });
        }
        self.aanf.callbacks.check("aanf.callbacks", "aanf.callbacks.roots")?;
        self.application_functions().map(drop)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use kaskade_net::sbi::peer::Requester;

    use super::*;

    const FUNCTION: &str = "[aanf.functions.portal]\nfqdn = \"af.example.com\"\n";

    fn parse(text: &str) -> Result<Config, ConfigError> {
        Config::parse(text, Path::new("k.toml"))
    }

    #[test]
    fn functions_become_rules() {
        let text = format!(
            "[udm]\n[ausf]\n{FUNCTION}protocols = [\"http-digest\", \"tls\", \"ff00000001\"]\ncallers = [\"af.example.com\", \"nefs\"]\n\
             identity = \"gpsi\"\nsubscribers = [\"imsi-00101*\"]\n[groups]\nnefs = [\"nef.example.org\"]\n"
        );
        let config = parse(&text).expect(&text);
        let functions = config.application_functions().expect("functions");
        let rule = functions.iter().next().expect("one");
        assert_eq!(
            (rule.protocols.len(), rule.identity, rule.renews),
            (3, Identity::Gpsi, false)
        );
        assert_eq!(config.requesters().expect("known").akma.functions.iter().count(), 1);
        assert_eq!(config.aanf.limits(), HolderLimits::default());
        assert!(!parse("").expect("the default").aanf.runs());
        let printed = config.commented_toml();
        assert_eq!(parse(&printed).expect(&printed).aanf, config.aanf);
    }

    /// However it is written in one place and in another.
    #[test]
    fn whoever_asks_for_application_keys_is_called_one_name() {
        let text = format!(
            "[udm]\n[ausf]\n{FUNCTION}protocols = [\"tls\"]\ncallers = [\"AF.example.com\", \"2001:DB8::1\"]\n\
             [aanf]\nausfs = [\"AUSF.example.com\"]\n[aanf.callbacks]\nca = \"ca.pem\"\n[aanf.callbacks.roots]\n\
             \"af.EXAMPLE.com\" = [\"https://af.example.com:8443\"]\n\"2001:db8:0::1\" = [\"https://af.example.com:8444\"]\n"
        );
        let config = parse(&text).expect(&text);
        let policy = config.requesters().expect("known").akma;
        let af_id = "af.example.com0100010001".parse().expect("an AF_ID");
        let called = |named: &str| config.called(named);
        for (named, port) in [("af.example.com", 8443), ("2001:db8::1", 8444)] {
            let names = policy.names_of(Requester::group(&called(named)).id());
            assert_eq!(names, [called(named)]);
            let admitted = policy.functions.admit(&names, &af_id).expect("its own");
            let root = format!("https://af.example.com:{port}").parse().expect("a root");
            assert!(policy.may_be_told(admitted.consumer(), &root), "{named}");
        }
        let names = policy.names_of(Requester::group(&called("ausf.example.com")).id());
        assert!(policy.is_ausf(&names));
        // Two rules for one are found, however it is written.
        let twice = format!(
            "{FUNCTION}protocols = [\"tls\"]\ncallers = [\"af.example.com\"]\n[aanf.functions.two]\nfqdn = \"af.example.com\"\n\
             protocols = [\"tls\"]\ncallers = [\"AF.example.com\"]\n"
        );
        let said = parse(&twice).expect_err(&twice).to_string();
        assert!(said.contains("by another rule already"), "{said}");
    }

    #[test]
    fn what_functions_cannot_mean_is_refused_with_its_place() {
        for (text, says) in [
            (
                "[aanf]\nholders = 0\n".to_owned(),
                "line 2, column 11: aanf.holders: 0 is out of range",
            ),
            (
                "[aanf.functions.one]\n".to_owned(),
                "aanf.functions.one: fqdn is missing",
            ),
            (
                FUNCTION.to_owned(),
                "aanf.functions.portal: af.example.com: no protocol is spoken with it",
            ),
            (
                format!("{FUNCTION}protocols = [\"telnet\"]\n"),
                "line 3, column 13: Ua security protocol identifier",
            ),
            (
                format!("{FUNCTION}protocols = [\"tls\"]\nlifetime = 0\n"),
                "aanf.functions.portal.lifetime: 0 is out of range",
            ),
            (
                format!("{FUNCTION}protocols = [\"tls\"]\nidentity = \"imei\"\n"),
                "expected none, gpsi or supi",
            ),
            (
                format!("{FUNCTION}protocols = [\"tls\"]\nsubscribers = [\"00101*\"]\n"),
                "subscribers",
            ),
            (
                format!("{FUNCTION}protocols = [\"tls\"]\ncallers = [\"a b\"]\n"),
                "aanf.functions: one of its names is neither a group nor a peer",
            ),
            ("[aanf]\nausfs = [\"a b\"]\n".to_owned(), "aanf.ausfs: one of its names"),
            (
                "[aanf.callbacks.roots]\naf = [\"https://af.example.com\"]\n".to_owned(),
                "aanf.callbacks.roots: af: https://af.example.com:443 needs ca",
            ),
            (
                "[aanf.tls]\ncert = \"c\"\n".to_owned(),
                "aanf.tls: cert is set without key",
            ),
            (
                "[aanf]\nlisten = \"0.0.0.0:7780\"\n".to_owned(),
                "line 2, column 1: aanf.listen: 0.0.0.0:7780 is open to other machines",
            ),
        ] {
            let said = parse(&text).expect_err(&text).to_string();
            assert!(said.contains(says), "{said}\n{says}");
        }
    }
}
