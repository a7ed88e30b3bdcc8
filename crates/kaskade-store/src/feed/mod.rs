//! A feed: sealed records in a chain of files, numbered from 1, appended and never changed. For lawful interception.
//!
//! ```text
//! append ── seal ── chain ── write ── sync ── told durable
//! ```
//!
//! It is written by one process, in a folder of its own of mode 0700, and each file has mode 0600. What is in it is sealed under keys of its
//! own ([`MasterKey::interception_keys`](crate::MasterKey::interception_keys)): neither the store's data key nor the keys of an audit log
//! open it. Whoever keeps its [`FeedHead`] elsewhere finds that it was cut or put back.
//!
//! ```
//! use kaskade_crypto::seal::SecretWriter;
//! use kaskade_store::feed::{Feed, FeedOptions};
//! use kaskade_store::{Locked, MasterKey};
//!
//! let folder = tempfile::tempdir().expect("a folder");
//! let key = MasterKey::create(&folder.path().join("master.key")).expect("a master key");
//! let keys = std::sync::Arc::new(Locked::with(|| key.interception_keys()));
//! let mut feed = Feed::open(FeedOptions::new(&folder.path().join("li")), keys, None).expect("a new feed");
//! let mut says = SecretWriter::new();
//! says.octets(b"a record");
//! feed.append(&[says]).expect("durable");
//! let read = feed.read(1, 10).expect("as it was written");
//! assert_eq!(read[0].1.reader().octets().expect("octets")[..], b"a record"[..]);
//! assert_eq!(feed.verify().expect("as it was written").records, 1);
//! ```

mod error;
mod format;
mod read;

pub use error::{FeedError, Wrong, WrongWhat};

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aws_lc_rs::rand;
use kaskade_crypto::seal::{InterceptionKeys, OpenedSecrets, RANDOM_LEN, SecretWriter};
use kaskade_faults::fault;

use crate::chain::{Hash, Names};
use crate::locked::Locked;
use crate::private::{self, PrivateError};
use format::SegmentHead;
use read::Walked;

const SEGMENTS: Names = Names {
    prefix: "li-",
    suffix: ".feed",
};
const LOCK: &str = "lock";

/// Where a feed is, and how much it may take.
#[derive(Clone, Debug)]
pub struct FeedOptions {
    /// Its folder: made with mode 0700 if there is none.
    pub folder: PathBuf,
    /// Octets of a file, after which the next one begins.
    pub segment_octets: u64,
    /// Octets of all files: beyond, nothing is appended.
    pub most_octets: u64,
}

impl FeedOptions {
    /// The most octets of a file: it is read as a whole.
    pub const LONGEST_SEGMENT: u64 = 64 << 20;

    /// Files of 16 MiB, 8 GiB in all.
    pub fn new(folder: &Path) -> Self {
        Self {
            folder: folder.into(),
            segment_octets: 16 << 20,
            most_octets: 8 << 30,
        }
    }
}

/// How far a feed has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FeedHead {
    /// Which feed: drawn when it was begun.
    pub feed: [u8; 16],
    /// Its records.
    pub records: u64,
    /// The chain behind them.
    pub hash: [u8; 32],
}

impl FeedHead {
    /// Octets of its form in rows.
    pub const LEN: usize = 56;

    /// feed 16 ‖ records 8 ‖ hash 32.
    pub fn octets(&self) -> Vec<u8> {
        [&self.feed[..], &self.records.to_be_bytes(), &self.hash].concat()
    }

    /// Reads them; `None` of anything else.
    pub fn from_octets(octets: &[u8]) -> Option<Self> {
        let (feed, rest) = octets.split_first_chunk()?;
        let (records, hash) = rest.split_first_chunk()?;
        Some(Self {
            feed: *feed,
            records: u64::from_be_bytes(*records),
            hash: hash.try_into().ok()?,
        })
    }
}

/// What a feed is by what was known of it when it was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// There was none, and none was known: it was begun.
    Begun,
    /// There was none, though this one was known: another one was begun.
    Lost(FeedHead),
    /// It goes on from where it was known to be.
    GoesOn,
    /// It has records that were not known, so many were: whoever knew them has forgotten, as after a backup was put back.
    Ahead(u64),
}

/// A feed that is open. Only one process has it open.
#[derive(Debug)]
pub struct Feed {
    options: FeedOptions,
    keys: Arc<Locked<InterceptionKeys>>,
    segment: Segment,
    head: FeedHead,
    /// Octets in the files before the last one.
    older: u64,
    found: Found,
    /// A write or a sync failed in a way that says nothing of what is on the disk.
    failed: Option<String>,
    _lock: File,
}

