//! The keys by which access tokens are verified.

use std::fmt;
use std::str::FromStr;

use der::Tag;
use jsonwebtoken::DecodingKey;
use rustls::pki_types::pem::{Error as PemError, PemObject};
use rustls::pki_types::{CertificateDer, SubjectPublicKeyInfoDer};
use webpki::EndEntityCert;

use crate::sbi::peer::{content, values};

/// How tokens are signed (RFC 7518 3.1, RFC 8037 3.1). There is no MAC and no `none`: a verifier's key can sign nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TokenAlgorithm {
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// ECDSA on P-384 with SHA-384.
    Es384,
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
    /// RSASSA-PKCS1-v1_5 with SHA-512.
    Rs512,
    /// RSASSA-PSS with SHA-256.
    Ps256,
    /// Ed25519.
    EdDsa,
}

/// What elliptic curve keys, RSA keys and Ed25519 keys say that they are: content of the object identifiers (RFC 5480, RFC 8410).
const EC: &[u8] = &[0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x02, 0x01];
const P256: &[u8] = &[0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07];
const P384: &[u8] = &[0x2B, 0x81, 0x04, 0x00, 0x22];
const RSA: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x01];
const ED25519: &[u8] = &[0x2B, 0x65, 0x70];

impl TokenAlgorithm {
    /// All of them.
    pub const ALL: &[Self] = &[
        Self::Es256,
        Self::Es384,
        Self::Rs256,
        Self::Rs512,
        Self::Ps256,
        Self::EdDsa,
    ];

    /// As the header of a token calls it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::Rs256 => "RS256",
            Self::Rs512 => "RS512",
            Self::Ps256 => "PS256",
            Self::EdDsa => "EdDSA",
        }
    }

    pub(super) const fn of_library(self) -> jsonwebtoken::Algorithm {
        use jsonwebtoken::Algorithm;
        match self {
            Self::Es256 => Algorithm::ES256,
            Self::Es384 => Algorithm::ES384,
            Self::Rs256 => Algorithm::RS256,
            Self::Rs512 => Algorithm::RS512,
            Self::Ps256 => Algorithm::PS256,
            Self::EdDsa => Algorithm::EdDSA,
        }
    }

    pub(super) const fn needs(self) -> &'static str {
        match self {
            Self::Es256 => "a key on P-256",
            Self::Es384 => "a key on P-384",
            Self::Rs256 | Self::Rs512 | Self::Ps256 => "an RSA key of 2048 to 8192 bits",
            Self::EdDsa => "an Ed25519 key",
        }
    }
}

impl fmt::Display for TokenAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Not an algorithm by which tokens are verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not one of ES256, ES384, RS256, RS512, PS256, EdDSA")]
pub struct NotAnAlgorithm;

impl FromStr for TokenAlgorithm {
    type Err = NotAnAlgorithm;

    fn from_str(name: &str) -> Result<Self, NotAnAlgorithm> {
        let named = |algorithm: &&Self| algorithm.name() == name;
        Self::ALL.iter().find(named).copied().ok_or(NotAnAlgorithm)
    }
}

/// Why a key can verify no token.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TokenKeyError {
    /// No PEM, or neither a public key nor a certificate in it.
    #[error("no public key (BEGIN PUBLIC KEY) and no certificate in PEM: {0}")]
    Pem(PemError),
    /// A private key, which has no business here.
    #[error("a private key: whoever verifies tokens needs the public one only")]
    Private,
    /// A certificate that cannot be read.
    #[error("the certificate cannot be read")]
    Certificate,
    /// Another kind of key.
    #[error("not {}, which {} needs", .0.needs(), .0.name())]
    OtherKind(TokenAlgorithm),
    /// An empty or overlong name.
    #[error("kid: 1 to {MAX_KID} octets, no control characters")]
    Kid,
}

/// The most octets of the name of a key.
pub(super) const MAX_KID: usize = 256;

/// A key by which tokens are verified, and the one algorithm that it is for.
#[derive(Clone)]
pub struct TokenKey {
    pub(super) kid: Option<Box<str>>,
    pub(super) algorithm: TokenAlgorithm,
    pub(super) key: DecodingKey,
}

