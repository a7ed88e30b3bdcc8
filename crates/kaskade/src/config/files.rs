//! The TLS files that a configuration names, read.

use std::path::Path;

use kaskade_net::sbi::client::ClientOptions;
use kaskade_net::sbi::tls::{ClientTls, IdentityFiles, ServerTls, TlsError};

use super::document::Document;
use super::{Config, ConfigError, RemoteConfig, TlsConfig};

impl TlsConfig {
    /// TLS of the listener whose table this is, such as `udm.tls`; `None` where there is none.
    ///
    /// # Errors
    /// [`ConfigError::File`].
    pub fn server(&self, table: &str) -> Result<Option<ServerTls>, ConfigError> {
        let (Some(certificates), Some(key)) = (&self.cert, &self.key) else {
            return Ok(None);
        };
        let identity = IdentityFiles {
            certificates: certificates.clone(),
            key: key.clone(),
        };
        let authority = self.client_ca.as_deref();
        let names = Names {
            certificates: "cert",
            key: "key",
            authority: "client_ca",
        };
        let tls = ServerTls::new(&identity, authority);
        tls.map(Some)
            .map_err(|error| names.refusal(table, &error, Some(&identity), authority))
    }
}

impl RemoteConfig {
    /// How the peer is reached whose table this is, such as `ausf.udm`.
    ///
    /// # Errors
    /// [`ConfigError::File`].
    pub fn client_options(&self, table: &str) -> Result<ClientOptions, ConfigError> {
        let mut options = ClientOptions::default();
        options.insecure_h2c = self.insecure_h2c;
        let Some(ca) = &self.ca else { return Ok(options) };
        let identity = match (&self.client_cert, &self.client_key) {
            (Some(certificates), Some(key)) => Some(IdentityFiles {
                certificates: certificates.clone(),
                key: key.clone(),
            }),
            _ => None,
        };
        let names = Names {
            certificates: "client_cert",
            key: "client_key",
            authority: "ca",
        };
        let tls = ClientTls::new(ca, identity.as_ref());
        options.tls = Some(tls.map_err(|error| names.refusal(table, &error, identity.as_ref(), Some(ca)))?);
        Ok(options)
    }
}

/// What the settings of the three files are called in their table.
struct Names {
    certificates: &'static str,
    key: &'static str,
    authority: &'static str,
}

impl Names {
    /// Names the setting and the files, also where it is their content that does not fit.
    fn refusal(
        &self,
        table: &str,
        error: &TlsError,
        identity: Option<&IdentityFiles>,
        authority: Option<&Path>,
    ) -> ConfigError {
        let (setting, reason) = match (error, identity, authority) {
            (TlsError::Identity(_), Some(IdentityFiles { certificates, key }), _) => {
                let reason = format!("{} and {}: {error}", certificates.display(), key.display());
                (self.certificates, reason)
            }
            (TlsError::Authority(_), _, Some(authority)) => {
                (self.authority, format!("{}: {error}", authority.display()))
            }
            (error, identity, authority) => {
                let of = |path: &Path| error.path() == Some(path);
                let setting = match identity {
                    _ if authority.is_some_and(of) => self.authority,
                    Some(files) if of(&files.key) => self.key,
                    _ => self.certificates,
                };
                (setting, error.to_string())
            }
        };
        ConfigError::File {
            name: format!("{table}.{setting}"),
            reason,
        }
    }
}

impl Config {
    /// Reads the TLS files and secrets of each role that runs, and the TLS files of each peer that is asked and of the listener where the node
    /// is watched.
    ///
    /// # Errors
    /// [`ConfigError::File`], with where it stands in the file that this was read from.
    pub fn check_files(&self, file: Option<&Path>) -> Result<(), ConfigError> {
        let read = || {
            for role in self.roles() {
                if let Some(listening) = self.listening(role) {
                    listening.tls.server(&format!("{role}.tls"))?;
                }
            }
            self.ausf.udm.client_options("ausf.udm")?;
            self.ausf.aanf.client_options("ausf.aanf")?;
            if self.udm.uecm {
                self.udm.callbacks.client_options("udm.callbacks")?;
            }
            self.nrf.client_options("nrf")?;
            if self.aaa.runs() {
                self.aaa.tls.server("aaa.tls")?;
                self.radius()?;
            }
            if self.has_usage_keys() {
                self.emsk.tls.server("emsk.tls")?;
                self.emsk.callbacks.client_options("emsk.callbacks")?;
            }
            if self.aanf.runs() {
                self.aanf.callbacks.client_options("aanf.callbacks")?;
                let udm = &self.aanf.reauthentication.udm;
                udm.client_options("aanf.reauthentication.udm")?;
            }
            if self.nef.runs() {
                self.nef.notices.tls.server("nef.notices.tls")?;
                self.nef.callbacks.client_options()?;
                self.nef.tokens.options()?;
                for (name, aanf) in &self.nef.aanfs.0 {
                    aanf.client_options(name)?;
                }
            }
            self.admin.tls.server("admin.tls").map(drop)
        };
        read().map_err(|error| match file {
            Some(file) => Document::locate_in(file, error),
            None => error,
        })
    }
}
