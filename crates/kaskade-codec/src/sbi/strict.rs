//! What serde skips: duplicate members, broken text and lone surrogates in members that nobody reads.

use alloc::borrow::Cow;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use kaskade_faults::fault;

use super::misread::Misread;

/// Checks the parts of a JSON text that deserializing leaves out. `text` is JSON already.
///
/// # Errors
/// [`Wrong::Malformed`](super::misread::Wrong) when an object, however deep, has a member twice, or a string holds half a
/// surrogate pair: what such a text means depends on who reads it (RFC 8259 4 and 8.2).
pub(super) fn check(text: &str) -> Result<(), Misread> {
    let mut scan = Scan {
        text,
        at: 0,
        names: Vec::new(),
        levels: Vec::new(),
    };
    scan.run()
}

/// One object or array that is open.
struct Level {
    /// Where its names begin; `None` for an array.
    names: Option<usize>,
}

struct Scan<'a> {
    text: &'a str,
    at: usize,
    /// Names of all objects that are open.
    names: Vec<Cow<'a, str>>,
    levels: Vec<Level>,
}

impl<'a> Scan<'a> {
    fn run(&mut self) -> Result<(), Misread> {
        // After `{` and `,` of an object comes a name.
        let mut name_next = false;
        let octets = self.text.as_bytes();
        while let Some(&octet) = octets.get(self.at) {
            match octet {
                b'"' => {
                    let string = self.string()?;
                    if name_next {
                        self.names.push(string);
                        name_next = false;
                    }
                    continue;
                }
                b'{' => {
                    self.levels.push(Level {
                        names: Some(self.names.len()),
                    });
                    name_next = true;
                }
                b'[' => {
                    self.levels.push(Level { names: None });
                    name_next = false;
                }
                b',' => name_next = self.levels.last().is_some_and(|level| level.names.is_some()),
                b'}' | b']' => {
                    if let Some(from) = self.levels.pop().and_then(|level| level.names) {
                        self.close(from)?;
                    }
                    name_next = false;
                }
                _ => {}
            }
            self.at = self.at.saturating_add(1);
        }
        Ok(())
    }

    /// The string that begins here; `at` is behind it afterwards.
    fn string(&mut self) -> Result<Cow<'a, str>, Misread> {
        let begin = self.at;
        let octets = self.text.as_bytes();
        let mut escaped = false;
        let mut end = begin.saturating_add(1);
        loop {
            let rest = octets.get(end..).unwrap_or_default();
            let plain = rest.iter().position(|octet| matches!(octet, b'"' | b'\\'));
            end = end.saturating_add(plain.unwrap_or(rest.len()));
            match octets.get(end) {
                Some(b'\\') => {
                    escaped = true;
                    end = end.saturating_add(2);
                }
                _ => break,
            }
        }
        self.at = end.saturating_add(1);
        if !escaped {
            return Ok(Cow::Borrowed(self.text.get(begin.saturating_add(1)..end).unwrap_or("")));
        }
        let quoted = self.text.get(begin..=end).unwrap_or("");
        serde_json::from_str::<String>(quoted)
            .map(Cow::Owned)
            .map_err(|_| Misread::malformed(format!("octet {begin}: a string with half a surrogate pair")))
    }

    /// An object ends, whose names begin at `from`.
    fn close(&mut self, from: usize) -> Result<(), Misread> {
        let names = self.names.get_mut(from..).unwrap_or(&mut []);
        names.sort_unstable();
        let twice = names
            .windows(2)
            .any(|pair| matches!(pair, [one, other] if one == other));
        self.names.truncate(from);
        if twice && !fault!("member-twice-unseen") {
            return Err(Misread::malformed(format!(
                "a member occurs twice, before octet {}",
                self.at
            )));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::sbi::misread::Wrong;

    #[test]
    fn a_member_stands_once_in_each_object() {
        for fine in [
            r#"{"a":1,"b":{"a":1},"c":[{"a":1},{"a":2}],"d":"a"}"#,
            r#"{"a":["a","a",{"b":"a,\"a\":1"}],"A":1}"#,
            r#"{"a":"\ud83d\ude00 \\ud800","":1}"#,
            r#"["a","a"]"#,
            "{}",
            r#""a""#,
        ] {
            assert_eq!(check(fine), Ok(()), "{fine}");
        }
        for wrong in [
            r#"{"a":1,"a":2}"#,
            r#"{"x":{"y":[0,{"a":1,"b":2,"a":1}]}}"#,
            r#"{"\u0061":1,"a":2}"#,
            r#"{"":1,"":2}"#,
            r#"{"a":{"q":1},"b":[],"a":null}"#,
            r#"{"x":"\ud800"}"#,
            r#"{"x":["\udc00\ud800"]}"#,
            r#"{"\ud800":1}"#,
        ] {
            assert_eq!(check(wrong).unwrap_err().what(), Wrong::Malformed, "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "[\\[\\]{}\",:\\\\a-c0-9uDd]{0,64}") {
            let _ = check(&text);
        }

        #[test]
        fn it_agrees_with_a_parser_that_keeps_names(names in proptest::collection::vec("[ab\"\\\\é]{0,2}", 0..6)) {
            let members: Vec<_> = names.iter().map(|name| format!("{}:0", serde_json::json!(name))).collect();
            let text = format!("{{\"x\":{{{}}}}}", members.join(","));
            let distinct: std::collections::BTreeSet<_> = names.iter().collect();
            prop_assert_eq!(check(&text).is_ok(), distinct.len() == names.len());
        }
    }
}
