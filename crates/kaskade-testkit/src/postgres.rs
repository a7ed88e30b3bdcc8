//! A PostgreSQL of one's own: a cluster in a temporary folder, which ends with the process that started it.
//!
//! Debian's package `postgresql-15` has what is needed, and no service of the system: `initdb` and `pg_ctl` of the package, run as its user
//! where this process is root's, which PostgreSQL refuses. It listens on a socket in that folder, and on a free port of the loopback.
//!
//! | Kind | What |
//! |---|---|
//! | [`Cluster`] | one server |
//! | [`Pair`] | one that takes changes and its synchronous standby, and what happens to them |
//! | [`Proxy`] | a way to a server that breaks on request |

mod pair;
mod programs;
mod proxy;

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

use kaskade_store::postgres::{PostgresOptions, migrate};

pub use pair::Pair;
use programs::{append, as_user, bin, missing, other_user, random};
pub use proxy::{Direction, Proxy};

/// Starts the server, waits until whoever has the other end of its input is gone, then ends it and clears up.
const LIFE: &str = r#"
"$1/pg_ctl" -D "$2/data" -l "$2/log" -w -s start || { cat "$2/log" >&2; exit 1; }
echo up
cat > /dev/null
"$1/pg_ctl" -D "$2/data" -m immediate -s stop
rm -rf "$2"
"#;

/// A cluster. It ends when this is dropped, or when the process ends in whatever way.
pub struct Cluster {
    bin: PathBuf,
    folder: PathBuf,
    port: u16,
    life: Option<Mutex<(Child, Option<ChildStdin>)>>,
    stores: AtomicU32,
}

