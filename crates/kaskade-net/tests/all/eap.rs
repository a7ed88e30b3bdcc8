//! EAP-AKA' in 5GS between a device with a real USIM and the two roles, over HTTP/2, with the UDM in the same process and over N13.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::sync::atomic::Ordering;

use base64ct::{Base64, Encoding as _};
use kaskade_aka::eap_aka::peer::{PeerFailure, PeerMemory, PeerName, PeerPolicy, PeerSuccess};
use kaskade_aka::sqn::Seq;
use kaskade_aka::usim::{Usim, UsimOptions};
use kaskade_codec::sbi::nausf_auth::{AuthenticationInfo, SessionKey};
use kaskade_codec::sbi::{AuthType, SupiOrSuci};
use kaskade_flow::Refusal;
use kaskade_keys::{HomeRealm, ServingNetworkName, Supi};
use kaskade_net::random::SystemEntropy;
use kaskade_net::role::policy::ServingNetworkPolicy;
use kaskade_net::role::seaf::{AusfClient, AusfClientError, Begun, EapAnswered, EapRequest};
use kaskade_net::sbi::problem::Cause;
use kaskade_net::time::moment;
use kaskade_store::AuthMethods;
use kaskade_testkit::memory::Failure;
use kaskade_ue::demo::demo_subscriber;
use kaskade_ue::eap::EapOutcome;
use kaskade_ue::{Akma, Eap, EapDevice, NoAkma};

use crate::common::http::{Ask, Told, send};
use crate::common::{EAP_ONLY, Home, Link, plmn, snn, suci, supi};

const LINKS: [Link; 2] = [Link::Local, Link::Http];

/// A device with the card of a subscriber, which has accepted numbers up to here.
pub(crate) fn device_at(index: u64, network: ServingNetworkName, seq: u64) -> EapDevice {
    let subscriber = demo_subscriber(plmn(), 0, index);
    let options = UsimOptions::default();
    let seq_ms = vec![Seq(seq); options.layout.array_size()];
    let usim = Usim::restore(&subscriber.keys(), options, &seq_ms).unwrap();
    let policy = PeerPolicy::five_gs(network.into());
    let concealed = format!(
        "type1.rid0.schid0.userid{}@5gc.mnc001.mcc001.3gppnetwork.org",
        1 + index
    );
    let name = PeerName::FiveGs(subscriber.supi.clone(), concealed.parse().unwrap());
    EapDevice::new(usim, subscriber.supi, policy, name)
}

fn info(who: impl Into<SupiOrSuci>, serving_network_name: ServingNetworkName) -> AuthenticationInfo {
    AuthenticationInfo {
        supi_or_suci: who.into(),
        serving_network_name,
        resynchronization_info: None,
    }
}

async fn begin(seaf: &AusfClient, who: impl Into<SupiOrSuci>, network: ServingNetworkName) -> EapRequest {
    match seaf.begin(info(who, network)).await.unwrap() {
        Begun::Eap(request) => request,
        Begun::FiveGAka(challenge) => panic!("{challenge:?}"),
    }
}

/// What a device answers to a packet.
fn said(eap: &mut Eap, packet: &[u8]) -> EapOutcome {
    eap.packet(packet, moment(), &mut SystemEntropy).kept()
}

pub(crate) fn response(eap: &mut Eap, packet: &[u8]) -> Vec<u8> {
    match said(eap, packet) {
        EapOutcome::Response(response) => response.into(),
        other => panic!("{other:?}"),
    }
}

/// How both ends of a run came out, and how many packets the UE sent.
struct Ended {
    network: Option<(Supi, SessionKey)>,
    ue: Result<Box<PeerSuccess>, Box<PeerFailure>>,
    responses: usize,
}

