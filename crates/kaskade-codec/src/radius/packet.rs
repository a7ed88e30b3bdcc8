//! A datagram or a part of a stream as a packet, and whether it is to be believed.

use alloc::borrow::Cow;
use alloc::vec::Vec;

use kaskade_crypto::radius::{AUTHENTICATOR, SharedSecret};
use kaskade_faults::fault;

use super::attribute::{Attribute, Attributes};
use super::error::{NotAuthentic, RadiusError};
use super::{AttributeType, Code, HEADER, PACKET_AT_MOST};

/// Where the authenticator of a header begins.
const AUTHENTICATOR_AT: usize = 4;
const NO_CODE: [u8; AUTHENTICATOR] = [0; AUTHENTICATOR];

/// A packet: all its attributes fit into it, and what is known here has the lengths that it may have.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Packet<'p> {
    /// As many as its length says.
    octets: &'p [u8],
    authenticator: &'p [u8; AUTHENTICATOR],
    attributes: &'p [u8],
}

impl<'p> Packet<'p> {
    /// How many octets a packet has of which these are the first four: for those who read a stream.
    ///
    /// # Errors
    /// [`RadiusError::Length`].
    pub fn stated_length(beginning: [u8; 4]) -> Result<usize, RadiusError> {
        let [_, _, high, low] = beginning;
        let said = usize::from(u16::from_be_bytes([high, low]));
        match (HEADER..=PACKET_AT_MOST).contains(&said) {
            true => Ok(said),
            false => Err(RadiusError::Length { said }),
        }
    }

    /// Reads a datagram. Octets behind the packet are padding (RFC 2865 3).
    ///
    /// # Errors
    /// [`RadiusError`] for a length that does not fit, and for the first attribute that does not.
    pub fn parse(datagram: &'p [u8]) -> Result<Self, RadiusError> {
        let actual = datagram.len();
        let beginning = datagram.first_chunk::<4>().ok_or(RadiusError::NoHeader { actual })?;
        if actual < HEADER {
            return Err(RadiusError::NoHeader { actual });
        }
        let said = Self::stated_length(*beginning)?;
        let octets = datagram.get(..said).ok_or(RadiusError::Truncated { said, actual })?;
        let (header, attributes) = octets
            .split_first_chunk::<HEADER>()
            .ok_or(RadiusError::NoHeader { actual })?;
        let authenticator = header.last_chunk().ok_or(RadiusError::NoHeader { actual })?;
        let packet = Self {
            octets,
            authenticator,
            attributes,
        };
        let mut all = packet.attributes();
        while all.checked()?.is_some() {}
        Ok(packet)
    }

    /// What it is, if that is known here.
    pub fn code(&self) -> Option<Code> {
        Code::of(self.code_number())
    }

    /// The number of what it is.
    pub fn code_number(&self) -> u8 {
        self.octets.first().copied().unwrap_or_default()
    }

    /// By what an answer is found to its request.
    pub fn identifier(&self) -> u8 {
        self.octets.get(1).copied().unwrap_or_default()
    }

