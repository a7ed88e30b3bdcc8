//! The form of a body: what its members are called, what each is, and which must be there.

use alloc::borrow::Cow;
use alloc::format;
use core::marker::PhantomData;

use serde::de::Deserialize;
use serde::ser::{Serialize, Serializer};

use super::member::Member;
use super::misread::{Misread, Presence};
use super::strict;

/// What a member of a body can be.
pub trait Value: Sized {
    /// What an object in its place is read into: [`NoObject`](super::member::NoObject) where it is none.
    type Object<'a>: Deserialize<'a>;

    /// Whether it is, or holds, a secret: then every buffer that it is written to is wiped.
    const SECRET: bool = false;

    /// Reads the member.
    ///
    /// # Errors
    /// [`Misread`], as seen from the member.
    fn read<'a>(member: Member<'a, Self::Object<'a>>, presence: Presence) -> Result<Self, Misread>;

    /// What it is where the member is missing; `None` where it must be there.
    fn absent() -> Option<Self> {
        None
    }

    /// Whether the member is written at all.
    fn is_written(&self) -> bool {
        true
    }

    /// Writes the member. Octets are bytes to serde.
    ///
    /// # Errors
    /// Those of the serializer, and one for a value that has no form.
    fn write<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error>;
}

/// A member that may be missing.
impl<V: Value> Value for Option<V> {
    type Object<'a> = V::Object<'a>;

    const SECRET: bool = V::SECRET;

    fn read<'a>(member: Member<'a, Self::Object<'a>>, _: Presence) -> Result<Self, Misread> {
        V::read(member, Presence::Optional).map(Some)
    }

    fn absent() -> Option<Self> {
        Some(None)
    }

    fn is_written(&self) -> bool {
        self.is_some()
    }

    fn write<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Some(value) => value.write(to),
            None => to.serialize_unit(),
        }
    }
}

/// How a field of a type is a member, where its type does not say that.
pub trait Form<T> {
    /// See [`Value::Object`].
    type Object<'a>: Deserialize<'a>;

    /// See [`Value::SECRET`].
    const SECRET: bool;

    /// Reads the member, also where it is missing.
    ///
    /// # Errors
    /// [`Misread`], as seen from the member.
    fn read<'a>(member: Member<'a, Self::Object<'a>>) -> Result<T, Misread>;

    /// Whether the member is written at all.
    fn is_written(value: &T) -> bool;

    /// Writes the member.
    ///
    /// # Errors
    /// As [`Value::write`].
    fn write<S: Serializer>(value: &T, to: S) -> Result<S::Ok, S::Error>;
}

/// As the type says.
pub enum Plain {}

impl<V: Value> Form<V> for Plain {
    type Object<'a> = V::Object<'a>;

    const SECRET: bool = V::SECRET;

    fn read<'a>(member: Member<'a, Self::Object<'a>>) -> Result<V, Misread> {
        match member {
            Member::Missing => V::absent().ok_or_else(Misread::missing),
            member => V::read(member, Presence::Mandatory),
        }
    }

    fn is_written(value: &V) -> bool {
        value.is_written()
    }

    fn write<S: Serializer>(value: &V, to: S) -> Result<S::Ok, S::Error> {
        value.write(to)
    }
}

/// It must be there, and may be `null`.
pub enum OrNull {}

impl<V: Value> Form<Option<V>> for OrNull {
    type Object<'a> = V::Object<'a>;

    const SECRET: bool = V::SECRET;

    fn read<'a>(member: Member<'a, Self::Object<'a>>) -> Result<Option<V>, Misread> {
        match member {
            Member::Missing => Err(Misread::missing()),
            Member::Null => Ok(None),
            member => V::read(member, Presence::Mandatory).map(Some),
        }
    }

    fn is_written(_: &Option<V>) -> bool {
        true
    }

    fn write<S: Serializer>(value: &Option<V>, to: S) -> Result<S::Ok, S::Error> {
        value.write(to)
    }
}

/// A boolean that is false where it is missing, and missing where it is false.
pub enum OrFalse {}

impl Form<bool> for OrFalse {
    type Object<'a> = <bool as Value>::Object<'a>;

    const SECRET: bool = false;

    fn read<'a>(member: Member<'a, Self::Object<'a>>) -> Result<bool, Misread> {
        match member {
            Member::Missing => Ok(false),
            member => member.bool(Presence::Optional),
        }
    }

    fn is_written(value: &bool) -> bool {
        *value
    }

    fn write<S: Serializer>(value: &bool, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_bool(*value)
    }
}

/// A value as serde writes it.
pub struct Written<'v, T, F = Plain>(&'v T, PhantomData<F>);

impl<'v, T, F: Form<T>> Written<'v, T, F> {
    /// This value.
    pub const fn of(value: &'v T) -> Self {
        Self(value, PhantomData)
    }
}

impl<T, F: Form<T>> Serialize for Written<'_, T, F> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        F::write(self.0, serializer)
    }
}

/// A body: a JSON object.
pub trait Body: Value {
    /// What 3GPP calls it.
    const NAME: &'static str;

    /// Reads a body.
    ///
    /// # Errors
    /// [`Misread`] with the pointer of the member that is missing or wrong. [`Wrong::Malformed`](super::misread::Wrong) when it
    /// is not JSON in UTF-8, not an object, has a member twice, known or unknown and however deep, holds half a surrogate pair, or
    /// is nested too deep.
    fn from_json(octets: &[u8]) -> Result<Self, Misread> {
        let object = object::<Self::Object<'_>>(octets)?;
        Self::read(Member::Object(object), Presence::Mandatory)
    }
}

