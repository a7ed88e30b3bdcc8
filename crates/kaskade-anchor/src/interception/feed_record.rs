//! What is in the feed: profile AKMA-LI-P1.

use alloc::vec::Vec;

use kaskade_crypto::seal::{SecretReader, SecretWriter};
use kaskade_flow::UnixMillis;
use kaskade_flow::event::Fields;
use kaskade_flow::record::{RowError, put_text, text};
use kaskade_keys::{Gpsi, Supi};

use super::{Iri, Target, Xid};

/// One record of the feed.
///
/// ```text
/// items  kind 1 ‖ row 8 ‖ place 2 ‖ at 8 ‖ XID 16 ‖ (length 2 ‖ text) of SUPI, GPSI      of an event; then the event
///        kind 1 ‖ row 8 ‖ place 2 ‖ at 8 ‖ what 1 ‖ …                                     of a notice
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedRecord {
    /// The row of the store that it was before: what is in the feed is not appended again.
    pub row: (u64, u16),
    /// When it happened.
    pub at: UnixMillis,
    /// What it says.
    pub said: Said,
}

/// What a record of the feed says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// An event of a target, for one warrant.
    Event {
        /// By which warrant.
        xid: Xid,
        /// Of whom.
        supi: Supi,
        /// Its GPSI, as far as the AAnF knows it.
        gpsi: Option<Gpsi>,
        /// What happened.
        iri: Iri,
    },
    /// What became of the warrants or of the feed.
    Notice(Notice),
}

/// What became of the warrants or of the feed itself: no xIRI, and part of the profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// A target was added, by this user of the machine.
    TargetAdded(Target, u32),
    /// A target was removed.
    TargetRemoved(Target, u32),
    /// So many events at most had no room, from when until when.
    Lost(u64, UnixMillis, UnixMillis),
    /// The feed was begun although another one was known, which had so many records.
    FeedLost(u64),
    /// The store knew so many records of the feed and not all of them: it was put back from a copy.
    StoreBehind(u64),
}

const EVENT: u8 = 1;
const NOTICE: u8 = 2;

impl FeedRecord {
    /// Writes it: to be sealed.
    pub fn put(&self, says: &mut SecretWriter) {
        let kind = match self.said {
            Said::Event { .. } => EVENT,
            Said::Notice(_) => NOTICE,
        };
        let mut head = Vec::from([kind]);
        head.extend(self.row.0.to_be_bytes());
        head.extend(self.row.1.to_be_bytes());
        head.extend(self.at.get().to_be_bytes());
        match &self.said {
            Said::Event { xid, supi, gpsi, iri } => {
                head.extend(xid.0);
                put_text(&supi.sbi(), &mut head);
                put_text(gpsi.as_ref().map_or("", Gpsi::as_str), &mut head);
                says.octets(&head);
                iri.put(says);
            }
            Said::Notice(notice) => notice.put(head, says),
        }
    }

    /// Reads it.
    ///
    /// # Errors
    /// [`RowError`] when it is none.
    pub fn read(mut from: SecretReader<'_>) -> Result<Self, RowError> {
        let head = from.octets()?;
        let (fixed, mut rest) = head.split_first_chunk::<19>().ok_or(RowError::Length)?;
        let mut fields = Fields::new(fixed);
        let [kind] = fields.take();
        let row = (u64::from_be_bytes(fields.take()), u16::from_be_bytes(fields.take()));
        let at = UnixMillis::new(u64::from_be_bytes(fields.take()));
        let said = match kind {
            EVENT => {
                let (xid, names) = rest.split_first_chunk().ok_or(RowError::Length)?;
                rest = names;
                let supi = text(&mut rest)?.parse().map_err(|_| RowError::Field("SUPI"))?;
                let gpsi = match text(&mut rest)? {
                    "" => None,
                    text => Some(text.parse().map_err(|_| RowError::Field("GPSI"))?),
                };
                let iri = Iri::take(&mut from)?;
                let xid = Xid(*xid);
                Said::Event { xid, supi, gpsi, iri }
            }
            NOTICE => Said::Notice(Notice::take(rest, &mut from)?),
            _ => return Err(RowError::Field("kind")),
        };
        from.end()?;
        Ok(Self { row, at, said })
    }
}

impl Notice {
    fn put(&self, mut head: Vec<u8>, says: &mut SecretWriter) {
        let mut numbers = |what: u8, numbers: &[u64]| {
            head.push(what);
            numbers.iter().for_each(|number| head.extend(number.to_be_bytes()));
            says.octets(&head);
        };
        match self {
            Self::TargetAdded(target, by) => {
                numbers(1, &[(*by).into()]);
                target.put(says);
            }
            Self::TargetRemoved(target, by) => {
                numbers(2, &[(*by).into()]);
                target.put(says);
            }
            Self::Lost(count, from, until) => numbers(3, &[*count, from.get(), until.get()]),
            Self::FeedLost(records) => numbers(4, &[*records]),
            Self::StoreBehind(records) => numbers(5, &[*records]),
        }
    }

    fn take(head: &[u8], from: &mut SecretReader<'_>) -> Result<Self, RowError> {
        let (what, mut rest) = head.split_first().ok_or(RowError::Length)?;
        let mut number = || {
            let (number, behind) = rest.split_first_chunk().ok_or(RowError::Length)?;
            rest = behind;
            Ok::<_, RowError>(u64::from_be_bytes(*number))
        };
        Ok(match what {
            1 | 2 => {
                let by = u32::try_from(number()?).map_err(|_| RowError::Field("user"))?;
                let target = Target::take(from)?;
                match what {
                    1 => Self::TargetAdded(target, by),
                    _ => Self::TargetRemoved(target, by),
                }
            }
            3 => Self::Lost(number()?, UnixMillis::new(number()?), UnixMillis::new(number()?)),
            4 => Self::FeedLost(number()?),
            5 => Self::StoreBehind(number()?),
            _ => return Err(RowError::Field("notice")),
        })
    }
}
