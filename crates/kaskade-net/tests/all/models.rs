//! Bodies: what is written is read again, is what 3GPP describes, shows no secret; and no octets make a parser panic.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use crate::common::schema::SERVICES;
use crate::common::{snn, suci, supi};
use kaskade_codec::sbi::nausf_auth::{
    AuthenticationInfo, Av5gAka, ConfirmationData, ConfirmationDataResponse, DeregistrationInfo, EapResponse,
    EapSession, FiveGAuthData, SessionKey, UeAuthenticationCtx,
};
use kaskade_codec::sbi::nudm_ueau::{
    AuthEvent, AuthenticationInfoRequest, AuthenticationInfoResult, AuthenticationVector, Av5gHeAka, AvEapAkaPrime,
};
use kaskade_codec::sbi::path::Segments;
use kaskade_codec::sbi::usage_keys::{
    DataHex, DomainKey, DomainKeyRequest, KeyEnded, KeyGivenUp, RootKey, UsageKey, UsageKeyRequest,
};
use kaskade_codec::sbi::values::{EapPayload, PrimeHalf, Text};
use kaskade_codec::sbi::{AuthType, Body, Misread, NfInstanceId, ResynchronizationInfo, SupiOrSuci, Timestamp};
use kaskade_crypto::{Autn, Auts, Rand, Res};
use kaskade_flow::UnixMillis;
use kaskade_keys::RoutingIndicator;
use kaskade_keys::eap::{CkIkPrime, Msk};
use kaskade_keys::fivegs::{HxresStar, KAusf, KSeaf, ResStar, XresStar};
use kaskade_keys::id::{RootKeyName, Snssai, UsageData};
use kaskade_net::sbi::problem::{Cause, Heard, Problem};
use kaskade_net::sbi::service::NotDone;
use kaskade_net::sbi::write;
use proptest::prelude::*;

/// A body as it is sent.
fn json<T: Body>(body: &T) -> bytes::Bytes {
    write::body(body).unwrap()
}

/// What a peer is told of a body that is wrong.
fn problem(misread: Misread) -> Problem {
    NotDone::from(misread).into()
}

fn everything_reads(octets: &[u8]) {
    let _ = AuthenticationInfo::from_json(octets);
    let _ = ConfirmationData::from_json(octets);
    let _ = DeregistrationInfo::from_json(octets);
    let _ = UeAuthenticationCtx::from_json(octets);
    let _ = EapSession::from_json(octets);
    let _ = EapResponse::from_json(octets);
    let _ = ConfirmationDataResponse::from_json(octets);
    let _ = AuthenticationInfoRequest::from_json(octets);
    let _ = AuthenticationInfoResult::from_json(octets);
    let _ = AuthEvent::from_json(octets);
    let _ = UsageKeyRequest::from_json(octets);
    let _ = UsageKey::from_json(octets);
    let _ = DomainKeyRequest::from_json(octets);
    let _ = DomainKey::from_json(octets);
    let _ = KeyGivenUp::from_json(octets);
    let _ = KeyEnded::from_json(octets);
    let _ = Heard::parse(hyper::StatusCode::NOT_FOUND, octets);
    if let Ok(text) = std::str::from_utf8(octets) {
        let _ = Segments::of(text);
        let _ = text.parse::<Timestamp>();
        let _ = text.parse::<NfInstanceId>();
        let _ = SupiOrSuci::parse(text);
    }
}

