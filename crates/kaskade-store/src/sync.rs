//! Locks, threads and atomics of what issues sequence numbers, in one place: `schedule` puts others there, and searches
//! the orders in which threads can run.
//!
//! `issuer`, `hold`, `commit`, `store`, `numbers`, `records`, `challenge` and `provision` are compiled twice for that, so they name their
//! neighbours by `super`. The table of successes in `challenge` keeps the standard library's locks: none of them is held
//! while another is taken, and whoever takes one for an AUTS or a success holds the shard.

pub(crate) use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
pub(crate) use std::sync::{Condvar, Mutex, MutexGuard};
pub(crate) use std::thread::{self, JoinHandle};

use std::time::Duration;

/// How long after a failed commit nothing is tried.
pub(crate) const RETRY_AFTER: Duration = Duration::from_millis(200);
/// In how many parts the table of the issuer is locked. Many and small: a table that grows is copied meanwhile.
pub(crate) const SHARDS: usize = 1024;
