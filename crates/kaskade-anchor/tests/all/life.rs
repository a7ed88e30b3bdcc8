//! The life of an EMSK: asked first and again, who holds keys, how long, and how it ends.

use core::time::Duration;

use kaskade_anchor::emsk::{
    Admission, Anchor, AnchorAsk, AnchorError, AnchorInput, AnchorOutput, Asked, Callback, Custody, DataRule, GivenUp,
    Grant, Held, Holder, HolderId, Limits, Registry, Retired, Retirement, SealedRoot, TO_HOLDERS, Usage, Wanted, Why,
    retire,
};
use kaskade_crypto::seal::{RecordPlace, RootKey as Sealer, SecretWriter};
use kaskade_flow::event::{Action, Outcome, PeerId};
use kaskade_flow::machine::{Machine, Step};
use kaskade_flow::record::{Record, RecordKey, RowError};
use kaskade_flow::unit::Parts;
use kaskade_flow::{Refusal, UnixMillis};
use kaskade_keys::ParseError;
use kaskade_keys::id::Snssai;
use proptest::prelude::*;

use crate::common::{
    AT, HOUR, NOW, Nothing, about, anchor, ask, asked, caller, cover, handle, life, one, principal, registry, root,
    supi, told,
};

fn key(step: Step<Anchor>) -> (Anchor, kaskade_anchor::emsk::Released) {
    match told(step.out) {
        AnchorOutput::Key(released) => (step.next.unwrap(), released),
        other @ AnchorOutput::Domain(_) => panic!("{other:?}"),
    }
}

fn refused(step: &Step<Anchor>) -> AnchorError {
    assert!(step.unit.is_none() && step.out.is_none());
    match step.ask {
        Some(AnchorAsk::Refuse(error)) => error,
        _ => panic!("{:?}", step.ask),
    }
}

fn parts(unit: Option<Box<kaskade_flow::Unit>>) -> Parts {
    unit.unwrap().into_parts().unwrap()
}

fn holder(parts: &Parts) -> Holder {
    let [change] = parts.changes.as_slice() else {
        panic!("{parts:?}")
    };
    assert_eq!(change.kind, Holder::KIND);
    decode(&change.value.as_ref().unwrap().clear).unwrap()
}

fn decode(clear: &[u8]) -> Result<Holder, RowError> {
    decode_of(Holder::KIND.version, clear)
}

fn decode_of(version: u8, clear: &[u8]) -> Result<Holder, RowError> {
    let (data_key, _) = Sealer::from_octets(&[1; 32]).create_data_key(&[2; 32], &[3; 12]);
    let place = RecordPlace {
        kind: 1,
        expires: 0,
        key: b"",
    };
    let row = data_key.seal_record(&[6; 12], &place, version, clear, &SecretWriter::new());
    let opened = data_key.open_record(&place, &row).unwrap();
    Holder::decode(version, opened.clear, opened.secrets.reader())
}

#[test]
fn a_first_key_comes_with_its_record_and_its_event() {
    let step = handle(anchor(), one());
    let Some(AnchorAsk::Note(id)) = step.ask else { panic!() };
    let parts = parts(step.unit);
    let noted = holder(&parts);
    let AnchorOutput::Key(released) = told(step.out) else {
        panic!()
    };
    assert_eq!(noted.key_name, Some(released.name));
    assert_eq!(noted.emsk_name, released.emsk_name);
    assert_eq!((noted.principal.as_str(), noted.expires), ("af", AT.after(HOUR)));
    assert_eq!(noted.label.as_ref().unwrap().as_str(), "one@example.org");
    assert_eq!(released.expires, AT.after(HOUR));
    assert_eq!(parts.changes[0].key, (supi(), id.holder().octets()).to_octets());
    let [event] = parts.events.as_slice() else { panic!() };
    assert_eq!(
        (event.outcome(), event.action()),
        (Outcome::Released, Action::UsageKeyGiven)
    );
    assert_eq!(event.key_name().unwrap(), ("USRK", released.key.fingerprint().octets()));
    assert_eq!((event.correlation(), event.subject()), (77, &about()));
    assert!(parts.messages.is_empty());
}