/// JSON of any form, often with the members of the services.
fn any_json() -> impl Strategy<Value = String> {
    let text = prop_oneof![
        "[0-9a-fA-F]{0,70}",
        "imsi-[0-9]{0,17}",
        "suci-0-[0-9]{3}-[0-9]{2,3}-[0-9]{1,4}-[0-3]-[0-9]{1,3}-[0-9a-f]{0,90}",
        "5G:mnc[0-9]{3}\\.mcc[0-9]{3}\\.3gppnetwork\\.org",
        Just("5G_AKA".to_owned()),
        Just("5G_HE_AKA".to_owned()),
        Just("EAP_AKA_PRIME".to_owned()),
        Just("AUTHENTICATION_SUCCESS".to_owned()),
        "[a-z]{1,5}@[a-z]{1,5}\\.example",
        "[0-9]{1,4}-[0-9a-f]{6}",
        any::<String>(),
    ];
    let leaf = prop_oneof![
        text.prop_map(|text| serde_json::to_string(&text).unwrap()),
        any::<i64>().prop_map(|number| number.to_string()),
        prop_oneof![
            Just("null"),
            Just("true"),
            Just("false"),
            Just("1e400"),
            Just("\"\\ud800\"")
        ]
        .prop_map(str::to_owned),
    ];
    let name = prop_oneof![
        Just("supiOrSuci"),
        Just("servingNetworkName"),
        Just("resynchronizationInfo"),
        Just("rand"),
        Just("auts"),
        Just("resStar"),
        Just("supi"),
        Just("authType"),
        Just("5gAuthData"),
        Just("_links"),
        Just("5g-aka"),
        Just("href"),
        Just("hxresStar"),
        Just("autn"),
        Just("authResult"),
        Just("kseaf"),
        Just("authenticationVector"),
        Just("avType"),
        Just("xresStar"),
        Just("kausf"),
        Just("nfInstanceId"),
        Just("success"),
        Just("timeStamp"),
        Just("cause"),
        Just("label"),
        Just("domain"),
        Just("dataHex"),
        Just("snssai"),
        Just("application"),
        Just("callbackUri"),
        Just("key"),
        Just("keyName"),
        Just("emskName"),
        Just("expiry"),
        Just("reason"),
        Just("x"),
    ];
    leaf.prop_recursive(4, 40, 8, move |inner| {
        prop_oneof![
            prop::collection::vec((name.clone(), inner.clone()), 0..8).prop_map(|members| {
                let members: Vec<_> = members
                    .iter()
                    .map(|(name, value)| format!("\"{name}\":{value}"))
                    .collect();
                format!("{{{}}}", members.join(","))
            }),
            prop::collection::vec(inner, 0..4).prop_map(|items| format!("[{}]", items.join(","))),
        ]
    })
}

