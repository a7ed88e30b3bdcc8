//! The octets of a segment: its head, its marks and its blocks.
//!
//! ```text
//! segment  head and marks 4096 ‖ block ‖ block ‖ … ‖ zeros, as far as it is preallocated
//! head     "KSKAUDIT" 8 ‖ version 4 ‖ 0 4 ‖ log 16 ‖ segment 8 ‖ entries before it 8 ‖ hash before it 32
//!          ‖ master key 8 ‖ made at 8 ‖ commit before it 8 + 2 ‖ course 6 ‖ code 16 ‖ hash 32
//! mark     number 8 ‖ alive at 8 ‖ durable until 8 ‖ refusals from 8 ‖ within ms 4 ‖ 1 if closed 2 ‖ unsaid 2
//!          ‖ synced entries 8 ‖ their hash 32 ‖ boot 16 ‖ commit 8 + 2 ‖ course 6 ‖ check 8 ‖ code 16;
//!          one at 1024 and one at 2048, written in turn
//! block    "KSKB" 4 ‖ entries 4 ‖ number of the first 8 ‖ written at 8 ‖ entries of 96 ‖ code 16 ‖ hash 32
//! ```
//!
//! The course of a log is for how long it has been open, all in all, in milliseconds by the clocks that nobody sets.
//!
//! A head and a block are parts of a [chain](crate::chain).

use kaskade_crypto::kdf::sha256;
use kaskade_crypto::store_keys::{Purpose, RECORD_CODE_LEN, StoreKeys};
use kaskade_faults::fault;
use kaskade_flow::event::{ENTRY_LEN, Fields, GapReason};

use crate::chain::{self, Broken, END_LEN};

pub(super) use crate::chain::Hash;

/// Octets before the first block.
pub(super) const HEAD_LEN: usize = 4096;
/// The version of segments that this program writes and reads.
pub(super) const VERSION: u32 = 2;
/// Where the marks are.
pub(super) const MARKS: [usize; 2] = [1024, 2048];
/// The most entries of a block.
pub(super) const BLOCK_ENTRIES: usize = 512;
/// Octets of a block besides its entries.
pub(super) const BLOCK_OVERHEAD: usize = BLOCK_START + END_LEN;
pub(super) const BLOCK_START: usize = 24;
/// How often a mark is synced when nothing happens, in milliseconds.
pub(super) const IDLE_MS: u64 = 10_000;

/// The longest course that has a place, in milliseconds.
const LONGEST_COURSE: u64 = (1 << 48) - 1;
const MAGIC: &[u8; 8] = b"KSKAUDIT";
const BLOCK_MAGIC: &[u8; 4] = b"KSKB";
const HEAD_USED: usize = 112 + END_LEN;
const MARK_CHECKED: usize = 112;
const MARK_LEN: usize = MARK_CHECKED + 8 + RECORD_CODE_LEN;

/// The commit of the store whose events the log has last: serial and place.
pub(super) type Commit = (u64, u16);

/// What a segment says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) log: [u8; 16],
    pub(super) segment: u64,
    /// Entries in the segments before it.
    pub(super) entries: u64,
    /// The chain before it.
    pub(super) before: Hash,
    pub(super) master_key: [u8; 8],
    pub(super) made_at: u64,
    pub(super) commit: Commit,
    /// The log's course when it was made.
    pub(super) course: u64,
}

/// What is wrong with octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bad {
    /// Not a segment.
    Magic,
    /// Of another version.
    Version(u32),
    /// The hash does not follow.
    Hash,
    /// The code is not one that the master key makes.
    Code,
    /// The parts contradict each other.
    Form(&'static str),
}

impl Head {
    /// Its page, and the chain behind it.
    pub(super) fn encode(&self, keys: &StoreKeys) -> (Vec<u8>, Hash) {
        let mut page = Vec::with_capacity(HEAD_LEN);
        page.extend_from_slice(MAGIC);
        page.extend_from_slice(&VERSION.to_be_bytes());
        page.extend_from_slice(&[0; 4]);
        page.extend_from_slice(&self.log);
        page.extend_from_slice(&self.segment.to_be_bytes());
        page.extend_from_slice(&self.entries.to_be_bytes());
        page.extend_from_slice(&self.before);
        page.extend_from_slice(&self.master_key);
        page.extend_from_slice(&self.made_at.to_be_bytes());
        put_progress(&mut page, self.commit, self.course);
        let hash = put_end(&mut page, 0, &self.before, keys);
        page.resize(HEAD_LEN, 0);
        (page, hash)
    }

