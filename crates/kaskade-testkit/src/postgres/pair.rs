//! A server that takes changes, its synchronous standby, and a fail-over from one to the other.

use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use kaskade_store::postgres::{PostgresOptions, migrate};

use super::programs::{append, as_user};
use super::{Cluster, Proxy, done, empty};

/// Two servers of which one is the standby of the other.
///
/// As `docs/several-nodes.md` has it: a commit is done when both have it. A server that begins to take changes goes on alone until it has a
/// standby again.
pub struct Pair {
    servers: [Cluster; 2],
    primary: AtomicUsize,
    stores: AtomicU32,
}

/// What the servers are called.
const NAMES: [&str; 2] = ["db1", "db2"];

impl Pair {
    pub(super) fn start() -> Option<Self> {
        // How far back a server finds where another's way parted from its own.
        let first = Cluster::with(|bin, data| {
            empty(bin, data);
            "wal_log_hints = on\nwal_keep_size = 256MB\ncluster_name = 'db1'\n".to_owned()
        })?;
        let from = conninfo(&first);
        let second = Cluster::with(|bin, data| {
            let mut copy = as_user(&bin.join("pg_basebackup"));
            copy.args([
                "--checkpoint=fast",
                "--no-sync",
                "--write-recovery-conf",
                "-d",
                &from,
                "-D",
            ]);
            done(copy.arg(data));
            "cluster_name = 'db2'\n".to_owned()
        })?;
        let pair = Self {
            servers: [first, second],
            primary: AtomicUsize::new(0),
            stores: AtomicU32::new(0),
        };
        pair.wait_for_the_standby();
        Some(pair)
    }

    fn at(&self, behind: usize) -> (usize, &Cluster) {
        let number = (self.primary.load(Ordering::SeqCst) + behind) % 2;
        let [first, second] = &self.servers;
        (number, if number == 0 { first } else { second })
    }

    /// The one that takes changes, as far as this pair knows.
    pub fn primary(&self) -> &Cluster {
        self.at(0).1
    }

    /// The other one: a standby, or what is left of the primary before.
    pub fn standby(&self) -> &Cluster {
        self.at(1).1
    }

    /// A place for a store in it, with tables and without rows: what leads there, by the sockets of both.
    ///
    /// # Panics
    /// When it cannot be made.
    pub fn place(&self) -> PostgresOptions {
        let schema = format!("pair_{}", self.stores.fetch_add(1, Ordering::Relaxed));
        self.primary().sql(&format!("CREATE SCHEMA {schema}"));
        let [first, second] = self
            .servers
            .each_ref()
            .map(|server| (server.socket_folder().display(), server.port()));
        let place = PostgresOptions::new(format!(
            "host={},{} port={},{} user=kaskade dbname=postgres options='-c search_path={schema}'",
            first.0, second.0, first.1, second.1
        ));
        migrate(&place).expect("tables");
        place
    }

    /// Ways to both, in the order of a place.
    pub fn ways(&self) -> [Proxy; 2] {
        self.servers.each_ref().map(|server| Proxy::to(server.port()))
    }

    /// A place of [`Pair::place`] by these ways.
    ///
    /// # Panics
    /// When it is none.
    pub fn by(&self, [first, second]: &[Proxy; 2], place: &PostgresOptions) -> PostgresOptions {
        let (_, rest) = place.server.split_once(" user=").expect("a place");
        let mut by = place.clone();
        by.server = format!(
            "host=127.0.0.1,127.0.0.1 port={},{} user={rest}",
            first.port(),
            second.port()
        );
        by
    }

    /// Makes the standby take changes, alone until it has a standby of its own.
    ///
    /// # Panics
    /// When it does not.
    pub fn promote(&self) {
        self.standby().control(&["-w", "promote"]);
        self.primary.fetch_xor(1, Ordering::SeqCst);
    }

    /// Makes the primary of before, which is not running, a standby of the one that is now: what only it had is undone.
    ///
    /// # Panics
    /// When it cannot be done.
    pub fn rejoin(&self) {
        let (primary, (number, standby)) = (self.primary(), self.at(1));
        // Else its own files say for a while that it is what it was before.
        primary.sql("CHECKPOINT");
        let mut rewind = as_user(&standby.bin.join("pg_rewind"));
        rewind.args([
            "--write-recovery-conf",
            "--no-sync",
            "--source-server",
            &conninfo(primary),
        ]);
        done(rewind.arg("--target-pgdata").arg(standby.data()));
        // They came with the other's files.
        let name = NAMES.get(number).copied().unwrap_or_default();
        let own = standby.settings() + &format!("cluster_name = '{name}'\nsynchronous_standby_names = ''\n");
        append(&standby.configuration(), &own);
        standby.start_again();
        self.wait_for_the_standby();
    }

    /// Starts the primary of before as it was: by itself, beside the one that is now.
    ///
    /// # Panics
    /// When it does not start.
    pub fn stray(&self) {
        self.standby().start_again();
    }

    /// From here on a commit waits for the standby.
    fn wait_for_the_standby(&self) {
        let (number, _) = self.at(1);
        let name = NAMES.get(number).copied().unwrap_or_default();
        self.primary().set(&format!("synchronous_standby_names = '{name}'"));
        let begun = Instant::now();
        let streams = "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'";
        while self.primary().sql(streams) != "1" {
            let log = || std::fs::read_to_string(self.standby().socket_folder().join("log"));
            assert!(
                begun.elapsed() < Duration::from_secs(30),
                "no standby comes: {:?}",
                log()
            );
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

/// How a standby reaches it.
fn conninfo(server: &Cluster) -> String {
    format!("host=127.0.0.1 port={} user=kaskade dbname=postgres", server.port())
}
