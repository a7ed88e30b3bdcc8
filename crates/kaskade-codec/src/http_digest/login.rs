//! The client's side.

use alloc::string::{String, ToString};
use core::fmt;

use kaskade_faults::fault;
use kaskade_keys::akma::KAf;
use kaskade_keys::id::Fqdn;

use super::{Algorithm, AuthenticationInfo, Challenge, Credentials, Exchange, NonceCount, UserSecret, akma};

/// What a UE does with the challenge of an AF: it answers each request, counts, and looks whether the AF knows K_AF too.
///
/// ```
/// use kaskade_codec::http_digest::{AuthenticationInfo, Credentials, Login, akma, challenges};
/// use kaskade_keys::akma::KAf;
///
/// let k_af = KAf::from_octets(&[7; 32]);
/// let asked = challenges(br#"Digest realm="3GPP-bootstrapping-akma@af.example", nonce="n", qop="auth", algorithm=SHA-256"#)?;
/// // The AF that showed a certificate of this name.
/// let mut login = Login::new(&asked, &"af.example".parse()?, "rid1.atidx@5gc.mnc001.mcc001.3gppnetwork.org", &k_af)?;
/// let credentials = login.answer("GET", "/", "a random text")?;
/// // At the AF:
/// let secret = akma::secret(login.algorithm(), &credentials.username, &credentials.realm, &k_af);
/// assert!(credentials.are_of(&secret, "GET"));
/// let info = AuthenticationInfo::to(&credentials, &secret, None);
/// // Back at the UE:
/// login.believe(&credentials, &info)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Login {
    challenge: Challenge,
    a_kid: String,
    secret: UserSecret,
    used: u32,
}

/// Why a UE does not log in, or goes no further.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LoginError {
    /// The server asks for something else: no Digest, none that can be answered, or one of another realm.
    #[error("the server asks for no login by AKMA")]
    NoAkma,
    /// The realm names another AF than the certificate: whoever is at the other end passes a challenge on.
    #[error("the realm names another application function than the certificate of the server")]
    OtherAf,
    /// The nonce was used so often that it cannot be counted any more.
    #[error("the nonce is used up")]
    UsedUp,
    /// The answer is of another request.
    #[error("the answer of the server is of another request")]
    OtherRequest,
    /// The server does not know K_AF.
    #[error("the server does not know K_AF")]
    Impostor,
}

impl Login {
    /// Takes the first of the challenges that is of AKMA and that K_AF can answer; `af` is whom the certificate of the connection names.
    ///
    /// # Errors
    /// [`LoginError::NoAkma`], [`LoginError::OtherAf`].
    pub fn new(challenges: &[Challenge], af: &Fqdn, a_kid: &str, k_af: &KAf) -> Result<Self, LoginError> {
        let named = |challenge: &&Challenge| akma::af_of(&challenge.realm).is_some();
        let challenge = challenges.iter().find(named).ok_or(LoginError::NoAkma)?;
        let is_af = akma::af_of(&challenge.realm).is_some_and(|of| of.as_str().eq_ignore_ascii_case(af.as_str()));
        if !is_af && !fault!("login-at-another-af") {
            return Err(LoginError::OtherAf);
        }
        Ok(Self {
            secret: akma::secret(challenge.algorithm, a_kid, &challenge.realm, k_af),
            challenge: challenge.clone(),
            a_kid: a_kid.to_string(),
            used: 0,
        })
    }

    /// The hash that the AF asked for.
    pub const fn algorithm(&self) -> Algorithm {
        self.challenge.algorithm
    }

    /// The credentials of the next request. `cnonce` is a random text of printable ASCII without quotation marks.
    ///
    /// # Errors
    /// [`LoginError::UsedUp`].
    pub fn answer(&mut self, method: &str, uri: &str, cnonce: &str) -> Result<Credentials, LoginError> {
        self.used = self.used.checked_add(1).ok_or(LoginError::UsedUp)?;
        let nc = NonceCount::new(self.used);
        let exchange = Exchange {
            method,
            uri,
            nonce: &self.challenge.nonce,
            nc: nc.as_str(),
            cnonce,
        };
        Ok(Credentials {
            username: self.a_kid.clone(),
            realm: self.challenge.realm.clone(),
            nonce: self.challenge.nonce.clone(),
            uri: uri.to_string(),
            response: self.secret.response(&exchange),
            cnonce: cnonce.to_string(),
            opaque: self.challenge.opaque.clone(),
            nc,
        })
    }

    /// Looks whether the answer to a request is of somebody who knows K_AF, and takes the next nonce over.
    ///
    /// # Errors
    /// [`LoginError::OtherRequest`], [`LoginError::Impostor`].
    pub fn believe(&mut self, sent: &Credentials, info: &AuthenticationInfo) -> Result<(), LoginError> {
        if (&sent.cnonce, sent.nc) != (&info.cnonce, info.nc) {
            return Err(LoginError::OtherRequest);
        }
        if self.secret.rspauth(&sent.exchange("")) != info.rspauth && !fault!("login-believes-anybody") {
            return Err(LoginError::Impostor);
        }
        if let Some(next) = &info.next_nonce {
            self.challenge.nonce.clone_from(next);
            self.used = 0;
        }
        Ok(())
    }
}

/// Without the A-KID.
impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Login({}, {})", self.challenge.realm, self.used)
    }
}
