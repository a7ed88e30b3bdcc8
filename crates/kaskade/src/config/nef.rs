//! The section `[nef]`: application functions outside, what each may have, and whom the NEF asks for their keys.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use kaskade_keys::id::Fqdn;
use kaskade_keys::{HomeRealm, RoutingIndicator};
use kaskade_net::role::budget::Rate;
use kaskade_net::role::nef::{Af, ClientSecretHash, TokenOptions, UaProtocols};
use kaskade_net::role::usage_keys::CallbackRoot;
use kaskade_net::sbi::client::{ClientOptions, SbiClient, api_root};
use kaskade_net::sbi::token::{TokenAlgorithm, TokenIssuer};
use kaskade_store::private::{self, Use};

use super::setting::{Tables, settings};
use super::{Config, ConfigError, Parsed, RemoteConfig, TlsConfig};

settings! {
    /// AKMA for application functions outside.
    NefConfig {
        /// Where application functions ask: address and port; port 0 takes a free one.
        listen: SocketAddr = SocketAddr::from(([127, 0, 0, 1], 7781)),
        /// Root of the URIs in answers, if application functions reach this node under another name.
        api_root: Option<String> = None => "\"https://nef.example.org\"",
        /// As for the UDM.
        insecure_h2c: bool = false,
        /// TLS 1.3, as for the UDM. With `client_ca` every application function needs a certificate; without, it needs an access token, or is
        /// known by its address.
        tls: TlsConfig = TlsConfig::default(),
        /// Access tokens for application functions, given at /oauth2/token (RFC 6749 4.4). Without a key none are given.
        tokens: NefTokensConfig = NefTokensConfig::default(),
        /// Where AAnFs tell that keys are to be used no more, for the NEF to pass it on. Without an address nothing is passed on.
        notices: NefNoticesConfig = NefNoticesConfig::default(),
        /// How application functions are told of it.
        callbacks: NefCallbacksConfig = NefCallbacksConfig::default(),
        /// Application functions, each under a name of its own, which is its client identifier.
        afs: Tables<AfConfig> = Tables::default() => "video",
        /// The AAnFs that are asked, each under a name of its own.
        aanfs: Tables<AanfOfNefConfig> = Tables::default() => "home",
    }

    /// Access tokens for application functions.
    NefTokensConfig {
        /// PEM file with the private key that signs them, in PKCS#8: `openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256`.
        key: Option<PathBuf> = None => "\"/etc/kaskade/nef-tokens.pem\"",
        /// How: ES256, ES384 or EdDSA, as the key is.
        algorithm: Parsed<TokenAlgorithm> = Parsed(TokenAlgorithm::Es256),
        /// The name of the key in tokens (kid).
        kid: String = "1".to_owned(),
        /// Seconds that a token is valid.
        lifetime: u64 [10..=3_600] = 600,
        /// How often one requester may ask for a token, with a right secret or a wrong one.
        requester: Parsed<Rate> = Parsed(Rate::per_second(1, 20).unwrap_or(Rate::UNLIMITED)),
    }

    /// Where AAnFs reach the NEF.
    NefNoticesConfig {
        /// An address and port of their own, which those outside do not reach.
        listen: Option<SocketAddr> = None => "\"127.0.0.1:7782\"",
        /// Root of the URIs that AAnFs are given, if they reach this node under another name.
        api_root: Option<String> = None => "\"https://nef.internal.example.org:7782\"",
        /// As for the UDM.
        insecure_h2c: bool = false,
        /// TLS 1.3, as for the UDM.
        tls: TlsConfig = TlsConfig::default(),
    }

    /// How application functions are told.
    NefCallbacksConfig {
        /// PEM file with the authority that signed their certificates.
        ca: Option<PathBuf> = None => "\"/etc/kaskade/tls/ca.pem\"",
        /// PEM file with the certificate chain that is shown to them, own certificate first.
        client_cert: Option<PathBuf> = None => "\"/etc/kaskade/tls/client.pem\"",
        /// PEM file with its private key.
        client_key: Option<PathBuf> = None => "\"/etc/kaskade/tls/client-key.pem\"",
        /// Let `http` leave this machine.
        insecure_h2c: bool = false,
    }

    /// An application function.
    AfConfig {
        /// Domain names that it may put into AF_ID. One is of one application function only.
        domains: Vec<Parsed<Fqdn>> = Vec::new(),
        /// Ua* security protocols that it may put there (TS 33.220 Annex H): 10 hexadecimal digits such as "0100000002" for HTTP Digest, or
        /// the first 2 to 8 and a star, such as "010001*" for TLS under any cipher suite.
        protocols: Vec<Parsed<UaProtocols>> = Vec::new(),
        /// As whom it is known: groups, peers as in `groups`, or NF instance IDs in tokens of `[oauth2]`.
        clients: Vec<String> = Vec::new(),
        /// What is known of its secret at /oauth2/token, 64 hexadecimal digits: `kaskade nef secret NAME` makes both.
        secret_hash: Option<Parsed<ClientSecretHash>> = None => "\"…\"",
        /// Whether it may be told the GPSI of users.
        gpsi: bool = false,
        /// Where it may be told that keys are to be used no more: scheme, host and port. It is told nowhere else.
        notices: Vec<Parsed<CallbackRoot>> = Vec::new(),
    }

    /// An AAnF that the NEF asks.
    AanfOfNefConfig {
        /// The home network, as the realm of its A-KIDs.
        realm: Option<Parsed<HomeRealm>> = None => "\"5gc.mnc001.mcc001.3gppnetwork.org\"",
        /// The routing indicators that lead to it; none: all that lead to no other AAnF of this realm.
        routing_indicators: Vec<Parsed<RoutingIndicator>> = Vec::new(),
        /// Its apiRoot: `https`, or `http` on the loopback. Without one, the AAnF of this process is asked, which knows the NEF as `nef`.
        url: Option<String> = None => "\"https://aanf.example.org:7780\"",
        /// Find it at the NRF of nrf.url instead, by the routing indicator of the A-KID: whoever is found is reached by what follows.
        by_nrf: bool = false,
        /// PEM file with the authority that signed its certificate.
        ca: Option<PathBuf> = None => "\"/etc/kaskade/tls/ca.pem\"",
        /// PEM file with the certificate chain that is shown to it, own certificate first.
        client_cert: Option<PathBuf> = None => "\"/etc/kaskade/tls/client.pem\"",
        /// PEM file with its private key.
        client_key: Option<PathBuf> = None => "\"/etc/kaskade/tls/client-key.pem\"",
        /// Let `http` leave this machine: every key is then shown to whoever is on the path.
        insecure_h2c: bool = false,
    }
}

