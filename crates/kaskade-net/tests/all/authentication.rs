//! 5G AKA between a real USIM and the two roles, over HTTP/2, with the UDM in the same process and over N13.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::common::{COUNTER, Home, Link, answer, snn, suci, supi, ue, ue_ahead};
use kaskade_aka::fivegs::seaf::AwaitingResponse;
use kaskade_aka::fivegs::ue::UeReject;
use kaskade_crypto::Auts;
use kaskade_keys::derivation::{Fingerprint, Holder};
use kaskade_keys::fivegs::ResStar;
use kaskade_keys::{Abba, Supi};
use kaskade_net::role::seaf::{AusfClient, AusfClientError};
use kaskade_net::sbi::problem::Cause;
use kaskade_net::tap::FingerprintTap;
use kaskade_store::{AuthMethods, MasterKey, StoreOptions, SubscriberStore};
use kaskade_testkit::memory::Failure;

const LINKS: [Link; 2] = [Link::Local, Link::Http];

fn cause<T: std::fmt::Debug>(result: Result<T, AusfClientError>) -> (u16, Option<Cause>) {
    match result {
        Err(AusfClientError::Refused(refusal)) => (refusal.status.as_u16(), refusal.cause),
        other => panic!("{other:?}"),
    }
}

const NOT_FOUND: (u16, Option<Cause>) = (404, Some(Cause::ContextNotFound));

#[tokio::test]
async fn both_ends_have_the_same_keys() {
    for link in LINKS {
        let home = Home::start(link);
        let seaf = home.seaf();
        for (index, key) in [(0, None), (1, Some(0)), (2, Some(1)), (3, Some(2))] {
            let mut ue = ue(index);
            let challenge = match key {
                None => seaf.authenticate(supi(index), snn()).await,
                Some(key) => seaf.authenticate(suci(index, key), snn()).await,
            };
            let challenge = challenge.unwrap();
            let at_ue = answer(&mut ue, &challenge);
            let stage = AwaitingResponse::new(challenge.se_av.clone());
            let stage = stage.response(at_ue.res_star.clone()).expect("HRES* is HXRES*");
            let result = seaf
                .confirm(&challenge.confirmation, Some(stage.res_star()))
                .await
                .unwrap();
            let (authenticated, k_seaf) = result.expect("RES* is XRES*");
            assert_eq!(authenticated, supi(index));
            assert!(k_seaf == at_ue.k_seaf);
            let anchored = stage.accepted(authenticated, k_seaf, Abba::INITIAL);
            assert!(anchored.k_amf == at_ue.k_amf);
            let events = home.udm.udm().unwrap().auth_events(&supi(index));
            assert_eq!(events.len(), 1, "{link:?}");
            assert!(events[0].success);
            assert_eq!(events[0].serving_network_name, snn());
        }
    }
}

#[tokio::test]
async fn a_wrong_answer_fails_and_spends_the_context() {
    for link in LINKS {
        let home = Home::start(link);
        let seaf = home.seaf();
        for wrong in [Some(ResStar::from_octets(&[0; 16])), None] {
            let mut ue = ue(0);
            let challenge = seaf.authenticate(supi(0), snn()).await.unwrap();
            let right = ue.challenge(&challenge.se_av.rand, &challenge.se_av.autn, &snn(), &Abba::INITIAL);
            let result = seaf.confirm(&challenge.confirmation, wrong.as_ref()).await.unwrap();
            assert_eq!(result, None);
            let again = seaf
                .confirm(&challenge.confirmation, Some(&right.unwrap().res_star))
                .await;
            assert_eq!(cause(again), NOT_FOUND, "the right answer after the wrong one");
            assert_eq!(home.ausf().ausf().unwrap().results(), 0);
        }
        let events = home.udm.udm().unwrap().auth_events(&supi(0));
        assert_eq!(
            events.iter().map(|event| event.success).collect::<Vec<_>>(),
            [false, false]
        );
    }
}

#[tokio::test]
async fn a_right_answer_counts_once() {
    let home = Home::start(Link::Local);
    let seaf = home.seaf();
    let challenge = seaf.authenticate(supi(0), snn()).await.unwrap();
    let at_ue = answer(&mut ue(0), &challenge);
    assert!(
        seaf.confirm(&challenge.confirmation, Some(&at_ue.res_star))
            .await
            .unwrap()
            .is_some()
    );
    assert_eq!(
        cause(seaf.confirm(&challenge.confirmation, Some(&at_ue.res_star)).await),
        NOT_FOUND
    );
}

