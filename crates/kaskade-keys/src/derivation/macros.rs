//! The macros that turn declarations into rows, methods and parameters: see [`derivation`](super).

use super::Row;

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

/// Declares ordinary keys of the cascade: each may start rows, and shows its octets to the person at the terminal. Whoever
/// else may have them stands in braces after the name, as `secret_octets!` has it.
macro_rules! keys {
    ($(
        $(#[$meta:meta])*
        pub struct $Name:ident($len:literal) = $label:literal $({ $($exposures:tt)* })? $(;)?
    )*) => {
        ::kaskade_crypto::secret_octets! {
            $( $(#[$meta])* pub struct $Name($len) = $label, shown_to_operator { $($($exposures)*)? } )*
        }

        $($crate::derivation::parent! { $Name })*
    };
}

/// Declares keys whose octets nobody gets: each may start rows, and that is all. Such are the EMSK and what it is cut or
/// made from.
macro_rules! closed_keys {
    ($( $(#[$meta:meta])* pub struct $Name:ident($len:literal) = $label:literal; )*) => {
        ::kaskade_crypto::secret_octets! {
            $( $(#[$meta])* pub struct $Name($len) = $label {} )*
        }

        $($crate::derivation::parent! { $Name })*
    };
}

/// Rows may start from the key.
macro_rules! parent {
    ($Name:ident) => {
        impl $crate::derivation::Parent for $Name {
            #[inline]
            fn prepare(&self) -> $crate::derivation::Prepared<Self> {
                $crate::derivation::Prepared::from_octets(self.secret_octets())
            }
        }
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

/// The rows of several lists as one: of a branch whose files have a list each.
macro_rules! joined {
    ($($list:path),* $(,)?) => {{
        const COUNT: usize = 0 $(+ $list.len())*;
        &$crate::derivation::join::<COUNT>(&[$($list),*])
    }};
}

/// The rows of all lists, `N` together.
pub(crate) const fn join<const N: usize>(lists: &[&[&'static Row]]) -> [&'static Row; N] {
    let mut all = [lists[0][0]; N];
    let (mut list, mut row, mut done) = (0, 0, 0);
    while done < N {
        while row == lists[list].len() {
            (list, row) = (list + 1, 0);
        }
        all[done] = lists[list][row];
        (row, done) = (row + 1, done + 1);
    }
    all
}

/// Declares derivations with the KDF of TS 33.220: see the top of this module.
macro_rules! rows {
    ($(
        $(#[doc = $doc:literal])+
        $row:ident: $Parent:ident.$method:ident $args:tt -> $Child:ident {
            fc: $fc:literal,
            s: $s:tt,
            keep: $keep:ident,
            $($facts:tt)*
        }
    )*) => {
        $($crate::derivation::row! {
            by_kdf($fc, $keep)
            $(#[doc = $doc])+
            $row: $Parent.$method $args -> $Child { s: $s, $($facts)* }
        })*

        /// The derivations of this module by the KDF of TS 33.220.
        #[allow(unreachable_pub, reason = "a branch of several files joins their lists")]
        pub static ROWS: &[&$crate::derivation::Row] = &[$(&$row::ROW),*];
    };
}

/// Declares derivations by another function: see the top of this module.
macro_rules! function_rows {
    ($(
        $(#[doc = $doc:literal])+
        $row:ident: $Parent:ident.$method:ident $args:tt -> $Child:ident {
            function: $compute:path, $words:literal,
            s: $s:tt,
            $($facts:tt)*
        }
    )*) => {
        $($crate::derivation::row! {
            by_function($compute, $words)
            $(#[doc = $doc])+
            $row: $Parent.$method $args -> $Child { s: $s, $($facts)* }
        })*

        /// The derivations of this module by other functions.
        #[allow(unreachable_pub, reason = "a branch of several files joins their lists")]
        pub static FUNCTION_ROWS: &[&$crate::derivation::Row] = &[$(&$row::ROW),*];
    };
}

/// One row, however it is computed: its module, with what `$by` (`by_kdf` or `by_function`) adds, and its methods.
macro_rules! row {
    (
        $by:ident $function:tt
        $(#[doc = $doc:literal])+
        $row:ident: $Parent:ident.$method:ident($($arg:ident: $Arg:ty),* $(,)?) -> $Child:ident {
            s: [$($name:literal $($kind:ident)?: $Param:ty = $value:expr),* $(,)?],
            clause: $clause:literal,
            derived_by: [$($deriver:ident),* $(,)?],
            held_by: [$($holder:ident),* $(,)?],
            life: $life:ident
            $(, named: $named:literal)?
            $(, doubt: $doubt:literal)?
            $(,)?
        }
    ) => {
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
                rule: $crate::derivation::$by!(rule $function),
                parameters: &[$(
                    $crate::derivation::ParameterSpec {
                        name: $name,
                        encoding: <$Param as $crate::derivation::KdfParameter>::ENCODING,
                        given: $crate::derivation::given!($Param, $value, $($kind)?),
                    }
                ),*],
                kept: $crate::derivation::$by!(kept $function),
                derived_by: &[$($crate::derivation::Holder::$deriver),*],
                held_by: &[$($crate::derivation::Holder::$holder),*],
                life: $crate::derivation::life::$life,
                clause: $clause,
                doubt: $crate::derivation::or_default!("", $($doubt)?),
            };

            #[inline(always)]
            pub(crate) fn feed<Sink: $crate::derivation::KdfSink>(sink: Sink $(, $arg: $Arg)*) -> Sink {
                sink$(.feed::<$Param>($value))*
            }

            /// What enters, octet by octet, for these inputs.
            pub fn transcript($($arg: $Arg),*) -> $crate::derivation::Transcript {
                feed($crate::derivation::Transcript::new(&ROW) $(, $arg)*)
            }

            $crate::derivation::$by!(items $function $Child);
        }

        $crate::derivation::$by! {
            methods $function
            $(#[doc = $doc])+ [$($name)*] $clause
            $row: $Parent.$method($($arg: $Arg),*) -> $Child { $($Param = $value),* }
        }
    };
}

/// What a row by the KDF of TS 33.220 has of its own.
macro_rules! by_kdf {
    (rule ($fc:literal, $keep:ident)) => {
        $crate::derivation::Rule::Kdf(::kaskade_crypto::kdf::Fc::new($fc))
    };
    (kept ($fc:literal, $keep:ident)) => {
        $crate::derivation::kept::$keep
    };
    (items ($fc:literal, $keep:ident) $Child:ident) => {
        pub(crate) const FC: ::kaskade_crypto::kdf::Fc = ::kaskade_crypto::kdf::Fc::new($fc);

        #[inline(always)]
        pub(crate) fn child_of(output: &::kaskade_crypto::kdf::KdfOutput) -> $Child {
            $Child::from_octets(output.$keep())
        }
    };
    (
        methods ($fc:literal, $keep:ident)
        $(#[doc = $doc:literal])+ [$($name:literal)*] $clause:literal
        $row:ident: $Parent:ident.$method:ident($($arg:ident: $Arg:ty),*) -> $Child:ident { $($inputs:tt)* }
    ) => {
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
    };
}

/// What a row by another function has of its own.
macro_rules! by_function {
    (rule ($compute:path, $words:literal)) => {
        $crate::derivation::Rule::Function($words, $crate::derivation::Compute($compute))
    };
    (kept ($compute:path, $words:literal)) => {
        $crate::derivation::Kept::AsGiven
    };
    (items ($compute:path, $words:literal) $Child:ident) => {};
    (
        methods ($compute:path, $words:literal)
        $(#[doc = $doc:literal])+ [$($name:literal)*] $clause:literal
        $row:ident: $Parent:ident.$method:ident($($arg:ident: $Arg:ty),*) -> $Child:ident { $($inputs:tt)* }
    ) => {
        impl $Parent {
            $(#[doc = $doc])+
            #[doc = concat!("\n\n", $words, $("; ", $name,)* ". ", $clause, ".")]
            pub fn $method(&self $(, $arg: $Arg)*) -> $Child {
                let mut child = [0; $Child::LEN];
                let parent = &self.secret_octets()[..];
                $crate::derivation::gather!(|inputs: &[&[u8]]| $compute(parent, inputs, &mut child); [] $($inputs)*);
                let key = $Child::from_octets(&child);
                ::zeroize::Zeroize::zeroize(&mut child);
                key
            }
        }
    };
}

#[allow(unused_imports, reason = "of the macros of rows")]
pub(crate) use {
    by_function, by_kdf, closed_keys, function_rows, gather, given, joined, keys, or_default, parent, row, rows,
};

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
