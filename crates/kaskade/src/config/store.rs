//! Where the store is: in a file of the data folder, or in PostgreSQL.

use std::path::PathBuf;

use kaskade_store::postgres::{NoServer, PostgresOptions};

use super::{ConfigError, StoreConfig};

impl StoreConfig {
    /// The database that has the store; `None` where a file has it.
    pub fn server(&self) -> Option<PostgresOptions> {
        let mut options = PostgresOptions::new(self.postgres.as_ref()?);
        options.node = self.node_index.into();
        options.ca.clone_from(&self.postgres_ca);
        options.cert.clone_from(&self.postgres_cert);
        options.key.clone_from(&self.postgres_key);
        options.password_file.clone_from(&self.postgres_password_file);
        Some(options)
    }

    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let value = |name, reason: String| Err(ConfigError::Value { name, reason });
        let Some(server) = self.server() else {
            let others: [(_, &Option<PathBuf>); 4] = [
                ("store.postgres_ca", &self.postgres_ca),
                ("store.postgres_cert", &self.postgres_cert),
                ("store.postgres_key", &self.postgres_key),
                ("store.postgres_password_file", &self.postgres_password_file),
            ];
            return match others.into_iter().find(|(_, file)| file.is_some()) {
                Some((name, _)) => value(name, "is set without store.postgres".to_owned()),
                None => Ok(()),
            };
        };
        if let Err(NoServer(reason)) = server.check() {
            return value("store.postgres", reason);
        }
        if self.node_count > 1 {
            let reason = "is of nodes with files of their own; those of one database are counted in it: set store.node_index alone";
            return value("store.node_count", reason.to_owned());
        }
        Ok(())
    }
}
