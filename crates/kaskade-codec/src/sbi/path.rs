//! Path segments of a request, percent-decoded one by one (RFC 3986 2.1 and 3.3), and the variables among them.
//!
//! Names of APIs and resources are compared after decoding, since `%2D` and `-` are the same (RFC 3986 6.2.2.2):
//! `/nausf%2Dauth/v1/ue%2dauthentications` is `/nausf-auth/v1/ue-authentications`. A decoded `/` does not separate, and a
//! decoded `.` or `..` is a name as any other: dots are the client's to remove (RFC 3986 5.2.4).

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::format;
use alloc::string::{String, ToString};

use kaskade_keys::Supi;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use super::values::SupiOrSuci;
use crate::hex;

/// More than any resource of the services has.
pub const MAX_SEGMENTS: usize = 8;

/// What stands in a segment as it is (RFC 3986 3.3), beside letters and digits.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'!')
    .remove(b'$')
    .remove(b'&')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')')
    .remove(b'*')
    .remove(b'+')
    .remove(b',')
    .remove(b';')
    .remove(b'=')
    .remove(b':')
    .remove(b'@');

/// The segments of a path.
#[derive(Debug)]
pub struct Segments<'a> {
    segments: [Cow<'a, str>; MAX_SEGMENTS],
    len: usize,
}

impl<'a> Segments<'a> {
    /// Splits and decodes a path.
    ///
    /// `None` when it has too many segments, does not begin with `/`, or a segment is no percent-encoded UTF-8. An empty
    /// segment stays one: `/a/` is not `/a`.
    pub fn of(path: &'a str) -> Option<Self> {
        let mut segments = [const { Cow::Borrowed("") }; MAX_SEGMENTS];
        let mut len: usize = 0;
        let mut rest = Some(path.strip_prefix('/')?);
        while let Some(path) = rest {
            let slash = path.bytes().position(|octet| octet == b'/');
            let (segment, behind) = path.split_at_checked(slash.unwrap_or(path.len()))?;
            *segments.get_mut(len)? = decode(segment)?;
            len = len.saturating_add(1);
            rest = behind.strip_prefix('/');
        }
        Some(Self { segments, len })
    }

    /// The segments, decoded.
    pub fn as_slice(&self) -> &[Cow<'a, str>] {
        self.segments.get(..self.len).unwrap_or_default()
    }
}

/// Decodes one segment. `None` when it is no percent-encoded UTF-8.
pub fn decode(segment: &str) -> Option<Cow<'_, str>> {
    if !segment.as_bytes().contains(&b'%') {
        return Some(Cow::Borrowed(segment));
    }
    // What is no encoding, the crate leaves as it is.
    let is_encoding =
        |after: &str| matches!(after.as_bytes(), [a, b, ..] if a.is_ascii_hexdigit() && b.is_ascii_hexdigit());
    if !segment.split('%').skip(1).all(is_encoding) {
        return None;
    }
    percent_decode_str(segment).decode_utf8().ok()
}

/// Appends a segment, with everything percent-encoded that RFC 3986 does not allow in one.
pub fn push_segment(path: &mut String, segment: &str) {
    path.extend(utf8_percent_encode(segment, ENCODED));
}

/// A variable of a path.
pub trait Variable: Sized {
    /// Reads it from its segment, decoded.
    ///
    /// # Errors
    /// What is wrong with it, without the subscriber.
    fn read(segment: &str) -> Result<Self, String>;

    /// Its segment, not encoded yet.
    fn text(&self) -> Cow<'_, str>;

    /// The path that a peer gave in place of the usual one, encoded.
    fn elsewhere(&self) -> Option<&str> {
        None
    }
}

impl Variable for Supi {
    fn read(segment: &str) -> Result<Self, String> {
        segment
            .parse()
            .map_err(|error: kaskade_keys::ParseError| error.to_string())
    }

    fn text(&self) -> Cow<'_, str> {
        Cow::Owned(self.sbi())
    }
}

impl Variable for SupiOrSuci {
    fn read(segment: &str) -> Result<Self, String> {
        Self::parse(segment).map_err(|error| error.to_string())
    }

    fn text(&self) -> Cow<'_, str> {
        Cow::Owned(self.sbi())
    }
}

/// The name of a resource, which whoever serves it has chosen.
///
/// Of what a peer says of its own, [`ResourceId::MAX`] octets are kept at most.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResourceId(Name);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Name {
    /// 16 lower-case hexadecimal digits, as this program names reports: without the allocator.
    Number(u64),
    /// The last segment of its path, decoded.
    Segment(Box<str>),
    /// Its whole path, encoded, where that is not below its collection.
    Path(Box<str>),
}

impl ResourceId {
    /// The most that is kept of what a peer says, in octets.
    pub const MAX: usize = 128;

    /// By the last segment of its path, decoded.
    pub fn segment(text: &str) -> Self {
        let mut octets = [0; 8];
        let is_lower = !text.bytes().any(|c| c.is_ascii_uppercase());
        Self(match is_lower && hex::read(text.as_bytes(), &mut octets) {
            true => Name::Number(u64::from_be_bytes(octets)),
            false => Name::Segment(text.into()),
        })
    }

    /// By a number: 16 hexadecimal digits.
    pub const fn number(number: u64) -> Self {
        Self(Name::Number(number))
    }

