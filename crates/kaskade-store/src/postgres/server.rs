//! Which database it is, and connections to it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::time::Duration;

use kaskade_faults::fault;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::AbortHandle;
use tokio::time::timeout;
use tokio_postgres::config::{Host, SslMode, TargetSessionAttrs};
use tokio_postgres::error::Severity;
use tokio_postgres::{AsyncMessage, Client, Config, Connection, NoTls, Socket};

use super::errors;
use super::tls::Tls;
use crate::error::EngineError;
use crate::private::{self, Use};

/// How long a connection may take to be made, by all of the hosts.
const PATIENCE_TO_CONNECT: Duration = Duration::from_secs(5);
/// What was sent and nobody acknowledges for so long ends a connection. A commit that the server works on is not ended by it.
const UNACKNOWLEDGED: Duration = Duration::from_secs(15);
/// The longest password that a file may have.
const LONGEST_PASSWORD: u64 = 1024;
/// PostgreSQL's own, where none is said.
const DEFAULT_PORT: u16 = 5432;

/// What is said of a server that came back by itself, or never knew that it was replaced.
pub(super) const REPLACED: &str = "it is a primary of before, in whose place is another: stop it";

/// SQL: `fsync`, and the timeline: one more each time that a standby becomes primary, or that a backup is put back.
const FOUND: &str = "SELECT current_setting('fsync'), \
     ('x' || substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8))::bit(32)::integer";

/// Why a server without `fsync` is no place for a store.
pub(super) const NO_FSYNC: &str =
    "its fsync is off: a power cut would take back what it said is durable, and sequence numbers would repeat";

/// A database, and how it is reached.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct PostgresOptions {
    /// As libpq has it: `host=/run/postgresql dbname=kaskade`. Neither password nor sslmode: those are below.
    pub server: String,
    /// PEM file with the authority of the server's certificate: with it, connections have TLS.
    pub ca: Option<PathBuf>,
    /// PEM file with the certificate chain that is shown to the server.
    pub cert: Option<PathBuf>,
    /// PEM file with its private key, mode 0600; one of root may be readable for a group of this process (0640).
    pub key: Option<PathBuf>,
    /// File with the password, mode 0600.
    pub password_file: Option<PathBuf>,
    /// Which of the nodes of the store it is: a number that no other process has at the same time. 63 at most.
    pub node: u16,
}

/// Why there can be no such server.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NoServer(pub String);

impl PostgresOptions {
    /// A server by what libpq calls a connection string.
    pub fn new(server: impl Into<String>) -> Self {
        Self {
            server: server.into(),
            ..Self::default()
        }
    }

    /// Whether it can be a server, without asking for it.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check(&self) -> Result<(), NoServer> {
        self.parsed().map(drop)
    }

    fn parsed(&self) -> Result<Config, NoServer> {
        let no = |why: &str| Err(NoServer(why.to_owned()));
        // A version has 6 bits for it.
        if self.node > 63 {
            return no("numbers of nodes go up to 63");
        }
        // What is wrong with it names the place, and no value.
        let config: Config = self.server.parse().map_err(|error: tokio_postgres::Error| {
            let why = std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string);
            NoServer(why)
        })?;
        if config.get_password().is_some() {
            return no("a password is no setting: a file of mode 0600 has it, named by postgres_password_file");
        }
        if config.get_hosts().is_empty() {
            return no("it says no host: host=/run/postgresql is the socket of Debian's PostgreSQL");
        }
        let hosts = config.get_hosts().len();
        if config.get_ports().len() > 1 && config.get_ports().len() != hosts {
            return no("one port for all hosts, or one for each");
        }
        if !config.get_hostaddrs().is_empty() && config.get_hostaddrs().len() != hosts {
            return no("as many addresses as hosts, or none");
        }
        if config.get_dbname().is_none() {
            return no("it says no database: dbname=kaskade, for instance");
        }
        if config.get_ssl_mode() != SslMode::Prefer {
            return no(
                "sslmode is not used: with postgres_ca there is TLS and the certificate is verified, without there is none",
            );
        }
        let here = |host: &Host| match host {
            Host::Unix(_) => true,
            Host::Tcp(name) => name == "localhost" || name.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback()),
        };
        let addresses_here = config.get_hostaddrs().iter().all(std::net::IpAddr::is_loopback);
        match (&self.ca, &self.cert, &self.key) {
            (None, None, None) if config.get_hosts().iter().all(here) && addresses_here => {}
            (None, None, None) => {
                return no("it is on another machine: name the authority of its certificate, postgres_ca");
            }
            (None, ..) => return no("a certificate of one's own needs postgres_ca beside it"),
            (Some(_), Some(_), None) | (Some(_), None, Some(_)) => {
                return no("postgres_cert and postgres_key go together");
            }
            (Some(_), ..) if config.get_hosts().iter().any(|host| matches!(host, Host::Unix(_))) => {
                return no("a socket of this machine has no TLS: leave postgres_ca out");
            }
            (Some(_), ..) => {}
        }
        Ok(config)
    }
}