proptest! {
    #[test]
    fn no_octets_panic(octets in prop::collection::vec(any::<u8>(), 0..300)) {
        everything_reads(&octets);
    }

    #[test]
    fn no_json_panics(json in any_json(), cut in 0usize..400) {
        everything_reads(json.as_bytes());
        everything_reads(json.as_bytes().get(..cut).unwrap_or(&[]));
    }

    #[test]
    fn what_is_refused_names_where(json in any_json()) {
        // A problem is always well formed, whatever came in.
        let misread = [
            AuthenticationInfo::from_json(json.as_bytes()).err(),
            AuthEvent::from_json(json.as_bytes()).err(),
            UsageKeyRequest::from_json(json.as_bytes()).err(),
            DomainKeyRequest::from_json(json.as_bytes()).err(),
            KeyGivenUp::from_json(json.as_bytes()).err(),
        ];
        for misread in misread {
            let Some(problem) = misread.map(problem) else { continue };
            let body: serde_json::Value = serde_json::from_slice(&problem.json()).unwrap();
            prop_assert_eq!(body["status"].as_u64(), Some(400));
            prop_assert!(Cause::from_name(body["cause"].as_str().unwrap()).is_some());
            if let Some(param) = body["invalidParams"][0]["param"].as_str() {
                prop_assert!(param.starts_with('/'));
            }
        }
    }

    #[test]
    fn requests_come_back(rand: [u8; 16], auts: [u8; 14], resync: bool, index in 0u64..100, key in 0u8..3) {
        let info = resync.then_some(ResynchronizationInfo {
            rand: Rand::from_octets(rand),
            auts: Auts::from_octets(auts),
        });
        let who: SupiOrSuci = if resync { supi(index).into() } else { suci(index, key).into() };
        let sent = AuthenticationInfo {
            supi_or_suci: who,
            serving_network_name: snn(),
            resynchronization_info: info,
        };
        prop_assert_eq!(AuthenticationInfo::from_json(&json(&sent)).unwrap(), sent);
        let sent = AuthenticationInfoRequest {
            serving_network_name: snn(),
            ausf_instance_id: NfInstanceId::from_random(rand),
            resynchronization_info: info,
        };
        prop_assert_eq!(AuthenticationInfoRequest::from_json(&json(&sent)).unwrap(), sent);
        let sent = ConfirmationData { res_star: resync.then(|| ResStar::from_octets(&rand)) };
        prop_assert_eq!(ConfirmationData::from_json(&json(&sent)).unwrap(), sent);
        let id = NfInstanceId::from_random(rand);
        prop_assert_eq!(id.to_string().parse(), Ok(id));
        prop_assert_eq!(id.to_string().to_uppercase().parse(), Ok(id));
    }

    #[test]
    fn bodies_of_usage_keys_come_back(
        names: ([u8; 8], [u8; 8]),
        data in prop::option::of(prop::collection::vec(any::<u8>(), 0..80)),
        slice in prop::option::of(any::<(u8, Option<[u8; 3]>)>()),
        (domain, application, callback) in (
            prop::option::of("[a-z]{1,5}\\.example"),
            prop::option::of("[ -~]{1,20}"),
            prop::option::of("https://[a-z]{1,5}\\.example/[ -~]{0,9}"),
        ),
        octet: u8,
        at in 0u64..4_000_000_000_000,
    ) {
        let domain = || domain.as_ref().map(|domain| domain.parse().unwrap());
        let text = |text: &Option<String>| text.clone().map(Text);
        let label = || "usage@operator.example".parse().unwrap();
        let sent = UsageKeyRequest {
            supi: supi(1),
            label: label(),
            domain: domain(),
            data_hex: data.map(|data| DataHex(UsageData::from_octets(&data).unwrap())),
            snssai: slice.map(|(sst, sd)| Snssai::new(sst, sd)),
            application: application.map(|application| application.parse().unwrap()),
            callback_uri: text(&callback),
        };
        prop_assert_eq!(UsageKeyRequest::from_json(&json(&sent)).unwrap(), sent);
        let sent = DomainKeyRequest {
            supi: supi(2),
            domain: "visited.example".parse().unwrap(),
            callback_uri: text(&callback),
        };
        prop_assert_eq!(DomainKeyRequest::from_json(&json(&sent)).unwrap(), sent);
        let (key_name, emsk_name) = (RootKeyName::from_octets(names.0), RootKeyName::from_octets(names.1));
        let sent = KeyGivenUp { supi: supi(3), key_name: slice.map(|_| key_name), domain: domain() };
        prop_assert_eq!(KeyGivenUp::from_json(&json(&sent)).unwrap(), sent);
        let sent = KeyEnded {
            supi: supi(4),
            emsk_name,
            key_name: slice.map(|_| key_name),
            label: slice.map(|_| label()),
            domain: domain(),
            reason: Text("lost".into()),
        };
        prop_assert_eq!(KeyEnded::from_json(&json(&sent)).unwrap(), sent);
        let (key, expiry) = (RootKey::of(&[octet; 64]), Timestamp::from(UnixMillis::new(at)));
        let sent = UsageKey { key: key.clone(), key_name, emsk_name, expiry };
        let shown = format!("{sent:?}");
        prop_assert!(shown.contains("RootKey(…)"));
        let read = UsageKey::from_json(&json(&sent)).unwrap();
        prop_assert_eq!(read.key.expose_to_its_server(), &[octet; 64]);
        prop_assert_eq!((read.key_name, read.emsk_name, read.expiry), (key_name, emsk_name, expiry));
        let read = DomainKey::from_json(&json(&DomainKey { key, emsk_name, expiry })).unwrap();
        prop_assert_eq!(read.key.expose_to_its_server(), &[octet; 64]);
        prop_assert_eq!((read.emsk_name, read.expiry), (emsk_name, expiry));
    }

    #[test]
    fn answers_come_back(a: [u8; 16], b: [u8; 16], c: [u8; 32]) {
        let se_av = Av5gAka {
            rand: Rand::from_octets(a),
            autn: Autn::from_octets(b),
            hxres_star: HxresStar::from_octets(b),
        };
        let mut sent = UeAuthenticationCtx::new(FiveGAuthData::Av5gAka(se_av), snn());
        sent.set_context("http://h/x");
        let read = UeAuthenticationCtx::from_json(&json(&sent)).unwrap();
        prop_assert_eq!(read.href(), "http://h/x/5g-aka-confirmation");
        prop_assert_eq!(read.serving_network_name, Some(snn()));
        let FiveGAuthData::Av5gAka(read) = read.data else {
            return Err(TestCaseError::fail("another method"));
        };
        prop_assert_eq!(read.rand.octets(), &a);
        prop_assert_eq!(read.autn.octets(), &b);
        prop_assert_eq!(read.hxres_star.octets(), &b);

        let packet = EapPayload(c[..usize::from(c[0]) % 33].to_vec());
        let mut sent = UeAuthenticationCtx::new(FiveGAuthData::Eap(packet.clone()), snn());
        sent.set_context("http://h/x");
        let read = UeAuthenticationCtx::from_json(&json(&sent)).unwrap();
        prop_assert_eq!(read.href(), "http://h/x/eap-session");
        let FiveGAuthData::Eap(read) = read.data else {
            return Err(TestCaseError::fail("another method"));
        };
        prop_assert_eq!(&read, &packet);
        let sent = EapResponse { eap_payload: (a[0] > 9).then(|| packet.clone()) };
        prop_assert_eq!(EapResponse::from_json(&json(&sent)).unwrap(), sent);
        let keys = [SessionKey::KSeaf(KSeaf::from_octets(&c)), SessionKey::Msk(Msk::from_octets(&[c[1]; 64]))];
        let sessions = keys.map(|key| EapSession::Success { packet: packet.clone(), supi: supi(1), key });
        let others = [
            EapSession::Ongoing { packet: packet.clone(), href: "http://h/y".into() },
            EapSession::Failure { packet },
        ];
        for sent in sessions.into_iter().chain(others) {
            prop_assert_eq!(EapSession::from_json(&json(&sent)).unwrap(), sent);
        }

        let k_seaf = KSeaf::from_octets(&c);
        let sent = ConfirmationDataResponse::Success { supi: supi(1), k_seaf };
        prop_assert_eq!(ConfirmationDataResponse::from_json(&json(&sent)).unwrap(), sent);

        let result = AuthenticationInfoResult {
            vector: AuthenticationVector::FiveGHeAka(Av5gHeAka {
                rand: Rand::from_octets(a),
                autn: Autn::from_octets(b),
                xres_star: XresStar::from_octets(&b),
                k_ausf: KAusf::from_octets(&c),
            }),
            supi: Some(supi(2)),
            akma: Some("0012".parse().unwrap()),
        };
        let AuthenticationInfoResult { vector, supi: whose, akma } = AuthenticationInfoResult::from_json(&json(&result)).unwrap();
        let AuthenticationVector::FiveGHeAka(he_av) = vector else {
            return Err(TestCaseError::fail("another method"));
        };
        prop_assert_eq!(he_av.rand.octets(), &a);
        prop_assert_eq!(he_av.autn.octets(), &b);
        prop_assert_eq!(he_av.xres_star, XresStar::from_octets(&b));
        prop_assert_eq!(he_av.k_ausf, KAusf::from_octets(&c));
        prop_assert_eq!(whose, Some(supi(2)));
        prop_assert_eq!(akma.as_ref().map(RoutingIndicator::as_str), Some("0012"));

        let ck_ik_prime = CkIkPrime::from_octets(&c);
        let [ck_prime, ik_prime] = PrimeHalf::of(&ck_ik_prime);
        let xres = Res::from_slice(&b[..4 + usize::from(a[1]) % 13]).unwrap();
        let result = AuthenticationInfoResult {
            vector: AuthenticationVector::EapAkaPrime(AvEapAkaPrime {
                rand: Rand::from_octets(a),
                autn: Autn::from_octets(b),
                xres: xres.clone(),
                ck_prime,
                ik_prime,
            }),
            supi: None,
            akma: None,
        };
        let AuthenticationInfoResult { vector, supi: whose, akma } = AuthenticationInfoResult::from_json(&json(&result)).unwrap();
        let AuthenticationVector::EapAkaPrime(av) = vector else {
            return Err(TestCaseError::fail("another method"));
        };
        prop_assert_eq!(PrimeHalf::joined(&av.ck_prime, &av.ik_prime), ck_ik_prime);
        prop_assert!(av.xres == xres && av.rand.octets() == &a && whose.is_none() && akma.is_none());
    }
}

