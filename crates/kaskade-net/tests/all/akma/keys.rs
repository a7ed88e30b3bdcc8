//! Which keys are given to whom.

use kaskade_flow::event::{Action, Outcome};
use kaskade_net::role::aanf::{Given, OwnAanf};
use kaskade_net::services::naanf_akma::NaanfAkma;

use super::*;
use crate::access::Nrf;
use crate::audit::Place;
use crate::common::http::{Ask, send};

/// Inputs and outputs of an independent derivation: K_AUSF out of RFC 9048 case 1, SUPI imsi-001010000000001.
const K_AUSF: &str = "f861703cd775590e16c7679ea3874ada866311de290764d760cf76df647ea01c";
const A_KID: &str = "rid0.atid2yxx5GbRmkYHPJsa6ixVgbq8OV5DGCCYy3Byds_Kff8@5gc.mnc001.mcc001.3gppnetwork.org";
const K_AF: [(&str, &str); 3] = [
    (
        "0100000002",
        "2c248b17e23040d40c5dcfb7b98dc5f6ac9a3eaf71bb01999b8602ef9c1730d3",
    ),
    (
        "01000100a8",
        "aac5c8856a0da6ca8520f84056f61c5c168039b1e83907cc7f11eecbfd0802b7",
    ),
    (
        "0100021301",
        "cb6ac8f046f36b21e942cbb40c04893d789805a26be5126fe15b369a5d66e362",
    ),
];

fn subscriber_of_the_vectors() -> u64 {
    let wanted: Supi = "imsi-001010000000001".parse().unwrap();
    (0..crate::common::SUBSCRIBERS)
        .find(|of| supi(*of) == wanted)
        .expect("one of the subscribers")
}

async fn an_application_function_has_the_key_of_the_vectors(on: On) {
    let home = start(on, None);
    let of = subscriber_of_the_vectors();
    let k_ausf = KAusf::from_octets(&hex::decode(K_AUSF).unwrap().try_into().unwrap());
    let realm = HomeRealm::new(plmn(), None);
    let a_kid = AKid::new("0".parse().unwrap(), &k_ausf.a_tid(&supi(of)), realm);
    assert_eq!(a_kid.encode(), A_KID);
    let ausf = nf(&home, AUSF);
    let info = AkmaKeyInfo {
        a_kid: a_kid.clone(),
        k_akma: k_ausf.k_akma(&supi(of)),
        ..info(of, 0)
    };
    let told = ausf.client.register_anchorkey(&ausf.caller, info).await.unwrap();
    assert_eq!((told.supi, told.a_kid), (Some(supi(of)), a_kid.clone()));
    for (protocol, key) in K_AF {
        let request = AkmaAfKeyRequest {
            a_kid: a_kid.clone(),
            ..request(of, 0, &format!("af.example.com{protocol}"))
        };
        let told = nf(&home, PORTAL).key(request).await.unwrap().expect("a key");
        assert_eq!(hex::encode(told.k_af.expose_to_af()), key, "{protocol}");
        assert_eq!((told.supi, told.gpsi), (Some(supi(of)), None));
    }
    home.shutdown().await;
}

async fn who_asks_again_has_the_same_key_with_the_same_end_also_after_a_restart(on: On) {
    let home = start(on, None);
    change(&home, &supi(0), |subscription| subscription.akma_allowed = true);
    nf(&home, AUSF).registers(0, 1).await.unwrap();
    let portal = nf(&home, PORTAL);
    let first = portal.key(request(0, 1, PORTAL_ID)).await.unwrap().unwrap();
    let again = portal.key(request(0, 1, PORTAL_ID)).await.unwrap().unwrap();
    assert_eq!((&again.k_af, again.expiry), (&first.k_af, first.expiry));
    let given = |home: &Home| home.udm.aanf().unwrap().counters().given().collect::<Vec<_>>();
    assert_eq!(given(&home), [(Given::First, 1), (Given::Again, 1)]);
    let later = Home::start_over(reopened(&home.engine), |setup| set_up(setup, policy(usual(), None)));
    home.shutdown().await;
    let again = nf(&later, PORTAL).key(request(0, 1, PORTAL_ID)).await.unwrap().unwrap();
    assert_eq!((&again.k_af, again.expiry), (&first.k_af, first.expiry));
    assert_eq!(given(&later), [(Given::First, 0), (Given::Again, 1)]);
    later.shutdown_unchecked().await;
}

