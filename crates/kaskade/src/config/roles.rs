//! Which roles run: those that have a section, and all where none has one.

use std::fmt;
use std::net::SocketAddr;
use std::ops::{Deref, DerefMut};

use serde::{Deserialize, Deserializer};

use super::document::Document;
use super::setting::{About, NumberRange, Printed, Setting};
use super::{Config, ConfigError, TlsConfig};

/// A role, by the name of its section.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
#[non_exhaustive]
pub enum Role {
    /// UDM, ARPF and SIDF
    Udm,
    /// AUSF
    Ausf,
    /// AAA server behind RADIUS, with a UDM of its own where none runs beside it
    Aaa,
    /// AAnF: keys for applications, AKMA
    Aanf,
    /// NEF, for application functions outside
    Nef,
}

impl Role {
    /// All of them, in the order in which they start.
    pub const ALL: [Self; 5] = [Self::Udm, Self::Ausf, Self::Aaa, Self::Aanf, Self::Nef];

    /// Those that run where none has a section.
    pub const USUAL: [Self; 2] = [Self::Udm, Self::Ausf];

    /// What an NRF calls it (NFType of TS 29.510 6.1.6.3.3). What speaks no HTTP is not registered.
    pub const fn nf_type(self) -> &'static str {
        match self {
            Self::Udm => "UDM",
            Self::Ausf => "AUSF",
            Self::Aaa => "AAA",
            Self::Aanf => "AANF",
            Self::Nef => "NEF",
        }
    }

    /// The name of its section.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Udm => "udm",
            Self::Ausf => "ausf",
            Self::Aaa => "aaa",
            Self::Aanf => "aanf",
            Self::Nef => "nef",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The section of a role: its settings, and whether the role runs. One that is not `USUAL` runs with a section alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section<T, const USUAL: bool = true> {
    runs: bool,
    settings: T,
}

impl<T, const USUAL: bool> Section<T, USUAL> {
    /// Whether its role runs.
    pub const fn runs(&self) -> bool {
        self.runs
    }
}

impl<T: Default, const USUAL: bool> Default for Section<T, USUAL> {
    fn default() -> Self {
        Self {
            runs: USUAL,
            settings: T::default(),
        }
    }
}

impl<T, const USUAL: bool> Deref for Section<T, USUAL> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.settings
    }
}

impl<T, const USUAL: bool> DerefMut for Section<T, USUAL> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.settings
    }
}

impl<'de, T: Deserialize<'de>, const USUAL: bool> Deserialize<'de> for Section<T, USUAL> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let settings = T::deserialize(deserializer)?;
        Ok(Self { runs: true, settings })
    }
}

impl<T: Setting, const USUAL: bool> Setting for Section<T, USUAL> {
    /// Nothing where its role does not run, as a section that is there starts it; or, of a role that has to be asked for, a comment.
    fn print(&self, path: &str, name: &str, about: &About<'_>, to: &mut Printed) {
        if self.runs {
            self.settings.print(path, name, about, to);
        } else if !USUAL {
            let mut printed = Printed::default();
            self.settings.print(path, name, about, &mut printed);
            for line in (printed.values + &printed.tables).lines() {
                let sign = if line.is_empty() { "" } else { "# " };
                to.tables.push_str(&format!("{sign}{line}\n"));
            }
        }
    }

    fn ranges(&self, path: &str, name: &str, about: &About<'_>, to: &mut Vec<NumberRange>) {
        self.settings.ranges(path, name, about, to);
    }

    fn leaves(&self, path: &str, name: &str, to: &mut Vec<(String, String)>) {
        if self.runs {
            to.push((format!("{path}{name}"), String::new()));
            self.settings.leaves(path, name, to);
        }
    }
}

/// How the service of a role listens.
#[derive(Clone, Copy, Debug)]
pub struct Listening<'c> {
    /// Where.
    pub listen: SocketAddr,
    /// Root of the URIs in answers.
    pub api_root: Option<&'c str>,
    /// Its TLS.
    pub tls: &'c TlsConfig,
    /// Whether clear text may leave this machine.
    pub insecure_h2c: bool,
}

