//! The attributes: one table of their numbers, names and forms, and the reading of one.

use core::fmt;

use super::EapError;

/// What an attribute consists of behind its number and its length, which are one octet each. The length counts words of 4 octets and
/// includes both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// 2 reserved octets and nothing else: that it is there says all.
    Flag,
    /// A number of 2 octets, most significant first.
    Number,
    /// 2 reserved octets and 16 of value.
    Octets16,
    /// 14 octets at once.
    Octets14,
    /// 2 octets with a length in bits, 32 to 128 and whole octets, then so many, then zeros up to a word.
    Bits,
    /// 2 octets with a length in octets, then so many, then zeros up to a word.
    Text,
    /// 2 reserved octets and whole blocks of 16 octets, at least one.
    Blocks,
    /// Zeros: 4, 8 or 12 octets in all.
    Padding,
    /// 2 reserved octets, and nothing or a hash of 20 or 32 octets.
    Hash,
    /// A public key at once, then zeros up to a word.
    Key,
}

impl Shape {
    /// The lengths that it may have in octets, with number and length, as people read it.
    pub const fn lengths(self) -> &'static str {
        match self {
            Self::Flag | Self::Number => "4",
            Self::Octets16 => "20",
            Self::Octets14 => "16",
            Self::Bits => "8 to 20",
            Self::Text => "4 to 1020",
            Self::Blocks => "4 and a multiple of 16",
            Self::Padding => "4, 8 or 12",
            Self::Hash => "4, 24 or 36",
            Self::Key => "8 to 1020",
        }
    }

    /// Whether an attribute of this shape may have so many octets, with number and length.
    const fn has(self, length: usize) -> bool {
        match self {
            Self::Flag | Self::Number => length == 4,
            Self::Octets16 => length == 20,
            Self::Octets14 => length == 16,
            Self::Bits => matches!(length, 8..=20),
            Self::Text => length >= 4,
            Self::Blocks => length >= 20 && length % 16 == 4,
            Self::Padding => matches!(length, 4 | 8 | 12),
            Self::Hash => matches!(length, 4 | 24 | 36),
            Self::Key => length >= 8,
        }
    }
}

macro_rules! attributes {
    ($( $(#[$meta:meta])* $Name:ident = $number:literal, $label:literal, $shape:ident; )*) => {
        /// An attribute that is known here, by its number (RFC 4187 11, RFC 9048 9, RFC 9678 8).
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        #[non_exhaustive]
        pub enum AttributeType {
            $( $(#[$meta])* $Name = $number, )*
        }

        impl AttributeType {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$Name),*];

            /// The attribute of a number.
            pub const fn of(number: u8) -> Option<Self> {
                match number {
                    $( $number => Some(Self::$Name), )*
                    _ => None,
                }
            }

            /// As the specifications write it.
            pub const fn name(self) -> &'static str {
                match self {
                    $( Self::$Name => $label, )*
                }
            }

            /// What it consists of.
            pub const fn shape(self) -> Shape {
                match self {
                    $( Self::$Name => Shape::$shape, )*
                }
            }
        }
    };
}

attributes! {
    /// RAND (RFC 4187 10.6).
    Rand = 1, "AT_RAND", Octets16;
    /// AUTN (RFC 4187 10.7).
    Autn = 2, "AT_AUTN", Octets16;
    /// RES (RFC 4187 10.8).
    Res = 3, "AT_RES", Bits;
    /// AUTS (RFC 4187 10.9).
    Auts = 4, "AT_AUTS", Octets14;
    /// Zeros at the end of enciphered attributes (RFC 4187 10.12).
    Padding = 6, "AT_PADDING", Padding;
    /// Asks for the permanent identity (RFC 4187 10.2).
    PermanentIdReq = 10, "AT_PERMANENT_ID_REQ", Flag;
    /// The code of the whole packet (RFC 4187 10.15).
    Mac = 11, "AT_MAC", Octets16;
    /// A notification (RFC 4187 10.19).
    Notification = 12, "AT_NOTIFICATION", Number;
    /// Asks for any identity (RFC 4187 10.3).
    AnyIdReq = 13, "AT_ANY_ID_REQ", Flag;
    /// An identity (RFC 4187 10.5).
    Identity = 14, "AT_IDENTITY", Text;
    /// Asks for an identity of a full authentication (RFC 4187 10.4).
    FullauthIdReq = 17, "AT_FULLAUTH_ID_REQ", Flag;
    /// The number of a fast re-authentication; enciphered (RFC 4187 10.16).
    Counter = 19, "AT_COUNTER", Number;
    /// The number is not fresh; enciphered (RFC 4187 10.17).
    CounterTooSmall = 20, "AT_COUNTER_TOO_SMALL", Flag;
    /// NONCE_S; enciphered (RFC 4187 10.18).
    NonceS = 21, "AT_NONCE_S", Octets16;
    /// Why the peer ends (RFC 4187 10.20).
    ClientErrorCode = 22, "AT_CLIENT_ERROR_CODE", Number;
    /// The network name (RFC 9048 3.1).
    KdfInput = 23, "AT_KDF_INPUT", Text;
    /// A key derivation function (RFC 9048 3.2).
    Kdf = 24, "AT_KDF", Number;
    /// The initialisation vector of AT_ENCR_DATA (RFC 4187 10.12).
    Iv = 129, "AT_IV", Octets16;
    /// Enciphered attributes (RFC 4187 10.12).
    EncrData = 130, "AT_ENCR_DATA", Blocks;
    /// The next pseudonym; enciphered (RFC 4187 10.10).
    NextPseudonym = 132, "AT_NEXT_PSEUDONYM", Text;
    /// The next identity of a fast re-authentication; enciphered (RFC 4187 10.11).
    NextReauthId = 133, "AT_NEXT_REAUTH_ID", Text;
    /// The hash of the identity rounds (RFC 4187 10.13, RFC 9048 3.5.4).
    Checkcode = 134, "AT_CHECKCODE", Hash;
    /// A protected notification of success is wanted (RFC 4187 10.14).
    ResultInd = 135, "AT_RESULT_IND", Flag;
    /// Whether EAP-AKA' would have been better (RFC 9048 4).
    Bidding = 136, "AT_BIDDING", Number;
    /// An ephemeral public key (RFC 9678 6.1).
    PubEcdhe = 152, "AT_PUB_ECDHE", Key;
    /// The group of the ephemeral keys (RFC 9678 6.2).
    KdfFs = 153, "AT_KDF_FS", Number;
}

impl AttributeType {
    /// The number on the wire.
    #[inline]
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// Whether who does not know it goes on: 128 to 255 (RFC 4187 8.1).
    pub const fn is_skippable(self) -> bool {
        self.number() >= 128
    }

    /// Whether several of it may be in one message, and their order says something.
    pub const fn is_list(self) -> bool {
        matches!(self, Self::Kdf | Self::KdfFs)
    }
}

impl fmt::Display for AttributeType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The value of an attribute, by its shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Value<'p> {
    Flag,
    Number(u16),
    Octets16(&'p [u8; 16]),
    Octets14(&'p [u8; 14]),
    /// Bits, Text, Blocks, Hash, Key: without what is reserved, and without padding except in a key.
    Octets(&'p [u8]),
    Padding,
}

/// One attribute as it stands, and where it begins.
pub(super) struct Raw<'p> {
    pub(super) number: u8,
    pub(super) position: usize,
    /// With number and length.
    octets: &'p [u8],
}

/// Takes the attribute at the front of `rest`, which begins at octet `position`.
pub(super) fn take<'p>(rest: &mut &'p [u8], position: usize) -> Result<Option<Raw<'p>>, EapError> {
    let number = match rest {
        [] => return Ok(None),
        [number, ..] => *number,
    };
    let available = rest.len();
    let words = rest.get(1).copied().ok_or(EapError::BeyondPacket {
        attribute: number,
        position,
        length: 4,
        available,
    })?;
    let length = usize::from(words).saturating_mul(4);
    if length == 0 {
        return Err(EapError::ZeroLength {
            attribute: number,
            position,
        });
    }
    let (octets, behind) = rest.split_at_checked(length).ok_or(EapError::BeyondPacket {
        attribute: number,
        position,
        length,
        available,
    })?;
    *rest = behind;
    Ok(Some(Raw {
        number,
        position,
        octets,
    }))
}

