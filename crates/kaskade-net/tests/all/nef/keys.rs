//! Who gets which key, and what is told of the user.

use std::collections::BTreeMap;

use kaskade_flow::event::{Action, Outcome, Reason};
use kaskade_keys::derivation::Fingerprint;
use kaskade_net::role::access::{AccessRules, Asked as Allowed};
use kaskade_net::services;
use kaskade_store::Subscription;
use proptest::prelude::*;

use super::*;
use crate::access::Nrf;
use crate::audit::Place;
use crate::common::http::send_unchecked;
use crate::common::subscribers;
use crate::tls::Pki;

fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

#[tokio::test]
async fn an_application_function_outside_has_the_key_of_the_ue() {
    let (anchor, shutdown) = (anchor(), Shutdown::new());
    for far in [false, true] {
        let place = Place::new();
        let log = place.open("nef", |_| {});
        let node = start(&anchor, None, |setup| {
            setup.options.audit = log;
            if far {
                let url = served(&anchor, &shutdown);
                setup.aanfs = vec![aanf("home", AanfAt::There(url, client_options()))];
            }
        });
        let token = token_for(&node, "video", 1, None).await;
        let told = ask(&node, &request(AF_ID, &[]), Some(&token)).await;
        assert_eq!(told.status, 200, "{told:?}");
        let json = told.json();
        assert_eq!(json["kaf"], hex(k_af(AF_ID).expose_to_af()));
        assert_eq!(json["gpsi"], "msisdn-491701234567");
        assert!(json["expiry"].is_string() && json.get("supi").is_none(), "{json}");
        // Another protocol is another key.
        let other = "video.example.com01000113a8";
        let told = ask(&node, &request(other, &[]), Some(&token)).await;
        assert_eq!(told.json()["kaf"], hex(k_af(other).expose_to_af()));
        // Whoever wants to know nobody is told nobody.
        let told = ask(&node, &request(AF_ID, &[("anonInd", true.into())]), Some(&token)).await;
        assert!(told.status == 200 && told.json().get("gpsi").is_none(), "{told:?}");
        assert!(anchor.asked().last().unwrap().anon_ind);
        // Nobody has this one.
        let told = ask(&node, &request(AF_ID, &[("aKId", other_a_kid().into())]), Some(&token)).await;
        assert_eq!((told.status, told.body.len()), (204, 0), "{told:?}");
        let counters = node.nef().unwrap().counters();
        assert_eq!(
            [
                counters.given_with_gpsi.sum(),
                counters.given.sum(),
                counters.unknown.sum(),
                counters.tokens.sum()
            ],
            [2, 1, 1, 1]
        );
        node.shutdown().await;
        let (events, _) = place.read("nef");
        let given = events
            .iter()
            .filter(|event| event.action() == Action::ApplicationKeyGiven);
        let released: Vec<_> = given
            .clone()
            .filter(|event| event.outcome() == Outcome::Released)
            .collect();
        assert_eq!(released.len(), 3);
        let print = Fingerprint::of(&k_af(AF_ID));
        assert!(
            released
                .iter()
                .any(|event| event.key_name() == Some(("K_AF", print.octets())))
        );
        let about = released.iter().map(|event| event.subject().masked());
        let about: Vec<_> = about.filter(|subject| subject.starts_with("imsi-00101")).collect();
        assert_eq!(about.len(), 2, "of an anonymous user it is not known who it is");
        let refused: Vec<_> = given.filter(|event| event.outcome() == Outcome::Refused).collect();
        assert_eq!(refused.len(), 1);
        assert_eq!(refused[0].reason(), Reason::Refused(Refusal::AkmaKeyUnknown));
        assert!(
            events
                .iter()
                .any(|event| (event.outcome(), event.action()) == (Outcome::Released, Action::TokenGiven))
        );
    }
}

#[tokio::test]
async fn nobody_has_the_key_of_another() {
    let anchor = anchor();
    let node = start(&anchor, None, |_| {});
    let video = token_for(&node, "video", 1, None).await;
    let audio = token_for(&node, "audio", 2, None).await;
    for (af_id, token, detail) in [
        (AF_ID, &audio, "domain name"),
        ("audio.example.com0100000002", &video, "domain name"),
        ("a.video.example.com0100000002", &video, "domain name"),
        ("example.com0100000002", &video, "domain name"),
        ("video.example.com0100000007", &video, "protocol"),
    ] {
        let told = ask(&node, &request(af_id, &[]), Some(token)).await;
        assert_eq!(refused(&told), (403, None), "{af_id} {told:?}");
        assert!(told.text("/detail").contains(detail), "{told:?}");
    }
    assert_eq!(anchor.asked().len(), 0, "no AAnF has heard of it");
    assert_eq!(ask(&node, &request(AF_ID, &[]), Some(&video)).await.status, 200);
    node.shutdown().await;
}

