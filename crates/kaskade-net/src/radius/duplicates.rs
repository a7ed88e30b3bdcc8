//! Copies of requests, as gateways send them that have heard no answer (RFC 5080 2.2.2).
//!
//! A request is known by source address and port, identifier and authenticator. A copy of one that is in work is dropped. For some seconds
//! a copy of one that was answered gets the same octets again, and a copy of one that has ended its run without an answer none either: the
//! gateway asks another server, and this one must not say no meanwhile. Another request with the same address, port and identifier takes the place of
//! the older one.

use std::hash::{BuildHasher, RandomState};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use kaskade_codec::radius::{PACKET_AT_MOST, Packet};
use kaskade_faults::fault;
use kaskade_flow::Moment;
use kaskade_flow::expiring::{Bounds, Full, Missing, Table};
use zeroize::Zeroizing;

use crate::sbi::peer::RequesterId;

/// Tables, each behind a lock of its own.
const SHARDS: usize = 16;

/// An answer as it was sent.
pub(super) type Octets = Arc<Zeroizing<Vec<u8>>>;

/// An answer, if there is one, and until when it is given again; `None` while the request is in work.
type Kept = Option<(Option<Octets>, Moment)>;

pub(super) struct Duplicates {
    shards: Vec<Mutex<Table<RequesterId, Kept>>>,
    hashers: [RandomState; 3],
    lifetime: Duration,
}

/// What is known of a request.
pub(super) enum Known<'d> {
    /// Nothing: it is in work from now on.
    New(InWork<'d>),
    /// It was answered so.
    Answered(Octets),
    /// It is in work, or was left to another server.
    Silence,
}

/// Which request of which owner it is.
#[derive(Clone, Copy)]
struct Name {
    shard: usize,
    /// Source and identifier.
    source: u64,
    /// And authenticator.
    id: u128,
}

/// A request that is in work until this is dropped.
pub(super) struct InWork<'d> {
    duplicates: &'d Duplicates,
    name: Name,
    answer: Kept,
    /// At its end.
    now: Moment,
}

impl Duplicates {
    /// What they take at most, in octets.
    pub(super) const fn octets_at_most(all: usize) -> usize {
        const ANSWER: usize = PACKET_AT_MOST + 64;
        Table::<RequesterId, Kept>::octets_at_most(all / SHARDS + 1, ANSWER).saturating_mul(SHARDS)
    }

    pub(super) fn new(all: usize, lifetime: Duration) -> Self {
        let bounds = Bounds {
            all: (all / SHARDS).max(1),
            per_user: 1,
        };
        Self {
            shards: (0..SHARDS).map(|_| Mutex::new(Table::new(bounds))).collect(),
            hashers: std::array::from_fn(|_| RandomState::new()),
            lifetime,
        }
    }

    fn name(&self, owner: RequesterId, source: SocketAddr, packet: &Packet<'_>) -> Name {
        let of_source = (owner, source, packet.identifier());
        let [own, high, low] = &self.hashers;
        let source = own.hash_one(of_source);
        let [high, low] = [high, low].map(|hasher| hasher.hash_one((of_source, packet.authenticator())));
        let [shard, ..] = source.to_be_bytes();
        Name {
            shard: usize::from(shard) % SHARDS,
            source,
            id: u128::from(high) << 64 | u128::from(low),
        }
    }

    fn shard(&self, name: Name) -> MutexGuard<'_, Table<RequesterId, Kept>> {
        // A panic in the middle leaves an entry more or less.
        #[allow(clippy::indexing_slicing, reason = "there are so many")]
        self.shards[name.shard].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks a request up, and takes it into work if it is a new one: at once, so that no copy comes in between.
    pub(super) fn begin(
        &self,
        owner: RequesterId,
        source: SocketAddr,
        packet: &Packet<'_>,
        now: Moment,
    ) -> Result<Known<'_>, Full> {
        let name = self.name(owner, source, packet);
        let new = || InWork {
            duplicates: self,
            name,
            answer: None,
            now,
        };
        if fault!("duplicate-processed-twice") {
            return Ok(Known::New(new()));
        }
        let mut table = self.shard(name);
        match table.begin(name.id, owner, now) {
            Ok(Some((answer, until))) => {
                table.end(name.id, Some((Some((answer.clone(), until)), Some(until))), now);
                Ok(answer.map_or(Known::Silence, Known::Answered))
            }
            Ok(None) | Err(Missing::InWork) => Ok(Known::Silence),
            Err(Missing::Unknown) => {
                let until = now.after(self.lifetime);
                table.insert(name.source, owner, name.id, None, until, now)?;
                let _ = table.begin(name.id, owner, now);
                Ok(Known::New(new()))
            }
        }
    }

    pub(super) fn sweep(&self, now: Moment) {
        for shard in &self.shards {
            let mut table = shard.lock().unwrap_or_else(PoisonError::into_inner);
            table.sweep(now, &mut drop);
        }
    }

    pub(super) fn len(&self) -> usize {
        let counts = self
            .shards
            .iter()
            .map(|shard| shard.lock().unwrap_or_else(PoisonError::into_inner).len());
        counts.sum()
    }
}

impl InWork<'_> {
    /// The request was answered so: copies of it get that from now on.
    pub(super) fn answered(mut self, octets: &Octets, now: Moment) {
        self.keep(Some(octets.clone()), now);
    }

    /// The request takes a run out: without an answer its copies get none either, unless the run is [put back](Self::can_come_again).
    pub(super) fn has_a_run(&mut self, now: Moment) {
        if !fault!("copy-of-what-was-left-refused") {
            self.keep(None, now);
        }
    }

    /// Nothing has changed: without an answer, a copy of the request is a new attempt.
    pub(super) fn can_come_again(&mut self) {
        self.answer = None;
    }

    fn keep(&mut self, answer: Option<Octets>, now: Moment) {
        let until = now.after(self.duplicates.lifetime);
        self.answer = until.map(|until| (answer, until));
        self.now = now;
    }
}

impl Drop for InWork<'_> {
    fn drop(&mut self) {
        let answer = self.answer.take();
        let back = answer.map(|(answer, until)| (Some((answer, until)), Some(until)));
        self.duplicates.shard(self.name).end(self.name.id, back, self.now);
    }
}
