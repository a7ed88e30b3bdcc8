//! Keys of usages as pre-shared keys: who has the key gets in, for as long as it lives.

use std::sync::Arc;
use std::time::Duration;

use kaskade_crypto::{Autn, Rand};
use kaskade_flow::UnixMillis;
use kaskade_keys::eap::Emsk;
use kaskade_keys::id::{RootKeyName, SessionId, UsageData};
use kaskade_net::psk::{Alert, HandshakeError, Profile, PskIdentity, PskKey, UsageKeyName, UsagePsks};
use kaskade_net::time::unix_millis;
use tokio::time::timeout;

use self::link::{Link, Listening, PROFILE, refusal};

#[allow(clippy::duplicate_mod, reason = "a test has both examples")]
#[path = "../../../examples/usage/link.rs"]
mod link;
#[allow(dead_code, reason = "a test does not begin where the program does")]
#[path = "../../../examples/slice_link.rs"]
mod slice_link;
#[allow(dead_code, reason = "a test does not begin where the program does")]
#[path = "../../../examples/ue_application.rs"]
mod ue_application;

const PAGE: &str = include_str!("../../../../../docs/emsk.md");

/// Lines without what differs from run to run: names of keys and prints.
fn masked(lines: &[String]) -> String {
    let mask = |word: &str| match word.len() >= 8 && word.bytes().all(|c| c.is_ascii_hexdigit()) {
        true => "#".to_owned(),
        false => word.to_owned(),
    };
    let line = |line: &String| {
        let words = line.split_inclusive(|c: char| !c.is_ascii_alphanumeric());
        words
            .map(|word| {
                let end = word.trim_end_matches(|c: char| !c.is_ascii_alphanumeric()).len();
                mask(&word[..end]) + &word[end..]
            })
            .collect::<String>()
    };
    lines.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// What the page shows between its marks.
fn shown(mark: &str) -> String {
    let (_, shown) = PAGE.split_once(&format!("<!-- {mark}:begin -->\n```text\n")).unwrap();
    let (shown, _) = shown.split_once("\n```").unwrap();
    masked(&shown.lines().map(str::to_owned).collect::<Vec<_>>())
}

/// A word in quotes out of a line that begins so, among those that were printed.
fn after<'l>(lines: &'l [String], begin: &str, word: &str) -> &'l str {
    let line = lines.iter().find(|line| line.starts_with(begin)).unwrap();
    line.split_once(word).unwrap().1.split([' ', ',']).next().unwrap()
}

#[tokio::test]
async fn two_functions_of_a_slice_speak_under_its_key() {
    let lines = slice_link::run().await.unwrap();
    assert_eq!(masked(&lines), shown("slice-link"));
    for word in ["DSUSRK ", "print "] {
        let [smf, upf, other, newer] =
            ["SMF: ", "UPF: ", "SMF of another slice: ", "SMF with "].map(|begin| after(&lines, begin, word));
        assert_eq!(smf, upf);
        assert!(smf != other && smf != newer, "{word}");
    }
}

#[tokio::test]
async fn a_ue_and_its_application_server_speak_under_the_key_of_both() {
    let lines = ue_application::run().await.unwrap();
    assert_eq!(masked(&lines), shown("ue-application"));
    for word in ["USRK ", "print "] {
        assert_eq!(after(&lines, "UE: attached by", word), after(&lines, "AF: ", word));
    }
}

const SOON: Duration = Duration::from_secs(20);

fn in_an_hour() -> UnixMillis {
    unix_millis().after(Duration::from_secs(3600))
}

/// The key of a slice after an authentication, and what both ends call it.
fn of_slice(slice: &str, authentication: u8) -> (PskIdentity, PskKey) {
    let emsk = Emsk::from_octets(&[authentication; 64]);
    let session = SessionId::five_g_aka(
        &Rand::from_octets([authentication; 16]),
        &Autn::from_octets([authentication; 16]),
    );
    let (label, domain) = (
        "link@operator.example".parse().unwrap(),
        "slices.example".parse().unwrap(),
    );
    let data = UsageData::slice(&slice.parse().unwrap(), None);
    let key = emsk.dsrk(&domain).dsusrk(&label, &data);
    let name = UsageKeyName {
        emsk: session.emsk_name(),
        key: session.emsk_name().dsusrk_name(&label, &data),
        domain: Some(domain),
    };
    (
        name.identity(),
        PskKey::from_octets(key.expose_to_usage_server()).unwrap(),
    )
}

/// Somebody who holds the key of a slice.
fn holder(slice: &str, authentication: u8) -> (Arc<UsagePsks>, PskIdentity) {
    let held = UsagePsks::new(PROFILE, 8);
    let (identity, key) = of_slice(slice, authentication);
    held.hold(identity.clone(), key, in_an_hour()).unwrap();
    (held, identity)
}

#[test]
fn an_identity_has_the_names_and_the_domain() {
    let mut name = UsageKeyName {
        emsk: RootKeyName::from_octets([0x0A; 8]),
        key: RootKeyName::from_octets([0xB0; 8]),
        domain: None,
    };
    let text = "kaskade-usage-1.0a0a0a0a0a0a0a0a.b0b0b0b0b0b0b0b0";
    assert_eq!(name.identity().as_octets(), text.as_bytes());
    assert_eq!(text.len(), 49);
    let domain = format!("{0}.{1}", "d".repeat(63), "e".repeat(14));
    name.domain = Some(domain.parse().unwrap());
    assert_eq!(name.identity().as_octets(), format!("{text}@{domain}").as_bytes());
    assert_eq!(name.identity().as_octets().len(), PskIdentity::MAX_IN_1_2);
}

