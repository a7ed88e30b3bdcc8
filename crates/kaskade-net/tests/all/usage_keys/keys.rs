//! Which keys are given to whom.

use kaskade_anchor::emsk::{Custody, Holder as Record, SealedRoot};
use kaskade_flow::event::{Action, Outcome};
use kaskade_keys::fivegs::KAusf;
use kaskade_net::role::usage_keys::Kind;

use super::*;
use crate::audit::Place;
use crate::common::EAP_ONLY;
use crate::common::http::{Ask, send};
use crate::tls::Pki;

async fn after_5g_aka_a_network_function_has_the_key_of_the_ue(on: On) {
    let home = start(on, None);
    let (smf, nwdaf) = (nf(&home, SMF), nf(&home, NWDAF));
    assert_eq!(refused(smf.key(one(0)).await), because(404, "CONTEXT_NOT_FOUND"));
    let mut at_ue = five_g_aka(&home, 0, 1).await;
    let told = smf.key(one(0)).await.unwrap();
    is_that_of(&told, &mut at_ue, &key_of("one@example.org", UsageData::default()));
    let told = smf.key(octets(0, &[1, 2, 3])).await.unwrap();
    let data = UsageData::from_octets(&[1, 2, 3]).unwrap();
    is_that_of(&told, &mut at_ue, &key_of("octets@example.org", data));
    let of = "1-0000d1".parse().unwrap();
    let told = smf.key(slice(0, "1-0000d1")).await.unwrap();
    is_that_of(
        &told,
        &mut at_ue,
        &key_of("slice@example.org", UsageData::slice(&of, None)),
    );
    let application = "video".parse().unwrap();
    let request = UsageKeyRequest {
        application: Some("video".parse().unwrap()),
        ..request(0, "service@example.org")
    };
    let told = nwdaf.key(request).await.unwrap();
    let data = UsageData::service(&application);
    is_that_of(&told, &mut at_ue, &key_of("service@example.org", data));
    let given = home.ausf().usage_keys().unwrap().counters().given();
    let first: Vec<_> = given
        .filter(|(_, again, _)| !again)
        .map(|(kind, _, count)| (kind, count))
        .collect();
    let expected = [1, 1, 1, 1, 0];
    assert_eq!(first, Kind::ALL.into_iter().zip(expected).collect::<Vec<_>>());
    assert_eq!(home.ausf().usage_keys().unwrap().held(), (1, 4));
    home.shutdown().await;
}

/// The whole of it with TLS on both sides: who asks is who its certificate says.
async fn a_certificate_says_who_may_have_the_key_of_which_slice(on: On) {
    let pki = Pki::new();
    let home = Home::start_at(on, Link::Local, |setup| {
        setup.server.tls = Some(pki.server(true));
        let known = ["smf", "nwdaf"].into_iter();
        setup.groups = known.clone().fold(Groups::default(), |groups, name| {
            groups.with(name, [format!("{name}.example.org").parse().unwrap()])
        });
        setup.usage_keys = Some(options(None));
    });
    let url = home.ausf_url();
    let mut seaf = pki.client(Some("client"));
    seaf.source = None;
    let seaf = kaskade_net::role::seaf::AusfClient::new(url, seaf).unwrap();
    let challenge = seaf.authenticate(supi(0), snn()).await.unwrap();
    let at_ue = answer(&mut ue(0), &challenge);
    seaf.confirm(&challenge.confirmation, Some(&at_ue.res_star))
        .await
        .unwrap()
        .unwrap();
    let mut at_ue = Root::of_5g_aka(at_ue.k_ausf, supi(0), &challenge.se_av.rand, &challenge.se_av.autn);

    let [smf, nwdaf, amf] = ["smf", "nwdaf", "client"].map(|name| Nf::at(url, pki.client(Some(name))));
    let [red, blue] = ["1-0000d1", "1-0000d2"];
    let told = smf.key(slice(0, red)).await.unwrap();
    let data = |slice: &str| UsageData::slice(&slice.parse().unwrap(), None);
    is_that_of(&told, &mut at_ue, &key_of("slice@example.org", data(red)));
    let told = nwdaf.key(slice(0, blue)).await.unwrap();
    is_that_of(&told, &mut at_ue, &key_of("slice@example.org", data(blue)));
    // The other one's slice, another one's usage, and somebody whom no usage names.
    for (who, request) in [
        (&smf, slice(0, blue)),
        (&nwdaf, slice(0, red)),
        (&nwdaf, one(0)),
        (&amf, one(0)),
        (&amf, slice(0, red)),
    ] {
        assert_eq!(refused(who.key(request).await), because(403, ""));
    }
    let stranger = Nf::at(url, pki.client(None));
    assert!(stranger.key(one(0)).await.is_err(), "nobody without a certificate");
    home.shutdown_unchecked().await;
}

