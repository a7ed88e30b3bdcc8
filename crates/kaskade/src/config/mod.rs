//! The configuration of a node: a TOML file in which everything has a default.
//!
//! The defaults, the documentation of the fields and the file that `kaskade config` prints come from one declaration
//! each. Unknown names are refused with their line. `KASKADE_DATA_DIR`, `KASKADE_UDM_LISTEN`, `KASKADE_AUSF_LISTEN`,
//! `KASKADE_ADMIN_LISTEN` and `KASKADE_LOG` override the file.

mod aaa;
mod aanf;
mod admin;
mod akma;
mod budget;
mod document;
mod emsk;
mod environment;
mod error;
mod files;
mod hostapd_auc;
mod li;
mod log_filter;
mod nef;
mod oauth2;
mod peer;
mod reauthentication;
mod reload;
mod remote;
mod requesters;
mod roles;
mod setting;
mod store;

use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use kaskade_aka::sqn::{IndPlaces, NodeIndex, Reuse, SqnScheme};
use kaskade_codec::sbi::NfInstanceId;
use kaskade_keys::{Plmn, ServingNetworkName};
use kaskade_net::node::Sharing;
use kaskade_net::role::ausf::HomeNetwork;
use kaskade_net::role::budget::{BudgetOptions, Rate};
use kaskade_net::role::policy::{Member, ServingNetwork};
use kaskade_net::sbi::client::api_root;
use kaskade_net::sbi::token::TokenAlgorithm;
use kaskade_store::audit::WhenFull;

pub use aaa::{AaaConfig, AaaMethod, ClientConfig, Radius, Secrecy};
pub use aanf::{AanfConfig, FunctionConfig, Told};
pub use admin::{AdminRole, NotARole};
use document::Document;
pub use emsk::{CallbacksConfig, DataOf, DomainConfig, EmskConfig, Keeping, Slices, UsageConfig};
pub use error::ConfigError;
pub use hostapd_auc::HostapdAucConfig;
pub use li::LiConfig;
pub use log_filter::{LogFilter, NotAFilter};
pub use nef::{AanfOfNefConfig, AfConfig, NefCallbacksConfig, NefConfig, NefNoticesConfig, NefTokensConfig};
pub use peer::PeerConfig;
pub use reauthentication::ReauthenticationConfig;
pub use requesters::Requesters;
pub use roles::{Listening, Role, Section};
use setting::settings;
pub use setting::{NumberRange, Parsed, Table, Tables};

pub use crate::place::Place;

