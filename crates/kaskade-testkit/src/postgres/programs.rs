//! The programs of PostgreSQL, and the user that they run as.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The user of Debian's package.
const USER: &str = "postgres";

pub(super) fn missing() {
    kaskade_oracle::missing_program("PostgreSQL 15", "apt-get install postgresql-15");
}

/// Where its programs are: Debian has them on no path.
pub(super) fn bin() -> Option<PathBuf> {
    let named = std::env::var_os("KASKADE_POSTGRES_BIN").map(PathBuf::from);
    let debian = PathBuf::from("/usr/lib/postgresql/15/bin");
    let places = named.into_iter().chain([debian]);
    let has_all = |bin: &PathBuf| {
        ["initdb", "pg_ctl", "psql", "pg_basebackup", "pg_rewind"]
            .iter()
            .all(|name| bin.join(name).exists())
    };
    places.into_iter().find(has_all)
}

/// User and group that it runs as, where this process is root's.
pub(super) fn other_user() -> Option<(u32, u32)> {
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

pub(super) fn as_user(program: &Path) -> Command {
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

pub(super) fn append(path: &Path, text: &str) {
    use std::io::Write as _;
    let mut file = fs::OpenOptions::new()
        .append(true)
        .open(path)
        .expect("its configuration");
    file.write_all(text.as_bytes()).expect("written");
    file.write_all(b"\n").expect("written");
}

/// For a name that nobody else has.
pub(super) fn random() -> u64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(std::process::id())
}
