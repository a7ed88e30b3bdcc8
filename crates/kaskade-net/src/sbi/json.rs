//! JSON as the service interfaces use it: members that know their pointer, hexadecimal strings, and a writer.
//!
//! Reading: every member of a body is first taken as [`Member`], whatever it is, and then parsed by name, so that the
//! answer can say which one is missing or wrong. Unknown members are skipped (TS 29.500 6.6.2).
//!
//! Writing: straight into one buffer.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use kaskade_codec::hex;
use kaskade_flow::Refusal;
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor, value::MapAccessDeserializer};

use zeroize::Zeroizing;

use super::problem::Problem;
use super::strict;

/// A member of a JSON object, before anybody knows whether it is right.
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
    /// Anything else: its JSON type.
    Other(&'static str),
}

/// Reads any object and keeps nothing.
#[derive(Default)]
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
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Member::Other("an array"))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(Member::Object)
    }
}

/// Reads a body that must be an object.
///
/// # Errors
/// [`Refusal::Malformed`] when it is not JSON in UTF-8, not an object, has a member twice, known or unknown and however
/// deep, holds half a surrogate pair, or is nested too deep.
pub fn object<'de, T: Deserialize<'de>>(body: &'de [u8]) -> Result<T, Problem> {
    let not_json = |error: serde_json::Error| {
        // serde_json's own text may quote the input, which may be a secret: only where it is.
        let (line, column) = (error.line(), error.column());
        Problem::from(Refusal::Malformed).with_detail(match error.classify() {
            serde_json::error::Category::Eof => Cow::Borrowed("the JSON body ends too early"),
            serde_json::error::Category::Data => {
                Cow::Owned(format!("a member occurs twice, before line {line}, column {column}"))
            }
            _ => Cow::Owned(format!("not JSON at line {line}, column {column}")),
        })
    };
    // serde looks at no string that nobody reads: not whether it is UTF-8 either.
    let text = std::str::from_utf8(body).map_err(|error| {
        Problem::from(Refusal::Malformed).with_detail(format!("not UTF-8 at octet {}", error.valid_up_to()))
    })?;
    let object = match serde_json::from_str::<Member<'de, T>>(text).map_err(not_json)? {
        Member::Object(object) => object,
        _ => return Err(Problem::from(Refusal::Malformed).with_detail("the body is not a JSON object")),
    };
    strict::check(text)?;
    Ok(object)
}

/// Whether a member has to be there, which decides the cause when it is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// Has to be there.
    Mandatory,
    /// May be missing.
    Optional,
}

impl Presence {
    const fn incorrect(self) -> Refusal {
        match self {
            Self::Mandatory => Refusal::IeIncorrect,
            Self::Optional => Refusal::OptionalIeIncorrect,
        }
    }

    /// The problem of a wrong member.
    pub fn wrong(self, pointer: &'static str, reason: impl Into<Cow<'static, str>>) -> Problem {
        Problem::parameter(self.incorrect(), pointer, reason)
    }
}

fn missing(pointer: &'static str) -> Problem {
    Problem::parameter(Refusal::IeMissing, pointer, "is required")
}