async fn the_newest_anchor_key_counts(on: On) {
    let home = start(on, None);
    let (ausf, portal) = (nf(&home, AUSF), nf(&home, PORTAL));
    ausf.registers(0, 1).await.unwrap();
    let before = portal.key(request(0, 1, PORTAL_ID)).await.unwrap().unwrap();
    ausf.registers(0, 2).await.unwrap();
    assert!(portal.key(request(0, 1, PORTAL_ID)).await.unwrap().is_none());
    let after = portal.key(request(0, 2, PORTAL_ID)).await.unwrap().unwrap();
    assert_ne!(after.k_af, before.k_af);
    // Another routing indicator is another way to the same key.
    let mut by_another_way = request(0, 2, PORTAL_ID);
    by_another_way.a_kid = by_another_way.a_kid.encode().replace("rid0", "rid17").parse().unwrap();
    let same = portal.key(by_another_way).await.unwrap().unwrap();
    assert_eq!((same.k_af, same.expiry), (after.k_af, after.expiry));
    home.shutdown().await;
}

async fn who_may_not_ask_learns_nothing_of_subscribers(on: On) {
    let (_, root, _end) = Holder::start();
    let home = start(on, Some(&root));
    nf(&home, AUSF).registers(0, 1).await.unwrap();
    // Run 9 was never: no A-KID of it is known.
    for run in [1, 9] {
        let ask = |n: u8, request: AkmaAfKeyRequest| {
            let nf = nf(&home, n);
            async move { nf.key(request).await }
        };
        assert_eq!(
            refused(ask(OTHER, request(0, run, PORTAL_ID)).await),
            because(403, ""),
            "another's"
        );
        assert_eq!(
            refused(ask(STRANGER, request(0, run, PORTAL_ID)).await),
            because(403, ""),
            "nobody"
        );
        assert_eq!(
            refused(ask(PORTAL, request(0, run, "c.example.com0100000002")).await),
            because(403, ""),
            "none"
        );
        assert_eq!(
            refused(ask(PORTAL, request(0, run, "af.example.com0100000007")).await),
            because(403, ""),
            "Ua*"
        );
        let elsewhere = told_at(request(0, run, PORTAL_ID), "http://127.0.0.1:1/x");
        assert_eq!(
            refused(ask(PORTAL, elsewhere).await),
            because(403, ""),
            "where it may not be told"
        );
        let no_uri = told_at(request(0, run, PORTAL_ID), "ftp://127.0.0.1/x");
        assert_eq!(
            refused(ask(PORTAL, no_uri).await),
            because(400, "OPTIONAL_IE_INCORRECT")
        );
    }
    assert!(nf(&home, PORTAL).key(request(0, 9, PORTAL_ID)).await.unwrap().is_none());
    home.shutdown().await;
}

async fn only_an_ausf_registers_and_removes_anchor_keys(on: On) {
    let home = start(on, None);
    let (ausf, portal) = (nf(&home, AUSF), nf(&home, PORTAL));
    assert_eq!(refused(portal.registers(0, 1).await), because(403, ""));
    ausf.registers(0, 1).await.unwrap();
    assert_eq!(refused(portal.removes(0).await), because(403, ""));
    assert!(portal.key(request(0, 1, PORTAL_ID)).await.unwrap().is_some());
    // That of the same process needs no entry in the configuration.
    let own = OwnAanf(home.udm.aanf().unwrap().clone());
    let caller = Caller::new(Requester::group("amf"));
    drop(own.register_anchorkey(&caller, info(1, 1)).await.unwrap());
    assert!(portal.key(request(1, 1, PORTAL_ID)).await.unwrap().is_some());
    own.remove_context(&caller, CtxRemove { supi: supi(1) }).await.unwrap();
    assert!(portal.key(request(1, 1, PORTAL_ID)).await.unwrap().is_none());
    drop(own);
    home.shutdown().await;
}

async fn a_registration_is_of_one_subscriber_and_of_nobody_elses_a_kid(on: On) {
    let home = start(on, None);
    let ausf = nf(&home, AUSF);
    let register = |info: AkmaKeyInfo| {
        let ausf = &ausf;
        async move { refused(ausf.client.register_anchorkey(&ausf.caller, info).await.map(drop)) }
    };
    let nobody = AkmaKeyInfo {
        supi: None,
        ..info(0, 1)
    };
    assert_eq!(register(nobody).await, because(400, "MANDATORY_IE_MISSING"));
    let two = AkmaKeyInfo {
        gpsi: Some("msisdn-491701234567".parse().unwrap()),
        ..info(0, 1)
    };
    assert_eq!(register(two).await, because(400, "OPTIONAL_IE_INCORRECT"));
    let unknown = AkmaKeyInfo {
        supi: Some("imsi-001019999999999".parse().unwrap()),
        ..info(0, 1)
    };
    assert_eq!(register(unknown).await, because(404, "USER_NOT_FOUND"));
    ausf.registers(0, 1).await.unwrap();
    let taken = AkmaKeyInfo {
        a_kid: a_kid(0, 1),
        ..info(1, 1)
    };
    assert_eq!(register(taken).await, because(400, "MANDATORY_IE_INCORRECT"));
    home.shutdown().await;
}