fn event(auth_removal_ind: bool) -> AuthEvent {
    AuthEvent {
        nf_instance_id: NfInstanceId::from_random([9; 16]),
        success: true,
        time_stamp: kaskade_net::time::now(),
        auth_type: AuthType::FiveGAka,
        serving_network_name: snn(),
        auth_removal_ind,
    }
}

#[test]
fn our_requests_are_what_3gpp_describes() {
    let info = Some(ResynchronizationInfo {
        rand: Rand::from_octets([1; 16]),
        auts: Auts::from_octets([2; 14]),
    });
    for resynchronization_info in [None, info] {
        for key in 0..3 {
            let body = AuthenticationInfo {
                supi_or_suci: suci(0, key).into(),
                serving_network_name: snn(),
                resynchronization_info,
            };
            SERVICES.check_request("POST", "/nausf-auth/v1/ue-authentications", &json(&body));
        }
        let body = AuthenticationInfoRequest {
            serving_network_name: snn(),
            ausf_instance_id: NfInstanceId::from_random([3; 16]),
            resynchronization_info,
        };
        let path = "/nudm-ueau/v1/imsi-001010000000000/security-information/generate-auth-data";
        SERVICES.check_request("POST", path, &json(&body));
    }
    for res_star in [None, Some(ResStar::from_octets(&[4; 16]))] {
        let path = "/nausf-auth/v1/ue-authentications/x/5g-aka-confirmation";
        SERVICES.check_request("PUT", path, &json(&ConfirmationData { res_star }));
    }
    for (method, path, removal) in [("POST", "", false), ("PUT", "/1", true)] {
        let sent = event(removal);
        assert_eq!(AuthEvent::from_json(&json(&sent)), Ok(sent));
        SERVICES.check_request(
            method,
            &format!("/nudm-ueau/v1/imsi-001010000000000/auth-events{path}"),
            &json(&sent),
        );
    }
}