#[tokio::test]
async fn the_key_of_one_slice_opens_no_other() {
    let (held, identity) = holder("1-0000d1", 1);
    let listening = Listening::start(held).await.unwrap();
    let (same, _) = holder("1-0000d1", 1);
    let mut link = Link::connect(&same, &identity, listening.address).await.unwrap();
    assert_eq!(link.ask("a question").await.unwrap(), "heard \"a question\"");
    // Its own name, and the right one over the wrong key.
    let (other, its_own) = holder("1-0000d2", 1);
    let (_, key) = of_slice("1-0000d2", 1);
    other.hold(identity.clone(), key, in_an_hour()).unwrap();
    for identity in [its_own, identity] {
        let tried = Link::connect(&other, &identity, listening.address).await;
        let error = refusal(tried).unwrap();
        assert!(matches!(error, HandshakeError::Alert(Alert(47))), "{error}");
    }
    assert_eq!(listening.requests(), 1);
}

#[tokio::test]
async fn a_retired_key_lets_nobody_in_and_ends_its_connections() {
    let (held, identity) = holder("1-0000d1", 1);
    let (newer_identity, newer) = of_slice("1-0000d1", 2);
    held.hold(newer_identity.clone(), newer, in_an_hour()).unwrap();
    let listening = Listening::start(held).await.unwrap();
    let (theirs, _) = holder("1-0000d1", 1);
    let (_, newer) = of_slice("1-0000d1", 2);
    theirs.hold(newer_identity.clone(), newer, in_an_hour()).unwrap();
    let mut link = Link::connect(&theirs, &identity, listening.address).await.unwrap();
    let mut newer = Link::connect(&theirs, &newer_identity, listening.address)
        .await
        .unwrap();
    link.ask("before").await.unwrap();
    // Only one end hears of it.
    assert!(listening.keys.retire(&identity));
    assert!(!listening.keys.retire(&identity));
    timeout(SOON, link.ended()).await.expect("the connection stays");
    let tried = Link::connect(&theirs, &identity, listening.address).await;
    assert!(matches!(refusal(tried).unwrap(), HandshakeError::Alert(Alert(47))));
    // The other end alone.
    newer.ask("of another key").await.unwrap();
    assert!(theirs.retire(&newer_identity));
    timeout(SOON, newer.ended()).await.expect("the connection stays");
    assert!(theirs.client(&newer_identity).is_none());
    timeout(SOON, theirs.ended(&newer_identity))
        .await
        .expect("what is not held has ended");
}

#[tokio::test]
async fn a_key_expires() {
    let (held, identity) = holder("1-0000d1", 1);
    let listening = Listening::start(UsagePsks::new(PROFILE, 1)).await.unwrap();
    let soon = || unix_millis().after(Duration::from_millis(1_500));
    let key = || of_slice("1-0000d1", 1).1;
    listening.keys.hold(identity.clone(), key(), soon()).unwrap();
    // The same once more: held on.
    listening.keys.hold(identity.clone(), key(), soon()).unwrap();
    let link = Link::connect(&held, &identity, listening.address).await.unwrap();
    timeout(SOON, link.ended()).await.expect("the connection stays");
    let tried = Link::connect(&held, &identity, listening.address).await;
    assert!(matches!(refusal(tried).unwrap(), HandshakeError::Alert(Alert(47))));
    assert!(listening.keys.client(&identity).is_none());
    // Its place is there for another.
    let (other, key) = of_slice("1-0000d2", 1);
    listening.keys.hold(other, key, in_an_hour()).unwrap();
}

/// Whoever holds a key again with another end has connections that end then.
#[tokio::test]
async fn a_key_that_is_held_again_has_its_last_end() {
    let (held, identity) = holder("1-0000d1", 1);
    let key = || of_slice("1-0000d1", 1).1;
    let soon = || unix_millis().after(Duration::from_millis(500));
    let mut ended = Box::pin(held.ended(&identity));
    // It waits already.
    let waits = timeout(Duration::from_millis(20), &mut ended).await;
    assert!(waits.is_err());
    held.hold(identity.clone(), key(), soon()).unwrap();
    timeout(SOON, ended).await.expect("it ends when it was to end first");
    // And later than it was to end first.
    held.hold(identity.clone(), key(), soon()).unwrap();
    let ended = held.ended(&identity);
    held.hold(identity.clone(), key(), in_an_hour()).unwrap();
    let early = timeout(Duration::from_millis(1_500), ended).await;
    assert!(early.is_err(), "it ends before its time");
    assert!(held.client(&identity).is_some());
}

#[tokio::test]
async fn a_key_is_for_one_protocol_and_there_is_room_for_so_many() {
    let held = UsagePsks::new(Profile::Tls12(super::SUITE), 1);
    let (identity, key) = of_slice("1-0000d1", 1);
    held.hold(identity.clone(), key, in_an_hour()).unwrap();
    let listening = Listening::start(held.clone()).await.unwrap();
    let (of_1_3, _) = holder("1-0000d1", 1);
    let tried = Link::connect(&of_1_3, &identity, listening.address).await;
    assert!(matches!(refusal(tried).unwrap(), HandshakeError::Alert(Alert(47))));
    let (other, key) = of_slice("1-0000d2", 1);
    let error = held.hold(other, key, in_an_hour()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "no room for another key of a usage: at most 1 are held"
    );
    // Another key of the same name takes its place, and ends its connections.
    let ended = held.ended(&identity);
    held.hold(identity.clone(), super::wrong_key(), in_an_hour()).unwrap();
    timeout(SOON, ended).await.expect("the older key goes on");
    assert_eq!(held.count(), 1);
}
