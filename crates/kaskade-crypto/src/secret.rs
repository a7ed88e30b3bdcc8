//! Secret octet strings: one macro makes every key type of the cascade.
//!
//! A type made by [`secret_octets!`](crate::secret_octets) is silent and mortal: it is not `Copy`, has no `Display` and no serde, its
//! `Debug` prints only its name, its equality takes constant time, and its octets are wiped on drop. It is built from
//! a reference, so that no call site makes a stray copy by value. Leaving the process needs a method whose name says
//! where to (`expose_to_seaf`); a type lists those methods in its declaration, and K, OP and OPc list none: they are sealed
//! where their octets are visible ([`seal`](crate::seal)). What the person at the terminal may see says so after its name.

mod fingerprint;

pub use fingerprint::Fingerprint;

/// A key of the cascade, whose octets nobody gets by this trait: they are visible in the crate that declares the type,
/// and elsewhere by its `expose_to_…` methods, if it has any.
///
/// K, OP, OPc, TOP, TOPc, EMSK and the keys that the EMSK is cut or made from have none.
pub trait KeyMaterial {
    /// Name of the key as 3GPP writes it, in ASCII (`K_AUSF`).
    const NAME: &'static str;

    /// Its public short name, by which two holders compare it.
    fn fingerprint(&self) -> Fingerprint;
}

/// A key that the person at the terminal may see, on request: every ordinary key of the cascade, none of those that
/// never leave.
pub trait ShownKey: KeyMaterial {
    /// The octets, most significant first: to the person who asked for them at this terminal.
    fn expose_to_operator(&self) -> &[u8];
}

/// A key that somebody has the octets of: for tools and tests that compare many types in one way.
pub trait FromOctets: KeyMaterial + Eq + Sized {
    /// Takes the octets, most significant first; `None` when they are not as many as the key has.
    fn from_slice(octets: &[u8]) -> Option<Self>;
}

/// A key that records keep sealed: it goes in by its type and comes out by its type, see
/// [`SecretWriter`](crate::seal::SecretWriter). [`secret_octets!`](crate::secret_octets) makes every key one, and nothing
/// else does: whoever had another with the same origin would read the octets of this one.
pub trait Sealable: FromOctets {
    /// Which type of which crate it is.
    #[doc(hidden)]
    const ORIGIN: crate::seal::Origin;

    /// Appends it.
    #[doc(hidden)]
    fn put_in(&self, writer: &mut crate::seal::SecretWriter);
}

/// Declares secret octet strings of fixed length. They have no way out but those that their declaration names.
///
/// `shown_to_operator` after the name makes a type a [`ShownKey`](crate::ShownKey).
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
        $vis:vis struct $Name:ident($len:expr) = $label:literal $(, $shown:ident)?
            { $( $(#[$emeta:meta])* $expose:ident ),* $(,)? }
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

            /// The octets, for the crate that declares the type.
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

        $( $crate::shown_key! { $shown $Name($len) } )?

        impl $crate::secret::KeyMaterial for $Name {
            const NAME: &'static str = $label;

            fn fingerprint(&self) -> $crate::secret::Fingerprint {
                $crate::secret::Fingerprint::of_octets($label, &self.0)
            }
        }

        impl $crate::secret::FromOctets for $Name {
            fn from_slice(octets: &[u8]) -> ::core::option::Option<Self> {
                <&[u8; $len]>::try_from(octets).ok().map(Self::from_octets)
            }
        }

        impl $crate::secret::Sealable for $Name {
            const ORIGIN: $crate::seal::Origin =
                $crate::seal::Origin::new(::core::module_path!(), concat!(stringify!($Name), " ", $label));

            fn put_in(&self, writer: &mut $crate::seal::SecretWriter) {
                writer.put_key(Self::ORIGIN, &self.0);
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

/// Of [`secret_octets!`](crate::secret_octets): shows a key to the person at the terminal.
#[doc(hidden)]
#[macro_export]
macro_rules! shown_key {
    (shown_to_operator $Name:ident($len:expr)) => {
        impl $Name {
            /// The octets, most significant first: to the person who asked for them at this terminal.
            #[inline]
            pub fn expose_to_operator(&self) -> &[u8; $len] {
                &self.0
            }
        }

        impl $crate::secret::ShownKey for $Name {
            #[inline]
            fn expose_to_operator(&self) -> &[u8] {
                &self.0
            }
        }
    };
}
