//! A message that nobody believes yet.

use core::fmt;

use kaskade_faults::fault;
use kaskade_keys::eap::AtMacKey;

/// The code of a message is not the one that this key gives: it is changed, or somebody else's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("EAP-AKA: AT_MAC is wrong")]
pub struct WrongMac;

/// A message with AT_MAC, which is not checked yet. It shows what is needed to find the keys, and no more.
#[must_use = "a message is of use when its code is checked"]
pub struct Unverified<'p, T> {
    packet: &'p [u8],
    /// Where the 16 octets of the code begin.
    mac_at: usize,
    content: T,
}

impl<'p, T> Unverified<'p, T> {
    pub(super) fn new(packet: &'p [u8], mac_at: usize, content: T) -> Self {
        Self {
            packet,
            mac_at,
            content,
        }
    }

    /// Checks AT_MAC over the packet with zeros in its place and `behind` after it, in constant time, and gives the message
    /// (RFC 4187 10.15). `behind` is NONCE_S in the answer of a fast re-authentication, and empty elsewhere.
    ///
    /// # Errors
    /// [`WrongMac`]; the message is gone then.
    pub fn verify(self, key: &impl AtMacKey, behind: &[u8]) -> Result<T, WrongMac> {
        let around = self
            .packet
            .split_at_checked(self.mac_at)
            .and_then(|(before, rest)| Some((before, rest.split_first_chunk::<16>()?)));
        let Some((before, (mac, after))) = around else {
            return Err(WrongMac);
        };
        match key.at_mac_is(&[before, &[0; 16], after, behind], mac) || fault!("eap-mac-not-compared") {
            true => Ok(self.content),
            false => Err(WrongMac),
        }
    }

    /// What is in it, for the files that say which of that leads to the keys.
    pub(super) fn before_keys(&self) -> &T {
        &self.content
    }
}

impl<T> fmt::Debug for Unverified<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Unverified({} octets)", self.packet.len())
    }
}
