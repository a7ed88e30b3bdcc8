//! An application function as the command line names it.

use std::fmt;
use std::str::FromStr;

use hyper::Uri;
use kaskade_keys::id::{Fqdn, UaProtocolId};

/// Where an application function is, and what is asked of it.
#[derive(Clone, Debug)]
pub(crate) struct AfUrl {
    /// The name that K_AF is for, and the certificate: in small letters.
    pub(crate) fqdn: Fqdn,
    /// The port.
    pub(super) port: u16,
    /// Path and query.
    pub(super) target: String,
    text: String,
}

impl AfUrl {
    /// Where it is, unless somebody says otherwise.
    pub(super) fn address(&self) -> String {
        format!("{}:{}", self.fqdn.as_str(), self.port)
    }

    /// The field `Host`.
    pub(super) fn host(&self) -> String {
        match self.port {
            443 => self.fqdn.as_str().to_owned(),
            _ => self.address(),
        }
    }
}

impl FromStr for AfUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let uri: Uri = text.parse().map_err(|error| format!("no URL: {error}"))?;
        if uri.scheme_str() != Some("https") {
            return Err("an application function of AKMA is reached by TLS: https://…".into());
        }
        let authority = uri.authority().ok_or("no name of an application function")?;
        if authority.as_str().contains('@') {
            return Err("no name of a user: the UE logs in with its A-KID".into());
        }
        let name = authority.host().to_ascii_lowercase();
        Ok(Self {
            fqdn: name.parse().map_err(|error| format!("{error}"))?,
            port: uri.port_u16().unwrap_or(443),
            target: uri.path_and_query().map_or("/", |target| target.as_str()).to_owned(),
            text: text.to_owned(),
        })
    }
}

impl fmt::Display for AfUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// What K_AF is for where the function has a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ua {
    /// This protocol.
    Fixed(UaProtocolId),
    /// TLS with the cipher suite that is agreed (TS 33.222 5.3).
    Tls,
}

impl Ua {
    /// The identifier over a connection of this cipher suite.
    pub(super) fn id(self, suite: u16) -> UaProtocolId {
        match self {
            Self::Fixed(id) => id,
            Self::Tls => UaProtocolId::tls(suite.to_be_bytes()),
        }
    }
}

impl FromStr for Ua {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "tls" => Ok(Self::Tls),
            _ => text.parse().map(Self::Fixed).map_err(|error| format!("{error}")),
        }
    }
}

/// TLS with K_AF as the pre-shared key.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(not(feature = "psk"), allow(dead_code, reason = "what cannot be spoken is refused"))]
pub(crate) enum PskProtocol {
    /// TLS 1.3.
    Tls13,
    /// TLS 1.2 with this cipher suite, by its name in IANA's registry.
    Tls12(String),
}

impl FromStr for PskProtocol {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('=') {
            None if text == "tls1.3" => Ok(Self::Tls13),
            Some(("tls1.2", suite)) if !suite.is_empty() => Ok(Self::Tls12(suite.to_owned())),
            _ => Err("tls1.3, or tls1.2= and a cipher suite such as TLS_PSK_WITH_AES_128_GCM_SHA256".into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_names_a_function_in_small_letters() {
        let url: AfUrl = "https://AF.Example.com:8443/a?b=c".parse().unwrap();
        assert_eq!(
            (url.fqdn.as_str(), url.port, url.target.as_str()),
            ("af.example.com", 8443, "/a?b=c")
        );
        assert_eq!(
            (url.host(), url.to_string()),
            ("af.example.com:8443".into(), "https://AF.Example.com:8443/a?b=c".into())
        );
        let url: AfUrl = "https://af.example.com".parse().unwrap();
        assert_eq!(
            (url.address(), url.host(), url.target.as_str()),
            ("af.example.com:443".into(), "af.example.com".into(), "/")
        );
        for text in [
            "http://af.example.com",
            "af.example.com",
            "https://me@af.example.com/",
            "https://[::1]/",
            "https:///",
            "",
        ] {
            assert!(text.parse::<AfUrl>().is_err(), "{text}");
        }
    }

    #[test]
    fn protocols_are_named() {
        assert_eq!("0100000002".parse(), Ok(Ua::Fixed(UaProtocolId::HTTP_DIGEST)));
        assert_eq!("tls".parse::<Ua>().unwrap().id(0x1301).to_string(), "0100011301");
        assert!("01000000".parse::<Ua>().is_err());
        assert_eq!("tls1.3".parse(), Ok(PskProtocol::Tls13));
        assert_eq!("tls1.2=X".parse(), Ok(PskProtocol::Tls12("X".into())));
        for text in ["tls1.2", "tls1.2=", "tls1.3=X", "dtls1.2=X", ""] {
            assert!(text.parse::<PskProtocol>().is_err(), "{text}");
        }
    }
}