settings! {
    /// A node.
    Config {
        /// Folder with the master key, the subscribers and the home network keys. Made, mode 0700, by `kaskade up` and commands that add
        /// something; a relative one is in the folder where the command is run.
        data_dir: PathBuf = PathBuf::from("kaskade-data"),
        /// UDM: authentication vectors and SUCI deconcealment (Nudm_UEAuthentication).
        /// A role with a section runs; without any, UDM and AUSF do.
        udm: Section<UdmConfig> = Section::default(),
        /// AUSF: 5G AKA with the serving networks (Nausf_UEAuthentication).
        ausf: Section<AusfConfig> = Section::default(),
        /// AAA: EAP-AKA' and EAP-AKA behind RADIUS, for hotspots, wired 802.1X and trusted WLAN. It runs with a section alone.
        aaa: Section<AaaConfig, false> = Section::default(),
        /// Keys below the EMSK, for services, slices and applications (RFC 5295): docs/emsk.md. There are some with a section alone.
        emsk: Section<EmskConfig, false> = Section::default(),
        /// AAnF: keys for applications out of authentications, AKMA (Naanf_AKMA): docs/akma.md. It runs with a section alone.
        aanf: Section<AanfConfig, false> = Section::default(),
        /// NEF: AKMA for application functions outside (TS 29.522): docs/nef.md. It runs with a section alone.
        nef: Section<NefConfig, false> = Section::default(),
        /// How much peers may use, UDM and AUSF together. A full house closes what was useful longest ago.
        limits: LimitsConfig = LimitsConfig::default(),
        /// The subscriber store.
        store: StoreConfig = StoreConfig::default(),
        /// Sequence numbers (TS 33.102 Annex C).
        sqn: SqnConfig = SqnConfig::default(),
        /// Who may authenticate the subscribers of this network.
        policy: PolicyConfig = PolicyConfig::default(),
        /// Access tokens (TS 33.501 13.4.1). Without a key they are not looked at.
        oauth2: Oauth2Config = Oauth2Config::default(),
        /// How much may be asked for, before a sequence number is spent: "8/s burst 512" (per s, min or h), or "unlimited".
        budget: BudgetConfig = BudgetConfig::default(),
        /// Peers that count as one requester, such as the AMFs of a set: names in their certificates (DNS name, URI or common
        /// name), or addresses and prefixes of peers without one. A challenge is confirmed, and a result taken back, by the
        /// requester that asked for it. Whoever is in no group is a requester of its own.
        groups: Table<String, Vec<Parsed<Member>>> = Table::default()
            => "amf-set-1 = [\"amf1.example.org\", \"amf2.example.org\", \"192.0.2.0/28\"]",
        /// The audit log: who got, changed or was refused what. Without room in it, nothing is given out.
        audit: AuditConfig = AuditConfig::default(),
        /// An NRF where the roles that run are registered.
        nrf: RemoteConfig = RemoteConfig::default(),
        /// What hostapd's own EAP server asks for vectors, in a laboratory: docs/hostapd-auc.md.
        hostapd_auc: HostapdAucConfig = HostapdAucConfig::default(),
        /// Lawful interception of AKMA: docs/lawful-interception.md.
        li: LiConfig = LiConfig::default(),
        /// Where the node is watched, and administered by peers with certificates; beside the socket in its data folder.
        admin: AdminConfig = AdminConfig::default(),
        /// What is logged, to standard error. Secrets never are, and SUPIs are masked.
        log: LogConfig = LogConfig::default(),
    }

    /// UDM.
    UdmConfig {
        /// Address and port; port 0 takes a free one.
        listen: SocketAddr = SocketAddr::from(([127, 0, 0, 1], 7778)),
        /// Root of the URIs in answers, if peers reach this node under another name.
        api_root: Option<String> = None => "\"https://udm.example.org\"",
        /// Reports of authentications that are kept for a week, of all subscribers together; shared like challenges.
        max_events: u64 [1..=16_777_216] = 262_144,
        /// Listen in clear text on an address of other machines: without TLS every key is shown to whoever is on the path.
        insecure_h2c: bool = false,
        /// Serve which AMF serves a subscriber, too (a part of Nudm_UECM), so that it is told when somebody wants another authentication.
        uecm: bool = false,
        /// TLS 1.3. Without certificate and key: HTTP/2 in clear text, on loopback addresses only unless insecure_h2c is true.
        tls: TlsConfig = TlsConfig::default(),
        /// How AMFs are told to authenticate a subscriber again.
        callbacks: CallbacksConfig = CallbacksConfig::default(),
    }

    /// AUSF.
    AusfConfig {
        /// Address and port; port 0 takes a free one.
        listen: SocketAddr = SocketAddr::from(([127, 0, 0, 1], 7777)),
        /// Root of the URIs in answers, if peers reach this node under another name.
        api_root: Option<String> = None => "\"https://ausf.example.org\"",
        /// Seconds that a challenge waits for its answer. An AMF asks a UE five times, 6 s apart.
        context_lifetime: u64 [1..=3_600] = 60,
        /// Challenges that wait for their answer, of all subscribers together. One requester has three quarters at most, and
        /// loses its own oldest first.
        max_contexts: u64 [1..=16_777_216] = 262_144,
        /// Results that are remembered for a week, so that they can be taken back; shared likewise.
        max_results: u64 [1..=67_108_864] = 1_048_576,
        /// As for the UDM.
        insecure_h2c: bool = false,
        /// Home networks as MCC-MNC, or MCC-MNC:NID of a stand-alone non-public one: the one that an IMSI begins with is in the A-KID of AKMA.
        /// Without any, that of the SUCI is, or the serving network where the IMSI begins with it.
        home_networks: Vec<Parsed<HomeNetwork>> = Vec::new(),
        /// A UDM of another process (N13), instead of the one of this process.
        udm: RemoteConfig = RemoteConfig::default(),
        /// An AAnF of another process, which gets the anchor keys of AKMA, instead of the one of this process.
        aanf: PeerConfig = PeerConfig::default(),
        /// TLS 1.3, as for the UDM. With the same address as the UDM, it must be the same.
        tls: TlsConfig = TlsConfig::default(),
    }

    /// A peer elsewhere.
    RemoteConfig {
        /// Its apiRoot: `https`, or `http` on the loopback.
        url: Option<String> = None => "\"https://peer.example.org:7778\"",
        /// PEM file with the authority that signed its certificate.
        ca: Option<PathBuf> = None => "\"/etc/kaskade/tls/ca.pem\"",
        /// PEM file with the certificate chain that is shown to it, own certificate first.
        client_cert: Option<PathBuf> = None => "\"/etc/kaskade/tls/client.pem\"",
        /// PEM file with its private key.
        client_key: Option<PathBuf> = None => "\"/etc/kaskade/tls/client-key.pem\"",
        /// Let `http` leave this machine: every key is then shown to whoever is on the path.
        insecure_h2c: bool = false,
    }

    /// TLS of one service.
    TlsConfig {
        /// PEM file with the certificate chain, own certificate first.
        cert: Option<PathBuf> = None => "\"/etc/kaskade/tls/chain.pem\"",
        /// PEM file with its private key.
        key: Option<PathBuf> = None => "\"/etc/kaskade/tls/key.pem\"",
        /// PEM file with the authority of client certificates: with it, only clients that have one are let in.
        client_ca: Option<PathBuf> = None => "\"/etc/kaskade/tls/clients.pem\"",
    }

    /// What peers may use together.
    LimitsConfig {
        /// Connections at once. Fewer if the limit of open files (RLIMIT_NOFILE) does not allow so many.
        max_connections: u64 [1..=1_000_000] = 1_024,
        /// Of these, from one address (IPv4) or network of 64 bits (IPv6).
        max_connections_per_source: u64 [1..=1_000_000] = 256,
        /// Connections that have not finished their handshake.
        max_handshakes: u64 [1..=1_000_000] = 128,
        /// Of these, from one source.
        max_handshakes_per_source: u64 [1..=1_000_000] = 64,
        /// Requests at once in one connection.
        max_streams: u64 [1..=65_536] = 128,
        /// MiB that requests hold while they wait: bodies, headers, answers that are not read.
        requests_mib: u64 [1..=1_048_576] = 256,
        /// KiB of these in one connection.
        requests_kib_per_connection: u64 [32..=1_048_576] = 2_048,
        /// Seconds for a handshake in all, and for a peer to read an answer.
        patience: u64 [1..=300] = 10,
        /// Seconds without a request after which a connection is closed.
        idle: u64 [60..=604_800] = 600,
    }

    /// The subscriber store.
    StoreConfig {
        /// MiB of memory for pages of the store.
        cache_mib: u64 [1..=1_048_576] = 256,
        /// Which of several nodes with the same subscribers this is, counted from 0. Each node owns its part of the IND values. With
        /// store.postgres any number that no other node of the database has.
        node_index: u8 [0..=31] = 0,
        /// How many such nodes there are, each with a file of its own: each needs an IND value of its own. Not with store.postgres.
        node_count: u8 [1..=32] = 1,
        /// A database of PostgreSQL that has the store in place of the file, as libpq names it, without password: docs/postgresql.md.
        postgres: Option<String> = None => "\"host=/run/postgresql dbname=kaskade\"",
        /// PEM file with the authority of its certificate: with it there is TLS, which a database on another machine needs.
        postgres_ca: Option<PathBuf> = None => "\"/etc/kaskade/tls/postgres-ca.pem\"",
        /// PEM file with the certificate chain that is shown to it, own certificate first.
        postgres_cert: Option<PathBuf> = None => "\"/etc/kaskade/tls/postgres.pem\"",
        /// PEM file with its private key.
        postgres_key: Option<PathBuf> = None => "\"/etc/kaskade/tls/postgres-key.pem\"",
        /// File of mode 0600 with the password of its user.
        postgres_password_file: Option<PathBuf> = None => "\"/etc/kaskade/postgres-password\"",
    }

    /// Sequence numbers.
    SqnConfig {
        /// Scheme of new subscribers: TIME_BASED, GENERAL (partly time-based) or NON_TIME_BASED (counter), as in TS 29.505.
        scheme: Parsed<SqnScheme> = Parsed(SqnScheme::TimeBased),
        /// Milliseconds of one unit of the clock that time-based numbers follow. Never change it for existing subscribers.
        tick_ms: u64 [1..=3_600_000] = 1000,
        /// Days that the clock may be ahead of the last time in the store: more is a wrong clock, and a node does not start.
        longest_jump_days: u64 [1..=36_500] = 400,
        /// How far the cards let SEQ jump ahead (Δ of TS 33.102 Annex C.2.1).
        delta: u64 [65_536..=8_796_093_022_207] = 1 << 28,
        /// Cards that went back to where all numbers are used get them again, each with a new RAND, after they proved freshly
        /// that they went back: "after-fresh-proof"; or "never", and such a card needs `kaskade subscriber allow-reuse`.
        reuse: Parsed<Reuse> = Parsed(Reuse::AfterFreshProof),
    }

    /// Who may authenticate the subscribers.
    PolicyConfig {
        /// Serving networks as MCC-MNC: the home network and its roaming partners, such as ["001-01", "310-410"].
        serving_networks: Vec<Parsed<Plmn>> = Vec::new(),
        /// Further serving network names, exactly as they enter the derivations.
        serving_network_names: Vec<Parsed<ServingNetworkName>> = Vec::new(),
        /// Let every serving network in. For laboratories only.
        any_serving_network: bool = false,
        /// Serving networks (MCC-MNC or a whole name) for which only these may ask: groups, or peers as in `groups`. Other
        /// networks are for everybody who reaches this node.
        reserved: Table<ServingNetwork, Vec<String>> = Table::default() => "\"310-410\" = [\"sepp.partner.example\"]",
        /// Who may ask for what: groups, peers as in `groups`, or NF instance IDs in access tokens, each with scopes such as
        /// nausf-auth, or operations such as nudm-ueau/generate_auth_data. Without an entry: everybody who reaches this node, for
        /// everything. With one: nobody else, for nothing else.
        access: Table<String, Vec<String>> = Table::default() => "amf-set-1 = [\"nausf-auth\"]",
    }

    /// Access tokens.
    Oauth2Config {
        /// Refuse whoever has none. Without, a token that is there must be right all the same.
        required: bool = false,
        /// How they are signed, whatever they say themselves: ES256, ES384, RS256, RS512, PS256 or EdDSA.
        algorithm: Parsed<TokenAlgorithm> = Parsed(TokenAlgorithm::Es256),
        /// NF instance IDs of the NRFs that give them (iss).
        issuers: Vec<Parsed<NfInstanceId>> = Vec::new(),
        /// NF instance IDs of this node: a token is for one of them, or for its NF type (aud).
        instances: Vec<Parsed<NfInstanceId>> = Vec::new(),
        /// PLMNs of this node as MCC-MNC: a token may be restricted to one of them (producerPlmnId), and that of a consumer of another PLMN
        /// must be. Without any, a token that is restricted to a PLMN is refused.
        networks: Vec<Parsed<Plmn>> = Vec::new(),
        /// Seconds that the clocks of this node and of an NRF may be apart.
        leeway: u64 [0..=300] = 5,
        /// Keys of the NRFs by their names (kid): PEM files with a public key or a certificate. A token without a name is tried
        /// with each.
        keys: Table<String, PathBuf> = Table::default() => "nrf-1 = \"/etc/kaskade/nrf-1.pem\"",
    }

    /// How much may be asked for.
    BudgetConfig {
        /// Vectors for one requester, and as many reports: less than serving_network and node, so that one locks nobody else
        /// out. Behind an AUSF on another node the UDM has this AUSF as its requester.
        requester: Parsed<Rate> = Parsed(BudgetOptions::default().requester),
        /// Vectors in the name of one serving network.
        serving_network: Parsed<Rate> = Parsed(BudgetOptions::default().serving_network),
        /// Vectors of the whole node.
        node: Parsed<Rate> = Parsed(BudgetOptions::default().node),
        /// How often one SUCI may be used; an honest UE makes a new one after a minute.
        suci: Parsed<Rate> = Parsed(BudgetOptions::default().suci),
        /// Vectors of one subscriber for one requester.
        card_of_requester: Parsed<Rate> = Parsed(BudgetOptions::default().card_of_requester),
        /// Vectors of one subscriber for all. With 8 in a second, Δ = 2^28 lasts a year.
        card: Parsed<Rate> = Parsed(BudgetOptions::default().card),
    }

    /// The audit log.
    AuditConfig {
        /// Keep an audit log.
        enabled: bool = true,
        /// Its folder, mode 0700; `audit` in the data folder if left out.
        folder: Option<PathBuf> = None => "\"/var/lib/kaskade-audit\"",
        /// Octets of a segment. The disk's room for one or two is taken beforehand.
        segment_bytes: u64 [1_048_576..=268_435_456] = 16_777_216,
        /// Octets of segments that are kept, four segments at least: beyond, the oldest are removed, and the log says so.
        keep_bytes: u64 [4_194_304..=1_125_899_906_842_624] = 8_589_934_592,
        /// Days that a segment is kept after its last entry.
        keep_days: u64 [1..=36_500] = 400,
        /// While the log has no room: "refuse" gives nothing out; "go on" gives out, and the log says later how much is missing.
        when_full: Parsed<WhenFull> = Parsed(WhenFull::Refuse),
    }

    /// Where the node is watched (`/health`, `/ready`, and `/metrics` for Prometheus) and administered: docs/administration.md.
    AdminConfig {
        /// Address and port, over HTTP/1.1 and HTTP/2; port 0 takes a free one. Without it, only the socket in the data folder.
        listen: Option<SocketAddr> = None => "\"127.0.0.1:9464\"",
        /// TLS 1.3, as for the UDM. Without certificate and key: clear text, on loopback addresses only, and nobody administers.
        tls: TlsConfig = TlsConfig::default(),
        /// What whoever has a certificate of `tls.client_ca` with this name may do: "reader" looks, "provisioner" also looks after
        /// subscribers, "operator" also after home network keys, policy and sequence numbers. Of several names the least counts.
        roles: Table<String, Parsed<AdminRole>> = Table::default() => "\"ops.example.org\" = \"operator\"",
    }

    /// The log.
    LogConfig {
        /// Levels: error, warn, info, debug or trace, for all or by part, such as "info,kaskade_net=debug".
        filter: Parsed<LogFilter> = Parsed(LogFilter::default()),
        /// One JSON object per line instead of text.
        json: bool = false,
    }
}

