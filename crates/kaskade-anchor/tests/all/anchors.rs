//! The EMSKs that a process holds: one for each subscriber, bounded; whatever goes is given back to be retired.

use kaskade_anchor::emsk::{Anchor, Anchors, Limits, Root, Subscriber};
use kaskade_crypto::{Autn, Rand};
use kaskade_flow::Moment;
use kaskade_flow::expiring::Missing;
use kaskade_keys::eap::Emsk;
use kaskade_keys::id::{RootKeyName, SessionId};

use crate::common::{HOUR, NOW, handle, life, one, supi};

fn anchor(number: u8) -> Anchor {
    let session = SessionId::aka_prime(&Rand::from_octets([number; 16]), &Autn::from_octets([2; 16]));
    let root = Root::of_eap(Emsk::from_octets(&[number; 64]), session);
    Anchor::begin(supi(), root, life(HOUR), Limits::default()).0
}

fn names(anchors: &[Anchor]) -> Vec<RootKeyName> {
    anchors.iter().map(Anchor::name).collect()
}

const fn who(number: u8) -> Subscriber {
    Subscriber((number as u128) << 120 | 7)
}

fn hold(anchors: &mut Anchors, subscriber: u8, number: u8) -> Vec<RootKeyName> {
    let (gone, held) = anchors.hold(who(subscriber), anchor(number), NOW);
    held.unwrap();
    names(&gone)
}

fn is(anchors: &mut Anchors, subscriber: u8, number: u8) {
    let (begun, found) = anchors.begin(who(subscriber), NOW).unwrap();
    assert_eq!(found.name(), anchor(number).name());
    assert!(anchors.end(begun, Some(found), NOW).is_none());
}

#[test]
fn a_new_authentication_takes_the_place_of_the_one_before() {
    let mut anchors = Anchors::new(8);
    assert!(anchors.is_empty());
    assert_eq!(hold(&mut anchors, 1, 1), []);
    assert_eq!(hold(&mut anchors, 2, 2), []);
    assert_eq!(hold(&mut anchors, 1, 3), [anchor(1).name()]);
    assert_eq!(anchors.len(), 2);
    is(&mut anchors, 1, 3);
    is(&mut anchors, 2, 2);
    assert_eq!(anchors.retire(who(1), NOW).unwrap().name(), anchor(3).name());
    assert_eq!(anchors.retire(who(1), NOW).unwrap_err(), Missing::Unknown);
    assert_eq!(anchors.begin(who(1), NOW).unwrap_err(), Missing::Unknown);
    is(&mut anchors, 2, 2);
}

#[test]
fn what_is_retired_in_work_comes_back_from_it() {
    let mut anchors = Anchors::new(8);
    hold(&mut anchors, 1, 1);
    let (begun, old) = anchors.begin(who(1), NOW).unwrap();
    assert_eq!(anchors.begin(who(1), NOW).unwrap_err(), Missing::InWork);
    // Authenticated again, twice, while a request is dealt with.
    assert_eq!(hold(&mut anchors, 1, 2), []);
    assert_eq!(hold(&mut anchors, 1, 3), [anchor(2).name()]);
    let retired = anchors.end(begun, Some(old), NOW).unwrap();
    assert_eq!(retired.name(), anchor(1).name());
    is(&mut anchors, 1, 3);
    assert_eq!(anchors.len(), 1);

    // Deregistered.
    let (begun, old) = anchors.begin(who(1), NOW).unwrap();
    assert_eq!(anchors.retire(who(1), NOW).unwrap_err(), Missing::InWork);
    assert_eq!(
        anchors.begin(who(1), NOW).unwrap_err(),
        Missing::Unknown,
        "nobody gets a key any more"
    );
    assert_eq!(anchors.end(begun, Some(old), NOW).unwrap().name(), anchor(3).name());
    assert!(anchors.is_empty());

    // Over.
    hold(&mut anchors, 1, 4);
    let (begun, _) = anchors.begin(who(1), NOW).unwrap();
    assert!(anchors.end(begun, None, NOW).is_none());
    assert_eq!(anchors.begin(who(1), NOW).unwrap_err(), Missing::Unknown);
    assert!(anchors.is_empty());
}

