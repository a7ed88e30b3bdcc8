//! Which usages there are, whose keys they are, and how long those live.

use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::time::Duration;

use kaskade_faults::fault;
use kaskade_keys::id::{Fqdn, Snssai, UsageApplication, UsageData, UsageLabel};

use super::{KeyOf, NotAdmitted, RegistryError};

/// Names that are noted have 1 to so many octets.
pub(super) const LONGEST_NAME: usize = 255;

/// Who may ask, by name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Who {
    /// One peer, by the name that its certificate or token gives it.
    Principal(String),
    /// All peers of a group.
    Group(String),
}

impl Who {
    fn name(&self) -> &str {
        let (Self::Principal(name) | Self::Group(name)) = self;
        name
    }

    fn is(&self, caller: &Caller<'_>) -> bool {
        match self {
            Self::Principal(name) => name == caller.principal,
            Self::Group(name) => caller.groups.iter().any(|group| group == name),
        }
    }
}

/// Whoever asks.
#[derive(Clone, Copy, Debug)]
pub struct Caller<'a> {
    /// Its name, as it is authenticated.
    pub principal: &'a str,
    /// The groups that it belongs to.
    pub groups: &'a [String],
}

/// Who may have keys of a usage, and of which slices.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// Who.
    pub who: Who,
    /// The slices; none: all of them. Of no meaning for a usage that knows no slices.
    pub slices: Vec<Snssai>,
}

impl Grant {
    /// Of all slices.
    pub const fn to(who: Who) -> Self {
        Self {
            who,
            slices: Vec::new(),
        }
    }
}

/// What the data of a usage are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DataRule {
    /// There are none: the usage has one key.
    None,
    /// Any octets, at most so many.
    Octets {
        /// 0 to 2048.
        most: usize,
    },
    /// Those of service keys: the project profile "usage data".
    Service,
    /// Those of slice keys: the project profile "usage data".
    Slice,
}

/// A usage of the EMSK.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Usage {
    /// Its label, which says what the keys are for.
    pub label: UsageLabel,
    /// Where its keys are DSUSRKs, the domain.
    pub domain: Option<Fqdn>,
    /// What tells apart its keys.
    pub data: DataRule,
    /// Who may have them.
    pub grants: Vec<Grant>,
    /// How long they live, from the birth of the EMSK on, and never longer than it.
    pub lifetime: Duration,
}

/// A domain with a key server of its own, such as the ER server of a visited network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Domain {
    /// Its name.
    pub domain: Fqdn,
    /// Its key servers.
    pub servers: Vec<Who>,
    /// How long its DSRK lives, from the birth of the EMSK on, and never longer than it.
    pub lifetime: Duration,
}

/// What somebody asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    /// The usage.
    pub label: UsageLabel,
    /// In which domain.
    pub domain: Option<Fqdn>,
    /// Which of its keys.
    pub data: Wanted,
}

/// Which of the keys of a usage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// The only one.
    TheKey,
    /// That of these octets.
    Octets(UsageData),
    /// That of a service's application.
    Service(UsageApplication),
    /// That of a slice, and of an application in it, if one is named.
    Slice(Snssai, Option<UsageApplication>),
}

/// A request that whoever asks may make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admitted {
    pub(super) of: KeyOf,
    pub(super) slice: Option<Snssai>,
    pub(super) application: Option<UsageApplication>,
    pub(super) principal: String,
    pub(super) lifetime: Duration,
}

impl Admitted {
    /// Which key it is for.
    pub const fn of(&self) -> &KeyOf {
        &self.of
    }
}

/// A request for the root key of a domain, by its key server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdmittedDomain {
    pub(crate) domain: Fqdn,
    pub(super) principal: String,
    pub(super) lifetime: Duration,
}

impl AdmittedDomain {
    /// Which domain.
    pub const fn domain(&self) -> &Fqdn {
        &self.domain
    }
}

/// All usages and domains, as they are configured.
#[derive(Clone, Debug, Default)]
pub struct Registry {
    usages: BTreeMap<(UsageLabel, Option<String>), Usage>,
    domains: BTreeMap<String, Domain>,
}

/// Domain names are compared without regard to case.
fn plain(domain: &Fqdn) -> String {
    domain.as_str().to_ascii_lowercase()
}

fn checked<'w>(of: &str, who: impl Iterator<Item = &'w Who>, lifetime: Duration) -> Result<(), RegistryError> {
    if lifetime < Duration::from_secs(1) {
        return Err(RegistryError::NoLifetime(of.to_string()));
    }
    let mut names = who.map(Who::name);
    match names.all(|name| (1..=LONGEST_NAME).contains(&name.len())) {
        true => Ok(()),
        false => Err(RegistryError::Name(of.to_string())),
    }
}

impl Registry {
    /// Without any: nobody has anything.
    pub const fn new() -> Self {
        Self {
            usages: BTreeMap::new(),
            domains: BTreeMap::new(),
        }
    }

