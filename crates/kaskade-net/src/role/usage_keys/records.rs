//! What the store has of EMSKs: those that are sealed, and who holds keys below them, by subscriber.

use std::collections::BTreeMap;

use kaskade_anchor::emsk::{Anchor, Holder, HolderId, Limits, Origin, Retired, SealedRoot, Why, retire_left};
use kaskade_flow::event::Subject;
use kaskade_flow::record::{Expect, Record};
use kaskade_flow::{Moment, Unit, UnixMillis};
use kaskade_keys::Supi;
use kaskade_keys::id::RootKeyName;
use kaskade_store::records::{DeclareError, Found, RecordError, Records};

/// Records that are read at once.
const PAGE: usize = 256;

/// Of one subscriber: more than two EMSKs with all their holders.
const OF_ONE: usize = 1024;

/// An EMSK as the store has it: its own record, where it is sealed, and those of its holders.
#[derive(Debug)]
pub struct EmskRecords {
    supi: Supi,
    name: RootKeyName,
    sealed: Option<Found<SealedRoot>>,
    holders: Vec<Found<Holder>>,
}

impl EmskRecords {
    /// Makes their tables, where they are not there yet. Blocks.
    ///
    /// # Errors
    /// [`DeclareError`].
    pub fn declare(records: &Records) -> Result<(), DeclareError> {
        records.declare(&[Holder::KIND, SealedRoot::KIND])
    }

    /// Whether there are any, of whomever.
    ///
    /// # Errors
    /// [`RecordError`] when one cannot be read.
    pub async fn any(records: &Records) -> Result<bool, RecordError> {
        let none = records.list::<SealedRoot>(None, 1).await?.is_empty();
        Ok(!none || !records.list::<Holder>(None, 1).await?.is_empty())
    }

    /// Those of a subscriber, by EMSKname.
    ///
    /// # Errors
    /// [`RecordError`] when one cannot be read.
    pub async fn of(records: &Records, supi: &Supi) -> Result<Vec<Self>, RecordError> {
        let mut of: BTreeMap<RootKeyName, Self> = BTreeMap::new();
        let none = |name| Self {
            supi: supi.clone(),
            name,
            sealed: None,
            holders: Vec::new(),
        };
        for found in records.list_of::<Holder>(supi, None, OF_ONE).await? {
            let name = found.record.emsk_name;
            of.entry(name).or_insert_with(|| none(name)).holders.push(found);
        }
        for found in records.list_of::<SealedRoot>(supi, None, OF_ONE).await? {
            let name = found.record.name();
            of.entry(name).or_insert_with(|| none(name)).sealed = Some(found);
        }
        Ok(of.into_values().collect())
    }

    /// EMSKname.
    pub const fn name(&self) -> RootKeyName {
        self.name
    }

    /// How many hold keys below it.
    pub const fn holders(&self) -> usize {
        self.holders.len()
    }

    /// Whether it is there itself.
    pub(super) const fn is_sealed(&self) -> bool {
        self.sealed.is_some()
    }

    /// When the user was authenticated, and what that was; `None` where the EMSK is not there.
    pub(super) fn origin(&self) -> Option<(UnixMillis, Origin)> {
        let sealed = &self.sealed.as_ref()?.record;
        Some((sealed.born(), sealed.origin()))
    }

    /// It goes on; `None` where the EMSK is not there.
    pub(super) fn into_anchor(self, limits: Limits, at: UnixMillis, now: Moment) -> Option<Anchor> {
        let holders = self.holders.into_iter();
        let holders = holders.map(|found| (HolderId::from_octets(found.key.1), found.record));
        let sealed = self.sealed?.record;
        Some(Anchor::restore(self.supi, sealed, holders, limits, at, now))
    }

    /// It ends: the records go, and holders are told. Where another unit has done something to one of them meanwhile, this one does not
    /// happen.
    pub fn retire(self, why: Why, at: UnixMillis, about: Subject) -> Unit {
        let retired = Retired {
            supi: &self.supi,
            name: self.name,
            sealed: self.sealed.map(|found| Expect::Version(found.version)),
            why,
            at,
            about,
        };
        let holders = self.holders.into_iter().map(|found| {
            let id = HolderId::from_octets(found.key.1);
            (id, found.record, Expect::Version(found.version))
        });
        retire_left(&retired, holders)
    }
}

/// Subscribers of whom there are records of a kind, in pages of some hundred records.
pub(super) struct Subscribers<R: Record> {
    after: Option<R::Key>,
}

impl<R: Record<Key = (Supi, [u8; N])>, const N: usize> Subscribers<R> {
    pub(super) const fn new() -> Self {
        Self { after: None }
    }

    /// The next page, in which each is once; `None` at the end.
    pub(super) async fn next(&mut self, records: &Records) -> Result<Option<Vec<Supi>>, RecordError> {
        let page = records.list::<R>(self.after.as_ref(), PAGE).await?;
        let Some(last) = page.last() else { return Ok(None) };
        self.after = Some(last.key.clone());
        let mut subscribers: Vec<Supi> = page.into_iter().map(|found| found.key.0).collect();
        subscribers.dedup();
        Ok(Some(subscribers))
    }
}
