//! What a request says in its header, as far as anybody asks; the header itself is let go at once.
//!
//! A header of many short fields takes six to seven times its octets as RFC 9113 6.5.2 counts them
//! ([`HEADER_FACTOR`](super::limits::HEADER_FACTOR) is 8), and each field keeps the buffer that it was read into. A request that
//! waits holds neither.

use hyper::Method;
use hyper::header::{self, HeaderMap};
use hyper::http::request::Parts;
use kaskade_faults::fault;
use zeroize::Zeroizing;

use super::media_type;
use super::message::Content;
use super::token::{MAX_TOKEN, bearer};

/// The longest authority that is repeated in an answer, in octets: a DNS name and a port.
const MAX_AUTHORITY: usize = 253 + 1 + 5;

/// What is kept of the header of a request.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) method: Method,
    /// Path, without query.
    pub(super) path: Box<str>,
    /// Authority, or `Host`, if it is no longer than a name and a port; what is in it nobody has looked at.
    pub(super) authority: Option<Box<str>>,
    pub(super) content_type: ContentType,
    /// There is a `content-encoding`.
    pub(super) coded: bool,
    pub(super) authorization: Authorization,
    accepted: Accepted,
}

/// What `content-type` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ContentType {
    /// `application/json` in UTF-8, once.
    Json,
    /// `application/merge-patch+json` in UTF-8, once.
    MergePatch,
    /// `application/x-www-form-urlencoded` in UTF-8, once.
    Form,
    /// Something else, or nothing.
    Other,
    /// It stands there more than once.
    Several,
}

impl Head {
    pub(super) fn of(head: &Parts) -> Self {
        let authority = match head.uri.authority() {
            Some(authority) => Some(authority.as_str()),
            None => head.headers.get(header::HOST).and_then(|host| host.to_str().ok()),
        };
        Self {
            method: head.method.clone(),
            path: head.uri.path().into(),
            authority: authority.filter(|name| name.len() <= MAX_AUTHORITY).map(Box::from),
            content_type: ContentType::of(&head.headers),
            coded: head.headers.contains_key(header::CONTENT_ENCODING),
            authorization: Authorization::of(&head.headers),
            accepted: Accepted::of(&head.headers),
        }
    }

    /// What it takes beyond its own size, in octets.
    pub(super) fn octets(&self) -> usize {
        let authority = self.authority.as_ref().map_or(0, |name| name.len());
        self.method.as_str().len() + self.path.len() + authority + self.authorization.octets()
    }

    /// Whether the peer takes an answer of this kind.
    pub(super) fn accepts(&self, content: Content) -> bool {
        self.accepted.includes(content)
    }
}

/// What `authorization` says. It is a secret: nothing shows it, and this copy is wiped; those that HTTP/2 keeps are not.
#[derive(Clone, PartialEq, Eq)]
pub enum Authorization {
    /// Nothing.
    Missing,
    /// A bearer token (RFC 6750 2.1), which nobody has looked at.
    Bearer(Zeroizing<Box<str>>),
    /// What Basic authentication has in Base64 (RFC 7617 2), which nobody has looked at.
    Basic(Zeroizing<Box<str>>),
    /// Another scheme, several values, or more than a token may have.
    Other,
}

impl Authorization {
    fn of(headers: &HeaderMap) -> Self {
        let mut values = headers.get_all(header::AUTHORIZATION).iter();
        let Some(value) = values.next() else {
            return Self::Missing;
        };
        // A token, and the word before it.
        if values.next().is_some() || value.len() > MAX_TOKEN + 16 {
            return Self::Other;
        }
        let Ok(value) = value.to_str() else {
            return Self::Other;
        };
        match (bearer(value), basic(value)) {
            (Some(token), _) => Self::Bearer(Zeroizing::new(token.into())),
            (None, Some(credentials)) => Self::Basic(Zeroizing::new(credentials.into())),
            (None, None) => Self::Other,
        }
    }

    fn octets(&self) -> usize {
        match self {
            Self::Bearer(token) | Self::Basic(token) => token.len(),
            Self::Missing | Self::Other => 0,
        }
    }
}

impl std::fmt::Debug for Authorization {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Missing => "Missing",
            Self::Bearer(_) => "Bearer",
            Self::Basic(_) => "Basic",
            Self::Other => "Other",
        })
    }
}

/// The credentials in a value of `authorization` that is of Basic authentication (RFC 7617 2).
fn basic(value: &str) -> Option<&str> {
    let (scheme, credentials) = value.split_once(' ')?;
    scheme
        .eq_ignore_ascii_case("basic")
        .then(|| credentials.trim_matches(' '))
}

