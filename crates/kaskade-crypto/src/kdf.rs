//! The generic key derivation function of 3GPP, HMAC-SHA-256 and SHA-256 (TS 33.220 Annex B).
//!
//! ```text
//! derived key = HMAC-SHA-256(Key, S)      S = FC ‖ P0 ‖ L0 ‖ P1 ‖ L1 ‖ … ‖ Pn ‖ Ln
//! ```
//!
//! Every parameter is followed by its length: two octets, most significant first. The HMAC works on SHA-256's compression
//! function itself, so that a key which feeds several derivations has its two pads compressed once:
//!
//! | Work | Compressions |
//! |---|---|
//! | [`HmacKey::new`], [`HmacKey::from_two`] with at most 64 octets | 2 |
//! | one derivation with S of at most 55 octets | 2 |
//! | one derivation with S of 56 to 119 octets | 3 |
//! | [`sha256_one_block`] | 1 |
//!
//! [`batch`] does the same for many keys at once.
//!
//! ```
//! use kaskade_crypto::kdf::{Fc, HmacKey};
//!
//! // K_SEAF from a K_AUSF (TS 33.501 A.6).
//! let k_ausf = HmacKey::new(&[0x11; 32]);
//! let k_seaf = k_ausf.kdf(Fc::new(0x6c)).parameter(b"5G:mnc001.mcc001.3gppnetwork.org").finish();
//! assert_eq!(k_seaf.all().len(), 32);
//! ```

pub mod batch;
mod fips_186_2;
mod hmac_sha1;
mod prf;
mod running;
pub(crate) mod sha256;

use subtle::{Choice, ConstantTimeEq};
use zeroize::optimization_barrier;

pub use fips_186_2::{fips_186_2_prf, sha1};
pub use hmac_sha1::hmac_sha1;
pub use prf::TooManyOctets;
pub use running::{RunningSha1, RunningSha256};
use sha256::{BLOCK, Sha256, compress, initial_state, octets};
pub use sha256::{sha256, sha256_one_block};

use crate::wipe::wipe;

/// FC: the function code that tells apart the derivations from one key (TS 33.220 B.2.2).
///
/// One octet, or the two octets 0xFF ‖ FC2 of the extension space.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fc {
    octets: [u8; 2],
    extended: bool,
}

impl Fc {
    /// The one-octet form, for constants.
    ///
    /// # Panics
    ///
    /// When `fc` is 0xFF, which announces the two-octet form. In a constant that is a compile error; for a value from
    /// outside take [`Fc::try_new`].
    pub const fn new(fc: u8) -> Self {
        assert!(fc != 0xff, "FC 0xFF announces the two-octet form: Fc::extended");
        Self {
            octets: [fc, 0],
            extended: false,
        }
    }

    /// The one-octet form; `None` for 0xFF.
    pub const fn try_new(fc: u8) -> Option<Self> {
        if fc == 0xff { None } else { Some(Self::new(fc)) }
    }

    /// The two-octet form 0xFF ‖ `fc2`.
    pub const fn extended(fc2: u8) -> Self {
        Self {
            octets: [0xff, fc2],
            extended: true,
        }
    }

    /// The octets that S starts with: one or two.
    #[inline(always)]
    pub const fn octets(&self) -> &[u8] {
        let [first, _] = &self.octets;
        if self.extended {
            &self.octets
        } else {
            core::slice::from_ref(first)
        }
    }
}

/// As the specifications write it: `0x6A`, or `0xFF01` for the two-octet form.
impl core::fmt::Display for Fc {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let [first, second] = self.octets;
        if self.extended {
            write!(f, "0x{first:02X}{second:02X}")
        } else {
            write!(f, "0x{first:02X}")
        }
    }
}

/// An S that the specification cannot express.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("KDF input: a parameter has more than 65535 octets, which its two-octet length cannot say")]
pub struct ParameterTooLong;

/// HMAC-SHA-256 key with both pads absorbed (2 compressions), wiped on drop (RFC 2104).
#[derive(Clone)]
pub struct HmacKey {
    inner: [u32; 8],
    outer: [u32; 8],
}

impl HmacKey {
    /// Takes a key of any length; more than 64 octets are hashed first.
    #[inline]
    pub fn new(key: &[u8]) -> Self {
        Self::from_two(key, &[])
    }

