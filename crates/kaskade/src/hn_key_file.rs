//! Home network keys as other tools write them: PEM, DER and hex (TS 33.501 C.3.4, RFC 8410, RFC 5915, RFC 5480).
//!
//! | Form | Profile A (X25519) | Profile B (P-256) |
//! |---|---|---|
//! | PEM `PRIVATE KEY`, DER | PKCS#8, OID 1.3.101.110 | PKCS#8, OID 1.2.840.10045.2.1 with 1.2.840.10045.3.1.7 |
//! | PEM `EC PRIVATE KEY`, DER | – | SEC 1 |
//! | PEM `PUBLIC KEY`, DER | SubjectPublicKeyInfo | SubjectPublicKeyInfo |
//! | hex | 32 octets | private 32, public 33 or 65 octets |
//!
//! Bare hex does not say which curve it is for: the caller must.

use kaskade_crypto::ecies::{EciesError, HnPrivateKey, HnPublicKey, Profile};
use pkcs8::der::asn1::OctetStringRef;
use pkcs8::der::{Decode, pem};
use pkcs8::spki::SubjectPublicKeyInfoRef;
use pkcs8::{AlgorithmIdentifierRef, ObjectIdentifier, PrivateKeyInfoRef};
use sec1::{EcParameters, EcPrivateKey};
use zeroize::Zeroizing;

use crate::hex_field::{self, HexError};

/// Nothing with one key is longer; keeps a wrong file from being taken for hex.
const MAX_FILE: usize = 64 * 1024;
const X25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.110");
const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");

/// Why a file is not a home network key. Never shows what is in it.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HnKeyFileError {
    /// Too long to be a key.
    #[error("{0} octets are too many for a key file")]
    TooLong(usize),
    /// Neither PEM nor DER nor hexadecimal.
    #[error("neither PEM nor DER nor hexadecimal digits")]
    NotAKey,
    /// Hexadecimal digits, and nobody said for which profile.
    #[error("hexadecimal digits do not say which curve they are for: give --profile a (X25519) or --profile b (P-256)")]
    ProfileNeeded,
    /// Hexadecimal digits of the wrong number.
    #[error(transparent)]
    Hex(#[from] HexError),
    /// A PEM block that is damaged.
    #[error("the PEM block {label:?} is damaged: {reason}")]
    Pem {
        /// Its label.
        label: String,
        /// What the decoder says.
        reason: String,
    },
    /// PEM, but no key of the kind asked for.
    #[error("no {wanted} in this file, only: {found}")]
    Label {
        /// What was asked for.
        wanted: &'static str,
        /// The labels found.
        found: String,
    },
    /// A private key under a passphrase.
    #[error(
        "the key is encrypted: decrypt it first, for example with `openssl pkey -in FILE -out PLAIN`, and delete PLAIN afterwards"
    )]
    Encrypted,
    /// DER that is no key.
    #[error("{form}: {reason}")]
    Der {
        /// Which structure.
        form: &'static str,
        /// What the decoder says.
        reason: String,
    },
    /// A key of another curve or algorithm.
    #[error("a key of {0}: home network keys are X25519 (profile A) or P-256 (profile B)")]
    Algorithm(String),
    /// A key of the other profile than the caller said.
    #[error("this is a key of profile {actual}, not of profile {expected}")]
    Profile {
        /// What the caller said.
        expected: Profile,
        /// What the file holds.
        actual: Profile,
    },
    /// The private key in the structure has the wrong length.
    #[error("the private key of profile {profile} has {actual} octets, expected 32")]
    Length {
        /// The profile.
        profile: Profile,
        /// What it has.
        actual: usize,
    },
    /// The public key beside the private key does not belong to it.
    #[error("the public key in the file does not belong to the private key")]
    PublicKeyDiffers,
    /// The octets are no key of the curve.
    #[error(transparent)]
    Key(#[from] EciesError),
}