impl<'a, T> Member<'a, T> {
    fn kind(&self) -> &'static str {
        match self {
            Self::Missing => "nothing",
            Self::Null => "null",
            Self::Text(_) => "a string",
            Self::Bool(_) => "a boolean",
            Self::Object(_) => "an object",
            Self::Other(kind) => kind,
        }
    }

    fn unexpected(&self, presence: Presence, pointer: &'static str, expected: &'static str) -> Problem {
        presence.wrong(pointer, format!("{} instead of {expected}", self.kind()))
    }

    /// The string of a mandatory member.
    ///
    /// # Errors
    /// [`Problem`] that names `pointer` when it is missing or no string.
    pub fn required_text(self, pointer: &'static str) -> Result<Cow<'a, str>, Problem> {
        match self {
            Self::Text(text) => Ok(text),
            Self::Missing => Err(missing(pointer)),
            other => Err(other.unexpected(Presence::Mandatory, pointer, "a string")),
        }
    }

    /// The string of an optional member.
    ///
    /// # Errors
    /// [`Problem`] that names `pointer` when it is there and no string.
    pub fn optional_text(self, pointer: &'static str) -> Result<Option<Cow<'a, str>>, Problem> {
        match self {
            Self::Text(text) => Ok(Some(text)),
            Self::Missing => Ok(None),
            other => Err(other.unexpected(Presence::Optional, pointer, "a string")),
        }
    }

    /// A mandatory member that a type parses from text.
    ///
    /// # Errors
    /// [`Problem`] that names `pointer`.
    pub fn required<P>(self, pointer: &'static str) -> Result<P, Problem>
    where
        P: std::str::FromStr,
        P::Err: fmt::Display,
    {
        let text = self.required_text(pointer)?;
        text.parse()
            .map_err(|error: P::Err| Presence::Mandatory.wrong(pointer, error.to_string()))
    }

    /// A mandatory member of hexadecimal digits of either case.
    ///
    /// # Errors
    /// [`Problem`] that names `pointer`.
    pub fn required_hex<const N: usize>(self, pointer: &'static str) -> Result<[u8; N], Problem> {
        hex_octets(Presence::Mandatory, pointer, &self.required_text(pointer)?)
    }

    /// A mandatory secret in hexadecimal digits of either case: `make` takes its octets, which are then wiped, and so is the
    /// text where it is no part of the body.
    ///
    /// The digits are read in constant time. What is before it, the search for the end of the string, asks of each
    /// character only whether it is a quote, a backslash or a control character, and all digits are none of these.
    ///
    /// # Errors
    /// [`Problem`] that names `pointer`.
    pub fn required_secret<const N: usize, S>(
        self,
        pointer: &'static str,
        make: impl FnOnce(&[u8; N]) -> S,
    ) -> Result<S, Problem> {
        let text = self.required_text(pointer)?;
        let mut octets = Zeroizing::new([0; N]);
        let made = match hex::read(text.as_bytes(), &mut octets) {
            true => Ok(make(&octets)),
            false => hex_octets::<N>(Presence::Mandatory, pointer, &text).map(|octets| make(&octets)),
        };
        if let Cow::Owned(text) = text {
            drop(Zeroizing::new(text));
        }
        made
    }

    /// A mandatory boolean.
    ///
    /// # Errors
    /// [`Problem`] that names `pointer`.
    pub fn required_bool(self, pointer: &'static str) -> Result<bool, Problem> {
        match self {
            Self::Bool(value) => Ok(value),
            Self::Missing => Err(missing(pointer)),
            other => Err(other.unexpected(Presence::Mandatory, pointer, "a boolean")),
        }
    }

    /// An optional boolean, false by default.
    ///
    /// # Errors
    /// [`Problem`] that names `pointer`.
    pub fn optional_bool(self, pointer: &'static str) -> Result<bool, Problem> {
        match self {
            Self::Bool(value) => Ok(value),
            Self::Missing => Ok(false),
            other => Err(other.unexpected(Presence::Optional, pointer, "a boolean")),
        }
    }

    /// Optional `supportedFeatures`: hexadecimal digits, as many as the peer likes (TS 29.571 5.2.2).
    ///
    /// # Errors
    /// [`Problem`] that names `pointer` when it is there and anything else.
    pub fn optional_features(self, pointer: &'static str) -> Result<(), Problem> {
        match self.optional_text(pointer)? {
            Some(text) if !text.bytes().all(|c| c.is_ascii_hexdigit()) => {
                Err(Presence::Optional.wrong(pointer, "not hexadecimal digits"))
            }
            _ => Ok(()),
        }
    }

    /// A mandatory object.
    ///
    /// # Errors
    /// [`Problem`] that names `pointer`.
    pub fn required_object(self, pointer: &'static str) -> Result<T, Problem> {
        match self {
            Self::Object(object) => Ok(object),
            Self::Missing => Err(missing(pointer)),
            other => Err(other.unexpected(Presence::Mandatory, pointer, "an object")),
        }
    }

    /// An optional object.
    ///
    /// # Errors
    /// [`Problem`] that names `pointer`.
    pub fn optional_object(self, pointer: &'static str) -> Result<Option<T>, Problem> {
        match self {
            Self::Object(object) => Ok(Some(object)),
            Self::Missing => Ok(None),
            other => Err(other.unexpected(Presence::Optional, pointer, "an object")),
        }
    }

    /// Whether the member is there.
    pub fn is_missing(&self) -> bool {
        matches!(self, Self::Missing)
    }

    /// Whether the member is `null`.
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }
}

/// Reads exactly `2 N` hexadecimal digits of either case, in constant time.
///
/// # Errors
/// [`Problem`] that names `pointer` and says length or position, never the digits.
pub fn hex_octets<const N: usize>(presence: Presence, pointer: &'static str, text: &str) -> Result<[u8; N], Problem> {
    let mut octets = [0; N];
    if hex::read(text.as_bytes(), &mut octets) {
        return Ok(octets);
    }
    let characters = text.chars().count();
    Err(presence.wrong(
        pointer,
        match characters == 2 * N {
            true => format!("not {} hexadecimal digits", 2 * N),
            false => format!("{characters} characters instead of {} hexadecimal digits", 2 * N),
        },
    ))
}

/// Writes one JSON object into a buffer.
pub struct Object<'b> {
    out: &'b mut Vec<u8>,
    empty: bool,
}

