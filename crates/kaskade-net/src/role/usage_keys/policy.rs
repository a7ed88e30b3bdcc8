//! Who may have keys of which usages, and where holders may be told of their end.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use hyper::Uri;
use kaskade_anchor::emsk::Registry;
use kaskade_faults::fault;

use crate::sbi::peer::{Requester, RequesterId};
use crate::sbi::service::Caller;

/// What the configuration says of usage keys: usages and domains, and who is called what in them.
#[derive(Clone, Debug, Default)]
pub struct UsagePolicy {
    /// Usages and domains. Their grants are for groups, by the names below.
    pub registry: Registry,
    known: BTreeMap<RequesterId, String>,
    callbacks: BTreeMap<String, Vec<CallbackRoot>>,
}

impl UsagePolicy {
    /// With these usages and domains.
    pub fn new(registry: Registry) -> Self {
        Self {
            registry,
            ..Self::default()
        }
    }

    /// And this requester, which is called so in the registry and in the records of holders.
    #[must_use]
    pub fn with(mut self, requester: RequesterId, name: &str) -> Self {
        self.known.insert(requester, name.to_owned());
        self
    }

    /// Whoever is called so may be told of the end of its keys at these roots.
    #[must_use]
    pub fn with_callbacks(mut self, name: &str, roots: impl IntoIterator<Item = CallbackRoot>) -> Self {
        self.callbacks.entry(name.to_owned()).or_default().extend(roots);
        self
    }

    /// Whether nobody can have anything.
    pub fn is_empty(&self) -> bool {
        self.registry.usages().next().is_none() && self.registry.domains().next().is_none()
    }

    /// What a caller is called: by its connection, and by its token. Empty: nobody here.
    pub(super) fn names(&self, caller: &Caller) -> Vec<String> {
        let by_token = caller
            .principal()
            .token()
            .map(|token| Requester::subject(token.subject()).id());
        let ids = [Some(caller.requester().id()), by_token];
        let mut names: Vec<String> = ids
            .iter()
            .flatten()
            .filter_map(|id| self.known.get(id).cloned())
            .collect();
        names.dedup();
        names
    }

    /// Whether whoever is called so may be told there.
    pub(super) fn may_be_told(&self, name: &str, root: &CallbackRoot) -> bool {
        let own = self.callbacks.get(name);
        own.is_some_and(|roots| roots.contains(root)) || fault!("callback-to-anywhere")
    }
}

/// Where a callback goes: scheme, host in lower case and port. It is what the configuration names, and what a callback URI must have:
/// nobody makes this program ask anybody else.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallbackRoot {
    is_tls: bool,
    host: Box<str>,
    port: u16,
}

/// Not the URI of a callback.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotACallback {
    /// It is no URI, or has no host.
    #[error("not a URI with scheme and host")]
    Form,
    /// It has another scheme.
    #[error("neither https nor http")]
    Scheme,
    /// It has a user or a fragment.
    #[error("with a user name or a fragment, which a callback has not")]
    Beyond,
    /// A root has a path.
    #[error("with a path: expected scheme, host and port alone, such as https://smf.example.org:8443")]
    Path,
}

impl CallbackRoot {
    /// The root of a callback URI, and what is asked for there: path and query.
    ///
    /// # Errors
    /// [`NotACallback`].
    pub fn of(uri: &str) -> Result<(Self, String), NotACallback> {
        if uri.contains('#') {
            return Err(NotACallback::Beyond);
        }
        let uri: Uri = uri.parse().map_err(|_| NotACallback::Form)?;
        let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            return Err(NotACallback::Form);
        };
        let is_tls = match scheme {
            "https" => true,
            "http" => false,
            _ => return Err(NotACallback::Scheme),
        };
        if authority.as_str().contains('@') {
            return Err(NotACallback::Beyond);
        }
        let host = authority.host().to_ascii_lowercase();
        if host.is_empty() {
            return Err(NotACallback::Form);
        }
        let port = match authority.port() {
            Some(port) => port.as_u16(),
            None if authority.as_str().len() != host.len() => return Err(NotACallback::Form),
            None => {
                if is_tls {
                    443
                } else {
                    80
                }
            }
        };
        // Behind an authority, a query may stand alone (RFC 3986 3.3); what is asked for begins with a path.
        let path = match uri.path_and_query().map_or("/", |path| path.as_str()) {
            path if path.starts_with('/') => path.to_owned(),
            query => format!("/{query}"),
        };
        let root = Self {
            is_tls,
            host: host.into(),
            port,
        };
        Ok((root, path))
    }

    /// Whether it is reached over TLS.
    pub const fn is_tls(&self) -> bool {
        self.is_tls
    }
}

impl FromStr for CallbackRoot {
    type Err = NotACallback;

    fn from_str(text: &str) -> Result<Self, NotACallback> {
        match Self::of(text)? {
            (root, path) if path == "/" => Ok(root),
            _ => Err(NotACallback::Path),
        }
    }
}

impl fmt::Display for CallbackRoot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.is_tls { "https" } else { "http" };
        write!(f, "{scheme}://{}:{}", self.host, self.port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_callback_goes_where_its_root_says() {
        let root = |text: &str| text.parse::<CallbackRoot>().unwrap();
        for (uri, of, path) in [
            ("https://smf.example.org/ended", "https://smf.example.org", "/ended"),
            ("https://SMF.example.org:443/a?b=c", "https://smf.example.org", "/a?b=c"),
            ("https://smf.example.org", "https://smf.example.org:443", "/"),
            ("http://127.0.0.1:9000/x", "http://127.0.0.1:9000", "/x"),
            ("https://[2001:db8::1]:8443/x", "https://[2001:db8::1]:8443", "/x"),
        ] {
            assert_eq!(CallbackRoot::of(uri), Ok((root(of), path.to_owned())), "{uri}");
        }
        let listed = root("https://smf.example.org:8443");
        for other in [
            "http://smf.example.org:8443/x",
            "https://smf.example.org/x",
            "https://smf.example.org:84430/x",
            "https://smf.example.org.evil.example:8443/x",
            "https://smf.example.org:8443@evil.example/x",
            "https://evil.example/smf.example.org:8443",
            "https://evil.example#smf.example.org:8443",
            "https://a:b@smf.example.org:8443/x",
            "gopher://smf.example.org:8443/",
            "file:///etc/passwd",
            "/x",
            "smf.example.org:8443",
            "https://",
            "https://smf.example.org:/x",
            "",
        ] {
            assert!(
                CallbackRoot::of(other).ok().is_none_or(|(root, _)| root != listed),
                "{other}"
            );
        }
        assert_eq!("https://a.example/x".parse::<CallbackRoot>(), Err(NotACallback::Path));
        assert_eq!(listed.to_string(), "https://smf.example.org:8443");
    }
}