impl Config {
    /// Reads a file and checks it.
    ///
    /// # Errors
    /// [`ConfigError`].
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        Self::read_for(path, &[])
    }

    /// The same for a process in which only these roles run; with none named, all that have a section.
    ///
    /// # Errors
    /// [`ConfigError`].
    pub fn read_for(path: &Path, only: &[Role]) -> Result<Self, ConfigError> {
        let read = |source| ConfigError::Read {
            path: path.to_owned(),
            source,
        };
        let file = std::fs::File::open(path).map_err(read)?;
        // Whoever may change the configuration decides who gets vectors. A pipe of the shell is nobody else's.
        let metadata = file.metadata().map_err(read)?;
        if metadata.is_file() && metadata.permissions().mode() & 0o002 != 0 {
            return Err(ConfigError::Writable(path.to_owned()));
        }
        let text = std::io::read_to_string(file).map_err(read)?;
        let config = Self::parse_for(&text, path, only)?;
        if let Err(error) = config.oauth2.verifier() {
            return Err(Document::parse(&text, path)?.locate(error));
        }
        Ok(config)
    }

    /// Reads the text of a file, called `path` in errors, and checks it.
    ///
    /// # Errors
    /// [`ConfigError`].
    pub fn parse(text: &str, path: &Path) -> Result<Self, ConfigError> {
        Self::parse_for(text, path, &[])
    }

    fn parse_for(text: &str, path: &Path, only: &[Role]) -> Result<Self, ConfigError> {
        let document = Document::parse(text, path)?;
        for range in Self::ranges() {
            document.check_number(&range)?;
        }
        let mut config: Self = toml::from_str(text).map_err(|error| document.refused(&error))?;
        config.settle_roles(&document);
        let checked = config
            .check_udm_for_hostapd()
            .and_then(|()| config.keep_roles(only))
            .and_then(|()| config.check());
        checked.map_err(|error| document.locate(error))?;
        Ok(config)
    }

    /// The range of every number that a file may have.
    pub fn ranges() -> Vec<NumberRange> {
        let mut ranges = Vec::new();
        Self::default().each(|setting, name, about| setting.ranges("", name, about, &mut ranges));
        ranges
    }

    /// The whole file with every value and a comment above each; values that are not set are commented out.
    pub fn commented_toml(&self) -> String {
        let printed = self.print_fields("");
        format!("{}{}", printed.values, printed.tables).trim_end().to_owned() + "\n"
    }

    /// Which node this is.
    pub fn node(&self) -> NodeIndex {
        let count = match self.store.postgres {
            // They share the IND values among them, in the database.
            Some(_) => IndPlaces::COUNT,
            None => self.store.node_count,
        };
        NodeIndex::new(self.store.node_index, count).unwrap_or_default()
    }

    /// Nobody is served by the rules of somebody else, or in clear by accident. A node that starts asks the same again.
    fn check_listeners(&self) -> Result<(), ConfigError> {
        let value = |name, reason| Err(ConfigError::Value { name, reason });
        let udm = ("udm.listen", self.udm.listen, &self.udm.tls, self.udm.insecure_h2c);
        let ausf = ("ausf.listen", self.ausf.listen, &self.ausf.tls, self.ausf.insecure_h2c);
        let aanf = ("aanf.listen", self.aanf.listen, &self.aanf.tls, self.aanf.insecure_h2c);
        for (runs, (name, listen, tls, insecure_h2c)) in [
            (self.udm.runs(), udm),
            (self.ausf.runs(), ausf),
            (self.aanf.runs(), aanf),
        ] {
            if runs && tls.cert.is_none() && !listen.ip().to_canonical().is_loopback() && !insecure_h2c {
                let reason = format!(
                    "{listen} is open to other machines, and without TLS every key would travel in clear: set \
                     tls.cert and tls.key, listen on the loopback, or allow it with insecure_h2c = true"
                );
                return value(name, reason);
            }
        }
        if !(self.udm.runs() && self.ausf.runs()) {
            return Ok(());
        }
        let equal = self.udm.tls == self.ausf.tls && self.udm.insecure_h2c == self.ausf.insecure_h2c;
        match Sharing::decide(self.udm.listen, self.ausf.listen, equal) {
            Ok(_) => Ok(()),
            Err(refused) => value("udm.listen", format!("UDM and AUSF: {refused}")),
        }
    }

    /// What is registered must be where peers can go.
    fn check_registration(&self) -> Result<(), ConfigError> {
        let Some(nrf) = &self.nrf.url else { return Ok(()) };
        let udm = (self.udm.runs(), "udm.listen", self.udm.listen, &self.udm.api_root);
        let ausf = (self.ausf.runs(), "ausf.listen", self.ausf.listen, &self.ausf.api_root);
        let aanf = (self.aanf.runs(), "aanf.listen", self.aanf.listen, &self.aanf.api_root);
        let nef = (self.nef.runs(), "nef.listen", self.nef.listen, &self.nef.api_root);
        for (runs, name, listen, api_root) in [udm, ausf, aanf, nef] {
            if !runs || api_root.is_some() {
                continue;
            }
            let reason = if listen.ip().to_canonical().is_unspecified() {
                format!("{listen} is no address that peers could be sent to by the NRF: set api_root beside it")
            } else if remote::is_loopback(listen.ip()) && !remote::is_here(nrf) {
                format!(
                    "{listen} is for this machine only, and the NRF on another one would send peers to it: set api_root \
                     beside it, or an address that they reach"
                )
            } else {
                continue;
            };
            return Err(ConfigError::Value { name, reason });
        }
        Ok(())
    }

    fn check(&self) -> Result<(), ConfigError> {
        let value = |name, reason: &str| {
            Err(ConfigError::Value {
                name,
                reason: reason.to_owned(),
            })
        };
        for (name, tls) in [
            ("udm.tls", &self.udm.tls),
            ("ausf.tls", &self.ausf.tls),
            ("aanf.tls", &self.aanf.tls),
        ] {
            match (&tls.cert, &tls.key) {
                (Some(_), None) => return value(name, "cert is set without key"),
                (None, Some(_)) => return value(name, "key is set without cert"),
                (None, None) if tls.client_ca.is_some() => return value(name, "client_ca needs cert and key"),
                _ => {}
            }
        }
        for (name, tls, insecure_h2c) in [
            ("udm.insecure_h2c", &self.udm.tls, self.udm.insecure_h2c),
            ("ausf.insecure_h2c", &self.ausf.tls, self.ausf.insecure_h2c),
            ("aanf.insecure_h2c", &self.aanf.tls, self.aanf.insecure_h2c),
        ] {
            if insecure_h2c && tls.cert.is_some() {
                return value(name, "is true beside tls.cert: it would not be used, leave it out");
            }
        }
        for (name, root) in [
            ("udm.api_root", &self.udm.api_root),
            ("ausf.api_root", &self.ausf.api_root),
            ("aanf.api_root", &self.aanf.api_root),
        ] {
            if let Some(Err(error)) = root.as_deref().map(api_root) {
                return value(name, &error.to_string());
            }
        }
        self.ausf.udm.check(&remote::UDM)?;
        self.check_akma()?;
        self.nrf.check(&remote::NRF)?;
        self.check_registration()?;
        self.admin.check()?;
        self.check_admin_address()?;
        self.check_listeners()?;
        self.check_roles()?;
        self.check_aaa()?;
        self.check_emsk()?;
        self.check_aanf()?;
        self.check_reauthentication()?;
        self.check_nef()?;
        self.check_li()?;
        self.check_hostapd_auc()?;
        if self.store.postgres.is_none() && self.store.node_index >= self.store.node_count {
            return value("store.node_index", "counted from 0, must be below store.node_count");
        }
        self.store.check()?;
        let listed = !(self.policy.serving_networks.is_empty() && self.policy.serving_network_names.is_empty());
        if self.policy.any_serving_network && listed {
            return value(
                "policy.any_serving_network",
                "is true beside a list of serving networks: decide for one of them",
            );
        }
        let budgets = self.budgets();
        for (wider, name) in [(budgets.serving_network, "serving_network"), (budgets.node, "node")] {
            if !budgets.requester.is_narrower_than(wider) {
                let (requester, name) = (budgets.requester, format!("budget.{name}"));
                return Err(ConfigError::Value {
                    name: "budget.requester",
                    reason: format!(
                        "{requester} is not below {name} ({wider}): one requester could lock all others out; make its rate and burst \
                         smaller, or {name} larger"
                    ),
                });
            }
        }
        self.oauth2.check()?;
        self.requesters().map(|_| ())
    }
}

#[cfg(test)]
mod tests;
