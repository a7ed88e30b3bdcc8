//! Programs from pip, each in a folder of its own below target: nothing of the system changes.

use crate::shell;
use anyhow::Result;
use std::path::PathBuf;
use std::process::Command;

use crate::records;

/// What is installed, and what shows that it is there.
pub(crate) struct Environment {
    /// The folder below target.
    folder: &'static str,
    /// As pip takes it.
    package: &'static str,
    /// A program in it, and an argument with which that ends at once.
    program: &'static str,
    argument: &'static [&'static str],
}

/// Makes requests that follow a document of an interface, and some that do not.
pub(crate) const SCHEMATHESIS: Environment = Environment {
    folder: "schemathesis",
    package: "schemathesis==4.32.5",
    program: "bin/schemathesis",
    argument: &["--version"],
};

/// CoAP with OSCORE. Tests find it by `kaskade_oracle::aiocoap`.
pub(crate) const AIOCOAP: Environment = Environment {
    folder: "aiocoap",
    package: "aiocoap[oscore]==0.4.17",
    program: "bin/python",
    argument: &["-c", "import aiocoap.oscore_sitewrapper, cryptography"],
};

impl Environment {
    /// The program, which is installed where that is allowed; where it cannot be, that is noted.
    pub(crate) fn program(&self, install: bool) -> Result<Option<PathBuf>> {
        let folder = shell::root().join("target").join(self.folder);
        let program = folder.join(self.program);
        let works = || shell::succeeds(Command::new(&program).args(self.argument));
        let made = || {
            shell::succeeds(Command::new("python3").args(["-m", "venv"]).arg(&folder))
                && shell::succeeds(Command::new(folder.join("bin/pip")).args(["install", "--quiet", self.package]))
        };
        if works() || (install && made() && works()) {
            return Ok(Some(program));
        }
        records::note(&format!("{} (pip install {})", self.folder, self.package))?;
        Ok(None)
    }
}
