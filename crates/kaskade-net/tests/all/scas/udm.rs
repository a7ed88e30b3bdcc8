//! UDM and ARPF, over their own socket and behind an AUSF (TS 33.514).

use kaskade_aka::fivegs::seaf::AwaitingResponse;
use kaskade_aka::fivegs::ue::UeReject;
use kaskade_codec::sbi::nudm_ueau::AuthEvent;
use kaskade_codec::sbi::{AuthType, NfInstanceId};
use kaskade_crypto::Rand;
use kaskade_keys::Abba;
use kaskade_net::time::unix_millis;
use serde_json::{Value, json};

use crate::common::http::{Ask, Told, send};
use crate::common::{COUNTER, EAP_ONLY, Home, Link, answer, snn, suci, supi, ue, ue_ahead};

const AUSF_ID: &str = "3fa85f64-5717-4562-b3fc-2c963f66afa6";

/// What an AUSF asks a UDM.
async fn vector(home: &Home, who: &str, resynchronisation: Option<Value>) -> Told {
    let mut body = json!({"servingNetworkName": snn().as_str(), "ausfInstanceId": AUSF_ID});
    if let Some(info) = resynchronisation {
        body["resynchronizationInfo"] = info;
    }
    let path = format!("/nudm-ueau/v1/{who}/security-information/generate-auth-data");
    send(home.udm_url(), &Ask::json("POST", path, body.to_string())).await
}

fn octets<const N: usize>(told: &Told, pointer: &str) -> [u8; N] {
    hex::decode(told.text(pointer)).unwrap().try_into().unwrap()
}

/// The SIDF gives the SUPI by the scheme that the SUCI was made by: null, profile A, profile B.
#[tokio::test]
async fn tc_de_conceal_supi_from_suci_udm() {
    let home = Home::start(Link::Http);
    for index in [0, 3] {
        for key in [0, 1, 2] {
            let suci = suci(index, key);
            // N13: what the UDM answers the AUSF.
            let told = vector(&home, &suci.sbi(), None).await;
            assert_eq!(told.status, 200, "scheme {key}: {told:?}");
            assert_eq!(told.text("/supi"), supi(index).sbi(), "scheme {key}");
            // N12: what the AMF is told when the UE has answered.
            let seaf = home.seaf();
            let challenge = seaf.authenticate(suci, snn()).await.unwrap();
            let at_ue = answer(&mut ue(index), &challenge);
            let told = seaf.confirm(&challenge.confirmation, Some(&at_ue.res_star)).await;
            assert_eq!(told.unwrap().expect("the right answer").0, supi(index), "scheme {key}");
        }
    }
    // By another scheme, or under another key, than it was made by there is no SUPI to be had.
    let of_a = suci(0, 1).sbi();
    for (wrong, status, cause) in [
        (of_a.replace("-1-1-", "-2-2-"), 403, "INVALID_SCHEME_OUTPUT"),
        (of_a.replace("-1-1-", "-2-1-"), 403, "INVALID_HN_PUBLIC_KEY_IDENTIFIER"),
        (of_a.replace("-1-1-", "-1-2-"), 403, "INVALID_HN_PUBLIC_KEY_IDENTIFIER"),
        (of_a.replace("-1-1-", "-c-1-"), 501, "UNSUPPORTED_PROTECTION_SCHEME"),
        (flipped(&of_a), 403, "INVALID_SCHEME_OUTPUT"),
    ] {
        let told = vector(&home, &wrong, None).await;
        assert_eq!(
            (told.status, told.text("/cause")),
            (status, cause.to_owned()),
            "{wrong}"
        );
        assert!(!String::from_utf8_lossy(&told.body).contains(&supi(0).sbi()));
    }
    home.shutdown().await;
}

/// With another last digit.
fn flipped(suci: &str) -> String {
    let last = if suci.ends_with('0') { '1' } else { '0' };
    let mut suci = suci.to_owned();
    suci.pop();
    suci.push(last);
    suci
}

/// RAND and AUTS of a USIM that refuses a challenge because its sequence number is behind.
fn refused(told: &Told, index: u64) -> (Rand, Value) {
    let rand = Rand::from_octets(octets(told, "/authenticationVector/rand"));
    let autn = kaskade_crypto::Autn::from_octets(octets(told, "/authenticationVector/autn"));
    let mut ue = ue_ahead(index);
    let reject = ue.challenge(&rand, &autn, &snn(), &Abba::INITIAL).unwrap_err();
    let UeReject::SynchronisationFailure(auts) = reject else {
        panic!("{reject:?}");
    };
    let info = json!({"rand": hex::encode(rand.octets()), "auts": hex::encode(auts.octets())});
    (rand, info)
}

