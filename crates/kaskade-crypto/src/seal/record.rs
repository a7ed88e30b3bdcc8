//! Records of a store: sealed, or in clear with a code, and bound to their place.
//!
//! ```text
//! sealed  version 1 ‖ length of clear ‖ clear ‖ nonce 12 ‖ ciphertext ‖ tag 16
//! coded   version 1 ‖ clear ‖ code 16
//! place   "kaskade record 1 " ‖ kind 2 ‖ end 8 ‖ length of key 4 ‖ key
//! ```
//!
//! The tag is over the place, the version and the clear part, and so is the code: a row that was moved to another key or
//! another kind, got another end, or was edited does not open. An earlier row of the same place does: against that there is
//! nothing in the store.

use alloc::vec::Vec;

use zeroize::Zeroizing;

use super::items::{SecretReader, SecretWriter, coded_length, length};
use super::{DataKey, NONCE_LEN, RANDOM_LEN, TAG_LEN, parts};
use crate::store_keys::{Purpose, RECORD_CODE_LEN};

const LABEL: &[u8] = b"kaskade record 1 ";

/// Where a record stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordPlace<'a> {
    /// The number of its kind.
    pub kind: u16,
    /// When it ends: milliseconds since the Unix epoch, 0 for never.
    pub expires: u64,
    /// Its key.
    pub key: &'a [u8],
}

/// The row is not what was written in this place under this key of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not what was written here: edited, moved, or of another store")]
pub struct RecordChanged;

/// What is in a row.
pub struct OpenedRecord<'r> {
    /// The version of its kind that it was written in.
    pub version: u8,
    /// What is in clear.
    pub clear: &'r [u8],
    /// What was sealed.
    pub secrets: OpenedSecrets,
}

/// The secret part of a record that was opened. It is wiped on drop.
#[derive(Default)]
pub struct OpenedSecrets(Zeroizing<Vec<u8>>);

impl OpenedSecrets {
    pub(super) const fn of(items: Zeroizing<Vec<u8>>) -> Self {
        Self(items)
    }

    /// From the first on.
    pub fn reader(&self) -> SecretReader<'_> {
        SecretReader::new(&self.0)
    }
}

impl core::fmt::Debug for OpenedSecrets {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("OpenedSecrets(…)")
    }
}

impl core::fmt::Debug for OpenedRecord<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("OpenedRecord(…)")
    }
}

impl RecordPlace<'_> {
    /// What tag and code are over, before the row.
    fn octets(&self) -> Vec<u8> {
        let length = u32::try_from(self.key.len()).unwrap_or(u32::MAX).to_be_bytes();
        let kind = self.kind.to_be_bytes();
        [LABEL, &kind, &self.expires.to_be_bytes(), &length, self.key].concat()
    }
}

impl DataKey {
    /// The row of a record with secrets.
    pub fn seal_record(
        &self,
        random: &[u8; RANDOM_LEN],
        place: &RecordPlace<'_>,
        version: u8,
        clear: &[u8],
        secrets: &SecretWriter,
    ) -> Vec<u8> {
        let secret = secrets.secret_octets();
        let mut row = Vec::with_capacity(12 + clear.len() + NONCE_LEN + secret.len() + TAG_LEN);
        row.push(version);
        let (length, used) = coded_length(clear.len());
        row.extend_from_slice(length.get(..used).unwrap_or_default());
        row.extend_from_slice(clear);
        let mut secret = Zeroizing::new(secret.to_vec());
        let (nonce, tag) = self.sealer.seal(random, [&place.octets(), &row], &mut secret);
        row.extend_from_slice(&nonce);
        row.extend_from_slice(&secret);
        row.extend_from_slice(&tag);
        row
    }

    /// What is in the row of a record with secrets.
    ///
    /// # Errors
    /// [`RecordChanged`] when that is not what was written in this place.
    pub fn open_record<'r>(&self, place: &RecordPlace<'_>, row: &'r [u8]) -> Result<OpenedRecord<'r>, RecordChanged> {
        let (version, rest) = row.split_first().ok_or(RecordChanged)?;
        let (len, rest) = length(rest).ok_or(RecordChanged)?;
        let (clear, rest) = rest.split_at_checked(len).ok_or(RecordChanged)?;
        let (nonce, octets, tag) = parts(rest).ok_or(RecordChanged)?;
        let head = row.len() - rest.len();
        let mut secret = Zeroizing::new(octets.to_vec());
        self.sealer
            .gcm
            .open(nonce, [&place.octets(), &row[..head]], &mut secret, tag)
            .map_err(|_| RecordChanged)?;
        Ok(OpenedRecord {
            version: *version,
            clear,
            secrets: OpenedSecrets(secret),
        })
    }

    /// The row of a record without secrets.
    pub fn code_record(&self, place: &RecordPlace<'_>, version: u8, clear: &[u8]) -> Vec<u8> {
        let place = place.octets();
        let mut message = Vec::with_capacity(place.len() + 1 + clear.len());
        message.extend_from_slice(&place);
        message.push(version);
        message.extend_from_slice(clear);
        let code = self.keys.record_code(Purpose::Record, &message);
        [&message[place.len()..], &code].concat()
    }

    /// What is in the row of a record without secrets.
    ///
    /// # Errors
    /// [`RecordChanged`] when that is not what was written in this place.
    pub fn open_coded_record<'r>(
        &self,
        place: &RecordPlace<'_>,
        row: &'r [u8],
    ) -> Result<OpenedRecord<'r>, RecordChanged> {
        let (coded, code) = row.split_last_chunk::<RECORD_CODE_LEN>().ok_or(RecordChanged)?;
        let (version, clear) = coded.split_first().ok_or(RecordChanged)?;
        let message = [&place.octets(), coded].concat();
        if !self.keys.verify_record(Purpose::Record, &message, code) {
            return Err(RecordChanged);
        }
        Ok(OpenedRecord {
            version: *version,
            clear,
            secrets: OpenedSecrets::default(),
        })
    }
}