/// As this program calls itself in the tokens that it gives (iss).
const ISSUER: &str = "kaskade-nef";

/// More than a key in PEM has.
const LONGEST_KEY: u64 = 64 << 10;

fn refused<T>(name: &'static str, reason: impl Into<String>) -> Result<T, ConfigError> {
    let reason = reason.into();
    Err(ConfigError::Value { name, reason })
}

fn entry<T>(name: String, reason: impl Into<String>) -> Result<T, ConfigError> {
    let reason = reason.into();
    Err(ConfigError::Entry { name, reason })
}

impl NefTokensConfig {
    /// Who signs tokens, with its key read; `None` where none are given.
    ///
    /// # Errors
    /// [`ConfigError::File`].
    pub fn options(&self) -> Result<Option<TokenOptions>, ConfigError> {
        let Some(path) = &self.key else { return Ok(None) };
        let wrong = |reason: String| ConfigError::File {
            name: "nef.tokens.key".to_owned(),
            reason: format!("{}: {reason}", path.display()),
        };
        let pem = private::read(path, Use::ServiceKey, LONGEST_KEY).map_err(|error| wrong(error.to_string()))?;
        let pem = zeroize::Zeroizing::new(pem);
        let issuer = TokenIssuer::from_pem(&pem, self.algorithm.0, ISSUER, &self.kid);
        Ok(Some(TokenOptions {
            issuer: issuer.map_err(|error| wrong(error.to_string()))?,
            lifetime: Duration::from_secs(self.lifetime),
            requester: self.requester.0,
        }))
    }
}