#[tokio::test]
async fn a_stranger_is_asked_for_a_token() {
    let node = start(&anchor(), None, |_| {});
    let told = ask(&node, &request(AF_ID, &[]), None).await;
    assert_eq!(told.status, 401);
    assert_eq!(told.header("www-authenticate"), Some("Bearer scope=\"3gpp-akma\""));
    for token in ["x", "a.b.c"] {
        let told = ask(&node, &request(AF_ID, &[]), Some(token)).await;
        assert_eq!(told.status, 401);
        assert!(
            told.header("www-authenticate").unwrap().contains("invalid_token"),
            "{told:?}"
        );
    }
    // Of another NEF, with the same names.
    let other = start(&anchor(), None, |_| {});
    let token = token_for(&other, "video", 1, None).await;
    assert_eq!(ask(&node, &request(AF_ID, &[]), Some(&token)).await.status, 401);
    // One that is no application function any more.
    let token = token_for(&node, "audio", 2, None).await;
    node.nef().unwrap().policy().replace(NefPolicy::default());
    let told = ask(&node, &request("audio.example.com0100000002", &[]), Some(&token)).await;
    assert_eq!(refused(&told), (403, None));
    node.shutdown().await;
    other.shutdown().await;
}

#[tokio::test]
async fn the_gpsi_is_told_where_policy_and_scope_allow_it() {
    let node = start(&anchor(), None, |_| {});
    let all = token_for(&node, "video", 1, None).await;
    let keys = token_for(&node, "video", 1, Some("3gpp-akma")).await;
    let audio = token_for(&node, "audio", 2, None).await;
    for (af_id, token, gpsi) in [
        (AF_ID, &all, true),
        (AF_ID, &keys, false),
        ("audio.example.com0100000002", &audio, false),
    ] {
        let told = ask(&node, &request(af_id, &[]), Some(token)).await;
        assert_eq!(
            (told.status, told.json().get("gpsi").is_some()),
            (200, gpsi),
            "{told:?}"
        );
    }
    node.shutdown().await;
}

#[tokio::test]
async fn the_gpsi_comes_from_the_aanf_or_the_store_or_there_is_none() {
    let of_store = "extid-meter-17@things.example";
    let gave = |anchor: Arc<Anchor>, is_home: bool| async move {
        let node = start(&anchor, None, |setup| {
            setup.is_home = is_home;
            let mut own = subscribers().remove(0);
            own.subscription = Subscription {
                gpsi: Some(of_store.parse().unwrap()),
                ..Subscription::default()
            };
            setup.store.put_many([&own]).unwrap();
        });
        let token = token_for(&node, "video", 1, None).await;
        let told = ask(&node, &request(AF_ID, &[]), Some(&token)).await;
        let anonymous = ask(&node, &request(AF_ID, &[("anonInd", true.into())]), Some(&token)).await;
        assert_eq!(anonymous.status, 200);
        node.shutdown().await;
        told
    };
    let told = gave(Anchor::new(Some(supi(0)), Some("msisdn-491701234567")), true).await;
    assert_eq!(told.json()["gpsi"], "msisdn-491701234567");
    let told = gave(Anchor::new(Some(supi(0)), None), true).await;
    assert_eq!(told.json()["gpsi"], of_store);
    for (anchor, is_home) in [
        (Anchor::new(Some(supi(0)), None), false),
        (Anchor::new(Some(supi(1)), None), true),
        (Anchor::new(None, None), true),
    ] {
        let told = gave(anchor, is_home).await;
        assert_eq!(refused(&told), (403, None), "{told:?}");
        assert!(told.text("/detail").contains("no GPSI"), "{told:?}");
    }
}

