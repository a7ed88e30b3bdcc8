#![allow(clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::format;
use std::string::String;
use std::vec::Vec;

use proptest::prelude::*;

use super::*;
use kaskade_keys::Supi;

fn event() -> Event {
    let supi: Supi = "imsi-001010000000001".parse().expect("a SUPI");
    Event::new(
        Outcome::Released,
        Action::KeyReleased,
        UnixMillis::new(1_700_000_000_123),
    )
    .by(PeerId::of("amf.example.org"))
    .about(Subject::new([1, 2, 3, 4, 5, 6, 7, 8], &supi))
    .because(Reason::Success)
    .key("K_SEAF", Fingerprint::of_octets("K_SEAF", &[7; 32]))
    .correlated(77)
    .committed(5, 6)
    .times(3)
}

#[test]
fn an_event_has_the_octets_that_are_described() {
    let octets = event().encode();
    assert_eq!(octets[..8], [1, 1, 0, 33, 0, 37, 0, 6]);
    assert_eq!(octets[8..16], 1_700_000_000_123_u64.to_be_bytes());
    assert_eq!(octets[16..24], PeerId::of("amf.example.org").octets());
    assert_eq!(octets[24..32], [1, 2, 3, 4, 5, 6, 7, 8]);
    assert_eq!(octets[32..56], *b"imsi-00101********01\0\0\0\0");
    assert_eq!(octets[56..72], *b"K_SEAF\0\0\0\0\0\0\0\0\0\0");
    let fingerprint = Fingerprint::of_octets("K_SEAF", &[7; 32]);
    assert_eq!(octets[72..76], fingerprint.octets());
    assert_eq!(octets[76..84], 77_u64.to_be_bytes());
    assert_eq!(octets[84..92], 5_u64.to_be_bytes());
    assert_eq!(octets[92..], 3_u32.to_be_bytes());
    assert_eq!(Entry::decode(&octets), Ok(Entry::Event(event())));
}

#[test]
fn the_subject_is_the_masked_supi() {
    for text in [
        "imsi-00101",
        "imsi-001011",
        "imsi-00101123",
        "imsi-001010000000001",
        "nai-alice@example.org",
        "gci-0123@a-very-long-realm.of-some-cable.example.org",
    ] {
        let Ok(supi) = text.parse::<Supi>() else { continue };
        let (whole, subject) = (supi.masked(), Subject::new([0; 8], &supi));
        match whole.len() {
            ..=24 => assert_eq!(subject.masked(), whole),
            _ => assert_eq!(subject.masked(), format!("{}~", &whole[..23])),
        }
    }
}

#[test]
fn what_is_wrong_is_said() {
    let good = event().encode();
    let with = |at: usize, value: u8| {
        let mut octets = good;
        octets[at] = value;
        Entry::decode(&octets)
    };
    assert_eq!(with(0, 2), Err(EventError::Version(2)));
    let number = |what, number| Err(EventError::Number { what, number });
    assert_eq!(with(1, 9), number("kind of entry", 9));
    assert_eq!(with(2, 9), number("action", 0x921));
    assert_eq!(with(4, 9), number("reason", 0x925));
    assert_eq!(with(33, 0), Err(EventError::Text("subject")));
    assert_eq!(with(70, b'x'), Err(EventError::Text("key name")));
    assert_eq!(with(57, 0x80), Err(EventError::Text("key name")));
    let gap = Gap {
        reason: GapReason::Killed,
        from: UnixMillis::new(5),
        until: UnixMillis::new(4),
        lost: None,
        at_most_ms: 1000,
        refusals: Some(UnixMillis::new(3)),
    };
    let expected = EventError::Form("a gap that ends before it begins");
    assert_eq!(Entry::decode(&gap.encode()), Err(expected));
    let gap = Gap {
        until: UnixMillis::new(6),
        ..gap
    };
    assert_eq!(Entry::decode(&gap.encode()), Ok(Entry::Gap(gap)));
}

#[test]
fn names_are_cut_into_parts_and_come_back() {
    let long: String = "amf.example.org/".repeat(40);
    for name in ["a", "amf.example.org", &long[..80], &long[..81], &long] {
        let peer = PeerId::of(name);
        let parts: Vec<Name> = Name::parts(peer, name).collect();
        assert!(parts.len() <= NAME_PARTS);
        let text: String = parts.iter().map(Name::text).collect();
        assert_eq!(text, name[..name.len().min(NAME_PARTS * NAME_PART_LEN)]);
        for part in parts {
            assert_eq!(Entry::decode(&part.encode()), Ok(Entry::Name(part)));
        }
    }
    let odd = Name::parts(PeerId::NOBODY, "é\n").next().expect("a part");
    assert_eq!(odd.text(), "???");
}

#[test]
fn numbers_and_names_are_used_once() {
    fn check<T: Copy + PartialEq + core::fmt::Debug>(
        all: &[T],
        name: fn(T) -> &'static str,
        named: fn(&str) -> Option<T>,
    ) {
        for one in all {
            assert_eq!(named(name(*one)), Some(*one));
        }
    }
    check(Action::ALL, Action::name, Action::named);
    check(&Reason::all().collect::<Vec<_>>(), Reason::name, Reason::named);
    check(Outcome::ALL, Outcome::name, Outcome::named);
    check(GapReason::ALL, GapReason::name, GapReason::named);
}

proptest! {
    #[test]
    fn whatever_is_read_is_written_alike(mut octets in proptest::array::uniform32(0_u8..), kind in 1_u8..18) {
        let mut entry = [0; ENTRY_LEN];
        octets[0] = 1;
        octets[1] = kind;
        entry[..24].copy_from_slice(&octets[..24]);
        entry[88..].copy_from_slice(&octets[24..]);
        if let Ok(read) = Entry::decode(&entry) {
            prop_assert_eq!(read.encode(), entry);
        }
    }
}
