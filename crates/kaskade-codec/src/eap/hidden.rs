//! AT_IV and AT_ENCR_DATA: attributes within an attribute (RFC 4187 10.12).

use alloc::vec::Vec;
use core::fmt;

use kaskade_keys::eap::KEncr;
use kaskade_keys::id::{EapCounter, EapIdentity, NonceS};
use zeroize::Zeroize;

use super::attribute::AttributeType;
use super::attributes::Attributes;
use super::write::{flag, number, octets_16, text};
use super::{EapError, Subtype};

/// What travels enciphered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hidden {
    /// AT_COUNTER: the number of a fast re-authentication.
    pub counter: Option<EapCounter>,
    /// AT_COUNTER_TOO_SMALL.
    pub counter_too_small: bool,
    /// AT_NONCE_S.
    pub nonce_s: Option<NonceS>,
    /// AT_NEXT_PSEUDONYM: a user name, without realm.
    pub next_pseudonym: Option<EapIdentity>,
    /// AT_NEXT_REAUTH_ID: a whole identity.
    pub next_reauth_id: Option<EapIdentity>,
}

/// What a message needs to carry [`Hidden`]: the key, and an initialisation vector that is random and new for every message.
#[derive(Clone, Copy, Debug)]
pub struct Sealing<'a> {
    /// K_encr.
    pub k_encr: &'a KEncr,
    /// The initialisation vector.
    pub iv: [u8; 16],
}

/// Enciphered attributes of a message whose AT_MAC is checked.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Encrypted<'p> {
    subtype: Subtype,
    iv: &'p [u8; 16],
    data: &'p [u8],
}

impl<'p> Encrypted<'p> {
    /// Both attributes or none.
    pub(super) fn of(subtype: Subtype, attributes: &Attributes<'p>) -> Result<Option<Self>, EapError> {
        let missing = |attribute| Err(EapError::Missing { attribute, subtype });
        match (attributes.iv, attributes.encr_data) {
            (Some(iv), Some(data)) => Ok(Some(Self { subtype, iv, data })),
            (None, None) => Ok(None),
            (Some(_), None) => missing(AttributeType::EncrData),
            (None, Some(_)) => missing(AttributeType::Iv),
        }
    }

    /// Deciphers and reads them. Those that do not belong there are skipped or refused by their number.
    ///
    /// # Errors
    /// [`EapError`], with positions counted from the first deciphered octet.
    pub fn open(&self, k_encr: &KEncr) -> Result<Hidden, EapError> {
        let mut clear = self.data.to_vec();
        let hidden = self.read(k_encr, &mut clear);
        clear.zeroize();
        hidden
    }

    fn read(&self, k_encr: &KEncr, clear: &mut [u8]) -> Result<Hidden, EapError> {
        // Whole blocks by the attribute's form.
        k_encr
            .decipher(self.iv, clear)
            .map_err(|error| EapError::AttributeLength {
                attribute: AttributeType::EncrData,
                position: 0,
                length: error.octets,
            })?;
        use AttributeType as A;
        let allowed = [
            A::Counter,
            A::CounterTooSmall,
            A::NonceS,
            A::NextPseudonym,
            A::NextReauthId,
            A::Padding,
        ];
        let attributes = Attributes::read(self.subtype, &allowed, clear, 0)?;
        let name = |octets: Option<&[u8]>| {
            // A name that cannot be one is as good as none: it is never used.
            octets.and_then(|octets| core::str::from_utf8(octets).ok()?.parse().ok())
        };
        Ok(Hidden {
            counter: attributes.counter.map(EapCounter::new),
            counter_too_small: attributes.counter_too_small,
            nonce_s: attributes.nonce_s.map(NonceS::from_octets),
            next_pseudonym: name(attributes.next_pseudonym),
            next_reauth_id: name(attributes.next_reauth_id),
        })
    }
}

impl fmt::Debug for Encrypted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Encrypted({} octets)", self.data.len())
    }
}

impl Hidden {
    /// Whether there is nothing to hide.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// AT_IV and AT_ENCR_DATA, padded to whole blocks.
    pub(super) fn write(&self, sealing: &Sealing<'_>, message: &mut Vec<u8>) -> Result<(), EapError> {
        use AttributeType as A;
        let mut clear = Vec::new();
        if let Some(counter) = self.counter {
            number(&mut clear, A::Counter, counter.value());
        }
        if self.counter_too_small {
            flag(&mut clear, A::CounterTooSmall);
        }
        if let Some(nonce_s) = &self.nonce_s {
            octets_16(&mut clear, A::NonceS, nonce_s.octets());
        }
        for (attribute, name) in [
            (A::NextPseudonym, &self.next_pseudonym),
            (A::NextReauthId, &self.next_reauth_id),
        ] {
            if let Some(name) = name {
                text(&mut clear, attribute, name.as_str().as_bytes())?;
            }
        }
        let whole = clear.len().next_multiple_of(16);
        let padding = whole.saturating_sub(clear.len());
        if let Ok(words @ 1..) = u8::try_from(padding / 4) {
            clear.extend([A::Padding.number(), words]);
            clear.resize(whole, 0);
        }
        let too_long = EapError::TooLong {
            attribute: A::EncrData,
            length: clear.len(),
        };
        let words = u8::try_from(whole.saturating_add(4) / 4).map_err(|_| too_long)?;
        sealing.k_encr.encipher(&sealing.iv, &mut clear).map_err(|_| too_long)?;
        octets_16(message, A::Iv, &sealing.iv);
        message.extend([A::EncrData.number(), words, 0, 0]);
        message.extend(&clear);
        Ok(())
    }
}