    /// Takes the key `a` ‖ `b` (CK ‖ IK) without putting it together anywhere else.
    #[inline]
    pub fn from_two(a: &[u8], b: &[u8]) -> Self {
        let mut block = [0; BLOCK];
        put_key(&mut block, a, b);
        let mut key = Self {
            inner: initial_state(),
            outer: initial_state(),
        };
        for (state, pad) in [(&mut key.inner, 0x36), (&mut key.outer, 0x5c)] {
            let mut padded = block.map(|octet| octet ^ pad);
            compress(state, &padded);
            wipe(&mut padded);
        }
        wipe(&mut block);
        key
    }

    /// Starts a derivation: S = FC.
    #[inline(always)]
    pub fn kdf(&self, fc: Fc) -> KdfInput<'_> {
        let mut input = KdfInput {
            key: self,
            s: Sha256::resume(&self.inner),
            too_long: false,
        };
        input.s.absorb(fc.octets());
        input
    }

    /// The whole derivation: `parameters` adds the parameters to an S that starts with `fc`.
    ///
    /// Gives what the chain from [`HmacKey::kdf`] to [`KdfInput::finish`] gives, without moving S after each parameter:
    /// a sixth less time.
    ///
    /// ```
    /// # use kaskade_crypto::kdf::{Fc, HmacKey};
    /// let k_amf = HmacKey::new(&[0x22; 32]);
    /// let k_nas_enc = k_amf.derive(Fc::new(0x69), |s| {
    ///     s.push(&[0x01]).push(&[0x02]);
    /// });
    /// assert_eq!(k_nas_enc, k_amf.kdf(Fc::new(0x69)).parameter(&[0x01]).parameter(&[0x02]).finish());
    /// ```
    #[inline(always)]
    pub fn derive(&self, fc: Fc, parameters: impl FnOnce(&mut KdfInput<'_>)) -> KdfOutput {
        let mut input = KdfInput {
            key: self,
            s: Sha256::resume(&self.inner),
            too_long: false,
        };
        input.s.absorb(fc.octets());
        parameters(&mut input);
        input.output()
    }

    /// Plain HMAC-SHA-256 of `message`, of any length.
    #[inline]
    pub fn mac(&self, message: &[u8]) -> Secret32 {
        self.mac_parts(&[message])
    }

    /// Plain HMAC-SHA-256 of the parts, one after the other.
    #[inline]
    pub fn mac_parts(&self, parts: &[&[u8]]) -> Secret32 {
        let mut message = Sha256::resume(&self.inner);
        for part in parts {
            message.absorb(part);
        }
        message.finish_hmac(&self.outer)
    }

    /// A message under this key, in the making.
    #[inline]
    fn message(&self) -> Sha256 {
        Sha256::resume(&self.inner)
    }
}

impl HmacKey {
    /// An output that no message has.
    #[cold]
    fn outside(&self, inner: &[u32; 8]) -> KdfOutput {
        let mut complement = inner.map(|word| !word);
        let output = outer_hash(&self.outer, &complement);
        wipe(&mut complement);
        output
    }
}

/// Puts the key `a` ‖ `b` of an HMAC into a block of zeros; more than 64 octets are hashed first (RFC 2104).
#[inline]
fn put_key(block: &mut [u8; BLOCK], a: &[u8], b: &[u8]) {
    if a.len().saturating_add(b.len()) > BLOCK {
        let mut hashed = sha256(&[a, b]);
        block[..hashed.len()].copy_from_slice(&hashed);
        wipe(&mut hashed);
    } else if let Some((head, tail)) = block.split_at_mut_checked(a.len()) {
        head.copy_from_slice(a);
        if let Some(tail) = tail.get_mut(..b.len()) {
            tail.copy_from_slice(b);
        }
    }
}

/// The hash of the inner hash, from the state after the outer pad: one compression, since it fits one block with its
/// padding.
#[inline(always)]
fn outer_hash(state: &[u32; 8], inner: &[u32; 8]) -> KdfOutput {
    let mut block = OUTER_PADDING;
    for (octets, word) in block.as_chunks_mut().0.iter_mut().zip(inner) {
        *octets = word.to_be_bytes();
    }
    let mut state = *state;
    compress(&mut state, &block);
    let output = KdfOutput(octets(&state));
    wipe(&mut block);
    wipe(&mut state);
    output
}

/// What stands behind the inner hash in the last block of the outer: 64 octets of pad and 32 of hash are 768 bits.
const OUTER_PADDING: [u8; BLOCK] = {
    let mut block = [0; BLOCK];
    block[32] = 0x80;
    block[62] = 0x03;
    block
};

impl Drop for HmacKey {
    #[inline]
    fn drop(&mut self) {
        self.inner = [0; 8];
        self.outer = [0; 8];
        optimization_barrier(self);
    }
}