#[test]
fn the_same_again_is_the_same_key_under_the_cover_of_the_first_time() {
    let step = handle(anchor(), one());
    let Some(AnchorAsk::Note(overtaken)) = step.ask else {
        panic!()
    };
    let (waiting, first) = key(step);
    // Nobody knows yet whether the record is durable: it is written again.
    let step = handle(waiting, one());
    let Some(AnchorAsk::Note(id)) = step.ask else { panic!() };
    assert!(step.unit.is_some() && id.holder() == overtaken.holder());
    let (noted, _) = key(step);
    let step = noted.handle(NOW, &mut Nothing, Some(AnchorInput::Written(overtaken, cover())));
    let step = handle(step.next.unwrap(), one());
    assert!(
        step.unit.is_some(),
        "another record is on its way, and what becomes of it is not known"
    );
    let Some(AnchorAsk::Note(id)) = step.ask else { panic!() };
    let (noted, _) = key(step);
    let noted = noted
        .handle(NOW, &mut Nothing, Some(AnchorInput::Written(id, cover())))
        .next
        .unwrap();
    let later = Asked {
        at: AT.after(HOUR / 2),
        ..one()
    };
    let step = handle(noted, later.clone());
    assert!(step.unit.is_none(), "nothing is written");
    let Some(AnchorAsk::Admit { event, .. }) = step.ask else {
        panic!()
    };
    assert_eq!((event.action(), event.at()), (Action::UsageKeyGiven, later.at));
    let (noted, again) = key(Step { ask: None, ..step });
    assert_eq!(again.key, first.key);
    assert_eq!(
        (again.name, again.expires),
        (first.name, first.expires),
        "the same end, however often it is asked for"
    );
    // With another callback it is another record.
    let elsewhere = Asked {
        callback: None,
        ..later
    };
    let step = handle(noted, elsewhere);
    assert_eq!(holder(&parts(step.unit)).callback, None);
    assert_eq!(step.next.unwrap().holders().count(), 1);
}

#[test]
fn a_domain_has_its_root_key_and_is_a_holder() {
    let admitted = registry()
        .admit_domain(&caller("er"), &"visited.example".parse().unwrap())
        .unwrap();
    let step = handle(anchor(), asked(Admission::Domain(admitted)));
    let parts = parts(step.unit);
    let noted = holder(&parts);
    assert_eq!((noted.key_name, noted.label.as_ref()), (None, None));
    assert_eq!(parts.events[0].action(), Action::DomainKeyGiven);
    let AnchorOutput::Domain(released) = told(step.out) else {
        panic!()
    };
    assert_eq!(released.key, root().dsrk(&"visited.example".parse().unwrap()));
    assert_eq!(
        (released.expires, noted.expires),
        (AT.after(2 * HOUR), AT.after(2 * HOUR))
    );
}

#[test]
fn no_key_lives_longer_than_the_emsk_or_than_its_usage_says() {
    let short = Anchor::begin(supi(), root(), life(HOUR / 4), Limits::default()).0;
    let (_, released) = key(handle(short, one()));
    assert_eq!(released.expires, AT.after(HOUR / 4));
    // The life counts from the birth of the EMSK.
    let at = |wait| Asked {
        at: AT.after(wait),
        ..one()
    };
    let (late, released) = key(handle(anchor(), at(HOUR - Duration::from_millis(1))));
    assert_eq!(released.expires, AT.after(HOUR));
    let error = refused(&handle(late, at(HOUR)));
    assert_eq!((error, error.refusal()), (AnchorError::Over, Refusal::ContextNotFound));
    // The EMSK itself, by the clock of the process.
    let deadline = anchor().deadline().unwrap();
    let step = anchor().handle(deadline, &mut Nothing, Some(AnchorInput::Asked(Box::new(one()))));
    assert!(step.next.is_none());
    assert_eq!(refused(&step), AnchorError::Over);
    let step = anchor().handle(deadline, &mut Nothing, None);
    assert!(
        step.next.is_none() && step.unit.is_none() && step.out.is_none(),
        "records end by themselves"
    );
}