    /// Reads it; the version comes first, since of another version nothing else is known.
    pub(super) fn decode(page: &[u8; HEAD_LEN]) -> Result<Self, Bad> {
        let mut from = Fields::new(page);
        if from.take() != *MAGIC {
            return Err(Bad::Magic);
        }
        let version = u32::from_be_bytes(from.take());
        if version != VERSION && !fault!("audit-version-not-checked") {
            return Err(Bad::Version(version));
        }
        let zeros: [u8; 4] = from.take();
        let head = Self {
            log: from.take(),
            segment: u64::from_be_bytes(from.take()),
            entries: u64::from_be_bytes(from.take()),
            before: from.take(),
            master_key: from.take(),
            made_at: u64::from_be_bytes(from.take()),
            commit: commit(&mut from),
            course: course(&mut from),
        };
        let unused = (HEAD_USED..MARKS[0])
            .chain(MARKS[0] + MARK_LEN..MARKS[1])
            .chain(MARKS[1] + MARK_LEN..HEAD_LEN);
        if zeros != [0; 4] || unused.into_iter().any(|at| page.get(at) != Some(&0)) {
            return Err(Bad::Form("octets where there should be none"));
        }
        Ok(head)
    }

    /// The chain behind the head in this page, if it is as it was written.
    pub(super) fn check(&self, page: &[u8; HEAD_LEN], keys: Option<&StoreKeys>) -> Result<Hash, Bad> {
        check(page.get(..HEAD_USED).unwrap_or_default(), &self.before, keys)
    }
}

/// How far the log has come, as it is known to be on the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) number: u64,
    /// All that was given out until then is in the file.
    pub(super) alive: u64,
    /// All that was given out until then is among the synced entries.
    pub(super) durable: u64,
    /// Refusals from then on may not be written yet.
    pub(super) refusals: Option<u64>,
    /// Nothing was given out later than so many milliseconds after `durable`, without a newer mark on the disk;
    /// [`Mark::UNBOUNDED`] where the log does not decide that.
    pub(super) within_ms: u32,
    pub(super) closed: bool,
    /// From `alive` on something is missing for this reason, and the log does not say so yet.
    pub(super) unsaid: Option<GapReason>,
    /// Entries of the whole log that are synced.
    pub(super) entries: u64,
    pub(super) hash: Hash,
    pub(super) boot: [u8; 16],
    pub(super) commit: Commit,
    /// The log's course when it was written.
    pub(super) course: u64,
}

impl Mark {
    /// Whatever was given out went on, whether or not it could be written.
    pub(super) const UNBOUNDED: u32 = u32::MAX;

    pub(super) fn encode(&self, log: &[u8; 16], segment: u64, keys: &StoreKeys) -> Vec<u8> {
        let mut octets = Vec::with_capacity(MARK_LEN);
        octets.extend_from_slice(&self.number.to_be_bytes());
        octets.extend_from_slice(&self.alive.to_be_bytes());
        octets.extend_from_slice(&self.durable.to_be_bytes());
        octets.extend_from_slice(&self.refusals.unwrap_or(u64::MAX).to_be_bytes());
        octets.extend_from_slice(&self.within_ms.to_be_bytes());
        octets.extend_from_slice(&u16::from(self.closed).to_be_bytes());
        octets.extend_from_slice(&self.unsaid.map_or(0, GapReason::number).to_be_bytes());
        octets.extend_from_slice(&self.entries.to_be_bytes());
        octets.extend_from_slice(&self.hash);
        octets.extend_from_slice(&self.boot);
        put_progress(&mut octets, self.commit, self.course);
        let (check, whole) = bound(&octets, log, segment);
        octets.extend_from_slice(&check);
        octets.extend_from_slice(&keys.record_code(Purpose::AuditMark, &whole));
        octets
    }

    /// One of the two marks of a head.
    pub(super) fn decode(
        page: &[u8; HEAD_LEN],
        slot: usize,
        head: &Head,
        keys: Option<&StoreKeys>,
    ) -> Result<Self, Bad> {
        let place = MARKS
            .get(slot)
            .and_then(|at| page.get(*at..)?.first_chunk::<MARK_LEN>());
        let octets = place.ok_or(Bad::Form("no place for a mark"))?;
        let mut from = Fields::new(octets);
        let mark = Self {
            number: u64::from_be_bytes(from.take()),
            alive: u64::from_be_bytes(from.take()),
            durable: u64::from_be_bytes(from.take()),
            refusals: Some(u64::from_be_bytes(from.take())).filter(|at| *at != u64::MAX),
            within_ms: u32::from_be_bytes(from.take()),
            closed: match u16::from_be_bytes(from.take()) {
                0 => false,
                1 => true,
                _ => return Err(Bad::Form("a mark that is neither open nor closed")),
            },
            unsaid: match u16::from_be_bytes(from.take()) {
                0 => None,
                number => Some(GapReason::of(number).ok_or(Bad::Form("a mark with a gap for no reason"))?),
            },
            entries: u64::from_be_bytes(from.take()),
            hash: from.take(),
            boot: from.take(),
            commit: commit(&mut from),
            course: course(&mut from),
        };
        let checked = octets.get(..MARK_CHECKED).unwrap_or(octets);
        let (check, whole) = bound(checked, &head.log, head.segment);
        if check != from.take() {
            return Err(Bad::Hash);
        }
        match keys {
            Some(keys)
                if !keys.verify_record(Purpose::AuditMark, &whole, &from.take())
                    && !fault!("audit-code-not-checked") =>
            {
                Err(Bad::Code)
            }
            _ => Ok(mark),
        }
    }
}

