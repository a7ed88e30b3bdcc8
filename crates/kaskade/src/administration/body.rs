//! Bodies and queries, read strictly: what is unknown, missing, twice or wrong is named by its pointer, and nothing is repeated.

use std::borrow::Cow;

use crate::place::without_values;
use kaskade_flow::Refusal;
use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_path_to_error::{Path, Segment};

use super::NotDone;
use super::text::OWN;

/// The most octets of a body that is no stream.
pub const MOST: usize = 64 * 1024;

/// Reads a body: JSON in UTF-8, an object whose members are known and there once.
pub fn read<T: DeserializeOwned>(octets: &[u8]) -> Result<T, NotDone> {
    // serde takes an array in the place of an object, its values in the order of the members.
    if octets.iter().find(|octet| !octet.is_ascii_whitespace()) == Some(&b'[') {
        return Err(NotDone::because(
            Refusal::IeIncorrect,
            "an object is expected, not an array",
        ));
    }
    let mut from = serde_json::Deserializer::from_slice(octets);
    let read = serde_path_to_error::deserialize(&mut from);
    read.map_err(|error| {
        let (pointer, inner) = (pointer(error.path()), error.into_inner());
        match inner.classify() {
            serde_json::error::Category::Data => member(pointer, &inner.to_string()),
            _ => {
                // serde_json's own text may quote the input.
                let (line, column) = (inner.line(), inner.column());
                NotDone::because(
                    Refusal::Malformed,
                    format!("the body is not JSON at line {line}, column {column}"),
                )
            }
        }
    })
    .and_then(|read| match from.end() {
        Ok(()) => Ok(read),
        Err(_) => Err(NotDone::because(Refusal::Malformed, "something comes behind the body")),
    })
}

/// What is wrong with a member.
fn member(pointer: String, message: &str) -> NotDone {
    // Where it is in the text says nothing about the member.
    let message = message.split(" at line ").next().unwrap_or(message);
    let named = |prefix: &str| {
        let (name, _) = message.strip_prefix(prefix)?.strip_prefix('`')?.split_once('`')?;
        let escaped = name.replace('~', "~0").replace('/', "~1");
        Some(format!("{pointer}/{escaped}"))
    };
    if let Some(missing) = named("missing field ") {
        return NotDone::of(Refusal::IeMissing, missing, "is required");
    }
    if let Some(twice) = named("duplicate field ") {
        return NotDone::of(Refusal::IeIncorrect, twice, "is there twice");
    }
    if message.starts_with("unknown field ") {
        return NotDone::of(Refusal::OptionalIeIncorrect, pointer, shown_reason(message));
    }
    NotDone::of(Refusal::IeIncorrect, pointer, shown_reason(message))
}

/// A reason without what may be of the input: words of ours are said as they are.
fn shown_reason(message: &str) -> String {
    match message.strip_prefix(OWN) {
        Some(own) => own.to_owned(),
        None => without_values(message),
    }
}

/// Whether a name may be said: words joined by underscores are ours.
fn may_be_said(name: &str) -> bool {
    let word = |word: &str| word.len() <= 12 && word.bytes().all(|octet| octet.is_ascii_lowercase());
    kaskade_doctor::discretion::may_be_said(name) || name.split('_').all(word)
}

/// A place in a body as a JSON Pointer (RFC 6901).
fn pointer(path: &Path) -> String {
    let mut pointer = String::new();
    for segment in path.iter() {
        match segment {
            Segment::Seq { index } => pointer.push_str(&format!("/{index}")),
            // What nobody here has named may be a secret in the wrong place.
            Segment::Map { key } if may_be_said(key) => {
                pointer.push('/');
                pointer.push_str(&key.replace('~', "~0").replace('/', "~1"));
            }
            Segment::Map { .. } => pointer.push_str("/…"),
            Segment::Enum { .. } | Segment::Unknown => {}
        }
    }
    pointer
}

/// Reads the parameters of a query.
pub fn query<T: DeserializeOwned>(text: &str) -> Result<T, NotDone> {
    let mut parameters = serde_json::Map::new();
    for pair in text.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let (name, value) = (decoded(name)?, decoded(value)?);
        if parameters.contains_key(&name) {
            let name = format!("?{}", shown(&name));
            return Err(NotDone::of(Refusal::OptionalIeIncorrect, name, "is there twice"));
        }
        parameters.insert(name, value.into());
    }
    let read = serde_path_to_error::deserialize(serde_json::Value::Object(parameters));
    read.map_err(|error| {
        let name = match error.path().iter().next() {
            Some(Segment::Map { key }) => shown(key).into_owned(),
            _ => String::new(),
        };
        let reason = shown_reason(&error.inner().to_string());
        NotDone::of(Refusal::OptionalIeIncorrect, format!("?{name}"), reason)
    })
}