impl Config {
    /// How the service of a role listens, where the role runs and has one: what speaks RADIUS has none.
    pub fn listening(&self, role: Role) -> Option<Listening<'_>> {
        let listening = match role {
            Role::Udm => Listening {
                listen: self.udm.listen,
                api_root: self.udm.api_root.as_deref(),
                tls: &self.udm.tls,
                insecure_h2c: self.udm.insecure_h2c,
            },
            Role::Ausf => Listening {
                listen: self.ausf.listen,
                api_root: self.ausf.api_root.as_deref(),
                tls: &self.ausf.tls,
                insecure_h2c: self.ausf.insecure_h2c,
            },
            Role::Nef => Listening {
                listen: self.nef.listen,
                api_root: self.nef.api_root.as_deref(),
                tls: &self.nef.tls,
                insecure_h2c: self.nef.insecure_h2c,
            },
            Role::Aaa => return None,
            Role::Aanf => Listening {
                listen: self.aanf.listen,
                api_root: self.aanf.api_root.as_deref(),
                tls: &self.aanf.tls,
                insecure_h2c: self.aanf.insecure_h2c,
            },
        };
        self.runs(role).then_some(listening)
    }

    /// Whether a role runs.
    pub const fn runs(&self, role: Role) -> bool {
        match role {
            Role::Udm => self.udm.runs,
            Role::Ausf => self.ausf.runs,
            Role::Aaa => self.aaa.runs,
            Role::Aanf => self.aanf.runs,
            Role::Nef => self.nef.runs,
        }
    }

    /// The roles that run.
    pub fn roles(&self) -> impl Iterator<Item = Role> + '_ {
        Role::ALL.into_iter().filter(|role| self.runs(*role))
    }

    /// Lets a role run, too.
    pub fn run(&mut self, role: Role) {
        self.let_run(role, true);
    }

    fn let_run(&mut self, role: Role, runs: bool) {
        match role {
            Role::Udm => self.udm.runs = runs,
            Role::Ausf => self.ausf.runs = runs,
            Role::Aaa => self.aaa.runs = runs,
            Role::Aanf => self.aanf.runs = runs,
            Role::Nef => self.nef.runs = runs,
        }
    }

    /// Lets the usual roles run and no other, whatever has a section.
    pub fn run_usual_roles(&mut self) {
        for role in Role::ALL {
            self.let_run(role, Role::USUAL.contains(&role));
        }
    }

    /// Whether there is a UDM in this process: the role, or the one that an AAA server has for itself.
    pub const fn has_udm(&self) -> bool {
        self.udm.runs || self.aaa.runs
    }

    /// The usual roles run where the file has a section of none.
    pub(super) fn settle_roles(&mut self, document: &Document<'_>) {
        let has = |role: &Role| document.has(role.name());
        if Role::ALL.iter().any(has) {
            for role in Role::ALL {
                self.let_run(role, has(&role));
            }
        }
    }

    /// Only these roles run; with none named, all that have a section.
    ///
    /// # Errors
    /// [`ConfigError::Value`] where one has no section while others have, or where what is left cannot run alone.
    pub fn keep_roles(&mut self, only: &[Role]) -> Result<(), ConfigError> {
        if only.is_empty() {
            return Ok(());
        }
        for role in only {
            if !self.runs(*role) {
                let have: Vec<_> = self.roles().map(Role::name).collect();
                return Err(ConfigError::Value {
                    name: role.name(),
                    reason: format!(
                        "has no section in the configuration, which has {}: add [{role}]",
                        have.join(" and ")
                    ),
                });
            }
        }
        for role in Role::ALL {
            self.let_run(role, only.contains(&role));
        }
        self.check_roles()
    }

    /// Whether each role that runs has what it asks for.
    pub(super) fn check_roles(&self) -> Result<(), ConfigError> {
        if self.ausf.runs && !self.udm.runs && self.ausf.udm.url.is_none() {
            return Err(ConfigError::Value {
                name: "ausf",
                reason: "there is no UDM for it: let one run here too (a section [udm]), or name that of another process with \
                         ausf.udm.url"
                    .into(),
            });
        }
        Ok(())
    }
}
