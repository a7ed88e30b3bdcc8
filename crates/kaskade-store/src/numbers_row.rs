//! The octets of a record of sequence numbers, wherever it stands.
//!
//! ```text
//! version 1 ‖ kind 1 ‖ IND bits 1 ‖ numbers as LEB128
//! ```
//!
//! The first programs wrote version 1, which knows nothing of cards that went back.

use kaskade_aka::sqn::{Back, Generator, Seq, Spent, SqnLayout, SqnParts, SqnRecord};

use crate::error::RowError;
use crate::leb128;

/// As the first programs wrote it.
pub(crate) const SQN_VERSION_FIRST: u8 = 1;
/// With what is known of cards that went back.
const SQN_VERSION: u8 = 2;

const UNANCHORED: u8 = 0;
const TIME_BASED: u8 = 1;
const NON_TIME_BASED: u8 = 2;
const GENERAL: u8 = 3;
/// The next fresh AUTS is followed wherever the card is.
const GRANTED: u64 = 1;

/// Reads the numbers of a record.
///
/// # Errors
/// [`RowError`] when the octets are not one.
pub fn decode_sqn(octets: &[u8]) -> Result<SqnRecord, RowError> {
    let (&[version, kind, ind_bits], mut rest) = octets.split_first_chunk().ok_or(RowError::Length)?;
    if version != SQN_VERSION && version != SQN_VERSION_FIRST {
        return Err(RowError::Version(version));
    }
    let layout = SqnLayout::new(ind_bits).ok_or(RowError::Field("IND bits"))?;
    let input = &mut rest;
    let (reserved, epoch_start, proven) = (Seq(number(input)?), Seq(number(input)?), Seq(number(input)?));
    let generator = match kind {
        UNANCHORED => Generator::Unanchored,
        TIME_BASED => Generator::TimeBased {
            dif: unzigzag(number(input)?),
            horizon: Seq(number(input)?),
        },
        NON_TIME_BASED => Generator::NonTimeBased,
        GENERAL => Generator::General {
            seq2_bits: u8::try_from(number(input)?).map_err(|_| RowError::Field("n"))?,
            d: u32::try_from(number(input)?).map_err(|_| RowError::Field("D"))?,
        },
        _ => return Err(RowError::Field("SQN scheme")),
    };
    let mut back = Back::default();
    if version == SQN_VERSION {
        back = Back {
            followed: number(input)?,
            debt: number(input)?,
            reuses: u32::try_from(number(input)?).map_err(|_| RowError::Field("reuses"))?,
            granted: match number(input)? {
                0 => false,
                GRANTED => true,
                _ => return Err(RowError::Field("flags")),
            },
        };
    }
    let mut spent = Spent::NONE;
    if !input.is_empty() {
        let mut intervals = Vec::with_capacity(Spent::CAPACITY);
        while !input.is_empty() && intervals.len() <= Spent::CAPACITY {
            intervals.push((Seq(number(input)?), Seq(number(input)?)));
        }
        spent = Spent::from_intervals(&intervals).ok_or(RowError::Field("spent intervals"))?;
    }
    let parts = SqnParts {
        layout,
        generator,
        reserved,
        epoch_start,
        proven,
        spent,
        back,
    };
    SqnRecord::from_parts(parts).map_err(|_| RowError::Field("SQN"))
}

/// Writes the numbers of a record.
pub fn encode_sqn(record: &SqnRecord) -> Vec<u8> {
    encode(record, SQN_VERSION)
}

/// As the first programs wrote it.
#[cfg(test)]
pub(crate) fn encode_first_version(record: &SqnRecord) -> Vec<u8> {
    encode(record, SQN_VERSION_FIRST)
}

fn encode(record: &SqnRecord, version: u8) -> Vec<u8> {
    let SqnParts {
        layout,
        generator,
        reserved,
        epoch_start,
        proven,
        spent,
        back,
    } = record.clone().into_parts();
    let mut octets = Vec::with_capacity(72);
    let kind = match generator {
        Generator::Unanchored => UNANCHORED,
        Generator::TimeBased { .. } => TIME_BASED,
        Generator::NonTimeBased => NON_TIME_BASED,
        Generator::General { .. } => GENERAL,
    };
    octets.extend([version, kind, layout.ind_bits()]);
    for seq in [reserved, epoch_start, proven] {
        leb128::push(&mut octets, seq.0);
    }
    match generator {
        Generator::TimeBased { dif, horizon } => {
            leb128::push(&mut octets, zigzag(dif));
            leb128::push(&mut octets, horizon.0);
        }
        Generator::General { seq2_bits, d } => {
            leb128::push(&mut octets, seq2_bits.into());
            leb128::push(&mut octets, d.into());
        }
        Generator::Unanchored | Generator::NonTimeBased => {}
    }
    if version == SQN_VERSION {
        let granted = if back.granted { GRANTED } else { 0 };
        for number in [back.followed, back.debt, back.reuses.into(), granted] {
            leb128::push(&mut octets, number);
        }
    }
    for (first, last) in spent.intervals() {
        leb128::push(&mut octets, first.0);
        leb128::push(&mut octets, last.0);
    }
    octets
}

/// The next number of a row.
pub(crate) fn number(input: &mut &[u8]) -> Result<u64, RowError> {
    let number = leb128::take(input);
    number.ok_or(match input.is_empty() {
        true => RowError::Length,
        false => RowError::Field("number"),
    })
}

fn zigzag(value: i64) -> u64 {
    (value.cast_unsigned() << 1) ^ (value >> 63).cast_unsigned()
}

fn unzigzag(value: u64) -> i64 {
    (value >> 1).cast_signed() ^ -((value & 1).cast_signed())
}
