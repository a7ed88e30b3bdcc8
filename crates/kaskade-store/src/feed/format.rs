//! The octets of a segment of a feed.
//!
//! ```text
//! segment  head ‖ record ‖ record ‖ …
//! head     "KSKLIFD1" 8 ‖ feed 16 ‖ segment 8 ‖ records before it 8 ‖ hash before it 32 ‖ code 16 ‖ hash 32
//! record   "KSKR" 4 ‖ length 4 ‖ number 8 ‖ sealed, bound to feed and number ‖ code 16 ‖ hash 32
//! ```
//!
//! Head and records are parts of a [chain](crate::chain).

use kaskade_crypto::store_keys::{Purpose, StoreKeys};
use kaskade_flow::event::Fields;

use super::error::WrongWhat;
use crate::chain::{self, Broken, END_LEN, Hash};

const MAGIC: &[u8; 8] = b"KSKLIFD1";
const RECORD_MAGIC: &[u8; 4] = b"KSKR";
const HEAD_SAYS: usize = 72;
/// Octets of a head.
pub(super) const HEAD_LEN: usize = HEAD_SAYS + END_LEN;
const RECORD_START: usize = 16;
/// The longest sealed record.
const LONGEST: usize = 1 << 20;
const PURPOSE: Purpose = Purpose::InterceptionChain;

/// What a segment says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SegmentHead {
    pub(super) feed: [u8; 16],
    pub(super) segment: u64,
    /// Records in the segments before it.
    pub(super) records: u64,
    /// The chain before it.
    pub(super) before: Hash,
}

impl SegmentHead {
    /// Its octets, and the chain behind it.
    pub(super) fn encode(&self, codes: &StoreKeys) -> (Vec<u8>, Hash) {
        let mut octets = Vec::with_capacity(HEAD_LEN);
        octets.extend_from_slice(MAGIC);
        octets.extend_from_slice(&self.feed);
        octets.extend_from_slice(&self.segment.to_be_bytes());
        octets.extend_from_slice(&self.records.to_be_bytes());
        octets.extend_from_slice(&self.before);
        let hash = chain::put_end(&mut octets, 0, &self.before, PURPOSE, codes);
        (octets, hash)
    }

    /// Reads it, and the chain behind it.
    pub(super) fn decode(octets: &[u8], codes: &StoreKeys) -> Result<(Self, Hash), WrongWhat> {
        let head: &[u8; HEAD_LEN] = octets
            .first_chunk()
            .ok_or(WrongWhat::Form("a segment that is cut in its head"))?;
        let mut from = Fields::new(head);
        if from.take() != *MAGIC {
            return Err(WrongWhat::Form("no segment of a feed of this version"));
        }
        let says = Self {
            feed: from.take(),
            segment: u64::from_be_bytes(from.take()),
            records: u64::from_be_bytes(from.take()),
            before: from.take(),
        };
        let hash = check(head, &says.before, codes)?;
        Ok((says, hash))
    }
}

/// What a record is sealed for: its feed, and its number there.
pub(super) fn place(feed: &[u8; 16], number: u64) -> Vec<u8> {
    [&b"kaskade interception feed 1 "[..], feed, &number.to_be_bytes()].concat()
}

/// Appends a record; the chain behind it.
pub(super) fn put_record(out: &mut Vec<u8>, number: u64, sealed: &[u8], before: &Hash, codes: &StoreKeys) -> Hash {
    let start = out.len();
    out.extend_from_slice(RECORD_MAGIC);
    out.extend_from_slice(&u32::try_from(sealed.len()).unwrap_or(u32::MAX).to_be_bytes());
    out.extend_from_slice(&number.to_be_bytes());
    out.extend_from_slice(sealed);
    chain::put_end(out, start, before, PURPOSE, codes)
}

/// A record as it lies in a segment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Part<'s> {
    pub(super) sealed: &'s [u8],
    /// Octets of all of it.
    pub(super) len: usize,
    /// The chain behind it.
    pub(super) hash: Hash,
}

impl<'s> Part<'s> {
    /// The record with this number at the beginning of these octets.
    pub(super) fn decode(octets: &'s [u8], number: u64, before: &Hash, codes: &StoreKeys) -> Result<Self, WrongWhat> {
        let cut = WrongWhat::Form("a record that is cut");
        let start: &[u8; RECORD_START] = octets.first_chunk().ok_or(cut)?;
        let mut from = Fields::new(start);
        if from.take() != *RECORD_MAGIC {
            return Err(WrongWhat::Form("no record begins here"));
        }
        let sealed = usize::try_from(u32::from_be_bytes(from.take())).unwrap_or(usize::MAX);
        if sealed > LONGEST {
            return Err(WrongWhat::Form("a record of an impossible length"));
        }
        if u64::from_be_bytes(from.take()) != number {
            return Err(WrongWhat::Form("a record out of its place"));
        }
        let len = RECORD_START + sealed + END_LEN;
        let whole = octets.get(..len).ok_or(cut)?;
        Ok(Self {
            sealed: whole.get(RECORD_START..RECORD_START + sealed).ok_or(cut)?,
            len,
            hash: check(whole, before, codes)?,
        })
    }
}

fn check(part: &[u8], before: &Hash, codes: &StoreKeys) -> Result<Hash, WrongWhat> {
    chain::check(part, before, PURPOSE, Some(codes)).map_err(|broken| match broken {
        Broken::Hash => WrongWhat::Edited,
        Broken::Code => WrongWhat::Forged,
    })
}