async fn run(seaf: &AusfClient, mut request: EapRequest, eap: &mut Eap) -> Ended {
    for responses in 1..10 {
        let packet = response(eap, &request.packet);
        let (network, last) = match seaf.eap(&request.session, Some(packet)).await.unwrap() {
            EapAnswered::Request(next) => {
                assert_eq!(next.session, request.session, "one run has one resource");
                request = next;
                continue;
            }
            EapAnswered::Success { packet, supi, key } => (Some((supi, key)), packet),
            EapAnswered::Failure { packet } => (None, packet),
        };
        let ue = match said(eap, &last) {
            EapOutcome::Success(success) => Ok(success),
            EapOutcome::Failure(failure) => Err(failure),
            other => panic!("{other:?}"),
        };
        return Ended { network, ue, responses };
    }
    panic!("without end");
}

fn cause<T: std::fmt::Debug>(result: Result<T, AusfClientError>) -> (u16, Option<Cause>) {
    match result {
        Err(AusfClientError::Refused(refusal)) => (refusal.status.as_u16(), refusal.cause),
        other => panic!("{other:?}"),
    }
}

const NOT_FOUND: (u16, Option<Cause>) = (404, Some(Cause::ContextNotFound));

#[tokio::test]
async fn both_ends_have_the_same_k_seaf() {
    for link in LINKS {
        let home = Home::start(link);
        let seaf = home.seaf();
        for key in [None, Some(0), Some(1), Some(2)] {
            let request = match key {
                None => begin(&seaf, supi(EAP_ONLY), snn()).await,
                Some(key) => begin(&seaf, suci(EAP_ONLY, key), snn()).await,
            };
            assert!(request.session.uri().ends_with("/eap-session"));
            let mut eap = device_at(EAP_ONLY, snn(), 0).begin(moment());
            let ended = run(&seaf, request, &mut eap).await;
            let (authenticated, key) = ended.network.expect("authenticated");
            assert_eq!((authenticated, ended.responses), (supi(EAP_ONLY), 1));
            let k_ausf = ended.ue.unwrap().k_ausf.expect("K_AUSF");
            assert!(key == SessionKey::KSeaf(k_ausf.k_seaf(&snn())));
        }
        let events = home.udm.udm().unwrap().auth_events(&supi(EAP_ONLY));
        assert_eq!(events.len(), 4, "{link:?}");
        for event in events {
            assert!(event.success && event.auth_type == AuthType::EapAkaPrime);
        }
        assert_eq!(
            home.ausf().ausf().unwrap().counters().successes.load(Ordering::Relaxed),
            4
        );
        assert_eq!(
            (
                home.ausf().ausf().unwrap().pending(),
                home.ausf().ausf().unwrap().results()
            ),
            (0, 1)
        );
    }
}

#[tokio::test]
async fn a_device_has_the_pair_of_akma_of_its_latest_success() {
    let way = kaskade_ue::Home {
        routing_indicator: "12".parse().unwrap(),
        realm: HomeRealm::new(plmn(), None),
    };
    let home = Home::start(Link::Local);
    let seaf = home.seaf();
    let mut device = device_at(EAP_ONLY, snn(), 0).with_home(way);
    let mut before = Err(NoAkma::NoKAusf);
    for _ in 0..2 {
        assert_eq!(device.akma(), before);
        let request = begin(&seaf, supi(EAP_ONLY), snn()).await;
        let mut eap = device.begin(moment());
        let ended = run(&seaf, request, &mut eap).await;
        assert_eq!(eap.device().akma(), before, "while it runs");
        let mut success = ended.ue.unwrap();
        device = eap.succeed(&mut success);
        let k_ausf = success.k_ausf.expect("K_AUSF");
        let (_, key) = ended.network.expect("authenticated");
        assert!(
            key == SessionKey::KSeaf(k_ausf.k_seaf(&snn())),
            "that of the home network"
        );
        let pair = Akma::of(&k_ausf, &supi(EAP_ONLY), way);
        assert_eq!(device.akma().as_ref(), Ok(&pair));
        assert_ne!(before.as_ref(), Ok(&pair));
        before = Ok(pair);
    }
    // A run that comes to nothing leaves it.
    let eap = device.begin(moment());
    assert_eq!(eap.end(PeerMemory::default()).akma(), before);
}