impl zeroize::ZeroizeOnDrop for HmacKey {}

impl core::fmt::Debug for HmacKey {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("HmacKey(…)")
    }
}

/// S in the making: each parameter's octets, then their length.
///
/// Nothing is collected: the octets go straight into the hash, through one block of 64 octets that is wiped on drop.
#[must_use = "a derivation gives its key when it is finished"]
pub struct KdfInput<'k> {
    key: &'k HmacKey,
    s: Sha256,
    too_long: bool,
}

impl KdfInput<'_> {
    /// Adds Pi ‖ Li. `octets` may be empty; at most 65535 (see [`KdfInput::finish`]).
    #[inline(always)]
    pub fn push(&mut self, octets: &[u8]) -> &mut Self {
        self.s.absorb(octets);
        self.length(octets.len())
    }

    /// Adds one Pi made of several pieces, and its Li. At most 65535 octets together.
    #[inline(always)]
    pub fn push_parts(&mut self, parts: &[&[u8]]) -> &mut Self {
        let mut length = 0_usize;
        for part in parts {
            self.s.absorb(part);
            length = length.saturating_add(part.len());
        }
        self.length(length)
    }

    /// [`KdfInput::push`], chaining.
    #[inline(always)]
    pub fn parameter(mut self, octets: &[u8]) -> Self {
        self.push(octets);
        self
    }

    /// [`KdfInput::push_parts`], chaining.
    #[inline(always)]
    pub fn parameter_parts(mut self, parts: &[&[u8]]) -> Self {
        self.push_parts(parts);
        self
    }

    /// The 32 octets, most significant first.
    ///
    /// Parameters are bounded where they are parsed, so one of more than 65535 octets does not come here. If it does, the
    /// derivation fails closed: the output is taken outside the range of the KDF (over the complement of the inner hash),
    /// so that it equals no key that a peer derives. Where the bound is not known, take [`KdfInput::try_finish`].
    #[inline(always)]
    pub fn finish(mut self) -> KdfOutput {
        self.output()
    }

    /// The 32 octets, or an error for a parameter of more than 65535 octets.
    #[inline]
    pub fn try_finish(self) -> Result<KdfOutput, ParameterTooLong> {
        if self.too_long {
            Err(ParameterTooLong)
        } else {
            Ok(self.finish())
        }
    }

    #[inline(always)]
    fn output(&mut self) -> KdfOutput {
        if self.too_long {
            return self.key.outside(self.s.finish());
        }
        self.s.finish_hmac(&self.key.outer)
    }

    #[inline(always)]
    fn length(&mut self, length: usize) -> &mut Self {
        match u16::try_from(length) {
            Ok(length) => self.s.absorb(&length.to_be_bytes()),
            Err(_) => self.too_long = true,
        }
        self
    }
}

/// 32 octets out of HMAC-SHA-256, wiped on drop; a key of the cascade keeps all of them or one half.
#[derive(Clone)]
pub struct KdfOutput([u8; 32]);

/// A plain HMAC-SHA-256, outside any 3GPP key derivation.
pub type Secret32 = KdfOutput;

impl KdfOutput {
    /// All 32 octets.
    #[inline(always)]
    pub fn all(&self) -> &[u8; 32] {
        &self.0
    }

    /// The 128 most significant bits: octets 0..15.
    #[inline(always)]
    pub fn high_128(&self) -> &[u8; 16] {
        let (halves, _) = self.0.as_chunks();
        &halves[0]
    }

    /// The 64 most significant bits: octets 0..7.
    #[inline(always)]
    pub fn high_64(&self) -> &[u8; 8] {
        let (quarters, _) = self.0.as_chunks();
        &quarters[0]
    }

    /// The 128 least significant bits: octets 16..31.
    #[inline(always)]
    pub fn low_128(&self) -> &[u8; 16] {
        let (halves, _) = self.0.as_chunks();
        &halves[1]
    }
}

impl ConstantTimeEq for KdfOutput {
    fn ct_eq(&self, other: &Self) -> Choice {
        self.0[..].ct_eq(&other.0[..])
    }
}

/// In constant time.
impl PartialEq for KdfOutput {
    fn eq(&self, other: &Self) -> bool {
        self.ct_eq(other).into()
    }
}

impl Eq for KdfOutput {}

impl core::fmt::Debug for KdfOutput {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("KdfOutput(…)")
    }
}

impl Drop for KdfOutput {
    #[inline]
    fn drop(&mut self) {
        wipe(&mut self.0);
    }
}

impl zeroize::ZeroizeOnDrop for KdfOutput {}
