//! The section `[hostapd_auc]`: where hostapd's EAP server asks for vectors, in a laboratory.

use std::path::{Path, PathBuf};

use kaskade_codec::eap::AkaMethod;
use kaskade_faults::fault;
use kaskade_net::hostapd_auc::{AucSocket, check_path};

use super::setting::settings;
use super::{Config, ConfigError};

settings! {
    /// The AuC of hostapd's EAP server.
    HostapdAucConfig {
        /// Unix socket that hostapd asks for vectors of EAP-AKA', made with mode 0600.
        aka_prime: Option<PathBuf> = None => "\"/run/kaskade/aka-prime.sock\"",
        /// That for vectors of EAP-AKA.
        aka: Option<PathBuf> = None => "\"/run/kaskade/aka.sock\"",
        /// Let CK and IK leave the home: whoever reads them makes every key of the authentication, and TS 33.402 forbids it. For
        /// laboratories only.
        insecure_ck_ik: bool = false,
    }
}

impl HostapdAucConfig {
    /// Where there is a socket, by the name of its setting.
    fn named(&self) -> impl Iterator<Item = (&'static str, AkaMethod, &Path)> {
        let prime = ("hostapd_auc.aka_prime", AkaMethod::AkaPrime, &self.aka_prime);
        let plain = ("hostapd_auc.aka", AkaMethod::Aka, &self.aka);
        let both = [prime, plain].into_iter();
        both.filter_map(|(name, method, path)| Some((name, method, path.as_deref()?)))
    }
}

impl Config {
    /// The sockets that hostapd asks: where a UDM runs in this process.
    pub fn hostapd_sockets(&self) -> Vec<AucSocket> {
        let named = self.hostapd_auc.named().filter(|_| self.has_udm());
        let socket = |(_, method, path): (_, _, &Path)| AucSocket {
            path: path.to_owned(),
            method,
        };
        named.map(socket).collect()
    }

    /// Of all roles that have a section, one must be able to answer.
    pub(super) fn check_udm_for_hostapd(&self) -> Result<(), ConfigError> {
        match self.hostapd_auc.named().next() {
            Some((name, ..)) if !self.has_udm() => Err(ConfigError::Value {
                name,
                reason: "there is no UDM in this process that could answer: let one run here too, by a section [udm] or [aaa]".into(),
            }),
            _ => Ok(()),
        }
    }

    pub(super) fn check_hostapd_auc(&self) -> Result<(), ConfigError> {
        let auc = &self.hostapd_auc;
        let value = |name, reason: &str| {
            let reason = reason.to_owned();
            Err(ConfigError::Value { name, reason })
        };
        for (name, _, path) in auc.named() {
            if !auc.insecure_ck_ik && !fault!("hostapd-served-unasked") {
                return value(
                    name,
                    "whoever asks there gets CK and IK themselves, which TS 33.402 forbids: leave it out, or allow it in a laboratory \
                     with insecure_ck_ik = true",
                );
            }
            if let Err(error) = check_path(path) {
                return value(name, &error.to_string());
            }
        }
        if auc.insecure_ck_ik && auc.named().next().is_none() {
            return value(
                "hostapd_auc.insecure_ck_ik",
                "is true without aka_prime and aka: it would not be used, leave it out",
            );
        }
        if auc.aka.is_some() && auc.aka == auc.aka_prime {
            return value(
                "hostapd_auc.aka",
                "is aka_prime too: the socket says for which method a vector is, so that each has its own",
            );
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Role;

    fn parse(text: &str) -> Result<Config, ConfigError> {
        Config::parse(text, Path::new("k.toml"))
    }

    #[test]
    fn hostapd_is_served_only_where_somebody_says_that_it_may() {
        let long = "x".repeat(108);
        for (text, says) in [
            (
                "[hostapd_auc]\naka_prime = \"a\"\n",
                "line 2, column 1: hostapd_auc.aka_prime: whoever asks there gets CK and IK",
            ),
            ("[hostapd_auc]\naka = \"a\"\n", "hostapd_auc.aka: whoever asks there"),
            (
                "[hostapd_auc]\ninsecure_ck_ik = true\n",
                "line 2, column 1: hostapd_auc.insecure_ck_ik: is true without",
            ),
            (
                "[hostapd_auc]\ninsecure_ck_ik = true\naka = \"a\"\naka_prime = \"a\"\n",
                "hostapd_auc.aka: is aka_prime too",
            ),
            (
                "[ausf]\nudm = { url = \"http://127.0.0.1:1\" }\n[hostapd_auc]\ninsecure_ck_ik = true\naka = \"a\"\n",
                "hostapd_auc.aka: there is no UDM in this process",
            ),
            (
                "[hostapd_auc]\ninsecure_ck_ik = true\naka = \"\"\n",
                "has 1 to 107 octets, none of them NUL: this one has 0",
            ),
            (
                "[hostapd_auc]\ninsecure_ck_ik = true\naka = \"\\u0000abstract\"\n",
                "none of them NUL: this one has 9",
            ),
            (
                &format!("[hostapd_auc]\ninsecure_ck_ik = true\naka = \"{long}\"\n"),
                "this one has 108",
            ),
        ] {
            let said = parse(text).expect_err(text).to_string();
            assert!(said.contains(says), "{said}\n{says}");
        }
        let fine = parse(&format!(
            "[aaa]\n[hostapd_auc]\ninsecure_ck_ik = true\naka = \"{}\"\naka_prime = \"b\"\n",
            &long[1..]
        ));
        let mut fine = fine.expect("fine");
        let sockets = fine.hostapd_sockets();
        let methods: Vec<_> = sockets.iter().map(|socket| socket.method).collect();
        assert_eq!(methods, [AkaMethod::AkaPrime, AkaMethod::Aka]);
        assert!(Config::default().hostapd_sockets().is_empty(), "off by default");
        // Of several processes with this configuration the one with the UDM is asked.
        fine.run(Role::Ausf);
        fine.ausf.udm.url = Some("http://127.0.0.1:1".to_owned());
        fine.keep_roles(&[Role::Ausf]).expect("it has another UDM");
        assert!(fine.hostapd_sockets().is_empty());
    }
}