impl TokenKey {
    /// Reads the first public key, else the first certificate, of a PEM text. Whether a certificate is valid is not asked: a
    /// key of the configuration is trusted as it is.
    ///
    /// # Errors
    /// No such key, or one of another kind than the algorithm needs.
    pub fn from_pem(pem: &[u8], algorithm: TokenAlgorithm, kid: Option<&str>) -> Result<Self, TokenKeyError> {
        let is_name = |kid: &str| (1..=MAX_KID).contains(&kid.len()) && !kid.chars().any(char::is_control);
        if kid.is_some_and(|kid| !is_name(kid)) {
            return Err(TokenKeyError::Kid);
        }
        if pem.windows(12).any(|window| window == b"PRIVATE KEY-") {
            return Err(TokenKeyError::Private);
        }
        let spki = match SubjectPublicKeyInfoDer::from_pem_slice(pem) {
            Ok(spki) => spki.as_ref().to_vec(),
            Err(PemError::NoItemsFound) => {
                let certificate = CertificateDer::from_pem_slice(pem).map_err(TokenKeyError::Pem)?;
                let certificate = EndEntityCert::try_from(&certificate).map_err(|_| TokenKeyError::Certificate)?;
                certificate.subject_public_key_info().as_ref().to_vec()
            }
            Err(error) => return Err(TokenKeyError::Pem(error)),
        };
        Ok(Self {
            kid: kid.map(Box::from),
            algorithm,
            key: key_of(&spki, algorithm).ok_or(TokenKeyError::OtherKind(algorithm))?,
        })
    }
}

impl fmt::Debug for TokenKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TokenKey({}, {:?})", self.algorithm, self.kid)
    }
}

/// The key in a `SubjectPublicKeyInfo` (RFC 5280 4.1), if it is of the kind that the algorithm needs.
fn key_of(spki: &[u8], algorithm: TokenAlgorithm) -> Option<DecodingKey> {
    let [spki] = values(spki)?[..] else { return None };
    let [kind, key] = values(content(spki, Tag::Sequence)?)?[..] else {
        return None;
    };
    let kind = values(content(kind, Tag::Sequence)?)?;
    let [0, key @ ..] = content(key, Tag::BitString)? else {
        return None;
    };
    let (kind, parameters) = match kind[..] {
        [kind] => (content(kind, Tag::ObjectIdentifier)?, None),
        [kind, parameters] => (content(kind, Tag::ObjectIdentifier)?, Some(parameters)),
        _ => return None,
    };
    let on = |curve: &[u8], octets: usize| {
        let named = parameters.and_then(|parameters| content(parameters, Tag::ObjectIdentifier));
        kind == EC && named == Some(curve) && key.len() == 1 + 2 * octets && key.first() == Some(&4)
    };
    match algorithm {
        TokenAlgorithm::Es256 => on(P256, 32).then(|| DecodingKey::from_ec_der(key)),
        TokenAlgorithm::Es384 => on(P384, 48).then(|| DecodingKey::from_ec_der(key)),
        TokenAlgorithm::Rs256 | TokenAlgorithm::Rs512 | TokenAlgorithm::Ps256 => {
            (kind == RSA && (2048..=8192).contains(&modulus_bits(key)?)).then(|| DecodingKey::from_rsa_der(key))
        }
        TokenAlgorithm::EdDsa => (kind == ED25519 && key.len() == 32).then(|| DecodingKey::from_ed_der(key)),
    }
}

/// Bits of the modulus of an `RSAPublicKey` (RFC 8017 A.1.1).
fn modulus_bits(key: &[u8]) -> Option<usize> {
    let [key] = values(key)?[..] else { return None };
    let [modulus, _] = values(content(key, Tag::Sequence)?)?[..] else {
        return None;
    };
    let modulus = content(modulus, Tag::Integer)?;
    let modulus = modulus.strip_prefix(&[0]).unwrap_or(modulus);
    let unused = usize::try_from(modulus.first()?.leading_zeros()).ok()?;
    (8 * modulus.len()).checked_sub(unused)
}
