//! Algorithm identities, type distinguishers and access types.

use core::fmt;
use core::str::FromStr;

use super::ParseError;

macro_rules! algorithms {
    ($( $(#[$meta:meta])* $Name:ident $field:literal, $expected:literal { $( $(#[$vmeta:meta])* $Variant:ident = $id:literal $text:literal ),* $(,)? } )*) => {$(
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub enum $Name { $( $(#[$vmeta])* $Variant = $id ),* }

        impl $Name {
            /// All of them, in the order of their identities.
            pub const ALL: &'static [Self] = &[$( Self::$Variant ),*];

            /// The octet that enters the KDF (TS 33.501 A.8).
            pub const fn identity(self) -> u8 {
                self as u8
            }

            /// The name of the 5GS algorithm.
            pub const fn name(self) -> &'static str {
                match self { $( Self::$Variant => $text ),* }
            }
        }

        impl fmt::Display for $Name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.name())
            }
        }

        impl FromStr for $Name {
            type Err = ParseError;

            /// Reads the name, in any case and with or without `128-`, or the number.
            fn from_str(text: &str) -> Result<Self, ParseError> {
                let short = text.strip_prefix("128-").unwrap_or(text);
                Self::ALL
                    .iter()
                    .copied()
                    .find(|algorithm| {
                        let name = algorithm.name();
                        let plain = name.strip_prefix("128-").unwrap_or(name);
                        short.eq_ignore_ascii_case(plain) || short.as_bytes() == [b'0' + algorithm.identity()]
                    })
                    .ok_or(ParseError::Form { field: $field, expected: $expected })
            }
        }
    )*};
}

algorithms! {
    /// Ciphering algorithms of NAS and AS whose key has 128 bits (TS 33.501 5.11.1).
    CipheringAlgorithm "ciphering algorithm", "one of 0 to 3, such as 2, NEA2 or 128-NEA2" {
        /// NEA0: no ciphering.
        Nea0 = 0 "NEA0",
        /// 128-NEA1: SNOW 3G.
        Nea1 = 1 "128-NEA1",
        /// 128-NEA2: AES-128 in counter mode.
        Nea2 = 2 "128-NEA2",
        /// 128-NEA3: ZUC.
        Nea3 = 3 "128-NEA3",
    }

    /// Integrity algorithms of NAS and AS whose key has 128 bits (TS 33.501 5.11.1).
    IntegrityAlgorithm "integrity algorithm", "one of 0 to 3, such as 2, NIA2 or 128-NIA2" {
        /// NIA0: no integrity.
        Nia0 = 0 "NIA0",
        /// 128-NIA1: SNOW 3G.
        Nia1 = 1 "128-NIA1",
        /// 128-NIA2: AES-128-CMAC.
        Nia2 = 2 "128-NIA2",
        /// 128-NIA3: ZUC.
        Nia3 = 3 "128-NIA3",
    }
}

/// Algorithm type distinguisher: what a key of TS 33.501 A.8 is for (Table A.8-1). One octet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum TypeDistinguisher {
    /// N-NAS-enc-alg.
    NasEnc = 0x01,
    /// N-NAS-int-alg.
    NasInt = 0x02,
    /// N-RRC-enc-alg.
    RrcEnc = 0x03,
    /// N-RRC-int-alg.
    RrcInt = 0x04,
    /// N-UP-enc-alg.
    UpEnc = 0x05,
    /// N-UP-int-alg.
    UpInt = 0x06,
}

/// Access type distinguisher (TS 33.501 Table A.9-1). One octet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum AccessType {
    /// 3GPP access.
    ThreeGpp = 0x01,
    /// Non-3GPP access.
    NonThreeGpp = 0x02,
}
