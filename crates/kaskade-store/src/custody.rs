//! Who may use K: the one seam behind which it lies.
//!
//! What needs K is asked for by what is to be known: a quintet, a triplet, SQN_MS of an AUTS; and for provisioning, a row
//! sealed or opened. The custody in memory answers at once, so that a vector costs no wait; a token of hardware answers
//! later. Who asks treats both alike.

use std::sync::Arc;

use kaskade_aka::auc::{self, AucError, Quintet};
use kaskade_crypto::gsm::{SresFunction, Triplet};
use kaskade_crypto::{Amf, Auts, Rand, Sqn};
use kaskade_keys::RoutingIndicator;

use crate::engine::BoxFuture;
use crate::error::{RowError, StoreError};
use crate::key::SubscriberKey;
use crate::locked::Locked;
use crate::model::{AuthMethods, Subscriber};
use crate::row::Row;
use crate::seal::Sealer;
use crate::secrets::{Algorithm, SubscriberSecrets};
use crate::sqn_row::Life;

/// What a vector is made of, read at one moment.
pub struct Card {
    /// Its row, for the custody.
    pub sealed: SealedCard,
    /// AMF of the subscription.
    pub amf: Amf,
    /// Which methods the subscriber may authenticate with.
    pub methods: AuthMethods,
    /// Whether it is suspended: nothing may be made of it then.
    pub suspended: bool,
    /// Whether keys for applications are made of its authentications, and then its routing indicator: 0 where the subscription has none,
    /// which is what a card without one uses.
    pub akma: Option<RoutingIndicator>,
    /// Which card that is.
    pub name: CardName,
}

impl Card {
    /// Whether keys of applications are made of its authentications now (AKMA): of a suspended one none are.
    pub const fn has_akma(&self) -> bool {
        self.akma.is_some() && !self.suspended
    }
}

impl core::fmt::Debug for Card {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Card")
            .field("methods", &self.methods)
            .finish_non_exhaustive()
    }
}

/// Names the credential of a subscriber (SUPI, algorithm set, K and operator code) and shows nothing of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CardName(pub(crate) Life);

impl CardName {
    /// Its octets, for a record that goes with the card.
    pub const fn octets(self) -> [u8; 16] {
        self.0
    }
}

/// An answer that is there, or comes.
pub enum Now<'a, T> {
    /// There it is.
    Ready(Result<T, StoreError>),
    /// It takes its time.
    Later(BoxFuture<'a, Result<T, StoreError>>),
}

impl<T> Now<'_, T> {
    /// Waits for it.
    ///
    /// # Errors
    /// Those of the custody.
    pub async fn done(self) -> Result<T, StoreError> {
        match self {
            Self::Ready(answer) => answer,
            Self::Later(answer) => answer.await,
        }
    }

    /// Waits for it on a thread that may. Blocks.
    ///
    /// # Errors
    /// Those of the custody.
    pub fn wait(self) -> Result<T, StoreError> {
        match self {
            Self::Ready(answer) => answer,
            Self::Later(answer) => pollster::block_on(answer),
        }
    }
}

/// Uses K and gives it to nobody. Whose a row is and what stands in clear is authenticated: one that was moved or edited does
/// not open.
pub trait Custody: Send + Sync + 'static {
    /// The vector of a card for one RAND, SQN and AMF (TS 33.102 6.3.2). The SQN must be durable as used.
    fn quintet<'a>(&'a self, card: &'a SealedCard, rand: &'a Rand, sqn: Sqn, amf: Amf) -> Now<'a, Quintet>;

    /// The triplet of a card for one RAND (TS 33.102 6.8.1.2, TS 43.020).
    fn triplet<'a>(&'a self, card: &'a SealedCard, rand: &'a Rand, sres: SresFunction) -> Now<'a, Triplet>;

    /// SQN_MS of an AUTS that answers this RAND; [`AucError::WrongMacS`] when it is not this card's (TS 33.102 6.3.5).
    fn verify_auts<'a>(
        &'a self,
        card: &'a SealedCard,
        rand: &'a Rand,
        auts: &'a Auts,
    ) -> Now<'a, Result<Sqn, AucError>>;

    /// A row of a subscriber, and the life of its credential.
    fn seal<'a>(&'a self, subscriber: &'a Subscriber) -> Now<'a, Sealed>;

    /// The secrets of a card, to export them.
    fn open<'a>(&'a self, card: &'a SealedCard) -> Now<'a, SubscriberSecrets>;
}