#[test]
fn a_wrong_request_is_seen_without_files_of_3gpp() {
    use serde_json::json;

    let good =
        json!({ "servingNetworkName": "5G:mnc001.mcc001.3gppnetwork.org", "supiOrSuci": "imsi-001010000000000" });
    let wrong = |member: &str, value: serde_json::Value| {
        let mut body = good.clone();
        body[member] = value;
        SERVICES.try_request("POST", "/nausf-auth/v1/ue-authentications", &body)
    };
    assert_eq!(wrong("supiOrSuci", good["supiOrSuci"].clone()), Ok(()));
    for (member, value) in [
        ("supiOrSuci", json!("imsi-0010")),
        ("supiOrSuci", json!(null)),
        ("servingNetworkName", json!("5G:mnc01.mcc001.3gppnetwork.org")),
        ("resynchronizationInfo", json!({ "rand": "00" })),
        ("resynchronisationInfo", json!({})),
    ] {
        assert!(wrong(member, value.clone()).is_err(), "{member}: {value}");
    }
    let path = "/nausf-auth/v1/ue-authentications/x/5g-aka-confirmation";
    assert!(SERVICES.try_request("PUT", path, &json!({ "resStar": "00" })).is_err());
    assert!(SERVICES.try_request("PUT", path, &json!({})).is_err());
    assert!(
        SERVICES.try_request("GET", path, &json!({ "resStar": null })).is_err(),
        "no such operation"
    );
}