async fn whoever_asks_wrongly_is_told_why_and_learns_nothing_of_subscribers(on: On) {
    let home = start(on, Some("https://smf.example.org"));
    authenticated(&home, 0, 1).await;
    let (smf, nwdaf, stranger) = (nf(&home, SMF), nf(&home, NWDAF), nf(&home, STRANGER));
    let nobody = UsageKeyRequest {
        supi: "imsi-001019999999999".parse().unwrap(),
        ..one(0)
    };
    // Who may not have the key hears the same of a subscriber who is there and of one who is not.
    for of in [one(0), one(1), nobody.clone()] {
        assert_eq!(refused(nwdaf.key(of.clone()).await), because(403, ""));
        assert_eq!(refused(stranger.key(of).await), because(403, ""));
    }
    assert_eq!(refused(smf.key(nobody).await), because(404, "USER_NOT_FOUND"));
    let unknown = refused(smf.key(request(0, "other@example.org")).await);
    assert_eq!(unknown, because(404, "DATA_NOT_FOUND"));
    for wrong in [
        // Data that the usage does not have, or not so many.
        with_label(slice(0, "1-0000d1"), "one@example.org"),
        octets(0, &[0; 65]),
        with_label(one(0), "slice@example.org"),
    ] {
        assert_eq!(refused(smf.key(wrong).await), because(400, "INVALID_MSG_FORMAT"));
    }
    let both = UsageKeyRequest {
        snssai: Some("1".parse().unwrap()),
        ..octets(0, &[1])
    };
    assert_eq!(refused(smf.key(both).await), because(400, "OPTIONAL_IE_INCORRECT"));
    // Where nobody is to be asked for anything.
    for uri in ["ftp://smf.example.org/", "smf", "https://u:p@smf.example.org/"] {
        let wrong = told_at(one(0), uri);
        assert_eq!(
            refused(smf.key(wrong).await),
            because(400, "OPTIONAL_IE_INCORRECT"),
            "{uri}"
        );
    }
    for uri in [
        "https://evil.example/",
        "http://smf.example.org/",
        "https://smf.example.org:8443/",
        "http://127.0.0.1:22/",
        "http://169.254.169.254/latest/meta-data",
        "http://localhost/",
    ] {
        assert_eq!(refused(smf.key(told_at(one(0), uri)).await), because(403, ""), "{uri}");
    }
    let (er, visited) = (nf(&home, ER), "visited.example");
    let not_its = smf.client.domain_key(&smf.caller, domain(0, visited)).await;
    assert_eq!(refused(not_its), because(403, ""));
    let other = er.client.domain_key(&er.caller, domain(0, "other.example")).await;
    assert_eq!(refused(other), because(403, ""));
    assert_eq!(home.ausf().usage_keys().unwrap().held(), (1, 0), "nobody has anything");
    home.shutdown().await;
}

fn with_label(request: UsageKeyRequest, label: &str) -> UsageKeyRequest {
    UsageKeyRequest {
        label: label.parse().unwrap(),
        ..request
    }
}