/// Reads a private key. `profile` is needed for hex, and checked for the other forms.
///
/// # Errors
/// [`HnKeyFileError`].
pub fn private_key(file: &[u8], profile: Option<Profile>) -> Result<HnPrivateKey, HnKeyFileError> {
    let key = match form(file)? {
        Form::Pem(text) => {
            let (label, der) = block(text, &["PRIVATE KEY", "EC PRIVATE KEY"], "private key")?;
            match label {
                "PRIVATE KEY" => pkcs8_private_key(&der)?,
                _ => sec1_private_key(&der)?,
            }
        }
        Form::Der(der) => match pkcs8_private_key(der) {
            // A SEC 1 key begins with another version number: the decoder of PKCS#8 refuses it at once.
            Err(HnKeyFileError::Der { form, reason }) => {
                sec1_private_key(der).map_err(|_| HnKeyFileError::Der { form, reason })?
            }
            result => result?,
        },
        Form::Hex(digits) => {
            let profile = profile.ok_or(HnKeyFileError::ProfileNeeded)?;
            let octets = hex_field::octets("home network private key", digits)?;
            HnPrivateKey::from_octets(profile, &octets)?
        }
    };
    same_profile(profile, key.profile())?;
    Ok(key)
}

/// Reads a public key. `profile` is needed for hex, and checked for the other forms.
///
/// # Errors
/// [`HnKeyFileError`].
pub fn public_key(file: &[u8], profile: Option<Profile>) -> Result<HnPublicKey, HnKeyFileError> {
    let key = match form(file)? {
        Form::Pem(text) => spki_public_key(&block(text, &["PUBLIC KEY"], "public key")?.1)?,
        Form::Der(der) => spki_public_key(der)?,
        Form::Hex(digits) => {
            let profile = profile.ok_or(HnKeyFileError::ProfileNeeded)?;
            let octets = hex_field::octets_between("home network public key", digits, 32, 65)?;
            HnPublicKey::from_octets(profile, &octets)?
        }
    };
    same_profile(profile, key.profile())?;
    Ok(key)
}

fn same_profile(expected: Option<Profile>, actual: Profile) -> Result<(), HnKeyFileError> {
    match expected {
        Some(expected) if expected != actual => Err(HnKeyFileError::Profile { expected, actual }),
        _ => Ok(()),
    }
}

/// How a file is written.
enum Form<'f> {
    Pem(&'f str),
    Der(&'f [u8]),
    Hex(&'f str),
}

fn form(file: &[u8]) -> Result<Form<'_>, HnKeyFileError> {
    if file.len() > MAX_FILE {
        return Err(HnKeyFileError::TooLong(file.len()));
    }
    if let Ok(text) = std::str::from_utf8(file) {
        if text.contains("-----BEGIN ") {
            return Ok(Form::Pem(text));
        }
        let text = text.trim();
        if !text.is_empty() && text.bytes().all(|c| c.is_ascii_hexdigit()) {
            return Ok(Form::Hex(text));
        }
    }
    match file {
        [0x30, ..] => Ok(Form::Der(file)),
        _ => Err(HnKeyFileError::NotAKey),
    }
}

/// The first PEM block with one of the labels; others, such as EC PARAMETERS, may stand before it.
fn block<'t>(
    text: &'t str,
    labels: &[&str],
    wanted: &'static str,
) -> Result<(&'t str, Zeroizing<Vec<u8>>), HnKeyFileError> {
    const BEGIN: &str = "-----BEGIN ";
    let mut found: Vec<&str> = Vec::new();
    let mut rest = text;
    while let Some((_, begun)) = rest.split_once(BEGIN) {
        let label = begun.split_once("-----").map_or("", |(label, _)| label);
        found.push(label);
        if labels.contains(&label) {
            let damaged = |reason: String| HnKeyFileError::Pem {
                label: label.into(),
                reason,
            };
            let end = format!("-----END {label}-----");
            let at = begun
                .find(&end)
                .ok_or_else(|| damaged("its END line is missing".into()))?;
            let whole = Zeroizing::new(format!("{BEGIN}{}\n", begun.get(..at + end.len()).unwrap_or_default()));
            let (_, der) = pem::decode_vec(whole.as_bytes()).map_err(|error| damaged(error.to_string()))?;
            return Ok((label, Zeroizing::new(der)));
        }
        rest = begun;
    }
    if found.contains(&"ENCRYPTED PRIVATE KEY") {
        return Err(HnKeyFileError::Encrypted);
    }
    Err(HnKeyFileError::Label {
        wanted,
        found: found.join(", "),
    })
}

