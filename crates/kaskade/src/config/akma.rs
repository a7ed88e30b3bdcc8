//! What of AKMA the sections of AUSF and UDM say: where anchor keys go, and where AMFs are told.

use super::{CallbacksConfig, Config, ConfigError, Role, remote};

impl Config {
    /// Whether the AUSF registers anchor keys: there is an AAnF, here or elsewhere.
    pub fn has_anchor_keys(&self) -> bool {
        self.runs(Role::Ausf) && (self.runs(Role::Aanf) || self.ausf.aanf.is_elsewhere())
    }

    /// Refuses what contradicts itself or would not be used. Files are not read.
    pub(super) fn check_akma(&self) -> Result<(), ConfigError> {
        let refused = |name, reason: &str| {
            let reason = reason.to_owned();
            Err(ConfigError::Value { name, reason })
        };
        self.ausf.aanf.check(&remote::AANF, self.nrf.url.is_some())?;
        if !self.ausf.home_networks.is_empty() && self.runs(Role::Ausf) && !self.has_anchor_keys() {
            return refused(
                "ausf.home_networks",
                "is for A-KIDs, and there is no AAnF: let one run here (a section [aanf]), or name that of another process with ausf.aanf.url, \
                 or have it found with ausf.aanf.by_nrf",
            );
        }
        match self.udm.uecm {
            true => self.udm.callbacks.check("udm.callbacks", "udm.callbacks.roots"),
            false if self.udm.callbacks != CallbacksConfig::default() => refused(
                "udm.callbacks",
                "has settings, and udm.uecm is false: without it no AMF is told anything",
            ),
            false => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn parse(text: &str) -> Result<Config, ConfigError> {
        Config::parse(text, Path::new("k.toml"))
    }

    #[test]
    fn an_aanf_here_or_there_gets_the_anchor_keys() {
        for (text, has) in [
            ("", false),
            ("[udm]\n[ausf]\n[aanf]\n", true),
            (
                "[udm]\n[ausf]\nhome_networks = [\"001-01\"]\n[ausf.aanf]\nurl = \"http://127.0.0.1:7780\"\n",
                true,
            ),
            (
                "[udm]\n[ausf]\nhome_networks = [\"001-01:000007ED9D5\"]\n[aanf]\n",
                true,
            ),
            ("[udm]\n[aanf]\n", false),
        ] {
            assert_eq!(parse(text).expect(text).has_anchor_keys(), has, "{text}");
        }
    }

    #[test]
    fn amfs_are_told_where_the_section_says() {
        let text =
            "[udm]\nuecm = true\n[udm.callbacks.roots]\n\"amf.example.org\" = [\"http://127.0.0.1:8000\"]\n[ausf]\n";
        let config = parse(text).expect(text);
        let printed = config.commented_toml();
        assert_eq!(parse(&printed).expect(&printed), config);
        config.requesters().expect("known");
    }

    #[test]
    fn what_would_not_be_used_is_refused_where_it_stands() {
        for (text, place, name) in [
            (
                "[udm]\n[ausf]\nhome_networks = [\"001-01\"]\n",
                "line 3, column 1",
                "ausf.home_networks",
            ),
            ("[udm]\n[ausf]\n[ausf.aanf]\nca = \"ca.pem\"\n", "line 3", "ausf.aanf"),
            (
                "[udm]\n[ausf]\nhome_networks = [\"001-01:1\"]\n[aanf]\n",
                "line 3, column 17",
                "MCC-MNC:NID",
            ),
            (
                "[udm]\n[ausf]\n[ausf.aanf]\nurl = \"http://192.0.2.1:1\"\n",
                "line 4",
                "ausf.aanf.url",
            ),
            (
                "[udm]\n[udm.callbacks]\nca = \"ca.pem\"\n[ausf]\n",
                "line 2",
                "udm.callbacks",
            ),
            (
                "[udm]\nuecm = true\n[udm.callbacks.roots]\na = [\"https://amf.example.org\"]\n[ausf]\n",
                "line 3",
                "udm.callbacks.roots",
            ),
        ] {
            let refused = parse(text).expect_err(text).to_string();
            assert!(refused.contains(place) && refused.contains(name), "{refused}");
        }
    }
}