#[tokio::test]
async fn the_first_method_of_the_subscriber_is_taken() {
    let home = Home::start(Link::Local);
    let seaf = home.seaf();
    let change = |index: u64, methods: AuthMethods| {
        let mut row = home.store.subscriber(&supi(index)).unwrap().unwrap();
        row.methods = methods;
        home.store.change_on_record(&row, None).unwrap();
    };
    change(0, AuthMethods::EAP_AKA_PRIME.and(kaskade_aka::arpf::Method::FiveGAka));
    change(1, AuthMethods::FIVE_G_AKA.and(kaskade_aka::arpf::Method::EapAkaPrime));
    assert!(matches!(seaf.begin(info(supi(0), snn())).await.unwrap(), Begun::Eap(_)));
    assert!(matches!(
        seaf.begin(info(supi(1), snn())).await.unwrap(),
        Begun::FiveGAka(_)
    ));
    assert!(matches!(
        seaf.authenticate(supi(0), snn()).await,
        Err(AusfClientError::OtherMethod)
    ));
}

#[tokio::test]
async fn offload_to_wlan_has_no_k_ausf() {
    let nswo = ServingNetworkName::NSWO;
    let home = Home::start_with(Link::Local, |setup| {
        let policy = ServingNetworkPolicy::any();
        (setup.udm.serving_networks, setup.ausf.serving_networks) = (policy.clone(), policy);
    });
    let seaf = home.seaf();
    let mut eap = device_at(EAP_ONLY, nswo, 0).begin(moment());
    let request = begin(&seaf, suci(EAP_ONLY, 1), nswo).await;
    let ended = run(&seaf, request, &mut eap).await;
    let success = ended.ue.unwrap();
    assert!(success.k_ausf.is_none());
    assert!(ended.network.unwrap().1 == SessionKey::Msk(success.msk));
    // 5G AKA is not for that.
    let refused = seaf.begin(info(supi(0), nswo)).await;
    assert_eq!(cause(refused), (403, Some(Cause::AuthenticationRejected)));
}

/// A serving network with a NID is another one than that without, and so are its keys; a UE that expects the NID takes no challenge
/// without. By way of an N3IWF or a TNGF the name is the same as by a gNB (TS 33.501 6.1.1.4).
#[tokio::test]
async fn a_stand_alone_network_is_named_with_its_nid() {
    let named = ServingNetworkName::new(plmn(), Some("000007ED9D5".parse().unwrap()));
    let home = Home::start_with(Link::Local, |setup| {
        let policy = ServingNetworkPolicy::any();
        (setup.udm.serving_networks, setup.ausf.serving_networks) = (policy.clone(), policy);
    });
    let seaf = home.seaf();
    for (expected, network, comes_in) in [(named, named, true), (named, snn(), false), (snn(), snn(), true)] {
        let mut eap = device_at(EAP_ONLY, expected, 0).begin(moment());
        let request = begin(&seaf, supi(EAP_ONLY), network).await;
        let ended = run(&seaf, request, &mut eap).await;
        assert_eq!(ended.ue.is_ok(), comes_in, "{network}");
        let Ok(success) = ended.ue else {
            assert!(ended.network.is_none());
            continue;
        };
        let k_ausf = success.k_ausf.expect("K_AUSF");
        assert!(ended.network.unwrap().1 == SessionKey::KSeaf(k_ausf.k_seaf(&network)));
    }
}

#[tokio::test]
async fn a_card_that_is_ahead_is_followed() {
    for link in LINKS {
        let home = Home::start(link);
        let seaf = home.seaf();
        let mut eap = device_at(EAP_ONLY, snn(), 1 << 20).begin(moment());
        let request = begin(&seaf, supi(EAP_ONLY), snn()).await;
        let ended = run(&seaf, request, &mut eap).await;
        assert_eq!(ended.responses, 2, "AUTS, and RES");
        assert!(ended.network.is_some() && ended.ue.is_ok(), "{link:?}");
        let counters = home.udm.udm().unwrap().counters();
        assert_eq!(counters.resynchronisations.load(Ordering::Relaxed), 1);
    }
}

