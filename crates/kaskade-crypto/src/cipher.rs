//! What all ciphers and message authentication codes of radio and NAS share: keys, inputs, jobs of a batch, back ends.
//!
//! Each algorithm is a type that is made from a key ([`Key128`], [`Key256`]) and then used for any number of messages:
//! `apply` ciphers or deciphers in place (the two are the same), `mac` and `verify` protect integrity, `apply_batch` and
//! `mac_batch` do many messages at once. Lengths are in octets; the `_bits` forms take a length in bits, where the
//! specification has one.
//!
//! What is not here: UEA1 and UIA1 of UMTS, which need KASUMI (TS 35.201, 35.202), and A5 and GEA of GSM and GPRS. No
//! maintained Rust crate with a free licence has KASUMI, and EPS and 5GS, which this crate protects, use none of these.
//! What their keys come from is here: CK, IK, and Kc and Kc128 of [`gsm`](crate::gsm).

mod any;
pub(crate) mod engine;
pub mod null;

pub use any::{Nea, Nia};

use subtle::{Choice, ConstantTimeEq};

use crate::secret_octets;

secret_octets! {
    /// The key of a 128-bit algorithm: K_NASenc, K_RRCint and their like under the cipher's view. 16 octets.
    pub struct Key128(16) = "KEY-128" {}

    /// The key of a 256-bit algorithm. 32 octets.
    pub struct Key256(32) = "KEY-256" {}
}

/// DIRECTION: which way a message goes. One bit (TS 33.501 D.2.1.1, TS 33.401 B.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// From the UE: 0.
    Uplink,
    /// To the UE: 1.
    Downlink,
}

impl Direction {
    /// The bit.
    pub const fn bit(self) -> u8 {
        match self {
            Self::Uplink => 0,
            Self::Downlink => 1,
        }
    }
}

/// BEARER: the bearer identity, 5 bits (TS 33.501 D.2.1.1, TS 33.401 B.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Bearer(u8);

impl Bearer {
    /// Takes 0 to 31; `None` for any other number.
    pub const fn new(value: u8) -> Option<Self> {
        if value < 32 { Some(Self(value)) } else { None }
    }

    /// The number.
    pub const fn value(self) -> u8 {
        self.0
    }
}

/// What makes the protection of one message its own: COUNT, BEARER, DIRECTION (TS 33.501 D.2.1.1 and D.3.1.1).
///
/// Never use one for two messages under one key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct MessageInput {
    /// COUNT: 32 bits.
    pub count: u32,
    /// BEARER: 5 bits.
    pub bearer: Bearer,
    /// DIRECTION: 1 bit.
    pub direction: Direction,
}

/// A message authentication code of 32 bits: MAC-I, NAS-MAC. Compared in constant time.
#[derive(Clone, Copy, Debug)]
pub struct Mac32([u8; 4]);

impl Mac32 {
    /// As it travels.
    pub const fn from_octets(octets: [u8; 4]) -> Self {
        Self(octets)
    }

    /// As it travels.
    pub const fn octets(&self) -> &[u8; 4] {
        &self.0
    }
}

impl ConstantTimeEq for Mac32 {
    fn ct_eq(&self, other: &Self) -> Choice {
        self.0[..].ct_eq(&other.0[..])
    }
}

/// In constant time.
impl PartialEq for Mac32 {
    fn eq(&self, other: &Self) -> bool {
        self.ct_eq(other).into()
    }
}

impl Eq for Mac32 {}

/// The message is not what was protected. Does not say how far the codes agree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the message authentication code does not match")]
pub struct MacMismatch;

/// A length in bits that goes beyond the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{bits} bits asked for, but the message has {octets} octets")]
pub struct BitsBeyondMessage {
    /// Bits asked for.
    pub bits: usize,
    /// Octets there are.
    pub octets: usize,
}

impl Mac32 {
    /// Whether it is the code received, in constant time.
    pub(crate) fn check(&self, received: &Self) -> Result<(), MacMismatch> {
        if self == received { Ok(()) } else { Err(MacMismatch) }
    }
}

/// Ciphers the first `bits` by `apply`, which is given the octets that hold them; the bits behind them become 0.
pub(crate) fn apply_bits(
    message: &mut [u8],
    bits: usize,
    apply: impl FnOnce(&mut [u8]),
) -> Result<(), BitsBeyondMessage> {
    check_bits(bits, message.len())?;
    let (message, _) = message.split_at_mut(bits.div_ceil(8));
    apply(message);
    if let (Some(last), behind @ 1..) = (message.last_mut(), bits % 8) {
        *last &= !(0xff >> behind);
    }
    Ok(())
}

/// Checks that `octets` hold `bits`.
pub(crate) const fn check_bits(bits: usize, octets: usize) -> Result<(), BitsBeyondMessage> {
    if bits.div_ceil(8) > octets {
        Err(BitsBeyondMessage { bits, octets })
    } else {
        Ok(())
    }
}

/// One message of a batch to cipher or decipher in place.
#[derive(Debug)]
pub struct CipherJob<'a, A> {
    /// The algorithm with its key.
    pub cipher: &'a A,
    /// COUNT, BEARER, DIRECTION.
    pub input: MessageInput,
    /// The message.
    pub message: &'a mut [u8],
}

/// One message of a batch to authenticate; the batch writes `mac`.
#[derive(Debug)]
pub struct MacJob<'a, A> {
    /// The algorithm with its key.
    pub algorithm: &'a A,
    /// COUNT, BEARER, DIRECTION.
    pub input: MessageInput,
    /// The message.
    pub message: &'a [u8],
    /// The code: what the batch computes.
    pub mac: Mac32,
}

/// Which of the implementations of one algorithm computes. All give the same octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BackEnd {
    /// Constant-time code for any processor.
    Portable,
    /// x86-64 with AVX2, AES-NI and PCLMULQDQ: Intel Haswell, AMD Zen, and later. Of AES alone, with AES-NI: Intel
    /// Westmere, AMD Bulldozer, and later.
    Avx2,
    /// x86-64 with AVX-512 (F, BW, DQ, VL, VBMI, VBMI2, IFMA), GFNI, VAES and VPCLMULQDQ: Intel Ice Lake, AMD Zen 4, and
    /// later.
    Avx512,
}

impl BackEnd {
    /// From the one for any processor to the fastest.
    pub const ALL: [Self; 3] = [Self::Portable, Self::Avx2, Self::Avx512];

    /// The fastest of SNOW 3G, ZUC and the 256-bit algorithms that this processor has the instructions for.
    pub fn fastest() -> Self {
        engine::Engine::fastest().back_end()
    }

    /// Those that this processor has the instructions for, the fastest last.
    pub fn available() -> impl Iterator<Item = Self> {
        Self::ALL
            .into_iter()
            .filter(|back_end| engine::Engine::of(*back_end).is_ok())
    }

    /// As a table or a line of a log has it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Portable => "portable",
            Self::Avx2 => "AVX2",
            Self::Avx512 => "AVX-512",
        }
    }
}

/// The processor has not the instructions of a back end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this processor lacks the instructions of the back end {}", .0.name())]
pub struct BackEndNotAvailable(pub BackEnd);