#[tokio::test]
async fn realm_and_routing_indicator_choose_the_aanf() {
    let (one, rest) = (anchor(), anchor());
    let node = start(&one, None, |setup| {
        let here = |anchor: &Arc<Anchor>| AanfAt::Here(Arc::new(Asked(anchor.clone())));
        let mut of_17 = aanf("17", here(&one));
        of_17.routing_indicators = vec!["17".parse().unwrap()];
        setup.aanfs = vec![of_17, aanf("rest", here(&rest))];
    });
    let token = token_for(&node, "video", 1, None).await;
    let with = |indicator: &str| {
        request(
            AF_ID,
            &[("aKId", A_KID.replace("rid0.", &format!("rid{indicator}.")).into())],
        )
    };
    for (indicator, counts) in [("17", (1, 0)), ("0", (1, 1)), ("1", (1, 2)), ("17", (2, 2))] {
        assert_eq!(ask(&node, &with(indicator), Some(&token)).await.status, 200);
        assert_eq!((one.asked().len(), rest.asked().len()), counts, "{indicator}");
    }
    // A home network of which no AAnF is known.
    let elsewhere = A_KID.replace("mnc001.mcc001", "mnc410.mcc310");
    let told = ask(&node, &request(AF_ID, &[("aKId", elsewhere.into())]), Some(&token)).await;
    assert_eq!(told.status, 204);
    assert_eq!((one.asked().len(), rest.asked().len()), (2, 2));
    node.shutdown().await;
}

#[tokio::test]
async fn what_is_wrong_is_told_as_the_contract_says() {
    let anchor = anchor();
    let node = start(&anchor, None, |_| {});
    let token = token_for(&node, "video", 1, None).await;
    let because = |status: u16, cause: &str| (status, Some(cause.to_owned()));
    for (body, answer) in [
        (json!({"aKId": A_KID}), because(400, "MANDATORY_IE_MISSING")),
        (json!({"afId": AF_ID}), because(400, "MANDATORY_IE_MISSING")),
        (
            request("video.example.com", &[]),
            because(400, "MANDATORY_IE_INCORRECT"),
        ),
        (
            request(AF_ID, &[("aKId", "someone@example.com".into())]),
            because(400, "MANDATORY_IE_INCORRECT"),
        ),
        (
            request(AF_ID, &[("anonInd", 1.into())]),
            because(400, "OPTIONAL_IE_INCORRECT"),
        ),
        (
            request(AF_ID, &[("suppFeat", "x".into())]),
            because(400, "OPTIONAL_IE_INCORRECT"),
        ),
        (
            request(AF_ID, &[("notifUri", "https://video.example.com/ended".into())]),
            because(400, "OPTIONAL_IE_INCORRECT"),
        ),
        (json!([]), because(400, "INVALID_MSG_FORMAT")),
    ] {
        let told = ask(&node, &body, Some(&token)).await;
        assert_eq!(refused(&told), answer, "{body} {told:?}");
    }
    let url = node.nef_url().unwrap();
    let with_token = |ask: Ask<'static>| ask.header("authorization", format!("Bearer {token}"));
    for (ask, status) in [
        (Ask::bare("GET", "/3gpp-akma/v1/retrieve"), 405),
        (
            Ask::bare("POST", "/3gpp-akma/v1/retrieve")
                .header("content-type", "text/plain")
                .body("{}"),
            415,
        ),
        (Ask::json("POST", "/3gpp-akma/v1/retrieve", vec![b' '; 70_000]), 413),
        (Ask::json("POST", "/3gpp-akma/v2/retrieve", "{}"), 400),
        (Ask::json("POST", "/3gpp-akma/v1/other", "{}"), 404),
    ] {
        let told = send_unchecked(url, &with_token(ask)).await;
        assert_eq!(told.status, status, "{told:?}");
    }
    node.shutdown().await;
}

#[tokio::test]
async fn what_the_aanf_refuses_is_told_as_far_as_it_concerns_the_caller() {
    let shutdown = Shutdown::new();
    for far in [false, true] {
        let anchor = anchor();
        let node = start(&anchor, None, |setup| {
            if far {
                let url = served(&anchor, &shutdown);
                setup.aanfs = vec![aanf("home", AanfAt::There(url, client_options()))];
            }
        });
        let token = token_for(&node, "video", 1, None).await;
        for (why, status, cause) in [
            (Refusal::AkmaNotAllowed, 403, None),
            (Refusal::AfNotAuthorized, 403, None),
            (Refusal::BudgetSpent, 429, Some("NF_CONGESTION_RISK")),
            (Refusal::Overloaded, 503, Some("NF_CONGESTION")),
            // That the AAnF takes the NEF for nobody is not the application function's affair.
            (Refusal::TokenMissing, 500, Some("UNSPECIFIED_NF_FAILURE")),
            (Refusal::IeIncorrect, 500, Some("UNSPECIFIED_NF_FAILURE")),
        ] {
            *anchor.refuses.lock().unwrap() = Some(why);
            let told = ask(&node, &request(AF_ID, &[]), Some(&token)).await;
            assert_eq!(refused(&told), (status, cause.map(str::to_owned)), "{why} {told:?}");
            assert!(told.header("www-authenticate").is_none());
        }
        node.shutdown().await;
    }
    // Nobody listens there.
    let node = start(&anchor(), None, |setup| {
        setup.aanfs = vec![aanf(
            "home",
            AanfAt::There("http://127.0.0.1:1".to_owned(), client_options()),
        )];
    });
    let token = token_for(&node, "video", 1, None).await;
    let told = ask(&node, &request(AF_ID, &[]), Some(&token)).await;
    assert_eq!(refused(&told), (504, Some("NETWORK_FAILURE".to_owned())));
    node.shutdown().await;
}