/// What [`Custody::seal`] made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed {
    /// The row: see [`crate::row`].
    pub row: Vec<u8>,
    /// Names the credential in it, 16 octets.
    pub life: [u8; 16],
}

/// Octets of the rows that need no heap: MILENAGE with standard constants, also with OP, or TUAK with TOPc.
const INLINE: usize = 118;

/// A subscriber's row, as it is sealed.
#[derive(Clone)]
pub struct SealedCard {
    key: SubscriberKey,
    octets: Octets,
}

#[derive(Clone)]
enum Octets {
    Inline([u8; INLINE], u8),
    Heap(Box<[u8]>),
}

impl SealedCard {
    pub(crate) fn new(key: SubscriberKey, row: &[u8]) -> Self {
        let mut inline = [0; INLINE];
        let octets = match (inline.get_mut(..row.len()), u8::try_from(row.len())) {
            (Some(place), Ok(len)) => {
                place.copy_from_slice(row);
                Octets::Inline(inline, len)
            }
            _ => Octets::Heap(row.into()),
        };
        Self { key, octets }
    }

    /// The row.
    pub fn octets(&self) -> &[u8] {
        match &self.octets {
            Octets::Inline(octets, len) => octets.get(..usize::from(*len)).unwrap_or_default(),
            Octets::Heap(octets) => octets,
        }
    }

    /// Whose row it is: what the seal authenticates beside the part in clear.
    pub fn owner(&self) -> &[u8] {
        self.key.octets()
    }

    pub(crate) fn key(&self) -> &SubscriberKey {
        &self.key
    }

    /// What stands in clear, and where the sealed part is.
    ///
    /// # Errors
    /// [`RowError`] when it is no row.
    pub fn row(&self) -> Result<Row<'_>, RowError> {
        Row::decode(self.octets())
    }
}

impl core::fmt::Debug for SealedCard {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("SealedCard(…)")
    }
}

/// K under the data key of the store, which lies in this process's memory, on a page that is neither swapped nor dumped.
impl Custody for Arc<Locked<Sealer>> {
    #[inline]
    fn quintet<'a>(&'a self, card: &'a SealedCard, rand: &'a Rand, sqn: Sqn, amf: Amf) -> Now<'a, Quintet> {
        let credentials = card.row().map_err(StoreError::from);
        let credentials = credentials.and_then(|row| self.credentials(card.key(), &row));
        Now::Ready(credentials.map(|mut credentials| {
            credentials.amf = amf;
            auc::quintet(&credentials, rand, sqn)
        }))
    }

    fn triplet<'a>(&'a self, card: &'a SealedCard, rand: &'a Rand, sres: SresFunction) -> Now<'a, Triplet> {
        let triplet = || {
            let row = card.row()?;
            match row.layout.algorithm {
                Algorithm::Umts(_) => Ok(auc::triplet(&self.credentials(card.key(), &row)?, rand, sres)),
                Algorithm::Gsm(_) => match self.open_row(card.key(), &row)? {
                    SubscriberSecrets::Gsm(keys) => Ok(keys.triplet(rand)),
                    _ => Err(StoreError::Unsealing),
                },
            }
        };
        Now::Ready(triplet())
    }

    fn verify_auts<'a>(
        &'a self,
        card: &'a SealedCard,
        rand: &'a Rand,
        auts: &'a Auts,
    ) -> Now<'a, Result<Sqn, AucError>> {
        let credentials = card.row().map_err(StoreError::from);
        let credentials = credentials.and_then(|row| self.credentials(card.key(), &row));
        Now::Ready(credentials.map(|credentials| auc::verify_auts(&credentials, rand, auts)))
    }

    fn seal<'a>(&'a self, subscriber: &'a Subscriber) -> Now<'a, Sealed> {
        let key = SubscriberKey::from(&subscriber.supi);
        let row = Sealer::seal(self, &key, subscriber);
        Now::Ready(row.map(|row| Sealed {
            row,
            life: self.life(&key, &subscriber.secrets),
        }))
    }

    fn open<'a>(&'a self, card: &'a SealedCard) -> Now<'a, SubscriberSecrets> {
        let row = card.row().map_err(StoreError::from);
        Now::Ready(row.and_then(|row| self.open_row(card.key(), &row)))
    }
}