impl NefCallbacksConfig {
    /// How application functions are reached, with the TLS files read.
    ///
    /// # Errors
    /// [`ConfigError::File`].
    pub fn client_options(&self) -> Result<ClientOptions, ConfigError> {
        let remote = RemoteConfig {
            url: None,
            ca: self.ca.clone(),
            client_cert: self.client_cert.clone(),
            client_key: self.client_key.clone(),
            insecure_h2c: self.insecure_h2c,
        };
        remote.client_options("nef.callbacks")
    }

    fn check(&self) -> Result<(), ConfigError> {
        match (&self.client_cert, &self.client_key) {
            (Some(_), None) => refused("nef.callbacks", "client_cert is set without client_key"),
            (None, Some(_)) => refused("nef.callbacks", "client_key is set without client_cert"),
            (Some(_), Some(_)) if self.ca.is_none() => refused(
                "nef.callbacks",
                "client_cert would not be used without ca: https needs both",
            ),
            _ => Ok(()),
        }
    }

    /// Whether somebody at this root can be told.
    fn check_root(&self, of: &str, root: &CallbackRoot) -> Result<(), ConfigError> {
        if root.is_tls() {
            return match self.ca {
                Some(_) => Ok(()),
                None => entry(
                    of.to_owned(),
                    format!("{root} needs nef.callbacks.ca, the authority that signed its certificate"),
                ),
            };
        }
        let mut options = ClientOptions::default();
        options.insecure_h2c = self.insecure_h2c;
        match SbiClient::new(&root.to_string(), options) {
            Ok(_) => Ok(()),
            Err(error) => entry(of.to_owned(), error.to_string()),
        }
    }
}

impl AfConfig {
    /// What it may have.
    pub fn af(&self) -> Af {
        Af {
            domains: self.domains.iter().map(|domain| domain.0.clone()).collect(),
            protocols: self.protocols.iter().map(|protocol| protocol.0).collect(),
            gpsi: self.gpsi,
            notices: self.notices.iter().map(|root| root.0.clone()).collect(),
            secret: self.secret_hash.as_ref().map(|hash| hash.0),
        }
    }
}

impl AanfOfNefConfig {
    fn remote(&self) -> RemoteConfig {
        RemoteConfig {
            url: self.url.clone(),
            ca: self.ca.clone(),
            client_cert: self.client_cert.clone(),
            client_key: self.client_key.clone(),
            insecure_h2c: self.insecure_h2c,
        }
    }

    /// How it is reached, with the TLS files read; `name` is its own in `[nef.aanfs]`.
    ///
    /// # Errors
    /// [`ConfigError::File`].
    pub fn client_options(&self, name: &str) -> Result<ClientOptions, ConfigError> {
        self.remote().client_options(&format!("nef.aanfs.{name}"))
    }

    fn check(&self, name: &str, is_here: bool, has_nrf: bool) -> Result<(), ConfigError> {
        let of = format!("nef.aanfs.{name}");
        if self.realm.is_none() {
            return entry(of, "realm is missing: A-KIDs lead to it by their realm");
        }
        if self.by_nrf {
            let unfit = self.remote().unfit_for_nrf(has_nrf);
            return unfit.map_or(Ok(()), |reason| entry(of, reason));
        }
        let Some(url) = &self.url else {
            return match is_here {
                true if self.remote() == RemoteConfig::default() => Ok(()),
                true => entry(
                    of,
                    "has settings of a client, but no url: without one the AAnF of this process is asked",
                ),
                false => entry(of, "url is missing: no AAnF runs in this process"),
            };
        };
        match (&self.client_cert, &self.client_key) {
            (Some(_), None) => return entry(of, "client_cert is set without client_key"),
            (None, Some(_)) => return entry(of, "client_key is set without client_cert"),
            _ => {}
        }
        let is_https = url
            .get(..8)
            .is_some_and(|scheme| scheme.eq_ignore_ascii_case("https://"));
        let wrong = match is_https {
            true => api_root(url).err(),
            false => {
                let mut options = ClientOptions::default();
                options.insecure_h2c = self.insecure_h2c;
                SbiClient::new(url, options).err()
            }
        };
        if let Some(error) = wrong {
            return entry(format!("{of}.url"), error.to_string());
        }
        match (is_https, &self.ca) {
            (true, None) => entry(
                format!("{of}.url"),
                "is https, and needs ca: the authority that signed its certificate",
            ),
            (true, Some(_)) if self.insecure_h2c => entry(
                format!("{of}.insecure_h2c"),
                "is true, and url is https: it would not be used, leave it out",
            ),
            (false, _) if self.ca.is_some() || self.client_cert.is_some() => entry(
                format!("{of}.url"),
                "is not https, so that ca, client_cert and client_key would not be used",
            ),
            _ => Ok(()),
        }
    }
}

