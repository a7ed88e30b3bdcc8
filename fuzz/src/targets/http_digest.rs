//! Fields of HTTP Digest.

use kaskade_codec::http_digest::{Algorithm, AuthenticationInfo, Credentials, DigestError, akma, challenges};

/// The value of `WWW-Authenticate`, `Authorization` or `Authentication-Info`. RFC 7616 3.3, 3.4, 3.5.
pub fn http_digest(data: &[u8]) -> bool {
    let mut is_any = false;
    for challenge in challenges(data).unwrap_or_default() {
        let again = challenges(challenge.to_string().as_bytes());
        assert!(too_long(&again) || again == Ok(vec![challenge.clone()]));
        if let Some(af) = akma::af_of(&challenge.realm) {
            assert_eq!(akma::realm(&af), challenge.realm);
        }
        is_any = true;
    }
    if let Ok(credentials) = Credentials::read(data) {
        let again = Credentials::read(credentials.to_string().as_bytes());
        assert!(too_long(&again) || again.as_ref() == Ok(&credentials));
        assert!(credentials.nc.as_str().len() == 8);
        is_any = true;
    }
    for algorithm in Algorithm::ALL {
        if let Ok(info) = AuthenticationInfo::read(data, algorithm) {
            let again = AuthenticationInfo::read(info.to_string().as_bytes(), algorithm);
            assert!(too_long(&again) || again.as_ref() == Ok(&info));
            is_any = true;
        }
    }
    // A product token is one whatever stands behind it.
    if akma::says_akma(data) {
        assert!(akma::says_akma(&[data, b" curl/8"].concat()));
    }
    is_any
}

/// What is written has quotes around every value, and may so be longer than what was read.
fn too_long<T>(read: &Result<T, DigestError>) -> bool {
    matches!(read, Err(DigestError::TooLong { .. }))
}
