//! ARPF: a card, an SQN and a RAND make a vector. K stays with the custody: what waits here holds a sealed row.

use kaskade_aka::arpf::{
    self, AvPrime, EapAkaAv, EapAkaPrimeAv, EapAkaPrimeQuintet, FiveGHeAv, Method, NotAllowed, Operation, Permit,
};
use kaskade_aka::auc::Quintet;
use kaskade_aka::fivegs::udm::HeAv5g;
use kaskade_codec::eap::AkaMethod;
use kaskade_crypto::{Amf, Rand, Sqn};
use kaskade_faults::fault;
use kaskade_flow::Cover;
use kaskade_keys::derivation::Holder;
use kaskade_keys::{RoutingIndicator, ServingNetworkName, Supi};
use kaskade_store::{Card, CardName, Now, SealedCard, StoreError};

use super::{Udm, UdmError, store_failed};
use crate::random::random_octets;
use crate::tap::TapVisitor;

/// What a vector is made for.
pub(super) struct Wanted<'a> {
    pub(super) supi: &'a Supi,
    pub(super) use_of: Use<'a>,
    pub(super) requesting_node: &'a str,
}

/// Which authentication a vector is for.
#[derive(Clone, Copy)]
pub(super) enum Use<'a> {
    /// In 5GS: by the method of the subscriber's that comes first.
    FiveGs(&'a ServingNetworkName),
    /// EAP-AKA'.
    EapAkaPrime(EapAkaPrimeAv<'a>),
    /// EAP-AKA.
    EapAka,
    /// Either, for an EAP server that gets CK and IK themselves.
    Quintet(AkaMethod),
}

impl Use<'_> {
    /// The method that is meant, or the usual one.
    pub(super) const fn method(self) -> Method {
        match self {
            Self::FiveGs(_) => Method::FiveGAka,
            Self::EapAkaPrime(_) | Self::Quintet(AkaMethod::AkaPrime) => Method::EapAkaPrime,
            Self::EapAka | Self::Quintet(AkaMethod::Aka) => Method::EapAka,
        }
    }

    /// Whether a K_AUSF comes of it, and with that keys of AKMA: non-seamless WLAN offload has none (TS 33.501 Annex S).
    fn gives_k_ausf(self) -> bool {
        matches!(self, Self::FiveGs(name) if *name != ServingNetworkName::NSWO)
    }

    fn may_be(self, method: Method) -> bool {
        method == self.method() || (matches!(self, Self::FiveGs(_)) && method == Method::EapAkaPrime)
    }
}

/// A vector, by its method.
#[allow(clippy::large_enum_variant, reason = "it lives for one step")]
pub(super) enum Made {
    FiveGAka(HeAv5g),
    EapAkaPrime(AvPrime),
    EapAka(Quintet),
    /// Its CK and IK leave the home.
    Quintet(Quintet),
}

impl Made {
    pub(super) const fn rand(&self) -> &Rand {
        match self {
            Self::FiveGAka(av) => &av.rand,
            Self::EapAkaPrime(av) => &av.rand,
            Self::EapAka(quintet) | Self::Quintet(quintet) => &quintet.rand,
        }
    }
}

/// What the subscriber may be authenticated by, and is.
enum Allowed<'a> {
    FiveGAka(Permit<FiveGHeAv>, FiveGHeAv),
    EapAkaPrime(Permit<EapAkaPrimeAv<'a>>, EapAkaPrimeAv<'a>),
    EapAka(Permit<EapAkaAv>),
    QuintetOfEapAkaPrime(Permit<EapAkaPrimeQuintet>),
    QuintetOfEapAka(Permit<EapAkaAv>),
}

impl<'a> Allowed<'a> {
    fn of(card: &Card, use_of: Use<'a>) -> Result<Self, NotAllowed> {
        let has = |method| card.methods.contains(method);
        let eap = |operation| Ok(Self::EapAkaPrime(arpf::permit(has)?, operation));
        match use_of {
            Use::FiveGs(name) => {
                // Non-seamless WLAN offload has EAP-AKA' alone (TS 33.501 Annex S).
                let is_offload = *name == ServingNetworkName::NSWO && !fault!("eap-offload-by-5g-aka");
                let first = card.methods.iter().find(|method| use_of.may_be(*method));
                let is_first = first == Some(Method::EapAkaPrime);
                let is_eap = is_offload || (is_first && !(fault!("eap-order-ignored") && has(Method::FiveGAka)));
                match is_eap {
                    true => eap(EapAkaPrimeAv::ServingNetwork(name)),
                    false => {
                        let operation = FiveGHeAv {
                            serving_network_name: *name,
                        };
                        Ok(Self::FiveGAka(arpf::permit(has)?, operation))
                    }
                }
            }
            Use::EapAkaPrime(operation) => eap(operation),
            Use::EapAka => arpf::permit(has).map(Self::EapAka),
            Use::Quintet(AkaMethod::AkaPrime) => arpf::permit(has).map(Self::QuintetOfEapAkaPrime),
            Use::Quintet(AkaMethod::Aka) => arpf::permit(has).map(Self::QuintetOfEapAka),
        }
    }

    fn amf(&self, of_subscription: Amf) -> Amf {
        match self {
            Self::FiveGAka(permit, _) => permit.amf(of_subscription),
            Self::EapAkaPrime(permit, _) => permit.amf(of_subscription),
            Self::EapAka(permit) | Self::QuintetOfEapAka(permit) => permit.amf(of_subscription),
            Self::QuintetOfEapAkaPrime(permit) => permit.amf(of_subscription),
        }
    }
}

/// A vector, and what goes with it.
pub(super) struct Vector {
    pub(super) made: Made,
    /// What its SQN rests on is durable.
    pub(super) cover: Cover,
    /// The routing indicator of a user who has AKMA, where a K_AUSF comes of it.
    pub(super) akma: Option<RoutingIndicator>,
}