impl NefConfig {
    /// Everybody who is named as an application function, each with the name of that.
    pub(super) fn named(&self) -> impl Iterator<Item = (&str, &str)> {
        let afs = self.afs.0.iter();
        afs.flat_map(|(name, af)| af.clients.iter().map(move |client| (name.as_str(), client.as_str())))
    }

    fn check_listeners(&self) -> Result<(), ConfigError> {
        let notices = &self.notices;
        if notices.listen.is_none() && *notices != NefNoticesConfig::default() {
            return refused(
                "nef.notices",
                "has settings, but no listen: without one nothing is passed on",
            );
        }
        for (table, listen, tls, insecure_h2c) in [
            (
                ["nef.tls", "nef.listen", "nef.insecure_h2c"],
                Some(self.listen),
                &self.tls,
                self.insecure_h2c,
            ),
            (
                ["nef.notices.tls", "nef.notices.listen", "nef.notices.insecure_h2c"],
                notices.listen,
                &notices.tls,
                notices.insecure_h2c,
            ),
        ] {
            let [of_tls, of_listen, of_h2c] = table;
            match (&tls.cert, &tls.key, listen) {
                (Some(_), None, _) => return refused(of_tls, "cert is set without key"),
                (None, Some(_), _) => return refused(of_tls, "key is set without cert"),
                (None, None, _) if tls.client_ca.is_some() => return refused(of_tls, "client_ca needs cert and key"),
                (Some(_), ..) if insecure_h2c => {
                    return refused(of_h2c, "is true beside tls.cert: it would not be used, leave it out");
                }
                (None, _, Some(listen)) if !listen.ip().to_canonical().is_loopback() && !insecure_h2c => {
                    let reason = format!(
                        "{listen} is open to other machines, and without TLS every key and secret would travel in clear: set tls.cert \
                         and tls.key, listen on the loopback, or allow it with insecure_h2c = true"
                    );
                    return refused(of_listen, reason);
                }
                _ => {}
            }
        }
        for (name, root) in [
            ("nef.api_root", &self.api_root),
            ("nef.notices.api_root", &notices.api_root),
        ] {
            if let Some(Err(error)) = root.as_deref().map(api_root) {
                return refused(name, error.to_string());
            }
        }
        Ok(())
    }

    fn check_afs(&self) -> Result<(), ConfigError> {
        let mut owners: Vec<(String, &str)> = Vec::new();
        for (name, af) in &self.afs.0 {
            let of = |setting: &str| format!("nef.afs.{name}.{setting}");
            if af.domains.is_empty() {
                return entry(of("domains"), "is empty: it could ask for no key");
            }
            if af.protocols.is_empty() {
                return entry(of("protocols"), "is empty: it could ask for no key");
            }
            if af.clients.is_empty() && af.secret_hash.is_none() {
                return entry(
                    of("clients"),
                    "is empty, and there is no secret_hash: nobody could be it",
                );
            }
            if af.secret_hash.is_some() && self.tokens.key.is_none() {
                return entry(
                    of("secret_hash"),
                    "would not be used: without nef.tokens.key no token is given",
                );
            }
            for Parsed(domain) in &af.domains {
                let domain = domain.as_str().to_ascii_lowercase();
                if let Some((_, other)) = owners.iter().find(|(known, _)| *known == domain) {
                    return entry(
                        of("domains"),
                        format!("{domain} is also one of {other}: decide for one of them"),
                    );
                }
                owners.push((domain, name.as_str()));
            }
            for Parsed(root) in &af.notices {
                if self.notices.listen.is_none() {
                    return entry(
                        of("notices"),
                        "would not be used: without nef.notices.listen nothing is passed on",
                    );
                }
                self.callbacks.check_root(&of("notices"), root)?;
            }
        }
        Ok(())
    }
}

