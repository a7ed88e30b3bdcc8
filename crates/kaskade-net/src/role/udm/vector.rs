//! ARPF: a card, an SQN and a RAND make a vector. K and OPc live within a call, and in no future that may wait.

use kaskade_aka::arpf::{self, FiveGHeAv, Permit};
use kaskade_aka::fivegs::udm::HeAv5g;
use kaskade_crypto::Sqn;
use kaskade_flow::Cover;
use kaskade_keys::derivation::Holder;
use kaskade_keys::{ServingNetworkName, Supi};
use kaskade_store::{Card, CardName, StoreError};

use super::{Udm, UdmError, store_failed};
use crate::random::random_octets;
use crate::sbi::model::UuidText;
use crate::tap::TapVisitor;

/// What a vector is made for.
pub(super) struct Wanted<'a> {
    pub(super) supi: &'a Supi,
    pub(super) serving_network_name: &'a ServingNetworkName,
    pub(super) requesting_node: UuidText,
}

/// What can be had without waiting.
pub(super) enum Now {
    /// And what it rests on is durable.
    Made(HeAv5g, Cover),
    /// The disk must be waited for: an SQN for this card.
    Wait(CardName),
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
        match arpf::permit(|method| card.methods.contains(method)) {
            Ok(permit) => Ok((card, permit)),
            Err(_) => Err(UdmError::MethodNotAllowed),
        }
    }

    /// A vector, if an SQN is at hand or `reserved`. K and OPc live no longer than this call, and in no future that may wait.
    pub(super) fn vector_now(
        &self,
        wanted: &Wanted<'_>,
        reserved: Option<(CardName, Sqn, Cover)>,
        admit: &mut Option<impl FnOnce() -> Result<(), UdmError>>,
    ) -> Result<Now, UdmError> {
        let Wanted {
            supi,
            serving_network_name,
            requesting_node,
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
            return Ok(Now::Wait(card.name));
        };
        // Recognised when its AUTS comes.
        let rand = self.store.challenge(supi, random_octets()?);
        let operation = FiveGHeAv {
            serving_network_name: **serving_network_name,
        };
        let he_av = match &self.options.tap {
            None => permit.vector(&operation, &card.credentials, &rand, sqn, &mut ()),
            Some(tap) => {
                let mut visitor = TapVisitor {
                    tap: &**tap,
                    holder: Holder::Arpf,
                    supi,
                };
                permit.vector(&operation, &card.credentials, &rand, sqn, &mut visitor)
            }
        };
        Ok(Now::Made(he_av, cover))
    }

    pub(super) async fn wait_for_sqn(&self, wanted: &Wanted<'_>, card: CardName) -> Result<(Sqn, Cover), UdmError> {
        let requesting_node = wanted.requesting_node.as_str().to_owned();
        self.blocking(wanted.supi, move |store, supi| {
            store.next_sqn_of(supi, &card, &requesting_node)
        })
        .await
    }
}
