//! Notices while a key is asked for: durable before the AAnF hears of them, and gone again where nobody has got a key.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use kaskade_anchor::emsk::Callback;
use kaskade_crypto::kdf::sha256;
use kaskade_faults::fault;
use kaskade_flow::record::{Expect, Version};
use kaskade_flow::{Guarded, Unit, UnixMillis};
use kaskade_keys::AKid;
use kaskade_store::records::{CommitError, RecordError, Records};

use super::notice::Notice;
use super::{Nef, NefError};
use crate::random::random_octets;
use crate::time::unix_millis;

/// How long a notice is kept of which a process that ended knew no answer.
const UNTIL_ANSWERED: Duration = Duration::from_secs(60);

/// How often a notice is written anew when others were faster.
const TRIES: usize = 16;

/// Requests with `notifUri` that wait for the AAnF at once, of one application function.
const MOST_OF_ONE: usize = 256;
/// The same of all.
const MOST: usize = 4096;

/// What those that wait take at most, in octets: for each a place in two tables that are as large again as they are full.
pub(super) const WAITING_OCTETS: usize = MOST * 2 * 2 * 64;

/// Who waits.
#[derive(Default)]
struct Table {
    notices: HashMap<[u8; 16], Asked>,
    /// By application function.
    counts: HashMap<[u8; 16], usize>,
    all: usize,
}

/// What is known of a notice as long as anybody waits for an answer.
#[derive(Default)]
struct Asked {
    requests: usize,
    /// One of them has made it.
    is_new: bool,
    /// One of them has got a key.
    is_given: bool,
}

/// Requests that wait for an answer.
#[derive(Clone, Default)]
pub(super) struct Unanswered(Arc<Mutex<Table>>);

impl Unanswered {
    fn table(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One more, if there may be.
    fn enter(&self, notice: [u8; 16], af: &str) -> Result<Place, NefError> {
        let [af @ .., _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _] = sha256(&[af.as_bytes()]);
        let mut table = self.table();
        let of_one = table.counts.get(&af).copied().unwrap_or(0);
        if (of_one >= MOST_OF_ONE || table.all >= MOST) && !fault!("nef-waiting-without-bound") {
            return Err(NefError::TooManyWait);
        }
        table.all += 1;
        *table.counts.entry(af).or_default() += 1;
        table.notices.entry(notice).or_default().requests += 1;
        drop(table);
        Ok(Place {
            unanswered: self.clone(),
            notice,
            af,
        })
    }
}

/// A request that waits; dropped, it waits no more.
struct Place {
    unanswered: Unanswered,
    notice: [u8; 16],
    af: [u8; 16],
}

impl Place {
    fn mark(&self, how: impl FnOnce(&mut Asked)) {
        if let Some(asked) = self.unanswered.table().notices.get_mut(&self.notice) {
            how(asked);
        }
    }

    /// Whether the notice was made for nothing: nobody has got a key, and nobody else waits.
    fn is_for_nothing(&self) -> bool {
        let table = self.unanswered.table();
        let asked = table.notices.get(&self.notice);
        asked.is_some_and(|asked| asked.requests == 1 && asked.is_new && !asked.is_given)
    }

    /// Removes a notice that was made for nothing. What is not removed here ends by itself.
    async fn forget(self, records: Records) {
        for _ in 0..TRIES {
            // Read before it is looked at who waits: whoever comes later has written it anew.
            let Ok(Some(found)) = records.read::<Notice>(&self.notice).await else {
                return;
            };
            if !self.is_for_nothing() || fault!("nef-notice-of-no-key-kept") {
                return;
            }
            let mut unit = Unit::new();
            unit.remove::<Notice>(&self.notice, Expect::Version(found.version));
            match records.commit(unit, Guarded::new(())).await {
                Err(CommitError::Conflict(_)) => {}
                Ok(_) | Err(_) => return,
            }
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut table = self.unanswered.table();
        table.all = table.all.saturating_sub(1);
        if let Some(count) = table.counts.get_mut(&self.af) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                table.counts.remove(&self.af);
            }
        }
        if let Some(asked) = table.notices.get_mut(&self.notice) {
            asked.requests = asked.requests.saturating_sub(1);
            if asked.requests == 0 {
                table.notices.remove(&self.notice);
            }
        }
    }
}

/// A request whose notice is durable, or about to be. Dropped without a key, as when its caller has gone, it takes the notice along.
pub(super) struct Waiting {
    /// What the AAnF calls the notice.
    pub(super) notice_id: [u8; 16],
    place: Option<Place>,
    records: Records,
}

impl Waiting {
    fn mark(&self, how: impl FnOnce(&mut Asked)) {
        if let Some(place) = &self.place {
            place.mark(how);
        }
    }

    /// There is no key: a notice that was made for it goes, also if the caller does not wait for that.
    pub(super) async fn for_nothing(mut self) {
        if let Some(place) = self.place.take() {
            let _ = tokio::spawn(place.forget(self.records.clone())).await;
        }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if let Some(place) = self.place.take()
            && place.is_for_nothing()
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            runtime.spawn(place.forget(self.records.clone()));
        }
    }
}

