//! AMFs that serve a subscriber no more, and are told so (TS 29.503 5.3.2.3, Nudm_UECM_DeregistrationNotification).
//!
//! | What happens | What the AMF of before hears |
//! |---|---|
//! | another AMF registers, for a device that registers anew | `UE_INITIAL_REGISTRATION` |
//! | another AMF registers, for a device that has moved | `UE_REGISTRATION_AREA_CHANGE` |
//! | the subscriber is removed or suspended; the registration goes in the same commit as a subscriber who is removed | `SUBSCRIPTION_WITHDRAWN` |
//!
//! A message is worth nothing after a day, and none is sent to an AMF that serves the subscriber again. Where too many wait, an AMF goes
//! untold: what it would have been told of happens all the same.

use std::sync::Arc;
use std::time::Duration;

use kaskade_codec::sbi::nudm_uecm::{DeregistrationData, DeregistrationReason};
use kaskade_crypto::seal::SecretReader;
use kaskade_faults::fault;
use kaskade_flow::record::{Expect, Record};
use kaskade_flow::unit::Lane;
use kaskade_flow::{Durable, Guarded, Unit};
use kaskade_keys::Supi;
use kaskade_store::StoreError;
use kaskade_store::records::{CommitError, DeclareError, Found, RecordError, Records};

use super::record::{Deregistration, ServingAmf, TO_FORMER_AMFS};
use super::{TRIES, Uecm};
use crate::log_limit;
use crate::role::callbacks::{Callbacks, Message, Teller, Told};
use crate::role::usage_keys::CallbackRoot;
use crate::sbi::write;

/// How long an AMF that is away may be told still.
const WORTH: Duration = Duration::from_secs(24 * 3600);

/// Makes room for the records of serving AMFs, where there is none yet. Blocks for a moment.
///
/// # Errors
/// [`DeclareError`].
pub fn declare_serving_amfs(records: &Records) -> Result<(), DeclareError> {
    records.declare(&[ServingAmf::KIND])
}

/// Whether no further message finds a place.
pub(super) fn is_full(records: &Records) -> bool {
    has_no_place(records.outbox().count(&TO_FORMER_AMFS).waiting)
}

const fn has_no_place(waiting: usize) -> bool {
    waiting >= TO_FORMER_AMFS.capacity
}

/// Whether a unit was refused because its messages to former AMFs found no place: without them it may happen.
pub fn deregistrations_full(error: &StoreError) -> bool {
    let is_full = matches!(error, StoreError::Unit(CommitError::LaneFull(lane, _)) if *lane == TO_FORMER_AMFS.name);
    is_full && !fault!("full-lane-refuses-a-registration")
}

/// The AMF of before is told why it serves the subscriber no more, as far as it is told anything. Whether it goes untold, because there is
/// no place for the message.
pub(super) fn tell(
    unit: &mut Unit,
    records: &Records,
    (supi, amf): (&Supi, &ServingAmf),
    reason: DeregistrationReason,
    is_full: bool,
) -> bool {
    if fault!("former-amf-not-told") {
        return false;
    }
    let Some(message) = Deregistration::of(supi, amf, reason) else {
        return false;
    };
    if is_full {
        log_limit!(
            error,
            "an AMF is not told that it serves a subscriber no more: too many messages wait"
        );
        return true;
    }
    unit.send(message.outgoing(amf.amf, records.now().after(WORTH)));
    false
}

/// An AMF serves a subscriber again: what it has not heard yet of the end it hears no more.
pub(super) fn hears_nothing_of_before(unit: &mut Unit, records: &Records, (supi, amf): (&Supi, &ServingAmf)) {
    if records.outbox().count(&TO_FORMER_AMFS).waiting == 0 || fault!("serving-amf-told-of-its-end") {
        return;
    }
    if let Some(message) = Deregistration::of(supi, amf, DeregistrationReason::RegistrationAreaChange) {
        // It takes the place of what waits, and is worth nothing itself.
        unit.send(message.outgoing(amf.amf, records.now()));
    }
}

