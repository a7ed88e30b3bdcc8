//! Runs the built program in folders of its own, and looks for secrets in what it leaves behind.
#![allow(dead_code, reason = "each test program uses a part")]

use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use kaskade_testkit::kept::On;
use kaskade_testkit::postgres::Cluster;

pub(crate) const K: &str = "465b5ce8b199b49faa5f0a2ee238a6bc";
pub(crate) const OPC: &str = "e8ed289deba952e4283b54e88e6183ca";
pub(crate) const SUPI: &str = "imsi-001010000000001";

/// What a run gave.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) success: bool,
    pub(crate) status: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    #[track_caller]
    pub(crate) fn ok(self) -> String {
        assert!(self.success, "failed: {}\n{}", self.stderr, self.stdout);
        self.stdout
    }

    #[track_caller]
    pub(crate) fn refused(self) -> String {
        assert!(!self.success, "succeeded: {}", self.stdout);
        assert!(!self.stderr.contains("panicked"), "{}", self.stderr);
        self.stderr
    }
}

/// A folder for one test, and the program in it.
pub(crate) struct Place {
    folder: tempfile::TempDir,
    /// Everything that was printed, for the search for secrets.
    pub(crate) printed: std::cell::RefCell<String>,
}

impl Place {
    pub(crate) fn new() -> Self {
        Self {
            folder: tempfile::tempdir().expect("a folder"),
            printed: std::cell::RefCell::default(),
        }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file of mode 0600.
    pub(crate) fn file(&self, name: &str, content: &str) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, content).expect("written");
        mode(&path, 0o600);
        path
    }

    /// The program, in an environment that is always the same.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kaskade"));
        command
            .current_dir(self.folder.path())
            .env_clear()
            .env("LANG", "C.UTF-8")
            .env("COLUMNS", "120")
            .env("HOME", self.folder.path())
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            // A planted fault is in the program too.
            .envs(
                std::env::vars_os()
                    .filter(|(name, _)| name.to_str().is_some_and(|name| name.starts_with("KASKADE_FAULT"))),
            );
        command
    }

    pub(crate) fn run<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Ran {
        self.run_with(arguments, "", |_| {})
    }

    pub(crate) fn run_with<A: AsRef<OsStr>>(
        &self,
        arguments: impl IntoIterator<Item = A>,
        stdin: &str,
        change: impl FnOnce(&mut Command),
    ) -> Ran {
        let mut command = self.command();
        command
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        change(&mut command);
        let mut child = command.spawn().expect("the program starts");
        // One that does not read its input may be gone already.
        let _ = child.stdin.take().expect("stdin").write_all(stdin.as_bytes());
        let output = child.wait_with_output().expect("the program ends");
        let ran = Ran {
            success: output.status.success(),
            status: output.status.code(),
            stdout: String::from_utf8(output.stdout).expect("UTF-8"),
            stderr: String::from_utf8(output.stderr).expect("UTF-8"),
        };
        let mut printed = self.printed.borrow_mut();
        printed.push_str(&ran.stdout);
        printed.push_str(&ran.stderr);
        ran
    }

    /// Words, separated by blanks.
    pub(crate) fn kaskade(&self, line: &str) -> Ran {
        self.run(line.split_whitespace())
    }

    /// With K and OPc on standard input.
    pub(crate) fn with_secrets(&self, line: &str) -> Ran {
        let arguments = line.split_whitespace().chain(["--k-file", "-", "--opc-file", "-"]);
        self.run_with(arguments, &format!("{K}\n{OPC}\n"), |_| {})
    }

    /// With this on standard input.
    pub(crate) fn with_input(&self, line: &str, input: &str) -> Ran {
        self.run_with(line.split_whitespace(), input, |_| {})
    }

    /// Neither in files nor in what was printed are these octets, raw or in hexadecimal.
    #[track_caller]
    pub(crate) fn has_no(&self, secrets: &[&str], folders: &[&str]) {
        let printed = self.printed.borrow().to_lowercase();
        for secret in secrets {
            assert!(!printed.contains(secret), "a secret was printed");
        }
        let mut files = 0;
        for folder in folders {
            for path in files_below(&self.path(folder)) {
                files += 1;
                let content = fs::read(&path).expect("readable");
                let lower = content.to_ascii_lowercase();
                for secret in secrets {
                    let octets = hex::decode(secret).expect("hex");
                    let raw = content.windows(octets.len()).any(|window| window == octets);
                    let hex = lower.windows(secret.len()).any(|window| window == secret.as_bytes());
                    assert!(!raw && !hex, "a secret is in {}", path.display());
                }
            }
        }
        assert!(files > 0 || folders.is_empty(), "nothing was searched");
    }
}