async fn a_user_is_named_as_far_as_the_configuration_says(on: On) {
    let named = |identity: Identity| Rule {
        identity,
        ..rule("af.example.com", "portal")
    };
    for (identity, anonymous, is_told) in [
        (Identity::Supi, false, (true, false)),
        (Identity::Gpsi, false, (false, true)),
        (Identity::Anonymous, false, (false, false)),
        (Identity::Supi, true, (false, false)),
    ] {
        let home = start_with(on, policy([named(identity)], None));
        change(&home, &supi(0), |subscription| {
            subscription.gpsi = Some("msisdn-491701234567".parse().unwrap());
        });
        nf(&home, AUSF).registers(0, 1).await.unwrap();
        let mut request = request(0, 1, PORTAL_ID);
        request.anon_ind = anonymous;
        let told = nf(&home, PORTAL).key(request).await.unwrap().unwrap();
        assert_eq!(
            (told.supi.is_some(), told.gpsi.is_some()),
            is_told,
            "{identity:?} {anonymous}"
        );
        assert!(told.gpsi.is_none_or(|gpsi| gpsi.as_str() == "msisdn-491701234567"));
        home.shutdown().await;
    }
}

/// With all tests' requests from one address, which is an AUSF and an application function.
fn start_for_all(on: On, change: impl FnOnce(&mut Setup)) -> Home {
    let all = Rule {
        callers: vec!["all".into()],
        ..rule("af.example.com", "portal")
    };
    with_akma(Home::start_at(on, Link::Local, |setup| {
        let policy = policy([all], None);
        set_up(setup, policy.with(Requester::group("all").id(), "all").with_ausf("all"));
        setup.groups = Groups::default().with("all", ["127.0.0.1".parse().unwrap()]);
        change(setup);
    }))
}

async fn the_supi_goes_to_whose_token_has_its_scope(on: On) {
    let nrf = Nrf::new();
    let home = start_for_all(on, |setup| setup.access.tokens = Some(nrf.verifier()));
    let caller = Caller::new(Requester::group("amf"));
    drop(
        home.udm
            .aanf()
            .unwrap()
            .register_own(&caller, info(0, 1))
            .await
            .unwrap(),
    );
    let asked = serde_json::json!({ "afId": PORTAL_ID, "aKId": a_kid(0, 1).encode() }).to_string();
    let of_operation = "naanf-akma naanf-akma:applicationkeyget";
    for (scope, is_named) in [
        (of_operation.to_owned(), false),
        (format!("{of_operation} naanf-akma:applicationkeyget:supi-access"), true),
    ] {
        let ask = Ask::json("POST", "/naanf-akma/v1/retrieve-applicationkey", asked.clone());
        let ask = ask.header("authorization", nrf.token("AANF", &scope, 60));
        let seen = send(home.udm.aanf_url().unwrap(), &ask).await;
        assert_eq!(
            (seen.status, seen.json().get("supi").is_some()),
            (200, is_named),
            "{scope}"
        );
    }
    home.shutdown().await;
}

async fn no_application_key_is_given_of_subscribers_who_are_not_for_it(on: On) {
    let narrow = Rule {
        subscribers: vec![SubscriberRule::One(supi(0))],
        ..rule("af.example.com", "portal")
    };
    let policy = policy([narrow], None).barring(["262-01".parse().unwrap()]);
    let home = start_with(on, policy);
    let (ausf, portal) = (nf(&home, AUSF), nf(&home, PORTAL));
    for of in [0, 1] {
        ausf.registers(of, 1).await.unwrap();
    }
    assert_eq!(refused(portal.key(request(1, 1, PORTAL_ID)).await), because(403, ""));
    portal.key(request(0, 1, PORTAL_ID)).await.unwrap().unwrap();
    // Who is served where that is barred, as far as the AUSF of this process says it.
    let (aanf, caller) = (home.udm.aanf().unwrap(), Caller::new(Requester::group("amf")));
    for (network, is_given) in [("262-01", false), ("310-410", true)] {
        let serving = Some(network.parse().unwrap());
        drop(aanf.register_own_served_by(&caller, info(0, 2), serving).await.unwrap());
        let told = portal.key(request(0, 2, PORTAL_ID)).await;
        match is_given {
            true => drop(told.unwrap().unwrap()),
            false => assert_eq!(refused(told), because(403, "")),
        }
    }
    change(&home, &supi(0), |subscription| subscription.suspended = true);
    let suspended = because(403, "AUTHENTICATION_REJECTED");
    assert_eq!(refused(portal.key(request(0, 2, PORTAL_ID)).await), suspended);
    assert_eq!(refused(ausf.registers(0, 3).await), suspended);
    // Nor of who is there, and has no AKMA any more.
    change(&home, &supi(0), |subscription| {
        (subscription.suspended, subscription.akma_allowed) = (false, false);
    });
    assert_eq!(refused(portal.key(request(0, 2, PORTAL_ID)).await), suspended);
    assert_eq!(refused(ausf.registers(0, 3).await), suspended);
    home.shutdown().await;
}

