//! The sequence numbers of a subscriber as they stand beside its row, and those of lives that are over.
//!
//! ```text
//! row        numbers ‖ flags 1 ‖ code 16
//! of a life  numbers ‖ code 16
//! ```
//!
//! A life is a SUPI with one credential: algorithm set, K and OPc or TOPc. The code is AES-CMAC under a key of the store over
//! the SUPI, the life that the row beside it names, and the record: one that was edited, or moved from another subscriber,
//! life or K, is noticed before a number is issued of it.

use kaskade_aka::sqn::SqnRecord;
use kaskade_crypto::store_keys::{LIFE_LEN, Purpose, RECORD_CODE_LEN, StoreKeys};
use kaskade_faults::fault;

use crate::error::StoreError;
use crate::key::SubscriberKey;
use crate::numbers_row::{decode_sqn, encode_sqn};

/// The name of a life.
pub(crate) type Life = [u8; LIFE_LEN];

/// The record goes on from those of other credentials, whose names were not remembered.
const FLAG_INHERITED: u8 = 1;

/// Whose a record is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Owner {
    /// The credential.
    pub(crate) life: Life,
    /// A store of the first version kept one record for all credentials of a SUPI: this one may have numbers of others.
    pub(crate) inherited: bool,
}

/// The record of a subscriber with this credential, when it is whole.
#[inline]
pub(crate) fn decode(
    keys: &StoreKeys,
    key: &SubscriberKey,
    life: &Life,
    octets: &[u8],
) -> Result<(SqnRecord, Owner), StoreError> {
    let changed = || StoreError::changed(key);
    let (coded, code) = octets.split_last_chunk::<RECORD_CODE_LEN>().ok_or_else(changed)?;
    let whole = with_message(key, life, coded, |message| {
        keys.verify_record(Purpose::Sequence, message, code)
    });
    if !whole && !fault!("code-not-checked") {
        return Err(changed());
    }
    let (flags, numbers) = coded.split_last().ok_or_else(changed)?;
    let owner = Owner {
        life: *life,
        inherited: flags & FLAG_INHERITED != 0,
    };
    Ok((decode_sqn(numbers)?, owner))
}

/// The record of a subscriber.
pub(crate) fn encode(keys: &StoreKeys, key: &SubscriberKey, record: &SqnRecord, owner: &Owner) -> Vec<u8> {
    let mut octets = encode_sqn(record);
    octets.push(if owner.inherited { FLAG_INHERITED } else { 0 });
    let code = with_message(key, &owner.life, &octets, |message| {
        keys.record_code(Purpose::Sequence, message)
    });
    octets.extend_from_slice(&code);
    octets
}

/// The record of a life that is over; `name` is its key in the store.
pub(crate) fn encode_life(keys: &StoreKeys, name: &[u8], record: &SqnRecord) -> Vec<u8> {
    let mut octets = encode_sqn(record);
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
    Ok(decode_sqn(numbers)?)
}

/// What the code of a subscriber's record is of. No heap for an IMSI.
#[inline]
fn with_message<R>(key: &SubscriberKey, life: &Life, coded: &[u8], work: impl FnOnce(&[u8]) -> R) -> R {
    let supi = key.octets();
    let len = u16::try_from(supi.len()).unwrap_or(u16::MAX).to_be_bytes();
    let parts = [&len[..], supi, life, coded];
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

    #[test]
    fn a_record_reads_back_and_keeps_its_owner() {
        let keys = StoreKeys::derive(&[1; 32]);
        // A long NAI needs more room.
        let long = format!("nai-{}@example.org", "x".repeat(230)).parse::<Supi>();
        for key in [key(1), SubscriberKey::from(&long.expect("a NAI"))] {
            for inherited in [true, false] {
                let owner = Owner { inherited, ..OWNER };
                let octets = encode(&keys, &key, &record(5), &owner);
                let read = decode(&keys, &key, &OWNER.life, &octets).expect("whole");
                assert_eq!(read, (record(5), owner));
            }
        }
    }

    #[test]
    fn every_edit_and_every_move_is_noticed() {
        let keys = StoreKeys::derive(&[1; 32]);
        let octets = encode(&keys, &key(1), &record(5), &OWNER);
        let read = |keys: &StoreKeys, n, life, octets: &[u8]| decode(keys, &key(n), life, octets).is_ok();
        assert!(read(&keys, 1, &OWNER.life, &octets));
        for position in 0..octets.len() {
            for bit in 0..8 {
                let mut edited = octets.clone();
                edited[position] ^= 1 << bit;
                assert!(!read(&keys, 1, &OWNER.life, &edited), "octet {position}, bit {bit}");
            }
            assert!(
                !read(&keys, 1, &OWNER.life, &octets[..position]),
                "{position} octets of it"
            );
        }
        assert!(!read(&keys, 2, &OWNER.life, &octets), "another subscriber's");
        assert!(!read(&keys, 1, &[8; LIFE_LEN], &octets), "another card's");
        let other = StoreKeys::derive(&[2; 32]);
        assert!(!read(&other, 1, &OWNER.life, &octets), "another store's");
        let life = encode_life(&keys, key(1).octets(), &record(5));
        assert!(!read(&keys, 1, &OWNER.life, &life), "of a life that is over");
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
