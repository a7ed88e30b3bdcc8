//! What a requester began is its own: nobody else confirms, takes back or pushes out, and a serving network may be reserved.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use kaskade_crypto::{Rand, Sqn};
use kaskade_flow::Refusal;
use kaskade_keys::Supi;
use kaskade_net::role::policy::{Groups, ServingNetworkPolicy};
use kaskade_net::role::seaf::{AusfClient, AusfClientError};
use kaskade_net::sbi::peer::Requester;
use kaskade_net::sbi::problem::Cause;
use kaskade_store::{NotFollowed, Resynchronised};

use crate::common::{Home, Link, answer, plmn, snn, supi, ue};
use crate::tls::Pki;

const LINKS: [Link; 2] = [Link::Local, Link::Http];

fn cause<T: std::fmt::Debug>(result: Result<T, AusfClientError>) -> (u16, Option<Cause>) {
    match result {
        Err(AusfClientError::Refused(refusal)) => (refusal.status.as_u16(), refusal.cause),
        other => panic!("{other:?}"),
    }
}

const NOT_FOUND: (u16, Option<Cause>) = (404, Some(Cause::ContextNotFound));

/// All that one can do to a run of another.
async fn attack(victim: &AusfClient, attacker: &AusfClient) {
    let mut ue = ue(0);
    let challenge = victim.authenticate(supi(0), snn()).await.unwrap();
    let at_ue = answer(&mut ue, &challenge);
    for _ in 0..20 {
        attacker.authenticate(supi(0), snn()).await.unwrap();
    }
    let stolen = attacker.confirm(&challenge.confirmation, Some(&at_ue.res_star)).await;
    assert_eq!(cause(stolen), NOT_FOUND, "the right answer of somebody else");
    assert_eq!(cause(attacker.confirm(&challenge.confirmation, None).await), NOT_FOUND);
    assert_eq!(cause(attacker.delete(&challenge.confirmation).await), NOT_FOUND);
    // The attacker's own challenges of that user are gone with this, the victim's is not.
    attacker.deregister(&supi(0)).await.unwrap();
    assert_eq!(cause(attacker.deregister(&supi(0)).await), NOT_FOUND);
    let confirmed = victim
        .confirm(&challenge.confirmation, Some(&at_ue.res_star))
        .await
        .unwrap();
    assert!(confirmed.unwrap().1 == at_ue.k_seaf);
    assert_eq!(cause(attacker.delete(&challenge.confirmation).await), NOT_FOUND);
    assert_eq!(cause(attacker.deregister(&supi(0)).await), NOT_FOUND);
    victim.delete(&challenge.confirmation).await.unwrap();
}

#[tokio::test]
async fn an_address_owns_its_contexts() {
    for link in LINKS {
        let home = Home::start(link);
        attack(&home.seaf_at(1), &home.seaf_at(2)).await;
        // A reconnection is the same requester.
        let challenge = home.seaf_at(3).authenticate(supi(1), snn()).await.unwrap();
        let at_ue = answer(&mut ue(1), &challenge);
        let confirmed = home
            .seaf_at(3)
            .confirm(&challenge.confirmation, Some(&at_ue.res_star))
            .await;
        assert!(confirmed.unwrap().is_some());
    }
}

#[tokio::test]
async fn a_certificate_owns_its_contexts_wherever_it_is() {
    let pki = Pki::new();
    let home = Home::start_with(Link::Local, |setup| setup.server.tls = Some(pki.server(true)));
    let seaf = |name, n| {
        let mut options = pki.client(Some(name));
        options.source = Some([127, 0, 0, n].into());
        AusfClient::new(home.ausf_url(), options).unwrap()
    };
    attack(&seaf("client", 1), &seaf("other", 1)).await;
    let challenge = seaf("client", 1).authenticate(supi(1), snn()).await.unwrap();
    let at_ue = answer(&mut ue(1), &challenge);
    let confirmed = seaf("client", 2)
        .confirm(&challenge.confirmation, Some(&at_ue.res_star))
        .await;
    assert!(confirmed.unwrap().is_some());
}

#[tokio::test]
async fn a_set_shares_its_contexts() {
    let members = ["127.0.0.2", "127.0.0.4/31"].map(|member| member.parse().unwrap());
    let home = Home::start_with(Link::Local, |setup| {
        setup.groups = Groups::default().with("set", members);
    });
    let challenge = home.seaf_at(2).authenticate(supi(0), snn()).await.unwrap();
    let at_ue = answer(&mut ue(0), &challenge);
    let outside = home
        .seaf_at(3)
        .confirm(&challenge.confirmation, Some(&at_ue.res_star))
        .await;
    assert_eq!(cause(outside), NOT_FOUND);
    let inside = home
        .seaf_at(5)
        .confirm(&challenge.confirmation, Some(&at_ue.res_star))
        .await;
    assert!(inside.unwrap().is_some());
}

