//! The octets of a row: what is in clear, what is sealed, and the sequence-number record.
//!
//! ```text
//! row     length of SQN 1 ‖ SQN ‖ clear ‖ nonce 12 ‖ sealed ‖ tag 16
//! SQN     version 1 ‖ kind 1 ‖ IND bits 1 ‖ numbers as LEB128
//! clear   version 1 ‖ algorithm 1 ‖ methods 1 ‖ AMF 2 ‖ flags 1 ‖ [c1..c5 80 ‖ r1..r5 5]
//! sealed  K 16 ‖ OPc 16 ‖ [OP 16]
//! ```
//!
//! The seal authenticates the clear part and the SUPI. The record of the sequence numbers comes first, so that it can be
//! read and replaced without the rest.

use kaskade_aka::auc::AlgorithmProfile;
use kaskade_aka::sqn::{Generator, Seq, Spent, SqnLayout, SqnParts, SqnRecord};
use kaskade_crypto::Amf;
use kaskade_crypto::milenage::OperatorConstants;

use crate::error::RowError;
use crate::model::AuthMethods;

const VERSION: u8 = 1;
const MILENAGE: u8 = 1;
const MILENAGE_OWN_CONSTANTS: u8 = 2;
const FLAG_OP: u8 = 1;
const CONSTANTS_LEN: usize = 85;

/// Octets of the nonce of AES-256-GCM.
pub const NONCE_LEN: usize = 12;
/// Octets of the tag of AES-256-GCM.
pub const TAG_LEN: usize = 16;
/// Octets of K ‖ OPc.
pub const SECRETS_LEN: usize = 32;
/// Octets of K ‖ OPc ‖ OP.
pub const SECRETS_WITH_OP_LEN: usize = 48;

/// A subscriber's row: the part in clear, and where the sealed part is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row<'a> {
    /// The record of the sequence numbers, for [`decode_sqn`].
    pub sqn: &'a [u8],
    /// The algorithm set.
    pub algorithm: AlgorithmProfile,
    /// The methods.
    pub methods: AuthMethods,
    /// AMF.
    pub amf: Amf,
    /// Whether OP is sealed beside OPc.
    pub has_op: bool,
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
        if version != VERSION {
            return Err(RowError::Version(version));
        }
        let (algorithm, rest) = match algorithm {
            MILENAGE => (AlgorithmProfile::MILENAGE, rest),
            MILENAGE_OWN_CONSTANTS => constants(rest)?,
            _ => return Err(RowError::Field("algorithm")),
        };
        let methods = AuthMethods::from_bits(methods).ok_or(RowError::Field("methods"))?;
        if flags & !FLAG_OP != 0 {
            return Err(RowError::Field("flags"));
        }
        let has_op = flags & FLAG_OP != 0;
        let clear = octets.get(..octets.len() - rest.len()).ok_or(RowError::Length)?;
        let (nonce, rest) = rest.split_first_chunk().ok_or(RowError::Length)?;
        let (sealed, tag) = rest.split_last_chunk().ok_or(RowError::Length)?;
        if sealed.len() != if has_op { SECRETS_WITH_OP_LEN } else { SECRETS_LEN } {
            return Err(RowError::Length);
        }
        Ok(Self {
            sqn,
            algorithm,
            methods,
            amf: Amf::from_octets([amf0, amf1]),
            has_op,
            clear,
            nonce,
            sealed,
            tag,
        })
    }

    /// The record of the sequence numbers of a row; the rest is not looked at.
    ///
    /// # Errors
    /// [`RowError`] when the octets do not begin with a record.
    #[inline]
    pub fn decode_sqn(octets: &[u8]) -> Result<SqnRecord, RowError> {
        decode_sqn(split(octets)?.0)
    }

    /// A row with another record of the sequence numbers.
    ///
    /// # Errors
    /// [`RowError`] when the octets do not begin with a record.
    pub fn with_sqn(octets: &[u8], record: &SqnRecord) -> Result<Vec<u8>, RowError> {
        let (_, rest) = split(octets)?;
        Ok(join(record, rest))
    }

    /// The clear part of a new row.
    pub(crate) fn encode_clear(algorithm: &AlgorithmProfile, methods: AuthMethods, amf: Amf, has_op: bool) -> Vec<u8> {
        let AlgorithmProfile::Milenage { constants } = algorithm;
        let kind = if constants.are_standard() {
            MILENAGE
        } else {
            MILENAGE_OWN_CONSTANTS
        };
        let [amf0, amf1] = *amf.octets();
        let mut row = vec![
            VERSION,
            kind,
            methods.bits(),
            amf0,
            amf1,
            if has_op { FLAG_OP } else { 0 },
        ];
        if kind == MILENAGE_OWN_CONSTANTS {
            row.extend(constants.c().iter().flatten());
            row.extend(constants.r());
        }
        row
    }
}

fn constants(octets: &[u8]) -> Result<(AlgorithmProfile, &[u8]), RowError> {
    let (octets, rest) = octets.split_first_chunk::<CONSTANTS_LEN>().ok_or(RowError::Length)?;
    let mut c = [[0; 16]; 5];
    for (target, source) in c.iter_mut().zip(octets.chunks_exact(16)) {
        target.copy_from_slice(source);
    }
    let [.., r1, r2, r3, r4, r5] = *octets;
    let constants = OperatorConstants::new(c, [r1, r2, r3, r4, r5]).map_err(|_| RowError::Field("constants"))?;
    Ok((AlgorithmProfile::Milenage { constants }, rest))
}

const UNANCHORED: u8 = 0;
const TIME_BASED: u8 = 1;
const NON_TIME_BASED: u8 = 2;
const GENERAL: u8 = 3;

/// The record of the sequence numbers in front of the rest of a row.
pub(crate) fn join(record: &SqnRecord, rest: &[u8]) -> Vec<u8> {
    let sqn = encode_sqn(record);
    let mut row = Vec::with_capacity(1 + sqn.len() + rest.len());
    // At most 3 + 5 numbers + 2 * 8 numbers of 7 octets: a record of 48-bit numbers always fits.
    row.push(u8::try_from(sqn.len()).unwrap_or(u8::MAX));
    row.extend_from_slice(&sqn);
    row.extend_from_slice(rest);
    row
}

fn split(octets: &[u8]) -> Result<(&[u8], &[u8]), RowError> {
    let (len, rest) = octets.split_first().ok_or(RowError::Length)?;
    rest.split_at_checked(usize::from(*len)).ok_or(RowError::Length)
}

/// Reads a record of sequence numbers.
///
/// # Errors
/// [`RowError`] when the octets are not one.
pub fn decode_sqn(octets: &[u8]) -> Result<SqnRecord, RowError> {
    let (&[version, kind, ind_bits], mut rest) = octets.split_first_chunk().ok_or(RowError::Length)?;
    if version != VERSION {
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
    };
    SqnRecord::from_parts(parts).map_err(|_| RowError::Field("SQN"))
}

/// Writes a record of sequence numbers.
pub fn encode_sqn(record: &SqnRecord) -> Vec<u8> {
    let SqnParts {
        layout,
        generator,
        reserved,
        epoch_start,
        proven,
        spent,
    } = record.clone().into_parts();
    let mut octets = Vec::with_capacity(32);
    let kind = match generator {
        Generator::Unanchored => UNANCHORED,
        Generator::TimeBased { .. } => TIME_BASED,
        Generator::NonTimeBased => NON_TIME_BASED,
        Generator::General { .. } => GENERAL,
    };
    octets.extend([VERSION, kind, layout.ind_bits()]);
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
