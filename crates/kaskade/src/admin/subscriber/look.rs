//! Lists and shows.

use std::sync::MutexGuard;

use kaskade::administration::{ListQuery, ShowQuery};
use kaskade::subscription::Who;
use kaskade_faults::fault;
use kaskade_flow::Refusal;
use kaskade_flow::event::{Action, Outcome};
use kaskade_keys::Supi;
use kaskade_store::StoreError;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::SubscriberView;
use crate::admin::operation::{Nothing, Operation, WITH_CHANGE};
use crate::admin::text::{Flag, Limit, Text};
use crate::admin::{Admin, NotDone, Principal, Role};

/// Some subscribers, in the order of their SUPI.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Page {
    /// They.
    pub(crate) subscribers: Vec<SubscriberView>,
    /// How many there are in all, also of those that were not asked for.
    pub(crate) total: u64,
    /// Where to go on, as `after`: there may be more. A page may be empty and have this: nobody of those that were looked at is
    /// of the kind that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) next: Option<String>,
}

/// How many are looked at for one page: opening each takes its time.
const LOOKED_AT: usize = 1000;
const USUAL: usize = 100;

/// Lists subscribers.
pub(crate) struct List;

impl Operation for List {
    const NAME: &'static str = "listSubscribers";
    const TITLE: &'static str = "Lists subscribers, page by page.";
    const METHOD: &'static str = "GET";
    const PATH: &'static str = "/subscribers";
    const ROLE: Role = Role::Reader;
    const REFUSALS: &'static [Refusal] = WITH_CHANGE;
    const ACTION: Action = Action::Shown;
    type Of = ();
    type Query = ListQuery;
    type Body = Nothing;
    type Answer = Page;

    fn run(admin: &Admin, by: &Principal, (): (), query: ListQuery, _: Nothing) -> Result<Page, NotDone> {
        let limit = query.limit.as_ref().map_or(USUAL, |Text(Limit(limit))| *limit);
        let reveal = matches!(query.reveal_gpsi, Some(Text(Flag(true))));
        if reveal && !by.may(Role::Provisioner) && !fault!("admin-gpsis-for-readers") {
            let why = "GPSIs of all are for the role provisioner and above";
            return Err(NotDone::of(Refusal::PeerNotAuthorized, "?reveal_gpsi", why));
        }
        let store = admin.store()?;
        let mut after = query.after.as_ref().map(|Text(supi)| supi.clone());
        let (mut found, mut looked_at) = (Vec::new(), 0);
        let more = loop {
            let left = LOOKED_AT - looked_at;
            if found.len() == limit || left == 0 {
                break !store.list(after.as_ref(), 1)?.is_empty();
            }
            let page = store.list(after.as_ref(), left.min(limit))?;
            let Some(last) = page.last() else { break false };
            after = Some(last.supi.clone());
            looked_at += page.len();
            for subscriber in page.iter().filter(|subscriber| query.takes(subscriber)) {
                if found.len() == limit {
                    break;
                }
                after = Some(subscriber.supi.clone());
                found.push(SubscriberView::of(subscriber, reveal));
            }
            if found.len() < limit {
                after = Some(last.supi.clone());
            }
        };
        if reveal && admin.running().is_some() {
            // They leave as an export does.
            admin.note_revealed(by, found.len())?;
        }
        Ok(Page {
            subscribers: found,
            total: store.len()?,
            next: after.filter(|_| more).map(|supi| supi.sbi()),
        })
    }
}

/// Shows a subscriber.
pub(crate) struct Show;

impl Operation for Show {
    const NAME: &'static str = "showSubscriber";
    const TITLE: &'static str = "Shows one subscriber; K and operator code as fingerprints.";
    const METHOD: &'static str = "GET";
    const PATH: &'static str = "/subscribers/{supiOrGpsi}";
    const ROLE: Role = Role::Reader;
    const REFUSALS: &'static [Refusal] = &[Refusal::UserNotFound];
    const ACTION: Action = Action::Shown;
    type Of = Who;
    type Query = ShowQuery;
    type Body = Nothing;
    type Answer = SubscriberView;

    fn run(admin: &Admin, _: &Principal, who: Who, query: ShowQuery, _: Nothing) -> Result<SubscriberView, NotDone> {
        let reveal = matches!(query.reveal_gpsi, Some(Text(Flag(true))));
        admin.view_of(&admin.supi_of(&who)?, reveal)
    }
}

impl Admin {
    /// The SUPI of whoever is named, and what keeps it from being somebody else's GPSI before the change is made.
    pub(super) fn changing_of(&self, who: &Who) -> Result<(Supi, MutexGuard<'_, ()>), NotDone> {
        if fault!("admin-gpsi-of-before") {
            return Ok((self.supi_of(who)?, self.changing()));
        }
        let one_by_one = self.changing();
        Ok((self.supi_of(who)?, one_by_one))
    }

    /// Puts on record that so many subscribers leave with their GPSIs.
    fn note_revealed(&self, by: &Principal, count: usize) -> Result<(), NotDone> {
        let event = self.event(by, Outcome::Noted, Action::SubscribersExported)?;
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        self.note(event.map(|event| event.times(count)))
    }

    /// The SUPI of whoever is named.
    pub(crate) fn supi_of(&self, who: &Who) -> Result<Supi, NotDone> {
        match who {
            Who::Supi(supi) => Ok(supi.clone()),
            Who::Gpsi(gpsi) => {
                let found = self.store()?.supi_of(gpsi)?;
                found.ok_or_else(|| StoreError::UnknownSubscriber.into())
            }
        }
    }
}