/// A database that connections are made to.
pub(super) struct Server {
    /// One for each host.
    hosts: Vec<Config>,
    tls: Option<Tls>,
    /// How often a standby has become primary in the history of the newest server that was seen; 0 before the first.
    timeline: AtomicI32,
    /// What errors call it.
    pub(super) name: PathBuf,
}

impl Server {
    pub(super) fn new(options: &PostgresOptions) -> Result<Self, EngineError> {
        let mut config = options
            .parsed()
            .map_err(|NoServer(why)| errors::refused(Path::new("postgres"), why))?;
        let hosts: Vec<_> = config.get_hosts().iter().map(named).collect();
        let database = config.get_dbname().unwrap_or_default();
        let name = PathBuf::from(format!("PostgreSQL {database} at {}", hosts.join(", ")));
        if let Some(file) = &options.password_file {
            let mut password = private::read(file, Use::Own, LONGEST_PASSWORD)?;
            while password.last().is_some_and(u8::is_ascii_whitespace) {
                password.pop();
            }
            config.password(&password);
            zeroize::Zeroize::zeroize(&mut password);
        }
        let own = options.cert.as_deref().zip(options.key.as_deref());
        let tls = options.ca.as_deref().map(|ca| Tls::new(ca, own)).transpose();
        let tls = tls.map_err(|why| errors::refused(&name, why))?;
        config
            .ssl_mode(if tls.is_some() {
                SslMode::Require
            } else {
                SslMode::Disable
            })
            .application_name("kaskade")
            // A standby takes no changes.
            .target_session_attrs(TargetSessionAttrs::ReadWrite)
            .tcp_user_timeout(UNACKNOWLEDGED)
            .keepalives_idle(Duration::from_secs(5))
            .keepalives_interval(Duration::from_secs(2))
            .keepalives_retries(5);
        Ok(Self {
            hosts: each_host(&config),
            tls,
            timeline: AtomicI32::new(0),
            name,
        })
    }

    pub(super) fn error(&self, error: &tokio_postgres::Error) -> EngineError {
        errors::of(&self.name, error)
    }

    /// A connection, on which nothing is cut off in the middle and no commit returns before it is durable: to the first host that takes
    /// changes, and is no primary of before. A process that knows none yet looks at all of them.
    pub(super) async fn connect(&self) -> Result<Session, EngineError> {
        let is_first = self.timeline.load(Ordering::Acquire) == 0;
        let each = PATIENCE_TO_CONNECT / u32::try_from(self.hosts.len()).unwrap_or(u32::MAX).max(1);
        let mut newest: Option<Session> = None;
        let mut failed = errors::away(&self.name, "no host");
        for host in &self.hosts {
            // One that is silent leaves time for those behind it.
            match timeout(each, self.connect_to(host)).await {
                Ok(Ok(session)) if self.is_current(&session) => {
                    newest = Some(session);
                    if !is_first {
                        break;
                    }
                }
                Ok(Ok(_)) => failed = errors::away(&self.name, REPLACED),
                Ok(Err(error)) => failed = error,
                Err(_) => failed = errors::away(&self.name, "no answer while a connection was made"),
            }
        }
        newest.ok_or(failed)
    }

    /// Whether no newer primary than that of a session was seen since.
    pub(super) fn is_current(&self, session: &Session) -> bool {
        self.is_newest(session.timeline)
    }