fn pkcs8_private_key(der: &[u8]) -> Result<HnPrivateKey, HnKeyFileError> {
    const FORM: &str = "PKCS#8";
    let info = PrivateKeyInfoRef::from_der(der).map_err(|error| der_error(FORM, &error))?;
    let profile = profile(&info.algorithm)?;
    let inner = info.private_key.as_bytes();
    if profile == Profile::B {
        return sec1_private_key(inner);
    }
    let octets = <&OctetStringRef>::from_der(inner).map_err(|error| der_error("PKCS#8 of X25519", &error))?;
    let beside = info.public_key.as_ref().map(|key| key.raw_bytes());
    key(profile, octets.as_bytes(), beside)
}

fn sec1_private_key(der: &[u8]) -> Result<HnPrivateKey, HnKeyFileError> {
    let ec = EcPrivateKey::from_der(der).map_err(|error| der_error("SEC 1 private key", &error))?;
    // Inside PKCS#8 the curve stands outside.
    if let Some(EcParameters::NamedCurve(curve)) = ec.parameters
        && curve != P256
    {
        return Err(HnKeyFileError::Algorithm(format!("the curve {curve}")));
    }
    key(Profile::B, ec.private_key, ec.public_key)
}

fn spki_public_key(der: &[u8]) -> Result<HnPublicKey, HnKeyFileError> {
    const FORM: &str = "SubjectPublicKeyInfo";
    let info = SubjectPublicKeyInfoRef::from_der(der).map_err(|error| der_error(FORM, &error))?;
    let octets = info.subject_public_key.as_bytes().ok_or_else(|| HnKeyFileError::Der {
        form: FORM,
        reason: "the key is not a whole number of octets".into(),
    })?;
    Ok(HnPublicKey::from_octets(profile(&info.algorithm)?, octets)?)
}

fn profile(algorithm: &AlgorithmIdentifierRef<'_>) -> Result<Profile, HnKeyFileError> {
    match algorithm.oid {
        X25519 => Ok(Profile::A),
        EC_PUBLIC_KEY => match algorithm.parameters_oid() {
            Ok(P256) => Ok(Profile::B),
            Ok(curve) => Err(HnKeyFileError::Algorithm(format!("the curve {curve}"))),
            Err(_) => Err(HnKeyFileError::Algorithm("a curve without a name".into())),
        },
        oid => Err(HnKeyFileError::Algorithm(format!("the algorithm {oid}"))),
    }
}

/// Takes the octets, and compares the public key that stands beside them.
fn key(profile: Profile, octets: &[u8], beside: Option<&[u8]>) -> Result<HnPrivateKey, HnKeyFileError> {
    let octets: &[u8; 32] = octets.try_into().map_err(|_| HnKeyFileError::Length {
        profile,
        actual: octets.len(),
    })?;
    let key = HnPrivateKey::from_octets(profile, octets)?;
    match beside {
        Some(beside) if HnPublicKey::from_octets(profile, beside)? != *key.public_key() => {
            Err(HnKeyFileError::PublicKeyDiffers)
        }
        _ => Ok(key),
    }
}

fn der_error(form: &'static str, error: &pkcs8::der::Error) -> HnKeyFileError {
    HnKeyFileError::Der {
        form,
        reason: error.to_string(),
    }
}