#[test]
fn only_so_many_hold_keys_of_one_emsk() {
    let mut registry = Registry::new();
    for number in 0..6 {
        let grants = vec![kaskade_anchor::emsk::Grant::to(crate::common::principal("af"))];
        let usage = Usage {
            label: format!("u{number}@example.org").parse().unwrap(),
            domain: None,
            data: DataRule::None,
            grants,
            lifetime: if number == 0 { HOUR / 2 } else { HOUR },
        };
        registry.add(usage).unwrap();
    }
    let ask = |number: u8, wait: Duration| {
        let admitted = registry
            .admit(&caller("af"), &ask(&format!("u{number}@example.org"), Wanted::TheKey))
            .unwrap();
        Asked {
            at: AT.after(wait),
            ..asked(Admission::Usage(admitted))
        }
    };
    let limits = Limits {
        holders: 3,
        ..Limits::default()
    };
    let mut anchor = Anchor::begin(supi(), root(), life(10 * HOUR), limits).0;
    for number in 0..3 {
        anchor = key(handle(anchor, ask(number, Duration::ZERO))).0;
    }
    let step = handle(anchor, ask(3, Duration::ZERO));
    let error = refused(&step);
    anchor = step.next.unwrap();
    assert_eq!(
        (error, error.refusal()),
        (AnchorError::TooManyHolders(3), Refusal::BudgetSpent)
    );
    // Who has one has it again, and what is over makes room.
    anchor = key(handle(anchor, ask(2, Duration::ZERO))).0;
    anchor = key(handle(anchor, ask(3, HOUR / 2))).0;
    assert_eq!(anchor.holders().count(), 3);
}

#[test]
fn one_principal_does_not_take_all_places_and_gives_back_what_it_has() {
    let mut registry = Registry::new();
    for number in 0..4 {
        let usage = Usage {
            label: format!("u{number}@example.org").parse().unwrap(),
            domain: None,
            data: DataRule::None,
            grants: ["af", "bf"].map(|name| Grant::to(principal(name))).into(),
            lifetime: HOUR,
        };
        registry.add(usage).unwrap();
    }
    let ask = |name: &str, number: u8| {
        let ask = ask(&format!("u{number}@example.org"), Wanted::TheKey);
        asked(Admission::Usage(registry.admit(&caller(name), &ask).unwrap()))
    };
    let limits = Limits {
        holders: 4,
        of_one: 2,
        ..Limits::default()
    };
    let mut anchor = Anchor::begin(supi(), root(), life(10 * HOUR), limits).0;
    let mut names = Vec::new();
    for number in 0..2 {
        let (next, released) = key(handle(anchor, ask("af", number)));
        names.push(released.name);
        anchor = next;
    }
    let step = handle(anchor, ask("af", 2));
    let error = refused(&step);
    assert_eq!(error.refusal(), Refusal::BudgetSpent);
    assert_eq!(error, AnchorError::TooManyOfOne(2));
    anchor = key(handle(step.next.unwrap(), ask("bf", 2))).0;
    let admission = ask("af", 0).admission;
    assert!(anchor.is_held(&admission) && !anchor.is_held(&ask("af", 3).admission));

    let give_up = |anchor: Anchor, principal: &str, held: Held| {
        let given_up = GivenUp {
            principal: principal.into(),
            held,
            at: AT,
            by: PeerId::of(principal),
            about: about(),
            correlation: 3,
        };
        anchor.handle(NOW, &mut Nothing, Some(AnchorInput::GivenUp(Box::new(given_up))))
    };
    // Nobody gives up what another has.
    let step = give_up(anchor, "bf", Held::Key(names[0]));
    assert_eq!(refused(&step), AnchorError::NotHeld);
    let step = give_up(step.next.unwrap(), "af", Held::Domain("example.org".parse().unwrap()));
    assert_eq!(refused(&step), AnchorError::NotHeld);
    let step = give_up(step.next.unwrap(), "af", Held::Key(names[0]));
    let given = parts(step.unit);
    assert!(given.changes.len() == 1 && given.changes[0].value.is_none());
    assert_eq!(given.events[0].action(), Action::UsageKeyGivenUp);
    let Some(AnchorAsk::Forget(forgotten)) = step.ask else {
        panic!();
    };
    anchor = step.next.unwrap();
    assert!(anchor.is_held(&admission), "until its record is gone");
    // Whoever asks again meanwhile is written again, and is not forgotten.
    let step = handle(anchor, ask("af", 0));
    assert!(step.unit.is_some());
    anchor = step.next.unwrap();
    anchor = anchor
        .handle(NOW, &mut Nothing, Some(AnchorInput::Forgotten(forgotten)))
        .next
        .unwrap();
    assert!(anchor.is_held(&admission));
    let step = give_up(anchor, "af", Held::Key(names[0]));
    let Some(AnchorAsk::Forget(forgotten)) = step.ask else {
        panic!();
    };
    let step = step
        .next
        .unwrap()
        .handle(NOW, &mut Nothing, Some(AnchorInput::Forgotten(forgotten)));
    anchor = step.next.unwrap();
    assert!(!anchor.is_held(&admission));
    let admission = ask("af", 2).admission;
    assert!(key(handle(anchor, ask("af", 2))).0.is_held(&admission));
}