#[tokio::test]
async fn concurrent_confirmations_of_one_context_give_one_key() {
    let home = Home::start(Link::Local);
    let seaf = home.seaf();
    for _ in 0..20 {
        let challenge = seaf.authenticate(supi(0), snn()).await.unwrap();
        let mut ue = ue(0);
        let res_star = answer(&mut ue, &challenge).res_star;
        let tries = (0..8).map(|_| {
            let client = AusfClient::new(home.ausf_url(), Default::default()).unwrap();
            let (confirmation, res_star) = (challenge.confirmation.clone(), res_star.clone());
            tokio::spawn(async move {
                client
                    .confirm(&confirmation, Some(&res_star))
                    .await
                    .is_ok_and(|key| key.is_some())
            })
        });
        let mut successes = 0;
        for one in tries.collect::<Vec<_>>() {
            successes += u32::from(one.await.unwrap());
        }
        assert_eq!(successes, 1);
    }
}

#[tokio::test]
async fn two_runs_for_one_user_do_not_disturb_each_other() {
    for link in LINKS {
        let home = Home::start(link);
        let seaf = home.seaf();
        let mut ue = ue(0);
        let first = seaf.authenticate(supi(0), snn()).await.unwrap();
        let second = seaf.authenticate(supi(0), snn()).await.unwrap();
        assert_ne!(first.confirmation, second.confirmation);
        let (first_ue, second_ue) = (answer(&mut ue, &first), answer(&mut ue, &second));
        // In the other order.
        for (run, at_ue) in [(second, second_ue), (first, first_ue)] {
            let (_, k_seaf) = seaf
                .confirm(&run.confirmation, Some(&at_ue.res_star))
                .await
                .unwrap()
                .unwrap();
            assert!(k_seaf == at_ue.k_seaf, "{link:?}");
        }
    }
}

#[tokio::test]
async fn resynchronisation_brings_both_into_step() {
    for link in LINKS {
        for index in [0, COUNTER] {
            let home = Home::start(link);
            let seaf = home.seaf();
            let mut ue = ue_ahead(index);
            let challenge = seaf.authenticate(supi(index), snn()).await.unwrap();
            let stage = AwaitingResponse::new(challenge.se_av);
            let reject = ue
                .challenge(stage.rand(), stage.autn(), &snn(), &Abba::INITIAL)
                .unwrap_err();
            let UeReject::SynchronisationFailure(auts) = reject else {
                panic!("{reject:?}");
            };
            let resynchronisation = stage.synchronisation_failure(auts);
            let challenge = seaf.resynchronise(supi(index), snn(), resynchronisation).await.unwrap();
            let at_ue = answer(&mut ue, &challenge);
            assert!(
                seaf.confirm(&challenge.confirmation, Some(&at_ue.res_star))
                    .await
                    .unwrap()
                    .is_some()
            );
            // And the next one needs no resynchronisation.
            answer(&mut ue, &seaf.authenticate(supi(index), snn()).await.unwrap());
            assert_eq!(
                home.udm
                    .udm()
                    .unwrap()
                    .counters()
                    .resynchronisations
                    .load(Ordering::Relaxed),
                1
            );
        }
    }
}

#[tokio::test]
async fn a_wrong_auts_changes_nothing() {
    for link in LINKS {
        let home = Home::start(link);
        let seaf = home.seaf();
        let mut ue = ue(0);
        let challenge = seaf.authenticate(supi(0), snn()).await.unwrap();
        answer(&mut ue, &challenge);
        let before = home.store.subscriber(&supi(0)).unwrap().unwrap().sqn;
        let stage = AwaitingResponse::new(challenge.se_av);
        let resynchronisation = stage.synchronisation_failure(Auts::from_octets([0xFF; 14]));
        let refused = seaf.resynchronise(supi(0), snn(), resynchronisation).await;
        assert_eq!(cause(refused), (403, Some(Cause::AuthenticationRejected)));
        assert_eq!(home.store.subscriber(&supi(0)).unwrap().unwrap().sqn, before);
        assert_eq!(home.udm.udm().unwrap().counters().wrong_auts.load(Ordering::Relaxed), 1);
        assert_eq!(home.udm.udm().unwrap().counters().vectors.load(Ordering::Relaxed), 1);
        answer(&mut ue, &seaf.authenticate(supi(0), snn()).await.unwrap());
    }
}