impl Config {
    /// Refuses what contradicts itself or would not be used. Files are not read.
    pub(super) fn check_nef(&self) -> Result<(), ConfigError> {
        if !self.nef.runs() {
            return Ok(());
        }
        let nef = &*self.nef;
        nef.check_listeners()?;
        if nef.tokens.key.is_none() && nef.tokens != NefTokensConfig::default() {
            return refused("nef.tokens", "has settings, but no key: without one no token is given");
        }
        if matches!(
            nef.tokens.algorithm.0,
            TokenAlgorithm::Rs256 | TokenAlgorithm::Rs512 | TokenAlgorithm::Ps256
        ) {
            return refused(
                "nef.tokens.algorithm",
                "expected ES256, ES384 or EdDSA: nothing is signed by RSA here",
            );
        }
        nef.callbacks.check()?;
        if nef.aanfs.0.is_empty() {
            return refused("nef", "there is no AAnF that it could ask: name one under nef.aanfs");
        }
        for (name, aanf) in &nef.aanfs.0 {
            aanf.check(name, self.aanf.runs(), self.nrf.url.is_some())?;
        }
        nef.check_aanfs()?;
        nef.check_afs()
    }
}

impl NefConfig {
    /// No two AAnFs are for the same subscribers.
    fn check_aanfs(&self) -> Result<(), ConfigError> {
        for (at, (name, aanf)) in self.aanfs.0.iter().enumerate() {
            for (other, of_other) in self.aanfs.0.iter().take(at) {
                if aanf.realm != of_other.realm {
                    continue;
                }
                let both = aanf.routing_indicators.iter();
                let mut both = both.filter(|indicator| of_other.routing_indicators.contains(indicator));
                let both_empty = aanf.routing_indicators.is_empty() && of_other.routing_indicators.is_empty();
                let which = match both.next() {
                    Some(Parsed(indicator)) => format!("routing indicator {indicator}"),
                    None if both_empty => "every other routing indicator".to_owned(),
                    None => continue,
                };
                return entry(
                    format!("nef.aanfs.{name}.routing_indicators"),
                    format!("{other} is for {which} of this realm too: decide for one of them"),
                );
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    const AANF: &str =
        "[nef.aanfs.home]\nrealm = \"5gc.mnc001.mcc001.3gppnetwork.org\"\nurl = \"http://127.0.0.1:7780\"\n";
    const AF: &str = "[nef.afs.video]\ndomains = [\"video.example.com\"]\nprotocols = [\"0100000002\"]\n";

    fn parse(text: &str) -> Result<Config, ConfigError> {
        Config::parse(text, Path::new("k.toml"))
    }

    #[test]
    fn application_functions_become_a_policy() {
        let text = format!(
            "{AANF}{AF}clients = [\"video.example.com\"]\ngpsi = true\n[nef.afs.audio]\ndomains = [\"audio.example.com\"]\n\
             protocols = [\"010001*\"]\nsecret_hash = \"{}\"\n[nef.tokens]\nkey = \"/tokens.pem\"\n",
            "00".repeat(32)
        );
        let config = parse(&text).expect(&text);
        let policy = config.requesters().expect("known").nef;
        let video = policy.af("video").expect("there");
        assert!(video.gpsi && video.secret.is_none() && policy.af("audio").is_some_and(|af| af.secret.is_some()));
        assert!(!parse("").expect("the default").nef.runs());
        let printed = config.commented_toml();
        assert_eq!(parse(&printed).expect(&printed).nef, config.nef);
    }

    #[test]
    fn what_a_nef_cannot_mean_is_refused_with_its_place() {
        let known = "clients = [\"video.example.com\"]\n";
        for (text, says) in [
            ("[nef]\n".to_owned(), "line 1, column 2: nef: there is no AAnF"),
            (format!("{AANF}[nef]\nx = 1\n"), "unknown field `x`"),
            ("[nef.aanfs.home]\n".to_owned(), "nef.aanfs.home: realm is missing"),
            (
                "[nef.aanfs.home]\nrealm = \"example.org\"\n".to_owned(),
                "line 2, column 9: home realm",
            ),
            (
                AANF.replace("url = \"http://127.0.0.1:7780\"\n", ""),
                "nef.aanfs.home: url is missing: no AAnF runs in this process",
            ),
            (
                AANF.replace("127.0.0.1", "192.0.2.1"),
                "nef.aanfs.home.url: http leads to another machine",
            ),
            (
                AANF.replace("http:", "https:"),
                "nef.aanfs.home.url: is https, and needs ca",
            ),
            (format!("{AANF}ca = \"ca\"\n"), "nef.aanfs.home.url: is not https"),
            (
                format!("{AANF}client_cert = \"c\"\n"),
                "nef.aanfs.home: client_cert is set without client_key",
            ),
            (
                format!("{AANF}{}", AANF.replace("home", "other")),
                "nef.aanfs.other.routing_indicators: home is for every other routing indicator of this realm too",
            ),
            (format!("{AANF}routing_indicators = [\"12345\"]\n"), "routing indicator"),
            (
                format!("{AANF}{AF}"),
                "nef.afs.video.clients: is empty, and there is no secret_hash",
            ),
            (
                format!("{AANF}{AF}secret_hash = \"{}\"\n", "00".repeat(32)),
                "nef.afs.video.secret_hash: would not be used: without nef.tokens.key",
            ),
            (
                format!("{AANF}{AF}secret_hash = \"password\"\n"),
                "not 64 hexadecimal digits",
            ),
            (format!("{AANF}[nef.afs.video]\n"), "nef.afs.video.domains: is empty"),
            (
                format!("{AANF}[nef.afs.video]\ndomains = [\"video.example.com\"]\n"),
                "nef.afs.video.protocols: is empty",
            ),
            (
                format!("{AANF}[nef.afs.video]\nprotocols = [\"http\"]\n"),
                "not 10 hexadecimal digits such as 0100000002",
            ),
            (
                format!(
                    "{AANF}{AF}{known}[nef.afs.a]\ndomains = [\"Video.Example.com\"]\nprotocols = [\"01*\"]\nclients = [\"a\"]\n"
                ),
                "video.example.com is also one of a: decide for one of them",
            ),
            (
                format!("{AANF}{AF}{known}[nef.afs.a]\ndomains = [\"a.example.com\"]\nprotocols = [\"01*\"]\n{known}"),
                "nef.afs: video.example.com is of a and of video: decide for one of them",
            ),
            (
                format!("{AANF}{AF}clients = [\"a b\"]\n"),
                "nef.afs: one of its names is neither a group nor a peer",
            ),
            (
                format!("{AANF}{AF}{known}notices = [\"http://127.0.0.1:9000\"]\n"),
                "nef.afs.video.notices: would not be used: without nef.notices.listen",
            ),
            (
                format!(
                    "{AANF}{AF}{known}notices = [\"https://video.example.com\"]\n[nef.notices]\nlisten = \"127.0.0.1:7782\"\n"
                ),
                "nef.afs.video.notices: https://video.example.com:443 needs nef.callbacks.ca",
            ),
            (
                format!("{AANF}[nef.notices]\napi_root = \"http://127.0.0.1:1\"\n"),
                "nef.notices: has settings, but no listen",
            ),
            (
                format!("{AANF}[nef]\nlisten = \"0.0.0.0:7781\"\n"),
                "nef.listen: 0.0.0.0:7781 is open to other machines",
            ),
            (
                format!("{AANF}[nef.tls]\ncert = \"c\"\n"),
                "nef.tls: cert is set without key",
            ),
            (
                format!("{AANF}[nef.tokens]\nlifetime = 60\n"),
                "nef.tokens: has settings, but no key",
            ),
            (
                format!("{AANF}[nef.tokens]\nkey = \"k\"\nalgorithm = \"RS256\"\n"),
                "nef.tokens.algorithm: expected ES256, ES384 or EdDSA",
            ),
            (
                format!("{AANF}[nef.tokens]\nkey = \"k\"\nlifetime = 5\n"),
                "nef.tokens.lifetime: 5 is out of range",
            ),
            (
                format!("{AANF}[nef.callbacks]\nclient_key = \"k\"\n"),
                "nef.callbacks: client_key is set without client_cert",
            ),
        ] {
            let said = parse(&text).expect_err(&text).to_string();
            assert!(said.contains(says), "{said}\n{says}");
        }
    }
}
