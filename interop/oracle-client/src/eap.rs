//! Where other people's EAP programs are, and what the peer prints of the keys that it derives.

use crate::{from_hex, not_here};
use std::path::{Path, PathBuf};
use std::process::Command;

/// `eapol_test`: an EAP peer with a USIM in software behind a RADIUS client, of the project hostap. `cargo xtask test` builds it
/// (xtask/src/from_source.rs). If it is not here, that is written down.
#[must_use]
pub fn eapol_test() -> Option<Command> {
    let path = debian("built/eapol_test");
    if !path.is_file() {
        not_here("eapol_test, built out of Debian's source package wpa (cargo xtask test builds it)");
        return None;
    }
    Some(Command::new(path))
}

/// `hostapd`: a RADIUS and EAP server that asks an AuC for vectors, of the project hostap. `cargo xtask test` unpacks it
/// (xtask/src/unpacked.rs). If it is not here, that is written down.
#[must_use]
pub fn hostapd() -> Option<Command> {
    let path = debian("usr/sbin/hostapd");
    if !path.is_file() {
        not_here("hostapd, of Debian's package of that name (cargo xtask test unpacks it)");
        return None;
    }
    let libraries = ["usr/lib", "lib"].map(|folder| {
        let folder = debian(&format!("{folder}/{}-linux-gnu", std::env::consts::ARCH));
        folder.display().to_string()
    });
    let mut command = Command::new(path);
    command.env("LD_LIBRARY_PATH", libraries.join(":"));
    Some(command)
}

fn debian(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../target/debian")
        .join(path)
}

/// What `eapol_test` printed.
#[derive(Clone, Debug)]
pub struct Printed(String);

impl Printed {
    /// Of its standard output.
    #[must_use]
    pub fn new(stdout: &[u8]) -> Self {
        Self(String::from_utf8_lossy(stdout).into_owned())
    }

    /// All that was printed, for a message.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.0
    }

    /// Every value that was printed under a name, such as `EAP-AKA': EMSK`, in order: one for each run of a series, or more.
    #[must_use]
    pub fn all(&self, name: &str) -> Vec<Vec<u8>> {
        let value = |line: &str| {
            let value = line.strip_prefix(name)?.strip_prefix(" - hexdump(len=")?;
            let (_, octets) = value.split_once("):")?;
            Some(from_hex(&octets.replace(' ', "")))
        };
        self.0.lines().filter_map(value).collect()
    }

    /// Every text that was printed under a name, such as `EAP method updated anonymous_identity`, in order.
    #[must_use]
    pub fn texts(&self, name: &str) -> Vec<String> {
        let mut lines = self.0.lines();
        let mut found = Vec::new();
        while let Some(line) = lines.next() {
            let rest = line
                .strip_prefix(name)
                .and_then(|line| line.strip_prefix(" - hexdump_ascii(len="));
            let Some(len) = rest.and_then(|rest| rest.strip_suffix("):")?.parse::<usize>().ok()) else {
                continue;
            };
            // Sixteen octets a line: their digits, then their characters.
            let digits = |line: &str| line.get(5..53).unwrap_or_default().replace(' ', "");
            let text: String = lines.by_ref().take(len.div_ceil(16)).map(digits).collect();
            found.push(String::from_utf8_lossy(&from_hex(&text)).into_owned());
        }
        found
    }

    /// The last of [`Printed::all`].
    ///
    /// # Panics
    /// If there is none.
    #[must_use]
    pub fn last(&self, name: &str) -> Vec<u8> {
        match self.all(name).pop() {
            Some(value) => value,
            None => panic!("eapol_test printed no {name}:\n{}", self.0),
        }
    }

    /// How many runs of a series ended well.
    #[must_use]
    pub fn successes(&self) -> usize {
        self.0.matches("CTRL-EVENT-EAP-SUCCESS").count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_found_by_their_whole_name() {
        let printed = Printed::new(
            b"EAP: EMSK - hexdump(len=2): 01 02\nEAP: EMSKname - hexdump(len=1): 03\nEAP: EMSK - hexdump(len=1): ff\n\
              EAP: Session-Id - hexdump(len=0):\nCTRL-EVENT-EAP-SUCCESS x\n",
        );
        assert_eq!(printed.all("EAP: EMSK"), [vec![1, 2], vec![0xff]]);
        assert_eq!(printed.last("EAP: EMSKname"), [3]);
        assert_eq!(printed.last("EAP: Session-Id"), [0_u8; 0]);
        assert_eq!(printed.successes(), 1);
    }

    #[test]
    fn texts_are_put_together_line_by_line() {
        let printed = Printed::new(
            b"name - hexdump_ascii(len=18):\n     \
              37 61 44 75 6c 4c 65 32 39 5f 34 4b 7a 78 6e 47   7aDulLe29_4KzxnG\n     \
              6d 61                                             ma              \nname - hexdump_ascii(len=0):\n",
        );
        assert_eq!(printed.texts("name"), ["7aDulLe29_4KzxnGma", ""]);
    }
}
