//! Variables of the environment, which override the file.

use std::net::SocketAddr;

use super::{Config, ConfigError, NotAFilter, Parsed, Role};

const UDM: &str = "KASKADE_UDM_LISTEN";
const AUSF: &str = "KASKADE_AUSF_LISTEN";
const ADMIN: &str = "KASKADE_ADMIN_LISTEN";

impl Config {
    /// Applies environment variables, which `variable` looks up.
    ///
    /// # Errors
    /// [`ConfigError::Environment`]: a variable does not parse, or a node with it could not listen.
    pub fn apply_environment(&mut self, variable: impl Fn(&str) -> Option<String>) -> Result<(), ConfigError> {
        let address = |name: &'static str| -> Result<Option<SocketAddr>, ConfigError> {
            variable(name)
                .map(|text| text.parse())
                .transpose()
                .map_err(|_| ConfigError::Environment {
                    name,
                    reason: "not an address with a port, such as 127.0.0.1:7777".into(),
                })
        };
        if let Some(listen) = address(UDM)? {
            self.udm.listen = listen;
        }
        if let Some(listen) = address(AUSF)? {
            self.ausf.listen = listen;
        }
        if let Some(listen) = address(ADMIN)? {
            self.admin.listen = Some(listen);
        }
        let [udm, ausf, admin] = [UDM, AUSF, ADMIN].map(|name| variable(name).is_some().then_some(name));
        let checked = self
            .check_listeners()
            .and_then(|()| self.check_registration())
            .and_then(|()| self.admin.check())
            .and_then(|()| self.check_admin_address());
        if let Err(ConfigError::Value { name: setting, reason }) = checked {
            let of_ausf = setting == "ausf.listen" || self.beside_admin().is_some_and(|(role, _)| role == Role::Ausf);
            let of_role = if of_ausf { ausf.or(udm) } else { udm.or(ausf) };
            let name = if setting.starts_with("admin.") {
                admin.or(of_role)
            } else {
                of_role
            };
            // Without a variable: the file alone was in order.
            if let Some(name) = name {
                return Err(ConfigError::Environment { name, reason });
            }
        }
        if let Some(path) = variable("KASKADE_DATA_DIR") {
            self.data_dir = path.into();
        }
        if let Some(filter) = variable("KASKADE_LOG") {
            self.log.filter = filter
                .parse()
                .map(Parsed)
                .map_err(|error: NotAFilter| ConfigError::Environment {
                    name: "KASKADE_LOG",
                    reason: error.to_string(),
                })?;
        }
        Ok(())
    }
}
