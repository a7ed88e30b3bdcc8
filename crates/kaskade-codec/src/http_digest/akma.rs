//! The profile for keys of AKMA: names, realm and password (TS 24.109 Annex K, TS 33.535 Annex B).
//!
//! | Parameter | What it is | Source |
//! |---|---|---|
//! | `User-Agent` | has the product token [`PRODUCT_TOKEN`] | TS 33.535 Annex B |
//! | realm | [`REALM`] ‖ `@` ‖ domain name of the AF | TS 33.535 Annex B; the `@` as in GBA |
//! | username | the A-KID | TS 33.535 Annex B |
//! | password | K_AF in base64 with padding: 44 characters | project profile "Digest of AKMA", version 1, as GBA does it |

use alloc::format;
use alloc::string::String;

use base64ct::{Base64, Encoding as _};
use kaskade_keys::akma::KAf;
use kaskade_keys::id::Fqdn;
use zeroize::Zeroizing;

use super::{Algorithm, UserSecret};

/// The product token by which a UE says that it speaks the profile.
pub const PRODUCT_TOKEN: &str = "3gpp-akma";

/// What the realm of the profile begins with; an at sign and the domain name of the AF follow.
pub const REALM: &str = "3GPP-bootstrapping-akma";

/// Characters of the password.
const PASSWORD: usize = 44;

/// The realm of an AF.
///
/// ```
/// use kaskade_codec::http_digest::akma::realm;
///
/// assert_eq!(realm(&"af.example.com".parse()?), "3GPP-bootstrapping-akma@af.example.com");
/// # Ok::<(), kaskade_keys::ParseError>(())
/// ```
pub fn realm(af: &Fqdn) -> String {
    format!("{REALM}@{}", af.as_str())
}

/// The domain name of the AF in a realm; `None` where it is no realm of the profile.
pub fn af_of(realm: &str) -> Option<Fqdn> {
    realm.strip_prefix(REALM)?.strip_prefix('@')?.parse().ok()
}

/// Whether a value of `User-Agent` has the product token, with or without a version (RFC 9110 10.1.5).
pub fn says_akma(user_agent: &[u8]) -> bool {
    let mut depth = 0_u32;
    user_agent.split(|octet| matches!(octet, b' ' | b'\t')).any(|word| {
        let is_outside = depth == 0;
        for octet in word {
            match octet {
                b'(' => depth = depth.saturating_add(1),
                b')' => depth = depth.saturating_sub(1),
                _ => {}
            }
        }
        let product = word.split(|octet| *octet == b'/').next().unwrap_or_default();
        is_outside && product.eq_ignore_ascii_case(PRODUCT_TOKEN.as_bytes())
    })
}

/// What both ends compute with: H(A1) of an A-KID, as it stands in the username, a realm and K_AF.
pub fn secret(algorithm: Algorithm, a_kid: &str, realm: &str, k_af: &KAf) -> UserSecret {
    let mut room = Zeroizing::new([0; PASSWORD]);
    // 32 octets are 44 characters: there is room.
    let password = Base64::encode(k_af.expose_to_af(), &mut *room).unwrap_or_default();
    UserSecret::new(algorithm, a_kid, realm, password.as_bytes())
}

/// The password itself, for a client that is no program of this project, such as a browser: 44 characters.
pub fn password(k_af: &KAf) -> Zeroizing<String> {
    let mut room = Zeroizing::new([0; PASSWORD]);
    Zeroizing::new(
        Base64::encode(k_af.expose_to_af(), &mut *room)
            .unwrap_or_default()
            .into(),
    )
}