#[derive(Debug)]
struct Segment {
    file: File,
    number: u64,
    /// Behind the last record.
    end: u64,
}

impl Feed {
    /// Opens the feed in a folder, or begins one. `known` is how far it had come, as whoever appends has kept it: records behind that are
    /// there when a crash came between the two; what is not whole there is cut off. Blocks.
    ///
    /// # Errors
    /// [`FeedError`]: in use, or not as it was written up to what is known. Nothing is changed then.
    pub fn open(
        options: FeedOptions,
        keys: Arc<Locked<InterceptionKeys>>,
        known: Option<FeedHead>,
    ) -> Result<Self, FeedError> {
        private::create_folder(&options.folder)?;
        let (lock, is_ours) = private::lock(&options.folder.join(LOCK))?;
        if !is_ours {
            return Err(FeedError::InUse(options.folder));
        }
        let numbers = without_a_stump(&options.folder)?;
        let Some(last) = numbers.last().copied() else {
            let head = new_feed()?;
            let (segment, head) = begin(&options.folder, &keys, 1, &head)?;
            let found = known.map_or(Found::Begun, Found::Lost);
            return Ok(Self {
                options,
                keys,
                segment,
                head,
                older: 0,
                found,
                failed: None,
                _lock: lock,
            });
        };
        let heads = read::heads(&options.folder, &numbers, &keys)?;
        let known = known.filter(|_| !fault!("feed-head-not-compared"));
        let walked = read::last(&options.folder, last, &keys, known.as_ref(), &heads)?;
        let found = match known {
            // It was begun in place of another one a moment ago.
            Some(known) if known.feed != walked.feed => Found::Lost(known),
            Some(known) if walked.records > known.records => Found::Ahead(known.records),
            None if walked.records > 0 => Found::Ahead(0),
            _ => Found::GoesOn,
        };
        let segment = take_over(&options.folder, last, &walked)?;
        let older = numbers.iter().filter(|number| **number != last);
        let older = older.map(|number| read::octets(&options.folder, *number)).sum();
        Ok(Self {
            options,
            keys,
            segment,
            head: FeedHead {
                feed: walked.feed,
                records: walked.records,
                hash: walked.hash,
            },
            older,
            found,
            failed: None,
            _lock: lock,
        })
    }

    /// How far it has come on the disk.
    pub const fn head(&self) -> FeedHead {
        self.head
    }

    /// What it was when it was opened.
    pub const fn found(&self) -> Found {
        self.found
    }

    /// Appends records, each sealed by itself. When it returns they are durable, all of them. Blocks.
    ///
    /// # Errors
    /// [`FeedError`]; then none of them counts.
    pub fn append(&mut self, records: &[SecretWriter]) -> Result<(), FeedError> {
        if let Some(reason) = &self.failed {
            return Err(FeedError::Failed(reason.clone()));
        }
        let (mut octets, mut head) = (Vec::new(), self.head);
        for says in records {
            head.records += 1;
            let mut random = [0; RANDOM_LEN];
            rand::fill(&mut random).map_err(|_| FeedError::Random)?;
            let place = format::place(&head.feed, head.records);
            let sealed = self.keys.seal(&random, &place, says, 0);
            head.hash = format::put_record(&mut octets, head.records, &sealed, &head.hash, self.keys.codes());
        }
        let more = octets.len() as u64;
        if self.older + self.segment.end + more > self.options.most_octets {
            return Err(FeedError::Full(self.options.most_octets));
        }
        if self.segment.end + more > self.options.segment_octets && self.segment.end > format::HEAD_LEN as u64 {
            self.next_segment()?;
            return self.append(records);
        }
        self.write(&octets)?;
        self.segment.end += more;
        self.head = head;
        Ok(())
    }

    fn write(&mut self, octets: &[u8]) -> Result<(), FeedError> {
        let path = SEGMENTS.path(&self.options.folder, self.segment.number);
        let io = |error: &io::Error| FeedError::from(PrivateError::io(&path, error));
        // What is left of a write that failed lies behind the end, and is written over.
        self.segment
            .file
            .write_all_at(octets, self.segment.end)
            .map_err(|error| io(&error))?;
        self.segment.file.sync_data().map_err(|error| {
            // Nobody knows what is on the disk now.
            self.failed = Some(error.to_string());
            io(&error)
        })
    }

