//! The macros that turn declarations into rows, methods and parameters: see [`derivation`](super).

/// [`Kept`] under the names of the methods of [`kaskade_crypto::kdf::KdfOutput`], for `rows!`.
#[allow(non_upper_case_globals, reason = "the macro maps a method name to its documentation")]
pub(crate) mod kept {
    use crate::derivation::Kept;

    pub(crate) const all: Kept = Kept::All;
    pub(crate) const low_128: Kept = Kept::Low128;
    pub(crate) const high_128: Kept = Kept::High128;
    pub(crate) const high_64: Kept = Kept::High64;
}

/// A key's length, for its row.
#[allow(
    clippy::cast_possible_truncation,
    reason = "no key has more than 65535 octets; checked"
)]
pub(crate) const fn octets_of(len: usize) -> u16 {
    assert!(len <= u16::MAX as usize, "a key of more than 65535 octets");
    len as u16
}

/// Declares keys, as `secret_octets!` does, that rows may start from.
macro_rules! keys {
    ($( $(#[$meta:meta])* pub struct $Name:ident($len:literal) = $label:literal { $($exposures:tt)* } )*) => {
        ::kaskade_crypto::secret_octets! {
            $( $(#[$meta])* pub struct $Name($len) = $label { $($exposures)* } )*
        }

        $(
            impl $crate::derivation::Parent for $Name {
                #[inline]
                fn prepare(&self) -> $crate::derivation::Prepared<Self> {
                    $crate::derivation::Prepared::from_octets(self.secret_octets())
                }
            }
        )*
    };
}

/// Given what a row says of a parameter: where its value comes from.
macro_rules! given {
    ($Param:ty, $value:expr,) => {
        $crate::derivation::Given::Text(<$Param as $crate::derivation::TextParameter>::TEXT_FORM)
    };
    ($Param:ty, $value:expr, fixed) => {
        $crate::derivation::Given::Fixed(|| {
            let value: &$Param = $value;
            $crate::derivation::KdfParameter::with_octets(value, |octets| octets.to_vec())
        })
    };
    ($Param:ty, $value:expr, key) => {
        $crate::derivation::Given::Key(<$Param as $crate::derivation::KeyParameter>::KEYS)
    };
}

/// Calls a function with the octets of several inputs side by side, wherever each keeps them.
macro_rules! gather {
    ($call:expr; [$($octets:ident)*]) => {
        ($call)(&[$($octets),*])
    };
    ($call:expr; [$($octets:ident)*] $Param:ty = $value:expr $(, $Others:ty = $others:expr)*) => {{
        let value: &$Param = $value;
        $crate::derivation::KdfParameter::with_octets(value, |next| {
            $crate::derivation::gather!($call; [$($octets)* next] $($Others = $others),*)
        })
    }};
}

macro_rules! or_default {
    ($default:expr,) => {
        $default
    };
    ($default:expr, $value:expr) => {
        $value
    };
}

/// Declares derivations with the KDF of TS 33.220: see the top of this module.
macro_rules! rows {
    ($(
        $(#[doc = $doc:literal])+
        $row:ident: $Parent:ident.$method:ident($($arg:ident: $Arg:ty),* $(,)?) -> $Child:ident {
            fc: $fc:literal,
            s: [$($name:literal $($kind:ident)?: $Param:ty = $value:expr),* $(,)?],
            keep: $keep:ident,
            clause: $clause:literal,
            derived_by: [$($by:ident),* $(,)?],
            held_by: [$($held:ident),* $(,)?],
            life: $life:ident
            $(, named: $named:literal)?
            $(, doubt: $doubt:literal)?
            $(,)?
        }
    )*) => {
        $(
            #[doc = concat!("The row of ", stringify!($Parent), " → ", stringify!($Child), " (", $clause, ").")]
            pub mod $row {
                #[allow(unused_imports, reason = "a row without inputs needs none")]
                use super::*;

                /// The derivation.
                pub static ROW: $crate::derivation::Row = $crate::derivation::Row {
                    child: <$Child as ::kaskade_crypto::KeyMaterial>::NAME,
                    named: $crate::derivation::or_default!(
                        <$Child as ::kaskade_crypto::KeyMaterial>::NAME, $($named)?
                    ),
                    child_octets: $crate::derivation::octets_of($Child::LEN),
                    child_least_octets: $crate::derivation::octets_of($Child::LEN),
                    parent: <$Parent as ::kaskade_crypto::KeyMaterial>::NAME,
                    parent_octets: $crate::derivation::octets_of($Parent::LEN),
                    method: stringify!($method),
                    about: concat!($($doc),+),
                    rule: $crate::derivation::Rule::Kdf(::kaskade_crypto::kdf::Fc::new($fc)),
                    parameters: &[$(
                        $crate::derivation::ParameterSpec {
                            name: $name,
                            encoding: <$Param as $crate::derivation::KdfParameter>::ENCODING,
                            given: $crate::derivation::given!($Param, $value, $($kind)?),
                        }
                    ),*],
                    kept: $crate::derivation::kept::$keep,
                    derived_by: &[$($crate::derivation::Holder::$by),*],
                    held_by: &[$($crate::derivation::Holder::$held),*],
                    life: $crate::derivation::life::$life,
                    clause: $clause,
                    doubt: $crate::derivation::or_default!("", $($doubt)?),
                };

                pub(crate) const FC: ::kaskade_crypto::kdf::Fc = ::kaskade_crypto::kdf::Fc::new($fc);

                #[inline(always)]
                pub(crate) fn feed<Sink: $crate::derivation::KdfSink>(sink: Sink $(, $arg: $Arg)*) -> Sink {
                    sink$(.feed::<$Param>($value))*
                }

                #[inline(always)]
                pub(crate) fn child_of(output: &::kaskade_crypto::kdf::KdfOutput) -> $Child {
                    $Child::from_octets(output.$keep())
                }

                /// The octets of S for these inputs.
                pub fn transcript($($arg: $Arg),*) -> $crate::derivation::Transcript {
                    feed($crate::derivation::Transcript::new(&ROW) $(, $arg)*)
                }
            }

            impl $crate::derivation::Prepared<$Parent> {
                $(#[doc = $doc])+
                #[doc = concat!("\n\nFC ", stringify!($fc), $("; ", $name,)* ". Keeps ", stringify!($keep), ". ", $clause, ".")]
                #[inline]
                pub fn $method(&self $(, $arg: $Arg)*) -> $Child {
                    let output = self.derive($row::FC, |s| {
                        $row::feed(s $(, $arg)*);
                    });
                    $row::child_of(&output)
                }
            }

            impl $Parent {
                $(#[doc = $doc])+
                #[doc = concat!("\n\nFC ", stringify!($fc), $("; ", $name,)* ". Keeps ", stringify!($keep), ". ", $clause, ".")]
                #[inline]
                pub fn $method(&self $(, $arg: $Arg)*) -> $Child {
                    $crate::derivation::Parent::prepare(self).$method($($arg),*)
                }
            }
        )*

        /// The derivations of this module by the KDF of TS 33.220.
        pub static ROWS: &[&$crate::derivation::Row] = &[$(&$row::ROW),*];
    };
}

/// Declares derivations by another function: see the top of this module.
macro_rules! function_rows {
    ($(
        $(#[doc = $doc:literal])+
        $row:ident: $Parent:ident.$method:ident($($arg:ident: $Arg:ty),* $(,)?) -> $Child:ident {
            function: $compute:path, $words:literal,
            s: [$($name:literal $($kind:ident)?: $Param:ty = $value:expr),* $(,)?],
            clause: $clause:literal,
            derived_by: [$($by:ident),* $(,)?],
            held_by: [$($held:ident),* $(,)?],
            life: $life:ident
            $(, named: $named:literal)?
            $(, doubt: $doubt:literal)?
            $(,)?
        }
    )*) => {
        $(
            #[doc = concat!("The row of ", stringify!($Parent), " → ", stringify!($Child), " (", $clause, ").")]
            pub mod $row {
                #[allow(unused_imports, reason = "a row without inputs needs none")]
                use super::*;

                /// The derivation.
                pub static ROW: $crate::derivation::Row = $crate::derivation::Row {
                    child: <$Child as ::kaskade_crypto::KeyMaterial>::NAME,
                    named: $crate::derivation::or_default!(
                        <$Child as ::kaskade_crypto::KeyMaterial>::NAME, $($named)?
                    ),
                    child_octets: $crate::derivation::octets_of($Child::LEN),
                    child_least_octets: $crate::derivation::octets_of($Child::LEN),
                    parent: <$Parent as ::kaskade_crypto::KeyMaterial>::NAME,
                    parent_octets: $crate::derivation::octets_of($Parent::LEN),
                    method: stringify!($method),
                    about: concat!($($doc),+),
                    rule: $crate::derivation::Rule::Function($words, $crate::derivation::Compute($compute)),
                    parameters: &[$(
                        $crate::derivation::ParameterSpec {
                            name: $name,
                            encoding: <$Param as $crate::derivation::KdfParameter>::ENCODING,
                            given: $crate::derivation::given!($Param, $value, $($kind)?),
                        }
                    ),*],
                    kept: $crate::derivation::Kept::AsGiven,
                    derived_by: &[$($crate::derivation::Holder::$by),*],
                    held_by: &[$($crate::derivation::Holder::$held),*],
                    life: $crate::derivation::life::$life,
                    clause: $clause,
                    doubt: $crate::derivation::or_default!("", $($doubt)?),
                };

                pub(super) fn feed<Sink: $crate::derivation::KdfSink>(sink: Sink $(, $arg: $Arg)*) -> Sink {
                    sink$(.feed::<$Param>($value))*
                }

                /// What enters, for these inputs.
                pub fn transcript($($arg: $Arg),*) -> $crate::derivation::Transcript {
                    feed($crate::derivation::Transcript::new(&ROW) $(, $arg)*)
                }
            }

            impl $Parent {
                $(#[doc = $doc])+
                #[doc = concat!("\n\n", $words, $("; ", $name,)* ". ", $clause, ".")]
                pub fn $method(&self $(, $arg: $Arg)*) -> $Child {
                    let mut child = [0; $Child::LEN];
                    let parent = &self.secret_octets()[..];
                    $crate::derivation::gather!(|inputs: &[&[u8]]| $compute(parent, inputs, &mut child); []
                        $($Param = $value),*);
                    let key = $Child::from_octets(&child);
                    ::zeroize::Zeroize::zeroize(&mut child);
                    key
                }
            }
        )*

        /// The derivations of this module by other functions.
        pub static FUNCTION_ROWS: &[&$crate::derivation::Row] = &[$(&$row::ROW),*];
    };
}

#[allow(unused_imports, reason = "of the macros of rows")]
pub(crate) use {function_rows, gather, given, keys, or_default, rows};

/// How types enter a derivation.
macro_rules! kdf_parameters {
    ($( $Type:ty: $encoding:expr, |$this:ident| $octets:expr; )*) => {$(
        impl $crate::derivation::KdfParameter for $Type {
            const ENCODING: $crate::derivation::Encoding = $encoding;

            #[inline(always)]
            fn with_octets<R>(&self, with: impl FnOnce(&[u8]) -> R) -> R {
                let $this = self;
                with($octets)
            }
        }
    )*};
}

/// How people write the types that enter a derivation.
macro_rules! text_parameters {
    ($( $Type:ty: $form:literal, $example:literal, |$text:ident| $read:expr; )*) => {$(
        impl $crate::derivation::TextParameter for $Type {
            const FORM: &'static str = $form;
            const EXAMPLE: &'static str = $example;

            fn from_text($text: &str) -> Result<Self, $crate::ParseError> {
                $read
            }
        }
    )*};
}

#[allow(unused_imports, reason = "of the modules of keys")]
pub(crate) use {kdf_parameters, text_parameters};
