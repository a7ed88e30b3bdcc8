//! What lawful interception hears of an AAnF: in the commit that makes it happen, for everybody alike.
//!
//! Where there is interception, each operation has a row of it in its commit, whether the subscriber is a target or not, and a key that is
//! told again has a commit too. So neither an answer nor its time says who is a target.

use std::any::Any;
use std::sync::Arc;

use kaskade_anchor::interception::{Iri, KeyGetType};
use kaskade_flow::{Unit, UnixMillis};
use kaskade_keys::{Gpsi, Supi};
use kaskade_store::records::CommitError;
use kaskade_store::{StoreError, SubscriberStore};

use super::{Aanf, AanfError};

/// Something that is about to happen.
#[derive(Debug)]
pub struct Seen<'s> {
    /// To whom.
    pub supi: &'s Supi,
    /// Its GPSI, where the subscribers are here.
    pub gpsi: Option<Gpsi>,
    /// When.
    pub at: UnixMillis,
    /// What.
    pub iri: Iri,
}

/// That something was noted; kept until its commit is over.
#[must_use = "whoever changes targets waits for it"]
pub struct Noted(#[allow(dead_code, reason = "it is held, and not looked at")] Arc<dyn Any + Send + Sync>);

impl Noted {
    /// With what those wait for who change targets.
    pub fn holding(what: Arc<dyn Any + Send + Sync>) -> Self {
        Self(what)
    }
}

/// Lawful interception, as the AAnF knows it.
pub trait Interception: Send + Sync + 'static {
    /// Puts into the unit what is to be durable with it. The same work for a target and for anybody else.
    ///
    /// # Errors
    /// [`CommitError`] where the unit must not be committed.
    fn note(&self, seen: Seen<'_>, unit: &mut Unit) -> Result<Noted, CommitError>;

    /// Whether whoever is called so is an NEF.
    fn is_nef(&self, consumer: &str) -> bool;
}

impl Aanf {
    pub(super) const fn is_intercepting(&self) -> bool {
        self.options.interception.is_some()
    }

    /// For whom a key is: an NEF elsewhere asks like an application function.
    pub(super) fn kind_of(&self, consumer: &str, kind: KeyGetType) -> KeyGetType {
        let interception = self.options.interception.as_ref();
        match interception.is_some_and(|interception| interception.is_nef(consumer)) {
            true => KeyGetType::External,
            false => kind,
        }
    }

    /// Tells interception what the unit does, where there is some.
    pub(super) fn intercepted(
        &self,
        supi: &Supi,
        at: UnixMillis,
        unit: &mut Unit,
        iri: impl FnOnce() -> Iri,
    ) -> Result<Option<Noted>, AanfError> {
        let Some(interception) = &self.options.interception else {
            return Ok(None);
        };
        let store = self.is_home.then_some(&*self.store);
        Ok(Some(note(&**interception, store, (supi, at, iri()), unit)?))
    }
}

/// Tells interception of something that is about to happen to a subscriber; with the store where the subscribers are.
///
/// # Errors
/// [`StoreError`] where the unit must not be committed.
pub fn note(
    interception: &dyn Interception,
    subscribers: Option<&SubscriberStore>,
    (supi, at, iri): (&Supi, UnixMillis, Iri),
    unit: &mut Unit,
) -> Result<Noted, StoreError> {
    let gpsi = match subscribers.map(|store| store.gpsi_of(supi)) {
        None | Some(Err(StoreError::GsmOnly)) => None,
        Some(gpsi) => gpsi?,
    };
    Ok(interception.note(Seen { supi, gpsi, at, iri }, unit)?)
}