/// A mark with whose it is, and the first octets of its hash.
fn bound(mark: &[u8], log: &[u8; 16], segment: u64) -> ([u8; 8], Vec<u8>) {
    let whole = [mark, log, &segment.to_be_bytes()].concat();
    let [a, b, c, d, e, f, g, h, ..] = sha256(&[&whole]);
    ([a, b, c, d, e, f, g, h], whole)
}

/// Appends a block of entries to `out`; the chain behind it.
pub(super) fn put_block(
    out: &mut Vec<u8>,
    before: &Hash,
    first: u64,
    written_at: u64,
    entries: &[[u8; ENTRY_LEN]],
    keys: &StoreKeys,
) -> Hash {
    let start = out.len();
    out.extend_from_slice(BLOCK_MAGIC);
    out.extend_from_slice(&u32::try_from(entries.len()).unwrap_or(u32::MAX).to_be_bytes());
    out.extend_from_slice(&first.to_be_bytes());
    out.extend_from_slice(&written_at.to_be_bytes());
    for entry in entries {
        out.extend_from_slice(entry);
    }
    put_end(out, start, before, keys)
}

/// Appends the code and the hash of what begins at `start`; the chain behind it.
fn put_end(out: &mut Vec<u8>, start: usize, before: &Hash, keys: &StoreKeys) -> Hash {
    chain::put_end(out, start, before, Purpose::AuditChain, keys)
}

/// What stands at the beginning of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BlockStart {
    pub(super) entries: usize,
    pub(super) first: u64,
    pub(super) written_at: u64,
}

impl BlockStart {
    pub(super) fn decode(octets: &[u8; BLOCK_START]) -> Result<Self, Bad> {
        let mut from = Fields::new(octets);
        if from.take() != *BLOCK_MAGIC {
            return Err(Bad::Form("no block begins here"));
        }
        let entries = usize::try_from(u32::from_be_bytes(from.take())).unwrap_or(usize::MAX);
        if entries == 0 || entries > BLOCK_ENTRIES {
            return Err(Bad::Form("a block of an impossible length"));
        }
        Ok(Self {
            entries,
            first: u64::from_be_bytes(from.take()),
            written_at: u64::from_be_bytes(from.take()),
        })
    }

    /// Octets of the block.
    pub(super) const fn len(&self) -> usize {
        BLOCK_OVERHEAD + self.entries * ENTRY_LEN
    }
}

/// The chain behind a whole block, if it follows.
pub(super) fn check_block(block: &[u8], before: &Hash, keys: Option<&StoreKeys>) -> Result<Hash, Bad> {
    match block.len() < END_LEN {
        true => Err(Bad::Form("a block that is cut")),
        false => check(block, before, keys),
    }
}

fn check(part: &[u8], before: &Hash, keys: Option<&StoreKeys>) -> Result<Hash, Bad> {
    chain::check(part, before, Purpose::AuditChain, keys).map_err(|broken| match broken {
        Broken::Hash => Bad::Hash,
        Broken::Code => Bad::Code,
    })
}

fn put_progress(out: &mut Vec<u8>, (serial, index): Commit, course: u64) {
    out.extend_from_slice(&serial.to_be_bytes());
    out.extend_from_slice(&index.to_be_bytes());
    // 8900 years.
    let [_, _, course @ ..] = course.min(LONGEST_COURSE).to_be_bytes();
    out.extend_from_slice(&course);
}

fn commit(from: &mut Fields<'_>) -> Commit {
    (u64::from_be_bytes(from.take()), u16::from_be_bytes(from.take()))
}

fn course(from: &mut Fields<'_>) -> u64 {
    let [a, b, c, d, e, f] = from.take();
    u64::from_be_bytes([0, 0, a, b, c, d, e, f])
}
