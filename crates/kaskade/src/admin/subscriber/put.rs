//! Adds and replaces.

use kaskade::administration::{AddQuery, NewSubscriber, refused};
use kaskade::import::{Entry, Secrets};
use kaskade::subscription::methods_of_card;
use kaskade_aka::sqn::{SqnRecord, SqnScheme};
use kaskade_crypto::Sqn;
use kaskade_flow::Refusal;
use kaskade_flow::event::Action;
use kaskade_keys::Supi;
use kaskade_store::{StoreError, Subscriber};

use super::SubscriberView;
use crate::admin::operation::Operation;
use crate::admin::text::{Flag, Text};
use crate::admin::{Admin, NotDone, Principal, Role};

impl Admin {
    /// The subscriber that an entry says, with its secrets opened.
    pub(crate) fn subscriber_of(&self, entry: &Entry) -> anyhow::Result<Subscriber> {
        let secrets = match &entry.secrets {
            Secrets::Clear(secrets) => secrets.clone(),
            Secrets::Sealed(octets) => self.sealed.open(&entry.supi, octets)?,
        };
        let methods = methods_of_card(entry.methods, &secrets.algorithm());
        Ok(Subscriber {
            supi: entry.supi.clone(),
            methods: methods.map_err(|error| anyhow::anyhow!("methods: {error}"))?,
            subscription: entry.subscription.clone(),
            secrets,
            amf: entry.amf,
            sqn: sqn_record(entry.sqn_scheme.unwrap_or(self.config().sqn.scheme.0), entry.sqn),
        })
    }

    /// A subscriber as it is now.
    pub(crate) fn view_of(&self, supi: &Supi, reveal_gpsi: bool) -> Result<SubscriberView, NotDone> {
        let found = self.store()?.subscriber(supi)?;
        let found = found.ok_or_else(|| NotDone::from(StoreError::UnknownSubscriber))?;
        Ok(SubscriberView::of(&found, reveal_gpsi))
    }
}

/// A record for a card that may have seen up to `highest`.
fn sqn_record(scheme: SqnScheme, highest: Option<Sqn>) -> SqnRecord {
    let blank = SqnRecord::blank(scheme);
    match highest {
        None => blank,
        Some(highest) => {
            let (seq, _) = blank.layout().split(highest);
            SqnRecord::after(scheme, blank.layout(), seq)
        }
    }
}

/// Adds a subscriber.
pub(crate) struct Add;

impl Operation for Add {
    const NAME: &'static str = "addSubscriber";
    const TITLE: &'static str = "Adds a subscriber, or replaces the one with this SUPI where the query says so.";
    const METHOD: &'static str = "POST";
    const PATH: &'static str = "/subscribers";
    const ROLE: Role = Role::Provisioner;
    const STATUS: u16 = 201;
    const REFUSALS: &'static [Refusal] = &[Refusal::AlreadyExists, Refusal::DataNotFound];
    const ACTION: Action = Action::SubscriberAdded;
    type Of = ();
    type Query = AddQuery;
    type Body = NewSubscriber;
    type Answer = SubscriberView;

    fn run(
        admin: &Admin,
        by: &Principal,
        (): (),
        query: AddQuery,
        new: NewSubscriber,
    ) -> Result<SubscriberView, NotDone> {
        admin.has_udm()?;
        let entry = new.entry(1)?;
        let subscriber = admin
            .subscriber_of(&entry)
            .map_err(|error| refused(format!("{error:#}")))?;
        let (store, supi) = (admin.store()?, &subscriber.supi);
        let replace = matches!(query.replace, Some(Text(Flag(true))));
        // An import checks and writes under the same lock.
        let _one_by_one = admin.changing();
        // Who is there already leaves the log as it is.
        if !replace && store.contains(supi)? {
            return Err(StoreError::AlreadyExists.into());
        }
        let added = admin.change_of(by, Action::SubscriberAdded, supi)?;
        let changed = admin.change_of(by, Action::SubscriberChanged, supi)?;
        match replace {
            true => store
                .put_many_on_record([&subscriber], &|_, known| if known { changed } else { added })
                .map(drop)
                .map_err(StoreError::from)?,
            false => store.add_on_record(&subscriber, added)?,
        }
        // It may be another card.
        admin.keys_end_of(supi)?;
        admin.told()?;
        admin.view_of(supi, false)
    }
}
