//! All attributes of one message, each read once.

use alloc::vec::Vec;

use kaskade_crypto::{Autn, Auts, Rand, Res};

use super::attribute::{AttributeType, Value, take};
use super::{EapError, Subtype};

/// What stood in a message, each by its number. Nothing says yet that the message is authentic.
#[derive(Default)]
pub(super) struct Attributes<'p> {
    pub(super) rand: Option<Rand>,
    pub(super) autn: Option<Autn>,
    pub(super) res: Option<Res>,
    pub(super) auts: Option<Auts>,
    pub(super) permanent_id_req: bool,
    pub(super) any_id_req: bool,
    pub(super) fullauth_id_req: bool,
    /// Where the 16 octets of the code begin.
    pub(super) mac_at: Option<usize>,
    pub(super) notification: Option<u16>,
    pub(super) identity: Option<&'p [u8]>,
    pub(super) counter: Option<u16>,
    pub(super) counter_too_small: bool,
    pub(super) nonce_s: Option<[u8; 16]>,
    pub(super) client_error_code: Option<u16>,
    pub(super) kdf_input: Option<&'p [u8]>,
    pub(super) kdf: Vec<u16>,
    pub(super) iv: Option<&'p [u8; 16]>,
    pub(super) encr_data: Option<&'p [u8]>,
    pub(super) next_pseudonym: Option<&'p [u8]>,
    pub(super) next_reauth_id: Option<&'p [u8]>,
    pub(super) checkcode: Option<&'p [u8]>,
    pub(super) result_ind: bool,
    pub(super) bidding: Option<u16>,
    pub(super) pub_ecdhe: Option<&'p [u8]>,
    pub(super) kdf_fs: Vec<u16>,
}

impl<'p> Attributes<'p> {
    /// Reads the attributes in `octets`, of which the first is number `position` of the packet. Those that are not `allowed` in the
    /// message are skipped or refused by their number.
    pub(super) fn read(
        subtype: Subtype,
        allowed: &[AttributeType],
        octets: &'p [u8],
        position: usize,
    ) -> Result<Self, EapError> {
        let mut attributes = Self::default();
        let mut seen: u64 = 0;
        let (mut rest, mut position) = (octets, position);
        while let Some(raw) = take(&mut rest, position)? {
            position = position.saturating_add(raw.len());
            let Some(attribute) = AttributeType::of(raw.number) else {
                match raw.number {
                    0..=127 => {
                        return Err(EapError::Unknown {
                            attribute: raw.number,
                            position: raw.position,
                        });
                    }
                    128..=255 => continue,
                }
            };
            let value = raw.value(attribute)?;
            if !allowed.contains(&attribute) {
                match attribute.is_skippable() {
                    true => continue,
                    false => {
                        return Err(EapError::NotAllowed {
                            attribute,
                            subtype,
                            position: raw.position,
                        });
                    }
                }
            }
            let bit = AttributeType::ALL
                .iter()
                .position(|known| *known == attribute)
                .and_then(|index| 1_u64.checked_shl(u32::try_from(index).ok()?))
                .unwrap_or_default();
            if seen & bit != 0 && !attribute.is_list() {
                return Err(EapError::Duplicate {
                    attribute,
                    position: raw.position,
                });
            }
            seen |= bit;
            if attribute == AttributeType::Padding && !rest.is_empty() {
                return Err(EapError::Padding { position: raw.position });
            }
            attributes.put(attribute, value, raw.position);
        }
        Ok(attributes)
    }

    fn put(&mut self, attribute: AttributeType, value: Value<'p>, position: usize) {
        use AttributeType as A;
        match (attribute, value) {
            (A::Rand, Value::Octets16(octets)) => self.rand = Some(Rand::from_octets(*octets)),
            (A::Autn, Value::Octets16(octets)) => self.autn = Some(Autn::from_octets(*octets)),
            (A::NonceS, Value::Octets16(octets)) => self.nonce_s = Some(*octets),
            (A::Iv, Value::Octets16(octets)) => self.iv = Some(octets),
            (A::Mac, Value::Octets16(_)) => self.mac_at = position.checked_add(4),
            (A::Auts, Value::Octets14(octets)) => self.auts = Some(Auts::from_octets(*octets)),
            (A::Res, Value::Octets(octets)) => self.res = Res::from_slice(octets),
            (A::Identity, Value::Octets(octets)) => self.identity = Some(octets),
            (A::KdfInput, Value::Octets(octets)) => self.kdf_input = Some(octets),
            (A::EncrData, Value::Octets(octets)) => self.encr_data = Some(octets),
            (A::NextPseudonym, Value::Octets(octets)) => self.next_pseudonym = Some(octets),
            (A::NextReauthId, Value::Octets(octets)) => self.next_reauth_id = Some(octets),
            (A::Checkcode, Value::Octets(octets)) => self.checkcode = Some(octets),
            (A::PubEcdhe, Value::Octets(octets)) => self.pub_ecdhe = Some(octets),
            (A::Notification, Value::Number(number)) => self.notification = Some(number),
            (A::Counter, Value::Number(number)) => self.counter = Some(number),
            (A::ClientErrorCode, Value::Number(number)) => self.client_error_code = Some(number),
            (A::Bidding, Value::Number(number)) => self.bidding = Some(number),
            (A::Kdf, Value::Number(number)) => self.kdf.push(number),
            (A::KdfFs, Value::Number(number)) => self.kdf_fs.push(number),
            (A::PermanentIdReq, Value::Flag) => self.permanent_id_req = true,
            (A::AnyIdReq, Value::Flag) => self.any_id_req = true,
            (A::FullauthIdReq, Value::Flag) => self.fullauth_id_req = true,
            (A::CounterTooSmall, Value::Flag) => self.counter_too_small = true,
            (A::ResultInd, Value::Flag) => self.result_ind = true,
            // Padding says nothing; any other pair cannot be, as the value is of the attribute's shape.
            _ => {}
        }
    }
}

/// The value, or that it is missing.
pub(super) fn need<T>(value: Option<T>, attribute: AttributeType, subtype: Subtype) -> Result<T, EapError> {
    value.ok_or(EapError::Missing { attribute, subtype })
}