#[tokio::test]
async fn how_often_one_may_ask_is_bounded() {
    let anchor = anchor();
    let node = start(&anchor, None, |setup| {
        setup.options.budgets.requester = "1/h burst 3".parse().unwrap();
    });
    let token = token_for(&node, "video", 1, None).await;
    let other = token_for(&node, "audio", 2, None).await;
    for _ in 0..3 {
        assert_eq!(ask(&node, &request(AF_ID, &[]), Some(&token)).await.status, 200);
    }
    let told = ask(&node, &request(AF_ID, &[]), Some(&token)).await;
    assert_eq!(refused(&told), (429, Some("NF_CONGESTION_RISK".to_owned())));
    assert!(told.header("retry-after").is_some());
    let told = ask(&node, &request("audio.example.com0100000002", &[]), Some(&other)).await;
    assert_eq!(told.status, 200, "another one is not held up");
    assert_eq!(anchor.asked().len(), 4);
    node.shutdown().await;
}

/// A peer with a certificate, or with an address, is who the configuration says; `policy.access` counts for it.
#[tokio::test]
async fn a_certificate_or_an_address_is_enough_where_the_configuration_says_so() {
    let pki = Pki::new();
    let start = |allowed: Vec<(kaskade_net::sbi::peer::RequesterId, Vec<Allowed>)>| {
        start(&anchor(), None, |setup| {
            setup.server.tls = Some(pki.server(true));
            setup.groups = Groups::default()
                .with("smf", ["smf.example.org".parse::<Member>().unwrap()])
                .with("nwdaf", ["nwdaf.example.org".parse::<Member>().unwrap()]);
            let policy = policy(None).known_as(Requester::group("smf").id(), "plain");
            setup.options.policy = policy.known_as(Requester::group("nwdaf").id(), "video");
            setup.access = AccessRules {
                allowed,
                ..AccessRules::default()
            };
        })
    };
    let ask = |node: &Node, name: &str, body: Value, token: Option<String>| {
        let mut options = pki.client(Some(name));
        options.authorization = token.map(|token| format!("Bearer {token}").parse().unwrap());
        let client = kaskade_net::sbi::client::SbiClient::new(node.nef_url().unwrap(), options).unwrap();
        async move {
            let body = bytes::Bytes::from(body.to_string());
            let path = "/3gpp-akma/v1/retrieve";
            client
                .send(hyper::Method::POST, path, Some(body))
                .await
                .unwrap()
                .status
                .as_u16()
        }
    };
    let own = || request("plain.example.com0100000002", &[]);
    let node = start(Vec::new());
    assert_eq!(ask(&node, "smf", own(), None).await, 200);
    assert_eq!(ask(&node, "smf", request(AF_ID, &[]), None).await, 403);
    assert_eq!(ask(&node, "client", own(), None).await, 401, "it could have a token");
    // Who has one certificate and the token of another is neither.
    let issuer = node.nef().unwrap();
    assert!(format!("{issuer:?}").contains("Nef"));
    node.shutdown().await;
    let everything = Allowed::of("3gpp-akma", &services::ALL).unwrap();
    let node = start(vec![(Requester::group("nwdaf").id(), vec![everything])]);
    assert_eq!(ask(&node, "smf", own(), None).await, 403, "policy.access names another");
    assert_eq!(ask(&node, "nwdaf", request(AF_ID, &[]), None).await, 200);
    node.shutdown().await;
}

