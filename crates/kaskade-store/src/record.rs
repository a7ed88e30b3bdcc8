//! A record of sequence numbers as it stands in the store: whose it is, and a code over all of it.
//!
//! ```text
//! in a row   numbers ‖ life 16 ‖ flags 1 ‖ code 16
//! of a life  numbers ‖ code 16
//! ```
//!
//! A life is a SUPI with one credential: algorithm set, K and OPc or TOPc. The code is AES-CMAC under a key of the store
//! over whose record it is, the tag of the sealed K beside it, and the record: one that was edited, or moved from another
//! subscriber, life or K, is noticed before a number is issued of it.

use kaskade_aka::sqn::SqnRecord;
use kaskade_crypto::store_keys::{LIFE_LEN, Purpose, RECORD_CODE_LEN, StoreKeys};
use kaskade_faults::fault;

use super::error::StoreError;
use super::key::SubscriberKey;
use super::row::{self, TAG_LEN};

/// The name of a life.
pub(crate) type Life = [u8; LIFE_LEN];

/// Octets of life, flags and code.
const TRAILER_LEN: usize = LIFE_LEN + 1 + RECORD_CODE_LEN;
/// The record goes on from those of other credentials, whose names were not remembered.
const FLAG_INHERITED: u8 = 1;

/// Whose a row's record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Owner {
    /// The credential.
    pub(crate) life: Life,
    /// A store of the first version kept one record for all credentials of a SUPI: this one may have numbers of others.
    pub(crate) inherited: bool,
}

/// A row's record, when it is whole.
#[inline]
pub(crate) fn of_row(keys: &StoreKeys, key: &SubscriberKey, row: &[u8]) -> Result<(SqnRecord, Owner), StoreError> {
    let (sqn, rest) = row::split(row)?;
    let changed = || StoreError::changed(key);
    if !row::is_coded(sqn) {
        if fault!("first-version-accepted") {
            let owner = Owner {
                life: [0; LIFE_LEN],
                inherited: true,
            };
            return Ok((row::decode_sqn(sqn)?, owner));
        }
        return Err(changed());
    }
    let (coded, code) = sqn.split_last_chunk().ok_or_else(changed)?;
    let seal = rest.last_chunk::<TAG_LEN>().ok_or_else(changed)?;
    let whole = with_message(key, seal, coded, |message| {
        keys.verify_record(Purpose::Row, message, code)
    });
    if !whole && !fault!("code-not-checked") {
        return Err(changed());
    }
    let (flags, coded) = coded.split_last().ok_or_else(changed)?;
    let (numbers, life) = coded.split_last_chunk().ok_or_else(changed)?;
    let owner = Owner {
        life: *life,
        inherited: flags & FLAG_INHERITED != 0,
    };
    Ok((row::decode_sqn(numbers)?, owner))
}

/// A row: this record in front of the rest.
pub(crate) fn join(keys: &StoreKeys, key: &SubscriberKey, record: &SqnRecord, owner: Owner, rest: &[u8]) -> Vec<u8> {
    let numbers = row::encode_sqn(record);
    let len = numbers.len() + TRAILER_LEN;
    let mut row = Vec::with_capacity(1 + len + rest.len());
    // At most 3 + 8 numbers + 2 * 8 numbers of 7 octets, and the trailer.
    row.push(u8::try_from(len).unwrap_or(u8::MAX));
    row.extend_from_slice(&numbers);
    row.extend_from_slice(&owner.life);
    row.push(if owner.inherited { FLAG_INHERITED } else { 0 });
    let seal = rest.last_chunk::<TAG_LEN>().copied().unwrap_or_default();
    let coded = row.get(1..).unwrap_or_default();
    let code = with_message(key, &seal, coded, |message| keys.record_code(Purpose::Row, message));
    row.extend_from_slice(&code);
    row.extend_from_slice(rest);
    row
}

/// The life that a row names, not checked: for a comparison with one that is.
#[inline]
pub(crate) fn life_of(sqn: &[u8]) -> Life {
    let trailer = sqn.last_chunk::<TRAILER_LEN>();
    trailer
        .and_then(|trailer| trailer.first_chunk())
        .copied()
        .unwrap_or_default()
}

/// A row with another record of the same life, when what stands there is whole.
pub(crate) fn replaced(
    keys: &StoreKeys,
    key: &SubscriberKey,
    row: &[u8],
    record: &SqnRecord,
) -> Result<Vec<u8>, StoreError> {
    let (_, owner) = of_row(keys, key, row)?;
    let (_, rest) = row::split(row)?;
    Ok(join(keys, key, record, owner, rest))
}

/// The record of a life that is over; `name` is its key in the store.
pub(crate) fn encode_life(keys: &StoreKeys, name: &[u8], record: &SqnRecord) -> Vec<u8> {
    let mut octets = row::encode_sqn(record);
    let code = keys.record_code(Purpose::Life, &[name, &octets].concat());
    octets.extend_from_slice(&code);
    octets
}