fn shown(name: &str) -> Cow<'_, str> {
    match may_be_said(name) {
        true => Cow::Borrowed(name),
        false => Cow::Borrowed("…"),
    }
}

fn decoded(text: &str) -> Result<String, NotDone> {
    let wrong = || NotDone::because(Refusal::OptionalIeIncorrect, "the query is not percent-encoded UTF-8");
    let octets = text.as_bytes();
    let whole = |at: usize| {
        let digits = octets.get(at + 1..at + 3);
        digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    };
    if (0..octets.len()).any(|at| octets.get(at) == Some(&b'%') && !whole(at)) {
        return Err(wrong());
    }
    let text = text.replace('+', " ");
    percent_decode_str(&text)
        .decode_utf8()
        .map(Cow::into_owned)
        .map_err(|_| wrong())
}

/// What has a meaning in a query.
const IN_QUERY: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'&')
    .add(b'+')
    .add(b'<')
    .add(b'=')
    .add(b'>');

/// The query of these parameters, with its question mark; empty where there are none.
pub fn query_text(query: &impl Serialize) -> String {
    let members = match serde_json::to_value(query) {
        Ok(serde_json::Value::Object(members)) => members,
        _ => return String::new(),
    };
    let mut text = String::new();
    for (name, value) in members {
        if let serde_json::Value::String(value) = value {
            text.push(if text.is_empty() { '?' } else { '&' });
            text.push_str(&name);
            text.push('=');
            text.extend(utf8_percent_encode(&value, IN_QUERY));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::administration::text::{Limit, Text};
    use crate::administration::{Changes, ListQuery, NewSubscriber};

    #[test]
    fn a_query_reads_back() {
        let asked = ListQuery {
            after: Some(Text("nai-a+b&c=d%25@example.org".parse().unwrap())),
            limit: Some(Text(Limit(7))),
            ..ListQuery::default()
        };
        let text = query_text(&asked);
        let read: ListQuery = query(text.strip_prefix('?').unwrap()).unwrap();
        assert_eq!((read.after, read.limit), (asked.after, asked.limit));
        assert_eq!(query_text(&ListQuery::default()), "");
    }

    #[test]
    fn nothing_that_was_given_is_repeated() {
        const K: &str = "465b5ce8b199b49faa5f0a2ee238a6bc";
        for body in [
            format!(r#"{{"supi":"imsi-001010000000001","{K}":1}}"#),
            format!(r#"{{"supi":"{K}"}}"#),
            format!(r#"{{"supi":"imsi-001010000000001","akma":"{K}"}}"#),
            format!(r#"{{"supi":"imsi-001010000000001","methods":["{K}"]}}"#),
            format!("{{\"{K}"),
            format!("\"{K}\""),
        ] {
            let told = read::<NewSubscriber>(body.as_bytes()).unwrap_err();
            let told = format!("{told} {:?}", told.param);
            assert!(!told.contains(&K[..12]), "{told}");
        }
        for text in [format!("{K}=1"), format!("limit={K}"), format!("limit=1&limit={K}")] {
            let told = query::<ListQuery>(&text).unwrap_err();
            assert!(!format!("{told} {:?}", told.param).contains(&K[..12]), "{told}");
        }
    }

    #[test]
    fn what_is_there_twice_and_what_cannot_be_null_is_named() {
        for (body, param, says) in [
            (r#"{"akma":true,"akma":false}"#, "/akma", "is there twice"),
            (r#"{"akma":null}"#, "/akma", "null"),
            (r#"{"best":null}"#, "/best", "null"),
            (r#"{"amf":null}"#, "/amf", "null"),
            (r#"{"suspended":null}"#, "/suspended", "null"),
            (r#"{"methods":null}"#, "/methods", "null"),
        ] {
            let told = read::<Changes>(body.as_bytes()).unwrap_err();
            assert_eq!((told.why(), told.param.as_deref()), (Refusal::IeIncorrect, Some(param)));
            assert!(told.detail().contains(says), "{body}: {told}");
        }
        let cleared: Changes = read(br#"{"gpsi":null,"routing_indicator":null,"eps_profile":null}"#).unwrap();
        assert!(cleared.gpsi == Some(None) && cleared.eps_profile == Some(None));
    }

    #[test]
    fn an_array_is_no_object() {
        for body in ["[]", " \n[null, null]"] {
            let told = read::<Changes>(body.as_bytes()).unwrap_err();
            assert_eq!(told.why(), Refusal::IeIncorrect);
        }
        assert!(read::<Changes>(b" {}").is_ok());
    }

    proptest! {
        #[test]
        fn no_octets_panic(octets in proptest::collection::vec(any::<u8>(), 0..200), text in ".{0,60}") {
            let _ = read::<NewSubscriber>(&octets);
            let _ = read::<NewSubscriber>(text.as_bytes());
            let _ = query::<ListQuery>(&text);
        }
    }
}
