//! Reading a subscriber: its card, and whether there is one. Whoever must not block gets an answer that is there, or comes.

use kaskade_keys::Supi;

use super::compare::Look;
use super::custody::{Card, CardName, Now, SealedCard};
use super::engine::{Peek, Wanted};
use super::error::{StoreError, read_error};
use super::key::SubscriberKey;
use super::row::{ForAVector, Row};
use super::rows::{Part, PartKey, SUBSCRIBER};
use super::secrets::Algorithm;
use super::store::SubscriberStore;

impl SubscriberStore {
    /// A subscriber's card as it is sealed, the methods that it may authenticate with, and its name for
    /// [`SubscriberStore::next_sqn_of`]; `None` when there is none. One read, and no heap for an IMSI and a row of the usual length. Blocks
    /// where that is not at hand.
    ///
    /// Nothing of it is authenticated before the custody has opened the row for a vector.
    ///
    /// # Errors
    /// When reading fails or it is no row; [`StoreError::GsmOnly`] when no vectors can be made of it.
    #[inline]
    pub fn card(&self, supi: &Supi) -> Result<Option<Card>, StoreError> {
        match self.card_at_hand(supi) {
            Ok(found) => found,
            Err(key) => self.card_from_afar(key),
        }
    }

    /// [`SubscriberStore::card`] for whoever must not block: where the row is not at hand the answer comes. Many that are waited for at one
    /// moment are one question of an engine on a server.
    #[inline]
    pub fn card_now(&self, supi: &Supi) -> Now<'_, Option<Card>> {
        match self.card_at_hand(supi) {
            Ok(found) => Now::Ready(found),
            Err(key) => Now::Later(Box::pin(async move {
                let look = Look::of(self, key);
                let (wanted, count) = look.wanted();
                let rows = self.engine.read(wanted.get(..count).unwrap_or(&wanted)).await;
                look.found(rows)
            })),
        }
    }

    /// A card, or its key where its row is not at hand.
    #[inline]
    fn card_at_hand(&self, supi: &Supi) -> Result<Result<Option<Card>, StoreError>, SubscriberKey> {
        let key = SubscriberKey::from(supi);
        let mut found = None;
        let peek = self
            .engine
            .peek(SUBSCRIBER, &PartKey::new(&key, Part::Credentials), &mut |row| {
                found = Some(card_of(&key, row.octets));
            });
        match peek {
            Peek::Found | Peek::Absent => Ok(found.transpose()),
            Peek::Failed(error) => Ok(Err(read_error(error))),
            Peek::NotHere => Err(key),
        }
    }

    fn card_from_afar(&self, key: SubscriberKey) -> Result<Option<Card>, StoreError> {
        let look = Look::of(self, key);
        let (wanted, count) = look.wanted();
        let rows = self.engine.read_blocking(wanted.get(..count).unwrap_or(&wanted));
        look.found(rows)
    }

    /// Whether there is a subscriber with this SUPI. Blocks where its row is not at hand.
    ///
    /// # Errors
    /// When reading fails.
    pub fn contains(&self, supi: &Supi) -> Result<bool, StoreError> {
        self.contains_now(supi).wait()
    }

    /// [`SubscriberStore::contains`] for whoever must not block.
    pub fn contains_now(&self, supi: &Supi) -> Now<'_, bool> {
        let key = PartKey::new(&SubscriberKey::from(supi), Part::Credentials);
        match self.engine.peek(SUBSCRIBER, &key, &mut |_| ()) {
            Peek::Found => Now::Ready(Ok(true)),
            Peek::Absent => Now::Ready(Ok(false)),
            Peek::Failed(error) => Now::Ready(Err(read_error(error))),
            Peek::NotHere => Now::Later(Box::pin(async move {
                let rows = self.engine.read(&[Wanted::Key(SUBSCRIBER, &key)]).await;
                Ok(rows.map_err(read_error)?.into_iter().any(|row| row.is_some()))
            })),
        }
    }
}

/// The card that a row is of.
#[inline]
pub(crate) fn card_of(key: &SubscriberKey, octets: &[u8]) -> Result<Card, StoreError> {
    let row = Row::decode(octets)?;
    if matches!(row.layout.algorithm, Algorithm::Gsm(_)) {
        return Err(StoreError::GsmOnly);
    }
    let ForAVector { suspended, akma } = row.for_a_vector()?;
    Ok(Card {
        sealed: SealedCard::new(key.clone(), octets),
        amf: row.amf,
        methods: row.methods,
        suspended,
        akma,
        name: CardName(row.life),
    })
}