    /// The same by the timeline of a connection.
    pub(super) fn is_newest(&self, timeline: i32) -> bool {
        let newest = self.timeline.fetch_max(timeline, Ordering::AcqRel);
        timeline >= newest || fault!("postgres-primary-of-before-used")
    }

    /// Its sockets on this machine, and how one connects there; none where there is TLS.
    pub(super) fn sockets(&self) -> impl Iterator<Item = (PathBuf, &Config)> {
        let of = |host: &'_ Config| match host.get_hosts() {
            [Host::Unix(folder)] => {
                let port = host.get_ports().first().copied().unwrap_or(DEFAULT_PORT);
                Some(folder.join(format!(".s.PGSQL.{port}")))
            }
            _ => None,
        };
        let hosts = self.hosts.iter().filter(|_| self.tls.is_none());
        hosts.filter_map(move |host| Some((of(host)?, host)))
    }

    async fn connect_to(&self, host: &Config) -> Result<Session, EngineError> {
        let session = match &self.tls {
            Some(tls) => host
                .connect(tls.clone())
                .await
                .map(|(client, way)| Session::on(client, way)),
            None => host.connect(NoTls).await.map(|(client, way)| Session::on(client, way)),
        };
        let mut session = session.map_err(|error| self.error(&error))?;
        session.timeline = self.settle(&session.client).await?;
        Ok(session)
    }

    /// Whatever the database or the user has as defaults, or gets by a reload later: what a session has set itself stays. Without the
    /// server's warnings nobody would hear of a wait for a standby that was cancelled. A machine that dies between the two flights of a
    /// commit leaves its locks for five seconds, not until TCP gives up: its successor waits for them.
    ///
    /// The timeline of the server.
    pub(super) async fn settle(&self, client: &Client) -> Result<i32, EngineError> {
        const SETTINGS: &str = "SET statement_timeout = 0; SET lock_timeout = 0; SET idle_in_transaction_session_timeout = '5s'; \
             SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL READ COMMITTED, READ WRITE; \
             SET client_min_messages = warning; \
             SELECT set_config('synchronous_commit', \
             CASE current_setting('synchronous_commit') WHEN 'remote_apply' THEN 'remote_apply' ELSE 'on' END, false)";
        client
            .batch_execute(SETTINGS)
            .await
            .map_err(|error| self.error(&error))?;
        let found = client.query_one(FOUND, &[]).await.map_err(|error| self.error(&error))?;
        match found.try_get::<_, &str>(0) {
            Ok("on") => found.try_get(1).map_err(|error| self.error(&error)),
            _ => Err(errors::refused(&self.name, NO_FSYNC)),
        }
    }
}

/// The same as for all hosts, for each of them.
fn each_host(all: &Config) -> Vec<Config> {
    let of = |(at, host): (usize, &Host)| {
        let mut one = Config::new();
        match host {
            Host::Tcp(name) => one.host(name),
            Host::Unix(folder) => one.host_path(folder),
        };
        if let Some(address) = all.get_hostaddrs().get(at) {
            one.hostaddr(*address);
        }
        if let Some(port) = all.get_ports().get(at).or(all.get_ports().first()) {
            one.port(*port);
        }
        all.get_user().map(|user| one.user(user));
        all.get_password().map(|password| one.password(password));
        all.get_dbname().map(|database| one.dbname(database));
        all.get_options().map(|options| one.options(options));
        all.get_application_name().map(|name| one.application_name(name));
        all.get_tcp_user_timeout().map(|time| one.tcp_user_timeout(*time));
        all.get_keepalives_interval().map(|time| one.keepalives_interval(time));
        all.get_keepalives_retries()
            .map(|retries| one.keepalives_retries(retries));
        one.ssl_mode(all.get_ssl_mode())
            .ssl_negotiation(all.get_ssl_negotiation())
            .channel_binding(all.get_channel_binding())
            .keepalives_idle(all.get_keepalives_idle())
            .target_session_attrs(all.get_target_session_attrs());
        one
    };
    all.get_hosts().iter().enumerate().map(of).collect()
}

