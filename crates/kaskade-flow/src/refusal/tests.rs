use std::collections::BTreeSet;
use std::format;
use std::string::ToString;

use super::*;
use crate::event::Reason;

#[test]
fn a_refusal_is_one_octet_and_so_is_a_reason() {
    assert_eq!(size_of::<Refusal>(), 1);
    assert_eq!(size_of::<Option<Reason>>(), 1);
    // Known when the program is built.
    const STATUS: u16 = match Refusal::UserNotFound.verdict().sbi {
        Told::Answer(sbi) => sbi.status(),
        Told::CannotHappen => 0,
    };
    assert_eq!(STATUS, 404);
}

/// Logs that are on disks have these numbers and names, and nothing else.
#[test]
fn what_logs_have_keeps_its_number() {
    for (number, name) in [
        (0, ""),
        (1, "various"),
        (2, "user-not-found"),
        (3, "authentication-rejected"),
        (4, "auts-rejected"),
        (5, "serving-network-not-authorized"),
        (6, "peer-not-authorized"),
        (7, "context-not-found"),
        (8, "malformed"),
        (9, "suci-rejected"),
        (10, "budget-spent"),
        (11, "method-not-allowed"),
        (12, "store-failed"),
        (13, "audit-full"),
        (14, "conflict"),
        (15, "overloaded"),
        (16, "peer-unreachable"),
        (17, "numbers-spent"),
        (32, "in-step"),
        (33, "raised"),
        (34, "new-epoch"),
        (35, "reused"),
        (36, "not-followed"),
        (37, "success"),
        (38, "in-clear"),
    ] {
        assert_eq!(Reason::of(number).map(Reason::name), Some(name), "{number}");
        assert_eq!(Reason::named(name).map(Reason::number), Some(number), "{name}");
    }
}

#[test]
fn numbers_names_and_sentences_are_used_once() {
    let all: std::vec::Vec<Reason> = Reason::all().collect();
    let numbers: BTreeSet<u16> = all.iter().map(|reason| reason.number()).collect();
    let names: BTreeSet<&str> = all.iter().map(|reason| reason.name()).collect();
    assert_eq!((numbers.len(), names.len()), (all.len(), all.len()));
    let sentences: BTreeSet<&str> = Refusal::ALL.iter().map(|refusal| refusal.sentence()).collect();
    assert_eq!(sentences.len(), Refusal::ALL.len());
    for refusal in Refusal::ALL {
        assert_eq!(Refusal::of(refusal.code()), Some(*refusal));
        assert_eq!(Reason::of(refusal.code()), Some(Reason::Refused(*refusal)), "{refusal}");
        let (name, sentence) = (refusal.name(), refusal.sentence());
        assert!(
            name.bytes()
                .all(|octet| octet.is_ascii_lowercase() || octet.is_ascii_digit() || octet == b'-')
        );
        assert!(sentence.ends_with('.') && sentence.starts_with(|first: char| first.is_ascii_uppercase()));
        assert_eq!(format!("{refusal}."), sentence);
        assert!(
            refusal.verdict().cells().iter().any(Option::is_some),
            "{name} is told to nobody"
        );
    }
}

#[test]
fn waiting_is_told_where_it_helps() {
    let wait = |why: Refusal, known| {
        Refused {
            retry_after: known,
            ..Refused::from(why)
        }
        .wait()
    };
    let (one, nine) = (Duration::from_secs(1), Duration::from_secs(9));
    assert_eq!(wait(Refusal::Overloaded, None), Some(one));
    assert_eq!(wait(Refusal::Overloaded, Some(nine)), Some(nine));
    assert_eq!(wait(Refusal::BudgetSpent, None), None);
    assert_eq!(wait(Refusal::BudgetSpent, Some(nine)), Some(nine));
    assert_eq!(wait(Refusal::UserNotFound, Some(nine)), None);
    assert_eq!(wait(Refusal::UeRefused, Some(nine)), None);
    let said = Refused::from(Refusal::AlreadyExists).with_detail("of this MSISDN");
    assert_eq!(said.to_string(), "There is one of this name already: of this MSISDN");
}