/// The members of a body that must be an object.
fn object<'de, T: Deserialize<'de>>(octets: &'de [u8]) -> Result<T, Misread> {
    let not_json = |error: serde_json::Error| {
        // serde_json's own text may quote the input, which may be a secret: only where it is.
        let (line, column) = (error.line(), error.column());
        Misread::malformed(match error.is_eof() {
            true => Cow::Borrowed("the JSON body ends too early"),
            false => Cow::Owned(format!("not JSON at line {line}, column {column}")),
        })
    };
    // serde looks at no string that nobody reads: not whether it is UTF-8 either.
    let text = core::str::from_utf8(octets)
        .map_err(|error| Misread::malformed(format!("not UTF-8 at octet {}", error.valid_up_to())))?;
    let object = match serde_json::from_str::<Member<'de, T>>(text).map_err(not_json)? {
        Member::Object(object) => object,
        _ => return Err(Misread::malformed("the body is not a JSON object")),
    };
    strict::check(text)?;
    Ok(object)
}

/// A member that must be one text.
///
/// # Errors
/// [`Misread`] when it is missing, no string, or another one.
#[doc(hidden)]
pub fn is_text<T>(member: Member<'_, T>, expected: &'static str) -> Result<(), Misread> {
    match member.text(Presence::Mandatory)? == expected {
        true => Ok(()),
        false => Err(Misread::wrong(Presence::Mandatory, format!("not {expected}"))),
    }
}

/// Declares a body, or an object in one: its name, and for each member the field, the name on the wire, and the type.
///
/// A type that is an `Option` may be missing. `as OrNull` and `as OrFalse` are two other forms. Members in `fixed` have one text:
/// they are written so, and must be so. Those in `checked` are read, refused where they are wrong, and not kept.
///
/// ```
/// use kaskade_codec::sbi::{Body, Misread};
///
/// kaskade_codec::body! {
///     /// Who moved where.
///     #[derive(Debug, PartialEq)]
///     pub struct Move = "MoveInfo" {
///         /// Who.
///         supi "supi": kaskade_keys::Supi,
///         /// Whether it is the last time.
///         last "lastInd": bool as OrFalse,
///     }
///     fixed { kind "kind" = "MOVE" }
///     checked { features "supportedFeatures": kaskade_codec::sbi::values::Features }
/// }
///
/// let read = Move::from_json(br#"{"kind":"MOVE","supi":"imsi-001010000000001","x":1}"#)?;
/// assert!(!read.last);
/// let wrong = Move::from_json(br#"{"kind":"MOVE","supi":"001010000000001"}"#).expect_err("no SUPI");
/// assert_eq!(wrong.pointer(), "/supi");
/// # Ok::<(), Misread>(())
/// ```
#[macro_export]
macro_rules! body {
    (
        $(#[$meta:meta])*
        pub struct $Name:ident = $name:literal {
            $( $(#[$doc:meta])* $field:ident $wire:literal : $T:ty $(as $Form:ident)? ),* $(,)?
        }
        $(fixed { $($fixed:ident $fixed_wire:literal = $text:expr),* $(,)? })?
        $(checked { $($checked:ident $checked_wire:literal : $C:ty),* $(,)? })?
    ) => {
        $(#[$meta])*
        pub struct $Name {
            $( $(#[$doc])* pub $field: $T, )*
        }

        const _: () = {
            $crate::members! {
                Members {
                    $($($fixed $fixed_wire: [$crate::sbi::code::Plain] [$crate::sbi::code::Text];)*)?
                    $($field $wire: [$crate::form!($($Form)?)] [$T];)*
                    $($($checked $checked_wire: [$crate::sbi::code::Plain] [::core::option::Option<$C>];)*)?
                }
            }

            impl $crate::sbi::code::Value for $Name {
                type Object<'a> = Members<'a>;

                const SECRET: bool = false
                    $(|| <$crate::form!($($Form)?) as $crate::sbi::code::Form<$T>>::SECRET)*;

                fn read<'a>(
                    member: $crate::sbi::code::Member<'a, Members<'a>>,
                    presence: $crate::sbi::code::Presence,
                ) -> ::core::result::Result<Self, $crate::sbi::code::Misread> {
                    #[allow(unused_imports, reason = "not every body has each kind of member")]
                    use $crate::sbi::code::{Form, Plain};
                    let members = member.object(presence)?;
                    $($($crate::sbi::code::is_text(members.$fixed, $text).map_err(|wrong| wrong.within($fixed_wire))?;)*)?
                    let read = Self {
                        $($field: <$crate::form!($($Form)?) as Form<$T>>::read(members.$field)
                            .map_err(|wrong| wrong.within($wire))?,)*
                    };
                    $($(<Plain as Form<::core::option::Option<$C>>>::read(members.$checked)
                        .map_err(|wrong| wrong.within($checked_wire))?;)*)?
                    Ok(read)
                }

                fn write<S: $crate::sbi::code::Serializer>(
                    &self,
                    to: S,
                ) -> ::core::result::Result<S::Ok, S::Error> {
                    #[allow(unused_imports, reason = "not every body has each kind of member")]
                    use $crate::sbi::code::{Form, SerializeMap, Written};
                    let mut object = to.serialize_map(None)?;
                    $($(object.serialize_entry($fixed_wire, $text)?;)*)?
                    $(if <$crate::form!($($Form)?) as Form<$T>>::is_written(&self.$field) {
                        object.serialize_entry($wire, &Written::<$T, $crate::form!($($Form)?)>::of(&self.$field))?;
                    })*
                    object.end()
                }
            }

            impl $crate::sbi::code::Body for $Name {
                const NAME: &'static str = $name;
            }
        };
    };
}

/// The form of a field.
#[doc(hidden)]
#[macro_export]
macro_rules! form {
    () => {
        $crate::sbi::Plain
    };
    ($Form:ident) => {
        $crate::sbi::$Form
    };
}