impl ContentType {
    fn of(headers: &HeaderMap) -> Self {
        let mut values = headers.get_all(header::CONTENT_TYPE).iter();
        let (first, second) = (values.next(), values.next());
        if second.is_some() && !fault!("second-content-type-unseen") {
            return Self::Several;
        }
        match first {
            Some(value) if media_type::is_json(value.as_bytes()) => Self::Json,
            Some(value) if media_type::is_merge_patch(value.as_bytes()) => Self::MergePatch,
            Some(value) if media_type::is_form(value.as_bytes()) => Self::Form,
            _ => Self::Other,
        }
    }
}

/// Which kinds of answer are listed in `accept`, by the order of [`Content`]; `None` if there is no list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Accepted(Option<[bool; Content::ALL.len()]>);

/// Whether a request with this header takes an answer of this kind.
#[cfg(feature = "test-util")]
pub(super) fn accepts(headers: &HeaderMap, content: Content) -> bool {
    Accepted::of(headers).includes(content)
}

/// `q=0`, in whatever form: not this one.
fn is_weight_of_nothing(part: &[u8]) -> bool {
    let weight = part.strip_prefix(b"q=").or_else(|| part.strip_prefix(b"Q="));
    let weight = weight.and_then(|weight| std::str::from_utf8(weight).ok());
    weight.is_some_and(|weight| weight.parse() == Ok(0.0))
}

impl Accepted {
    fn includes(self, content: Content) -> bool {
        self.0.is_none_or(|kinds| kinds[content as usize])
    }

    /// A peer that lists `application/json` is taken to understand `application/3gppHal+json` too: 3GPP clients in use name
    /// only one of them.
    fn of(headers: &HeaderMap) -> Self {
        let mut listed = None::<Listed>;
        for value in headers.get_all(header::ACCEPT) {
            let Ok(value) = value.to_str() else { continue };
            for range in value.as_bytes().split(|octet| *octet == b',') {
                let mut parts = range.split(|octet| *octet == b';').map(<[u8]>::trim_ascii);
                let kind = parts.next().unwrap_or_default();
                if kind.is_empty() {
                    continue;
                }
                let listed = listed.get_or_insert_default();
                if let Some(said) = listed.range(kind) {
                    // Of one that stands there twice, what it allows.
                    *said = Some(*said == Some(true) || !parts.any(is_weight_of_nothing));
                }
            }
        }
        Self(listed.map(|listed| Content::ALL.map(|content| listed.allows(content))))
    }
}

/// What each range of a list says: yes, or not this one.
#[derive(Default)]
struct Listed {
    kinds: [Option<bool>; Content::ALL.len()],
    /// `application/*`
    application: Option<bool>,
    /// `*/*`
    any: Option<bool>,
}

impl Listed {
    /// Where a range is kept; `None` for one of no kind of answer.
    fn range(&mut self, range: &[u8]) -> Option<&mut Option<bool>> {
        let is = |known: &str| known.as_bytes().eq_ignore_ascii_case(range);
        if is("*/*") {
            return Some(&mut self.any);
        }
        if is("application/*") {
            return Some(&mut self.application);
        }
        let content = Content::ALL.into_iter().find(|content| is(content.media_type()))?;
        self.kinds.get_mut(content as usize)
    }

    /// The most specific range counts (RFC 9110 12.5.1).
    fn allows(&self, content: Content) -> bool {
        let [json, ..] = self.kinds;
        let own = self.kinds.get(content as usize).copied().flatten();
        let less = json.filter(|json| *json).or(self.application).or(self.any);
        let said = match fault!("accept-by-any-range") {
            true => less.or(own),
            false => own.or(less),
        };
        said.unwrap_or(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_specific_range_of_accept_counts() {
        let taken = |accept: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT, accept.parse().unwrap());
            Content::ALL.map(|content| Accepted::of(&headers).includes(content))
        };
        for (accept, expected) in [
            ("*/*", [true; 3]),
            ("application/*", [true; 3]),
            ("text/html", [false; 3]),
            ("application/json", [true; 3]),
            ("application/3gppHal+json", [false, true, false]),
            ("application/3gpphal+json;q=0, */*", [true, false, true]),
            ("*/*, application/3gpphal+json;q=0", [true, false, true]),
            (
                "application/3gppHal+json; q=0.000, application/json",
                [true, false, true],
            ),
            ("application/json;q=0, */*", [false, true, true]),
            ("application/*;q=0, */*", [false; 3]),
            ("application/*, */*;q=0", [true; 3]),
            ("application/problem+json, application/*;q=0", [false, false, true]),
            ("*/*;q=0", [false; 3]),
            ("*/*;q=0, */*;q=0.1", [true; 3]),
        ] {
            assert_eq!(taken(accept), expected, "{accept}");
        }
    }
}
