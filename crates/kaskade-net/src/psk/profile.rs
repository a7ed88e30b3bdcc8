//! What a listener or a client speaks: one version, and in TLS 1.2 one cipher suite.

use kaskade_keys::id::UaProtocolId;
use openssl::ssl::SslVersion;

/// Protocol and key exchange of a listener or client. There is no other version to fall back to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Profile {
    /// TLS 1.3 with an external key and (EC)DHE; its cipher suites are those with SHA-256, since that is the hash of a key without another
    /// (RFC 8446 4.2.11). The key does not depend on the suite.
    Tls13,
    /// TLS 1.2 with exactly this cipher suite: the key may depend on it.
    Tls12(PskSuite),
    /// DTLS 1.2 with exactly this cipher suite: the key may depend on it.
    Dtls12(PskSuite),
}

impl Profile {
    /// Whether it goes over datagrams.
    pub const fn is_for_datagrams(self) -> bool {
        matches!(self, Self::Dtls12(_))
    }

    /// The cipher suite that the key may depend on.
    pub const fn suite(self) -> Option<PskSuite> {
        match self {
            Self::Tls13 => None,
            Self::Tls12(suite) | Self::Dtls12(suite) => Some(suite),
        }
    }

    /// What AKMA and GBA call it, so that a key for it is a key for nothing else; `None` for DTLS, whose identifier no source here gives.
    pub const fn ua_protocol(self) -> Option<UaProtocolId> {
        match self {
            Self::Tls13 => Some(UaProtocolId::TLS_1_3_PSK),
            Self::Tls12(suite) => Some(UaProtocolId::tls(suite.code_point().to_be_bytes())),
            Self::Dtls12(_) => None,
        }
    }

    pub(super) const fn version(self) -> SslVersion {
        match self {
            Self::Tls13 => SslVersion::TLS1_3,
            Self::Tls12(_) => SslVersion::TLS1_2,
            Self::Dtls12(_) => SslVersion::DTLS1_2,
        }
    }
}

/// The cipher suites of TLS 1.3 that go with a key of SHA-256.
pub(super) const SUITES_OF_1_3: &str = "TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256";

macro_rules! suites {
    ($($(#[$meta:meta])* $Suite:ident = $code:literal, $iana:literal, $openssl:literal;)*) => {
        /// A cipher suite of TLS 1.2 that proves a pre-shared key and encrypts with authentication.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum PskSuite {
            $($(#[$meta])* $Suite,)*
        }

        impl PskSuite {
            /// All of them; those that have forward secrecy first.
            pub const ALL: &'static [Self] = &[$(Self::$Suite),*];

            /// Its code point in IANA's registry.
            pub const fn code_point(self) -> u16 {
                match self { $(Self::$Suite => $code,)* }
            }

            /// Its name in IANA's registry.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$Suite => $iana,)* }
            }

            /// Its name for OpenSSL.
            pub const fn openssl_name(self) -> &'static str {
                match self { $(Self::$Suite => $openssl,)* }
            }
        }
    };
}

suites! {
    /// With ECDHE: the only one here with forward secrecy (RFC 7905).
    EcdheChaCha20Poly1305 = 0xCCAC, "TLS_ECDHE_PSK_WITH_CHACHA20_POLY1305_SHA256", "ECDHE-PSK-CHACHA20-POLY1305";
    /// RFC 5487.
    Aes128Gcm = 0x00A8, "TLS_PSK_WITH_AES_128_GCM_SHA256", "PSK-AES128-GCM-SHA256";
    /// RFC 5487.
    Aes256Gcm = 0x00A9, "TLS_PSK_WITH_AES_256_GCM_SHA384", "PSK-AES256-GCM-SHA384";
    /// RFC 7905.
    ChaCha20Poly1305 = 0xCCAB, "TLS_PSK_WITH_CHACHA20_POLY1305_SHA256", "PSK-CHACHA20-POLY1305";
    /// RFC 6655.
    Aes128Ccm = 0xC0A4, "TLS_PSK_WITH_AES_128_CCM", "PSK-AES128-CCM";
    /// What CoAP makes mandatory (RFC 7252 9.1.3.1); its tag has 8 octets (RFC 6655).
    Aes128Ccm8 = 0xC0A8, "TLS_PSK_WITH_AES_128_CCM_8", "PSK-AES128-CCM8";
}

#[cfg(test)]
mod tests {
    use super::*;
    use openssl::ssl::{SslContext, SslMethod};

    #[test]
    fn a_key_of_akma_is_for_one_protocol_and_suite() {
        let ua = |profile: Profile| profile.ua_protocol().map(|protocol| *protocol.octets());
        assert_eq!(ua(Profile::Tls13), Some([1, 0, 0, 0, 7]));
        assert_eq!(
            ua(Profile::Tls12(PskSuite::EcdheChaCha20Poly1305)),
            Some([1, 0, 1, 0xcc, 0xac])
        );
        assert_eq!(ua(Profile::Dtls12(PskSuite::Aes128Ccm8)), None);
    }

    #[test]
    fn names_and_code_points_are_those_of_openssl() {
        for suite in PskSuite::ALL {
            let mut context = SslContext::builder(SslMethod::tls()).unwrap();
            context.set_cipher_list(suite.openssl_name()).unwrap();
            let context = context.build();
            let ssl = openssl::ssl::Ssl::new(&context).unwrap();
            let octets = suite.code_point().to_be_bytes();
            let list = ssl.bytes_to_cipher_list(&octets, false).unwrap();
            let cipher = list.suites.iter().next().unwrap();
            assert_eq!(cipher.standard_name(), Some(suite.name()));
            assert_eq!(cipher.name(), suite.openssl_name());
        }
    }
}
