//! A packet in the making.

use alloc::vec::Vec;

use kaskade_crypto::radius::AUTHENTICATOR;
use zeroize::Zeroizing;

use super::error::NoRoom;
use super::{AttributeType, Code, HEADER, PACKET_AT_MOST, VALUE_AT_MOST};

/// Where the code of a packet stands: in its first attribute.
pub(super) const CODE_AT: usize = HEADER + 2;
const CODE_END: usize = CODE_AT + AUTHENTICATOR;

/// A packet whose first attribute is a `Message-Authenticator` of zeros.
pub(super) struct Writer {
    octets: Zeroizing<Vec<u8>>,
}

impl Writer {
    pub(super) fn new(code: Code) -> Self {
        // Most fit into it, so that no copy of what is written stays behind in a buffer that was too small.
        let mut octets = Zeroizing::new(Vec::with_capacity(1024));
        octets.extend_from_slice(&[code.number(), 0, 0, 0]);
        octets.extend_from_slice(&[0; AUTHENTICATOR]);
        octets.extend_from_slice(&[AttributeType::MessageAuthenticator.number(), 18]);
        octets.extend_from_slice(&[0; AUTHENTICATOR]);
        Self { octets }
    }

    /// Appends an attribute whose value consists of these parts.
    pub(super) fn parts(&mut self, attribute: AttributeType, parts: &[&[u8]]) -> Result<(), NoRoom> {
        let actual = parts.iter().fold(0_usize, |sum, part| sum.saturating_add(part.len()));
        let none = NoRoom { attribute, actual };
        let (least, most) = attribute.lengths();
        let length = u8::try_from(actual.saturating_add(2)).map_err(|_| none)?;
        let fits = self.octets.len().saturating_add(usize::from(length)) <= PACKET_AT_MOST;
        if !fits || !(least..=most).contains(&actual) {
            return Err(none);
        }
        self.reserve(usize::from(length));
        self.octets.extend_from_slice(&[attribute.number(), length]);
        parts.iter().for_each(|part| self.octets.extend_from_slice(part));
        Ok(())
    }

    /// Appends an attribute.
    pub(super) fn attribute(&mut self, attribute: AttributeType, value: &[u8]) -> Result<(), NoRoom> {
        self.parts(attribute, &[value])
    }

    /// Appends an EAP packet in as many attributes as it needs; nothing is one that is empty (RFC 3579 3.1, 2.1).
    pub(super) fn eap(&mut self, eap: &[u8]) -> Result<(), NoRoom> {
        if eap.is_empty() {
            return self.attribute(AttributeType::EapMessage, eap);
        }
        eap.chunks(VALUE_AT_MOST)
            .try_for_each(|part| self.attribute(AttributeType::EapMessage, part))
    }

    /// Makes room; what lay in a smaller buffer is wiped.
    fn reserve(&mut self, more: usize) {
        let needed = self.octets.len().saturating_add(more);
        if needed > self.octets.capacity() {
            let mut larger = Zeroizing::new(Vec::with_capacity(PACKET_AT_MOST));
            larger.extend_from_slice(&self.octets);
            self.octets = larger;
        }
    }

    /// Writes identifier, length and authenticator into the header, and what `code` makes of that into the first attribute.
    pub(super) fn seal(
        mut self,
        identifier: u8,
        authenticator: &[u8; AUTHENTICATOR],
        code: impl FnOnce(&[u8]) -> [u8; AUTHENTICATOR],
    ) -> Zeroizing<Vec<u8>> {
        let [high, low] = u16::try_from(self.octets.len()).unwrap_or(u16::MAX).to_be_bytes();
        if let Some([_, id, length_high, length_low, of_header @ ..]) = self.octets.first_chunk_mut::<HEADER>() {
            (*id, *length_high, *length_low) = (identifier, high, low);
            *of_header = *authenticator;
        }
        let code = code(&self.octets);
        if let Some(place) = self.octets.get_mut(CODE_AT..CODE_END) {
            place.copy_from_slice(&code);
        }
        self.octets
    }
}
