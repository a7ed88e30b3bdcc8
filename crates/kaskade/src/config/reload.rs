//! What of a configuration may change while a node runs.

use std::collections::BTreeMap;
use std::path::Path;

use super::document::Document;
use super::{Config, ConfigError};

/// Settings, and tables of settings, that a running node takes over.
const CHANGEABLE: &[&str] = &[
    "udm.tls.cert",
    "udm.tls.key",
    "udm.tls.client_ca",
    "ausf.tls.cert",
    "ausf.tls.key",
    "ausf.tls.client_ca",
    "aaa.network",
    "aaa.clients",
    "aaa.tls.cert",
    "aaa.tls.key",
    "aaa.tls.client_ca",
    "emsk.usages",
    "emsk.domains",
    "emsk.callbacks.roots",
    "emsk.callbacks.ca",
    "emsk.callbacks.client_cert",
    "emsk.callbacks.client_key",
    "emsk.tls.cert",
    "emsk.tls.key",
    "emsk.tls.client_ca",
    "aanf.ausfs",
    "aanf.barred_networks",
    "aanf.functions",
    "aanf.callbacks.roots",
    "aanf.callbacks.ca",
    "aanf.callbacks.client_cert",
    "aanf.callbacks.client_key",
    "aanf.reauthentication.udm.ca",
    "aanf.reauthentication.udm.client_cert",
    "aanf.reauthentication.udm.client_key",
    "aanf.tls.cert",
    "aanf.tls.key",
    "aanf.tls.client_ca",
    "nef.afs",
    "nef.callbacks.ca",
    "nef.callbacks.client_cert",
    "nef.callbacks.client_key",
    "nef.tls.cert",
    "nef.tls.key",
    "nef.tls.client_ca",
    "nef.notices.tls.cert",
    "nef.notices.tls.key",
    "nef.notices.tls.client_ca",
    "ausf.udm.ca",
    "ausf.udm.client_cert",
    "ausf.udm.client_key",
    "ausf.aanf.ca",
    "ausf.aanf.client_cert",
    "ausf.aanf.client_key",
    "udm.callbacks.roots",
    "udm.callbacks.ca",
    "udm.callbacks.client_cert",
    "udm.callbacks.client_key",
    "nrf.ca",
    "nrf.client_cert",
    "nrf.client_key",
    "admin.tls.cert",
    "admin.tls.key",
    "admin.tls.client_ca",
    "admin.roles",
    "policy.serving_networks",
    "policy.serving_network_names",
    "policy.any_serving_network",
    "policy.reserved",
    "policy.access",
    "oauth2.keys",
    "oauth2.algorithm",
    "oauth2.issuers",
    "oauth2.instances",
    "oauth2.networks",
    "oauth2.leeway",
    "oauth2.required",
    "groups",
    "log.filter",
];

impl Config {
    /// Its values by their names.
    fn leaves(&self) -> BTreeMap<String, String> {
        let mut leaves = Vec::new();
        self.each(|setting, name, _| setting.leaves("", name, &mut leaves));
        leaves.into_iter().collect()
    }

    /// Whether a running node can take over another configuration, read from this file.
    ///
    /// # Errors
    /// [`ConfigError`] with the first setting that only a new start changes, and where it stands.
    pub fn may_become(&self, next: &Self, file: Option<&Path>) -> Result<(), ConfigError> {
        let (have, get) = (self.leaves(), next.leaves());
        let names = get.keys().chain(have.keys().filter(|name| !get.contains_key(*name)));
        let Some(name) = names
            .filter(|name| !CHANGEABLE.contains(&name.as_str()))
            .find(|name| have.get(*name) != get.get(*name))
        else {
            return Ok(());
        };
        let error = ConfigError::Fixed { name: name.clone() };
        Err(match file {
            Some(file) => Document::locate_in(file, error),
            None => error,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Config {
        Config::parse(text, Path::new("k.toml")).expect(text)
    }

    #[test]
    fn what_may_change_is_there() {
        let leaves = parse("[udm]\n[ausf]\n[aaa]\n[emsk]\n[aanf]\n[nef.aanfs.a]\nrealm = \"5gc.mnc001.mcc001.3gppnetwork.org\"\nurl = \"http://127.0.0.1:1\"\n").leaves();
        for name in CHANGEABLE {
            assert!(leaves.contains_key(*name), "{name}");
        }
    }

    #[test]
    fn what_only_a_new_start_changes_is_named() {
        let running = parse("[policy]\nserving_networks = [\"001-01\"]\n");
        for fine in [
            "[policy]\nserving_networks = [\"001-01\", \"310-410\"]\n[groups]\na = [\"b\"]\n",
            "[log]\nfilter = \"debug\"\n",
            "[ausf]\n[udm]\n",
        ] {
            running.may_become(&parse(fine), None).expect(fine);
        }
        for (other, name) in [
            ("[ausf]\nlisten = \"127.0.0.1:1\"\n[udm]\n", "ausf.listen"),
            ("data_dir = \"elsewhere\"\n", "data_dir"),
            ("[budget]\ncard = \"1/h burst 1\"\n", "budget.card"),
            ("[udm]\n", "ausf"),
            ("[audit]\nenabled = false\n", "audit.enabled"),
        ] {
            let refused = running.may_become(&parse(other), None).expect_err(other).to_string();
            assert!(refused.starts_with(&format!("{name}: ")), "{refused}");
        }
    }

    #[test]
    fn where_it_stands_is_said() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("k.toml");
        std::fs::write(&file, "[limits]\n\nidle = 61\n").expect("written");
        let next = Config::read(&file).expect("fine");
        let refused = Config::default()
            .may_become(&next, Some(&file))
            .expect_err("fixed")
            .to_string();
        assert!(refused.contains("line 3, column 1: limits.idle"), "{refused}");
    }
}