/// The door for application functions takes the tokens of an NRF, too, and asks for the scope of the operation.
#[tokio::test]
async fn the_door_of_the_nef_asks_who_is_there() {
    let (nrf, anchor) = (Nrf::new(), anchor());
    let node = start(&anchor, Some("http://127.0.0.1:1"), |setup| {
        setup.access.tokens = Some(nrf.verifier());
        setup.access.token_required = true;
        let af = Requester::subject("0b6e5a3c-1a2b-4c3d-8e4f-000000000001").id();
        setup.options.policy = policy(None).known_as(af, "plain");
    });
    let own = request("plain.example.com0100000002", &[]);
    let (scope, node_ref) = ("3gpp-akma", &node);
    let told = |authorization: Option<String>| {
        let ask = retrieve(&own, None);
        let ask = match authorization {
            Some(value) => ask.header("authorization", value),
            None => ask,
        };
        async move { send_unchecked(node_ref.nef_url().unwrap(), &ask).await }
    };
    let without = told(None).await;
    assert_eq!(without.status, 401, "{without:?}");
    assert_eq!(without.header("www-authenticate"), Some("Bearer scope=\"3gpp-akma\""));
    assert_eq!(told(Some(Nrf::new().token("NEF", scope, 60))).await.status, 401);
    assert_eq!(told(Some(nrf.token("AANF", scope, 60))).await.status, 401);
    assert_eq!(told(Some(nrf.token("NEF", scope, -1))).await.status, 401);
    assert_eq!(told(Some(nrf.token("NEF", "nudm-ueau", 60))).await.status, 403);
    let right = told(Some(nrf.token("NEF", scope, 60))).await;
    assert_eq!(right.status, 200, "{right:?}");
    node.shutdown().await;
}

#[tokio::test]
async fn a_token_of_the_nef_is_for_its_scope() {
    let issuer = issuer();
    let node = start(&anchor(), None, |setup| {
        setup.options.tokens = Some(TokenOptions {
            issuer: issuer.clone(),
            ..tokens()
        });
    });
    for (audience, scope, status) in [
        ("NEF", "3gpp-akma", 200),
        ("NEF", "nnef-akma:gpsi-access", 403),
        ("NEF", "naanf-akma", 403),
        ("AANF", "3gpp-akma", 401),
    ] {
        let token = issuer.give(&kaskade_net::sbi::token::Grant {
            subject: "video",
            audience,
            scope,
            from: unix_millis(),
            lifetime: Duration::from_secs(60),
        });
        let told = ask(&node, &request(AF_ID, &[]), Some(&token.unwrap())).await;
        assert_eq!(told.status, status, "{audience} {scope} {told:?}");
    }
    node.shutdown().await;
}

/// Every word of an answer, whatever is asked: header names and values, and the body.
fn words(told: &Told) -> String {
    let headers: BTreeMap<_, _> = told.headers.iter().cloned().collect();
    format!("{headers:?} {}", String::from_utf8_lossy(&told.body))
}

fn asked() -> impl Strategy<Value = (Value, usize)> {
    let af_ids = prop_oneof![
        Just(AF_ID),
        Just("audio.example.com0100000002"),
        Just("video.example.com0100000007"),
        Just("video.example.com"),
    ];
    let a_kids = prop_oneof![
        Just(A_KID.to_owned()),
        Just(other_a_kid()),
        Just("imsi-001010000000001".to_owned())
    ];
    let anonymous = proptest::option::of(any::<bool>());
    let uri = proptest::option::of(Just("https://video.example.com/ended"));
    (af_ids, a_kids, anonymous, uri, 0_usize..4).prop_map(|(af_id, a_kid, anonymous, uri, token)| {
        let mut body = json!({"afId": af_id, "aKId": a_kid});
        if let Some(anonymous) = anonymous {
            body["anonInd"] = anonymous.into();
        }
        if let Some(uri) = uri {
            body["notifUri"] = uri.into();
        }
        (body, token)
    })
}

#[test]
fn no_answer_has_a_supi() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    let own = supi(0).sbi().to_string();
    let digits = own.strip_prefix("imsi-").unwrap().to_owned();
    let (node, tokens) = runtime.block_on(async {
        let node = start(&anchor(), None, |_| {});
        let tokens = [
            token_for(&node, "video", 1, None).await,
            token_for(&node, "video", 1, Some("3gpp-akma")).await,
            token_for(&node, "audio", 2, None).await,
        ];
        (node, tokens)
    });
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig {
        cases: 128,
        ..ProptestConfig::default()
    });
    let run = runner.run(&asked(), |(body, token)| {
        // The A-KID that is none has the digits itself; what is wrong with it is told without them.
        let told = runtime.block_on(ask(&node, &body, tokens.get(token).map(String::as_str)));
        prop_assert!(!words(&told).contains(&digits), "{told:?}");
        prop_assert!(
            serde_json::from_slice::<Value>(&told.body)
                .unwrap_or_default()
                .get("supi")
                .is_none()
        );
        Ok(())
    });
    run.unwrap();
    runtime.block_on(node.shutdown());
}
