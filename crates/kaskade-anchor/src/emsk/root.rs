//! The EMSK in custody: no accessor, no text, no serialisation; keys below it come out, each by what it is for.

use core::fmt;

use kaskade_crypto::seal::{ItemError, SecretReader, SecretWriter};
use kaskade_crypto::{Autn, Fingerprint, KeyMaterial, Rand};
use kaskade_faults::fault;
use kaskade_keys::Supi;
use kaskade_keys::eap::Emsk;
use kaskade_keys::emsk::of_5g_aka::Emsk5gAka;
use kaskade_keys::emsk::{Dsrk, DsrkAuthorization, Dsusrk, RRk, Usrk};
use kaskade_keys::fivegs::KAusf;
use kaskade_keys::id::{Fqdn, RootKeyName, SessionId, UsageData, UsageLabel};

/// An EMSK and the session that it is of.
///
/// It is not cloned, compared or printed, and ends with its process unless [`Custody`](super::Custody) says otherwise.
///
/// ```
/// use kaskade_anchor::emsk::{KeyOf, Root};
/// use kaskade_crypto::{Autn, Rand};
/// use kaskade_keys::eap::Emsk;
/// use kaskade_keys::id::{SessionId, UsageData};
///
/// let session = SessionId::aka_prime(&Rand::from_octets([1; 16]), &Autn::from_octets([2; 16]));
/// let mut root = Root::of_eap(Emsk::from_octets(&[7; 64]), session);
/// let usage = KeyOf::usage("telemetry@example.org".parse()?, UsageData::default());
/// let key = root.key(&usage);
/// assert_eq!(format!("{root:?} {key:?}"), "Root(EMSK) Usrk(USRK(…))");
/// # Ok::<(), kaskade_keys::ParseError>(())
/// ```
#[must_use = "an EMSK that nobody holds is gone"]
pub struct Root {
    secret: Secret,
    session: SessionId,
}

enum Secret {
    Eap(Emsk),
    FiveGAka(Emsk5gAka),
    /// After 5G AKA, until a key is asked for.
    NotMade {
        k_ausf: KAusf,
        supi: Supi,
    },
}

/// What an EMSK is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Method {
    /// An EAP method (RFC 5247).
    Eap = 1,
    /// 5G AKA, by a project profile.
    FiveGAka = 2,
}

/// Which root key: the usage, its data, and the domain where it is one of a domain.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct KeyOf {
    /// Of a DSUSRK the domain; `None` for a USRK.
    pub domain: Option<Fqdn>,
    /// The usage.
    pub label: UsageLabel,
    /// What tells apart the keys of one usage.
    pub data: UsageData,
}

impl KeyOf {
    /// A USRK.
    pub const fn usage(label: UsageLabel, data: UsageData) -> Self {
        Self {
            domain: None,
            label,
            data,
        }
    }

    /// A DSUSRK.
    pub const fn in_domain(domain: Fqdn, label: UsageLabel, data: UsageData) -> Self {
        Self {
            domain: Some(domain),
            label,
            data,
        }
    }
}

/// The root key of a usage. 64 octets.
#[derive(Debug, PartialEq, Eq)]
pub enum UsageKey {
    /// Below the EMSK.
    Usrk(Usrk),
    /// Below the root key of a domain.
    Dsusrk(Dsusrk),
}

impl UsageKey {
    /// The octets: to the server of that usage.
    pub fn expose_to_usage_server(&self) -> &[u8; 64] {
        match self {
            Self::Usrk(key) => key.expose_to_usage_server(),
            Self::Dsusrk(key) => key.expose_to_usage_server(),
        }
    }

    /// USRK or DSUSRK.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Usrk(_) => Usrk::NAME,
            Self::Dsusrk(_) => Dsusrk::NAME,
        }
    }

    /// Its public short name.
    pub fn fingerprint(&self) -> Fingerprint {
        match self {
            Self::Usrk(key) => key.fingerprint(),
            Self::Dsusrk(key) => key.fingerprint(),
        }
    }
}

impl Root {
    /// The EMSK of an EAP session.
    pub const fn of_eap(emsk: Emsk, session: SessionId) -> Self {
        Self {
            secret: Secret::Eap(emsk),
            session,
        }
    }

    /// What 5G AKA leaves: nothing is made of K_AUSF until a key is asked for (project profile 5G-AKA-EMSK-1).
    pub fn of_5g_aka(k_ausf: KAusf, supi: Supi, rand: &Rand, autn: &Autn) -> Self {
        let mut root = Self {
            secret: Secret::NotMade { k_ausf, supi },
            session: SessionId::five_g_aka(rand, autn),
        };
        if fault!("emsk-made-unasked") {
            root.make();
        }
        root
    }

    /// EMSKname.
    pub fn name(&self) -> RootKeyName {
        self.session.emsk_name()
    }

    /// USRKname or DSUSRKname of a key below it.
    pub fn key_name(&self, of: &KeyOf) -> RootKeyName {
        match of.domain {
            None => self.session.usrk_name(&of.label, &of.data),
            Some(_) => self.name().dsusrk_name(&of.label, &of.data),
        }
    }

