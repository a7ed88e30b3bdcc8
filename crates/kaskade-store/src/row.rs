//! The octets of a row: what is in clear, what is sealed, and the sequence-number record.
//!
//! ```text
//! row     length of SQN 1 ‖ SQN ‖ clear ‖ nonce 12 ‖ sealed ‖ tag 16
//! SQN     numbers ‖ life 16 ‖ flags 1 ‖ code 16
//! numbers version 1 ‖ kind 1 ‖ IND bits 1 ‖ numbers as LEB128
//! clear   version 1 ‖ algorithm 1 ‖ methods 1 ‖ AMF 2 ‖ flags 1 ‖ parameters of the algorithm
//! sealed  K, and OPc or TOPc, and OP or TOP if given: see `secrets`
//! ```
//!
//! A row of MILENAGE has version 1, as the first programs wrote it; one of another set has version 2, which those refuse
//! as what it is and not as damaged.
//!
//! The seal authenticates the clear part and the SUPI. The record of the sequence numbers comes first, so that it can be
//! read and replaced without the rest; its code says whose it is (see `record`). The first programs wrote version 1 of
//! the numbers, without life, flags and code; a store that has them is converted when it is opened.

use kaskade_aka::sqn::{Back, Generator, Seq, Spent, SqnLayout, SqnParts, SqnRecord};
use kaskade_crypto::Amf;

use crate::error::RowError;
use crate::model::AuthMethods;
use crate::secrets::Layout;

/// Of a record of sequence numbers without a code.
const SQN_VERSION_FIRST: u8 = 1;
/// Of one with life, flags and code.
const SQN_VERSION: u8 = 2;
/// Of a row of MILENAGE.
const VERSION_MILENAGE: u8 = 1;
/// Of a row of any other set.
const VERSION_ANY_SET: u8 = 2;
/// The highest number of a set of MILENAGE.
const LAST_MILENAGE: u8 = 2;

/// Octets of the nonce of AES-256-GCM.
pub const NONCE_LEN: usize = 12;
/// Octets of the tag of AES-256-GCM.
pub const TAG_LEN: usize = 16;
/// A subscriber's row: the part in clear, and where the sealed part is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row<'a> {
    /// The record of the sequence numbers, with life, flags and code.
    pub sqn: &'a [u8],
    /// The algorithm set, and with it how the sealed octets are read.
    pub layout: Layout,
    /// The methods.
    pub methods: AuthMethods,
    /// AMF.
    pub amf: Amf,
    /// The octets that the seal authenticates.
    pub clear: &'a [u8],
    /// The nonce of the seal, 12 octets.
    pub nonce: &'a [u8; NONCE_LEN],
    /// The sealed octets, without tag.
    pub sealed: &'a [u8],
    /// The tag, 16 octets.
    pub tag: &'a [u8; TAG_LEN],
}

impl<'a> Row<'a> {
    /// Reads a row.
    ///
    /// # Errors
    /// [`RowError`] when the octets are not a row.
    #[inline]
    pub fn decode(octets: &'a [u8]) -> Result<Self, RowError> {
        let (sqn, octets) = split(octets)?;
        let (&[version, algorithm, methods, amf0, amf1, flags], rest) =
            octets.split_first_chunk().ok_or(RowError::Length)?;
        if version != version_of(algorithm) {
            return Err(match version {
                VERSION_MILENAGE | VERSION_ANY_SET => RowError::Field("algorithm"),
                _ => RowError::Version(version),
            });
        }
        let (layout, rest) = Layout::decode(algorithm, flags, rest)?;
        let methods = AuthMethods::from_bits(methods).ok_or(RowError::Field("methods"))?;
        let clear = octets.get(..octets.len() - rest.len()).ok_or(RowError::Length)?;
        let (nonce, rest) = rest.split_first_chunk().ok_or(RowError::Length)?;
        let (sealed, tag) = rest.split_last_chunk().ok_or(RowError::Length)?;
        if sealed.len() != layout.sealed_len() {
            return Err(RowError::Length);
        }
        Ok(Self {
            sqn,
            layout,
            methods,
            amf: Amf::from_octets([amf0, amf1]),
            clear,
            nonce,
            sealed,
            tag,
        })
    }

    /// The clear part of a new row.
    pub(crate) fn encode_clear(layout: &Layout, methods: AuthMethods, amf: Amf) -> Vec<u8> {
        let number = layout.number();
        let [amf0, amf1] = *amf.octets();
        let mut row = vec![version_of(number), number, methods.bits(), amf0, amf1, layout.flags()];
        layout.push_parameters(&mut row);
        row
    }
}

const fn version_of(algorithm: u8) -> u8 {
    if algorithm <= LAST_MILENAGE {
        VERSION_MILENAGE
    } else {
        VERSION_ANY_SET
    }
}

const UNANCHORED: u8 = 0;
const TIME_BASED: u8 = 1;
const NON_TIME_BASED: u8 = 2;
const GENERAL: u8 = 3;
/// The next fresh AUTS is followed wherever the card is.
const GRANTED: u64 = 1;

/// The record of the sequence numbers, and the rest of a row.
pub(crate) fn split(octets: &[u8]) -> Result<(&[u8], &[u8]), RowError> {
    let (len, rest) = octets.split_first().ok_or(RowError::Length)?;
    rest.split_at_checked(usize::from(*len)).ok_or(RowError::Length)
}

/// Whether a record has a code; one of the first version has none.
pub(crate) fn is_coded(sqn: &[u8]) -> bool {
    sqn.first() == Some(&SQN_VERSION)
}

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
        push_number(&mut octets, seq.0);
    }
    match generator {
        Generator::TimeBased { dif, horizon } => {
            push_number(&mut octets, zigzag(dif));
            push_number(&mut octets, horizon.0);
        }
        Generator::General { seq2_bits, d } => {
            push_number(&mut octets, seq2_bits.into());
            push_number(&mut octets, d.into());
        }
        Generator::Unanchored | Generator::NonTimeBased => {}
    }
    if version == SQN_VERSION {
        let granted = if back.granted { GRANTED } else { 0 };
        for number in [back.followed, back.debt, back.reuses.into(), granted] {
            push_number(&mut octets, number);
        }
    }
    for (first, last) in spent.intervals() {
        push_number(&mut octets, first.0);
        push_number(&mut octets, last.0);
    }
    octets
}

/// Unsigned LEB128, at most 64 bits.
fn number(input: &mut &[u8]) -> Result<u64, RowError> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let (octet, rest) = input.split_first().ok_or(RowError::Length)?;
        *input = rest;
        let bits = u64::from(octet & 0x7f);
        if bits << shift >> shift != bits {
            break;
        }
        value |= bits << shift;
        if octet & 0x80 == 0 {
            return Ok(value);
        }
    }
    Err(RowError::Field("number"))
}

fn push_number(row: &mut Vec<u8>, mut value: u64) {
    loop {
        let low = u8::try_from(value & 0x7f).unwrap_or(0);
        value >>= 7;
        row.push(if value == 0 { low } else { low | 0x80 });
        if value == 0 {
            return;
        }
    }
}

fn zigzag(value: i64) -> u64 {
    (value.cast_unsigned() << 1) ^ (value >> 63).cast_unsigned()
}

fn unzigzag(value: u64) -> i64 {
    (value >> 1).cast_signed() ^ -((value & 1).cast_signed())
}
