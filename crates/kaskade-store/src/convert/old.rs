//! Rows of the first two formats, for the conversion.
//!
//! ```text
//! row     length of SQN 1 ‖ SQN ‖ clear ‖ nonce 12 ‖ sealed ‖ tag 16
//! SQN     numbers                             format 1
//!         numbers ‖ life 16 ‖ flags 1 ‖ code 16   format 2
//! clear   version 1 ‖ algorithm 1 ‖ methods 1 ‖ AMF 2 ‖ flags 1 ‖ parameters of the algorithm
//! ```
//!
//! A row of MILENAGE had version 1, one of any other set version 2. The code was of the SUPI, the tag of the sealed K, and
//! the record with life and flags.

use kaskade_aka::sqn::SqnRecord;
use kaskade_crypto::Amf;
use kaskade_crypto::seal::SealedSecrets;
use kaskade_crypto::store_keys::{LIFE_LEN, Purpose, RECORD_CODE_LEN, StoreKeys};
use kaskade_faults::fault;

use crate::error::RowError;
use crate::key::SubscriberKey;
use crate::model::AuthMethods;
use crate::numbers_row::{SQN_VERSION_FIRST, decode_sqn};
use crate::row::{NONCE_LEN, TAG_LEN};
use crate::secrets::Layout;
use crate::sqn_row::Owner;

/// The highest number of a set of MILENAGE.
const LAST_MILENAGE: u8 = 2;
/// Octets of life, flags and code.
const TRAILER_LEN: usize = LIFE_LEN + 1 + RECORD_CODE_LEN;
const FLAG_INHERITED: u8 = 1;

/// A row of format 1 or 2.
pub(crate) struct OldRow<'a> {
    sqn: &'a [u8],
    layout: Layout,
    pub(crate) methods: AuthMethods,
    pub(crate) amf: Amf,
    clear: &'a [u8],
    nonce: &'a [u8; NONCE_LEN],
    sealed: &'a [u8],
    tag: &'a [u8; TAG_LEN],
}

impl<'a> OldRow<'a> {
    /// Reads a row.
    pub(crate) fn decode(octets: &'a [u8]) -> Result<Self, RowError> {
        let (len, rest) = octets.split_first().ok_or(RowError::Length)?;
        let (sqn, octets) = rest.split_at_checked(usize::from(*len)).ok_or(RowError::Length)?;
        let (&[version, algorithm, methods, amf0, amf1, flags], rest) =
            octets.split_first_chunk().ok_or(RowError::Length)?;
        if version != if algorithm <= LAST_MILENAGE { 1 } else { 2 } {
            return Err(RowError::Version(version));
        }
        let (layout, rest) = Layout::decode(algorithm, flags, rest)?;
        let methods = AuthMethods::of_bits(methods).ok_or(RowError::Field("methods"))?;
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

    /// What is sealed in it.
    pub(crate) fn secrets(&self, key: &'a SubscriberKey) -> SealedSecrets<'a> {
        SealedSecrets {
            layout: self.layout,
            clear: self.clear,
            owner: key.octets(),
            nonce: self.nonce,
            octets: self.sealed,
            tag: self.tag,
        }
    }

    /// Its sequence numbers, and whose they are, when they are whole. In a store whose records have no codes yet (`first`),
    /// one without is whoever's had the SUPI.
    pub(crate) fn numbers(
        &self,
        keys: &StoreKeys,
        key: &SubscriberKey,
        (first, life): (bool, [u8; LIFE_LEN]),
    ) -> Option<(SqnRecord, Owner)> {
        if self.sqn.first() == Some(&SQN_VERSION_FIRST) && (first || fault!("first-version-accepted")) {
            let inherited = true;
            return Some((decode_sqn(self.sqn).ok()?, Owner { life, inherited }));
        }
        let (coded, code) = self.sqn.split_last_chunk()?;
        let supi = key.octets();
        let len = u16::try_from(supi.len()).unwrap_or(u16::MAX).to_be_bytes();
        let message = [&len[..], supi, self.tag, coded].concat();
        let (flags, coded) = coded.split_last()?;
        let (numbers, named) = coded.split_last_chunk()?;
        let owner = Owner {
            life,
            inherited: flags & FLAG_INHERITED != 0,
        };
        let whole = keys.verify_record(Purpose::Row, &message, code) && *named == life;
        if !whole || self.sqn.len() < TRAILER_LEN {
            return None;
        }
        Some((decode_sqn(numbers).ok()?, owner))
    }
}