impl<'p> Raw<'p> {
    pub(super) fn len(&self) -> usize {
        self.octets.len()
    }

    /// Its value as one of `attribute`.
    pub(super) fn value(&self, attribute: AttributeType) -> Result<Value<'p>, EapError> {
        let length = self.octets.len();
        let wrong = EapError::AttributeLength {
            attribute,
            position: self.position,
            length,
        };
        let shape = attribute.shape();
        if !shape.has(length) {
            return Err(wrong);
        }
        let (Some((_, value)), Some((head, behind))) = (
            self.octets.split_first_chunk::<2>(),
            self.octets.split_first_chunk::<4>(),
        ) else {
            return Err(wrong);
        };
        let [_, _, high, low] = *head;
        let number = u16::from_be_bytes([high, low]);
        match shape {
            Shape::Flag => Ok(Value::Flag),
            Shape::Number => Ok(Value::Number(number)),
            Shape::Octets16 => behind.try_into().map(Value::Octets16).map_err(|_| wrong),
            Shape::Octets14 => value.try_into().map(Value::Octets14).map_err(|_| wrong),
            Shape::Hash | Shape::Blocks => Ok(Value::Octets(behind)),
            Shape::Key => Ok(Value::Octets(value)),
            Shape::Bits => {
                let octets = usize::from(number / 8);
                let fits = number % 8 == 0 && matches!(octets, 4..=16) && octets.next_multiple_of(4) == behind.len();
                self.first(attribute, behind, fits.then_some(octets), number, "bits")
            }
            Shape::Text => {
                let octets = usize::from(number);
                let fits = octets.next_multiple_of(4) == behind.len();
                self.first(attribute, behind, fits.then_some(octets), number, "octets")
            }
            Shape::Padding => match value.iter().all(|&octet| octet == 0) {
                true => Ok(Value::Padding),
                false => Err(EapError::Padding {
                    position: self.position,
                }),
            },
        }
    }

    fn first(
        &self,
        attribute: AttributeType,
        behind: &'p [u8],
        octets: Option<usize>,
        value: u16,
        unit: &'static str,
    ) -> Result<Value<'p>, EapError> {
        octets
            .and_then(|octets| behind.get(..octets))
            .map(Value::Octets)
            .ok_or(EapError::ValueLength {
                attribute,
                position: self.position,
                value,
                unit,
                length: self.octets.len(),
            })
    }
}
