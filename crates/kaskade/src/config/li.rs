//! The section `[li]`.

use std::path::PathBuf;

use kaskade_net::role::li::LiOptions;
use kaskade_store::feed::FeedOptions;

use super::setting::settings;
use super::{Config, ConfigError};

settings! {
    /// Lawful interception.
    LiConfig {
        /// Folder of the feed, mode 0700, of its own. There is interception with it alone.
        directory: Option<PathBuf> = None => "\"/var/lib/kaskade-li\"",
        /// Unix socket of the principal of interception, in a folder that the node's user owns; `li.sock` in the directory if left out.
        socket: Option<PathBuf> = None => "\"/run/kaskade-li/li.sock\"",
        /// Users of this machine, by their numbers, who may administer interception and read its feed. Without any: the node's user.
        users: Vec<u32> = Vec::new(),
        /// Callers of the AAnF that are NEFs, as in aanf.functions: keys that they ask for are for application functions outside.
        nefs: Vec<String> = Vec::new(),
        /// Targets.
        max_targets: u64 [1..=65_536] = 4_096,
        /// Events of targets that wait in the store while the feed takes none. What is beyond is counted.
        max_waiting: u64 [1..=1_000_000] = 65_536,
        /// MiB of the feed: beyond, nothing is appended until it is archived.
        max_mib: u64 [1..=1_048_576] = 8_192,
    }
}

impl LiConfig {
    /// Where the socket is, where there is interception.
    pub fn socket(&self) -> Option<PathBuf> {
        let directory = self.directory.as_ref()?;
        Some(self.socket.clone().unwrap_or_else(|| directory.join("li.sock")))
    }

    /// How interception is set up, where there is some.
    pub fn options(&self) -> Option<LiOptions> {
        let feed = FeedOptions {
            most_octets: self.max_mib << 20,
            ..FeedOptions::new(self.directory.as_ref()?)
        };
        Some(LiOptions {
            feed,
            most_targets: usize::try_from(self.max_targets).unwrap_or(usize::MAX),
            most_waiting: self.max_waiting,
            nefs: self.nefs.iter().cloned().collect(),
        })
    }
}

impl Config {
    pub(super) fn check_li(&self) -> Result<(), ConfigError> {
        let value = |name, reason: &str| {
            let reason = reason.to_owned();
            Err(ConfigError::Value { name, reason })
        };
        let Some(directory) = &self.li.directory else {
            return match self.li == LiConfig::default() {
                true => Ok(()),
                false => value("li", "has settings, but no li.directory: they would not be used"),
            };
        };
        if !self.aanf.runs() {
            return value(
                "li.directory",
                "is set, and no AAnF runs here (a section [aanf]): there would be no events",
            );
        }
        // With the node's own files in it, whoever archives one would have the other.
        if *directory == self.data_dir || directory.starts_with(&self.data_dir) {
            return value("li.directory", "is in data_dir: name a folder of its own");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn parse(text: &str) -> Result<Config, String> {
        Config::parse(text, Path::new("k.toml")).map_err(|error| error.to_string())
    }

    #[test]
    fn interception_needs_a_folder_of_its_own_and_an_aanf() {
        let base = "[udm]\n[ausf]\n[aanf]\n";
        let config = parse(&format!("{base}[li]\ndirectory = \"/var/lib/li\"\nmax_mib = 3\n")).unwrap();
        let options = config.li.options().unwrap();
        assert_eq!(options.feed.most_octets, 3 << 20);
        assert_eq!(config.li.socket(), Some("/var/lib/li/li.sock".into()));
        assert!(parse(base).unwrap().li.options().is_none());
        for (text, why) in [
            (
                "[udm]\n[ausf]\n[li]\ndirectory = \"/var/lib/li\"\n",
                "no AAnF runs here",
            ),
            ("[udm]\n[ausf]\n[aanf]\n[li]\nusers = [1000]\n", "no li.directory"),
            (
                "[udm]\n[ausf]\n[aanf]\n[li]\ndirectory = \"kaskade-data/li\"\n",
                "a folder of its own",
            ),
        ] {
            let refused = parse(text).unwrap_err();
            assert!(refused.contains(why), "{refused}");
        }
    }
}
