//! How much of administration goes on at once, and how it ends.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use kaskade_faults::fault;
use kaskade_flow::Refusal;
use kaskade_flow::event::PeerId;
use kaskade_net::sbi::server::Shutdown;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{NotDone, Principal, Role};

/// Operations at once: the rest waits, and leaves the machine to those who authenticate.
const AT_ONCE: usize = 2;
/// Readings of the audit log at once, beside these: each may take long.
const READINGS: usize = 1;
/// Requests of operators at once: those that are worked on, those that wait, and those whose body comes.
const OPERATORS: usize = 32;
/// Those of all others, who take no place of an operator.
const OTHERS: usize = 32;
/// Those of one principal, who takes no more of either.
const OF_ONE: usize = 16;
/// All of them.
pub(super) const INSIDE: usize = OPERATORS + OTHERS;
/// Imports and exports at once; all but one of them of others than operators, and so many of one of those.
pub(super) const STREAMS: usize = 4;
const STREAMS_OF_ONE: usize = 2;
/// How long imports and exports may take after the end began.
const GRACE: Duration = Duration::from_secs(5);

/// Which places there are.
pub(super) struct Places {
    working: Arc<Semaphore>,
    reading: Arc<Semaphore>,
    operators: Arc<Semaphore>,
    others: Arc<Semaphore>,
    of_each: Arc<OfEach>,
    streams: Arc<Semaphore>,
    streams_of_others: Arc<Semaphore>,
    streams_of_each: Arc<OfEach>,
    closing: Shutdown,
}

/// A place; free when it is dropped.
pub(super) type Place = OwnedSemaphorePermit;

/// Requests of each principal that has some.
#[derive(Default)]
struct OfEach(Mutex<HashMap<PeerId, usize>>);

impl OfEach {
    fn counts(&self) -> MutexGuard<'_, HashMap<PeerId, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One more, of so many; whether it may have that.
    fn add(&self, peer: PeerId, most: usize) -> bool {
        let mut counts = self.counts();
        let count = counts.entry(peer).or_default();
        let may = *count < most;
        *count += usize::from(may);
        may
    }

    fn remove(&self, peer: PeerId) {
        let mut counts = self.counts();
        if let Some(count) = counts.get_mut(&peer) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                counts.remove(&peer);
            }
        }
    }
}

/// A request that is inside until it is dropped.
pub(super) struct Inside {
    _place: Place,
    of_each: Arc<OfEach>,
    peer: PeerId,
}

impl Drop for Inside {
    fn drop(&mut self) {
        self.of_each.remove(self.peer);
    }
}

/// An import or export that goes on until it is dropped.
pub(super) struct Going {
    _place: Place,
    _of_others: Option<Inside>,
}

/// What is worked on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Work {
    /// Something that is done soon.
    Short,
    /// A reading of the audit log.
    Reading,
}

impl Places {
    pub(super) fn new() -> Self {
        let places = |count| Arc::new(Semaphore::new(count));
        Self {
            working: places(AT_ONCE),
            reading: places(READINGS),
            operators: places(OPERATORS),
            others: places(OTHERS),
            of_each: Arc::default(),
            streams: places(STREAMS),
            streams_of_others: places(STREAMS - 1),
            streams_of_each: Arc::default(),
            closing: Shutdown::new(),
        }
    }

    /// Lets a request in.
    pub(super) fn enter(&self, by: &Principal) -> Result<Inside, NotDone> {
        self.open()?;
        let full = || NotDone::from(Refusal::Overloaded);
        let places = match by.may(Role::Operator) {
            true => &self.operators,
            false if fault!("admin-places-of-operators-taken") => &self.operators,
            false => &self.others,
        };
        let place = Arc::clone(places).try_acquire_owned().map_err(|_| full())?;
        let of_each = Arc::clone(&self.of_each);
        if !of_each.add(by.peer(), OF_ONE) {
            return Err(full());
        }
        Ok(Inside {
            _place: place,
            of_each,
            peer: by.peer(),
        })
    }

    /// A place for something that goes on after its answer has begun. Nobody but operators has all of them.
    pub(super) fn stream(&self, by: &Principal) -> Result<Going, NotDone> {
        self.open()?;
        let none = |count| {
            let detail = format!("{count} imports and exports go on already");
            NotDone::because(Refusal::Overloaded, detail)
        };
        let of_others = match by.may(Role::Operator) || fault!("admin-streams-of-one") {
            true => None,
            false => {
                let place = Arc::clone(&self.streams_of_others).try_acquire_owned();
                let (place, of_each) = (place.map_err(|_| none(STREAMS - 1))?, Arc::clone(&self.streams_of_each));
                if !of_each.add(by.peer(), STREAMS_OF_ONE) {
                    return Err(none(STREAMS_OF_ONE));
                }
                Some(Inside {
                    _place: place,
                    of_each,
                    peer: by.peer(),
                })
            }
        };
        let place = Arc::clone(&self.streams).try_acquire_owned();
        Ok(Going {
            _place: place.map_err(|_| none(STREAMS))?,
            _of_others: of_others,
        })
    }

    /// Waits for a place to work at.
    pub(super) async fn work(&self, work: Work) -> Result<Place, NotDone> {
        let place = self.last_work(work).await?;
        // Whoever has waited for it has not begun.
        self.open()?;
        Ok(place)
    }

