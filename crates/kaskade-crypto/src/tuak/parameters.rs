//! Sizes and the number of iterations: what an operator chooses (TS 35.231).

use core::num::NonZeroU8;

use crate::types::{K, K256};

/// K of a TUAK subscription: 16 or 32 octets (TS 35.231). Wiped on drop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TuakKey {
    /// 16 octets.
    K128(K),
    /// 32 octets.
    K256(K256),
}

impl TuakKey {
    /// Takes 16 or 32 octets.
    ///
    /// # Errors
    /// [`InvalidParameter::Size`] for any other length.
    pub fn from_slice(octets: &[u8]) -> Result<Self, InvalidParameter> {
        if let Ok(octets) = octets.try_into() {
            Ok(Self::K128(K::from_octets(octets)))
        } else if let Ok(octets) = octets.try_into() {
            Ok(Self::K256(K256::from_octets(octets)))
        } else {
            Err(InvalidParameter::Size {
                field: "K",
                octets: octets.len(),
                allowed: &[16, 32],
            })
        }
    }

    /// The octets, for algorithms of this crate.
    pub(crate) fn secret_octets(&self) -> &[u8] {
        match self {
            Self::K128(k) => k.secret_octets(),
            Self::K256(k) => k.secret_octets(),
        }
    }
}

impl From<K> for TuakKey {
    fn from(k: K) -> Self {
        Self::K128(k)
    }
}

impl From<K256> for TuakKey {
    fn from(k: K256) -> Self {
        Self::K256(k)
    }
}

/// How often the permutation is applied to a block; once, if the operator has not chosen otherwise (TS 35.231).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Iterations(NonZeroU8);

impl Iterations {
    /// One: the usual choice.
    pub const ONE: Self = Self(NonZeroU8::MIN);

    /// Takes 1 to 255.
    ///
    /// # Errors
    /// [`InvalidParameter::Iterations`] for 0.
    pub const fn new(count: u8) -> Result<Self, InvalidParameter> {
        match NonZeroU8::new(count) {
            Some(count) => Ok(Self(count)),
            None => Err(InvalidParameter::Iterations),
        }
    }

    /// The number.
    pub const fn count(self) -> u8 {
        self.0.get()
    }
}

impl Default for Iterations {
    fn default() -> Self {
        Self::ONE
    }
}

/// A number that TUAK does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidParameter {
    /// A length that the field cannot have.
    #[error("TUAK: {field} of {octets} octets, expected one of {allowed:?}")]
    Size {
        /// Which field.
        field: &'static str,
        /// The length given.
        octets: usize,
        /// The lengths there are.
        allowed: &'static [usize],
    },
    /// No iteration at all would leave the block as it is.
    #[error("TUAK: 0 iterations of the permutation, expected 1 to 255")]
    Iterations,
}

/// Declares the sizes of one field: octets, and the bits of INSTANCE that say so.
macro_rules! sizes {
    ($( $(#[$meta:meta])* $Name:ident of $field:literal { $( $Size:ident = $octets:literal ),* } )*) => {$(
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $Name {
            $(
                #[doc = concat!(stringify!($octets), " octets.")]
                $Size,
            )*
        }

        impl $Name {
            /// The lengths there are, in octets.
            pub const ALLOWED: &'static [usize] = &[$($octets),*];

            /// The length in octets.
            pub const fn octets(self) -> u8 {
                match self {
                    $(Self::$Size => $octets,)*
                }
            }

            /// Takes a length in octets.
            ///
            /// # Errors
            /// [`InvalidParameter::Size`] for a length that is not in [`Self::ALLOWED`].
            pub const fn new(octets: usize) -> Result<Self, InvalidParameter> {
                match octets {
                    $($octets => Ok(Self::$Size),)*
                    _ => Err(InvalidParameter::Size {
                        field: $field,
                        octets,
                        allowed: Self::ALLOWED,
                    }),
                }
            }
        }
    )*};
}

sizes! {
    /// The size of MAC-A and MAC-S. AUTN and AUTS carry 8 octets.
    MacSize of "MAC" { Octets8 = 8, Octets16 = 16, Octets32 = 32 }

    /// The size of RES.
    ResSize of "RES" { Octets4 = 4, Octets8 = 8, Octets16 = 16, Octets32 = 32 }

    /// The size of CK or IK. A quintet carries 16 octets.
    KeySize of "CK or IK" { Octets16 = 16, Octets32 = 32 }

    /// The size of RES in a quintet: RES of TS 33.102 6.3.2 has at most 16 octets.
    VectorRes of "RES" { Octets4 = 4, Octets8 = 8, Octets16 = 16 }
}

impl From<VectorRes> for ResSize {
    fn from(res: VectorRes) -> Self {
        match res {
            VectorRes::Octets4 => Self::Octets4,
            VectorRes::Octets8 => Self::Octets8,
            VectorRes::Octets16 => Self::Octets16,
        }
    }
}

/// The sizes of all outputs (TS 35.231).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sizes {
    /// MAC-A and MAC-S.
    pub mac: MacSize,
    /// RES.
    pub res: ResSize,
    /// CK.
    pub ck: KeySize,
    /// IK.
    pub ik: KeySize,
}

/// MAC and RES of 8 octets, CK and IK of 16: those of MILENAGE.
impl Default for Sizes {
    fn default() -> Self {
        Self {
            mac: MacSize::Octets8,
            res: ResSize::Octets8,
            ck: KeySize::Octets16,
            ik: KeySize::Octets16,
        }
    }
}

/// What the operator of a subscription chooses in 3GPP AKA; the same on the card.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameters {
    /// The size of RES.
    pub res: VectorRes,
    /// How often the permutation is applied.
    pub iterations: Iterations,
}

/// RES of 8 octets, one iteration.
impl Default for Parameters {
    fn default() -> Self {
        Self {
            res: VectorRes::Octets8,
            iterations: Iterations::ONE,
        }
    }
}
