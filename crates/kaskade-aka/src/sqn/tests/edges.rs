//! Single cases of the policy, at the edges.
#![allow(clippy::panic, reason = "a test fails by panicking")]

use super::*;

#[test]
fn a_blank_card_starts_at_one_whatever_the_clock_says() {
    for wall in [0, 1, 1_700_000_000, 40 * YEAR, 1 << 40] {
        for scheme in [SqnScheme::TimeBased, SqnScheme::NonTimeBased] {
            let mut node = Node::new(scheme, 0, wall, SqnPolicy::default(), NodeIndex::ONLY);
            assert_eq!(node.issue(), Ok(Seq(1)));
        }
        let mut node = Node::new(SqnScheme::General, 0, wall, SqnPolicy::default(), NodeIndex::ONLY);
        assert!(node.issue().expect("a SEQ") <= Seq(1 << 24));
    }
}

#[test]
fn time_based_needs_no_write_while_it_rides_the_clock() {
    let mut node = Node::new(
        SqnScheme::TimeBased,
        0,
        1_700_000_000,
        SqnPolicy::default(),
        NodeIndex::ONLY,
    );
    for _ in 0..100_000 {
        node.pass(30);
        if node.view.mark.0 - node.view.now.0 < 30 {
            node.mark();
        }
        assert!(node.attempt().is_some());
        assert!(node.flight.is_none(), "a write of its own");
    }
}

#[test]
fn a_hot_subscriber_writes_few_times_and_returns_to_the_clock() {
    let mut node = Node::new(
        SqnScheme::TimeBased,
        0,
        1_700_000_000,
        SqnPolicy::default(),
        NodeIndex::ONLY,
    );
    let mut writes = 0;
    for turn in 0..1_000_000 {
        if turn % 1000 == 0 {
            node.pass(1);
            node.mark();
        }
        let before = node.disk.clone();
        node.issue().expect("a SEQ");
        writes += u32::from(before != node.disk);
    }
    assert!(writes < 600, "{writes} writes for a million vectors");
    // A day later it costs nothing again, and nothing need be held.
    node.pass(86_400 * 20);
    node.mark();
    assert!(node.issuer.is_idle(node.view.now));
}

#[test]
fn general_follows_the_rules_of_c_1_1_1() {
    // n = 8, p = 256, D = 16.
    let cases = [
        // (SEQ_HE, GLC, SEQ): (i) the clock is ahead.
        (0x0310, 0x20, 0x0320),
        (0x0300, 0xf0, 0x03f0),
        // (ii) the clock is at most D behind, also across its wrap.
        (0x0320, 0x20, 0x0321),
        (0x0320, 0x11, 0x0321),
        (0x0305, 0xf9, 0x0306),
        // (iii) the clock has wrapped.
        (0x0320, 0x10, 0x0410),
        (0x03ff, 0x00, 0x0400),
        (0x03f0, 0x00, 0x0400),
    ];
    for (last, glc, expected) in cases {
        let record = SqnRecord::after(SqnScheme::General, LAYOUT, Seq(last))
            .with_general(8, 16)
            .expect("fits");
        let issuer = SqnIssuer::load(record);
        // Only the low n bits of the clock count.
        for now in [Glc(glc), Glc(0x77_00 + glc)] {
            assert_eq!(issuer.candidate(now), Ok(Seq(expected)), "{last:#x} at {glc:#x}");
        }
    }
}