/// What can be had without waiting for the disk.
#[allow(
    clippy::large_enum_variant,
    reason = "it lives for one step, and the large one is the usual one"
)]
pub(super) enum Ready<'a> {
    /// All that a vector is made of.
    Parts(Parts<'a>),
    /// The disk must be waited for: an SQN for this card.
    Wait(CardName),
}

/// What a vector is made of: K stays where it is, and the SQN is durable as used.
pub(super) struct Parts<'a> {
    card: SealedCard,
    allowed: Allowed<'a>,
    rand: Rand,
    sqn: Sqn,
    amf: Amf,
    /// What the SQN rests on is durable.
    cover: Cover,
    akma: Option<RoutingIndicator>,
}

impl Udm {
    /// The card of a subscriber who may be served, if it may be authenticated for this use.
    pub(super) async fn card(&self, supi: &Supi, use_of: Use<'_>) -> Result<Card, UdmError> {
        self.card_for(supi, use_of).await.map(|(card, _)| card)
    }

    /// No thread waits for it: other vectors are made meanwhile.
    async fn card_for<'a>(&self, supi: &Supi, use_of: Use<'a>) -> Result<(Card, Allowed<'a>), UdmError> {
        let card = match self.store.card_now(supi) {
            Now::Ready(found) => found,
            Now::Later(found) => found.await,
        };
        let card = match card {
            Ok(Some(found)) => found,
            Ok(None) => return Err(UdmError::UserNotFound),
            Err(StoreError::GsmOnly) => return Err(NotAllowed(use_of.method()).into()),
            Err(error) => return Err(store_failed(supi, error)),
        };
        if card.suspended && !fault!("suspended-served") {
            return Err(UdmError::Suspended);
        }
        let allowed = Allowed::of(&card, use_of)?;
        Ok((card, allowed))
    }

    /// What a vector is made of, if an SQN is at hand or `reserved`.
    pub(super) async fn parts<'a>(
        &self,
        wanted: &Wanted<'a>,
        reserved: Option<(CardName, Sqn, Cover)>,
        admit: &mut Option<impl FnOnce() -> Result<(), UdmError>>,
    ) -> Result<Ready<'a>, UdmError> {
        let Wanted {
            supi,
            use_of,
            requesting_node,
        } = *wanted;
        let (card, allowed) = self.card_for(supi, use_of).await?;
        if let Some(admit) = admit.take() {
            admit()?;
        }
        let at_hand = match reserved {
            Some((of, sqn, cover)) if of == card.name => Some((sqn, cover)),
            _ => match self.store.next_sqn_of_now(supi, &card.name, requesting_node) {
                // Replaced since it was read: what is waited for is refused, and the card read again.
                Err(StoreError::AnotherCard) => None,
                other => other.map_err(|error| store_failed(supi, error))?,
            },
        };
        let Some((sqn, cover)) = at_hand else {
            return Ok(Ready::Wait(card.name));
        };
        // Recognised when its AUTS comes.
        let rand = self.store.challenge(supi, random_octets()?);
        Ok(Ready::Parts(Parts {
            amf: allowed.amf(card.amf),
            card: card.sealed,
            allowed,
            rand,
            sqn,
            cover,
            akma: card.akma.filter(|_| use_of.gives_k_ausf()),
        }))
    }

    /// The vector, as soon as the custody has answered: at once where K is in memory.
    pub(super) async fn made_of(&self, wanted: &Wanted<'_>, parts: Parts<'_>) -> Result<Vector, UdmError> {
        let Parts {
            card,
            allowed,
            rand,
            sqn,
            amf,
            cover,
            akma,
        } = parts;
        let quintet = match self.store.custody().quintet(&card, &rand, sqn, amf) {
            Now::Ready(quintet) => quintet,
            Now::Later(quintet) => quintet.await,
        };
        let quintet = quintet.map_err(|error| store_failed(wanted.supi, error))?;
        let made = match allowed {
            Allowed::FiveGAka(permit, operation) => {
                Made::FiveGAka(self.bound(wanted.supi, &permit, &operation, quintet))
            }
            Allowed::EapAkaPrime(permit, operation) => {
                Made::EapAkaPrime(self.bound(wanted.supi, &permit, &operation, quintet))
            }
            Allowed::EapAka(permit) => Made::EapAka(self.bound(wanted.supi, &permit, &EapAkaAv, quintet)),
            Allowed::QuintetOfEapAkaPrime(permit) => {
                Made::Quintet(self.bound(wanted.supi, &permit, &EapAkaPrimeQuintet, quintet))
            }
            Allowed::QuintetOfEapAka(permit) => Made::Quintet(self.bound(wanted.supi, &permit, &EapAkaAv, quintet)),
        };
        Ok(Vector { made, cover, akma })
    }

    /// A quintet as a vector of an operation.
    fn bound<O: Operation>(&self, supi: &Supi, permit: &Permit<O>, operation: &O, quintet: Quintet) -> O::Vector {
        match &self.options.tap {
            None => permit.of_quintet(operation, quintet, &mut ()),
            Some(tap) => {
                let mut visitor = TapVisitor {
                    tap: &**tap,
                    holder: Holder::Arpf,
                    supi,
                };
                permit.of_quintet(operation, quintet, &mut visitor)
            }
        }
    }

    pub(super) async fn wait_for_sqn(&self, wanted: &Wanted<'_>, card: CardName) -> Result<(Sqn, Cover), UdmError> {
        let requesting_node = wanted.requesting_node.to_owned();
        self.blocking(wanted.supi, move |store, supi| {
            store.next_sqn_of(supi, &card, &requesting_node)
        })
        .await
    }
}