/// A row whose kind protects itself: its version, and the rest.
///
/// # Errors
/// [`RecordChanged`] when it is empty.
pub fn open_own_record(row: &[u8]) -> Result<OpenedRecord<'_>, RecordChanged> {
    let (version, clear) = row.split_first().ok_or(RecordChanged)?;
    Ok(OpenedRecord {
        version: *version,
        clear,
        secrets: OpenedSecrets::default(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seal::{ItemError, RootKey};
    use crate::types::{Ck, Ik, K};
    use crate::xor_test::TestK;

    const PLACE: RecordPlace<'_> = RecordPlace {
        kind: 300,
        expires: 77,
        key: b"a key",
    };

    fn data_key(octet: u8) -> DataKey {
        RootKey::from_octets(&[1; 32])
            .create_data_key(&[octet; 32], &[2; RANDOM_LEN])
            .0
    }

    fn secrets() -> SecretWriter {
        let mut secrets = SecretWriter::new();
        secrets.key(&Ck::from_octets(&[0xc; 16]));
        secrets.octets(&[9; 300]);
        secrets.key(&K::from_octets(&[0x4; 16]));
        secrets
    }

    #[test]
    fn what_was_written_comes_out_as_it_was_written() {
        let key = data_key(3);
        for clear in [&b""[..], b"clear", &[7; 1000]] {
            let row = key.seal_record(&[5; RANDOM_LEN], &PLACE, 2, clear, &secrets());
            assert_ne!(row, key.seal_record(&[6; RANDOM_LEN], &PLACE, 2, clear, &secrets()));
            for octets in [[0xc; 16], [9; 16], [4; 16]] {
                assert!(!row.windows(16).any(|window| window == octets), "in clear");
            }
            let opened = key.open_record(&PLACE, &row).expect("opens");
            assert_eq!((opened.version, opened.clear), (2, clear));
            let mut reader = opened.secrets.reader();
            assert_eq!(
                reader.octets().err(),
                Some(ItemError::Another("octets")),
                "a key is no octets"
            );
            assert_eq!(
                reader.key::<Ik>().err(),
                Some(ItemError::Another("IK")),
                "nor another key"
            );
            assert_eq!(reader.key::<Ck>(), Ok(Ck::from_octets(&[0xc; 16])));
            assert_eq!(
                reader.key::<Ck>().err(),
                Some(ItemError::Another("CK")),
                "octets are no key"
            );
            assert_eq!(reader.octets().expect("octets")[..], [9; 300]);
            assert_eq!(
                reader.octets().err(),
                Some(ItemError::Another("octets")),
                "least of all K"
            );
            assert_eq!(reader.end(), Err(ItemError::Left));
            assert!(reader.key::<TestK>().is_err(), "the K of a set that gives it away");
            assert_eq!(reader.key::<K>(), Ok(K::from_octets(&[4; 16])));
            assert_eq!(reader.end(), Ok(()));
            assert_eq!(reader.key::<K>().err(), Some(ItemError::Missing));
        }
    }

    #[test]
    fn every_edit_and_every_move_is_noticed() {
        let key = data_key(3);
        let sealed = key.seal_record(&[5; RANDOM_LEN], &PLACE, 2, b"clear", &secrets());
        let coded = key.code_record(&PLACE, 2, b"clear");
        assert_eq!(key.open_coded_record(&PLACE, &coded).expect("opens").clear, b"clear");
        let opens = |key: &DataKey, place: &RecordPlace<'_>, row: &[u8]| {
            [
                key.open_record(place, row).is_ok(),
                key.open_coded_record(place, row).is_ok(),
            ]
        };
        for (row, expected) in [(&sealed, [true, false]), (&coded, [false, true])] {
            assert_eq!(opens(&key, &PLACE, row), expected);
            assert_eq!(opens(&data_key(4), &PLACE, row), [false; 2], "of another store");
            for place in [
                RecordPlace { kind: 301, ..PLACE },
                RecordPlace { expires: 78, ..PLACE },
                RecordPlace { key: b"b key", ..PLACE },
                RecordPlace {
                    key: b"a keyc",
                    ..PLACE
                },
                RecordPlace { key: b"", ..PLACE },
            ] {
                assert_eq!(opens(&key, &place, row), [false; 2], "{place:?}");
            }
            for position in 0..row.len() {
                for bit in 0..8 {
                    let mut edited = row.clone();
                    edited[position] ^= 1 << bit;
                    assert_eq!(opens(&key, &PLACE, &edited), [false; 2], "octet {position}, bit {bit}");
                }
                assert_eq!(
                    opens(&key, &PLACE, &row[..position]),
                    [false; 2],
                    "{position} octets of it"
                );
            }
        }
    }

    #[test]
    fn an_origin_is_of_a_crate_and_a_name() {
        let origin = Origin::new("kaskade_keys::fivegs", "KAusf");
        assert_eq!(
            origin,
            Origin::new("kaskade_keys::elsewhere", "KAusf"),
            "it may move within"
        );
        assert_eq!(origin, Origin::new("kaskade_keys", "KAusf"));
        assert_ne!(origin, Origin::new("kaskade_key::s", "KAusf"));
        assert_ne!(origin, Origin::new("another::kaskade_keys", "KAusf"));
        assert_ne!(origin, Origin::new("kaskade_keys", "KSeaf"));
        assert_ne!(Origin::new("a", "b:c"), Origin::new("a:b", "c"));
    }

    use crate::seal::Origin;
}