    /// What it is of.
    pub const fn method(&self) -> Method {
        match self.secret {
            Secret::Eap(_) => Method::Eap,
            Secret::FiveGAka(_) | Secret::NotMade { .. } => Method::FiveGAka,
        }
    }

    /// Whether the EMSK exists yet.
    pub const fn is_made(&self) -> bool {
        !matches!(self.secret, Secret::NotMade { .. })
    }

    /// K_AUSF, which is cut from the EMSK of an EAP method (TS 33.501 6.1.3.1). `None` after 5G AKA: there it is above the EMSK.
    pub fn k_ausf(&self) -> Option<KAusf> {
        match &self.secret {
            Secret::Eap(emsk) => Some(emsk.k_ausf()),
            Secret::FiveGAka(_) | Secret::NotMade { .. } => None,
        }
    }

    /// The root key of a usage.
    pub fn key(&mut self, of: &KeyOf) -> UsageKey {
        match &of.domain {
            Some(domain) => UsageKey::Dsusrk(self.dsrk(domain).dsusrk(&of.label, &of.data)),
            None if fault!("usage-data-dropped") => UsageKey::Usrk(self.usrk(&of.label, &UsageData::default())),
            None => UsageKey::Usrk(self.usrk(&of.label, &of.data)),
        }
    }

    /// The root key of a domain, for its key server.
    pub fn dsrk(&mut self, domain: &Fqdn) -> Dsrk {
        self.make();
        match &self.secret {
            Secret::Eap(emsk) => emsk.dsrk(domain),
            Secret::FiveGAka(emsk) => emsk.dsrk(domain),
            Secret::NotMade { k_ausf, supi } => k_ausf.mk_5g_aka(supi).emsk().dsrk(domain),
        }
    }

    fn usrk(&mut self, label: &UsageLabel, data: &UsageData) -> Usrk {
        self.make();
        match &self.secret {
            Secret::Eap(emsk) => emsk.usrk(label, data),
            Secret::FiveGAka(emsk) => emsk.usrk(label, data),
            Secret::NotMade { k_ausf, supi } => k_ausf.mk_5g_aka(supi).emsk().usrk(label, data),
        }
    }

    /// rRK, for the ER server and the peer of this crate. `None` after 5G AKA: ERP goes on from an EAP session.
    pub(crate) fn r_rk(&self) -> Option<RRk> {
        match &self.secret {
            Secret::Eap(emsk) => Some(emsk.r_rk()),
            Secret::FiveGAka(_) | Secret::NotMade { .. } => None,
        }
    }

    /// What says that a domain may have its DSRK.
    pub(crate) fn dsrk_authorization(&self, domain: &Fqdn) -> Option<DsrkAuthorization> {
        match &self.secret {
            Secret::Eap(emsk) => Some(emsk.dsrk_authorization(domain)),
            Secret::FiveGAka(_) | Secret::NotMade { .. } => None,
        }
    }

    /// Makes the EMSK of 5G AKA, if nobody has yet. K_AUSF is wiped here, and lives on with whoever else has it.
    fn make(&mut self) {
        if let Secret::NotMade { k_ausf, supi } = &self.secret {
            self.secret = Secret::FiveGAka(k_ausf.mk_5g_aka(supi).emsk());
        }
    }

    /// The session that it is of, for its record.
    pub(super) const fn session(&self) -> &SessionId {
        &self.session
    }

    /// The same, for the time that it takes to seal it; `None` while there is no EMSK.
    pub(super) fn to_be_sealed(&self) -> Option<Self> {
        let secret = match &self.secret {
            Secret::Eap(emsk) => Secret::Eap(emsk.clone()),
            Secret::FiveGAka(emsk) => Secret::FiveGAka(emsk.clone()),
            Secret::NotMade { .. } => return None,
        };
        Some(Self {
            secret,
            session: self.session,
        })
    }

    /// Puts the EMSK into the sealed part of a record.
    pub(super) fn seal(&self, secret: &mut SecretWriter) {
        match &self.secret {
            Secret::Eap(emsk) => secret.key(emsk),
            Secret::FiveGAka(emsk) => secret.key(emsk),
            Secret::NotMade { .. } => {}
        }
    }

    /// Takes it out of one.
    pub(super) fn unseal(method: Method, session: SessionId, secret: &mut SecretReader<'_>) -> Result<Self, ItemError> {
        let secret = match method {
            Method::Eap => Secret::Eap(secret.key()?),
            Method::FiveGAka => Secret::FiveGAka(secret.key()?),
        };
        Ok(Self { secret, session })
    }
}

impl fmt::Debug for Root {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if fault!("emsk-shown")
            && let Some(k_ausf) = self.k_ausf()
        {
            return write!(f, "{:?}", k_ausf.expose_to_ausf());
        }
        f.write_str(match self.secret {
            Secret::Eap(_) => "Root(EMSK)",
            Secret::FiveGAka(_) => "Root(EMSK of 5G AKA)",
            Secret::NotMade { .. } => "Root(EMSK of 5G AKA, not made)",
        })
    }
}
