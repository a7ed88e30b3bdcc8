//! AMFs that serve a subscriber no more, and are told so (TS 29.503 5.3.2.3, Nudm_UECM_DeregistrationNotification).
//!
//! | What happens | What the AMF of before hears |
//! |---|---|
//! | another AMF registers, for a device that registers anew | `UE_INITIAL_REGISTRATION` |
//! | another AMF registers, for a device that has moved | `UE_REGISTRATION_AREA_CHANGE` |
//! | the subscriber is removed or suspended; the registration goes in the same commit as a subscriber who is removed | `SUBSCRIPTION_WITHDRAWN` |
//!
//! A message is worth nothing after a day, and none is sent to an AMF that serves the subscriber again.

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
use kaskade_store::records::{DeclareError, Found, RecordError, Records};

use super::record::{Deregistration, ServingAmf, TO_FORMER_AMFS};
use super::{TRIES, Uecm};
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

/// The AMF of before is told why it serves the subscriber no more, as far as it is told anything.
pub(super) fn tell(
    unit: &mut Unit,
    records: &Records,
    (supi, amf): (&Supi, &ServingAmf),
    reason: DeregistrationReason,
) {
    if fault!("former-amf-not-told") {
        return;
    }
    if let Some(message) = Deregistration::of(supi, amf, reason) {
        unit.send(message.outgoing(amf.amf, records.now().after(WORTH)));
    }
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

/// Puts the end of a subscriber's registration into a unit: its record goes, and its AMF is told that the subscription is withdrawn. Whether
/// there was one. The unit happens only if the registration is still as it was read.
///
/// # Errors
/// [`RecordError`] when it cannot be read.
pub async fn withdraw_registration(records: &Records, supi: &Supi, unit: &mut Unit) -> Result<bool, RecordError> {
    let found = records.read::<ServingAmf>(supi).await?;
    let Some(Found { record, version, .. }) = found else {
        unit.remove::<ServingAmf>(supi, Expect::Absent);
        return Ok(false);
    };
    unit.remove::<ServingAmf>(supi, Expect::Version(version));
    let reason = DeregistrationReason::SubscriptionWithdrawn;
    tell(unit, records, (supi, &record), reason);
    Ok(true)
}

/// The registration of a subscriber ends, and its AMF is told. Whether there was one. Durable when it returns.
///
/// # Errors
/// [`StoreError`]; then it is as it was.
pub async fn end_registration(records: &Records, supi: &Supi) -> Result<bool, StoreError> {
    let mut conflict = None;
    for _ in 0..TRIES {
        let mut unit = Unit::new();
        let was_there = withdraw_registration(records, supi, &mut unit)
            .await
            .map_err(StoreError::Record)?;
        if !was_there {
            return Ok(false);
        }
        let ended: Result<Durable<()>, _> = records.commit(unit, Guarded::new(())).await;
        match ended.map_err(StoreError::from) {
            Ok(_) => return Ok(true),
            Err(error @ StoreError::Conflict(_)) => conflict = Some(error),
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
