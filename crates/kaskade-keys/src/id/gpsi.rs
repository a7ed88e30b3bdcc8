//! Generic public subscription identifier.

use core::fmt;
use core::str::FromStr;

use alloc::boxed::Box;
use alloc::string::{String, ToString};

use super::error::ParseError;

/// GPSI: how those outside call a subscription, as `msisdn-` and 5 to 15 digits, or `extid-` and an external identifier
/// `user@domain` (TS 23.003 28.8, TS 29.571 5.3.2). At most 255 octets. The domain is one of the DNS, which knows no capital
/// letters, and is kept in small ones (RFC 4343); the user is as it was given. `Debug` masks it.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Gpsi(Box<str>);

impl Gpsi {
    /// The most octets of its text.
    pub const MAX: usize = 255;

    /// The text form.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The text form with the subscriber's part masked, but for the last two digits of an MSISDN: for logs and tables.
    pub fn masked(&self) -> String {
        match self.0.split_once('@') {
            Some((_, domain)) => ["extid-***@", domain].concat(),
            None => {
                let digits = self.0.strip_prefix("msisdn-").unwrap_or_default();
                let (hidden, tail) = digits
                    .split_at_checked(digits.len().saturating_sub(2))
                    .unwrap_or_default();
                let mut text = String::from("msisdn-");
                text.extend(core::iter::repeat_n('*', hidden.len()));
                text.push_str(tail);
                text
            }
        }
    }
}

impl FromStr for Gpsi {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        const FIELD: &str = "GPSI";
        let form = ParseError::Form {
            field: FIELD,
            expected: "msisdn- and 5 to 15 digits, or extid-user@domain",
        };
        if text.len() > Self::MAX {
            return Err(form);
        }
        let well_formed = if let Some(digits) = text.strip_prefix("msisdn-") {
            (5..=15).contains(&digits.len()) && digits.bytes().all(|digit| digit.is_ascii_digit())
        } else if let Some(id) = text.strip_prefix("extid-") {
            let printable = id.bytes().all(|octet| octet.is_ascii_graphic());
            let mut parts = id.split('@');
            let parts = (parts.next(), parts.next(), parts.next());
            printable && matches!(parts, (Some(user), Some(domain), None) if !user.is_empty() && !domain.is_empty())
        } else {
            false
        };
        if !well_formed {
            return Err(form);
        }
        let mut text = text.to_string();
        if let Some(at) = text.find('@')
            && let Some(domain) = text.get_mut(at..)
        {
            domain.make_ascii_lowercase();
        }
        Ok(Self(text.into()))
    }
}

impl fmt::Display for Gpsi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Its kind, and no more.
impl fmt::Debug for Gpsi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = self.0.split('-').next().unwrap_or_default();
        write!(f, "Gpsi({kind}-…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_domain_is_the_same_in_capital_letters() {
        let parsed = |text: &str| text.parse::<Gpsi>().expect("a GPSI");
        let one = parsed("extid-Meter-17@Things.EXAMPLE");
        assert_eq!(one, parsed("extid-Meter-17@things.example"));
        assert_eq!(one.as_str(), "extid-Meter-17@things.example");
        assert_ne!(one, parsed("extid-meter-17@things.example"), "the user is another one");
    }

    #[test]
    fn masking_hides_the_subscriber() {
        for (text, masked) in [
            ("msisdn-491701234567", "msisdn-**********67"),
            ("msisdn-12345", "msisdn-***45"),
            ("extid-meter-17@things.example", "extid-***@things.example"),
        ] {
            let gpsi: Gpsi = text.parse().expect("a GPSI");
            assert_eq!(gpsi.masked(), masked);
        }
    }
}
