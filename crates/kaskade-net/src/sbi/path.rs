//! Path segments of a request, percent-decoded one by one (RFC 3986 2.1 and 3.3).
//!
//! Names of APIs and resources are compared after decoding, since `%2D` and `-` are the same (RFC 3986 6.2.2.2):
//! `/nausf%2Dauth/v1/ue%2dauthentications` is `/nausf-auth/v1/ue-authentications`. A decoded `/` does not separate, and a
//! decoded `.` or `..` is a name as any other: dots are the client's to remove (RFC 3986 5.2.4).

use std::borrow::Cow;

/// More than any resource of the services has.
const MAX_SEGMENTS: usize = 8;

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
        let mut len = 0;
        for segment in path.strip_prefix('/')?.split('/') {
            *segments.get_mut(len)? = decode(segment)?;
            len += 1;
        }
        Some(Self { segments, len })
    }

    /// The segments, to match on.
    pub fn as_strs(&self) -> ([&str; MAX_SEGMENTS], usize) {
        (self.segments.each_ref().map(AsRef::as_ref), self.len)
    }
}

/// Decodes one segment. `None` when it is no percent-encoded UTF-8.
pub(crate) fn decode(segment: &str) -> Option<Cow<'_, str>> {
    if !segment.contains('%') {
        return Some(Cow::Borrowed(segment));
    }
    let mut octets = Vec::with_capacity(segment.len());
    let mut rest = segment.bytes();
    while let Some(octet) = rest.next() {
        octets.push(match octet {
            b'%' => {
                let mut digit = || char::from(rest.next()?).to_digit(16);
                let (high, low) = (digit()?, digit()?);
                u8::try_from(high << 4 | low).ok()?
            }
            octet => octet,
        });
    }
    String::from_utf8(octets).ok().map(Cow::Owned)
}

/// Appends a segment, with everything percent-encoded that RFC 3986 does not allow in one.
pub fn push_segment(path: &mut String, segment: &str) {
    for octet in segment.bytes() {
        let allowed = octet.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@".contains(&octet);
        if allowed {
            path.push(char::from(octet));
        } else {
            path.push('%');
            for nibble in [octet >> 4, octet & 0xF] {
                path.push(char::from(b"0123456789ABCDEF"[usize::from(nibble)]));
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn segments(path: &str) -> Option<Vec<String>> {
        let segments = Segments::of(path)?;
        let (strs, len) = segments.as_strs();
        Some(strs[..len].iter().map(|s| (*s).to_owned()).collect())
    }

    #[test]
    fn segments_are_split_before_they_are_decoded() {
        assert_eq!(segments("/a/b%2Fc/%40").unwrap(), ["a", "b/c", "@"]);
        assert_eq!(segments("/a/").unwrap(), ["a", ""]);
    }

    #[test]
    fn what_is_no_path_is_refused() {
        for path in ["", "a", "/%", "/%4", "/%zz", "/%ff", "/1/2/3/4/5/6/7/8/9"] {
            assert!(segments(path).is_none(), "{path}");
        }
    }

    #[test]
    fn an_encoded_segment_decodes_to_itself() {
        let name = "nai-a \"b\"/%@x.org";
        let mut path = String::from("/");
        push_segment(&mut path, name);
        assert_eq!(segments(&path).unwrap(), [name]);
    }
}