    fn next_segment(&mut self) -> Result<(), FeedError> {
        let number = self.segment.number + 1;
        let (segment, head) = begin(&self.options.folder, &self.keys, number, &self.head)?;
        self.older += self.segment.end;
        (self.segment, self.head) = (segment, head);
        Ok(())
    }

    /// At most so many records from a number on, with their numbers. Blocks.
    ///
    /// # Errors
    /// [`FeedError`] when they are not as they were written.
    pub fn read(&self, from: u64, most: usize) -> Result<Vec<(u64, OpenedSecrets)>, FeedError> {
        read::from(&self.options.folder, &self.keys, &self.head, from, most)
    }

    /// Reads all of it. Blocks.
    ///
    /// # Errors
    /// [`FeedError`] with the first place that is not as it was written.
    pub fn verify(&self) -> Result<FeedHead, FeedError> {
        read::verify(&self.options.folder, &self.keys, Some(&self.head), u64::MAX)
    }

    /// It as it is now, to be read while more is appended.
    pub fn view(&self) -> FeedView {
        FeedView {
            folder: self.options.folder.clone(),
            keys: self.keys.clone(),
            head: self.head,
            last: self.segment.number,
        }
    }
}

/// A feed as it was at a moment: what is appended afterwards is not looked at.
#[derive(Debug)]
pub struct FeedView {
    folder: PathBuf,
    keys: Arc<Locked<InterceptionKeys>>,
    head: FeedHead,
    /// The number of its last file.
    last: u64,
}

impl FeedView {
    /// Reads all of it. Blocks.
    ///
    /// # Errors
    /// [`FeedError`] with the first place that is not as it was written.
    pub fn verify(&self) -> Result<FeedHead, FeedError> {
        read::verify(&self.folder, &self.keys, Some(&self.head), self.last)
    }
}

fn numbers(folder: &Path) -> Result<Vec<u64>, FeedError> {
    let io = |error: io::Error| PrivateError::io(folder, &error);
    Ok(SEGMENTS.numbers(folder).map_err(io)?)
}

/// The numbers of the segments, without a last one that was just being begun when a crash came.
fn without_a_stump(folder: &Path) -> Result<Vec<u64>, FeedError> {
    let mut numbers = numbers(folder)?;
    if let Some(last) = numbers.last().copied()
        && read::octets(folder, last) < format::HEAD_LEN as u64
    {
        private::remove(&SEGMENTS.path(folder, last))?;
        numbers.pop();
    }
    Ok(numbers)
}

fn new_feed() -> Result<FeedHead, FeedError> {
    let mut feed = [0; 16];
    rand::fill(&mut feed).map_err(|_| FeedError::Random)?;
    Ok(FeedHead {
        feed,
        records: 0,
        hash: [0; 32],
    })
}

/// Begins a file behind what there is; durable before it returns.
fn begin(
    folder: &Path,
    keys: &InterceptionKeys,
    number: u64,
    before: &FeedHead,
) -> Result<(Segment, FeedHead), FeedError> {
    let path = SEGMENTS.path(folder, number);
    let (octets, hash): (Vec<u8>, Hash) = SegmentHead {
        feed: before.feed,
        segment: number,
        records: before.records,
        before: before.hash,
    }
    .encode(keys.codes());
    private::write_new(&path, &octets)?;
    let segment = Segment {
        file: private::open_to_write(&path)?,
        number,
        end: octets.len() as u64,
    };
    Ok((segment, FeedHead { hash, ..*before }))
}

/// The last file, to be written on: what a crash left behind its last whole record is cut off, and what whoever appends does not know of
/// is written once more, since it may never have come to the disk.
fn take_over(folder: &Path, number: u64, walked: &Walked) -> Result<Segment, FeedError> {
    let path = SEGMENTS.path(folder, number);
    let io = |error: io::Error| FeedError::from(PrivateError::io(&path, &error));
    let file = private::open_to_write(&path)?;
    if !walked.unknown.is_empty() {
        let at = walked.end - walked.unknown.len() as u64;
        file.write_all_at(&walked.unknown, at).map_err(io)?;
    }
    if walked.torn {
        file.set_len(walked.end).map_err(io)?;
    }
    file.sync_all().map_err(io)?;
    Ok(Segment {
        file,
        number,
        end: walked.end,
    })
}

#[cfg(test)]
mod tests;
