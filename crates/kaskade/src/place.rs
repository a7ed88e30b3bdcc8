//! Where something stands in a text, and messages without what the text says there: it may be a key.

use std::fmt;

use kaskade_doctor::discretion::{may_be_said, may_be_secret};
use kaskade_flow::budget::Rate;

/// A place in a text, counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The line.
    pub line: usize,
    /// The character in the line.
    pub column: usize,
}

impl Place {
    /// Of an octet of a text.
    pub fn of(text: &str, at: usize) -> Self {
        let before = text.get(..at.min(text.len())).unwrap_or(text);
        let line = before.rsplit('\n').next().unwrap_or_default();
        Self {
            line: 1 + before.matches('\n').count(),
            column: 1 + line.chars().count(),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}

/// A message of a decoder without the values of the text that it quotes.
///
/// The decoders of TOML and JSON say `invalid type: string "465b…", expected u64`: what is between the kind and the comma
/// goes. What it names in quotation marks stays where it is short, or among the names that are expected.
pub fn without_values(message: &str) -> String {
    let message = message.lines().next().unwrap_or_default();
    for start in ["invalid type: ", "invalid value: ", "invalid length "] {
        if let Some(rest) = message.strip_prefix(start) {
            let (given, expected) = rest.rsplit_once(", expected ").unwrap_or((rest, ""));
            let kind: String = given
                .chars()
                .take_while(|c| c.is_ascii_alphabetic() || *c == ' ')
                .collect();
            let expected = without_words(expected, known);
            return match (kind.trim(), expected.as_str()) {
                ("", expected) => format!("a value that does not fit, expected {expected}"),
                (kind, "") => format!("{kind} does not fit here"),
                (kind, expected) => format!("{kind} does not fit here, expected {expected}"),
            };
        }
    }
    let given_name = match message.starts_with("unknown field ") {
        true => may_be_a_setting,
        false => may_be_said,
    };
    match message.rsplit_once(", expected ") {
        Some((given, expected)) => format!(
            "{}, expected {}",
            without_words(given, given_name),
            without_words(expected, known)
        ),
        None if message.starts_with("expected ") => without_words(message, example),
        None => without_words(message, given_name),
    }
}

/// Whether something may be the name of a setting with an error in it: words of small letters, which no key is.
fn may_be_a_setting(name: &str) -> bool {
    let digits = name.bytes().filter(u8::is_ascii_digit).count();
    let word = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, b'_' | b'-');
    may_be_said(name) || name.len() <= 32 && digits <= 2 && name.bytes().all(word) && !may_be_secret(name)
}

/// Whether something may be a name of ours.
fn known(name: &str) -> bool {
    !may_be_secret(name)
}

/// Whether something may be an example of ours: words, or a rate.
fn example(text: &str) -> bool {
    text.split(' ').all(may_be_said) && !may_be_secret(text) || text.parse::<Rate>().is_ok()
}

/// A message without the words that may be secrets, and the quoted parts that may not be said.
fn without_words(message: &str, is_said: fn(&str) -> bool) -> String {
    let mut shown = String::with_capacity(message.len());
    let mut rest = message;
    while let Some(at) = rest.find(['`', '"', '\'']) {
        let (before, quoted) = rest.split_at(at);
        shown.push_str(&words(before));
        let mark = quoted.chars().next().unwrap_or('`');
        let inside = quoted.get(1..).unwrap_or_default();
        // An apostrophe within a word is no quotation mark.
        let Some((inside, after)) = inside.split_once(mark) else {
            rest = quoted;
            break;
        };
        shown.push(mark);
        // A name whose value was left out ends so.
        let name = inside.strip_suffix('=').unwrap_or(inside);
        shown.push_str(if is_said(name) { inside } else { "…" });
        shown.push(mark);
        rest = after;
    }
    shown.push_str(&words(rest));
    shown
}

fn words(text: &str) -> String {
    // The decoders' own words are long at times, and of small letters; no key is.
    let own = |word: &str| {
        word.bytes()
            .all(|c| c.is_ascii_lowercase() || matches!(c, b'-' | b',' | b':' | b'.' | b'_' | b'='))
    };
    // Names of values, such as NON_TIME_BASED.
    let value = |word: &str| {
        word.contains('_')
            && word.bytes().all(|c| c.is_ascii_uppercase() || matches!(c, b'_' | b','))
            && !may_be_secret(word)
    };
    let all_hex = |word: &str| may_be_secret(word) && word.bytes().all(|c| c.is_ascii_hexdigit());
    let is_said = |word: &str| word.len() <= 12 || own(word) && !all_hex(word) || value(word);
    let shown: Vec<&str> = text
        .split(' ')
        .map(|word| if is_said(word) { word } else { "…" })
        .collect();
    shown.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places() {
        let text = "a = 1\nä = \"x\"\n";
        assert_eq!(Place::of(text, 0), Place { line: 1, column: 1 });
        assert_eq!(Place::of(text, 6), Place { line: 2, column: 1 });
        assert_eq!(Place::of(text, 11), Place { line: 2, column: 5 });
        assert_eq!(Place::of(text, 1000).line, 3);
        assert_eq!(Place::of(text, 11).to_string(), "line 2, column 5");
    }

    #[test]
    fn no_value_is_left() {
        for k in [
            "465b5ce8b199b49faa5f0a2ee238a6bc",
            "Rltc6LGZtJ+qXwou4jimvA==",
            "Rltc6LGZtJ-qXwou4jimvA",
            "Rltc6LGZtJ/qXwou4jimvA",
            "krtu3kq6p5xwc2vmn7yzdsfhje",
            "465b5ce8b199b49f aa5f0a2ee238a6bc",
        ] {
            no_key_is_left(k);
        }
        assert_eq!(without_values("expected `465b5ce8 b199b49f aa5f0a2e`"), "expected `…`");
        assert_eq!(
            without_values("invalid type: string \"x\", expected u64"),
            "string does not fit here, expected u64"
        );
        for message in [
            "unknown field `port`, expected one of `listen`, `tls`",
            "unknown field `x`, expected one of `serving_network_names`, `tls`",
            "expected a rate such as \"8/s burst 512\", or \"unlimited\"",
            "expected \"refuse\" or \"go on\"",
            "unknown SQN scheme, expected GENERAL, NON_TIME_BASED or TIME_BASED",
            "unknown field `serving_networkss_2`, expected one of `listen`, `tls`",
        ] {
            assert_eq!(without_values(message), message);
        }
    }

    fn no_key_is_left(k: &str) {
        for message in [
            format!("invalid type: string \"{k}\", expected u64"),
            format!("invalid value: string \"{k}, expected u64\", expected a boolean"),
            format!("invalid type: map {k}"),
            format!("unknown field `{k}`, expected one of `udm`, `ausf`"),
            format!("unknown variant '{k}'"),
            format!("expected `{k}`"),
            format!("this is not right: {k}"),
            format!("a\n{k}"),
            format!("an odd `{k}"),
            format!("key={k}; {}", "abcdefabcdefabcdefabcdef"),
        ] {
            let shown = without_values(&message);
            assert!(!shown.contains(k) && !shown.contains(&k[..16]), "{shown}");
            assert!(!shown.contains("abcdefabcdef"), "{shown}");
        }
    }
}