fn with_holders() -> Anchor {
    let silent = Asked {
        callback: None,
        ..one()
    };
    let slice = Wanted::Slice("1-0000d1".parse().unwrap(), None);
    let admitted = registry()
        .admit(&caller("af"), &ask("slice@example.org", slice))
        .unwrap();
    let domain = registry()
        .admit_domain(&caller("er"), &"visited.example".parse().unwrap())
        .unwrap();
    let mut anchor = anchor();
    for asked in [
        silent,
        asked(Admission::Usage(admitted)),
        asked(Admission::Domain(domain)),
    ] {
        anchor = handle(anchor, asked).next.unwrap();
    }
    anchor
}

fn read(message: &kaskade_flow::unit::Outgoing) -> Retirement {
    let (data_key, _) = Sealer::from_octets(&[1; 32]).create_data_key(&[2; 32], &[3; 12]);
    let place = RecordPlace {
        kind: 1,
        expires: 0,
        key: b"",
    };
    let row = data_key.seal_record(&[6; 12], &place, 1, b"", &message.body);
    let opened = data_key.open_record(&place, &row).unwrap();
    Retirement::read(opened.secrets.reader()).unwrap()
}

#[test]
fn its_end_removes_all_holders_and_tells_those_who_want_to_hear() {
    for why in Why::ALL {
        let at = AT.after(HOUR / 2);
        let step = with_holders().handle(
            NOW,
            &mut Nothing,
            Some(AnchorInput::Retired {
                why,
                at,
                about: about(),
            }),
        );
        assert!(step.next.is_none() && step.out.is_none(), "it gives nothing any more");
        let parts = parts(step.unit);
        assert_eq!(parts.changes.len(), 3);
        assert!(
            parts
                .changes
                .iter()
                .all(|change| change.kind == Holder::KIND && change.value.is_none())
        );
        let [slice, domain] = parts.messages.as_slice() else {
            panic!()
        };
        assert_eq!((slice.lane, domain.lane), (TO_HOLDERS, TO_HOLDERS));
        assert_eq!(
            (slice.until, domain.until),
            (Some(AT.after(HOUR)), Some(AT.after(2 * HOUR)))
        );
        assert_ne!(slice.order, domain.order);
        let told = read(slice);
        assert_eq!((told.why, told.supi), (why, supi()));
        assert_eq!(told.holder.label.unwrap().as_str(), "slice@example.org");
        assert_eq!(told.holder.callback.unwrap().as_str(), "https://af.example.org/ended");
        assert_eq!(read(domain).holder.domain.unwrap().as_str(), "visited.example");
        let [event] = parts.events.as_slice() else { panic!() };
        assert_eq!((event.action(), event.count()), (Action::EmskRetired, 3));
        assert_eq!(event.correlation().to_be_bytes(), *anchor().name().octets());
    }
    // Whose key has expired is not told.
    let at = AT.after(HOUR);
    let why = Why::Deregistered;
    let step = with_holders().handle(
        NOW,
        &mut Nothing,
        Some(AnchorInput::Retired {
            why,
            at,
            about: about(),
        }),
    );
    assert_eq!(parts(step.unit).messages.len(), 1);
    // What nobody holds leaves nothing to write.
    let step = anchor().handle(
        NOW,
        &mut Nothing,
        Some(AnchorInput::Retired {
            why,
            at,
            about: about(),
        }),
    );
    assert!(step.unit.is_none());
    let limits = Limits {
        custody: Custody::Sealed,
        ..Limits::default()
    };
    let kept = Anchor::begin(supi(), root(), life(HOUR), limits).0;
    let step = kept.handle(
        NOW,
        &mut Nothing,
        Some(AnchorInput::Retired {
            why,
            at,
            about: about(),
        }),
    );
    let parts = parts(step.unit);
    assert_eq!((parts.changes.len(), parts.changes[0].kind), (1, SealedRoot::KIND));
}