#[tokio::test]
async fn a_wrong_card_fails_and_spends_the_context() {
    for link in LINKS {
        let home = Home::start(link);
        let seaf = home.seaf();
        // The card of another subscriber does not believe the network.
        let mut eap = device_at(0, snn(), 0).begin(moment());
        let request = begin(&seaf, supi(EAP_ONLY), snn()).await;
        let session = request.session.clone();
        let ended = run(&seaf, request, &mut eap).await;
        assert!(ended.network.is_none());
        assert_eq!(ended.ue.unwrap_err().why, Refusal::NetworkNotAuthentic);
        assert_eq!(cause(seaf.eap(&session, Some(vec![2, 1, 0, 4])).await), NOT_FOUND);
        let events = home.udm.udm().unwrap().auth_events(&supi(EAP_ONLY));
        assert_eq!((events.len(), events[0].success), (1, false));
        assert_eq!(home.ausf().ausf().unwrap().results(), 0);
    }
}

#[tokio::test]
async fn a_packet_of_no_use_changes_nothing() {
    let home = Home::start(Link::Local);
    let seaf = home.seaf();
    let mut eap = device_at(EAP_ONLY, snn(), 0).begin(moment());
    let request = begin(&seaf, supi(EAP_ONLY), snn()).await;
    let right = response(&mut eap, &request.packet);
    let mut other_identifier = right.clone();
    other_identifier[1] ^= 1;
    let mut short = right.clone();
    short.truncate(9);
    for of_no_use in [
        None,
        Some(Vec::new()),
        Some(other_identifier),
        Some(short),
        Some(request.packet.clone()),
    ] {
        let EapAnswered::Request(again) = seaf.eap(&request.session, of_no_use).await.unwrap() else {
            panic!("over");
        };
        assert_eq!(again.packet, request.packet, "the last request again");
    }
    let done = seaf.eap(&request.session, Some(right.clone())).await.unwrap();
    assert!(matches!(done, EapAnswered::Success { .. }));
    assert_eq!(cause(seaf.eap(&request.session, Some(right)).await), NOT_FOUND, "once");
}

#[tokio::test]
async fn a_changed_response_is_no_success() {
    let home = Home::start(Link::Local);
    let seaf = home.seaf();
    let mut eap = device_at(EAP_ONLY, snn(), 0).begin(moment());
    let request = begin(&seaf, supi(EAP_ONLY), snn()).await;
    let mut changed = response(&mut eap, &request.packet);
    *changed.last_mut().unwrap() ^= 1;
    let EapAnswered::Request(notification) = seaf.eap(&request.session, Some(changed)).await.unwrap() else {
        panic!("a notification comes first");
    };
    let acknowledged = response(&mut eap, &notification.packet);
    let over = seaf.eap(&request.session, Some(acknowledged)).await.unwrap();
    assert!(matches!(over, EapAnswered::Failure { .. }), "{over:?}");
    assert_eq!(
        home.ausf().ausf().unwrap().counters().failures.load(Ordering::Relaxed),
        1
    );
}

#[tokio::test]
async fn a_result_is_taken_back_where_it_was_made() {
    for link in LINKS {
        let home = Home::start(link);
        let seaf = home.seaf();
        let mut eap = device_at(EAP_ONLY, snn(), 0).begin(moment());
        let request = begin(&seaf, supi(EAP_ONLY), snn()).await;
        let session = request.session.clone();
        assert!(run(&seaf, request, &mut eap).await.network.is_some());
        let path = session.uri().strip_prefix(home.ausf_url()).unwrap();
        let other = path.replace("/eap-session", "/5g-aka-confirmation");
        let told = send(home.ausf_url(), &Ask::bare("DELETE", other)).await;
        assert_eq!(told.status, 404, "it is no confirmation of 5G AKA");
        seaf.delete_eap(&session).await.unwrap();
        assert_eq!(cause(seaf.delete_eap(&session).await), NOT_FOUND);
        assert!(home.udm.udm().unwrap().auth_events(&supi(EAP_ONLY)).is_empty());
        // One that waits is withdrawn.
        let request = begin(&seaf, supi(EAP_ONLY), snn()).await;
        seaf.delete_eap(&request.session).await.unwrap();
        assert_eq!(cause(seaf.eap(&request.session, None).await), NOT_FOUND);
        assert_eq!(home.ausf().ausf().unwrap().pending(), 0);
    }
}

