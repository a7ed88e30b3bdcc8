//! ARPF: a card, an SQN and a RAND make a vector. K stays with the custody: what waits here holds a sealed row.

use kaskade_aka::arpf::{self, FiveGHeAv, Permit};
use kaskade_aka::fivegs::udm::HeAv5g;
use kaskade_codec::sbi::nf_instance::UuidText;
use kaskade_crypto::{Amf, Rand, Sqn};
use kaskade_faults::fault;
use kaskade_flow::Cover;
use kaskade_keys::derivation::Holder;
use kaskade_keys::{ServingNetworkName, Supi};
use kaskade_store::{Card, CardName, Now, SealedCard, StoreError};

use super::{Udm, UdmError, store_failed};
use crate::random::random_octets;
use crate::tap::TapVisitor;

/// What a vector is made for.
pub(super) struct Wanted<'a> {
    pub(super) supi: &'a Supi,
    pub(super) serving_network_name: &'a ServingNetworkName,
    pub(super) requesting_node: UuidText,
}

/// What can be had without waiting for the disk.
#[allow(
    clippy::large_enum_variant,
    reason = "it lives for one step, and the large one is the usual one"
)]
pub(super) enum Ready {
    /// All that a vector is made of.
    Parts(Parts),
    /// The disk must be waited for: an SQN for this card.
    Wait(CardName),
}

/// What a vector is made of: K stays where it is, and the SQN is durable as used.
pub(super) struct Parts {
    card: SealedCard,
    permit: Permit<FiveGHeAv>,
    rand: Rand,
    sqn: Sqn,
    amf: Amf,
    /// What the SQN rests on is durable.
    cover: Cover,
}

impl Udm {
    /// The card of a subscriber, if it may be authenticated by 5G AKA.
    pub(super) fn card(&self, supi: &Supi) -> Result<(Card, Permit<FiveGHeAv>), UdmError> {
        let card = match self.store.card(supi) {
            Ok(Some(found)) => found,
            Ok(None) => return Err(UdmError::UserNotFound),
            Err(StoreError::GsmOnly) => return Err(UdmError::MethodNotAllowed),
            Err(error) => return Err(store_failed(supi, error)),
        };
        if card.suspended && !fault!("suspended-served") {
            return Err(UdmError::Suspended);
        }
        match arpf::permit(|method| card.methods.contains(method)) {
            Ok(permit) => Ok((card, permit)),
            Err(_) => Err(UdmError::MethodNotAllowed),
        }
    }

    /// What a vector is made of, if an SQN is at hand or `reserved`.
    pub(super) fn parts(
        &self,
        wanted: &Wanted<'_>,
        reserved: Option<(CardName, Sqn, Cover)>,
        admit: &mut Option<impl FnOnce() -> Result<(), UdmError>>,
    ) -> Result<Ready, UdmError> {
        let Wanted {
            supi, requesting_node, ..
        } = wanted;
        let (card, permit) = self.card(supi)?;
        if let Some(admit) = admit.take() {
            admit()?;
        }
        let at_hand = match reserved {
            Some((of, sqn, cover)) if of == card.name => Some((sqn, cover)),
            _ => match self.store.next_sqn_of_now(supi, &card.name, requesting_node.as_str()) {
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
            amf: permit.amf(card.amf),
            card: card.sealed,
            permit,
            rand,
            sqn,
            cover,
        }))
    }

    /// The vector, as soon as the custody has answered: at once where K is in memory.
    pub(super) async fn made_of(&self, wanted: &Wanted<'_>, parts: Parts) -> Result<(HeAv5g, Cover), UdmError> {
        let Parts {
            card,
            permit,
            rand,
            sqn,
            amf,
            cover,
        } = parts;
        let quintet = match self.store.custody().quintet(&card, &rand, sqn, amf) {
            Now::Ready(quintet) => quintet,
            Now::Later(quintet) => quintet.await,
        };
        let quintet = quintet.map_err(|error| store_failed(wanted.supi, error))?;
        let operation = FiveGHeAv {
            serving_network_name: *wanted.serving_network_name,
        };
        let he_av = match &self.options.tap {
            None => permit.of_quintet(&operation, quintet, &mut ()),
            Some(tap) => {
                let mut visitor = TapVisitor {
                    tap: &**tap,
                    holder: Holder::Arpf,
                    supi: wanted.supi,
                };
                permit.of_quintet(&operation, quintet, &mut visitor)
            }
        };
        Ok((he_av, cover))
    }

    pub(super) async fn wait_for_sqn(&self, wanted: &Wanted<'_>, card: CardName) -> Result<(Sqn, Cover), UdmError> {
        let requesting_node = wanted.requesting_node.as_str().to_owned();
        self.blocking(wanted.supi, move |store, supi| {
            store.next_sqn_of(supi, &card, &requesting_node)
        })
        .await
    }
}