    /// Where the peer says that it is: a path, encoded. `collection` is the path below which it should be. `None` when it has no
    /// name or is too long.
    pub fn of_path(path: &str, collection: &str) -> Option<Self> {
        let (parent, last) = path.rsplit_once('/')?;
        if last.is_empty() {
            return None;
        }
        let within = decode(parent).is_some_and(|parent| decode(collection).is_some_and(|own| own == parent));
        let kept = match within {
            true => last,
            false => path,
        };
        if kept.len() > Self::MAX {
            return None;
        }
        match decode(last) {
            Some(last) if within => Some(Self::segment(&last)),
            _ => Some(Self(Name::Path(path.into()))),
        }
    }

    /// By the whole path, encoded, as a peer gave it in a link.
    pub fn at(path: &str) -> Self {
        Self(Name::Path(path.into()))
    }

    /// The number, if it is one.
    pub const fn as_number(&self) -> Option<u64> {
        match self.0 {
            Name::Number(number) => Some(number),
            Name::Segment(_) | Name::Path(_) => None,
        }
    }
}

impl Variable for ResourceId {
    fn read(segment: &str) -> Result<Self, String> {
        Ok(Self::segment(segment))
    }

    fn text(&self) -> Cow<'_, str> {
        match &self.0 {
            Name::Number(number) => Cow::Owned(format!("{number:016x}")),
            Name::Segment(text) => Cow::Borrowed(text),
            Name::Path(_) => Cow::Borrowed(""),
        }
    }

    fn elsewhere(&self) -> Option<&str> {
        match &self.0 {
            Name::Path(path) => Some(path),
            Name::Number(_) | Name::Segment(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn segments(path: &str) -> Option<Vec<String>> {
        let segments = Segments::of(path)?;
        Some(segments.as_slice().iter().map(ToString::to_string).collect())
    }

    #[test]
    fn segments_are_split_before_they_are_decoded() {
        assert_eq!(segments("/a/b%2Fc/%40").unwrap(), ["a", "b/c", "@"]);
        assert_eq!(segments("/a/").unwrap(), ["a", ""]);
        assert_eq!(segments("/%C3%a9%2525").unwrap(), ["é%25"]);
    }

    #[test]
    fn what_is_no_path_is_refused() {
        for path in [
            "",
            "a",
            "/%",
            "/%4",
            "/%zz",
            "/%%41",
            "/a%é",
            "/%ff",
            "/1/2/3/4/5/6/7/8/9",
        ] {
            assert!(segments(path).is_none(), "{path}");
        }
    }

    #[test]
    fn an_encoded_segment_decodes_to_itself() {
        let name = "nai-a \"b\"/%@x.org";
        let mut path = String::from("/");
        push_segment(&mut path, name);
        assert_eq!(path, "/nai-a%20%22b%22%2F%25@x.org");
        assert_eq!(segments(&path).unwrap(), [name]);
    }

    /// The name as a client writes it.
    fn written(id: &ResourceId) -> String {
        let mut path = String::new();
        match id.elsewhere() {
            Some(elsewhere) => path.push_str(elsewhere),
            None => push_segment(&mut path, &id.text()),
        }
        path
    }

    #[test]
    fn what_is_kept_of_a_location_is_bounded() {
        let collections = [
            "imsi-001010000000001".to_owned(),
            format!("nai-{}@example.org", "%23".repeat(200)),
        ]
        .map(|supi| format!("/udm/nudm-ueau/v1/{supi}/auth-events"));
        let longest = "x".repeat(ResourceId::MAX);
        for collection in &collections {
            let of = |last: &str| ResourceId::of_path(&format!("{collection}/{last}"), collection);
            for last in ["0123456789abcdef", "0123456789ABCDEF", "a%2Fb", "7", &longest] {
                let id = of(last).unwrap();
                assert_eq!((written(&id).as_str(), id.elsewhere()), (last, None));
            }
            assert_eq!(of("0123456789abcdef"), Some(ResourceId::number(0x0123_4567_89ab_cdef)));
            assert_eq!(of(&format!("{longest}x")), None);
            assert_eq!(of(""), None);
        }
        let [collection, _] = &collections;
        // As others write the same.
        let encoded = "/udm/nudm%2Dueau/v1/imsi%2d001010000000001/auth-events/7";
        assert_eq!(ResourceId::of_path(encoded, collection), Some(ResourceId::segment("7")));
        for elsewhere in [
            "/other/place/7",
            "/7",
            "/udm/nudm-ueau/v1/imsi-001010000000001/auth-events/%zz",
        ] {
            let id = ResourceId::of_path(elsewhere, collection).unwrap();
            assert_eq!(written(&id), elsewhere);
            assert_eq!(id.elsewhere(), Some(elsewhere));
        }
        for nonsense in [
            format!("/{longest}"),
            format!("/other/{}", "x".repeat(60_000)),
            "/".to_owned(),
            String::new(),
        ] {
            assert_eq!(ResourceId::of_path(&nonsense, collection), None);
        }
    }

    proptest! {
        #[test]
        fn every_name_comes_back(name in any::<String>()) {
            let mut path = String::from("/");
            push_segment(&mut path, &name);
            prop_assert_eq!(segments(&path), Some(vec![name.clone()]));
            let id = ResourceId::read(&name).unwrap();
            prop_assert_eq!(id.text(), name);
        }

        #[test]
        fn no_path_panics(path in "[/%0-9a-fé.]{0,40}") {
            let _ = Segments::of(&path);
            let _ = ResourceId::of_path(&path, "/a/b");
        }
    }
}
