//! What looks right and is not: text that nobody reads, members that come twice, paths in another spelling.

use crate::common::http::{Ask, send_unchecked as send};
use crate::common::{Home, Link, snn};

const AUTHENTICATE: &str = "/nausf-auth/v1/ue-authentications";
const DEREGISTER: &str = "/nausf-auth/v1/ue-authentications/deregister";
const GENERATE: &str = "/nudm-ueau/v1/imsi-001010000000001/security-information/generate-auth-data";
const CONFIRM: &str = "/nausf-auth/v1/ue-authentications/AAAAAAAAAAAAAAAAAAAAAA/5g-aka-confirmation";
const AUSF_ID: &str = "3fa85f64-5717-4562-b3fc-2c963f66afa6";

/// Every operation with a body: method, path, its right body without the last brace, and what a right one is answered.
fn operations() -> Vec<(&'static str, &'static str, String, u16)> {
    let snn = snn();
    let event = format!(
        r#"{{"nfInstanceId":"{AUSF_ID}","success":true,"timeStamp":"2026-01-01T00:00:00Z","authType":"5G_AKA","servingNetworkName":"{snn}""#
    );
    vec![
        (
            "POST",
            AUTHENTICATE,
            format!(r#"{{"supiOrSuci":"imsi-001010000000001","servingNetworkName":"{snn}""#),
            201,
        ),
        ("PUT", CONFIRM, r#"{"resStar":null"#.to_owned(), 404),
        ("POST", DEREGISTER, r#"{"supi":"imsi-001010000000005""#.to_owned(), 404),
        (
            "POST",
            GENERATE,
            format!(r#"{{"servingNetworkName":"{snn}","ausfInstanceId":"{AUSF_ID}""#),
            200,
        ),
        ("POST", "/nudm-ueau/v1/imsi-001010000000001/auth-events", event, 201),
    ]
}

fn url<'h>(home: &'h Home, path: &str) -> &'h str {
    if path.starts_with("/nudm") {
        home.udm_url()
    } else {
        home.ausf_url()
    }
}

async fn told(home: &Home, method: &str, path: &str, body: Vec<u8>) -> (u16, String) {
    let told = send(url(home, path), &Ask::json(method, path, body)).await;
    (told.status, String::from_utf8_lossy(&told.body).into_owned())
}

#[tokio::test]
async fn members_that_nobody_reads_are_held_to_json_too() {
    let home = Home::start(Link::Local);
    let wrong: [&[u8]; 14] = [
        b"\"x\":\"\xFF\"",
        b"\"x\":\"\xC0\xAF\"",
        b"\"x\":\"\xED\xA0\x80\"",
        b"\"\xFF\":1",
        b"\"x\":[{\"y\":\"\xE2\x82\"}]",
        br#""x":"\ud800""#,
        br#""x":"\udc00\ud800""#,
        br#""x":{"y":["\uDBFFz"]}"#,
        br#""\udfff":1"#,
        br#""x":1,"x":1"#,
        br#""x":1,"y":2,"\u0078":3"#,
        br#""x":{"a":1,"b":[],"a":2}"#,
        br#""x":[[{"a":1,"a":null}]]"#,
        br#""":1,"":2"#,
    ];
    let right: [&[u8]; 5] = [
        br#""x":"\ud83d\ude00","X":[1e999,-0,{"x":{"x":"x"}}]"#,
        "\"x\":\"é😀\",\"é\":{}".as_bytes(),
        br#""x":"\\ud800 \" ,\"x\":1""#,
        br#""a":{"x":1},"b":{"x":1},"c":["x","x"]"#,
        br#""x":"\u0000""#,
    ];
    for (method, path, begin, fine) in operations() {
        for member in right {
            let body = [begin.as_bytes(), b",", member, b"}"].concat();
            let (status, text) = told(&home, method, path, body).await;
            assert_eq!(status, fine, "{path}: {} {text}", String::from_utf8_lossy(member));
        }
        for member in wrong {
            let body = [begin.as_bytes(), b",", member, b"}"].concat();
            let (status, text) = told(&home, method, path, body).await;
            let seen = String::from_utf8_lossy(member);
            assert_eq!(status, 400, "{path}: {seen} {text}");
            assert!(text.contains("INVALID_MSG_FORMAT"), "{path}: {seen} {text}");
        }
    }
}

#[tokio::test]
async fn supported_features_are_hexadecimal_everywhere() {
    let home = Home::start(Link::Local);
    for (method, path, begin, fine) in operations() {
        if path.ends_with("auth-events") {
            continue;
        }
        for features in [r#""""#, r#""0aF""#, r#""1""#] {
            let body = format!("{begin},\"supportedFeatures\":{features}}}");
            assert_eq!(
                told(&home, method, path, body.into()).await.0,
                fine,
                "{path} {features}"
            );
        }
        for features in [r#""0x1""#, r#""g""#, r#"" ""#, "1", "null", "[]", "{}", "true"] {
            let body = format!("{begin},\"supportedFeatures\":{features}}}");
            let (status, text) = told(&home, method, path, body.into()).await;
            assert_eq!(status, 400, "{path} {features}: {text}");
            assert!(
                text.contains("OPTIONAL_IE_INCORRECT") && text.contains("/supportedFeatures"),
                "{text}"
            );
        }
    }
}

#[tokio::test]
async fn a_path_is_compared_after_decoding() {
    let home = Home::start(Link::Local);
    let (.., body, _) = operations().remove(0);
    let body = body + "}";
    for path in [
        "/nausf-auth/v1/ue%2Dauthentications",
        "/nausf-auth/v1/ue%2dauthentications",
        "/nausf%2Dauth/v1/ue-authentications",
        "/nausf-auth/%76%31/%75%65-authentications",
        "/%6eausf-auth/v1/ue-authentications?x=/y",
    ] {
        assert_eq!(told(&home, "POST", path, body.clone().into()).await.0, 201, "{path}");
    }
    for (path, status) in [
        // A decoded separator does not separate.
        ("/nausf-auth%2Fv1/ue-authentications", 400),
        ("/nausf-auth/v1%2Fue-authentications", 400),
        ("/nausf-auth/v1/ue-authentications%2F", 404),
        ("/nausf-auth/v1/ue-authentications/", 404),
        ("/nausf-auth/v1/%2e/ue-authentications", 404),
        ("/nausf-auth/v1/x/%2e%2e/ue-authentications", 404),
        ("/nausf-auth/v1/ue%252Dauthentications", 404),
        ("/nausf-auth/v1/ue%2authentications", 404),
        ("/nausf-auth/v1/ue%ffauthentications", 404),
        ("/nausf-auth/v1/UE-authentications", 404),
        ("/nausf%auth/v1/ue-authentications", 400),
        ("//nausf-auth/v1/ue-authentications", 400),
    ] {
        assert_eq!(told(&home, "POST", path, body.clone().into()).await.0, status, "{path}");
    }
    let supi = "/nudm-ueau/v1/%69msi%2D001010000000001/security%2dinformation/generate%2Dauth%2Ddata";
    let body = format!(r#"{{"servingNetworkName":"{}","ausfInstanceId":"{AUSF_ID}"}}"#, snn());
    assert_eq!(told(&home, "POST", supi, body.into()).await.0, 200);
}

#[tokio::test]
async fn a_body_has_one_content_type() {
    let home = Home::start(Link::Local);
    for (method, path, begin, fine) in operations() {
        let ask = Ask::json(method, path, begin.clone() + "}");
        assert_eq!(send(url(&home, path), &ask).await.status, fine, "{path}");
        for second in ["application/json", "text/plain", "application/json; charset=utf-8", ""] {
            let twice = ask.clone().header("content-type", second);
            assert_eq!(send(url(&home, path), &twice).await.status, 400, "{path}: {second:?}");
        }
        let list = Ask::bare(method, path)
            .header("content-type", "application/json, text/plain")
            .body(begin + "}");
        assert_eq!(send(url(&home, path), &list).await.status, 415, "{path}");
    }
}
