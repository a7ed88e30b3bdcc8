//! Lawful interception of AKMA: what an AAnF reports of a target (TS 33.127, TS 33.128 7.9.1), without I/O.
//!
//! ```text
//! Warrants ── who is a target at this time, by which warrants
//! Iri ─────── one event of an AAnF, by the names of TS 33.128
//! Waiting ─── the row that goes into the commit of what happened: as long for whoever is no target, and then there is nothing in it
//! FeedRecord  what the feed has: an event for one warrant, or what became of the warrants and of the feed itself
//! ```
//!
//! | Part | What |
//! |---|---|
//! | [`Xid`], [`Target`], [`Warrants`] | whose events are reported, from when until when |
//! | [`Iri`], [`AfKeyInfo`], [`KeyGetType`] | the events, with the tags of the CHOICE and the fields of TS 33.128 |
//! | [`Waiting`], [`WaitingRow`], [`TargetRow`], [`FeedRow`] | what of it is in the store, sealed under keys of interception |
//! | [`FeedRecord`], [`Notice`] | what is in the feed: profile AKMA-LI-P1 |

mod feed_record;
mod iri;
mod rows;
mod target;

pub use feed_record::{FeedRecord, Notice, Said};
pub use iri::{AfKeyInfo, Iri, KeyGetType};
pub use rows::{FeedRow, TargetRow, Waiting, WaitingRow};
pub use target::{Target, Warrants, Who, Xid};
