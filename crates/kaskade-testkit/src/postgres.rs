//! A PostgreSQL of one's own: a cluster in a temporary folder, which ends with the process that started it.
//!
//! Debian's package `postgresql-15` has what is needed, and no service of the system: `initdb` and `pg_ctl` of the package, run as its user
//! where this process is root's, which PostgreSQL refuses. It listens on a socket in that folder, and on a free port of the loopback.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

use kaskade_store::postgres::{PostgresOptions, migrate};

/// The user of Debian's package.
const USER: &str = "postgres";

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
    life: Mutex<(Child, Option<ChildStdin>)>,
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
        let data = folder.join("data");
        let made = as_user(&bin.join("initdb"))
            .current_dir("/")
            .args([
                "--username=kaskade",
                "--auth=trust",
                "--no-sync",
                "--encoding=UTF8",
                "--locale=C",
                "-D",
            ])
            .arg(&data)
            .output()
            .expect("initdb runs");
        assert!(
            made.status.success(),
            "initdb: {}",
            String::from_utf8_lossy(&made.stderr)
        );
        let settings = format!(
            "listen_addresses = '127.0.0.1'\nport = {port}\nunix_socket_directories = '{}'\nshared_buffers = 32MB\n\
             max_connections = 100\nlog_min_messages = warning\n",
            folder.display()
        );
        append(&data.join("postgresql.conf"), &settings);
        let mut child = as_user(Path::new("/bin/sh"))
            .current_dir("/")
            .args(["-c", LIFE, "sh"])
            .args([&bin, &folder])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a shell");
        let stdin = child.stdin.take();
        let mut said = String::new();
        let read = BufReader::new(child.stdout.take().expect("its output")).read_line(&mut said);
        assert!(read.is_ok() && said.trim() == "up", "PostgreSQL does not start");
        Some(Self {
            bin,
            folder,
            port,
            life: Mutex::new((child, stdin)),
            stores: AtomicU32::new(0),
        })
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
        let mut psql = Command::new(self.bin.join("psql"));
        psql.current_dir("/").arg("-h").arg(&self.folder).args([
            "-p",
            &self.port.to_string(),
            "-U",
            "kaskade",
            "-d",
            "postgres",
            "-v",
            "ON_ERROR_STOP=1",
        ]);
        psql.args(["-qAtc", sql]);
        psql
    }

    /// Sets these in its configuration, in force when this returns.
    ///
    /// # Panics
    /// When it cannot be done.
    pub fn set(&self, settings: &str) {
        append(&self.folder.join("data/postgresql.conf"), settings);
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
        let life = self.life.get_mut().unwrap_or_else(PoisonError::into_inner);
        drop(life.1.take());
        let _ = life.0.wait();
    }
}

fn missing() {
    kaskade_oracle::missing_program("PostgreSQL 15", "apt-get install postgresql-15");
}

/// Where its programs are: Debian has them on no path.
fn bin() -> Option<PathBuf> {
    let named = std::env::var_os("KASKADE_POSTGRES_BIN").map(PathBuf::from);
    let debian = PathBuf::from("/usr/lib/postgresql/15/bin");
    let places = named.into_iter().chain([debian]);
    let has_all = |bin: &PathBuf| ["initdb", "pg_ctl", "psql"].iter().all(|name| bin.join(name).exists());
    places.into_iter().find(has_all)
}

/// User and group that it runs as, where this process is root's.
fn other_user() -> Option<(u32, u32)> {
    static OTHER: OnceLock<Option<(u32, u32)>> = OnceLock::new();
    let id = |arguments: &[&str]| {
        let said = Command::new("id").args(arguments).output().ok()?;
        String::from_utf8(said.stdout).ok()?.trim().parse::<u32>().ok()
    };
    *OTHER.get_or_init(|| match id(&["-u"]) {
        Some(0) => Some((id(&["-u", USER])?, id(&["-g", USER])?)),
        _ => None,
    })
}

fn as_user(program: &Path) -> Command {
    match other_user() {
        Some((user, group)) => {
            let mut command = Command::new("setpriv");
            command.args([format!("--reuid={user}"), format!("--regid={group}")]);
            command.args(["--clear-groups", "--"]).arg(program);
            command
        }
        None => Command::new(program),
    }
}

fn append(path: &Path, text: &str) {
    use std::io::Write as _;
    let mut file = fs::OpenOptions::new()
        .append(true)
        .open(path)
        .expect("its configuration");
    file.write_all(text.as_bytes()).expect("written");
    file.write_all(b"\n").expect("written");
}

/// For a name that nobody else has.
fn random() -> u64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(std::process::id())
}