/// The section `[store]` of a configuration over this engine, with an empty place.
pub(crate) fn store_on(on: On) -> String {
    match on {
        On::Embedded => String::new(),
        On::Postgres => {
            let place = Cluster::shared().expect("PostgreSQL").place();
            format!("[store]\npostgres = \"{}\"\n", place.server)
        }
    }
}

pub(crate) fn mode(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("chmod");
}

pub(crate) fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            files.extend(files_below(&path));
        } else {
            files.push(path);
        }
    }
    files
}

/// The cases of a file under vectors/.
pub(crate) fn vectors(name: &str) -> Vec<serde_json::Value> {
    kaskade_oracle::vectors(name)["cases"]
        .as_array()
        .expect("cases")
        .clone()
}

pub(crate) fn wait_until(what: &str, is: impl Fn() -> bool) {
    let begun = std::time::Instant::now();
    while !is() {
        assert!(begun.elapsed() < std::time::Duration::from_secs(20), "{what}");
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
}

/// `kaskade up` in the background; ended by its standard signal when dropped.
pub(crate) struct Up {
    child: Child,
    pub(crate) ausf: String,
    pub(crate) greeting: String,
}

impl Up {
    pub(crate) fn start(place: &Place, arguments: &str) -> Self {
        Self::start_with(place, arguments, |_| {})
    }

    pub(crate) fn start_with(place: &Place, arguments: &str, change: impl FnOnce(&mut Command)) -> Self {
        Self::try_start(place, arguments, change).unwrap_or_else(|(status, said)| panic!("{status}: {said}"))
    }

    /// Its status and what it said where it does not start.
    pub(crate) fn try_start(
        place: &Place,
        arguments: &str,
        change: impl FnOnce(&mut Command),
    ) -> Result<Self, (std::process::ExitStatus, String)> {
        let mut command = place.command();
        command
            .args(arguments.split_whitespace())
            .env("KASKADE_AUSF_LISTEN", "127.0.0.1:0")
            .env("KASKADE_UDM_LISTEN", "127.0.0.1:0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        change(&mut command);
        let mut child = command.spawn().expect("the program starts");
        let mut lines = BufReader::new(child.stdout.take().expect("stdout")).lines();
        let (mut greeting, mut ausf) = (String::new(), None);
        for line in lines.by_ref() {
            let line = line.expect("UTF-8");
            greeting.push_str(&line);
            greeting.push('\n');
            if let Some(url) = line.strip_prefix("AUSF") {
                ausf = url.trim().strip_suffix("/nausf-auth/v1").map(str::to_owned);
            }
            if line.starts_with("Running") {
                break;
            }
        }
        // A process without an AUSF runs too.
        let runs = greeting.lines().any(|line| line.starts_with("Running"));
        let Some(ausf) = ausf.or_else(|| runs.then(String::new)) else {
            let output = child.wait_with_output().expect("it ends");
            return Err((output.status, String::from_utf8_lossy(&output.stderr).into_owned()));
        };
        Ok(Self { child, ausf, greeting })
    }

    /// With its log in a file.
    pub(crate) fn start_with_log(place: &Place, arguments: &str) -> (Self, PathBuf) {
        let path = place.path("log");
        let log = fs::File::create(&path).expect("a file");
        let up = Self::start_with(place, arguments, |command| {
            command.stderr(log);
        });
        (up, path)
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal, such as `-HUP`.
    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([name, &self.pid().to_string()]).status();
        assert!(sent.expect("kill").success());
    }

    /// Sends SIGHUP, and waits until the log says what came of it so many times in all.
    pub(crate) fn reload(&self, log: &Path, said: &str, times: usize) {
        self.signal("-HUP");
        wait_until(said, || {
            let text = fs::read_to_string(log).unwrap_or_default();
            text.matches(said).count() >= times
        });
    }

    /// Waits for it to end by itself, and gives its status and its log.
    pub(crate) fn ends_within(mut self, longest: std::time::Duration) -> (std::process::ExitStatus, String) {
        let begin = std::time::Instant::now();
        let status = loop {
            match self.child.try_wait().expect("a child") {
                Some(status) => break status,
                None if begin.elapsed() < longest => std::thread::sleep(std::time::Duration::from_millis(20)),
                None => unreachable!("it runs on"),
            }
        };
        let mut log = String::new();
        // Where it does not go to a file.
        if let Some(mut stderr) = self.child.stderr.take() {
            stderr.read_to_string(&mut log).expect("UTF-8");
        }
        (status, log)
    }

    /// Ends it as Ctrl-C does, and gives its log.
    pub(crate) fn stop(mut self) -> String {
        self.signal("-INT");
        let mut log = String::new();
        // Where it does not go to a file.
        if let Some(mut stderr) = self.child.stderr.take() {
            stderr.read_to_string(&mut log).expect("UTF-8");
        }
        assert!(self.child.wait().expect("it ends").success(), "{log}");
        log
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        // Nothing to do if it has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