#[test]
fn there_are_as_many_as_there_is_room_for_and_the_oldest_goes() {
    for most in [1_u8, 2, 5, 16] {
        let mut anchors = Anchors::new(most.into());
        let mut gone = Vec::new();
        for number in 0..40 {
            gone.extend(hold(&mut anchors, number, number));
            assert_eq!(
                gone.len() + anchors.len(),
                usize::from(number) + 1,
                "none is lost unseen"
            );
        }
        let held = anchors.len();
        assert!(
            held >= usize::from(most) && held <= usize::from(most) + 2,
            "{held} of {most}"
        );
        let expected: Vec<_> = (0..40 - held as u8).map(|number| anchor(number).name()).collect();
        assert_eq!(gone, expected, "the oldest");
        for number in 0..40 {
            let there = anchors.begin(who(number), NOW);
            assert_eq!(there.is_ok(), usize::from(number) >= 40 - held);
        }
        // All in work.
        let (gone, full) = anchors.hold(who(99), anchor(99), NOW);
        assert!(full.is_err() && gone.is_empty());
    }
}

#[test]
fn what_is_over_is_not_there() {
    let mut anchors = Anchors::new(8);
    hold(&mut anchors, 1, 1);
    let late = NOW.after(HOUR).unwrap();
    let before = Moment::from_nanos(late.as_nanos() - 1);
    let (begun, found) = anchors.begin(who(1), before).unwrap();
    assert!(anchors.end(begun, Some(found), before).is_none());
    assert_eq!(anchors.begin(who(1), late).unwrap_err(), Missing::Unknown);
    hold(&mut anchors, 1, 2);
    hold(&mut anchors, 2, 3);
    assert_eq!(anchors.sweep(before), 0);
    assert_eq!((anchors.sweep(late), anchors.len()), (2, 0));
    assert_eq!(anchors.retire(who(2), late).unwrap_err(), Missing::Unknown);
}

#[test]
fn holders_are_counted_as_they_come_and_go() {
    let mut anchors = Anchors::new(8);
    let give = |anchors: &mut Anchors| {
        let (begun, found) = anchors.begin(who(1), NOW).unwrap();
        let next = handle(found, one()).next;
        assert!(anchors.end(begun, next, NOW).is_none());
        assert_eq!(anchors.holders(), 1);
    };
    hold(&mut anchors, 1, 1);
    hold(&mut anchors, 2, 2);
    assert_eq!(anchors.holders(), 0);
    give(&mut anchors);
    let (begun, found) = anchors.begin(who(1), NOW).unwrap();
    assert_eq!(anchors.holders(), 1, "in work, too");
    assert!(anchors.end(begun, Some(found), NOW).is_none());
    assert_eq!(anchors.look(who(1), NOW, |anchor| anchor.holders().count()), Some(1));
    // Replaced, retired, over when it is looked for, over when it is swept.
    hold(&mut anchors, 1, 3);
    assert_eq!(anchors.holders(), 0);
    give(&mut anchors);
    drop(anchors.retire(who(1), NOW).unwrap());
    assert_eq!(anchors.holders(), 0);
    let after = NOW.after(2 * HOUR).unwrap();
    hold(&mut anchors, 1, 4);
    give(&mut anchors);
    assert_eq!(anchors.begin(who(1), after).map(drop).unwrap_err(), Missing::Unknown);
    assert_eq!(anchors.holders(), 0);
    hold(&mut anchors, 1, 5);
    give(&mut anchors);
    assert!(anchors.sweep(after) > 0);
    assert_eq!((anchors.len(), anchors.holders()), (0, 0));
}