/// What is wrong with a body is named, with its place.
async fn a_body_that_is_none_is_refused_with_its_member(on: On) {
    let home = start(on, None);
    let url = home.ausf().usage_keys_url().unwrap();
    let supi = supi(0).sbi();
    for (path, body, pointer) in [
        ("keys", "{}".to_owned(), "/supi"),
        ("keys", format!(r#"{{"supi":"{supi}"}}"#), "/label"),
        ("keys", format!(r#"{{"supi":"{supi}","label":"one"}}"#), "/label"),
        (
            "keys",
            format!(r#"{{"supi":"{supi}","label":"dsrk@ietf.org"}}"#),
            "/label",
        ),
        (
            "keys",
            format!(r#"{{"supi":"{supi}","label":"a@b.c","dataHex":"0"}}"#),
            "/dataHex",
        ),
        (
            "keys",
            format!(r#"{{"supi":"{supi}","label":"a@b.c","snssai":"256"}}"#),
            "/snssai",
        ),
        ("domain-keys", format!(r#"{{"supi":"{supi}","domain":"-"}}"#), "/domain"),
        (
            "keys/give-up",
            format!(r#"{{"supi":"{supi}","keyName":"00"}}"#),
            "/keyName",
        ),
        ("keys/give-up", format!(r#"{{"supi":"{supi}"}}"#), "/keyName"),
    ] {
        let told = send(
            url,
            &Ask::json("POST", format!("/kaskade-usage-keys/v1/{path}"), body.clone()),
        )
        .await;
        assert_eq!(
            (told.status, told.text("/invalidParams/0/param").as_str()),
            (400, pointer),
            "{body}"
        );
    }
    home.shutdown().await;
}

/// One key says nothing of another, and no answer has what stands above.
async fn keys_of_different_branches_have_nothing_in_common(on: On) {
    let home = start(on, None);
    let mut at_ue = five_g_aka(&home, 0, 1).await;
    let mut at_other = five_g_aka(&home, 1, 1).await;
    let (smf, nwdaf, er) = (nf(&home, SMF), nf(&home, NWDAF), nf(&home, ER));
    let mut keys = Vec::new();
    for (who, request) in [
        (&smf, one(0)),
        (&smf, one(1)),
        (&smf, octets(0, &[])),
        (&smf, octets(0, &[1])),
        (&smf, slice(0, "1-0000d1")),
        (&nwdaf, slice(0, "1-0000d2")),
    ] {
        keys.push(*who.key(request).await.unwrap().key.expose_to_its_server());
    }
    let dsrk = er
        .client
        .domain_key(&er.caller, domain(0, "visited.example"))
        .await
        .unwrap();
    assert_eq!(
        dsrk.key.expose_to_its_server(),
        at_ue.dsrk(&"visited.example".parse().unwrap()).expose_to_domain()
    );
    assert_eq!(dsrk.emsk_name, at_ue.name());
    keys.push(*dsrk.key.expose_to_its_server());
    let all: std::collections::BTreeSet<_> = keys.iter().collect();
    assert_eq!(all.len(), keys.len());
    is_that_of(
        &smf.key(one(1)).await.unwrap(),
        &mut at_other,
        &key_of("one@example.org", UsageData::default()),
    );
    home.shutdown().await;
}

async fn who_asks_again_has_the_same_key_without_a_write_and_every_release_is_on_record(on: On) {
    let place = Place::new();
    let log = place.open("usage", |_| {});
    let home = Home::start_at(on, Link::Local, |setup| {
        setup.audit = log.clone();
        setup.udm.audit = log.clone();
        setup.ausf.audit = log.clone();
        set_up(setup, None);
    });
    authenticated(&home, 0, 1).await;
    let smf = nf(&home, SMF);
    let first = smf.key(one(0)).await.unwrap();
    home.store.settle().unwrap();
    let before = home.store.figures().units;
    for _ in 0..5 {
        let again = smf.key(one(0)).await.unwrap();
        assert_eq!(again.key.expose_to_its_server(), first.key.expose_to_its_server());
        assert_eq!((again.key_name, again.expiry), (first.key_name, first.expiry));
    }
    assert_eq!(home.store.figures().units, before, "nothing was written");
    assert_eq!(refused(nf(&home, NWDAF).key(one(0)).await).0, 403);
    home.shutdown().await;
    log.flush().unwrap();
    log.close();
    let (events, names) = place.read("usage");
    let of = |outcome| {
        let mut events = events
            .iter()
            .filter(move |event| event.action() == Action::UsageKeyGiven);
        events
            .by_ref()
            .filter(move |event| event.outcome() == outcome)
            .cloned()
            .collect::<Vec<_>>()
    };
    let released = of(Outcome::Released);
    assert_eq!(released.len(), 6);
    assert!(
        released.iter().all(|event| names.name(event.peer()) == Some("smf")),
        "{released:?}"
    );
    assert_eq!(of(Outcome::Refused).len(), 1);
}

async fn after_5g_aka_there_is_no_emsk_where_the_configuration_wants_none(on: On) {
    let home = Home::start_at(on, Link::Local, |setup| {
        set_up(setup, None);
        setup.usage_keys.as_mut().unwrap().five_g_aka = false;
    });
    authenticated(&home, 0, 1).await;
    let refused = refused(nf(&home, SMF).key(one(0)).await);
    assert_eq!(refused, because(404, "CONTEXT_NOT_FOUND"));
    home.shutdown().await;
}

async fn after_eap_aka_prime_a_network_function_has_the_key_of_the_ue(on: On) {
    for link in [Link::Local, Link::Http] {
        let home = Home::start_at(on, link, |setup| set_up(setup, None));
        let success = crate::eap::succeeds(&home, EAP_ONLY).await;
        let k_ausf: KAusf = success.k_ausf.expect("of 5GS");
        let mut at_ue = Root::of_eap(success.emsk, success.session_id);
        assert_eq!(at_ue.k_ausf().unwrap(), k_ausf, "above and beside");
        let told = nf(&home, SMF).key(one(EAP_ONLY)).await.unwrap();
        is_that_of(&told, &mut at_ue, &key_of("one@example.org", UsageData::default()));
        let octets = told.key.expose_to_its_server();
        assert_ne!(&octets[..32], k_ausf.expose_to_ausf(), "no key of 3GPP");
        home.shutdown_unchecked().await;
    }
}

/// Non-seamless WLAN offload makes no key of 5GS, and none below the EMSK.
async fn after_nswo_there_is_no_emsk(on: On) {
    let home = Home::start_at(on, Link::Local, |setup| {
        set_up(setup, None);
        let any = kaskade_net::role::policy::ServingNetworkPolicy::any();
        setup.udm.serving_networks = any.clone();
        setup.ausf.serving_networks = any;
    });
    crate::eap::succeeds_at(&home, EAP_ONLY, kaskade_keys::ServingNetworkName::NSWO).await;
    assert_eq!(home.ausf().usage_keys().unwrap().held(), (0, 0));
    home.shutdown().await;
}

async fn no_emsk_is_in_the_store_unless_the_configuration_wants_one(on: On) {
    for (custody, sealed) in [(Custody::Process, 0), (Custody::Sealed, 1)] {
        let home = Home::start_at(on, Link::Local, |setup| {
            set_up(setup, None);
            setup.usage_keys.as_mut().unwrap().limits.custody = custody;
        });
        authenticated(&home, 0, 1).await;
        nf(&home, SMF).key(one(0)).await.unwrap();
        let records = home.store.records();
        assert_eq!(records.list::<SealedRoot>(None, 10).await.unwrap().len(), sealed);
        assert_eq!(records.list::<Record>(None, 10).await.unwrap().len(), 1);
        drop(records);
        home.shutdown().await;
    }
}

kaskade_testkit::over_each_engine!(async
    after_5g_aka_a_network_function_has_the_key_of_the_ue,
    a_certificate_says_who_may_have_the_key_of_which_slice,
    whoever_asks_wrongly_is_told_why_and_learns_nothing_of_subscribers,
    a_body_that_is_none_is_refused_with_its_member,
    keys_of_different_branches_have_nothing_in_common,
    who_asks_again_has_the_same_key_without_a_write_and_every_release_is_on_record,
    after_5g_aka_there_is_no_emsk_where_the_configuration_wants_none,
    after_eap_aka_prime_a_network_function_has_the_key_of_the_ue,
    after_nswo_there_is_no_emsk,
    no_emsk_is_in_the_store_unless_the_configuration_wants_one,
);