#[tokio::test]
async fn a_report_belongs_to_its_ausf() {
    let home = Home::start(Link::Http);
    let client = |n: u8| {
        let mut options = kaskade_net::sbi::client::ClientOptions::default();
        options.source = Some([127, 0, 0, n].into());
        kaskade_net::sbi::client::SbiClient::new(home.udm_url(), options).unwrap()
    };
    let event = |removal: bool| {
        format!(
            "{{\"nfInstanceId\":\"3fa85f64-5717-4562-b3fc-2c963f66afa6\",\"success\":true,\
             \"timeStamp\":\"2026-01-02T03:04:05Z\",\"authType\":\"5G_AKA\",\
             \"servingNetworkName\":\"{}\",\"authRemovalInd\":{removal}}}",
            snn()
        )
    };
    let path = format!("/nudm-ueau/v1/{}/auth-events", supi(0).sbi());
    let created = client(1)
        .send(hyper::Method::POST, &path, Some(event(false).into()))
        .await
        .unwrap();
    assert_eq!(created.status, 201);
    let uri = created.location.unwrap().to_str().unwrap().to_owned();
    for (n, status) in [(2, 404), (1, 204), (1, 404)] {
        let put = client(n)
            .follow(hyper::Method::PUT, &uri, Some(event(true).into()))
            .await
            .unwrap();
        assert_eq!(put.status, status, "127.0.0.{n}");
    }
}

#[tokio::test]
async fn a_reserved_network_is_refused_to_others() {
    for link in LINKS {
        let home = Home::start_with(link, |setup| {
            setup.groups = Groups::default().with("amfs", ["127.0.0.2".parse().unwrap()]);
            let policy = ServingNetworkPolicy::plmns([plmn()]);
            let network = plmn().to_string().parse().unwrap();
            setup.ausf.serving_networks = policy.reserve(network, [Requester::group("amfs").id()]);
            if link == Link::Local {
                setup.udm.serving_networks = setup.ausf.serving_networks.clone();
            }
        });
        home.seaf_at(2).authenticate(supi(0), snn()).await.unwrap();
        let refused = home.seaf_at(3).authenticate(supi(0), snn()).await;
        assert_eq!(cause(refused), (403, Some(Cause::ServingNetworkNotAuthorized)));
    }
}

/// Whoever was given no vector of a card cannot say that it has succeeded, which would stop it from being followed.
#[tokio::test]
async fn a_success_is_believed_of_who_was_given_a_vector() {
    let home = Home::start_with(Link::Http, |setup| {
        setup.udm.budgets.requester = "1/min burst 4".parse().unwrap();
    });
    let udm = home.udm.udm().unwrap();
    let [ausf, stranger] = ["ausf", "stranger"].map(Requester::group);
    let event = |serving_network_name| kaskade_codec::sbi::nudm_ueau::AuthEvent {
        nf_instance_id: kaskade_codec::sbi::NfInstanceId::from_random([1; 16]),
        success: true,
        time_stamp: kaskade_net::time::now(),
        auth_type: kaskade_codec::sbi::AuthType::FiveGAka,
        serving_network_name,
        auth_removal_ind: false,
    };
    let request = kaskade_codec::sbi::nudm_ueau::AuthenticationInfoRequest {
        serving_network_name: snn(),
        ausf_instance_id: kaskade_codec::sbi::NfInstanceId::from_random([1; 16]),
        resynchronization_info: None,
    };
    let given = udm.generate_auth_data(&ausf, supi(0).into(), &request).await.unwrap();
    let given = given.release_to_peer();
    let disbelieved = || udm.counters().disbelieved.load(std::sync::atomic::Ordering::Relaxed);
    for _ in 0..4 {
        udm.confirm_auth(&stranger, &supi(0), event(snn())).await.unwrap();
    }
    assert_eq!(disbelieved(), 4);
    let flood = udm.confirm_auth(&stranger, &supi(0), event(snn())).await;
    assert!(flood.is_err_and(|error| error.refusal() == Refusal::BudgetSpent));
    let elsewhere = udm
        .confirm_auth(
            &ausf,
            &supi(0),
            event("5G:mnc999.mcc999.3gppnetwork.org".parse().unwrap()),
        )
        .await;
    assert!(elsewhere.is_err_and(|error| error.refusal() == Refusal::ServingNetworkNotAuthorized));
    assert!(
        is_followed(&home, &supi(0), given.vector.rand()),
        "their word is nothing"
    );
    let given = udm.generate_auth_data(&ausf, supi(1).into(), &request).await.unwrap();
    let given = given.release_to_peer();
    udm.confirm_auth(&ausf, &supi(1), event(snn())).await.unwrap();
    assert!(!is_followed(&home, &supi(1), given.vector.rand()), "its own AUSF's is");
    assert_eq!(disbelieved(), 4);
    // Whoever has a vector says once that it succeeded, and of then: what others are given later stays fresh.
    let liar = Requester::group("liar");
    let _ = udm.generate_auth_data(&liar, supi(1).into(), &request).await.unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(400)).await;
    let later = udm.generate_auth_data(&ausf, supi(1).into(), &request).await.unwrap();
    let later = later.release_to_peer();
    for _ in 0..2 {
        udm.confirm_auth(&liar, &supi(1), event(snn())).await.unwrap();
    }
    assert_eq!(disbelieved(), 5);
    assert!(is_followed(&home, &supi(1), later.vector.rand()));
}