/// Each answer is compared with the OpenAPI of 3GPP where it is there.
#[tokio::test]
async fn what_is_told_is_what_3gpp_describes() {
    let home = Home::start(Link::Local);
    let mut eap = device_at(EAP_ONLY, snn(), 1 << 20).begin(moment());
    let who = suci(EAP_ONLY, 0).sbi();
    let body = format!(r#"{{"supiOrSuci":"{who}","servingNetworkName":"{}"}}"#, snn().as_str());
    let begun = send(
        home.ausf_url(),
        &Ask::json("POST", "/nausf-auth/v1/ue-authentications", body),
    )
    .await;
    assert_eq!(begun.status, 201);
    let media_type = |told: &Told| told.header("content-type").unwrap().to_owned();
    assert_eq!(media_type(&begun), "application/3gppHal+json");
    assert_eq!(begun.text("/authType"), "EAP_AKA_PRIME");
    let link = begun.text("/_links/eap-session/href");
    assert_eq!(link, format!("{}/eap-session", begun.header("location").unwrap()));
    let path = link.strip_prefix(home.ausf_url()).unwrap();
    let mut packet = Base64::decode_vec(&begun.text("/5gAuthData")).unwrap();
    let mut seen = Vec::new();
    for _ in 0..2 {
        let response = Base64::encode_string(&response(&mut eap, &packet));
        let body = format!(r#"{{"eapPayload":"{response}"}}"#);
        let told = send(home.ausf_url(), &Ask::json("POST", path, body)).await;
        assert_eq!(told.status, 200);
        packet = Base64::decode_vec(&told.text("/eapPayload")).unwrap();
        seen.push((media_type(&told), told.text("/authResult")));
        if seen.len() == 1 {
            assert_eq!(told.text("/_links/eap-session/href"), link);
        } else {
            assert_eq!(
                (told.text("/supi"), told.text("/kSeaf").len()),
                (supi(EAP_ONLY).sbi(), 64)
            );
        }
    }
    let expected = [
        ("application/3gppHal+json", "AUTHENTICATION_ONGOING"),
        ("application/json", "AUTHENTICATION_SUCCESS"),
    ];
    assert_eq!(
        seen,
        expected.map(|(media_type, result)| (media_type.to_owned(), result.to_owned()))
    );
    assert!(matches!(said(&mut eap, &packet), EapOutcome::Success(_)));
}

#[tokio::test]
async fn no_number_no_request() {
    let home = Home::start(Link::Local);
    let seaf = home.seaf();
    home.engine.fail(Failure::Full);
    let mut refused = 0;
    for _ in 0..40 {
        refused += usize::from(seaf.begin(info(supi(EAP_ONLY), snn())).await.is_err());
    }
    assert!(refused > 0);
}

/// A run in which the UE is authenticated: what it has of it.
pub(crate) async fn succeeds(home: &Home, index: u64) -> PeerSuccess {
    succeeds_at(home, index, snn()).await
}

/// The same in this network.
pub(crate) async fn succeeds_at(home: &Home, index: u64, network: ServingNetworkName) -> PeerSuccess {
    let seaf = home.seaf();
    let request = begin(&seaf, supi(index), network).await;
    let mut eap = device_at(index, network, 0).begin(moment());
    let ended = run(&seaf, request, &mut eap).await;
    assert!(ended.network.is_some());
    *ended.ue.unwrap()
}
