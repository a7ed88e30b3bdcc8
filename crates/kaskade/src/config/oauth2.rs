//! Access tokens as the gate takes them.

use std::sync::Arc;
use std::time::Duration;

use kaskade_net::sbi::token::{MAX_KEYS, TokenKey, TokenRules, Verifier};

use kaskade_store::private::{self, Use};

use super::{ConfigError, Oauth2Config};

/// More than a key in PEM has.
const LONGEST_KEY: u64 = 64 << 10;

fn refused(name: &'static str, reason: impl Into<String>) -> ConfigError {
    let reason = reason.into();
    ConfigError::Value { name, reason }
}

impl Oauth2Config {
    /// Refuses settings that would not be used, or by which nothing could be verified. Files are not read.
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        match self.keys.0.len() {
            0 if *self == Self::default() => Ok(()),
            0 => Err(refused(
                "oauth2",
                "has settings, but no key under oauth2.keys: no token could be verified",
            )),
            1..=MAX_KEYS if self.issuers.is_empty() => Err(refused(
                "oauth2.keys",
                "has a key, but oauth2.issuers names no NRF: no token would be taken",
            )),
            1..=MAX_KEYS => Ok(()),
            more => Err(refused("oauth2.keys", format!("has {more} keys, {MAX_KEYS} at most"))),
        }
    }

    /// What verifies tokens, with its keys read; `None` where nobody looks at them.
    ///
    /// # Errors
    /// [`ConfigError::Value`]: a file cannot be read, or has no key for the algorithm.
    pub fn verifier(&self) -> Result<Option<Arc<Verifier>>, ConfigError> {
        if self.keys.0.is_empty() {
            return Ok(None);
        }
        let mut keys = Vec::new();
        for (kid, path) in &self.keys.0 {
            let wrong = |reason: String| refused("oauth2.keys", format!("{}: {reason}", path.display()));
            // As a TLS authority: who can change it lets anybody in.
            let pem = private::read(path, Use::Trusted, LONGEST_KEY).map_err(|error| wrong(error.to_string()))?;
            keys.push(TokenKey::from_pem(&pem, self.algorithm.0, Some(kid)).map_err(|error| wrong(error.to_string()))?);
        }
        let rules = TokenRules {
            issuers: self.issuers.iter().map(|issuer| issuer.0.to_string()).collect(),
            keys,
            instances: self.instances.iter().map(|instance| instance.0.to_string()).collect(),
            networks: self.networks.iter().map(|plmn| plmn.0).collect(),
            leeway: Duration::from_secs(self.leeway),
        };
        let verifier = Verifier::new(rules).map_err(|error| refused("oauth2", error.to_string()))?;
        Ok(Some(Arc::new(verifier)))
    }
}