/// Reads what [`encode_life`] wrote, when it is whole.
pub(crate) fn decode_life(keys: &StoreKeys, name: &[u8], octets: &[u8]) -> Result<SqnRecord, StoreError> {
    let (numbers, code) = octets.split_last_chunk().ok_or(StoreError::ChangedLife)?;
    if !keys.verify_record(Purpose::Life, &[name, numbers].concat(), code) {
        return Err(StoreError::ChangedLife);
    }
    Ok(row::decode_sqn(numbers)?)
}

/// What the code of a row's record is of. No heap for an IMSI.
#[inline]
fn with_message<R>(key: &SubscriberKey, seal: &[u8; TAG_LEN], coded: &[u8], work: impl FnOnce(&[u8]) -> R) -> R {
    let supi = key.octets();
    let len = u16::try_from(supi.len()).unwrap_or(u16::MAX).to_be_bytes();
    let parts = [&len[..], supi, seal, coded];
    let mut buffer = [0; 288];
    let mut end = 0;
    for part in parts {
        let Some(place) = buffer.get_mut(end..end + part.len()) else {
            return work(&parts.concat());
        };
        place.copy_from_slice(part);
        end += part.len();
    }
    work(buffer.get(..end).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use kaskade_aka::sqn::{Seq, SqnLayout, SqnScheme};
    use kaskade_keys::Supi;

    use super::*;

    fn key(n: u64) -> SubscriberKey {
        SubscriberKey::from(&format!("imsi-00101{n:010}").parse::<Supi>().expect("an IMSI"))
    }

    fn record(highest: u64) -> SqnRecord {
        SqnRecord::after(SqnScheme::NonTimeBased, SqnLayout::ANNEX_C3, Seq(highest))
    }

    const OWNER: Owner = Owner {
        life: [7; LIFE_LEN],
        inherited: true,
    };
    const REST: [u8; 60] = [9; 60];

    #[test]
    fn a_row_reads_back_and_keeps_its_owner() {
        let keys = StoreKeys::derive(&[1; 32]);
        let row = join(&keys, &key(1), &record(5), OWNER, &REST);
        assert_eq!(of_row(&keys, &key(1), &row).expect("whole"), (record(5), OWNER));
        let row = replaced(&keys, &key(1), &row, &record(6)).expect("whole");
        assert_eq!(of_row(&keys, &key(1), &row).expect("whole"), (record(6), OWNER));
        assert_eq!(row::split(&row).expect("a row").1, REST);
        // A long NAI needs more room.
        let long = SubscriberKey::from(
            &format!("nai-{}@example.org", "x".repeat(230))
                .parse::<Supi>()
                .expect("a NAI"),
        );
        let row = join(&keys, &long, &record(5), OWNER, &REST);
        assert_eq!(of_row(&keys, &long, &row).expect("whole"), (record(5), OWNER));
    }

    #[test]
    fn every_edit_and_every_move_is_noticed() {
        let keys = StoreKeys::derive(&[1; 32]);
        let row = join(&keys, &key(1), &record(5), OWNER, &REST);
        let record_len = row.len() - REST.len();
        for position in (0..record_len).chain(row.len() - TAG_LEN..row.len()) {
            for bit in 0..8 {
                let mut edited = row.clone();
                edited[position] ^= 1 << bit;
                assert!(of_row(&keys, &key(1), &edited).is_err(), "octet {position}, bit {bit}");
                assert!(replaced(&keys, &key(1), &edited, &record(6)).is_err(), "overwritten");
            }
        }
        assert!(of_row(&keys, &key(2), &row).is_err(), "another subscriber's");
        assert!(
            of_row(&StoreKeys::derive(&[2; 32]), &key(1), &row).is_err(),
            "another store's"
        );
        // The record in front of another sealed K.
        let other = [&row[..record_len], &[8; 60][..]].concat();
        assert!(of_row(&keys, &key(1), &other).is_err());
        // One of the first version, which had no code.
        let old = row::encode_first_version(&record(5));
        let old = [&[u8::try_from(old.len()).expect("short")], &old[..], &REST[..]].concat();
        assert!(of_row(&keys, &key(1), &old).is_err());
    }

    #[test]
    fn lives_too() {
        let keys = StoreKeys::derive(&[1; 32]);
        let life = encode_life(&keys, b"name", &record(5));
        assert_eq!(decode_life(&keys, b"name", &life).expect("whole"), record(5));
        assert!(decode_life(&keys, b"nami", &life).is_err());
        for position in 0..life.len() {
            let mut edited = life.clone();
            edited[position] ^= 1;
            assert!(decode_life(&keys, b"name", &edited).is_err(), "octet {position}");
        }
    }
}
