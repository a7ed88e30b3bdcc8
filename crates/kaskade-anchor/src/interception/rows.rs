//! What of interception is in the store: rows that were sealed under its own keys before the store sees them.

use alloc::vec::Vec;

use kaskade_crypto::seal::{SecretReader, SecretWriter};
use kaskade_faults::fault;
use kaskade_flow::UnixMillis;
use kaskade_flow::event::Fields;
use kaskade_flow::record::{Kind, Protection, Record, RowError, put_text, text};
use kaskade_keys::{Gpsi, Supi};

use super::{FeedRecord, Iri, Notice, Said, Target, Warrants, Xid};

/// What waits for the feed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Waiting {
    /// An event, with all warrants by which it is reported.
    Event {
        /// When it happened.
        at: UnixMillis,
        /// By which warrants: none of whoever is no target.
        xids: Vec<Xid>,
        /// Of whom.
        supi: Supi,
        /// Its GPSI, as far as that is known.
        gpsi: Option<Gpsi>,
        /// What happened.
        iri: Iri,
    },
    /// What became of the warrants or of the feed.
    Notice(UnixMillis, Notice),
}

/// Rows are filled up to a multiple of so many octets.
const FILL: usize = 512;
/// A target by SUPI is one by GPSI too.
const PLACES: usize = 2 * Warrants::OF_ONE;
const EVENT: u8 = 1;
const NOTICE: u8 = 2;

impl Waiting {
    /// What is to be sealed, and up to how many octets it is to be filled. Of whoever is no target that is nothing, and the same length.
    pub fn put(&self) -> (SecretWriter, usize) {
        let mut says = SecretWriter::new();
        let mut is_blank = false;
        match self {
            Self::Event {
                at,
                xids,
                supi,
                gpsi,
                iri,
            } => {
                let mut head = Vec::from([EVENT]);
                head.extend(at.get().to_be_bytes());
                // As many places as there may be warrants, whether they are taken or not.
                let mut places = [0; PLACES * 16];
                for (place, xid) in places.as_chunks_mut().0.iter_mut().zip(xids) {
                    *place = xid.0;
                }
                head.push(u8::try_from(xids.len().min(PLACES)).unwrap_or(u8::MAX));
                head.extend(places);
                put_text(&supi.sbi(), &mut head);
                put_text(gpsi.as_ref().map_or("", Gpsi::as_str), &mut head);
                says.octets(&head);
                iri.put(&mut says);
                is_blank = xids.is_empty();
            }
            Self::Notice(at, notice) => {
                says.octets(&[NOTICE]);
                let record = FeedRecord {
                    row: (0, 0),
                    at: *at,
                    said: Said::Notice(notice.clone()),
                };
                record.put(&mut says);
            }
        }
        let octets = (says.len() + 16).next_multiple_of(FILL);
        if fault!("blank-rows-are-shorter") && is_blank {
            return (SecretWriter::new(), FILL);
        }
        match is_blank {
            true => (SecretWriter::new(), octets),
            false => (says, octets),
        }
    }

    /// Reads it; `None` of a row with nothing in it.
    ///
    /// # Errors
    /// [`RowError`] when it is none.
    pub fn read(mut from: SecretReader<'_>) -> Result<Option<Self>, RowError> {
        if from.is_empty() {
            return Ok(None);
        }
        let head = from.octets()?;
        let (kind, rest) = head.split_first().ok_or(RowError::Length)?;
        if *kind == NOTICE {
            let FeedRecord { at, said, .. } = FeedRecord::read(from)?;
            return match said {
                Said::Notice(notice) => Ok(Some(Self::Notice(at, notice))),
                Said::Event { .. } => Err(RowError::Field("notice")),
            };
        }
        let (at, mut rest) = rest.split_first_chunk().ok_or(RowError::Length)?;
        let (count, behind) = rest.split_first().ok_or(RowError::Length)?;
        let (places, behind) = behind.split_first_chunk::<{ PLACES * 16 }>().ok_or(RowError::Length)?;
        rest = behind;
        let xids = places
            .as_chunks()
            .0
            .iter()
            .take(usize::from(*count))
            .map(|xid| Xid(*xid));
        let xids = xids.collect();
        let supi = text(&mut rest)?.parse().map_err(|_| RowError::Field("SUPI"))?;
        let gpsi = match text(&mut rest)? {
            "" => None,
            text => Some(text.parse().map_err(|_| RowError::Field("GPSI"))?),
        };
        let iri = Iri::take(&mut from)?;
        from.end()?;
        Ok(Some(Self::Event {
            at: UnixMillis::new(u64::from_be_bytes(*at)),
            xids,
            supi,
            gpsi,
            iri,
        }))
    }