    /// Adds a usage.
    ///
    /// # Errors
    /// [`RegistryError`]; nothing is changed then.
    pub fn add(&mut self, usage: Usage) -> Result<(), RegistryError> {
        let Usage {
            label, data, grants, ..
        } = &usage;
        checked(label.as_str(), grants.iter().map(|grant| &grant.who), usage.lifetime)?;
        if let DataRule::Octets { most } = *data
            && most > UsageData::MOST
        {
            return Err(RegistryError::TooMuchData {
                label: label.clone(),
                most,
            });
        }
        let at = (label.clone(), usage.domain.as_ref().map(plain));
        if self.usages.contains_key(&at) {
            return Err(RegistryError::UsageTwice(at.0));
        }
        self.usages.insert(at, usage);
        Ok(())
    }

    /// Adds a domain.
    ///
    /// # Errors
    /// [`RegistryError`]; nothing is changed then.
    pub fn add_domain(&mut self, domain: Domain) -> Result<(), RegistryError> {
        checked(domain.domain.as_str(), domain.servers.iter(), domain.lifetime)?;
        let at = plain(&domain.domain);
        if self.domains.contains_key(&at) {
            return Err(RegistryError::DomainTwice(domain.domain));
        }
        self.domains.insert(at, domain);
        Ok(())
    }

    /// All usages, by label.
    pub fn usages(&self) -> impl Iterator<Item = &Usage> {
        self.usages.values()
    }

    /// All domains, by name.
    pub fn domains(&self) -> impl Iterator<Item = &Domain> {
        self.domains.values()
    }

    /// Whether somebody may have a key: of this usage, of these data.
    ///
    /// # Errors
    /// [`NotAdmitted`].
    pub fn admit(&self, caller: &Caller<'_>, ask: &Ask) -> Result<Admitted, NotAdmitted> {
        let principal = name_of(caller)?;
        let label = || ask.label.clone();
        let at = (label(), ask.domain.as_ref().map(plain));
        let usage = self.usages.get(&at).ok_or_else(|| NotAdmitted::UsageUnknown(label()))?;
        let mut grants = usage.grants.iter().filter(|grant| grant.who.is(caller)).peekable();
        if grants.peek().is_none() && !fault!("usage-for-anybody") {
            return Err(NotAdmitted::UsageNotAllowed(label()));
        }
        let data = usage.data_of(&ask.data)?;
        if let Wanted::Slice(slice, _) = &ask.data
            && !grants.any(|grant| grant.slices.is_empty() || grant.slices.contains(slice))
            && !fault!("usage-for-any-slice")
        {
            return Err(NotAdmitted::SliceNotAllowed {
                label: label(),
                slice: *slice,
            });
        }
        let (slice, application) = match &ask.data {
            Wanted::TheKey | Wanted::Octets(_) => (None, None),
            Wanted::Service(application) => (None, Some(application.clone())),
            Wanted::Slice(slice, application) => (Some(*slice), application.clone()),
        };
        Ok(Admitted {
            slice,
            application,
            of: KeyOf {
                domain: usage.domain.clone(),
                label: usage.label.clone(),
                data,
            },
            principal,
            lifetime: usage.lifetime,
        })
    }

    /// Whether somebody may have the root key of a domain.
    ///
    /// # Errors
    /// [`NotAdmitted::DomainNotAllowed`], also where nobody knows the domain.
    pub fn admit_domain(&self, caller: &Caller<'_>, domain: &Fqdn) -> Result<AdmittedDomain, NotAdmitted> {
        let principal = name_of(caller)?;
        let known = self.domains.get(&plain(domain));
        let allowed = known.filter(|known| known.servers.iter().any(|who| who.is(caller)));
        let known = allowed.ok_or_else(|| NotAdmitted::DomainNotAllowed(domain.clone()))?;
        Ok(AdmittedDomain {
            domain: known.domain.clone(),
            principal,
            lifetime: known.lifetime,
        })
    }
}

fn name_of(caller: &Caller<'_>) -> Result<String, NotAdmitted> {
    match caller.principal.len() {
        1..=LONGEST_NAME => Ok(caller.principal.to_string()),
        other => Err(NotAdmitted::CallerName(other)),
    }
}

impl Usage {
    fn data_of(&self, wanted: &Wanted) -> Result<UsageData, NotAdmitted> {
        let wrong = |expected| NotAdmitted::WrongData {
            label: self.label.clone(),
            expected,
        };
        match (self.data, wanted) {
            (DataRule::None, Wanted::TheKey) => Ok(UsageData::default()),
            (DataRule::Octets { most }, Wanted::Octets(data)) if data.octets().len() <= most => Ok(data.clone()),
            (DataRule::Service, Wanted::Service(application)) => Ok(UsageData::service(application)),
            (DataRule::Slice, Wanted::Slice(slice, application)) => Ok(UsageData::slice(slice, application.as_ref())),
            (DataRule::None, _) => Err(wrong("no data: this usage has one key")),
            (DataRule::Octets { .. }, Wanted::Octets(_)) => Err(wrong("fewer octets of data")),
            (DataRule::Octets { .. }, _) => Err(wrong("octets of data")),
            (DataRule::Service, _) => Err(wrong("an application, and no slice")),
            (DataRule::Slice, _) => Err(wrong("a slice (S-NSSAI)")),
        }
    }
}