#[test]
fn resynchronisation_at_the_edges() {
    let clock = ClockView::of_one(Glc(1_700_000_000), Glc(1_700_000_060));
    let policy = SqnPolicy::default();
    let max = LAYOUT.max_seq();
    for scheme in SqnScheme::ALL {
        let load = |highest| SqnIssuer::load(SqnRecord::after(scheme, LAYOUT, highest).anchored(clock.now, &policy));
        // Near the top of SEQ: an error, never a wrap.
        let issuer = load(Seq(0));
        assert_eq!(
            issuer.resynchronise(max, FRESH, clock, &policy),
            Err(SqnError::Exhausted)
        );
        let Ok(Resynchronisation::Raised(moved)) = issuer.resynchronise(Seq(max.0 - 1), STALE, clock, &policy) else {
            panic!("raised to the last");
        };
        let mut last = moved.into_issuer();
        let next = last.next(clock, &policy);
        assert!(
            next == Ok(Next::Issued {
                seq: max,
                prefetch: false
            }) || next == Err(SqnError::Exhausted),
            "{next:?}"
        );
        assert_eq!(last.next(clock, &policy), Err(SqnError::Exhausted));
        // A wrong import, far too high: a new epoch just above the card.
        let issuer = load(Seq(1 << 40));
        let Ok(Resynchronisation::NewEpoch(moved)) = issuer.resynchronise(Seq(500), FRESH, clock, &policy) else {
            panic!("a new epoch");
        };
        let low = moved.into_issuer();
        let next = low.candidate(clock.now).expect("there is one");
        assert!(next > Seq(500) && next.0 <= 500 + (1 << 24), "{next:?}");
        // An older AUTS of that card is replayed.
        assert_eq!(
            low.resynchronise(Seq(499), FRESH, clock, &policy),
            Ok(Resynchronisation::InStep)
        );
        let never = SqnPolicy {
            reuse: Reuse::Never,
            ..policy
        };
        assert_eq!(
            low.resynchronise(Seq(499), FRESH, clock, &never),
            Ok(Resynchronisation::BelowShown)
        );
    }
}

const STALE: Proof = Proof::Stale { made: None };
const FRESH: Proof = Proof::Fresh { made: 1, now: 2 };

/// A counter that has issued twice as much as a card accepts.
fn spent_window() -> (SqnIssuer, ClockView) {
    let clock = ClockView::of_one(Glc(100), Glc(160));
    let mut issuer = SqnIssuer::load(SqnRecord::blank(SqnScheme::NonTimeBased));
    for _ in 0..SMALL.delta * 2 {
        while issuer.next(clock, &SMALL) == Ok(Next::NeedsReservation) {
            let record = issuer.reservation(clock, &SMALL).expect("a record");
            issuer.reserved(record);
        }
    }
    (issuer, clock)
}

#[test]
fn a_window_that_is_spent_is_an_error_where_nothing_may_be_used_again() {
    let (issuer, clock) = spent_window();
    let never = SqnPolicy {
        reuse: Reuse::Never,
        ..SMALL
    };
    assert_eq!(
        issuer.resynchronise(Seq(10), FRESH, clock, &never),
        Err(SqnError::WindowSpent)
    );
    let near = Seq(SMALL.delta * 2 - 10);
    assert_eq!(
        issuer.resynchronise(near, FRESH, clock, &never),
        Ok(Resynchronisation::InStep)
    );
    // Unless the operator allows it, once, and the AUTS is fresh.
    let granted = SqnIssuer::load(issuer.record().clone().granted());
    assert_eq!(
        granted.resynchronise(Seq(10), STALE, clock, &never),
        Ok(Resynchronisation::Stale)
    );
    let Ok(Resynchronisation::Reused(moved)) = granted.resynchronise(Seq(10), FRESH, clock, &never) else {
        panic!("allowed");
    };
    assert!(!moved.record().back().granted);
}