impl<'b> Object<'b> {
    /// Opens the object.
    pub fn new(out: &'b mut Vec<u8>) -> Self {
        out.push(b'{');
        Self { out, empty: true }
    }

    fn name(&mut self, name: &str) {
        if !self.empty {
            self.out.push(b',');
        }
        self.empty = false;
        self.out.push(b'"');
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b"\":");
    }

    /// A string member.
    pub fn text(&mut self, name: &str, value: &str) {
        self.text_of(name, &[value]);
    }

    /// A string member of several parts, without putting them together first.
    pub fn text_of(&mut self, name: &str, parts: &[&str]) {
        self.name(name);
        self.out.push(b'"');
        for part in parts {
            push_escaped(self.out, part);
        }
        self.out.push(b'"');
    }

    /// A string member of lower-case hexadecimal digits.
    pub fn hex(&mut self, name: &str, octets: &[u8]) {
        self.name(name);
        self.out.push(b'"');
        push_hex(self.out, octets);
        self.out.push(b'"');
    }

    /// A number.
    pub fn number(&mut self, name: &str, value: u64) {
        self.name(name);
        self.out.extend_from_slice(value.to_string().as_bytes());
    }

    /// A boolean.
    pub fn bool(&mut self, name: &str, value: bool) {
        self.name(name);
        self.out
            .extend_from_slice(if value { b"true".as_slice() } else { b"false".as_slice() });
    }

    /// `null`.
    pub fn null(&mut self, name: &str) {
        self.name(name);
        self.out.extend_from_slice(b"null");
    }

    /// An object member.
    pub fn object(&mut self, name: &str, write: impl FnOnce(&mut Object<'_>)) {
        self.name(name);
        let mut object = Object::new(self.out);
        write(&mut object);
        object.end();
    }

    /// An array member of one object.
    pub fn array_of_one(&mut self, name: &str, write: impl FnOnce(&mut Object<'_>)) {
        self.name(name);
        self.out.push(b'[');
        let mut object = Object::new(self.out);
        write(&mut object);
        object.end();
        self.out.push(b']');
    }

    /// Closes the object.
    pub fn end(self) {
        self.out.push(b'}');
    }
}

/// Appends lower-case hexadecimal digits, in constant time.
pub fn push_hex(out: &mut Vec<u8>, octets: &[u8]) {
    hex::push(out, octets);
}

fn push_escaped(out: &mut Vec<u8>, text: &str) {
    if text.bytes().all(|c| c >= 0x20 && c != b'"' && c != b'\\') {
        out.extend_from_slice(text.as_bytes());
        return;
    }
    for c in text.bytes() {
        match c {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', c]),
            0..0x20 => {
                out.extend_from_slice(b"\\u00");
                push_hex(out, &[c]);
            }
            _ => out.push(c),
        }
    }
}