impl Cluster {
    /// The one that all tests of a process share; `None`, and counted, where PostgreSQL is not here and need not be.
    pub fn shared() -> Option<&'static Self> {
        static SHARED: OnceLock<Option<Cluster>> = OnceLock::new();
        match SHARED.get_or_init(Self::start) {
            Some(cluster) => Some(cluster),
            None => {
                // Counted for each test.
                missing();
                None
            }
        }
    }

    /// Starts one; `None`, and counted, where PostgreSQL is not here and need not be.
    ///
    /// # Panics
    /// When it is here and does not start.
    pub fn start() -> Option<Self> {
        Self::with(|bin, data| {
            empty(bin, data);
            String::new()
        })
    }

    /// Starts one that takes changes and a standby of it, which has each commit before that is told as done; `None`, and counted, where
    /// PostgreSQL is not here and need not be.
    ///
    /// # Panics
    /// When it is here and one of the two does not start.
    pub fn with_standby() -> Option<Pair> {
        Pair::start()
    }

    /// Starts one whose data somebody makes, and says what else is set.
    fn with(make: impl FnOnce(&Path, &Path) -> String) -> Option<Self> {
        let Some(bin) = bin() else {
            missing();
            return None;
        };
        let folder = std::env::temp_dir().join(format!("kaskade-pg-{:016x}", random()));
        fs::create_dir(&folder).expect("a new folder");
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o700)).expect("a mode");
        if let Some((user, group)) = other_user() {
            chown(&folder, Some(user), Some(group)).expect("a folder for the package's user");
        }
        let free = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        let port = free.local_addr().expect("an address").port();
        drop(free);
        let mut cluster = Self {
            bin,
            folder,
            port,
            life: None,
            stores: AtomicU32::new(0),
        };
        let more = make(&cluster.bin, &cluster.data());
        append(&cluster.configuration(), &(cluster.settings() + &more));
        let mut child = as_user(Path::new("/bin/sh"))
            .current_dir("/")
            .args(["-c", LIFE, "sh"])
            .args([&cluster.bin, &cluster.folder])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a shell");
        let stdin = child.stdin.take();
        let mut said = String::new();
        let read = BufReader::new(child.stdout.take().expect("its output")).read_line(&mut said);
        assert!(read.is_ok() && said.trim() == "up", "PostgreSQL does not start");
        cluster.life = Some(Mutex::new((child, stdin)));
        Some(cluster)
    }

    /// What is its own: no other server can have it out of a copy.
    fn settings(&self) -> String {
        // What a server that is killed had in memory that it shares stays in its folder.
        format!(
            "listen_addresses = '127.0.0.1'\nport = {}\nunix_socket_directories = '{}'\nshared_buffers = 32MB\n\
             max_connections = 300\nlog_min_messages = warning\ndynamic_shared_memory_type = mmap\n",
            self.port,
            self.folder.display()
        )
    }

    fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    fn configuration(&self) -> PathBuf {
        self.folder.join("data/postgresql.conf")
    }

    /// Where its socket is.
    pub fn socket_folder(&self) -> &Path {
        &self.folder
    }

    /// Its port on the loopback.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// A place for a store in it, with tables and without rows: what leads there.
    ///
    /// # Panics
    /// When it cannot be made.
    pub fn place(&self) -> PostgresOptions {
        let place = self.empty_place();
        migrate(&place).expect("tables");
        place
    }

    /// The same without tables.
    ///
    /// # Panics
    /// When it cannot be made.
    pub fn empty_place(&self) -> PostgresOptions {
        let schema = format!("store_{}", self.stores.fetch_add(1, Ordering::Relaxed));
        self.sql(&format!("CREATE SCHEMA {schema}"));
        PostgresOptions::new(self.server_of(&schema))
    }

    /// Another place with the rows of this one as they are at one moment, which no process has.
    ///
    /// # Panics
    /// When it cannot be made, or that place is none of this server.
    pub fn copy(&self, place: &PostgresOptions) -> PostgresOptions {
        let copy = self.place();
        let [from, to] = [place, &copy].map(|place| schema_of(place).expect("a place").to_owned());
        let rows = ["row", "link", "count", "serial"]
            .map(|table| format!("INSERT INTO {to}.kaskade_{table} SELECT * FROM {from}.kaskade_{table};"))
            .concat();
        let leases = format!(
            "INSERT INTO {to}.kaskade_lease SELECT node, ''::bytea, who, epoch, '-infinity'::timestamptz \
             FROM {from}.kaskade_lease;"
        );
        self.sql(&format!(
            "BEGIN ISOLATION LEVEL REPEATABLE READ; {rows} {leases} COMMIT"
        ));
        let mut by = place.clone();
        by.server = copy.server;
        by
    }

    /// What leads to a schema, over the socket.
    pub fn server_of(&self, schema: &str) -> String {
        let (folder, port) = (self.folder.display(), self.port);
        format!("host={folder} port={port} user=kaskade dbname=postgres options='-c search_path={schema}'")
    }

    /// What its rows are when this SQL has been done, each a line.
    ///
    /// # Panics
    /// When it cannot be done.
    pub fn sql(&self, sql: &str) -> String {
        let done = self.psql(sql).output().expect("psql runs");
        assert!(
            done.status.success(),
            "{sql}: {}",
            String::from_utf8_lossy(&done.stderr)
        );
        String::from_utf8_lossy(&done.stdout).trim_end().to_owned()
    }

    /// The program that does this SQL.
    pub fn psql(&self, sql: &str) -> Command {
        let mut psql = self.client("psql");
        psql.args(["-v", "ON_ERROR_STOP=1", "-qAtc", sql]);
        psql
    }

    /// One of PostgreSQL's own clients, such as `pgbench`, which connects to it as whoever may do all.
    pub fn client(&self, program: &str) -> Command {
        let mut client = Command::new(self.bin.join(program));
        client.current_dir("/").env("PGHOST", &self.folder);
        client.envs([
            ("PGPORT", self.port.to_string().as_str()),
            ("PGUSER", "kaskade"),
            ("PGDATABASE", "postgres"),
        ]);
        client
    }

    /// Sets these in its configuration, in force when this returns.
    ///
    /// # Panics
    /// When it cannot be done.
    pub fn set(&self, settings: &str) {
        append(&self.configuration(), settings);
        self.control(&["reload"]);
        // Backends take it over at their next turn; a new one has it.
        std::thread::sleep(std::time::Duration::from_millis(200));
    }

    /// Who may come over the loopback from now on: lines of `pg_hba.conf`, before those that let everybody in.
    ///
    /// # Panics
    /// When it cannot be done.
    pub fn admit(&self, lines: &str) {
        let path = self.folder.join("data/pg_hba.conf");
        let before = fs::read_to_string(&path).expect("rules");
        self.write("data/pg_hba.conf", &format!("{lines}\n{before}"));
        self.control(&["reload"]);
        std::thread::sleep(std::time::Duration::from_millis(200));
    }

    /// A file in its folder, which its user alone may read.
    ///
    /// # Panics
    /// When it cannot be written.
    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.join(name);
        fs::write(&path, text).expect("written");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("a mode");
        if let Some((user, group)) = other_user() {
            chown(&path, Some(user), Some(group)).expect("the package's user");
        }
        path
    }

    /// Stops the server as a crash does.
    ///
    /// # Panics
    /// When it cannot be done.
    pub fn crash(&self) {
        self.control(&["-m", "immediate", "stop"]);
    }

    /// Ends all its processes at once, as a machine does that loses power.
    ///
    /// # Panics
    /// When it is not there.
    pub fn kill(&self) {
        let lock = fs::read_to_string(self.data().join("postmaster.pid")).expect("it runs");
        let postmaster = lock.lines().next().expect("its process").to_owned();
        // It starts no more of them meanwhile.
        signal("-STOP", &[&postmaster]);
        let of_it = children(&postmaster);
        let all: Vec<_> = of_it.iter().chain([&postmaster]).map(String::as_str).collect();
        signal("-KILL", &all);
        let gone = |process: &str| {
            !fs::read_to_string(format!("/proc/{process}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
        };
        while !all.iter().all(|process| gone(process)) {
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        // Until somebody has waited for it, its number is taken: no other server would start here.
        let socket = self.folder.join(format!(".s.PGSQL.{}.lock", self.port));
        for lock in [self.data().join("postmaster.pid"), socket] {
            fs::remove_file(lock).expect("its lock");
        }
        // Of what it had from the system only this outlives it: "key id".
        if let Some(id) = lock.lines().nth(6).and_then(|line| line.split_whitespace().nth(1)) {
            let _ = Command::new("ipcrm").args(["-m", id]).stderr(Stdio::null()).status();
        }
    }

    /// Starts it again.
    ///
    /// # Panics
    /// When it cannot be done.
    pub fn start_again(&self) {
        let log = self.folder.join("log");
        let log = log.to_str().expect("a path in UTF-8");
        self.control(&["-l", log, "-w", "start"]);
    }

    fn control(&self, arguments: &[&str]) {
        let done = as_user(&self.bin.join("pg_ctl"))
            .current_dir("/")
            .arg("-D")
            .arg(self.folder.join("data"))
            .arg("-s")
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        assert!(done.expect("pg_ctl runs").success(), "pg_ctl {arguments:?}");
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let Some(life) = self.life.as_mut() else {
            // It has never run.
            let _ = fs::remove_dir_all(&self.folder);
            return;
        };
        let life = life.get_mut().unwrap_or_else(PoisonError::into_inner);
        drop(life.1.take());
        let _ = life.0.wait();
    }
}

/// In which schema a place is, if it says so.
pub fn schema_of(place: &PostgresOptions) -> Option<&str> {
    let (_, schema) = place.server.split_once("search_path=")?;
    schema.split('\'').next()
}

/// Makes a folder of data with nothing in it.
fn empty(bin: &Path, data: &Path) {
    let mut made = as_user(&bin.join("initdb"));
    made.args([
        "--username=kaskade",
        "--auth=trust",
        "--no-sync",
        "--encoding=UTF8",
        "--locale=C",
        "-D",
    ]);
    done(made.arg(data));
}

/// Runs a program to its end.
fn done(program: &mut Command) {
    let done = program.current_dir("/").output().expect("it runs");
    assert!(
        done.status.success(),
        "{program:?}: {}",
        String::from_utf8_lossy(&done.stderr)
    );
}

fn signal(name: &str, processes: &[&str]) {
    // One that ended meanwhile is no loss.
    let _ = Command::new("kill")
        .arg(name)
        .args(processes)
        .stderr(Stdio::null())
        .status();
}

/// Whose parent is this one.
fn children(parent: &str) -> Vec<String> {
    let of = |entry: fs::DirEntry| {
        let process = entry.file_name().into_string().ok()?;
        let stat = fs::read_to_string(entry.path().join("stat")).ok()?;
        // "id (name) state parent", and the name may have anything.
        let (_, behind) = stat.rsplit_once(')')?;
        (behind.split_whitespace().nth(1)? == parent).then_some(process)
    };
    fs::read_dir("/proc")
        .expect("processes")
        .flatten()
        .filter_map(of)
        .collect()
}