async fn what_is_given_is_on_record_and_what_is_not_too(on: On) {
    let place = Place::new();
    let log = place.open("node", |_| {});
    let home = with_akma(Home::start_at(on, Link::Local, |setup| {
        setup.audit = log.clone();
        set_up(setup, policy(usual(), None));
    }));
    nf(&home, AUSF).registers(0, 1).await.unwrap();
    for run in [1, 1, 9] {
        nf(&home, PORTAL).key(request(0, run, PORTAL_ID)).await.unwrap();
    }
    refused(nf(&home, OTHER).key(request(0, 1, PORTAL_ID)).await);
    nf(&home, AUSF).removes(0).await.unwrap();
    home.shutdown().await;
    log.flush().unwrap();
    log.close();
    let (events, _) = place.read("node");
    let of = |outcome: Outcome, action: Action| {
        let events = events.iter();
        events
            .filter(|event| (event.outcome(), event.action()) == (outcome, action))
            .count()
    };
    assert_eq!(of(Outcome::Changed, Action::AnchorKeyRegistered), 1);
    assert_eq!(of(Outcome::Released, Action::ApplicationKeyGiven), 2);
    assert_eq!(of(Outcome::Refused, Action::ApplicationKeyGiven), 2);
    assert_eq!(of(Outcome::Changed, Action::AkmaContextRemoved), 1);
}

async fn bodies_are_as_the_contract_says(on: On) {
    let home = start_for_all(on, |_| {});
    let url = home.udm.aanf_url().unwrap();
    let post = |path: &str, body: Value| {
        let ask = Ask::json("POST", format!("/naanf-akma/v1{path}"), body.to_string());
        async move { send(url, &ask).await }
    };
    let k_akma = "b404b6ab3ef4f7b47d18ba1744e2af7b89d2f162d094151e828adeb90dbf2619";
    let registered = serde_json::json!({ "supi": supi(0).sbi(), "aKId": A_KID, "kAkma": k_akma, "suppFeat": "0" });
    let seen = post("/register-anchorkey", registered.clone()).await;
    assert_eq!((seen.status, seen.text("/kAkma").as_str()), (200, k_akma));
    let asked = serde_json::json!({ "afId": "af.example.com01000100A8", "aKId": A_KID, "anonInd": false });
    let seen = post("/retrieve-applicationkey", asked).await;
    assert_eq!((seen.status, seen.text("/supi")), (200, supi(0).sbi()));
    let unknown = serde_json::json!({ "afId": PORTAL_ID, "aKId": a_kid(0, 9).encode() });
    let seen = post("/retrieve-applicationkey", unknown).await;
    assert_eq!((seen.status, seen.body.len()), (204, 0));
    let foreign = serde_json::json!({ "afId": PORTAL_ID, "aKId": "0123@example.org" });
    let seen = post("/retrieve-applicationkey", foreign).await;
    assert_eq!(
        (seen.status, seen.text("/invalidParams/0/param").as_str()),
        (400, "/aKId")
    );
    let seen = post("/remove-context", serde_json::json!({ "supi": supi(0).sbi() })).await;
    assert_eq!(seen.status, 204);
    home.shutdown().await;
}

kaskade_testkit::over_each_engine!(async
    an_application_function_has_the_key_of_the_vectors,
    who_asks_again_has_the_same_key_with_the_same_end_also_after_a_restart,
    the_newest_anchor_key_counts,
    who_may_not_ask_learns_nothing_of_subscribers,
    only_an_ausf_registers_and_removes_anchor_keys,
    a_registration_is_of_one_subscriber_and_of_nobody_elses_a_kid,
    a_user_is_named_as_far_as_the_configuration_says,
    the_supi_goes_to_whose_token_has_its_scope,
    no_application_key_is_given_of_subscribers_who_are_not_for_it,
    what_is_given_is_on_record_and_what_is_not_too,
    bodies_are_as_the_contract_says,
);