    /// The same for what ends something that has begun, also when nothing new begins.
    pub(super) async fn last_work(&self, work: Work) -> Result<Place, NotDone> {
        let places = match work {
            Work::Reading if !fault!("admin-reading-in-the-way") => &self.reading,
            _ => &self.working,
        };
        Arc::clone(places).acquire_owned().await.map_err(|_| stopping())
    }

    fn open(&self) -> Result<(), NotDone> {
        match self.closing.has_begun() && !fault!("admin-works-to-the-end") {
            true => Err(stopping()),
            false => Ok(()),
        }
    }

    /// From now on nothing begins.
    pub(super) fn close(&self) {
        self.closing.begin();
    }

    /// Waits until nothing begins any more.
    pub(super) async fn closing(&self) {
        self.closing.begun().await;
    }

    /// Waits for what has begun: some time for imports and exports, and for what writes or reads until it has.
    pub(super) async fn empty(&self) {
        let all = |places: &Arc<Semaphore>, count| {
            let count = u32::try_from(count).unwrap_or(u32::MAX);
            Arc::clone(places).acquire_many_owned(count)
        };
        // A batch that takes its time, before the time of those that then only have to end.
        let _ = all(&self.working, AT_ONCE).await;
        let _ = tokio::time::timeout(GRACE, all(&self.streams, STREAMS)).await;
        let _ = all(&self.working, AT_ONCE).await;
        let _ = all(&self.reading, READINGS).await;
    }
}

/// Nothing begins any more.
pub(super) fn stopping() -> NotDone {
    NotDone::because(Refusal::Stopping, "the node is stopping")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn why<T>(done: Result<T, NotDone>) -> Option<Refusal> {
        done.err().map(|not_done| not_done.why())
    }

    /// A future that is asked once.
    fn now<T>(future: impl Future<Output = T>) -> Option<T> {
        let mut future = std::pin::pin!(future);
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        match future.as_mut().poll(&mut context) {
            std::task::Poll::Ready(done) => Some(done),
            std::task::Poll::Pending => None,
        }
    }

    #[test]
    fn places_are_as_many_as_is_said() {
        let places = Places::new();
        // One takes a part of what there is, and all others together nothing of the operators'.
        let readers: Vec<_> = (1..4).map(|uid| Principal::test(uid, Role::Reader)).collect();
        let enter = |by: &Principal, count| (0..count).map(|_| places.enter(by)).collect::<Result<Vec<_>, _>>();
        let mut inside = enter(&readers[0], 16).expect("places");
        assert_eq!(why(places.enter(&readers[0])), Some(Refusal::Overloaded));
        inside.extend(enter(&readers[1], 16).expect("places"));
        assert_eq!(why(places.enter(&readers[2])), Some(Refusal::Overloaded));
        for uid in [0, 7] {
            let operator = Principal::user(uid);
            inside.extend(enter(&operator, 16).expect("places"));
            assert_eq!(why(places.enter(&operator)), Some(Refusal::Overloaded));
        }
        assert_eq!(inside.len(), INSIDE);
        let working: Vec<_> = (0..2).map(|_| now(places.work(Work::Short))).collect();
        assert!(working.iter().all(|place| matches!(place, Some(Ok(_)))));
        assert!(now(places.work(Work::Short)).is_none());
        // Who reads the log is in nobody's way.
        let reading = now(places.work(Work::Reading));
        assert!(matches!(reading, Some(Ok(_))) && now(places.work(Work::Reading)).is_none());
        let operator = Principal::user(0);
        let stream = |by: &Principal| places.stream(by);
        let mut streams: Vec<_> = (0..2).map(|_| stream(&readers[0]).expect("a place")).collect();
        assert_eq!(why(stream(&readers[0])), Some(Refusal::Overloaded));
        streams.push(stream(&readers[1]).expect("a place"));
        assert_eq!(why(stream(&readers[2])), Some(Refusal::Overloaded));
        streams.push(stream(&operator).expect("a place"));
        assert_eq!(why(stream(&operator)), Some(Refusal::Overloaded));
        drop((inside, working, streams));
        assert!(places.enter(&readers[0]).is_ok() && places.stream(&readers[0]).is_ok());
        assert!(places.streams_of_each.counts().is_empty());
        assert!(places.of_each.counts().is_empty());
        assert!(matches!(now(places.work(Work::Short)), Some(Ok(_))));
    }

    #[test]
    fn an_end_lets_nothing_begin_and_waits_for_what_has() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime").block_on(async {
            let places = Places::new();
            let working = places.work(Work::Short).await.expect("a place");
            let reading = places.work(Work::Reading).await.expect("a place");
            places.close();
            assert_eq!(why(places.enter(&Principal::user(0))), Some(Refusal::Stopping));
            assert_eq!(why(places.stream(&Principal::user(0))), Some(Refusal::Stopping));
            assert_eq!(why(places.work(Work::Short).await), Some(Refusal::Stopping));
            // An import that has begun says how it ends.
            assert!(places.last_work(Work::Short).await.is_ok());
            let mut ended = std::pin::pin!(places.empty());
            for place in [working, reading] {
                assert!(
                    tokio::time::timeout(Duration::from_millis(30), &mut ended)
                        .await
                        .is_err()
                );
                drop(place);
            }
            ended.await;
        });
    }
}
