//! Members of a JSON object, before anybody knows whether they are right.
//!
//! Every member of a body is first taken as [`Member`], whatever it is, and then read by name, so that the answer can say which
//! one is missing or wrong. Unknown members are skipped (TS 29.500 6.6.2).

use alloc::borrow::{Cow, ToOwned};
use alloc::format;
use core::fmt;
use core::marker::PhantomData;

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::misread::{Misread, Presence};

/// A member of a JSON object.
///
/// `T` is what an object value is read into; most members are no objects, and take [`NoObject`].
#[derive(Default)]
pub enum Member<'a, T = NoObject> {
    /// The member is not there.
    #[default]
    Missing,
    /// `null`.
    Null,
    /// A string.
    Text(Cow<'a, str>),
    /// `true` or `false`.
    Bool(bool),
    /// An object.
    Object(T),
    /// An array of so many strings, none of which is kept.
    Texts(usize),
    /// Anything else: its JSON type.
    Other(&'static str),
}

/// Reads any object and keeps nothing.
pub struct NoObject;

impl<'de> Deserialize<'de> for NoObject {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        IgnoredAny::deserialize(deserializer).map(|_| Self)
    }
}

impl<'de: 'a, 'a, T: Deserialize<'de>> Deserialize<'de> for Member<'a, T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(MemberVisitor(PhantomData))
    }
}

struct MemberVisitor<'a, T>(PhantomData<(&'a (), T)>);

impl<'de: 'a, 'a, T: Deserialize<'de>> Visitor<'de> for MemberVisitor<'a, T> {
    type Value = Member<'a, T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Member::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Member::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
        Ok(Member::Bool(value))
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Member::Null)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
        Ok(Member::Other("a number"))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
        Ok(Member::Other("a number"))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(Member::Other("a number"))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let (mut count, mut are_texts) = (0_usize, true);
        while let Some(IsText(is_text)) = seq.next_element()? {
            count = count.saturating_add(1);
            are_texts &= is_text;
        }
        Ok(match are_texts {
            true => Member::Texts(count),
            false => Member::Other("an array"),
        })
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(Member::Object)
    }
}

/// Whether a value is a string; whatever is inside another one is skipped, however deep it is.
struct IsText(bool);

impl<'de> Deserialize<'de> for IsText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Self(false))
    }
}

impl<'de> Visitor<'de> for IsText {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_str<E>(self, _: &str) -> Result<Self, E> {
        Ok(Self(true))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_unit<E>(self) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(self)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(self)
    }
}

impl<'a, T> Member<'a, T> {
    fn kind(&self) -> &'static str {
        match self {
            Self::Missing => "nothing",
            Self::Null => "null",
            Self::Text(_) => "a string",
            Self::Bool(_) => "a boolean",
            Self::Object(_) => "an object",
            Self::Texts(_) => "an array",
            Self::Other(kind) => kind,
        }
    }

    fn unexpected(&self, presence: Presence, expected: &'static str) -> Misread {
        Misread::wrong(presence, format!("{} instead of {expected}", self.kind()))
    }

    /// Its string.
    ///
    /// # Errors
    /// [`Misread`] when it is missing or no string.
    pub fn text(self, presence: Presence) -> Result<Cow<'a, str>, Misread> {
        match self {
            Self::Text(text) => Ok(text),
            Self::Missing => Err(Misread::missing()),
            other => Err(other.unexpected(presence, "a string")),
        }
    }

    /// Its boolean.
    ///
    /// # Errors
    /// [`Misread`] when it is missing or no boolean.
    pub fn bool(self, presence: Presence) -> Result<bool, Misread> {
        match self {
            Self::Bool(value) => Ok(value),
            Self::Missing => Err(Misread::missing()),
            other => Err(other.unexpected(presence, "a boolean")),
        }
    }

    /// Its object.
    ///
    /// # Errors
    /// [`Misread`] when it is missing or no object.
    pub fn object(self, presence: Presence) -> Result<T, Misread> {
        match self {
            Self::Object(object) => Ok(object),
            Self::Missing => Err(Misread::missing()),
            other => Err(other.unexpected(presence, "an object")),
        }
    }

    /// How many strings are in its array.
    ///
    /// # Errors
    /// [`Misread`] when it is missing or no array of strings.
    pub fn texts(self, presence: Presence) -> Result<usize, Misread> {
        match self {
            Self::Texts(count) => Ok(count),
            Self::Missing => Err(Misread::missing()),
            other => Err(other.unexpected(presence, "an array of strings")),
        }
    }

    /// Whether the member is not there.
    pub fn is_missing(&self) -> bool {
        matches!(self, Self::Missing)
    }

    /// Whether the member is `null`.
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }
}

/// Reads the name of a member, and makes of it what a function says.
#[doc(hidden)]
pub struct NameOf<F>(pub F);

impl<'de, K, F: FnOnce(&str) -> K> DeserializeSeed<'de> for NameOf<F> {
    type Value = K;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<K, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<K, F: FnOnce(&str) -> K> Visitor<'_> for NameOf<F> {
    type Value = K;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a member")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<K, E> {
        Ok((self.0)(name))
    }
}

/// Declares the members that an object is read into: each with its name on the wire, its form in brackets, and its type.
#[doc(hidden)]
#[macro_export]
macro_rules! members {
    ($Raw:ident { $($field:ident $wire:literal : [$Form:ty] [$T:ty];)* }) => {
        #[derive(Default)]
        #[allow(unreachable_pub, missing_docs, reason = "nobody can name it, but for the trait that it belongs to")]
        pub struct $Raw<'a> {
            $(pub $field: $crate::sbi::code::Member<'a, <$Form as $crate::sbi::code::Form<$T>>::Object<'a>>,)*
        }

        const _: () = {
            use $crate::sbi::code::{Deserialize, Deserializer, IgnoredAny, MapAccess, NameOf, Visitor};

            #[allow(non_camel_case_types, reason = "they are fields")]
            enum Name {
                $($field,)*
                __Unknown,
            }

            impl<'de> Deserialize<'de> for $Raw<'de> {
                fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                    deserializer.deserialize_map(MembersVisitor)
                }
            }

            struct MembersVisitor;

            impl<'de> Visitor<'de> for MembersVisitor {
                type Value = $Raw<'de>;

                fn expecting(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                    f.write_str("an object")
                }

                fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                    let mut members = $Raw::default();
                    let name_of = |name: &str| match name {
                        $($wire => Name::$field,)*
                        _ => Name::__Unknown,
                    };
                    while let Some(name) = map.next_key_seed(NameOf(name_of))? {
                        match name {
                            $(Name::$field => members.$field = map.next_value()?,)*
                            Name::__Unknown => drop(map.next_value::<IgnoredAny>()?),
                        }
                    }
                    Ok(members)
                }
            }
        };
    };
}