/// Steps 1 to 5 of TS 33.102 6.3.5 at the UDM: a vector that the USIM takes.
#[tokio::test]
async fn tc_33514_4_2_2_1_synchronisation_failure() {
    for index in [0, COUNTER] {
        let home = Home::start(Link::Http);
        let who = supi(index).sbi();
        let first = vector(&home, &who, None).await;
        let (rand, info) = refused(&first, index);
        let told = vector(&home, &who, Some(info.clone())).await;
        assert_eq!(told.status, 200, "{told:?}");
        assert_ne!(
            octets::<16>(&told, "/authenticationVector/rand"),
            *rand.octets(),
            "a new one"
        );
        let autn = kaskade_crypto::Autn::from_octets(octets(&told, "/authenticationVector/autn"));
        let new = Rand::from_octets(octets(&told, "/authenticationVector/rand"));
        let at_ue = ue_ahead(index).challenge(&new, &autn, &snn(), &Abba::INITIAL).unwrap();
        let xres_star = octets::<16>(&told, "/authenticationVector/xresStar");
        assert_eq!(at_ue.res_star.expose_to_ausf(), &xres_star);
        // An AUTS that K did not make moves nothing, nor does one with another RAND.
        let before = home.store.subscriber(&supi(index)).unwrap().unwrap().sqn;
        for (member, value) in [("auts", "00".repeat(14)), ("rand", "11".repeat(16))] {
            let mut wrong = info.clone();
            wrong[member] = value.into();
            let told = vector(&home, &who, Some(wrong)).await;
            assert_eq!(
                (told.status, told.text("/cause")),
                (403, "AUTHENTICATION_REJECTED".to_owned())
            );
        }
        assert_eq!(home.store.subscriber(&supi(index)).unwrap().unwrap().sqn, before);
        home.shutdown().await;
    }
}

/// The same as an AMF sees it, where UDM and AUSF are one product and where they are two (the note of the case).
#[tokio::test]
async fn tc_33514_4_2_2_1_synchronisation_failure_at_the_ausf() {
    for link in [Link::Local, Link::Http] {
        let home = Home::start(link);
        let seaf = home.seaf();
        let mut ue = ue_ahead(0);
        let challenge = seaf.authenticate(supi(0), snn()).await.unwrap();
        let stage = AwaitingResponse::new(challenge.se_av);
        let reject = ue
            .challenge(stage.rand(), stage.autn(), &snn(), &Abba::INITIAL)
            .unwrap_err();
        let UeReject::SynchronisationFailure(auts) = reject else {
            panic!("{reject:?}");
        };
        let again = seaf
            .resynchronise(supi(0), snn(), stage.synchronisation_failure(auts))
            .await
            .unwrap();
        let at_ue = answer(&mut ue, &again);
        let told = seaf.confirm(&again.confirmation, Some(&at_ue.res_star)).await.unwrap();
        assert!(told.expect("the right answer").1 == at_ue.k_seaf);
        home.shutdown().await;
    }
}

/// What the AUSF reported, whom and where the vector was for, and what the AMF was told, are what the UDM has.
#[tokio::test]
async fn tc_auth_status_store_udm() {
    let home = Home::start(Link::Http);
    let seaf = home.seaf();
    for (index, right) in [(0, true), (1, false)] {
        let before = unix_millis();
        let challenge = seaf.authenticate(suci(index, 1), snn()).await.unwrap();
        let at_ue = answer(&mut ue(index), &challenge);
        let res_star = match right {
            true => at_ue.res_star,
            false => kaskade_keys::fivegs::ResStar::from_octets(&[1; 16]),
        };
        let told = seaf.confirm(&challenge.confirmation, Some(&res_star)).await.unwrap();
        let after = unix_millis();
        let of_amf = told.map(|(supi, _)| supi);
        assert_eq!(of_amf, right.then(|| supi(index)), "what the AMF is told");
        let [stored] = home.udm.udm().unwrap().auth_events(&supi(index))[..] else {
            panic!("{:?}", home.udm.udm().unwrap().auth_events(&supi(index)));
        };
        assert_eq!((stored.success, stored.serving_network_name), (right, snn()));
        assert_eq!(stored.auth_type, AuthType::FiveGAka);
        // To the second, as it may be reported.
        let [before, at, after] = [
            before.get(),
            u64::try_from(stored.time_stamp.unix_millis()).unwrap(),
            after.get(),
        ];
        assert!(
            (before / 1000..=after / 1000).contains(&(at / 1000)),
            "{before} {at} {after}"
        );
    }
    // Word for word, whatever reports: and of no other user.
    let report = json!({
        "nfInstanceId": AUSF_ID, "success": true, "timeStamp": "2026-01-02T03:04:05Z", "authType": "EAP_AKA_PRIME",
        "servingNetworkName": "5G:mnc001.mcc001.3gppnetwork.org",
    });
    let path = format!("/nudm-ueau/v1/{}/auth-events", supi(EAP_ONLY).sbi());
    let told = send(home.udm_url(), &Ask::json("POST", path, report.to_string())).await;
    assert_eq!((told.status, told.json()), (201, report));
    let expected = AuthEvent {
        nf_instance_id: AUSF_ID.parse::<NfInstanceId>().unwrap(),
        success: true,
        time_stamp: "2026-01-02T03:04:05Z".parse().unwrap(),
        auth_type: AuthType::EapAkaPrime,
        serving_network_name: snn(),
        auth_removal_ind: false,
    };
    let udm = home.udm.udm().unwrap();
    assert_eq!(udm.auth_events(&supi(EAP_ONLY)), [expected]);
    assert_eq!(udm.auth_events(&supi(2)), []);
    drop(seaf);
    home.shutdown().await;
}