/// Puts the end of a subscriber's registration into a unit: its record goes, and its AMF is told that the subscription is withdrawn, where
/// there is a place for the message. Whether there was one. The unit happens only if the registration is still as it was read.
///
/// # Errors
/// [`RecordError`] when it cannot be read.
pub async fn withdraw_registration(records: &Records, supi: &Supi, unit: &mut Unit) -> Result<bool, RecordError> {
    withdraw(records, supi, unit, is_full(records)).await
}

/// As [`withdraw_registration`], and its AMF is not told: for a unit that was refused because of the message ([`deregistrations_full`]).
///
/// # Errors
/// [`RecordError`] when it cannot be read.
pub async fn withdraw_registration_untold(
    records: &Records,
    supi: &Supi,
    unit: &mut Unit,
) -> Result<bool, RecordError> {
    withdraw(records, supi, unit, true).await
}

async fn withdraw(records: &Records, supi: &Supi, unit: &mut Unit, is_full: bool) -> Result<bool, RecordError> {
    let found = records.read::<ServingAmf>(supi).await?;
    let Some(Found { record, version, .. }) = found else {
        unit.remove::<ServingAmf>(supi, Expect::Absent);
        return Ok(false);
    };
    unit.remove::<ServingAmf>(supi, Expect::Version(version));
    let reason = DeregistrationReason::SubscriptionWithdrawn;
    tell(unit, records, (supi, &record), reason, is_full);
    Ok(true)
}

/// The registration of a subscriber ends, and its AMF is told, where there is a place for the message. Whether there was one. Durable when
/// it returns.
///
/// # Errors
/// [`StoreError`]; then it is as it was.
pub async fn end_registration(records: &Records, supi: &Supi) -> Result<bool, StoreError> {
    let (mut conflict, mut full) = (None, is_full(records));
    for _ in 0..TRIES {
        let mut unit = Unit::new();
        let was_there = withdraw(records, supi, &mut unit, full)
            .await
            .map_err(StoreError::Record)?;
        if !was_there {
            return Ok(false);
        }
        let ended: Result<Durable<()>, _> = records.commit(unit, Guarded::new(())).await;
        match ended.map_err(StoreError::from) {
            Ok(_) => return Ok(true),
            Err(error @ StoreError::Conflict(_)) => conflict = Some(error),
            Err(error) if !full && deregistrations_full(&error) => {
                full = true;
                conflict = Some(error);
            }
            Err(error) => return Err(error),
        }
    }
    Err(conflict.unwrap_or(StoreError::Closed))
}

/// Tells AMFs that they serve a subscriber no more.
pub(super) struct Deregistering(pub(super) Arc<Uecm>);

impl Teller for Deregistering {
    const LANE: Lane = TO_FORMER_AMFS;
    const WHAT: &'static str = "that an AMF serves a subscriber no more";

    fn callbacks(&self) -> &Callbacks {
        &self.0.callbacks
    }

    fn records(&self) -> &Records {
        &self.0.records
    }

    fn message(&self, body: SecretReader<'_>) -> Result<Message, String> {
        let Deregistration {
            name, callback, reason, ..
        } = Deregistration::read(body).map_err(|error| error.to_string())?;
        let told = DeregistrationData { dereg_reason: reason };
        Ok(Message {
            holder: name,
            callback,
            body: write::body(&told).map_err(|error| error.to_string())?,
        })
    }

    fn may_be_told(&self, holder: &str, root: &CallbackRoot) -> bool {
        self.0.policy.with(|policy| policy.may_be_told(holder, root))
    }

    fn count(&self, told: Told) {
        let counters = &self.0.counters;
        match told {
            Told::Now => counters.former_told.add_one(),
            Told::Later => counters.former_not_told.add_one(),
            Told::Never => counters.former_given_up.add_one(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_no_message_finds_a_place_it_alone_is_left_out() {
        let most = TO_FORMER_AMFS.capacity;
        assert!(!has_no_place(most - 1) && has_no_place(most));
        let refused = |lane| StoreError::from(CommitError::LaneFull(lane, most));
        assert!(deregistrations_full(&refused(TO_FORMER_AMFS.name)));
        assert!(!deregistrations_full(&refused("another lane")));
        assert!(!deregistrations_full(&StoreError::Closed));
    }
}