impl Nef {
    /// A notice that is durable before the AAnF hears of it.
    pub(super) async fn prepared(
        &self,
        key: [u8; 16],
        af: &str,
        a_kid: &AKid,
        uri: Callback,
    ) -> Result<Waiting, NefError> {
        let mut waiting = Waiting {
            notice_id: random_octets()?,
            place: Some(self.unanswered.enter(key, af)?),
            records: self.records.clone(),
        };
        let at_least = unix_millis().after(UNTIL_ANSWERED);
        // Of two at once, one is first, and the other goes on with its name.
        for _ in 0..TRIES {
            let (notice, expect) = match self.kept(&key).await? {
                Some((before, version)) => {
                    let expires = before.expires.max(at_least);
                    let uri = uri.clone();
                    (Notice { uri, expires, ..before }, Expect::Version(version))
                }
                None => {
                    waiting.mark(|asked| asked.is_new = true);
                    let notice = Notice {
                        id: random_octets()?,
                        expires: at_least,
                        af: af.to_owned(),
                        a_kid: a_kid.clone(),
                        uri: uri.clone(),
                    };
                    (notice, Expect::Absent)
                }
            };
            waiting.notice_id = notice.id;
            let mut unit = Unit::new();
            unit.put(&key, &notice, expect);
            match self.records.commit(unit, Guarded::new(())).await {
                Ok(_) => return Ok(waiting),
                Err(CommitError::Conflict(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(NefError::Restless)
    }

    /// The notice lasts at least as long as this key; whether there is one still: its end tells that of the key.
    pub(super) async fn lasts(&self, key: &[u8; 16], waiting: &Waiting, expiry: UnixMillis) -> Result<bool, NefError> {
        waiting.mark(|asked| asked.is_given = true);
        for _ in 0..TRIES {
            let Some((mut notice, version)) = self.kept(key).await? else {
                return Ok(fault!("nef-key-after-its-end"));
            };
            if notice.id != waiting.notice_id {
                return Ok(false);
            }
            // It is for the keys of all protocols.
            notice.expires = match fault!("nef-notice-ends-before-a-key") {
                true => expiry,
                false => notice.expires.max(expiry),
            };
            let mut unit = Unit::new();
            unit.put(key, &notice, Expect::Version(version));
            match self.records.commit(unit, Guarded::new(())).await {
                Ok(_) => return Ok(true),
                Err(CommitError::Conflict(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(NefError::Restless)
    }

    /// Who asks again without a URI wants to hear no more.
    pub(super) async fn hears_no_more(&self, key: &[u8; 16]) -> Result<(), NefError> {
        for _ in 0..TRIES {
            let Some((_, version)) = self.kept(key).await? else {
                return Ok(());
            };
            let mut unit = Unit::new();
            unit.remove::<Notice>(key, Expect::Version(version));
            match self.records.commit(unit, Guarded::new(())).await {
                Ok(_) => return Ok(()),
                Err(CommitError::Conflict(_)) if !fault!("nef-conflict-told") => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(NefError::Restless)
    }

    async fn kept(&self, key: &[u8; 16]) -> Result<Option<(Notice, Version)>, RecordError> {
        let found = self.records.read::<Notice>(key).await?;
        Ok(found.map(|found| (found.record, found.version)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_application_function_leaves_room_for_others_that_wait() {
        let unanswered = Unanswered::default();
        let key = |number: usize| {
            let mut key = [0; 16];
            key[..8].copy_from_slice(&number.to_be_bytes());
            key
        };
        let mut places: Vec<_> = (0..MOST_OF_ONE)
            .map(|number| unanswered.enter(key(number), "a"))
            .collect();
        assert!(places.iter().all(Result::is_ok));
        assert!(matches!(unanswered.enter(key(0), "a"), Err(NefError::TooManyWait)));
        assert!(unanswered.enter(key(0), "b").is_ok());
        places.pop();
        assert!(unanswered.enter(key(0), "a").is_ok());
        for name in 0.. {
            match unanswered.enter(key(name), &name.to_string()) {
                Ok(place) => places.push(Ok(place)),
                Err(_) => break,
            }
        }
        assert_eq!(places.len(), MOST);
        drop(places);
        let table = unanswered.table();
        assert_eq!((table.all, table.counts.len(), table.notices.len()), (0, 0, 0));
    }

    #[test]
    fn a_notice_is_for_nothing_when_the_last_one_has_no_key() {
        let unanswered = Unanswered::default();
        let one = unanswered.enter([1; 16], "a").expect("room");
        assert!(!one.is_for_nothing(), "it was there before");
        one.mark(|asked| asked.is_new = true);
        assert!(one.is_for_nothing());
        let other = unanswered.enter([1; 16], "a").expect("room");
        assert!(!one.is_for_nothing());
        drop(one);
        assert!(other.is_for_nothing());
        other.mark(|asked| asked.is_given = true);
        assert!(!other.is_for_nothing());
    }
}
