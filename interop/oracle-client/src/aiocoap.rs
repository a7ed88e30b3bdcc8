//! Where other people's CoAP with OSCORE is.

use crate::not_here;
use std::path::Path;
use std::process::Command;

/// A script of `interop/oscore` by a Python that has aiocoap: `ue.py` or `af.py`. `cargo xtask test` installs it below `target`
/// (xtask/src/virtualenv.rs). If it is not here, that is written down.
#[must_use]
pub fn aiocoap(script: &str) -> Option<Command> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let python = root.join("target/aiocoap/bin/python");
    if !python.is_file() {
        not_here("aiocoap, of pip (cargo xtask test installs it below target)");
        return None;
    }
    let mut command = Command::new(python);
    command.arg(root.join("interop/oscore").join(script));
    Some(command)
}
