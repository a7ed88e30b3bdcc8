//! A form as a client of the token endpoint sends it: `application/x-www-form-urlencoded` (RFC 6749 B).

use zeroize::Zeroizing;

/// The most parameters that are looked at.
const MOST: usize = 32;

/// Why a form cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum NotAForm {
    /// Not octets in UTF-8, or a percent sign that encodes none.
    #[error("the body is not percent-encoded UTF-8")]
    Encoding,
    /// RFC 6749 3.2.
    #[error("a parameter stands more than once")]
    Twice,
    /// More parameters than any request has.
    #[error("more than {MOST} parameters")]
    TooMany,
}

/// Parameters by their names. Values may be secrets, and are wiped on drop.
pub(super) struct Form(Vec<(String, Zeroizing<String>)>);

impl Form {
    /// Reads a body. What has no value counts as left out (RFC 6749 3.2).
    ///
    /// # Errors
    /// [`NotAForm`].
    pub(super) fn read(body: &[u8]) -> Result<Self, NotAForm> {
        let mut parameters: Vec<(String, Zeroizing<String>)> = Vec::new();
        for pair in body.split(|octet| *octet == b'&') {
            let at = pair.iter().position(|octet| *octet == b'=').unwrap_or(pair.len());
            let (name, value) = pair.split_at(at);
            let value = decode(value.get(1..).unwrap_or_default())?;
            let name = decode(name)?;
            if value.is_empty() {
                continue;
            }
            if parameters.iter().any(|(known, _)| *known == *name) {
                return Err(NotAForm::Twice);
            }
            if parameters.len() == MOST {
                return Err(NotAForm::TooMany);
            }
            parameters.push((String::clone(&name), value));
        }
        Ok(Self(parameters))
    }

    /// The value of a parameter.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let (_, value) = self.0.iter().find(|(known, _)| known == name)?;
        Some(value)
    }
}

/// A blank for each plus sign, an octet for each percent sign and two digits.
pub(super) fn decode(encoded: &[u8]) -> Result<Zeroizing<String>, NotAForm> {
    // As long as it can become: it never grows, which would leave a copy.
    let mut octets = Zeroizing::new(Vec::with_capacity(encoded.len()));
    let mut rest = encoded;
    while let [first, after @ ..] = rest {
        rest = after;
        octets.push(match first {
            b'+' => b' ',
            b'%' => {
                let ([high, low], after) = after.split_first_chunk().ok_or(NotAForm::Encoding)?;
                rest = after;
                digit(*high)? << 4 | digit(*low)?
            }
            other => *other,
        });
    }
    let text = std::str::from_utf8(&octets).map_err(|_| NotAForm::Encoding)?;
    Ok(Zeroizing::new(text.to_owned()))
}

fn digit(c: u8) -> Result<u8, NotAForm> {
    match c {
        b'0'..=b'9' => Ok(c - b'0'),
        b'a'..=b'f' => Ok(c - b'a' + 10),
        b'A'..=b'F' => Ok(c - b'A' + 10),
        _ => Err(NotAForm::Encoding),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_form_is_read_once_and_whole() {
        let form =
            Form::read(b"grant_type=client_credentials&scope=3gpp-akma+a%3Ab&x&y=&=z&%C3%A4=%c3%a4").expect("a form");
        assert_eq!(form.get("grant_type"), Some("client_credentials"));
        assert_eq!(form.get("scope"), Some("3gpp-akma a:b"));
        assert_eq!((form.get("x"), form.get("y"), form.get("ä")), (None, None, Some("ä")));
        assert!(Form::read(b"").expect("empty").get("scope").is_none());
        let many: Vec<String> = (0..=MOST).map(|n| format!("p{n}=1")).collect();
        for (body, why) in [
            (&b"a=1&a=2"[..], NotAForm::Twice),
            (b"a=1&%61=2", NotAForm::Twice),
            (b"a=%", NotAForm::Encoding),
            (b"a=%4", NotAForm::Encoding),
            (b"a=%4g", NotAForm::Encoding),
            (b"a=%ff", NotAForm::Encoding),
            (b"\xff=1", NotAForm::Encoding),
            (many.join("&").as_bytes(), NotAForm::TooMany),
        ] {
            assert_eq!(Form::read(body).err(), Some(why), "{body:?}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(octets in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = Form::read(&octets);
        }

        #[test]
        fn what_is_encoded_comes_back(value in "[ -~äß€]{1,20}") {
            let encoded: String = value.bytes().map(|octet| format!("%{octet:02X}")).collect();
            let form = Form::read(format!("v={encoded}").as_bytes()).expect("a form");
            prop_assert_eq!(form.get("v"), Some(value.as_str()));
        }
    }
}
