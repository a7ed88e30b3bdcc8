//! What HTTP Digest computes with a password, with `qop=auth` (RFC 7616 3.4).
//!
//! ```text
//! A1          = username ":" realm ":" password                       of the -sess variants there is none
//! response    = H(H(A1) ":" nonce ":" nc ":" cnonce ":" "auth" ":" H(method ":" uri))
//! rspauth     = the same without the method: H(":" uri)               RFC 7616 3.5
//! ```
//!
//! Each H gives lower-case hexadecimal digits, which is what the next one hashes.
//!
//! ```
//! use kaskade_crypto::http_digest::{Algorithm, Exchange, UserSecret};
//!
//! // RFC 7616 3.9.1.
//! let secret = UserSecret::new(Algorithm::Sha256, "Mufasa", "http-auth@example.org", b"Circle of Life");
//! let exchange = Exchange {
//!     method: "GET",
//!     uri: "/dir/index.html",
//!     nonce: "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
//!     nc: "00000001",
//!     cnonce: "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
//! };
//! let digits = secret.response(&exchange).digits();
//! assert_eq!(digits.as_str(), "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1");
//! ```

use core::fmt;

use md5::{Digest, Md5};
use subtle::ConstantTimeEq;

use crate::kdf::sha256;
use crate::wipe::Wiped;

/// A hash of HTTP Digest (RFC 7616 3.3, 6.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// SHA-256: codes of 32 octets.
    Sha256,
    /// MD5, for old clients: codes of 16 octets. Its collisions do not help whoever lacks a key of 256 bits.
    Md5,
}

impl Algorithm {
    /// All of them, the one to prefer first.
    pub const ALL: [Self; 2] = [Self::Sha256, Self::Md5];

    /// As headers call it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "SHA-256",
            Self::Md5 => "MD5",
        }
    }

    /// The one that headers call so, in letters of either case (RFC 9110 5.6.6 has parameters of this kind compared so).
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|known| known.name().eq_ignore_ascii_case(name))
    }

    /// Octets of a code.
    pub const fn octets(self) -> usize {
        match self {
            Self::Sha256 => 32,
            Self::Md5 => 16,
        }
    }

    fn hash(self, parts: &[&[u8]]) -> Code {
        let mut octets = [0; 32];
        match self {
            Self::Sha256 => octets = sha256(parts),
            Self::Md5 => {
                let mut hash = Md5::new();
                parts.iter().for_each(|part| hash.update(part));
                let (half, _) = octets.split_at_mut(16);
                half.copy_from_slice(&hash.finalize());
            }
        }
        Code {
            algorithm: self,
            octets,
        }
    }
}

/// H(A1): all that is kept of a user, a realm and a password. Wiped on drop, and without a way out: who has it is the user in this realm.
#[derive(Clone)]
pub struct UserSecret {
    algorithm: Algorithm,
    digits: Wiped<u8, 64>,
}

impl UserSecret {
    /// Of what both ends know. Neither name may have a colon in it, which nobody could tell from the next one; the realm's end is that of
    /// what the server itself said.
    pub fn new(algorithm: Algorithm, username: &str, realm: &str, password: &[u8]) -> Self {
        let a1 = algorithm.hash(&[username.as_bytes(), b":", realm.as_bytes(), b":", password]);
        let octets = Wiped(a1.octets);
        Self {
            algorithm,
            digits: Wiped(hexadecimal(&octets.0)),
        }
    }

    /// The hash that it was made with.
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// What the client puts into its request: `response`.
    pub fn response(&self, exchange: &Exchange<'_>) -> Code {
        self.code(exchange.method, exchange)
    }

    /// What the server puts into its answer, which shows that it knows the password too: `rspauth`.
    pub fn rspauth(&self, exchange: &Exchange<'_>) -> Code {
        self.code("", exchange)
    }

    fn code(&self, method: &str, exchange: &Exchange<'_>) -> Code {
        let Exchange {
            uri, nonce, nc, cnonce, ..
        } = exchange;
        let a2 = self.algorithm.hash(&[method.as_bytes(), b":", uri.as_bytes()]);
        let secret = self.digits.0.get(..2 * self.algorithm.octets()).unwrap_or_default();
        let [nonce, nc, cnonce] = [nonce, nc, cnonce].map(|text| text.as_bytes());
        self.algorithm.hash(&[
            secret,
            b":",
            nonce,
            b":",
            nc,
            b":",
            cnonce,
            b":auth:",
            a2.digits().as_str().as_bytes(),
        ])
    }
}

impl fmt::Debug for UserSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UserSecret(…)")
    }
}

/// What a code covers, as it stood in the headers, without quotes.
#[derive(Clone, Copy, Debug)]
pub struct Exchange<'a> {
    /// Method of the request.
    pub method: &'a str,
    /// Its target.
    pub uri: &'a str,
    /// The server's number.
    pub nonce: &'a str,
    /// How often the client has used it: 8 hexadecimal digits, of the case that the client wrote.
    pub nc: &'a str,
    /// The client's number.
    pub cnonce: &'a str,
}

/// `response` or `rspauth`: 16 or 32 octets. Two are compared in constant time.
#[derive(Clone, Copy)]
pub struct Code {
    algorithm: Algorithm,
    /// Zeros behind those of the algorithm.
    octets: [u8; 32],
}

