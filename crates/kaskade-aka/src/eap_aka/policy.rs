//! What a server or a peer does where the protocol leaves it the choice.

use alloc::vec;
use alloc::vec::Vec;
use core::time::Duration;

use kaskade_codec::eap::AkaMethod;
use kaskade_crypto::ecdh::Group;

/// KDF 1 of EAP-AKA': CK', IK' and PRF' with SHA-256. There is no other (RFC 9048 3.2).
pub const KDF_SHA_256: u16 = 1;

/// Number of a group in AT_KDF_FS (RFC 9678 6.2).
pub const fn kdf_fs(group: Group) -> u16 {
    match group {
        Group::X25519 => 1,
        Group::P256 => 2,
    }
}

/// The group of a number in AT_KDF_FS.
pub const fn group(kdf_fs: u16) -> Option<Group> {
    match kdf_fs {
        1 => Some(Group::X25519),
        2 => Some(Group::P256),
        _ => None,
    }
}

/// Forward secrecy of EAP-AKA' (RFC 9678).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ForwardSecrecy {
    /// Neither offered nor taken.
    #[default]
    Off,
    /// With these groups, the best first; without it where the other side has it not.
    Offered(Vec<Group>),
    /// With these groups, the best first; refused without it.
    Required(Vec<Group>),
}

impl ForwardSecrecy {
    /// Both groups, X25519 first.
    pub fn offered() -> Self {
        Self::Offered(Group::ALL.to_vec())
    }

    /// The groups, the best first.
    pub fn groups(&self) -> &[Group] {
        match self {
            Self::Off => &[],
            Self::Offered(groups) | Self::Required(groups) => groups,
        }
    }

    /// Whether a run without it is refused.
    pub const fn is_required(&self) -> bool {
        matches!(self, Self::Required(_))
    }
}

/// Which rules the identities, pseudonyms and fast re-authentications of a run follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// Access to EPC, WLAN, wired networks: RFC 4187 and RFC 9048 (TS 33.402).
    NonThreeGpp,
    /// The 5G system: the identity travels outside of EAP, there is neither pseudonym nor fast re-authentication (TS 33.501 Annex F).
    FiveGs,
}

/// What a server does. The network name is each run's.
#[derive(Clone, Debug)]
pub struct ServerPolicy {
    /// Which rules.
    pub(super) profile: Profile,
    /// Which methods, the best first.
    pub(super) methods: Vec<AkaMethod>,
    /// AT_KDF of the first challenge.
    pub(super) kdf: Vec<u16>,
    pub(super) forward_secrecy: ForwardSecrecy,
    /// Whether AKA-Identity asks although an identity came.
    pub(super) always_ask: bool,
    pub(super) result_ind: bool,
    pub(super) reauthentications: u16,
    pub(super) lifetime: Duration,
}

impl ServerPolicy {
    /// For access to EPC: EAP-AKA' and EAP-AKA, fast re-authentication up to 1000 times, 60 s for a run, no forward secrecy.
    pub fn non_3gpp() -> Self {
        Self {
            profile: Profile::NonThreeGpp,
            methods: AkaMethod::ALL.to_vec(),
            kdf: vec![KDF_SHA_256],
            forward_secrecy: ForwardSecrecy::Off,
            always_ask: false,
            result_ind: false,
            reauthentications: 1000,
            lifetime: Duration::from_secs(60),
        }
    }

    /// For the 5G system: EAP-AKA', and the rules of TS 33.501 Annex F.
    pub fn five_gs() -> Self {
        Self {
            profile: Profile::FiveGs,
            methods: vec![AkaMethod::AkaPrime],
            reauthentications: 0,
            ..Self::non_3gpp()
        }
    }

    /// With these methods, the best first. In 5GS there is EAP-AKA' alone, whatever is said here.
    #[must_use]
    pub fn with_methods(mut self, methods: &[AkaMethod]) -> Self {
        if self.profile == Profile::NonThreeGpp {
            self.methods = methods.to_vec();
        }
        self
    }

    /// With forward secrecy of EAP-AKA'. In 5GS nothing changes: TS 33.501 does not know it.
    #[must_use]
    pub fn with_forward_secrecy(mut self, forward_secrecy: ForwardSecrecy) -> Self {
        if self.profile == Profile::NonThreeGpp {
            self.forward_secrecy = forward_secrecy;
        }
        self
    }

    /// With forward secrecy in 5GS: a private extension, which no 3GPP specification has.
    #[must_use]
    pub fn with_private_5gs_forward_secrecy(mut self, forward_secrecy: ForwardSecrecy) -> Self {
        self.forward_secrecy = forward_secrecy;
        self
    }

    /// With a protected notification of success, where the peer wants it too.
    #[must_use]
    pub const fn with_result_indication(mut self) -> Self {
        self.result_ind = true;
        self
    }

    /// Asks for the identity by AKA-Identity even where one came: what came before may be decorated or changed (RFC 4187 4.1.4).
    #[must_use]
    pub const fn asking_always(mut self) -> Self {
        self.always_ask = true;
        self
    }

    /// With so many fast re-authentications after a full one; 0: none.
    #[must_use]
    pub const fn with_reauthentications(mut self, most: u16) -> Self {
        self.reauthentications = match self.profile {
            Profile::NonThreeGpp => most,
            Profile::FiveGs => 0,
        };
        self
    }

    /// With so long for a run.
    #[must_use]
    pub const fn with_lifetime(mut self, lifetime: Duration) -> Self {
        self.lifetime = lifetime;
        self
    }

    /// Offers other key derivation functions before KDF 1. Nobody knows one: a peer that takes one fails, and one that asks for
    /// KDF 1 shows that it can negotiate (RFC 9048 3.2).
    #[must_use]
    pub fn offering_before_kdf_1(mut self, others: &[u16]) -> Self {
        self.kdf = others.iter().copied().chain([KDF_SHA_256]).collect();
        self
    }

    /// Whether AT_BIDDING has bit D: EAP-AKA' is there, and better.
    pub(super) fn prefers_aka_prime(&self) -> bool {
        self.methods.first() == Some(&AkaMethod::AkaPrime)
    }
}
