//! Bodies: what is written is read again, is what 3GPP describes, shows no secret; and no octets make a parser panic.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use crate::common::schema::SERVICES;
use crate::common::{snn, suci, supi};
use kaskade_aka::fivegs::ausf::SeAv5g;
use kaskade_aka::fivegs::udm::HeAv5g;
use kaskade_crypto::{Autn, Auts, Rand};
use kaskade_keys::fivegs::{HxresStar, KAusf, KSeaf, ResStar, XresStar};
use kaskade_net::sbi::model::nausf::{
    AuthenticationInfo, ConfirmationData, ConfirmationDataResponse, parse_authentication_info, parse_confirmation_data,
    parse_confirmation_data_response, parse_deregistration_info, parse_ue_authentication_ctx, write_success,
    write_ue_authentication_ctx,
};
use kaskade_net::sbi::model::nudm::{
    AuthEvent, AuthenticationInfoRequest, AuthenticationInfoResult, parse_auth_event,
    parse_authentication_info_request, parse_authentication_info_result,
};
use kaskade_net::sbi::model::{AuthType, NfInstanceId, ResynchronizationInfo, SupiOrSuci};
use kaskade_net::sbi::path::Segments;
use kaskade_net::sbi::problem::{Cause, Heard, Problem};
use kaskade_net::time::Timestamp;
use proptest::prelude::*;

fn everything_reads(octets: &[u8]) {
    let _ = parse_authentication_info(octets);
    let _ = parse_confirmation_data(octets);
    let _ = parse_deregistration_info(octets);
    let _ = parse_ue_authentication_ctx(octets);
    let _ = parse_confirmation_data_response(octets);
    let _ = parse_authentication_info_request(octets);
    let _ = parse_authentication_info_result(octets);
    let _ = parse_auth_event(octets);
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
        Just("AUTHENTICATION_SUCCESS".to_owned()),
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
        for problem in [parse_authentication_info(json.as_bytes()).err(), parse_auth_event(json.as_bytes()).err()] {
            let Some(problem) = problem else { continue };
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
        prop_assert_eq!(parse_authentication_info(&sent.json()).unwrap(), sent);
        let sent = AuthenticationInfoRequest {
            serving_network_name: snn(),
            ausf_instance_id: NfInstanceId::from_random(rand),
            resynchronization_info: info,
        };
        prop_assert_eq!(parse_authentication_info_request(&sent.json()).unwrap(), sent);
        let sent = ConfirmationData { res_star: resync.then(|| ResStar::from_octets(&rand)) };
        prop_assert_eq!(parse_confirmation_data(&sent.json()).unwrap(), sent);
        let id = NfInstanceId::from_random(rand);
        prop_assert_eq!(id.to_string().parse(), Ok(id));
        prop_assert_eq!(id.to_string().to_uppercase().parse(), Ok(id));
    }

    #[test]
    fn answers_come_back(a: [u8; 16], b: [u8; 16], c: [u8; 32]) {
        let se_av = SeAv5g {
            rand: Rand::from_octets(a),
            autn: Autn::from_octets(b),
            hxres_star: HxresStar::from_octets(b),
        };
        let body = write_ue_authentication_ctx(&se_av, &["http://", "h", "/x"], &snn());
        let read = parse_ue_authentication_ctx(&body).unwrap();
        prop_assert_eq!(read.se_av.rand.octets(), &a);
        prop_assert_eq!(read.se_av.autn.octets(), &b);
        prop_assert_eq!(read.se_av.hxres_star.octets(), &b);
        prop_assert_eq!(read.confirmation, "http://h/x");
        prop_assert_eq!(read.serving_network_name, Some(snn()));

        let k_seaf = KSeaf::from_octets(&c);
        let read = parse_confirmation_data_response(&write_success(&supi(1), &k_seaf)).unwrap();
        prop_assert_eq!(read, ConfirmationDataResponse::Success { supi: supi(1), k_seaf });

        let result = AuthenticationInfoResult {
            he_av: HeAv5g {
                rand: Rand::from_octets(a),
                autn: Autn::from_octets(b),
                xres_star: XresStar::from_octets(&b),
                k_ausf: KAusf::from_octets(&c),
            },
            supi: supi(2),
        };
        let (he_av, whose) = parse_authentication_info_result(&result.json()).unwrap();
        prop_assert_eq!(he_av.rand.octets(), &a);
        prop_assert_eq!(he_av.autn.octets(), &b);
        prop_assert_eq!(he_av.xres_star, XresStar::from_octets(&b));
        prop_assert_eq!(he_av.k_ausf, KAusf::from_octets(&c));
        prop_assert_eq!(whose, Some(supi(2)));
    }
}

fn event(auth_removal_ind: bool) -> AuthEvent {
    AuthEvent {
        nf_instance_id: NfInstanceId::from_random([9; 16]),
        success: true,
        time_stamp: Timestamp::now(),
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
            SERVICES.check_request("POST", "/nausf-auth/v1/ue-authentications", &body.json());
        }
        let body = AuthenticationInfoRequest {
            serving_network_name: snn(),
            ausf_instance_id: NfInstanceId::from_random([3; 16]),
            resynchronization_info,
        };
        let path = "/nudm-ueau/v1/imsi-001010000000000/security-information/generate-auth-data";
        SERVICES.check_request("POST", path, &body.json());
    }
    for res_star in [None, Some(ResStar::from_octets(&[4; 16]))] {
        let path = "/nausf-auth/v1/ue-authentications/x/5g-aka-confirmation";
        SERVICES.check_request("PUT", path, &ConfirmationData { res_star }.json());
    }
    for (method, path, removal) in [("POST", "", false), ("PUT", "/1", true)] {
        let sent = event(removal);
        assert_eq!(parse_auth_event(&sent.json()), Ok(sent));
        SERVICES.check_request(
            method,
            &format!("/nudm-ueau/v1/imsi-001010000000000/auth-events{path}"),
            &sent.json(),
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
                he_av: HeAv5g {
                    rand: Rand::from_octets([0; 16]),
                    autn: Autn::from_octets([0; 16]),
                    xres_star: XresStar::from_octets(&secret),
                    k_ausf: KAusf::from_octets(&[0xC7; 32]),
                },
                supi: supi(3),
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
        let problem = parse_confirmation_data(body.as_bytes()).unwrap_err();
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
