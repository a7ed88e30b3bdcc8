//! Schemes and their parameters, as all authentication fields have them (RFC 9110 11.3 to 11.6), read and written.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use super::{DigestError, MOST};

/// A scheme and what stands behind it: parameters, or another text that is left out.
pub(super) struct Said<'a> {
    pub(super) scheme: &'a str,
    pub(super) parameters: Parameters<'a>,
}

impl Said<'_> {
    pub(super) fn is_digest(&self) -> bool {
        self.scheme.eq_ignore_ascii_case("Digest")
    }
}

/// Parameters in their order, their values without quotes.
#[derive(Default)]
pub(super) struct Parameters<'a>(Vec<(&'a str, String)>);

impl Parameters<'_> {
    /// The value of the one parameter of this name; letters of a name may have either case.
    pub(super) fn take(&mut self, name: &'static str) -> Result<Option<String>, DigestError> {
        let is = |(known, _): &(&str, String)| known.eq_ignore_ascii_case(name);
        let Some(at) = self.0.iter().position(is) else {
            return Ok(None);
        };
        let (_, value) = self.0.remove(at);
        match self.0.iter().any(is) {
            true => Err(DigestError::Twice(name)),
            false => Ok(Some(value)),
        }
    }

    /// The same, where it must be there.
    pub(super) fn need(&mut self, name: &'static str) -> Result<String, DigestError> {
        self.take(name)?.ok_or(DigestError::Missing(name))
    }
}

/// All schemes of a field value.
pub(super) fn schemes(value: &[u8]) -> Result<Vec<Said<'_>>, DigestError> {
    let mut scanner = Scanner::new(value)?;
    let mut all: Vec<Said<'_>> = Vec::new();
    while scanner.element() {
        let begin = scanner.at;
        let name = scanner.token("the name of a scheme or of a parameter")?;
        let spaces = scanner.skip(is_space);
        if scanner.next() == Some(b'=') {
            let said = all.last_mut().ok_or(DigestError::Form {
                position: begin,
                expected: "the name of a scheme",
            })?;
            said.parameters.0.push((name, scanner.value()?));
        } else {
            let mut parameters = Parameters::default();
            if spaces > 0 && !scanner.is_end() && !scanner.skip_token68() {
                let name = scanner.token("the name of a parameter")?;
                scanner.skip(is_space);
                parameters.0.push((name, scanner.value()?));
            }
            all.push(Said {
                scheme: name,
                parameters,
            });
        }
        scanner.end_of_element()?;
    }
    Ok(all)
}

/// All parameters of a field value without a scheme.
pub(super) fn parameters(value: &[u8]) -> Result<Parameters<'_>, DigestError> {
    let mut scanner = Scanner::new(value)?;
    let mut all = Parameters::default();
    while scanner.element() {
        let name = scanner.token("the name of a parameter")?;
        scanner.skip(is_space);
        all.0.push((name, scanner.value()?));
        scanner.end_of_element()?;
    }
    Ok(all)
}

struct Scanner<'a> {
    text: &'a str,
    at: usize,
}

const fn is_space(octet: u8) -> bool {
    matches!(octet, b' ' | b'\t')
}

/// A character of a token (RFC 9110 5.6.2).
const fn is_token(octet: u8) -> bool {
    octet.is_ascii_alphanumeric()
        || matches!(
            octet,
            b'!' | b'#' | b'$' | b'%' | b'&' | b'\'' | b'*' | b'+' | b'-' | b'.' | b'^' | b'_' | b'`' | b'|' | b'~'
        )
}

impl<'a> Scanner<'a> {
    fn new(value: &'a [u8]) -> Result<Self, DigestError> {
        if value.len() > MOST {
            return Err(DigestError::TooLong { actual: value.len() });
        }
        let is_text = |octet: &u8| octet.is_ascii_graphic() || is_space(*octet);
        if let Some(position) = value.iter().position(|octet| !is_text(octet)) {
            return Err(DigestError::NotText { position });
        }
        let text = core::str::from_utf8(value).map_err(|error| DigestError::NotText {
            position: error.valid_up_to(),
        })?;
        Ok(Self { text, at: 0 })
    }

    fn next(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// Takes octets as long as they are such, and says how many those were.
    fn skip(&mut self, is: impl Fn(u8) -> bool) -> usize {
        let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
        let count = rest.iter().take_while(|octet| is(**octet)).count();
        self.at = self.at.saturating_add(count);
        count
    }

    /// Goes to the next element of the list; whether there is one.
    fn element(&mut self) -> bool {
        self.skip(|octet| is_space(octet) || octet == b',');
        self.next().is_some()
    }

    /// Whether an element ends here.
    fn is_end(&self) -> bool {
        self.next().is_none_or(|octet| octet == b',')
    }

    fn end_of_element(&mut self) -> Result<(), DigestError> {
        self.skip(is_space);
        match self.is_end() {
            true => Ok(()),
            false => Err(self.expected("a comma")),
        }
    }

    const fn expected(&self, expected: &'static str) -> DigestError {
        DigestError::Form {
            position: self.at,
            expected,
        }
    }

    fn token(&mut self, expected: &'static str) -> Result<&'a str, DigestError> {
        let begin = self.at;
        match self.skip(is_token) {
            0 => Err(self.expected(expected)),
            _ => Ok(self.text.get(begin..self.at).unwrap_or_default()),
        }
    }

    /// A text such as that of Negotiate, up to the end of the element (RFC 9110 11.2); nothing is taken where it is none.
    fn skip_token68(&mut self) -> bool {
        let begin = self.at;
        let is_one =
            |octet: u8| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'.' | b'_' | b'~' | b'+' | b'/');
        let count = self.skip(is_one);
        self.skip(|octet| octet == b'=');
        let end = self.at;
        self.skip(is_space);
        let is_there = count > 0 && self.is_end();
        self.at = if is_there { end } else { begin };
        is_there
    }

    /// An equals sign, and behind it a token or a quoted text.
    fn value(&mut self) -> Result<String, DigestError> {
        if self.next() != Some(b'=') {
            return Err(self.expected("an equals sign"));
        }
        self.at = self.at.saturating_add(1);
        self.skip(is_space);
        if self.next() != Some(b'"') {
            return self.token("a value").map(String::from);
        }
        self.at = self.at.saturating_add(1);
        let mut value = String::new();
        loop {
            let begin = self.at;
            self.skip(|octet| !matches!(octet, b'"' | b'\\'));
            value.push_str(self.text.get(begin..self.at).unwrap_or_default());
            let end = self.next().ok_or_else(|| self.expected("a quotation mark"))?;
            self.at = self.at.saturating_add(1);
            if end == b'"' {
                return Ok(value);
            }
            let escaped = self.next().ok_or_else(|| self.expected("a character"))?;
            value.push(char::from(escaped));
            self.at = self.at.saturating_add(1);
        }
    }
}

/// A value between quotation marks. What is not printable ASCII cannot be told, and is left out.
pub(super) struct Quoted<'a>(pub(super) &'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\"")?;
        for c in self
            .0
            .chars()
            .filter(|c| c.is_ascii_graphic() || *c == ' ' || *c == '\t')
        {
            if matches!(c, '"' | '\\') {
                f.write_str("\\")?;
            }
            write!(f, "{c}")?;
        }
        f.write_str("\"")
    }
}