impl Code {
    /// Of as many octets as the algorithm has; `None` of others.
    pub fn from_octets(algorithm: Algorithm, octets: &[u8]) -> Option<Self> {
        let mut code = Self {
            algorithm,
            octets: [0; 32],
        };
        let place = code.octets.get_mut(..algorithm.octets())?;
        if place.len() != octets.len() {
            return None;
        }
        place.copy_from_slice(octets);
        Some(code)
    }

    /// The hash that it was made with.
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// In lower-case hexadecimal digits, as headers have it.
    pub fn digits(&self) -> Digits {
        Digits {
            digits: hexadecimal(&self.octets),
            count: 2 * self.algorithm.octets(),
        }
    }
}

/// In constant time, but for the algorithm.
impl PartialEq for Code {
    fn eq(&self, other: &Self) -> bool {
        self.algorithm == other.algorithm && bool::from(self.octets.ct_eq(&other.octets))
    }
}

impl Eq for Code {}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Code({})", self.algorithm.name())
    }
}

/// The digits of a [`Code`].
#[derive(Clone, Copy)]
pub struct Digits {
    digits: [u8; 64],
    count: usize,
}

impl Digits {
    /// 32 or 64 of `0` to `9` and `a` to `f`.
    pub fn as_str(&self) -> &str {
        let digits = self.digits.get(..self.count).unwrap_or_default();
        core::str::from_utf8(digits).unwrap_or_default()
    }
}

/// Lower-case digits, without look-up tables and branches: some of them are secret.
fn hexadecimal(octets: &[u8; 32]) -> [u8; 64] {
    let mut digits = [0; 64];
    for (pair, octet) in digits.as_chunks_mut::<2>().0.iter_mut().zip(octets) {
        *pair = [octet >> 4, octet & 0xf].map(|half| {
            // 0xff where it is a letter, which stands 39 behind where a tenth digit would.
            let is_letter = (9_u8.wrapping_sub(half) >> 7).wrapping_neg();
            b'0' + half + (is_letter & 39)
        });
    }
    digits
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn exchange<'a>() -> Exchange<'a> {
        Exchange {
            method: "GET",
            uri: "/",
            nonce: "n",
            nc: "00000001",
            cnonce: "c",
        }
    }

    #[test]
    fn a_secret_and_a_code_are_silent() {
        let secret = UserSecret::new(Algorithm::Md5, "u", "r", b"p");
        assert_eq!(format!("{secret:?}"), "UserSecret(…)");
        assert_eq!(format!("{:?}", secret.response(&exchange())), "Code(MD5)");
    }

    #[test]
    fn an_algorithm_has_its_name_and_no_other() {
        for algorithm in Algorithm::ALL {
            assert_eq!(Algorithm::of_name(algorithm.name()), Some(algorithm));
            assert_eq!(Algorithm::of_name(&algorithm.name().to_lowercase()), Some(algorithm));
        }
        for name in ["", "MD5-sess", "SHA-256-sess", "SHA-512-256", "SHA256", " MD5"] {
            assert_eq!(Algorithm::of_name(name), None, "{name}");
        }
    }

    #[test]
    fn whatever_it_covers_changes_a_code() {
        for algorithm in Algorithm::ALL {
            let secret = UserSecret::new(algorithm, "u", "r", b"p");
            let code = secret.response(&exchange());
            assert_eq!(code, secret.response(&exchange()));
            let changed = [
                Exchange {
                    method: "PUT",
                    ..exchange()
                },
                Exchange {
                    uri: "/a",
                    ..exchange()
                },
                Exchange {
                    nonce: "m",
                    ..exchange()
                },
                Exchange {
                    nc: "00000002",
                    ..exchange()
                },
                Exchange {
                    cnonce: "d",
                    ..exchange()
                },
            ];
            assert!(changed.iter().all(|other| secret.response(other) != code));
            assert_ne!(secret.rspauth(&exchange()), code);
            for (username, realm, password) in [("v", "r", "p"), ("u", "s", "p"), ("u", "r", "q")] {
                let other = UserSecret::new(algorithm, username, realm, password.as_bytes());
                assert_ne!(other.response(&exchange()), code);
            }
        }
    }

    #[test]
    fn a_code_has_the_octets_of_its_algorithm() {
        for algorithm in Algorithm::ALL {
            for len in 0..40 {
                let code = Code::from_octets(algorithm, &vec![0xa5; len]);
                assert_eq!(code.is_some(), len == algorithm.octets());
                assert!(code.is_none_or(|code| code.digits().as_str() == "a5".repeat(len)));
            }
        }
        // The same first octets.
        let [long, short] = [(Algorithm::Sha256, 32), (Algorithm::Md5, 16)]
            .map(|(algorithm, len)| Code::from_octets(algorithm, &vec![0; len]).unwrap());
        assert_ne!(long, short);
    }

    proptest! {
        #[test]
        fn digits_are_those_of_another_crate(octets: [u8; 32]) {
            prop_assert_eq!(hexadecimal(&octets).to_vec(), hex::encode(octets).into_bytes());
        }
    }
}