fn named(host: &Host) -> String {
    match host {
        Host::Tcp(name) => name.clone(),
        Host::Unix(path) => path.display().to_string(),
    }
}

/// A connection. It ends in order when it is dropped.
pub(super) struct Session {
    pub(super) client: Client,
    timeline: i32,
    warned: Arc<AtomicBool>,
    way: AbortHandle,
}

impl Session {
    fn on<T>(client: Client, mut connection: Connection<Socket, T>) -> Self
    where
        T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let warned = Arc::new(AtomicBool::new(false));
        let warns = Arc::clone(&warned);
        let driving = async move {
            while let Some(Ok(message)) = std::future::poll_fn(|context| connection.poll_message(context)).await {
                if let AsyncMessage::Notice(notice) = message
                    && notice
                        .parsed_severity()
                        .is_none_or(|severity| severity == Severity::Warning)
                {
                    warns.store(true, Ordering::Release);
                }
            }
        };
        let way = tokio::spawn(driving).abort_handle();
        Self {
            client,
            timeline: 0,
            warned,
            way,
        }
    }

    /// Whether the server has warned since this was asked last.
    pub(super) fn has_warned(&self) -> bool {
        self.warned.swap(false, Ordering::AcqRel)
    }

    /// Ends it at once: what it waits for does not come.
    pub(super) fn cut(self) {
        self.way.abort();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_host_has_its_port_and_what_all_have() {
        let options = PostgresOptions::new("host=localhost,/run port=1,2 user=me dbname=k options='-c x=y'");
        let server = Server::new(&options).expect("a server");
        let [first, second] = &server.hosts[..] else {
            panic!("two hosts");
        };
        assert_eq!(
            (first.get_hosts(), first.get_ports()),
            (&[Host::Tcp("localhost".into())][..], &[1][..])
        );
        assert_eq!(
            (second.get_hosts(), second.get_ports()),
            (&[Host::Unix("/run".into())][..], &[2][..])
        );
        for one in &server.hosts {
            assert_eq!((one.get_user(), one.get_dbname()), (Some("me"), Some("k")));
            assert_eq!(one.get_options(), Some("-c x=y"));
            assert_eq!(one.get_target_session_attrs(), TargetSessionAttrs::ReadWrite);
            assert_eq!(one.get_tcp_user_timeout(), Some(&UNACKNOWLEDGED));
        }
    }

    #[test]
    fn what_cannot_be_a_server_says_why() {
        let with = |server: &str| PostgresOptions::new(server);
        for (server, why) in [
            ("host", "unexpected EOF"),
            ("host=/run dbname=k password=secret", "a file of mode 0600"),
            ("dbname=k", "no host"),
            ("host=/run", "no database"),
            ("host=/a,/b,/c port=1,2 dbname=k", "one port"),
            ("host=/run dbname=k sslmode=require", "sslmode is not used"),
            ("host=db.example.org dbname=k", "another machine"),
            ("host=localhost hostaddr=192.0.2.1 dbname=k", "another machine"),
        ] {
            let NoServer(said) = with(server).check().expect_err(server);
            assert!(said.contains(why) && !said.contains("secret"), "{server}: {said}");
        }
        let mut high = with("host=/run dbname=k");
        high.node = 64;
        assert!(high.check().is_err());
        let tls = |server: &str, key: Option<&str>| PostgresOptions {
            ca: Some("ca.pem".into()),
            cert: Some("cert.pem".into()),
            key: key.map(PathBuf::from),
            ..with(server)
        };
        assert!(tls("host=/run dbname=k", Some("key.pem")).check().is_err());
        assert!(tls("host=db.example.org dbname=k", None).check().is_err());
        let only_own = PostgresOptions {
            ca: None,
            ..tls("host=127.0.0.1 dbname=k", Some("key.pem"))
        };
        assert!(only_own.check().is_err());
        for good in [
            "host=/run dbname=k",
            "host=127.0.0.1 port=5433 user=me dbname=k",
            "postgresql://localhost/k",
        ] {
            assert_eq!(with(good).check(), Ok(()), "{good}");
        }
        assert_eq!(tls("host=db.example.org dbname=k", Some("key.pem")).check(), Ok(()));
    }
}
