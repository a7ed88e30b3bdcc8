//! Whoever gives access tokens: signs claims (RFC 7515, TS 29.510 6.3.5.2.4) with one key, and says by which key they are verified.

use std::fmt;
use std::time::Duration;

use base64ct::{Base64UrlUnpadded, Encoding};
use jsonwebtoken::jwk::{AlgorithmParameters, Jwk};
use jsonwebtoken::{DecodingKey, EncodingKey};
use kaskade_flow::UnixMillis;
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::pki_types::pem::{Error as PemError, PemObject};

use super::key::MAX_KID;
use super::{TokenAlgorithm, TokenKey};

/// Why a key can sign no token.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IssuerKeyError {
    /// No PEM, or no private key in PKCS#8 in it.
    #[error("no private key in PKCS#8 (BEGIN PRIVATE KEY) in PEM: {0}")]
    Pem(PemError),
    /// Another kind of key, or an algorithm by which this program does not sign.
    #[error(
        "not a key that signs by {0}: expected one on P-256 for ES256, on P-384 for ES384, or an Ed25519 key for EdDSA"
    )]
    OtherKind(TokenAlgorithm),
    /// An empty or overlong name.
    #[error("kid: 1 to {MAX_KID} octets, no control characters")]
    Kid,
}

/// The library has not signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the token could not be signed")]
pub struct NotSigned;

/// What is granted.
#[derive(Clone, Copy, Debug)]
pub struct Grant<'g> {
    /// To whom (`sub`).
    pub subject: &'g str,
    /// At which NF type (`aud`).
    pub audience: &'g str,
    /// What (`scope`): words with one blank between them.
    pub scope: &'g str,
    /// From when on (`iat`).
    pub from: UnixMillis,
    /// For how long (`exp`), to the second.
    pub lifetime: Duration,
}

/// Gives tokens.
#[derive(Clone)]
pub struct TokenIssuer {
    name: Box<str>,
    kid: Box<str>,
    algorithm: TokenAlgorithm,
    key: EncodingKey,
    verifies: DecodingKey,
}

impl TokenIssuer {
    /// Called `name` in its tokens (`iss`), with the first private key of a PEM text.
    ///
    /// # Errors
    /// No such key, or one of another kind than the algorithm needs. Nobody signs by RSA here.
    pub fn from_pem(pem: &[u8], algorithm: TokenAlgorithm, name: &str, kid: &str) -> Result<Self, IssuerKeyError> {
        if !(1..=MAX_KID).contains(&kid.len()) || kid.chars().any(char::is_control) {
            return Err(IssuerKeyError::Kid);
        }
        let der = PrivatePkcs8KeyDer::from_pem_slice(pem).map_err(IssuerKeyError::Pem)?;
        let der = der.secret_pkcs8_der();
        let other = || IssuerKeyError::OtherKind(algorithm);
        let key = match algorithm {
            TokenAlgorithm::Es256 | TokenAlgorithm::Es384 => EncodingKey::from_ec_der(der),
            TokenAlgorithm::EdDsa => EncodingKey::from_ed_der(der),
            _ => return Err(other()),
        };
        // Also tells whether the key is one of this algorithm.
        let public = Jwk::from_encoding_key(&key, algorithm.of_library()).map_err(|_| other())?;
        let fits = match &public.algorithm {
            AlgorithmParameters::EllipticCurve(of) => Base64UrlUnpadded::decode_vec(&of.x)
                .is_ok_and(|x| x.len() == if algorithm == TokenAlgorithm::Es256 { 32 } else { 48 }),
            AlgorithmParameters::OctetKeyPair(_) => algorithm == TokenAlgorithm::EdDsa,
            _ => false,
        };
        let verifies = DecodingKey::from_jwk(&public).map_err(|_| other())?;
        let issuer = Self {
            name: name.into(),
            kid: kid.into(),
            algorithm,
            key,
            verifies,
        };
        match fits && issuer.signed("a").is_ok() {
            true => Ok(issuer),
            false => Err(other()),
        }
    }

    /// As it is called in its tokens.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// By which key its tokens are verified.
    pub fn key(&self) -> TokenKey {
        TokenKey {
            kid: Some(self.kid.clone()),
            algorithm: self.algorithm,
            key: self.verifies.clone(),
        }
    }

    /// A token.
    ///
    /// # Errors
    /// [`NotSigned`].
    pub fn give(&self, grant: &Grant<'_>) -> Result<String, NotSigned> {
        let from = grant.from.get() / 1000;
        let header = serde_json::json!({"alg": self.algorithm.name(), "typ": "JWT", "kid": self.kid});
        let claims = serde_json::json!({
            "iss": self.name,
            "sub": grant.subject,
            "aud": grant.audience,
            "scope": grant.scope,
            "iat": from,
            "exp": from.saturating_add(grant.lifetime.as_secs()),
        });
        let [header, claims] =
            [header, claims].map(|part| Base64UrlUnpadded::encode_string(part.to_string().as_bytes()));
        let signed = format!("{header}.{claims}");
        let signature = self.signed(&signed)?;
        Ok(format!("{signed}.{signature}"))
    }