    /// The records of the feed that come of it: one for each warrant.
    pub fn records(self, row: u64) -> Vec<FeedRecord> {
        match self {
            Self::Notice(at, notice) => Vec::from([FeedRecord {
                row: (row, 0),
                at,
                said: Said::Notice(notice),
            }]),
            Self::Event {
                at,
                xids,
                supi,
                gpsi,
                iri,
            } => {
                let record = |(place, xid): (u16, &Xid)| FeedRecord {
                    row: (row, place),
                    at,
                    said: Said::Event {
                        xid: *xid,
                        supi: supi.clone(),
                        gpsi: gpsi.clone(),
                        iri: iri.clone(),
                    },
                };
                (0..).zip(&xids).map(record).collect()
            }
        }
    }
}

/// An event that was committed and is not in the feed yet, by its number: sealed under keys of interception.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WaitingRow(pub Vec<u8>);

impl WaitingRow {
    /// What it is sealed for.
    pub fn place(number: u64) -> Vec<u8> {
        [&b"kaskade interception row 1 "[..], &number.to_be_bytes()].concat()
    }
}

impl Record for WaitingRow {
    const KIND: Kind = Kind::new(84, "event that waits for interception", 1, Protection::Coded);
    type Key = u64;

    fn encode(&self, clear: &mut Vec<u8>, _: &mut SecretWriter) {
        clear.extend_from_slice(&self.0);
    }

    fn decode(_: u8, clear: &[u8], secret: SecretReader<'_>) -> Result<Self, RowError> {
        secret.end()?;
        Ok(Self(clear.to_vec()))
    }
}

/// A target, by a code of its XID: sealed under keys of interception.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetRow(pub Vec<u8>);

impl TargetRow {
    /// Octets of what is in it: none is shorter, whoever the target is.
    pub const OCTETS: usize = 512;

    /// What it is sealed for.
    pub fn place(key: &[u8; 16]) -> Vec<u8> {
        [&b"kaskade interception target 1 "[..], key].concat()
    }

    /// What is to be sealed.
    pub fn put(target: &Target) -> SecretWriter {
        let mut says = SecretWriter::new();
        target.put(&mut says);
        says
    }

    /// Reads it.
    ///
    /// # Errors
    /// [`RowError`] when it is none.
    pub fn read(mut from: SecretReader<'_>) -> Result<Target, RowError> {
        let target = Target::take(&mut from)?;
        from.end()?;
        Ok(target)
    }
}

impl Record for TargetRow {
    const KIND: Kind = Kind::new(85, "interception", 1, Protection::Coded);
    type Key = [u8; 16];

    fn encode(&self, clear: &mut Vec<u8>, _: &mut SecretWriter) {
        clear.extend_from_slice(&self.0);
    }

    fn decode(_: u8, clear: &[u8], secret: SecretReader<'_>) -> Result<Self, RowError> {
        secret.end()?;
        Ok(Self(clear.to_vec()))
    }
}

/// What the store knows of the feed: how far it had come, and how many events had no room, from when until when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedRow {
    /// As the feed writes it.
    pub head: Vec<u8>,
    /// Events without room: an operation that is tried again counts each time.
    pub lost: u64,
    /// When the first of them was.
    pub lost_from: UnixMillis,
    /// When the last of them was.
    pub lost_until: UnixMillis,
}

impl FeedRow {
    /// Of a feed that has come so far.
    pub const fn of(head: Vec<u8>) -> Self {
        Self {
            head,
            lost: 0,
            lost_from: UnixMillis::new(0),
            lost_until: UnixMillis::new(0),
        }
    }
}

impl Record for FeedRow {
    const KIND: Kind = Kind::new(86, "feed of interception", 1, Protection::Sealed);
    /// One for each node.
    type Key = u16;

    fn encode(&self, _: &mut Vec<u8>, secret: &mut SecretWriter) {
        let mut octets = Vec::new();
        for number in [self.lost, self.lost_from.get(), self.lost_until.get()] {
            octets.extend(number.to_be_bytes());
        }
        octets.extend_from_slice(&self.head);
        secret.octets(&octets);
    }

    fn decode(_: u8, _: &[u8], mut secret: SecretReader<'_>) -> Result<Self, RowError> {
        let octets = secret.octets()?;
        secret.end()?;
        let (fixed, head) = octets.split_first_chunk::<24>().ok_or(RowError::Length)?;
        let mut fields = Fields::new(fixed);
        Ok(Self {
            lost: u64::from_be_bytes(fields.take()),
            lost_from: UnixMillis::new(u64::from_be_bytes(fields.take())),
            lost_until: UnixMillis::new(u64::from_be_bytes(fields.take())),
            head: head.to_vec(),
        })
    }
}
