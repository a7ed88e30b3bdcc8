//! Changes, suspends, removes; lets a card be followed.

use kaskade::administration::Changes;
use kaskade::subscription::Who;
use kaskade_flow::Refusal;
use kaskade_flow::event::Action;
use kaskade_keys::Supi;
use kaskade_store::{StoreError, Subscriber};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::SubscriberView;
use crate::admin::operation::{Nothing, Operation};
use crate::admin::{Admin, NotDone, Principal, Role};

/// Changes a subscriber.
pub(crate) struct Change;

impl Operation for Change {
    const NAME: &'static str = "changeSubscriber";
    const TITLE: &'static str =
        "Changes what a subscription allows, suspends or resumes it; effective with the next request.";
    const METHOD: &'static str = "PATCH";
    const PATH: &'static str = "/subscribers/{supiOrGpsi}";
    const ROLE: Role = Role::Provisioner;
    const REFUSALS: &'static [Refusal] = &[Refusal::UserNotFound, Refusal::AlreadyExists, Refusal::RevisionConflict];
    const ACTION: Action = Action::SubscriberChanged;
    type Of = Who;
    type Query = Nothing;
    type Body = Changes;
    type Answer = SubscriberView;

    fn run(admin: &Admin, by: &Principal, who: Who, _: Nothing, changes: Changes) -> Result<SubscriberView, NotDone> {
        // What is read here is written back: two changes of one subscriber come one after the other.
        let (supi, _one_by_one) = admin.changing_of(&who)?;
        let found = admin.store()?.subscriber(&supi)?;
        let mut subscriber = found.ok_or_else(|| NotDone::from(StoreError::UnknownSubscriber))?;
        let (was_suspended, before) = (subscriber.subscription.suspended, alterable(&subscriber));
        let had_akma = subscriber.subscription.akma_allowed;
        changes.apply(&mut subscriber)?;
        if before == alterable(&subscriber) {
            // What changes nothing leaves the log as it is.
            return admin.view_of(&supi, false);
        }
        let action = match (was_suspended, subscriber.subscription.suspended) {
            (false, true) => Action::SubscriberSuspended,
            (true, false) => Action::SubscriberResumed,
            _ => Action::SubscriberChanged,
        };
        let event = admin.change_of(by, action, &supi)?;
        admin.store()?.change_on_record(&subscriber, event)?;
        if action == Action::SubscriberSuspended {
            admin.registration_ends_of(&supi);
        }
        // Also where a store has them from before it was suspended.
        if matches!(action, Action::SubscriberSuspended | Action::SubscriberResumed) {
            admin.keys_end_of(&supi)?;
        } else if had_akma && !subscriber.subscription.akma_allowed {
            admin.anchor_key_ends_of(&supi);
            admin.application_keys_end_of(&supi)?;
        }
        admin.told()?;
        admin.view_of(&supi, false)
    }
}

/// All that can be changed of a subscriber.
fn alterable(subscriber: &Subscriber) -> impl PartialEq + use<> {
    let methods: Vec<_> = subscriber.methods.iter().collect();
    (methods, subscriber.subscription.clone(), *subscriber.amf.octets())
}

/// Removes a subscriber.
pub(crate) struct Remove;

impl Operation for Remove {
    const NAME: &'static str = "removeSubscriber";
    const TITLE: &'static str = "Removes a subscriber and its K for good.";
    const METHOD: &'static str = "DELETE";
    const PATH: &'static str = "/subscribers/{supiOrGpsi}";
    const ROLE: Role = Role::Provisioner;
    const STATUS: u16 = 204;
    const REFUSALS: &'static [Refusal] = &[Refusal::UserNotFound];
    const ACTION: Action = Action::SubscriberRemoved;
    type Of = Who;
    type Query = Nothing;
    type Body = Nothing;
    type Answer = Nothing;

    fn run(admin: &Admin, by: &Principal, who: Who, _: Nothing, _: Nothing) -> Result<Nothing, NotDone> {
        let (supi, _one_by_one) = admin.changing_of(&who)?;
        // Whoever is not there leaves the log as it is.
        if !admin.store()?.contains(&supi)? {
            return Err(StoreError::UnknownSubscriber.into());
        }
        let event = admin.change_of(by, Action::SubscriberRemoved, &supi)?;
        match admin.removes(&supi, event)? {
            true => {
                admin.keys_end_of(&supi)?;
                admin.told().map(|()| Nothing {})
            }
            false => Err(StoreError::UnknownSubscriber.into()),
        }
    }
}

/// What is known of a card that may be followed back.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub(crate) struct ReuseAllowed {
    /// SUPI.
    pub(crate) supi: String,
    /// The next fresh AUTS is followed wherever the card is.
    pub(crate) sqn_reuse_allowed: bool,
    /// Whether it was so before.
    pub(crate) was_allowed: bool,
    /// How often numbers of an older epoch were issued again.
    pub(crate) sqn_reused: u32,
    /// The highest SQN that may have been issued: 12 hexadecimal digits.
    pub(crate) highest_sqn: String,
    /// Whether no SQN is left above it.
    pub(crate) sqn_at_its_end: bool,
}

/// Says in the log what was allowed.
fn follows(supi: &Supi) {
    tracing::warn!(target: "audit", supi = %supi.masked(), "the next fresh AUTS may be followed to used numbers");
}

/// Lets a card be followed back once.
pub(crate) struct AllowReuse;

impl Operation for AllowReuse {
    const NAME: &'static str = "allowReuse";
    const TITLE: &'static str = "Lets the next fresh AUTS of a card be followed wherever the card is, once.";
    const METHOD: &'static str = "POST";
    const PATH: &'static str = "/subscribers/{supiOrGpsi}/allow-reuse";
    const ROLE: Role = Role::Operator;
    const REFUSALS: &'static [Refusal] = &[Refusal::UserNotFound];
    const ACTION: Action = Action::ReuseAllowed;
    type Of = Who;
    type Query = Nothing;
    type Body = Nothing;
    type Answer = ReuseAllowed;

    fn run(admin: &Admin, by: &Principal, who: Who, _: Nothing, _: Nothing) -> Result<ReuseAllowed, NotDone> {
        let (supi, _one_by_one) = admin.changing_of(&who)?;
        let before = admin.view_of(&supi, false)?;
        let event = admin.change_of(by, Action::ReuseAllowed, &supi)?;
        admin.store()?.allow_reuse_on_record(&supi, event)?;
        admin.told()?;
        follows(&supi);
        Ok(ReuseAllowed {
            supi: before.supi,
            sqn_reuse_allowed: true,
            was_allowed: before.sqn_reuse_allowed,
            sqn_reused: before.sqn_reused,
            highest_sqn: before.highest_sqn,
            sqn_at_its_end: before.sqn_at_its_end,
        })
    }
}
