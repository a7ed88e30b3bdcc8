//! The answer of a server.

use alloc::vec::Vec;

use kaskade_crypto::radius::SharedSecret;
use kaskade_faults::fault;
use kaskade_keys::eap::Msk;
use kaskade_keys::emsk::RMsk;
use zeroize::Zeroizing;

use super::error::NoRoom;
use super::mppe::{self, Salts};
use super::writer::Writer;
use super::{AttributeType as A, Code, HEADER, Packet};

/// An Access-Accept, Access-Reject or Access-Challenge in the making: its `Message-Authenticator` comes first, the `Proxy-State`s of
/// the request last (RFC 2865 4.2 to 4.4).
pub struct AnswerWriter {
    writer: Writer,
}

impl AnswerWriter {
    /// Begins one.
    pub fn new(code: Code) -> Self {
        Self {
            writer: Writer::new(code),
        }
    }

    /// The EAP packet: a request in a challenge, EAP-Success in an accept, EAP-Failure in a reject (RFC 3579 2.6.3).
    ///
    /// # Errors
    /// [`NoRoom`].
    pub fn eap(&mut self, eap: &[u8]) -> Result<(), NoRoom> {
        self.writer.eap(eap)
    }

    /// An attribute that is none of those which have a method of their own.
    ///
    /// # Errors
    /// [`NoRoom`].
    pub fn attribute(&mut self, attribute: A, value: &[u8]) -> Result<(), NoRoom> {
        self.writer.attribute(attribute, value)
    }

    /// An attribute of four octets.
    ///
    /// # Errors
    /// [`NoRoom`].
    pub fn number(&mut self, attribute: A, value: u32) -> Result<(), NoRoom> {
        self.writer.attribute(attribute, &value.to_be_bytes())
    }

    /// The MSK for the gateway, hidden under the secret and the authenticator of the request.
    ///
    /// # Errors
    /// [`NoRoom`].
    pub fn msk(&mut self, msk: &Msk, request: &Packet<'_>, secret: &SharedSecret, salts: Salts) -> Result<(), NoRoom> {
        mppe::write(
            &mut self.writer,
            msk.expose_to_authenticator(),
            secret,
            request.authenticator(),
            salts,
        )
    }

    /// The rMSK of a re-authentication by ERP in the place of the MSK (RFC 6696 5.3.3).
    ///
    /// # Errors
    /// [`NoRoom`].
    pub fn r_msk(
        &mut self,
        r_msk: &RMsk,
        request: &Packet<'_>,
        secret: &SharedSecret,
        salts: Salts,
    ) -> Result<(), NoRoom> {
        let exposed = r_msk.expose_to_authenticator();
        mppe::write(&mut self.writer, exposed, secret, request.authenticator(), salts)
    }

    /// Copies the `Proxy-State`s, and binds the answer to its request.
    ///
    /// # Errors
    /// [`NoRoom`] for a `Proxy-State`.
    pub fn finish(mut self, request: &Packet<'_>, secret: &SharedSecret) -> Result<Zeroizing<Vec<u8>>, NoRoom> {
        for state in request.all(A::ProxyState).filter(|_| !fault!("proxy-state-lost")) {
            self.writer.attribute(A::ProxyState, state.value)?;
        }
        let of_request = request.authenticator();
        let code = |packet: &[u8]| secret.message_authenticator(&[packet]);
        let mut octets = self.writer.seal(request.identifier(), of_request, code);
        let bound = secret.response_authenticator(&[&octets]);
        if let Some([_, _, _, _, authenticator @ ..]) = octets.first_chunk_mut::<HEADER>() {
            *authenticator = bound;
        }
        Ok(octets)
    }
}
