//! Counters that make a derivation new each time.

use core::num::NonZeroU16;

use super::ParseError;

macro_rules! counters {
    ($( $(#[$meta:meta])* $Name:ident; )*) => {$(
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $Name(u16);

        impl $Name {
            /// Takes the number.
            pub const fn new(value: u16) -> Self {
                Self(value)
            }

            /// The number.
            pub const fn value(self) -> u16 {
                self.0
            }

            /// The 2 octets that enter a KDF, most significant first.
            pub const fn kdf_octets(self) -> [u8; 2] {
                self.0.to_be_bytes()
            }
        }

        $crate::derivation::kdf_parameters! {
            $Name: $crate::derivation::Encoding::Octets(2), |this| &this.kdf_octets();
        }

        $crate::derivation::text_parameters! {
            $Name: "0 to 65535", "0", |text| {
                let value = $crate::derivation::number(stringify!($Name), "0 to 65535", u64::from(u16::MAX), text)?;
                Ok(Self(u16::try_from(value).unwrap_or(u16::MAX)))
            };
        }
    )*};
}

counters! {
    /// SN Counter: one for every K_SN from a K_gNB. 16 bits (TS 33.501 A.16, 6.10.3.1).
    SnCounter;
    /// SCG Counter: one for every S-K_eNB or S-K_gNB from a K_eNB. 16 bits (TS 33.401 A.15, Annex E.2.4).
    ScgCounter;
    /// WT Counter: one for every S-K_WT from a K_eNB. 16 bits (TS 33.401 Annex G).
    WtCounter;
    /// LWIP Counter: one for every LWIP-PSK from a K_eNB. 16 bits (TS 33.401 Annex H).
    LwipCounter;
    /// The counter of EAP-AKA's fast re-authentication, as AT_COUNTER carries it: 1 in the first one, then one more each
    /// time. 16 bits (RFC 4187 5.1).
    EapCounter;
    /// SEQ of ERP: never used twice under an rRK, 0 at first. 16 bits (RFC 6696 5.3.2).
    ErpSequence;
}

macro_rules! counters_from_one {
    ($( $(#[$meta:meta])* $Name:ident = $field:literal; )*) => {$(
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $Name(NonZeroU16);

        impl $Name {
            /// Takes 1 to 65535.
            ///
            /// # Errors
            /// [`ParseError::Range`] for 0.
            pub fn new(value: u16) -> Result<Self, ParseError> {
                let range = ParseError::Range { field: $field, expected: "1 to 65535", actual: 0 };
                NonZeroU16::new(value).map(Self).ok_or(range)
            }

            /// The number.
            pub const fn value(self) -> u16 {
                self.0.get()
            }

            /// The 2 octets that enter a KDF, most significant first.
            pub const fn kdf_octets(self) -> [u8; 2] {
                self.0.get().to_be_bytes()
            }
        }

        $crate::derivation::kdf_parameters! {
            $Name: $crate::derivation::Encoding::Octets(2), |this| &this.kdf_octets();
        }

        $crate::derivation::text_parameters! {
            $Name: "1 to 65535", "1", |text| {
                let value = $crate::derivation::number($field, "1 to 65535", u64::from(u16::MAX), text)?;
                Self::new(u16::try_from(value).unwrap_or(u16::MAX))
            };
        }
    )*};
}

counters_from_one! {
    /// CounterSoR: never used twice under a K_AUSF, and never 0. 16 bits (TS 33.501 6.14.2.3).
    SorCounter = "CounterSoR";
    /// CounterUPU: never used twice under a K_AUSF, and never 0. 16 bits (TS 33.501 6.15.2.2).
    UpuCounter = "CounterUPU";
}