/// Whether a card that stands far below what was issued is followed there by an AUTS for this RAND. It is once only.
fn is_followed(home: &Home, supi: &Supi, rand: &Rand) -> bool {
    let resynchronise = |rand, sqn_ms| home.store.resynchronise(supi, rand, Sqn::new(sqn_ms).unwrap()).unwrap();
    let later = home.store.challenge(supi, [0; 8]);
    let ahead = resynchronise(&later, 1 << 40);
    assert!(
        matches!(ahead, Resynchronised::Raised | Resynchronised::InStep),
        "{ahead:?}"
    );
    match resynchronise(rand, 0) {
        Resynchronised::NewEpoch => true,
        Resynchronised::NotFollowed(NotFollowed::SucceededSince) => false,
        other => panic!("{other:?}"),
    }
}

/// That the card has succeeded counts, whether its report finds room or not.
#[tokio::test]
async fn a_success_counts_where_there_is_no_room_for_its_report() {
    let event = |success| kaskade_codec::sbi::nudm_ueau::AuthEvent {
        nf_instance_id: kaskade_codec::sbi::NfInstanceId::from_random([1; 16]),
        success,
        time_stamp: kaskade_net::time::now(),
        auth_type: kaskade_codec::sbi::AuthType::FiveGAka,
        serving_network_name: snn(),
        auth_removal_ind: false,
    };
    for link in LINKS {
        let home = Home::start_with(link, |setup| setup.udm.events.all = 1);
        let udm = home.udm.udm().unwrap();
        let other = Requester::group("other");
        udm.confirm_auth(&other, &supi(0), event(false)).await.unwrap();
        let full = udm
            .confirm_auth(&Requester::group("ausf"), &supi(0), event(false))
            .await;
        assert!(full.is_err_and(|error| error.refusal() == Refusal::Overloaded));
        let seaf = home.seaf();
        let unconfirmed = seaf.authenticate(supi(1), snn()).await.unwrap();
        assert!(is_followed(&home, &supi(1), &unconfirmed.se_av.rand), "{link:?}");
        let challenge = seaf.authenticate(supi(0), snn()).await.unwrap();
        let at_ue = answer(&mut ue(0), &challenge);
        let confirmed = seaf.confirm(&challenge.confirmation, Some(&at_ue.res_star)).await;
        assert!(confirmed.unwrap().is_some());
        assert_eq!(udm.auth_events(&supi(0)).len(), 1, "{link:?}: the other's");
        assert!(!is_followed(&home, &supi(0), &challenge.se_av.rand), "{link:?}");
    }
}

/// A common name beside alternative names lets nobody in.
#[tokio::test]
async fn a_common_name_beside_others_is_of_no_group() {
    let pki = Pki::new();
    // The certificates of the tests are of localhost, and have a common name of their own beside that.
    let groups = [("first", "localhost"), ("third", "client")];
    let group = |name: &str| {
        groups
            .iter()
            .find(|(group, _)| *group == name)
            .unwrap()
            .1
            .parse()
            .unwrap()
    };
    for (names, allowed) in [
        (&["first"][..], Some("first")),
        (&["third"], None),
        (&["first", "third"], Some("first")),
    ] {
        let home = Home::start_with(Link::Local, |setup| {
            setup.server.tls = Some(pki.server(true));
            for name in names {
                setup.groups = std::mem::take(&mut setup.groups).with(name, [group(name)]);
            }
            let policy = ServingNetworkPolicy::plmns([plmn()]);
            let ids = names.iter().map(|name| Requester::group(name).id());
            let policy = policy.reserve(plmn().to_string().parse().unwrap(), ids);
            setup.ausf.serving_networks = policy.clone();
            setup.udm.serving_networks = policy;
        });
        let seaf = AusfClient::new(home.ausf_url(), pki.client(Some("client"))).unwrap();
        let asked = seaf.authenticate(supi(0), snn()).await;
        assert_eq!(asked.is_ok(), allowed.is_some(), "{names:?}");
    }
}
