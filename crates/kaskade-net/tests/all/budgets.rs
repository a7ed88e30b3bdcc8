//! Whoever asks too much is refused before a sequence number is spent, and locks nobody else out.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::sync::atomic::Ordering;

use kaskade_aka::fivegs::seaf::AwaitingResponse;
use kaskade_aka::fivegs::ue::UeReject;
use kaskade_keys::Abba;
use kaskade_net::role::budget::{BudgetOptions, Rate};
use kaskade_net::role::seaf::AusfClientError;
use kaskade_net::sbi::problem::Cause;

use crate::common::{COUNTER, Home, Link, Setup, answer, snn, suci, supi, ue, ue_ahead};

const LINKS: [Link; 2] = [Link::Local, Link::Http];

fn rate(text: &str) -> Rate {
    text.parse().unwrap()
}

fn with(link: Link, budgets: BudgetOptions) -> Home {
    Home::start_with(link, |setup: &mut Setup| {
        setup.udm.budgets = budgets;
        setup.ausf.budgets = budgets;
    })
}

/// Status, cause, and when to try again.
fn refusal<T: std::fmt::Debug>(result: Result<T, AusfClientError>) -> (u16, Option<Cause>, Option<u32>) {
    match result {
        Err(AusfClientError::Refused(refusal)) => (refusal.status.as_u16(), refusal.cause, refusal.retry_after),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn one_requester_that_asks_without_end_is_refused_and_another_is_not() {
    for link in LINKS {
        let home = with(
            link,
            BudgetOptions {
                card_of_requester: rate("1/min burst 3"),
                ..BudgetOptions::default()
            },
        );
        let (bad, good) = (home.seaf_at(1), home.seaf_at(2));
        for _ in 0..3 {
            bad.authenticate(supi(COUNTER), snn()).await.unwrap();
        }
        let before = home.store.subscriber(&supi(COUNTER)).unwrap().unwrap().sqn;
        for _ in 0..50 {
            let (status, cause, wait) = refusal(bad.authenticate(supi(COUNTER), snn()).await);
            assert_eq!((status, cause), (429, Some(Cause::NfCongestionRisk)));
            assert!((50..=60).contains(&wait.unwrap()), "{wait:?}");
        }
        assert_eq!(
            home.store.subscriber(&supi(COUNTER)).unwrap().unwrap().sqn,
            before,
            "no SQN is spent"
        );
        assert_eq!(home.udm.udm().unwrap().counters().vectors.load(Ordering::Relaxed), 3);
        bad.authenticate(supi(0), snn()).await.unwrap();
        if link == Link::Local {
            // Over N13 the UDM sees one AUSF; that bound is wider there in practice.
            answer(
                &mut ue(COUNTER),
                &good.authenticate(supi(COUNTER), snn()).await.unwrap(),
            );
        }
    }
}

#[tokio::test]
async fn behind_one_ausf_a_bad_requester_is_stopped_before_the_udm() {
    let home = Home::start_with(Link::Http, |setup: &mut Setup| {
        setup.ausf.budgets.card_of_requester = rate("1/min burst 3");
    });
    let (bad, good) = (home.seaf_at(1), home.seaf_at(2));
    for _ in 0..3 {
        bad.authenticate(supi(0), snn()).await.unwrap();
    }
    for _ in 0..100 {
        assert_eq!(refusal(bad.authenticate(supi(0), snn()).await).0, 429);
    }
    answer(&mut ue(0), &good.authenticate(supi(0), snn()).await.unwrap());
    assert_eq!(
        home.ausf()
            .ausf()
            .unwrap()
            .counters()
            .over_budget
            .load(Ordering::Relaxed),
        100
    );
    assert_eq!(
        home.udm.udm().unwrap().counters().over_budget.load(Ordering::Relaxed),
        0
    );
}

#[tokio::test]
async fn a_replayed_suci_is_refused_and_a_new_one_is_not() {
    for link in LINKS {
        let home = Home::start(link);
        let seaf = home.seaf();
        let replayed = suci(0, 1);
        let mut refused = 0;
        for _ in 0..40 {
            match seaf.authenticate(replayed.clone(), snn()).await {
                Ok(_) => {}
                other => {
                    assert_eq!(refusal(other).1, Some(Cause::NfCongestionRisk));
                    refused += 1;
                }
            }
        }
        assert!((20..=24).contains(&refused), "{refused}");
        answer(&mut ue(0), &seaf.authenticate(suci(0, 2), snn()).await.unwrap());
    }
}

/// A card that asks for resynchronisation passes; whoever sends the same again does not.
#[tokio::test]
async fn a_replayed_auts_passes_no_budget() {
    for link in LINKS {
        let home = Home::start_with(link, |setup: &mut Setup| {
            setup.udm.budgets.card_of_requester = rate("1/min burst 2");
        });
        let (seaf, mut ue) = (home.seaf(), ue_ahead(0));
        let challenge = seaf.authenticate(supi(0), snn()).await.unwrap();
        seaf.authenticate(supi(0), snn()).await.unwrap();
        assert_eq!(refusal(seaf.authenticate(supi(0), snn()).await).0, 429, "used up");
        let stage = AwaitingResponse::new(challenge.se_av);
        let reject = ue
            .challenge(stage.rand(), stage.autn(), &snn(), &Abba::INITIAL)
            .unwrap_err();
        let UeReject::SynchronisationFailure(auts) = reject else {
            panic!("{reject:?}");
        };
        let resynchronisation = stage.synchronisation_failure(auts);
        let challenge = seaf.resynchronise(supi(0), snn(), resynchronisation).await.unwrap();
        answer(&mut ue, &challenge);
        for _ in 0..10 {
            let replayed = seaf.resynchronise(supi(0), snn(), resynchronisation).await;
            let (status, cause, _) = refusal(replayed);
            assert_eq!((status, cause), (429, Some(Cause::NfCongestionRisk)), "{link:?}");
        }
        assert_eq!(home.udm.udm().unwrap().counters().vectors.load(Ordering::Relaxed), 3);
    }
}

#[tokio::test]
async fn requester_network_and_node_have_their_own_answers() {
    for link in LINKS {
        for (budgets, status, cause) in [
            (
                BudgetOptions {
                    requester: rate("1/min burst 2"),
                    ..BudgetOptions::default()
                },
                429,
                Cause::NfCongestionRisk,
            ),
            (
                BudgetOptions {
                    serving_network: rate("1/min burst 2"),
                    ..BudgetOptions::default()
                },
                429,
                Cause::NfCongestionRisk,
            ),
            (
                BudgetOptions {
                    node: rate("1/min burst 2"),
                    ..BudgetOptions::default()
                },
                503,
                Cause::NfCongestion,
            ),
        ] {
            let home = with(link, budgets);
            let seaf = home.seaf();
            for index in 0..2 {
                seaf.authenticate(supi(index), snn()).await.unwrap();
            }
            let (found, said, wait) = refusal(seaf.authenticate(supi(2), snn()).await);
            assert_eq!((found, said), (status, Some(cause)), "{link:?}");
            assert!((50..=60).contains(&wait.unwrap()), "{wait:?}");
        }
    }
}

/// One AMF repeats what it heard once, and another behind the same AUSF still gets vectors for that subscriber.
#[tokio::test]
async fn a_replayed_null_suci_starves_nobody_else_behind_the_ausf() {
    let home = Home::start(Link::Http);
    let (bad, good) = (home.seaf_at(1), home.seaf_at(2));
    let mut given = 0;
    for _ in 0..100 {
        match bad.authenticate(suci(0, 0), snn()).await {
            Ok(_) => given += 1,
            other => assert_eq!(refusal(other).0, 429),
        }
    }
    assert!((16..=18).contains(&given), "{given}");
    let udm = home.udm.udm().unwrap();
    assert_eq!(udm.counters().over_budget.load(Ordering::Relaxed), 0);
    answer(&mut ue(0), &good.authenticate(suci(0, 0), snn()).await.unwrap());
    answer(&mut ue(1), &bad.authenticate(suci(1, 0), snn()).await.unwrap());
}
