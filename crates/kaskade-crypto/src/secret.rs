//! Secret octet strings: one macro makes every key type of the cascade.
//!
//! A type made by [`secret_octets!`](crate::secret_octets) is silent and mortal: it is not `Copy`, has no `Display` and no serde, its
//! `Debug` prints only its name, its equality takes constant time, and its octets are wiped on drop. It is built from
//! a reference, so that no call site makes a stray copy by value. Leaving the process needs a method whose name says
//! where to (`expose_to_seaf`); a type lists those methods in its declaration, and K, OP and OPc list none but sealing.

/// Octets that a derivation may take as its key.
///
/// Implemented by the key types only. [`KeyMaterial::derivation_octets`] is for derivations inside the cascade; what
/// leaves the process uses the `expose_to_…` methods of the type.
pub trait KeyMaterial {
    /// Name of the key as 3GPP writes it, in ASCII (`K_AUSF`).
    const NAME: &'static str;
    /// The key's octets, most significant first, as input of a derivation.
    fn derivation_octets(&self) -> &[u8];
}

/// Declares secret octet strings of fixed length.
///
/// ```
/// kaskade_crypto::secret_octets! {
///     /// An example key of 32 octets.
///     pub struct KExample(32) = "K_EXAMPLE" {
///         /// To the peer that asked for it.
///         expose_to_peer
///     }
/// }
/// let key = KExample::from_octets(&[7; 32]);
/// assert_eq!(format!("{key:?}"), "K_EXAMPLE(…)");
/// assert_eq!(key.expose_to_peer(), &[7; 32]);
/// ```
#[macro_export]
macro_rules! secret_octets {
    ($(
        $(#[$meta:meta])*
        $vis:vis struct $Name:ident($len:expr) = $label:literal { $( $(#[$emeta:meta])* $expose:ident ),* $(,)? }
    )*) => {$(
        $(#[$meta])*
        #[derive(Clone)]
        $vis struct $Name([u8; $len]);

        impl $Name {
            /// Length in octets.
            pub const LEN: usize = $len;

            /// Takes the octets, most significant first.
            #[inline]
            pub fn from_octets(octets: &[u8; $len]) -> Self {
                Self(*octets)
            }

            /// The octets, for algorithms of this crate.
            #[allow(dead_code)]
            #[inline(always)]
            pub(crate) fn secret_octets(&self) -> &[u8; $len] {
                &self.0
            }

            $(
                $(#[$emeta])*
                #[inline]
                pub fn $expose(&self) -> &[u8; $len] {
                    &self.0
                }
            )*
        }

        impl $crate::secret::KeyMaterial for $Name {
            const NAME: &'static str = $label;

            #[inline]
            fn derivation_octets(&self) -> &[u8] {
                &self.0
            }
        }

        impl ::core::fmt::Debug for $Name {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                f.write_str(concat!($label, "(…)"))
            }
        }

        /// In constant time.
        impl PartialEq for $Name {
            fn eq(&self, other: &Self) -> bool {
                $crate::reexport::subtle::ConstantTimeEq::ct_eq(&self.0[..], &other.0[..]).into()
            }
        }

        impl Eq for $Name {}

        impl Drop for $Name {
            #[inline]
            fn drop(&mut self) {
                $crate::reexport::wipe(&mut self.0);
            }
        }

        impl $crate::reexport::zeroize::ZeroizeOnDrop for $Name {}
    )*};
}