/// Whoever says that a user has AKMA says by which routing indicator, too; one alone says nothing of AKMA.
#[test]
fn akma_comes_with_its_routing_indicator() {
    let read = |more: &str| {
        let vector = format!(
            r#"{{"avType":"5G_HE_AKA","rand":"{0}","xresStar":"{0}","autn":"{0}","kausf":"{0}{0}"}}"#,
            "0a".repeat(16)
        );
        let body = format!(r#"{{"authType":"5G_AKA","authenticationVector":{vector}{more}}}"#);
        AuthenticationInfoResult::from_json(body.as_bytes())
    };
    let akma = |more: &str| read(more).unwrap().akma.map(|indicator| indicator.as_str().to_owned());
    assert_eq!(akma(r#","akmaInd":true,"routingId":"12""#).as_deref(), Some("12"));
    for none in [
        "",
        r#","akmaInd":false"#,
        r#","routingId":"12""#,
        r#","akmaInd":false,"routingId":"0""#,
    ] {
        assert_eq!(akma(none), None, "{none}");
    }
    for (wrong, pointer) in [
        (r#","akmaInd":true"#, "/routingId"),
        (r#","akmaInd":true,"routingId":"12345""#, "/routingId"),
        (r#","akmaInd":1,"routingId":"1""#, "/akmaInd"),
    ] {
        assert_eq!(read(wrong).unwrap_err().pointer(), pointer, "{wrong}");
    }
}

#[test]
fn debug_shows_no_secret() {
    let secret = [0xC7; 16];
    let secrets = [
        format!(
            "{:?}",
            ConfirmationData {
                res_star: Some(ResStar::from_octets(&secret))
            }
        ),
        format!(
            "{:?}",
            ConfirmationDataResponse::Success {
                supi: supi(3),
                k_seaf: KSeaf::from_octets(&[0xC7; 32]),
            }
        ),
        format!(
            "{:?}",
            AuthenticationInfoResult {
                vector: AuthenticationVector::FiveGHeAka(Av5gHeAka {
                    rand: Rand::from_octets([0; 16]),
                    autn: Autn::from_octets([0; 16]),
                    xres_star: XresStar::from_octets(&secret),
                    k_ausf: KAusf::from_octets(&[0xC7; 32]),
                }),
                supi: Some(supi(3)),
                akma: None,
            }
        ),
    ];
    for text in secrets {
        let lower = text.to_lowercase();
        assert!(!lower.contains("c7c7") && !lower.contains("199, 199"), "{text}");
        assert!(!lower.contains("001010000000003"), "{text}");
    }
}

#[test]
fn a_refusal_does_not_repeat_what_was_sent() {
    for body in [
        r#"{"resStar":"c7c7c7c7c7c7c7c7c7c7c7c7c7c7c7"}"#,
        r#"{"resStar":"c7c7c7c7c7c7c7c7c7c7c7c7c7c7c7cz"}"#,
        r#"{"resStar":["c7c7c7c7c7c7c7c7c7c7c7c7c7c7c7c7"]}"#,
        r#"{"resStar":"c7c7c7c7c7c7c7c7c7c7c7c7c7c7c7c7" x"#,
    ] {
        let problem = problem(ConfirmationData::from_json(body.as_bytes()).unwrap_err());
        let text = format!("{problem:?} {}", String::from_utf8(problem.json()).unwrap());
        assert!(!text.contains("c7"), "{text}");
    }
}

#[test]
fn causes_and_statuses() {
    for cause in Cause::ALL {
        assert_eq!(Cause::from_name(cause.name()), Some(*cause));
        let problem = Problem::from(cause.means());
        assert_eq!(Heard::parse(problem.status, &problem.json()).cause, Some(*cause));
    }
    assert_eq!(Cause::from_name("NOT_A_CAUSE"), None);
}