#[test]
fn holders_of_an_emsk_that_was_lost_are_told_by_their_records() {
    let anchor = with_holders();
    let holders: Vec<_> = anchor.holders().cloned().collect();
    let retired = Retired {
        supi: &supi(),
        name: anchor.name(),
        sealed: None,
        why: Why::Lost,
        at: AT,
        about: about(),
    };
    let found = holders
        .into_iter()
        .zip(1..)
        .map(|(holder, number)| (HolderId::from_octets([number; 16]), holder));
    let parts = retire(&retired, found).into_parts().unwrap();
    assert_eq!(
        (parts.changes.len(), parts.messages.len(), parts.events.len()),
        (3, 2, 1)
    );
    assert_eq!(read(&parts.messages[0]).why, Why::Lost);
    assert_eq!(parts.changes[0].key, (supi(), [1_u8; 16]).to_octets());
    assert!(retire(&retired, []).is_empty());
}

#[test]
fn holders_are_told_apart() {
    let of = |principal: &str, label: &str, data: &str, domain: Option<&str>| {
        let of = kaskade_anchor::emsk::KeyOf {
            domain: domain.map(|domain| domain.parse().unwrap()),
            label: label.parse().unwrap(),
            data: data.parse().unwrap(),
        };
        HolderId::of_usage(root().name(), principal, &of)
    };
    let next = kaskade_keys::id::RootKeyName::from_octets([9; 8]);
    let all = [
        of("af", "a@b", "", None),
        of("af2", "a@b", "", None),
        of("af", "a@bb", "", None),
        of("af", "a@b", "00", None),
        of("af", "a@b", "", Some("b")),
        HolderId::of_domain(root().name(), "af", &"b".parse().unwrap()),
        HolderId::of_domain(root().name(), "a", &"fb".parse().unwrap()),
        HolderId::of_domain(next, "af", &"b".parse().unwrap()),
    ];
    for (at, one) in all.iter().enumerate() {
        assert!(all[..at].iter().all(|other| other != one), "{at}");
    }
}

#[test]
fn a_callback_is_visible_text_of_some_length() {
    assert!(matches!(
        "".parse::<Callback>(),
        Err(ParseError::Length { actual: 0, .. })
    ));
    assert!("x".repeat(1024).parse::<Callback>().is_ok());
    assert!("x".repeat(1025).parse::<Callback>().is_err());
    assert!(matches!(
        "a b".parse::<Callback>(),
        Err(ParseError::Character { position: 1, .. })
    ));
}

fn some_holder() -> impl Strategy<Value = Holder> {
    (
        any::<([u8; 8], Option<[u8; 8]>, u64)>(),
        "[ -~]{1,12}",
        prop::option::of("[a-z]{1,5}@[a-z]{1,5}"),
        prop::option::of("[a-z]{1,5}"),
        prop::option::of("[!-~]{1,12}"),
        (any::<Option<(u8, Option<[u8; 3]>)>>(), prop::option::of("[ -~]{1,12}")),
    )
        .prop_filter_map(
            "a holder",
            |((emsk, name, expires), principal, label, domain, callback, (slice, application))| {
                let name = name.filter(|name| *name != [0; 8]);
                (label.is_some() || domain.is_some()).then(|| Holder {
                    emsk_name: kaskade_keys::id::RootKeyName::from_octets(emsk),
                    key_name: name.map(kaskade_keys::id::RootKeyName::from_octets),
                    principal,
                    label: label.map(|label| label.parse().unwrap()),
                    domain: domain.map(|domain| domain.parse().unwrap()),
                    slice: slice.map(|(sst, sd)| Snssai::new(sst, sd)),
                    application: application.map(|application| application.parse().unwrap()),
                    expires: UnixMillis::new(expires),
                    callback: callback.map(|callback| callback.parse().unwrap()),
                })
            },
        )
}

proptest! {
    #[test]
    fn a_holder_reads_back_and_garbage_is_none(holder in some_holder(), cut in 0..80_usize, garbage: Vec<u8>) {
        let mut clear = Vec::new();
        holder.encode(&mut clear, &mut SecretWriter::new());
        prop_assert_eq!(decode(&clear), Ok(holder.clone()));
        prop_assert_eq!(holder.expires(), Some(holder.expires));
        if holder.slice.is_none() && holder.application.is_none() {
            // Version 1 has neither.
            prop_assert_eq!(decode_of(1, &clear[..clear.len() - 4]), Ok(holder.clone()));
        }
        let longer = [&clear[..], &[0]].concat();
        prop_assert!(decode(&longer).is_err());
        prop_assert!(decode(&clear[..cut.min(clear.len() - 1)]).is_err());
        if let Ok(read) = decode(&garbage) {
            let mut again = Vec::new();
            read.encode(&mut again, &mut SecretWriter::new());
            prop_assert_eq!(again, garbage);
        }
    }
}
