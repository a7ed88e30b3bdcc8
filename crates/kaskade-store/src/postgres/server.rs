//! Which database it is, and connections to it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

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

/// How long a connection may take to be made, by whichever of its hosts.
const PATIENCE_TO_CONNECT: Duration = Duration::from_secs(5);
/// What was sent and nobody acknowledges for so long ends a connection. A commit that the server works on is not ended by it.
const UNACKNOWLEDGED: Duration = Duration::from_secs(15);
/// The longest password that a file may have.
const LONGEST_PASSWORD: u64 = 1024;

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
    config: Config,
    tls: Option<Tls>,
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
        // A host that is silent leaves time for those behind it.
        let hosts = u32::try_from(hosts.len()).unwrap_or(u32::MAX - 1);
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
            .connect_timeout(PATIENCE_TO_CONNECT / (hosts + 1))
            .tcp_user_timeout(UNACKNOWLEDGED)
            .keepalives_idle(Duration::from_secs(5))
            .keepalives_interval(Duration::from_secs(2))
            .keepalives_retries(5);
        Ok(Self { config, tls, name })
    }

    pub(super) fn error(&self, error: &tokio_postgres::Error) -> EngineError {
        errors::of(&self.name, error)
    }

    /// A connection, on which nothing is cut off in the middle and no commit returns before it is durable.
    pub(super) async fn connect(&self) -> Result<Session, EngineError> {
        let connecting = async {
            match &self.tls {
                Some(tls) => self
                    .config
                    .connect(tls.clone())
                    .await
                    .map(|(client, way)| Session::on(client, way)),
                None => self
                    .config
                    .connect(NoTls)
                    .await
                    .map(|(client, way)| Session::on(client, way)),
            }
        };
        let session = match timeout(PATIENCE_TO_CONNECT, connecting).await {
            Ok(session) => session.map_err(|error| self.error(&error))?,
            Err(_) => return Err(errors::away(&self.name, "no answer while a connection was made")),
        };
        let settled = timeout(PATIENCE_TO_CONNECT, self.settle(&session)).await;
        settled.map_err(|_| errors::away(&self.name, "no answer to the settings of a session"))??;
        Ok(session)
    }

    /// Whatever the database or the user has as defaults, or gets by a reload later: what a session has set itself stays. Without the
    /// server's warnings nobody would hear of a wait for a standby that was cancelled. A machine that dies between the two flights of a
    /// commit leaves its locks for five seconds, not until TCP gives up: its successor waits for them.
    async fn settle(&self, session: &Session) -> Result<(), EngineError> {
        const SETTINGS: &str = "SET statement_timeout = 0; SET lock_timeout = 0; SET idle_in_transaction_session_timeout = '5s'; \
             SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL READ COMMITTED, READ WRITE; \
             SET client_min_messages = warning; \
             SELECT set_config('synchronous_commit', \
             CASE current_setting('synchronous_commit') WHEN 'remote_apply' THEN 'remote_apply' ELSE 'on' END, false)";
        let client = &session.client;
        client
            .batch_execute(SETTINGS)
            .await
            .map_err(|error| self.error(&error))?;
        let fsync = client.query_one("SELECT current_setting('fsync')", &[]).await;
        let fsync = fsync.map_err(|error| self.error(&error))?;
        match fsync.try_get::<_, &str>(0) {
            Ok("on") => Ok(()),
            _ => Err(errors::refused(&self.name, NO_FSYNC)),
        }
    }
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
        Self { client, warned, way }
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
    fn silent_hosts_leave_time_for_the_last_one() {
        for (hosts, count) in [("127.0.0.1", 1), ("127.0.0.1,127.0.0.2,127.0.0.3", 3)] {
            let options = PostgresOptions::new(format!("host={hosts} dbname=k"));
            let server = Server::new(&options).expect("a server");
            let each = server
                .config
                .get_connect_timeout()
                .copied()
                .unwrap_or(PATIENCE_TO_CONNECT);
            assert!(each * count < PATIENCE_TO_CONNECT, "{hosts}: {each:?}");
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
