//! What a peer says beside bodies and paths: media types, and the names in its certificate.

use kaskade_net::sbi::message::Content;
use kaskade_net::sbi::parsers::{accepts, common_name, is_json, peer_with, shown, unsigned_token};

/// `content-type`. RFC 9110 8.3.1.
pub fn content_type(data: &[u8]) -> bool {
    let json = is_json(data);
    // One more charset makes two, or the wrong one.
    assert!(!json || !is_json(&[data, b";charset=latin1"].concat()));
    assert_eq!(is_json(&[b" ", data].concat()), json);
    json
}

/// The values of `accept`, one a line. RFC 9110 12.5.1.
pub fn accept(data: &[u8]) -> bool {
    let mut values: Vec<&[u8]> = data.split(|octet| *octet == b'\n').collect();
    let kinds = [Content::Json, Content::Hal, Content::Problem];
    let taken = kinds.map(|kind| accepts(&values, kind));
    // Values that HTTP/2 does not let in never come alone.
    if taken.contains(&None) {
        assert_eq!(taken, [None; 3]);
        return false;
    }
    let [json, hal, problem] = taken;
    // Only a weight takes one kind out of a range.
    let weighs = data.windows(2).any(|two| two.eq_ignore_ascii_case(b"q="));
    assert!(weighs || json != Some(true) || (hal, problem) == (json, json));
    values.push(b"text/plain, */*;q=0.1");
    let with_any = kinds.map(|kind| accepts(&values, kind));
    assert!(weighs || with_any == [Some(true); 3]);
    let kept = |(before, after): (Option<bool>, Option<bool>)| before != Some(true) || after == Some(true);
    assert!(taken.into_iter().zip(with_any).all(kept));
    json == Some(true)
}

/// A certificate in DER, whose names say who its peer is and stand in the log. RFC 5280 4.1.
pub fn certificate_names(data: &[u8]) -> bool {
    let peer = peer_with(data);
    assert_eq!(peer_with(data), peer);
    let label = peer.requester().to_string();
    assert!(
        label.len() <= 253 && label.bytes().all(|octet| matches!(octet, b' '..=b'~')),
        "{label:?}"
    );
    let names = peer.names().unwrap_or_default();
    assert!(
        names
            .iter()
            .all(|name| !name.is_empty() && **name == *name.to_ascii_lowercase())
    );
    assert!(names.is_sorted_by(|a, b| a < b), "each once");
    !names.is_empty()
}

/// The common name in a subject. RFC 5280 4.1.2.6.
pub fn subject_common_name(data: &[u8]) -> bool {
    let Some(name) = common_name(data) else { return false };
    assert!((1..=64).contains(&name.chars().count()) && !name.chars().any(char::is_control));
    let text = shown(&name);
    assert!(text.bytes().all(|octet| matches!(octet, b' '..=b'~')));
    // Two names that differ are shown differently.
    assert_eq!(
        text == name,
        name.bytes().all(|octet| matches!(octet, b' '..=b'~') && octet != b'\\')
    );
    true
}

/// The text of an access token, whose claims are read when its signature is right. RFC 7515 7.1, TS 29.510 6.3.5.2.4.
pub fn access_token(data: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(data) else {
        return false;
    };
    let Some(token) = unsigned_token(text) else {
        return false;
    };
    // It stands in logs, and owns contexts.
    let subject = token.subject();
    assert!((1..=255).contains(&subject.len()) && subject.bytes().all(|octet| octet.is_ascii_graphic()));
    assert!(token.scopes().all(|word| !word.is_empty() && token.allows(word)));
    assert!(!token.allows("") && !token.allows(" "));
    // There is one text for it: no padding, and no bits that say nothing.
    assert!(unsigned_token(&format!("{text}=")).is_none() && unsigned_token(&format!(" {text}")).is_none());
    true
}