    fn signed(&self, text: &str) -> Result<String, NotSigned> {
        jsonwebtoken::crypto::sign(text.as_bytes(), &self.key, self.algorithm.of_library()).map_err(|_| NotSigned)
    }
}

impl fmt::Debug for TokenIssuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TokenIssuer({}, {}, {:?})", self.name, self.algorithm, self.kid)
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, PKCS_ED25519};

    use super::super::{TokenError, TokenRules, Verifier};
    use super::*;

    const NOW: UnixMillis = UnixMillis::new(1_800_000_000_999);

    /// As OpenSSL writes it, without the public key.
    const ED25519: &str = "-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIM0px2Nmm8GPJkGhIjgW/4SikLuFlgttsIU2w4HPLET0
-----END PRIVATE KEY-----
";
    const ED25519_PUBLIC: &str = "-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEAcYvqR1FXyeywHbhrg2Mwr2YscbagCNFBHqlEHsPK8tA=
-----END PUBLIC KEY-----
";

    fn grant(scope: &str) -> Grant<'_> {
        Grant {
            subject: "video",
            audience: "NEF",
            scope,
            from: NOW,
            lifetime: Duration::from_secs(60),
        }
    }

    #[test]
    fn what_is_given_is_taken_until_it_ends() {
        let pair = |kind| {
            let pair = KeyPair::generate_for(kind).expect("a key pair");
            (pair.serialize_pem(), pair.public_key_pem())
        };
        for ((private, public), algorithm) in [
            (pair(&PKCS_ECDSA_P256_SHA256), TokenAlgorithm::Es256),
            (pair(&PKCS_ECDSA_P384_SHA384), TokenAlgorithm::Es384),
            ((ED25519.to_owned(), ED25519_PUBLIC.to_owned()), TokenAlgorithm::EdDsa),
        ] {
            let issuer = TokenIssuer::from_pem(private.as_bytes(), algorithm, "nef", "1").expect("an issuer");
            let text = issuer.give(&grant("3gpp-akma nnef-akma:gpsi-access")).expect("a token");
            // By its own key, and by the public one that anybody else would be given.
            let public = TokenKey::from_pem(public.as_bytes(), algorithm, Some("1")).expect("a key");
            for key in [issuer.key(), public] {
                let rules = TokenRules {
                    issuers: vec!["nef".to_owned()],
                    keys: vec![key],
                    instances: Vec::new(),
                    networks: Vec::new(),
                    leeway: Duration::ZERO,
                };
                let verifier = Verifier::new(rules).expect("a verifier");
                let token = verifier.verify(&text, "NEF", NOW).expect("taken");
                assert_eq!((token.subject(), token.issuer()), ("video", "nef"));
                assert!(
                    token.allows("3gpp-akma") && token.allows("nnef-akma:gpsi-access") && !token.allows("naanf-akma")
                );
                let end = UnixMillis::new(1_800_000_060_000);
                assert_eq!(
                    verifier.verify(&text, "NEF", end).err(),
                    Some(TokenError::Expired),
                    "{algorithm}"
                );
                assert!(matches!(
                    verifier.verify(&text, "AANF", NOW),
                    Err(TokenError::Audience(_))
                ));
            }
            assert!(!format!("{issuer:?}").contains("BEGIN"));
        }
    }

    #[test]
    fn a_key_of_another_kind_is_refused() {
        let p256 = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)
            .expect("a key pair")
            .serialize_pem();
        let ed = KeyPair::generate_for(&PKCS_ED25519)
            .expect("a key pair")
            .serialize_pem();
        for (pem, algorithm) in [
            (&p256, TokenAlgorithm::Es384),
            (&p256, TokenAlgorithm::EdDsa),
            (&p256, TokenAlgorithm::Rs256),
            (&ed, TokenAlgorithm::Es256),
        ] {
            let refused = TokenIssuer::from_pem(pem.as_bytes(), algorithm, "nef", "1").err();
            assert!(
                matches!(refused, Some(IssuerKeyError::OtherKind(_))),
                "{algorithm}: {refused:?}"
            );
        }
        let public = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)
            .expect("a key pair")
            .public_key_pem();
        let refused = TokenIssuer::from_pem(public.as_bytes(), TokenAlgorithm::Es256, "nef", "1").err();
        assert!(matches!(refused, Some(IssuerKeyError::Pem(_))), "{refused:?}");
        let refused = TokenIssuer::from_pem(p256.as_bytes(), TokenAlgorithm::Es256, "nef", "").err();
        assert!(matches!(refused, Some(IssuerKeyError::Kid)));
    }
}
