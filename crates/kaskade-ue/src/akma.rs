//! AKMA at the device: K_AKMA, its name A-KID, and keys of application functions, out of the K_AUSF that is stored (TS 33.535 6.1).
//!
//! ```text
//! 5G AKA: a valid security mode command     EAP-AKA': success
//!                     └──────────┬──────────────────┘
//!                 K_AUSF, and how the card named home then ── akma ──► Akma: A-KID, K_AKMA ── k_af ──► K_AF
//! ```
//!
//! An authentication that runs changes nothing before it has stored its K_AUSF, so that the pair of before goes on; one that fails
//! leaves it. One K_AUSF has one A-KID: a routing indicator that changes counts from the next K_AUSF on.

use kaskade_aka::visit::{KeyVisitor, VisitKeys};
use kaskade_codec::akma_oscore::{ContextId, NONCE, OscoreAf, SecurityContext, SetUpError, UeSetUp};
use kaskade_keys::akma::{ATid, KAf, KAkma};
use kaskade_keys::fivegs::KAusf;
use kaskade_keys::id::AfId;
use kaskade_keys::{AKid, HomeRealm, RoutingIndicator, Supi};

/// How a card names the way home: what an A-KID leads to its AAnF by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Home {
    /// EF_Routing_Indicator, 1 to 4 digits (TS 31.102 4.4.11.11); [`RoutingIndicator::DEFAULT`] where the card has none.
    pub routing_indicator: RoutingIndicator,
    /// The home network.
    pub realm: HomeRealm,
}

/// K_AKMA and its name: one pair for each K_AUSF.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Akma {
    a_kid: AKid,
    k_akma: KAkma,
}

/// Why a device has no keys of AKMA.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NoAkma {
    /// No K_AUSF is stored.
    #[error("no K_AUSF is stored: the UE registers by 5G AKA or EAP-AKA' first")]
    NoKAusf,
    /// The card did not say how its home network is named, when K_AUSF was stored.
    #[error("an A-KID needs the routing indicator and the home network, and the card has said neither")]
    NoHome,
}

impl Akma {
    /// The pair of a K_AUSF (TS 33.535 A.2, A.3).
    pub fn of(k_ausf: &KAusf, supi: &Supi, home: Home) -> Self {
        Self {
            a_kid: AKid::new(home.routing_indicator, &k_ausf.a_tid(supi), home.realm),
            k_akma: k_ausf.k_akma(supi),
        }
    }

    /// What the UE tells an application function: whose key it is.
    pub const fn a_kid(&self) -> &AKid {
        &self.a_kid
    }

    /// A-TID, 32 octets, which is in the A-KID.
    pub const fn a_tid(&self) -> &ATid {
        self.a_kid.a_tid()
    }

    /// K_AKMA, 32 octets.
    pub const fn k_akma(&self) -> &KAkma {
        &self.k_akma
    }

    /// The key of an application function under a protocol, 32 octets (TS 33.535 A.4).
    pub fn k_af(&self, af_id: &AfId) -> KAf {
        self.k_akma.k_af(af_id)
    }
}

/// OSCORE with an application function (TS 33.535 Annex D, project profile AKMA-OSCORE-P1): what the UE asks with, and the security context that comes of the answer.
#[derive(Clone)]
pub struct Oscore {
    set_up: UeSetUp,
    k_af: KAf,
}

impl Akma {
    /// Asks an application function for a context of OSCORE: with 8 random octets, and a sender ID for the function by which the UE knows its messages
    /// from those of others.
    pub fn oscore(&self, af: &OscoreAf, n1: [u8; NONCE], af_sid: ContextId) -> Oscore {
        Oscore {
            set_up: UeSetUp::begin(af, &self.a_kid, n1, af_sid),
            k_af: self.k_af(&af.af_id()),
        }
    }
}

impl Oscore {
    /// The payload of `POST /akma`.
    pub fn payload(&self) -> &[u8] {
        self.set_up.payload()
    }

    /// The context, of the payload of 2.01 Created. Whether the function has K_AF is seen by its first protected message.
    ///
    /// # Errors
    /// [`SetUpError`].
    pub fn end(self, answer: &[u8]) -> Result<SecurityContext, SetUpError> {
        self.set_up.end(&self.k_af, answer)
    }
}

/// K_AKMA and A-TID.
impl VisitKeys for Akma {
    fn visit_keys(&self, visitor: &mut impl KeyVisitor) {
        visitor.key(&self.k_akma);
        visitor.key(self.a_tid());
    }
}

/// The latest K_AUSF, and how the card named home when it was stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stored {
    pub(crate) k_ausf: KAusf,
    pub(crate) home: Option<Home>,
}

impl Stored {
    /// The pair below it.
    pub(crate) fn akma(this: Option<&Self>, supi: &Supi) -> Result<Akma, NoAkma> {
        let Self { k_ausf, home } = this.ok_or(NoAkma::NoKAusf)?;
        Ok(Akma::of(k_ausf, supi, home.ok_or(NoAkma::NoHome)?))
    }
}