#[tokio::test]
async fn a_full_disk_stops_authentication_and_repeats_nothing() {
    for link in LINKS {
        let home = Home::start(link);
        let seaf = home.seaf();
        let mut ue = ue(COUNTER);
        home.engine.fail(Failure::Full);
        let refused = seaf.authenticate(supi(COUNTER), snn()).await;
        assert_eq!(cause(refused), (500, Some(Cause::AvGenerationProblem)));
        assert_eq!(home.udm.udm().unwrap().counters().vectors.load(Ordering::Relaxed), 0);
        home.engine.fail(Failure::Never);
        // The USIM would refuse an SQN that it has seen.
        let mut answered = 0;
        for _ in 0..50 {
            match seaf.authenticate(supi(COUNTER), snn()).await {
                Ok(challenge) => {
                    answer(&mut ue, &challenge);
                    answered += 1;
                }
                // The store tries its disk again after a while.
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
        assert!(answered > 10, "{answered}");
    }
}

#[tokio::test]
async fn a_user_without_a_method_of_5gs_is_rejected() {
    for link in LINKS {
        let home = Home::start(link);
        let mut row = home.store.subscriber(&supi(0)).unwrap().unwrap();
        row.methods = AuthMethods::EPS_AKA;
        home.store.change_on_record(&row, None).unwrap();
        let refused = home.seaf().authenticate(supi(0), snn()).await;
        assert_eq!(cause(refused), (403, Some(Cause::AuthenticationRejected)));
    }
}

#[tokio::test]
async fn without_a_udm_the_ausf_says_so() {
    let home = Home::start(Link::Http);
    let url = home.ausf_url().to_owned();
    let ausf = home.stop_udm().await;
    let seaf = AusfClient::new(&url, Default::default()).unwrap();
    let (status, cause) = cause(seaf.authenticate(supi(0), snn()).await);
    assert_eq!(status, 504);
    assert!(
        matches!(cause, Some(Cause::NetworkFailure | Cause::UpstreamServerError)),
        "{cause:?}"
    );
    ausf.shutdown().await;
}

#[tokio::test]
async fn contexts_expire() {
    let lifetime = Duration::from_millis(300);
    let home = Home::start_with(Link::Local, |setup| setup.ausf.contexts.lifetime = lifetime);
    let seaf = home.seaf();
    let challenge = seaf.authenticate(supi(0), snn()).await.unwrap();
    let at_ue = answer(&mut ue(0), &challenge);
    assert_eq!(home.ausf().ausf().unwrap().pending(), 1);
    tokio::time::sleep(lifetime + Duration::from_millis(50)).await;
    let late = seaf.confirm(&challenge.confirmation, Some(&at_ue.res_star)).await;
    assert_eq!(cause(late), NOT_FOUND);
    // The sweeper removes it without anybody asking.
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert_eq!(home.ausf().ausf().unwrap().pending(), 0);
}

#[tokio::test]
async fn contexts_are_bounded() {
    let home = Home::start_with(Link::Local, |setup| {
        setup.ausf.contexts.pending_per_supi = 2;
        // One for each of the 64 shards.
        setup.ausf.contexts.pending = 64;
    });
    let seaf = home.seaf();
    let mut ue = ue(0);
    let mut runs = Vec::new();
    for _ in 0..5 {
        let challenge = seaf.authenticate(supi(0), snn()).await.unwrap();
        let at_ue = answer(&mut ue, &challenge);
        runs.push((challenge, at_ue));
    }
    assert_eq!(home.ausf().ausf().unwrap().pending(), 1);
    let (newest, at_ue) = runs.pop().unwrap();
    for (old, at_ue) in runs {
        assert_eq!(
            cause(seaf.confirm(&old.confirmation, Some(&at_ue.res_star)).await),
            NOT_FOUND
        );
    }
    assert!(
        seaf.confirm(&newest.confirmation, Some(&at_ue.res_star))
            .await
            .unwrap()
            .is_some()
    );

    let home = Home::start_with(Link::Local, |setup| setup.ausf.contexts.pending_per_supi = 2);
    let seaf = home.seaf();
    for index in [0, 0, 0, 1, 1, 1] {
        seaf.authenticate(supi(index), snn()).await.unwrap();
    }
    assert_eq!(home.ausf().ausf().unwrap().pending(), 4);
}

#[tokio::test]
async fn a_result_can_be_taken_back_and_a_user_can_leave() {
    for link in LINKS {
        let home = Home::start(link);
        let seaf = home.seaf();
        // Before the answer.
        let challenge = seaf.authenticate(supi(0), snn()).await.unwrap();
        let mut ue = ue(0);
        let at_ue = answer(&mut ue, &challenge);
        seaf.delete(&challenge.confirmation).await.unwrap();
        assert_eq!(
            cause(seaf.confirm(&challenge.confirmation, Some(&at_ue.res_star)).await),
            NOT_FOUND
        );
        assert_eq!(cause(seaf.delete(&challenge.confirmation).await), NOT_FOUND);
        // After it.
        let challenge = seaf.authenticate(supi(0), snn()).await.unwrap();
        let at_ue = answer(&mut ue, &challenge);
        seaf.confirm(&challenge.confirmation, Some(&at_ue.res_star))
            .await
            .unwrap()
            .unwrap();
        let udm = home.udm.udm().unwrap();
        assert_eq!(udm.auth_events(&supi(0)).len(), 1);
        seaf.delete(&challenge.confirmation).await.unwrap();
        assert_eq!(udm.auth_events(&supi(0)).len(), 0, "{link:?}");
        assert_eq!(cause(seaf.delete(&challenge.confirmation).await), NOT_FOUND);
        let challenge = seaf.authenticate(supi(0), snn()).await.unwrap();
        let at_ue = answer(&mut ue, &challenge);
        let confirmed = seaf.confirm(&challenge.confirmation, Some(&at_ue.res_star)).await;
        assert!(confirmed.unwrap().is_some());
        let ausf = home.ausf().ausf().unwrap();
        assert_eq!(ausf.results(), 1);
        seaf.deregister(&supi(0)).await.unwrap();
        assert_eq!(ausf.results(), 0);
        assert_eq!(cause(seaf.deregister(&supi(0)).await), NOT_FOUND);
    }
}

#[tokio::test]
async fn results_are_bounded_and_the_newest_can_be_taken_back() {
    // One for each of the 64 shards, so 6 users have 1 to 6.
    let home = Home::start_with(Link::Local, |setup| setup.ausf.contexts.results = 64);
    let seaf = home.seaf();
    for round in 0..3 {
        for index in 0..COUNTER {
            let challenge = seaf.authenticate(supi(index), snn()).await.unwrap();
            let at_ue = answer(&mut ue(index), &challenge);
            let confirmed = seaf.confirm(&challenge.confirmation, Some(&at_ue.res_star)).await;
            assert!(confirmed.unwrap().is_some());
            assert!(home.ausf().ausf().unwrap().results() <= 6);
            if round == 2 {
                seaf.delete(&challenge.confirmation).await.unwrap();
            }
        }
    }
}

#[tokio::test]
async fn a_restart_repeats_no_sqn() {
    let folder = tempfile::tempdir().unwrap();
    let master_key = MasterKey::create(&folder.path().join("master.key")).unwrap();
    let mut ues = [ue(0), ue(COUNTER)];
    for life in 0..3 {
        let store = SubscriberStore::open(&folder.path().join("store"), &master_key, StoreOptions::default());
        let store = Arc::new(store.unwrap());
        if life == 0 {
            store.put_many(&crate::common::subscribers()).unwrap();
        }
        let home = Home::start_on(store);
        let seaf = home.seaf();
        for _ in 0..5 {
            for ue in &mut ues {
                let challenge = seaf.authenticate(ue.supi().clone(), snn()).await.unwrap();
                let at_ue = answer(ue, &challenge);
                let result = seaf
                    .confirm(&challenge.confirmation, Some(&at_ue.res_star))
                    .await
                    .unwrap();
                assert!(result.is_some());
            }
        }
        home.shutdown().await;
    }
}

#[derive(Default)]
struct Seen(Mutex<Vec<(Holder, &'static str, Fingerprint)>>);

impl FingerprintTap for Seen {
    fn seen(&self, holder: Holder, _: &Supi, key: &'static str, fingerprint: Fingerprint) {
        self.0.lock().unwrap().push((holder, key, fingerprint));
    }
}

#[tokio::test]
async fn a_tap_sees_the_fingerprints_of_both_roles() {
    let seen = Arc::new(Seen::default());
    let home = Home::start_with(Link::Local, |setup| {
        setup.udm.tap = Some(seen.clone());
        setup.ausf.tap = Some(seen.clone());
    });
    let seaf = home.seaf();
    let challenge = seaf.authenticate(supi(0), snn()).await.unwrap();
    let at_ue = answer(&mut ue(0), &challenge);
    seaf.confirm(&challenge.confirmation, Some(&at_ue.res_star))
        .await
        .unwrap()
        .unwrap();
    let seen = seen.0.lock().unwrap();
    let of = |holder, key| {
        seen.iter()
            .find(|(h, k, _)| *h == holder && *k == key)
            .map(|(.., f)| *f)
    };
    for key in ["CK", "IK"] {
        assert!(of(Holder::Arpf, key).is_some(), "{key}: {seen:?}");
    }
    assert_eq!(of(Holder::Arpf, "K_AUSF"), Some(Fingerprint::of(&at_ue.k_ausf)));
    assert_eq!(of(Holder::Ausf, "K_AUSF"), Some(Fingerprint::of(&at_ue.k_ausf)));
    assert_eq!(of(Holder::Ausf, "K_SEAF"), Some(Fingerprint::of(&at_ue.k_seaf)));
    assert!(of(Holder::Ausf, "CK").is_none());
}
