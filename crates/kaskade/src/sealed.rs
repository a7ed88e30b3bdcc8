//! Sealing of what is not in the subscriber store: home network keys, and exported subscribers.
//!
//! ```text
//! master key ── HMAC-SHA-256("kaskade seal 1 " ‖ purpose) ── AES-256-GCM key
//! sealed = nonce 12 ‖ ciphertext ‖ tag 16
//! ```
//!
//! What is in clear beside it is associated data, so that a sealed key moved to another name does not open.

use anyhow::{Result, anyhow};
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::hmac;
use kaskade_store::MasterKey;
use zeroize::Zeroizing;

/// A key for one purpose.
pub(crate) struct Sealing(LessSafeKey);

impl Sealing {
    /// For a purpose: what is sealed for one does not open for another.
    pub(crate) fn new(master: &MasterKey, purpose: &str) -> Result<Self> {
        let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, master.expose_to_seal()));
        context.update(b"kaskade seal 1 ");
        context.update(purpose.as_bytes());
        let key = UnboundKey::new(&AES_256_GCM, context.sign().as_ref()).map_err(|_| anyhow!("the sealing key"))?;
        Ok(Self(LessSafeKey::new(key)))
    }

    /// Seals octets. Nonces are random: fine for far more than anybody seals by hand.
    pub(crate) fn seal(&self, associated: &[u8], clear: &[u8]) -> Result<Vec<u8>> {
        let mut nonce = [0; NONCE_LEN];
        getrandom::fill(&mut nonce).map_err(|error| anyhow!("no random numbers: {error}"))?;
        let mut sealed = Vec::with_capacity(NONCE_LEN + clear.len() + AES_256_GCM.tag_len());
        sealed.extend(nonce);
        let mut rest = Zeroizing::new(Vec::with_capacity(clear.len() + AES_256_GCM.tag_len()));
        rest.extend(clear);
        self.0
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(associated), &mut *rest)
            .map_err(|_| anyhow!("sealing failed"))?;
        sealed.extend(&rest[..]);
        Ok(sealed)
    }

    /// Opens what [`Sealing::seal`] gave; `None` when it was changed, moved, or sealed with another master key.
    pub(crate) fn open(&self, associated: &[u8], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (nonce, rest) = sealed.split_first_chunk::<NONCE_LEN>()?;
        let mut clear = Zeroizing::new(rest.to_vec());
        let length = self
            .0
            .open_in_place(Nonce::assume_unique_for_key(*nonce), Aad::from(associated), &mut clear)
            .ok()?
            .len();
        clear.truncate(length);
        Some(clear)
    }
}
