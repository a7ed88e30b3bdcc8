//! Waiting for the next message of a lane of the outbox.

use std::time::Duration;

use kaskade_flow::UnixMillis;
use kaskade_flow::unit::Lane;
use kaskade_store::records::{Delivery, Records, Taken};

use crate::log_limit;

/// The next message of a lane, as soon as one is due. What cannot be read is said, and looked at again within a minute.
pub(super) async fn next(records: &Records, lane: &Lane, what: &str) -> Delivery {
    let outbox = records.outbox();
    loop {
        let changed = outbox.changed(lane);
        let until = match outbox.take(lane).await {
            Ok(Taken::Message(delivery)) => return delivery,
            Ok(Taken::Nothing(until)) => until,
            Err(error) => {
                log_limit!(error, "a message cannot be read", what, %error);
                None
            }
        };
        tokio::select! {
            () = changed => {}
            () = sleep_until(records, until) => {}
        }
    }
}

/// Until a moment of the store's clock, a minute at most.
async fn sleep_until(records: &Records, until: Option<UnixMillis>) {
    const LONGEST: Duration = Duration::from_secs(60);
    let wait = until.map_or(LONGEST, |until| {
        Duration::from_millis(until.get().saturating_sub(records.now().get()))
    });
    tokio::time::sleep(wait.clamp(Duration::from_millis(1), LONGEST)).await;
}
