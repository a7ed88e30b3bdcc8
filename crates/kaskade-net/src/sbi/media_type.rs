//! What a `content-type` says (RFC 9110 8.3.1, 5.6.6).

/// Whether this is JSON in UTF-8: `application/json`, without charset or with `utf-8` in any case, quoted or not.
///
/// JSON is UTF-8 (RFC 8259 8.1). Whoever names another charset may have written it so, and would be misread. Other
/// parameters say nothing here; one that is no parameter, or a charset that stands twice, is refused.
pub(super) fn is_json(content_type: &[u8]) -> bool {
    is(content_type, b"application/json")
}

/// Whether this is a JSON Merge Patch (RFC 7396) in UTF-8, likewise.
pub(super) fn is_merge_patch(content_type: &[u8]) -> bool {
    is(content_type, b"application/merge-patch+json")
}

/// Whether this is a form in UTF-8: `application/x-www-form-urlencoded`, with the same parameters (RFC 6749 B).
pub(super) fn is_form(content_type: &[u8]) -> bool {
    is(content_type, b"application/x-www-form-urlencoded")
}

fn is(content_type: &[u8], wanted: &[u8]) -> bool {
    if content_type == wanted {
        return true;
    }
    let kind = content_type.split(|octet| *octet == b';').next().unwrap_or_default();
    if !kind.trim_ascii().eq_ignore_ascii_case(wanted) {
        return false;
    }
    let mut rest = content_type.get(kind.len()..).unwrap_or_default();
    let mut charset = false;
    while let [b';', after @ ..] = rest {
        let Some((parameter, after)) = parameter(skip_blanks(after)) else {
            return false;
        };
        rest = skip_blanks(after);
        if let Some((name, value)) = parameter
            && name.eq_ignore_ascii_case(b"charset")
        {
            if charset || !value.eq_ignore_ascii_case(b"utf-8") {
                return false;
            }
            charset = true;
        }
    }
    rest.is_empty()
}

type Parameter<'a> = (&'a [u8], Vec<u8>);

/// A parameter, or none where two semicolons follow one another, and what stands after it. `None` when it is not one.
fn parameter(from: &[u8]) -> Option<(Option<Parameter<'_>>, &[u8])> {
    if matches!(from, [] | [b';', ..]) {
        return Some((None, from));
    }
    let (name, rest) = token(from)?;
    let [b'=', rest @ ..] = rest else { return None };
    let (value, rest) = match rest {
        [b'"', inside @ ..] => quoted(inside)?,
        rest => {
            let (value, rest) = token(rest)?;
            (value.to_vec(), rest)
        }
    };
    Some((Some((name, value)), rest))
}

/// The content of a quoted string whose first mark is gone, and what stands after its last.
fn quoted(mut from: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let mut content = Vec::new();
    loop {
        match from {
            [b'"', rest @ ..] => return Some((content, rest)),
            [b'\\', octet, rest @ ..] | [octet, rest @ ..] if is_text(*octet) => {
                content.push(*octet);
                from = rest;
            }
            _ => return None,
        }
    }
}

fn token(from: &[u8]) -> Option<(&[u8], &[u8])> {
    let len = from.iter().take_while(|octet| is_token(**octet)).count();
    (len > 0).then(|| from.split_at(len))
}

fn skip_blanks(from: &[u8]) -> &[u8] {
    let blanks = from.iter().take_while(|octet| matches!(octet, b' ' | b'\t')).count();
    from.get(blanks..).unwrap_or_default()
}

const fn is_token(octet: u8) -> bool {
    octet.is_ascii_alphanumeric()
        || matches!(octet, b'!' | b'#'..=b'\'' | b'*' | b'+' | b'-' | b'.' | b'^'..=b'`' | b'|' | b'~')
}

const fn is_text(octet: u8) -> bool {
    octet == b'\t' || octet >= b' ' && octet != 0x7f
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn json_is_utf_8_only() {
        for json in [
            "application/json",
            "APPLICATION/Json",
            "application/json ; charset=utf-8",
            "application/json;charset=UTF-8",
            "application/json;\tCharset=\"Utf-8\"",
            "application/json; charset=\"u\\tf-8\"",
            "application/json;version=1; charset=utf-8;",
            "application/json;;x=\"a;charset=latin1\"",
            "application/json; profile=\"a \\\" b\"",
            "application/json;",
        ] {
            assert!(is_json(json.as_bytes()), "{json}");
        }
        for other in [
            "",
            "application/jsonx",
            "application/json2;charset=utf-8",
            "text/json",
            "application/problem+json",
            "application/json;charset=latin1",
            "application/json;charset=utf-16",
            "application/json; charset=utf8",
            "application/json; CHARSET=\"iso-8859-1\"",
            "application/json; charset=utf-8; charset=latin1",
            "application/json; charset=utf-8; charset=utf-8",
            "application/json; x=1; charset=us-ascii",
            "application/json; charset",
            "application/json; charset=",
            "application/json; charset=\"utf-8",
            "application/json; charset=\"utf-8\"x",
            "application/json; charset =utf-8",
            "application/json; charset= utf-8",
            "application/json; =utf-8",
            "application/json, text/plain",
            "application/json; charset=utf-8, application/json",
            "application/json charset=utf-8",
        ] {
            assert!(!is_json(other.as_bytes()), "{other}");
        }
        assert!(is_merge_patch(b"application/merge-patch+json;charset=utf-8") && !is_merge_patch(b"application/json"));
        assert!(!is_json(b"application/merge-patch+json") && !is_merge_patch(b"application/json-patch+json"));
        assert!(!is_json(b"application/json; x=\"\xff") && !is_json(b"application/json; charset=utf-8\xff"));
        assert!(is_json(b"application/json; x=\"\xff\""));
    }

    #[test]
    fn a_form_is_utf_8_too() {
        for form in [
            "application/x-www-form-urlencoded",
            "Application/X-WWW-Form-Urlencoded; charset=UTF-8",
        ] {
            assert!(is_form(form.as_bytes()) && !is_json(form.as_bytes()), "{form}");
        }
        for other in [
            "application/json",
            "application/x-www-form-urlencoded; charset=latin1",
            "multipart/form-data",
            "",
        ] {
            assert!(!is_form(other.as_bytes()), "{other}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(octets in proptest::collection::vec(any::<u8>(), 0..48)) {
            let _ = is_json(&octets);
            let _ = is_json(&[b"application/json;", &octets[..]].concat());
        }
    }
}