#[test]
fn a_card_that_went_back_is_followed_when_the_auts_is_fresh_and_not_too_often() {
    let (mut issuer, clock) = spent_window();
    let follow = |issuer: &SqnIssuer, made| {
        let proof = Proof::Fresh { made, now: 1 << 16 };
        issuer.resynchronise(Seq(10), proof, clock, &SMALL)
    };
    let stale = issuer.resynchronise(Seq(10), STALE, clock, &SMALL);
    assert_eq!(stale, Ok(Resynchronisation::Stale));
    let Ok(Resynchronisation::Reused(moved)) = follow(&issuer, 7) else {
        panic!("everything is spent");
    };
    assert_eq!((moved.record().back().reuses, moved.record().back().followed), (1, 7));
    assert_eq!(
        moved.into_issuer().next(clock, &SMALL),
        Ok(Next::Issued {
            seq: Seq(11),
            prefetch: false
        })
    );
    // Numbers that were never issued come first: those between, where a card was far ahead.
    let far = Seq(SMALL.delta * 5);
    for (turn, expected) in [(8, "Reused"), (9, "NewEpoch"), (10, "NewEpoch"), (11, "Limited")] {
        let outcome = follow(&issuer, turn);
        assert!(
            format!("{outcome:?}").starts_with(&format!("Ok({expected}")),
            "{turn}: {outcome:?}"
        );
        let (Ok(Resynchronisation::Reused(moved) | Resynchronisation::NewEpoch(moved)), true) = (outcome, turn < 11)
        else {
            break;
        };
        issuer = moved.into_issuer();
        // An AUTS of before, from when the card was ahead, does not throw it out again.
        for made in [None, Some(turn - 1), Some(turn)] {
            let replayed = issuer.resynchronise(far, Proof::Stale { made }, clock, &SMALL);
            assert_eq!(replayed, Ok(Resynchronisation::Stale), "{made:?}");
        }
        let replayed = Proof::Fresh {
            made: turn,
            now: 1 << 16,
        };
        assert_eq!(
            issuer.resynchronise(far, replayed, clock, &SMALL),
            Ok(Resynchronisation::Stale)
        );
        // A vector that was made since and used late does: the card is ahead once more.
        let later = Proof::Stale { made: Some(turn + 1) };
        let Ok(Resynchronisation::Raised(moved)) = issuer.resynchronise(far, later, clock, &SMALL) else {
            panic!("ahead");
        };
        // The same AUTS again, and the one before.
        issuer = moved.into_issuer();
        for used in [turn, turn - 1] {
            assert_eq!(follow(&issuer, used), Ok(Resynchronisation::Stale));
        }
    }
}

#[test]
fn what_is_spent_up_to_the_last_seq_is_a_spent_window() {
    let clock = ClockView::of_one(Glc(100), Glc(160));
    let max = LAYOUT.max_seq();
    let mut parts = SqnRecord::after(SqnScheme::NonTimeBased, LAYOUT, max).into_parts();
    parts.epoch_start = Seq(max.0 - SMALL.delta * 2);
    let issuer = SqnIssuer::load(SqnRecord::from_parts(parts).expect("fits"));
    let never = SqnPolicy {
        reuse: Reuse::Never,
        ..SMALL
    };
    let card = Seq(max.0 - SMALL.delta - 5);
    assert_eq!(
        issuer.resynchronise(card, FRESH, clock, &never),
        Err(SqnError::WindowSpent)
    );
    let Ok(Resynchronisation::Reused(moved)) = issuer.resynchronise(card, FRESH, clock, &SMALL) else {
        panic!("the card went back, and all that it accepts is spent");
    };
    assert_eq!(moved.into_issuer().candidate(clock.now), Ok(Seq(card.0 + 1)));
    // Within Δ of the end it may be in step: nothing comes twice.
    for near in [Seq(max.0 - 5), max] {
        assert_eq!(
            issuer.resynchronise(near, FRESH, clock, &SMALL),
            Err(SqnError::Exhausted)
        );
    }
}

#[test]
fn the_same_card_keeps_what_it_has_shown_and_another_does_not() {
    let clock = ClockView::of_one(Glc(100), Glc(160));
    let never = SqnPolicy {
        reuse: Reuse::Never,
        ..SqnPolicy::default()
    };
    let issuer = SqnIssuer::load(SqnRecord::blank(SqnScheme::NonTimeBased));
    let Ok(Resynchronisation::Raised(moved)) = issuer.resynchronise(Seq(1 << 40), FRESH, clock, &never) else {
        panic!("ahead");
    };
    // However fresh it is: only the operator knows whether that is a clone.
    let shown = SqnIssuer::load(moved.record().clone());
    assert_eq!(
        shown.resynchronise(Seq(500), FRESH, clock, &never),
        Ok(Resynchronisation::BelowShown)
    );
    let old = moved.record().clone().granted();
    let given = || SqnRecord::after(SqnScheme::NonTimeBased, LAYOUT, Seq(0));
    let next = given().succeeding(&old, Seq(1 << 40), &never, clock.now);
    assert!(!next.back().granted);
    assert!(next.clone().of_the_same_card(&old).back().granted);
    let mut parts = next.of_the_same_card(&old).into_parts();
    parts.back.granted = false;
    let same = SqnIssuer::load(SqnRecord::from_parts(parts).expect("fits"));
    let recorded = same.resynchronise(Seq(500), STALE, clock, &never);
    assert_eq!(
        recorded,
        Ok(Resynchronisation::BelowShown),
        "recorded before the card showed more"
    );
}
