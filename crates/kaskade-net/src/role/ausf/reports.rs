//! Reports to a UDM on another node: each goes to its end whatever becomes of the request that caused it, so many at once.
//!
//! A peer that resets the stream of its confirmation pays for nothing any more, and the report goes on. So the place of a
//! report is taken before the context is spent: where all are taken, the request waits, and what is cancelled then has changed
//! nothing.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use kaskade_faults::fault;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::log_limit;
use crate::sbi::message::MAX_BODY;
use crate::sbi::server::Shutdown;

/// Reports under way at once.
const MOST: u32 = 1024;

/// What one takes, in octets: its task with a request of HTTP/2, and the longest answer that is read.
const OCTETS: usize = 16 * 1024 + MAX_BODY;

/// What the reports under way to a UDM on another node take at most, in octets.
pub const REPORTS_OCTETS: usize = MOST as usize * OCTETS;

/// The places of reports under way.
pub(super) struct Reports {
    places: Arc<Semaphore>,
    most: u32,
    over: Shutdown,
}

/// The place of one report.
pub(super) struct Place(OwnedSemaphorePermit);

impl Reports {
    pub(super) fn new() -> Self {
        Self::at_most(MOST)
    }

    fn at_most(most: u32) -> Self {
        Self {
            places: Arc::new(Semaphore::new(most as usize)),
            most,
            over: Shutdown::new(),
        }
    }

    /// A place, as soon as there is one; `None` after the end.
    pub(super) async fn place(&self) -> Option<Place> {
        self.places.clone().acquire_owned().await.ok().map(Place)
    }

    /// Does this to its end, also where nobody waits for that any more; the end of the program is waited for so long.
    /// What came of it; `None` where it broke off.
    ///
    /// It begins at once, and lies in its task: what waits for it is small.
    pub(super) fn deliver<T: Send + 'static, W: Future<Output = T> + Send + 'static>(
        &self,
        place: Place,
        work: W,
    ) -> impl Future<Output = Option<T>> + Send + use<T, W> {
        let over = self.over.clone();
        let task = async move {
            let _place = place.0;
            tokio::select! {
                done = work => Some(done),
                () = over.begun() => {
                    log_limit!(warn, "a result was not reported, or not kept, before the end");
                    None
                }
            }
        };
        let task = match fault!("lost-when-cancelled") {
            true => Err(Box::pin(task) as Pin<Box<dyn Future<Output = Option<T>> + Send>>),
            false => Ok(tokio::spawn(task)),
        };
        async move {
            match task {
                Err(lost) => lost.await,
                Ok(task) => task.await.unwrap_or_else(|error| {
                    log_limit!(error, "the report of a result broke off", %error);
                    None
                }),
            }
        }
    }

    /// Waits for the reports under way, so long at most, and takes no more.
    pub(super) async fn finish(&self, patience: Duration) {
        let all = self.places.acquire_many(self.most);
        if tokio::time::timeout(patience, all).await.is_err() {
            self.over.begin();
        }
        self.places.close();
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use tokio::sync::Notify;

    use super::*;

    const SHORT: Duration = Duration::from_millis(50);

    /// Begins a report and gives up the request that waits for it.
    async fn begin_and_reset(reports: &Reports, work: impl Future<Output = ()> + Send + 'static) -> bool {
        let Ok(Some(place)) = tokio::time::timeout(SHORT, reports.place()).await else {
            return false;
        };
        let waits = tokio::time::timeout(Duration::ZERO, reports.deliver(place, work)).await;
        assert!(waits.is_err(), "the UDM does not answer");
        true
    }

    #[tokio::test]
    async fn what_is_reset_keeps_its_place_and_is_waited_for() {
        let (reports, answers) = (Reports::at_most(3), Arc::new(Notify::new()));
        let done = Arc::new(AtomicU32::new(0));
        let report = || {
            let (answers, done) = (answers.clone(), done.clone());
            async move {
                answers.notified().await;
                done.fetch_add(1, Ordering::Relaxed);
            }
        };
        for _ in 0..3 {
            assert!(begin_and_reset(&reports, report()).await);
        }
        assert!(!begin_and_reset(&reports, report()).await, "a fourth waits");
        let end = reports.finish(Duration::from_secs(60));
        tokio::join!(end, async { answers.notify_waiters() });
        assert_eq!(done.load(Ordering::Relaxed), 3);
        assert!(reports.place().await.is_none(), "after the end");
    }

    #[tokio::test]
    async fn a_udm_that_never_answers_does_not_stop_the_end() {
        let reports = Reports::at_most(2);
        let held = Arc::new(());
        for _ in 0..2 {
            let held = held.clone();
            let never = async move {
                let _held = held;
                std::future::pending::<()>().await;
            };
            assert!(begin_and_reset(&reports, never).await);
        }
        reports.finish(SHORT).await;
        for _ in 0..1000 {
            if Arc::strong_count(&held) == 1 {
                break;
            }
            tokio::task::yield_now().await;
        }
        assert_eq!(Arc::strong_count(&held), 1, "they are dropped");
    }
}
