//! A whole authentication by curl, and load by h2load: programs that know nothing of ours.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use kaskade_net::role::budget::BudgetOptions;
use std::process::Command;

use crate::common::http::{Ask, curl};
use crate::common::{Home, Link, snn, suci, supi, ue, without_interop};
use kaskade_crypto::{Autn, Rand};
use kaskade_keys::Abba;
use kaskade_keys::fivegs::HxresStar;

fn octets<const N: usize>(text: &str) -> [u8; N] {
    hex::decode(text).unwrap().try_into().unwrap()
}

#[tokio::test]
async fn curl_runs_5g_aka() {
    if without_interop() {
        return;
    }
    for link in [Link::Local, Link::Http] {
        let home = Home::start(link);
        for who in [supi(0).sbi(), suci(0, 0).sbi(), suci(0, 1).sbi(), suci(0, 2).sbi()] {
            let body = format!(r#"{{"supiOrSuci":"{who}","servingNetworkName":"{}"}}"#, snn());
            let ask = Ask::json("POST", "/nausf-auth/v1/ue-authentications", body);
            let told = curl(home.ausf_url(), &ask, &[]).await;
            assert_eq!(told.status, 201);
            assert_eq!(told.text("/authType"), "5G_AKA");
            assert_eq!(told.text("/servingNetworkName"), snn().as_str());
            let href = told.text("/_links/5g-aka/href");
            assert_eq!(
                href,
                format!("{}/5g-aka-confirmation", told.header("location").unwrap())
            );
            let rand = Rand::from_octets(octets(&told.text("/5gAuthData/rand")));
            let autn = Autn::from_octets(octets(&told.text("/5gAuthData/autn")));
            let at_ue = ue(0).challenge(&rand, &autn, &snn(), &Abba::INITIAL).unwrap();
            let hxres_star = HxresStar::from_octets(octets(&told.text("/5gAuthData/hxresStar")));
            assert!(hxres_star.verify(&at_ue.res_star.hres_star(&rand)));
            let path = href.strip_prefix(home.ausf_url()).unwrap();
            // Upper case is as good.
            let res_star = hex::encode_upper(at_ue.res_star.expose_to_operator());
            let ask = Ask::json("PUT", path, format!(r#"{{"resStar":"{res_star}"}}"#));
            let told = curl(home.ausf_url(), &ask, &[]).await;
            assert_eq!(told.status, 200);
            assert_eq!(told.text("/authResult"), "AUTHENTICATION_SUCCESS");
            assert_eq!(told.text("/supi"), supi(0).sbi());
            assert_eq!(told.text("/kseaf"), hex::encode(at_ue.k_seaf.expose_to_operator()));
            assert_eq!(curl(home.ausf_url(), &ask, &[]).await.status, 404);
            assert_eq!(curl(home.ausf_url(), &Ask::bare("DELETE", path), &[]).await.status, 204);
        }
    }
}

#[tokio::test]
async fn curl_gets_a_vector_and_reports() {
    if without_interop() {
        return;
    }
    let home = Home::start(Link::Local);
    let nf = "0B1C2D3E-4F50-4162-8374-8596A7B8C9DA";
    for who in [supi(0).sbi(), suci(0, 1).sbi()] {
        let body = format!(r#"{{"servingNetworkName":"{}","ausfInstanceId":"{nf}"}}"#, snn());
        let path = format!("/nudm-ueau/v1/{who}/security-information/generate-auth-data");
        let told = curl(home.udm_url(), &Ask::json("POST", path, body), &[]).await;
        assert_eq!(told.status, 200);
        assert_eq!(told.text("/supi"), supi(0).sbi());
        let rand = Rand::from_octets(octets(&told.text("/authenticationVector/rand")));
        let autn = Autn::from_octets(octets(&told.text("/authenticationVector/autn")));
        let at_ue = ue(0).challenge(&rand, &autn, &snn(), &Abba::INITIAL).unwrap();
        let xres_star = hex::encode(at_ue.res_star.expose_to_operator());
        assert_eq!(told.text("/authenticationVector/xresStar"), xres_star);
        let k_ausf = hex::encode(at_ue.k_ausf.expose_to_operator());
        assert_eq!(told.text("/authenticationVector/kausf"), k_ausf);
    }
    let body = format!(
        r#"{{"nfInstanceId":"{nf}","success":true,"timeStamp":"2026-01-02T03:04:05.678+01:00","authType":"5G_AKA","servingNetworkName":"{}"}}"#,
        snn()
    );
    let path = format!("/nudm-ueau/v1/{}/auth-events", supi(0).sbi());
    let told = curl(home.udm_url(), &Ask::json("POST", path, body.clone()), &[]).await;
    assert_eq!((told.status, told.body.as_slice()), (201, body.as_bytes()));
    let path = told
        .header("location")
        .unwrap()
        .strip_prefix(home.udm_url())
        .unwrap()
        .to_owned();
    let removal = body.replace("5G_AKA\"", "5G_AKA\",\"authRemovalInd\":true");
    let told = curl(home.udm_url(), &Ask::json("PUT", path, removal), &[]).await;
    assert_eq!(told.status, 204);
}

#[tokio::test]
async fn h2load_gets_an_answer_to_every_request() {
    if without_interop() {
        return;
    }
    // One subscriber and one peer: far more than either may have.
    let home = Home::start_with(Link::Local, |setup| setup.udm.budgets = BudgetOptions::UNLIMITED);
    let folder = tempfile::tempdir().unwrap();
    let body = folder.path().join("body.json");
    let text = format!(
        r#"{{"supiOrSuci":"{}","servingNetworkName":"{}"}}"#,
        supi(0).sbi(),
        snn()
    );
    std::fs::write(&body, text).unwrap();
    let url = format!("{}/nausf-auth/v1/ue-authentications", home.ausf_url());
    let mut command = Command::new("h2load");
    command.args([
        "-n",
        "2000",
        "-c",
        "4",
        "-m",
        "32",
        "-H",
        "content-type: application/json",
        "-d",
    ]);
    command.arg(&body).arg(&url);
    let run = move || {
        command
            .output()
            .expect("h2load: apt-get install nghttp2-client, or KASKADE_SKIP_INTEROP=1")
    };
    let output = tokio::task::spawn_blocking(run).await.unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        text.contains("2000 succeeded, 0 failed, 0 errored, 0 timeout"),
        "{text}"
    );
    assert!(text.contains("status codes: 2000 2xx"), "{text}");
    // One user: only the newest four wait.
    assert_eq!(home.ausf().ausf().unwrap().pending(), 4);
}