    /// The authenticator of its header.
    pub const fn authenticator(&self) -> &'p [u8; AUTHENTICATOR] {
        self.authenticator
    }

    /// All of it.
    pub const fn octets(&self) -> &'p [u8] {
        self.octets
    }

    /// Its attributes, in their order.
    pub const fn attributes(&self) -> Attributes<'p> {
        Attributes::behind_header(self.attributes)
    }

    /// The attributes of one kind, in their order.
    pub fn all(&self, attribute: AttributeType) -> impl Iterator<Item = Attribute<'p>> + use<'p> {
        self.attributes()
            .filter(move |other| other.number == attribute.number())
    }

    /// The value of an attribute that a packet has once, if it is there.
    ///
    /// # Errors
    /// [`RadiusError::Repeated`].
    pub fn once(&self, attribute: AttributeType) -> Result<Option<&'p [u8]>, RadiusError> {
        let mut all = self.all(attribute);
        let first = all.next();
        match all.next() {
            Some(Attribute { position, .. }) => Err(RadiusError::Repeated { attribute, position }),
            None => Ok(first.map(|attribute| attribute.value)),
        }
    }

    /// The number in an attribute of four octets that a packet has once, if it is there.
    ///
    /// # Errors
    /// [`RadiusError::Repeated`].
    pub fn number(&self, attribute: AttributeType) -> Result<Option<u32>, RadiusError> {
        let value = self.once(attribute)?;
        Ok(value
            .and_then(|value| value.first_chunk())
            .map(|value| u32::from_be_bytes(*value)))
    }

    /// The EAP packet: its parts put together (RFC 3579 3.1). `Some` of nothing starts EAP; `None`: there is no EAP here.
    ///
    /// # Errors
    /// [`RadiusError::Apart`], [`RadiusError::EmptyPart`].
    pub fn eap(&self) -> Result<Option<Cow<'p, [u8]>>, RadiusError> {
        let mut parts = self.all(AttributeType::EapMessage).peekable();
        let Some(first) = parts.next() else { return Ok(None) };
        if parts.peek().is_none() {
            return Ok(Some(Cow::Borrowed(first.value)));
        }
        let mut eap = Vec::with_capacity(self.attributes.len());
        let mut expected = first.position;
        for part in core::iter::once(first).chain(parts) {
            let position = part.position;
            if position != expected {
                return Err(RadiusError::Apart { position });
            }
            if part.value.is_empty() {
                return Err(RadiusError::EmptyPart { position });
            }
            eap.extend_from_slice(part.value);
            expected = part.value_position().saturating_add(part.value.len());
        }
        Ok(Some(Cow::Owned(eap)))
    }

    /// Believes a request, if its one `Message-Authenticator` is right (RFC 3579 3.2).
    ///
    /// # Errors
    /// [`NotAuthentic`].
    pub fn authenticate_request(&self, secret: &SharedSecret) -> Result<(), NotAuthentic> {
        self.authenticate(secret, self.authenticator)
    }

    /// Believes an answer to the request with this authenticator: its Response Authenticator and its one `Message-Authenticator` are
    /// right (RFC 2865 3, RFC 3579 3.2).
    ///
    /// # Errors
    /// [`NotAuthentic`].
    pub fn authenticate_answer(
        &self,
        secret: &SharedSecret,
        request_authenticator: &[u8; AUTHENTICATOR],
    ) -> Result<(), NotAuthentic> {
        self.authenticate(secret, request_authenticator)?;
        let beginning = self.octets.get(..AUTHENTICATOR_AT).unwrap_or_default();
        let bound = [beginning, &request_authenticator[..], self.attributes];
        match secret.is_response_authenticator(self.authenticator, &bound) {
            true => Ok(()),
            false => Err(NotAuthentic::Response),
        }
    }

    /// Looks at the code of a packet in whose header this authenticator stood when it was made.
    fn authenticate(&self, secret: &SharedSecret, authenticator: &[u8; AUTHENTICATOR]) -> Result<(), NotAuthentic> {
        let mut codes = self.all(AttributeType::MessageAuthenticator);
        let Some(code) = codes.next() else {
            return match fault!("message-authenticator-not-demanded") {
                true => Ok(()),
                false => Err(NotAuthentic::Missing),
            };
        };
        if codes.next().is_some() {
            return Err(NotAuthentic::Repeated);
        }
        let at = code.value_position();
        let code = code.value.first_chunk().ok_or(NotAuthentic::Wrong)?;
        let part = |from: usize, to: usize| self.octets.get(from..to).unwrap_or_default();
        let made = [
            part(0, AUTHENTICATOR_AT),
            authenticator,
            part(HEADER, at),
            &NO_CODE,
            part(at.saturating_add(AUTHENTICATOR), self.octets.len()),
        ];
        match secret.is_message_authenticator(code, &made) || fault!("message-authenticator-not-checked") {
            true => Ok(()),
            false => Err(NotAuthentic::Wrong),
        }
    }
}

/// What it is, without values, which may be identities.
impl core::fmt::Debug for Packet<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let numbers: Vec<u8> = self.attributes().map(|attribute| attribute.number).collect();
        f.debug_struct("Packet")
            .field("code", &self.code_number())
            .field("identifier", &self.identifier())
            .field("attributes", &numbers)
            .finish()
    }
}
