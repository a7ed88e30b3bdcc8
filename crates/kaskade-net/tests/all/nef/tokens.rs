//! The token endpoint, against RFC 6749.

use base64ct::{Base64, Encoding};
use kaskade_flow::event::Action;

use super::*;
use crate::common::http::send_unchecked;
use crate::tls::Pki;

const GRANT: (&str, &str) = ("grant_type", "client_credentials");

fn basic(client: &str, secret: &str) -> String {
    format!(
        "Basic {}",
        Base64::encode_string(format!("{client}:{secret}").as_bytes())
    )
}

async fn post(node: &Node, ask: Ask<'_>) -> Told {
    send_unchecked(node.nef_url().unwrap(), &ask).await
}

/// Status and `error`.
fn error(told: &Told) -> (u16, String) {
    assert_eq!(told.header("content-type"), Some("application/json"), "{told:?}");
    assert_eq!(told.header("cache-control"), Some("no-store"), "{told:?}");
    assert!(!told.text("/error_description").is_empty());
    (told.status, told.text("/error"))
}

#[tokio::test]
async fn a_client_with_its_secret_gets_a_token() {
    let node = start(&anchor(), None, |_| {});
    let text = secret(1).reveal();
    let in_form = form(&[GRANT, ("client_id", "video"), ("client_secret", &text)]);
    let in_header = form(&[GRANT]).header("authorization", basic("video", &text));
    let in_both = form(&[GRANT, ("client_id", "video")]).header("authorization", basic("video", &text));
    for ask_for in [in_form, in_header, in_both] {
        let told = post(&node, ask_for).await;
        assert_eq!(told.status, 200, "{told:?}");
        assert_eq!(told.header("cache-control"), Some("no-store"));
        let json = told.json();
        assert_eq!(
            (&json["token_type"], &json["expires_in"]),
            (&"Bearer".into(), &60.into())
        );
        assert_eq!(json["scope"], "3gpp-akma nnef-akma:gpsi-access");
        let token = json["access_token"].as_str().unwrap();
        assert_eq!(ask(&node, &request(AF_ID, &[]), Some(token)).await.status, 200);
    }
    // What is granted is what was asked for, and what there is.
    for (client, octet, asked, granted) in [
        ("video", 1, Some("3gpp-akma"), "3gpp-akma"),
        (
            "video",
            1,
            Some("nnef-akma:gpsi-access 3gpp-akma"),
            "3gpp-akma nnef-akma:gpsi-access",
        ),
        ("audio", 2, None, "3gpp-akma"),
    ] {
        let text = secret(octet).reveal();
        let mut parameters = vec![GRANT, ("client_id", client), ("client_secret", text.as_str())];
        parameters.extend(asked.map(|scope| ("scope", scope)));
        let told = post(&node, form(&parameters)).await;
        assert_eq!(told.text("/scope"), granted);
    }
    node.shutdown().await;
}

#[tokio::test]
async fn what_is_no_request_for_a_token_is_refused_in_its_terms() {
    let place = crate::audit::Place::new();
    let log = place.open("nef", |_| {});
    let node = start(&anchor(), None, |setup| setup.options.audit = log);
    let (one, two) = (secret(1).reveal(), secret(2).reveal());
    let (one, two) = (one.as_str(), two.as_str());
    let own = ("client_id", "video");
    let with = |ask: Ask<'static>, value: String| ask.header("authorization", value);
    for (ask, status, code) in [
        (form(&[own, ("client_secret", one)]), 400, "invalid_request"),
        (
            form(&[("grant_type", ""), own, ("client_secret", one)]),
            400,
            "invalid_request",
        ),
        (
            form(&[("grant_type", "password"), own, ("client_secret", one)]),
            400,
            "unsupported_grant_type",
        ),
        (
            form(&[("grant_type", "authorization_code"), own, ("client_secret", one)]),
            400,
            "unsupported_grant_type",
        ),
        (
            form(&[GRANT, GRANT, own, ("client_secret", one)]),
            400,
            "invalid_request",
        ),
        (form(&[GRANT, ("client_secret", one)]), 400, "invalid_request"),
        (form(&[GRANT]), 401, "invalid_client"),
        (form(&[GRANT, own]), 401, "invalid_client"),
        (form(&[GRANT, own, ("client_secret", two)]), 401, "invalid_client"),
        (
            form(&[GRANT, own, ("client_secret", "password")]),
            401,
            "invalid_client",
        ),
        (form(&[GRANT, own, ("client_secret", &one[1..])]), 401, "invalid_client"),
        (
            form(&[GRANT, ("client_id", "nobody"), ("client_secret", one)]),
            401,
            "invalid_client",
        ),
        (
            form(&[GRANT, ("client_id", "Video"), ("client_secret", one)]),
            401,
            "invalid_client",
        ),
        // It is known by its address, and has no secret.
        (
            form(&[GRANT, ("client_id", "plain"), ("client_secret", one)]),
            401,
            "invalid_client",
        ),
        (with(form(&[GRANT]), basic("video", two)), 401, "invalid_client"),
        (with(form(&[GRANT]), "Basic !".to_owned()), 401, "invalid_client"),
        (
            with(form(&[GRANT]), format!("Basic {}", Base64::encode_string(b"video"))),
            401,
            "invalid_client",
        ),
        (with(form(&[GRANT]), "Bearer x".to_owned()), 401, "invalid_client"),
        (
            with(form(&[GRANT, own, ("client_secret", one)]), basic("video", one)),
            400,
            "invalid_request",
        ),
        (
            with(form(&[GRANT, ("client_id", "audio")]), basic("video", one)),
            400,
            "invalid_request",
        ),
        (
            form(&[GRANT, own, ("client_secret", one), ("scope", "nudm-ueau")]),
            400,
            "invalid_scope",
        ),
        (
            form(&[GRANT, own, ("client_secret", one), ("scope", "3gpp-akma  x")]),
            400,
            "invalid_scope",
        ),
        (
            form(&[GRANT, own, ("client_secret", one), ("scope", "nnef-akma:gpsi-access")]),
            400,
            "invalid_scope",
        ),
        (
            form(&[
                GRANT,
                ("client_id", "audio"),
                ("client_secret", two),
                ("scope", "3gpp-akma nnef-akma:gpsi-access"),
            ]),
            400,
            "invalid_scope",
        ),
    ] {
        let shown = format!("{ask:?}");
        let told = post(&node, ask).await;
        assert_eq!(error(&told), (status, code.to_owned()), "{shown}");
        let challenge = told.header("www-authenticate").unwrap_or_default();
        assert_eq!(challenge.starts_with("Basic "), status == 401, "{shown}");
        let said = String::from_utf8_lossy(&told.body).into_owned();
        assert!(
            !said.contains(one) && !said.contains(two) && !said.contains("password\""),
            "{said}"
        );
    }
    // What is no form at all is refused as HTTP does.
    let json = Ask::json("POST", "/oauth2/token", "{}");
    assert_eq!(post(&node, json).await.status, 415);
    let large = Ask::bare("POST", "/oauth2/token")
        .header("content-type", "application/x-www-form-urlencoded")
        .body(vec![b'a'; 70_000]);
    assert_eq!(post(&node, large).await.status, 413);
    let get = post(&node, Ask::bare("GET", "/oauth2/token")).await;
    assert_eq!((get.status, get.header("allow")), (405, Some("POST")));
    let broken = Ask::bare("POST", "/oauth2/token")
        .header("content-type", "application/x-www-form-urlencoded")
        .body("grant_type=%zz");
    assert_eq!(error(&post(&node, broken).await), (400, "invalid_request".to_owned()));
    let counters = node.nef().unwrap().counters();
    assert_eq!((counters.tokens.sum(), counters.tokens_refused.sum()), (0, 28));
    node.shutdown().await;
    let (events, _) = place.read("nef");
    let reason = kaskade_flow::event::Reason::Refused(Refusal::ClientNotAuthenticated);
    assert!(events.iter().any(|event| event.reason() == reason), "{events:?}");
}

#[tokio::test]
async fn guessing_is_slow() {
    let node = start(&anchor(), None, |setup| {
        setup.options.tokens = Some(TokenOptions {
            requester: "1/h burst 5".parse().unwrap(),
            ..tokens()
        });
    });
    let (right, wrong) = (secret(1).reveal(), secret(3).reveal());
    let guess = |secret: &str| form(&[GRANT, ("client_id", "video"), ("client_secret", secret)]);
    for _ in 0..5 {
        assert_eq!(post(&node, guess(&wrong)).await.status, 401);
    }
    // Not even the right one is looked at.
    let told = post(&node, guess(&right)).await;
    assert_eq!(told.status, 429, "{told:?}");
    assert!(told.header("retry-after").is_some());
    // Who comes from elsewhere is not held up.
    let mut elsewhere = ClientOptions::default();
    elsewhere.source = Some([127, 0, 0, 5].into());
    let client = kaskade_net::sbi::client::SbiClient::new(node.nef_url().unwrap(), elsewhere).unwrap();
    let told = client.send(hyper::Method::POST, "/oauth2/token", None).await.unwrap();
    assert_eq!(told.status.as_u16(), 415, "it was looked at");
    node.shutdown().await;
}

#[tokio::test]
async fn a_token_ends() {
    let node = start(&anchor(), None, |setup| {
        setup.options.tokens = Some(TokenOptions {
            lifetime: Duration::from_secs(1),
            ..tokens()
        });
    });
    let token = token_for(&node, "video", 1, None).await;
    let told = ask(&node, &request(AF_ID, &[]), Some(&token)).await;
    assert!(matches!(told.status, 200 | 401), "{told:?}");
    tokio::time::sleep(Duration::from_millis(1100)).await;
    let told = ask(&node, &request(AF_ID, &[]), Some(&token)).await;
    assert_eq!(told.status, 401);
    assert!(told.header("www-authenticate").unwrap().contains("invalid_token"));
    node.shutdown().await;
}

#[tokio::test]
async fn without_a_key_there_are_no_tokens() {
    let node = start(&anchor(), None, |setup| setup.options.tokens = None);
    let told = post(&node, form(&[GRANT])).await;
    assert_eq!(told.status, 400, "no such API: {told:?}");
    let told = ask(&node, &request(AF_ID, &[]), None).await;
    assert_eq!(told.status, 403, "nobody could get in by a token");
    node.shutdown().await;
}

/// RFC 8705: who has a certificate needs no secret, and no other client's token.
#[tokio::test]
async fn a_certificate_is_as_good_as_a_secret() {
    let pki = Pki::new();
    let node = start(&anchor(), None, |setup| {
        setup.server.tls = Some(pki.server(true));
        setup.groups = Groups::default().with("smf", ["smf.example.org".parse::<Member>().unwrap()]);
        setup.options.policy = policy(None).known_as(Requester::group("smf").id(), "plain");
    });
    let one = secret(1).reveal();
    let url = node.nef_url().unwrap().to_owned();
    let curl = |name: &str, ask: Ask<'static>| {
        let extra = [
            ("--cacert", pki.arg("ca.pem")),
            ("--cert", pki.arg(&format!("{name}.pem"))),
            ("--key", pki.arg(&format!("{name}.key"))),
        ];
        let url = url.clone();
        async move {
            let extra: Vec<&str> = extra.iter().flat_map(|(name, value)| [*name, value.as_str()]).collect();
            let (status, told) = crate::common::http::try_curl(&url, &ask, &extra).await;
            assert_eq!(status, 0);
            told.unwrap()
        }
    };
    if crate::common::without_interop() {
        node.shutdown().await;
        return;
    }
    for parameters in [&[GRANT][..], &[GRANT, ("client_id", "plain")]] {
        let told = curl("smf", form(parameters)).await;
        assert_eq!(told.status, 200, "{told:?}");
        let token = told.text("/access_token");
        let own = retrieve(&request("plain.example.com0100000002", &[]), Some(&token));
        assert_eq!(curl("smf", own).await.status, 200);
        // By another certificate that the configuration does not know, the token alone counts.
        let own = retrieve(&request("plain.example.com0100000002", &[]), Some(&token));
        assert_eq!(curl("client", own).await.status, 200);
    }
    for (name, parameters, answer) in [
        ("client", vec![GRANT], (401, "invalid_client")),
        ("client", vec![GRANT, ("client_id", "plain")], (401, "invalid_client")),
        ("smf", vec![GRANT, ("client_id", "video")], (400, "unauthorized_client")),
        (
            "smf",
            vec![GRANT, ("client_id", "video"), ("client_secret", one.as_str())],
            (400, "unauthorized_client"),
        ),
    ] {
        let told = curl(name, form(&parameters)).await;
        assert_eq!(error(&told), (answer.0, answer.1.to_owned()), "{name} {parameters:?}");
    }
    // The token of one with the certificate of another.
    let told = curl(
        "client",
        form(&[GRANT, ("client_id", "video"), ("client_secret", &one)]),
    )
    .await;
    let token = told.text("/access_token");
    let told = curl("smf", retrieve(&request(AF_ID, &[]), Some(&token))).await;
    assert_eq!(told.status, 403, "{told:?}");
    node.shutdown().await;
}

#[tokio::test]
async fn the_log_names_the_client_that_got_a_token() {
    let place = crate::audit::Place::new();
    let log = place.open("nef", |_| {});
    let node = start(&anchor(), None, |setup| setup.options.audit = log);
    let video = token_for(&node, "video", 1, None).await;
    token_for(&node, "audio", 2, None).await;
    assert_eq!(ask(&node, &request(AF_ID, &[]), Some(&video)).await.status, 200);
    node.shutdown().await;
    let (events, names) = place.read("nef");
    let of = |action: Action| {
        let of_it = events.iter().filter(move |event| event.action() == action);
        let who: std::collections::BTreeSet<_> = of_it.filter_map(|event| names.name(event.peer())).collect();
        who
    };
    assert_eq!(of(Action::TokenGiven), ["audio", "video"].into());
    assert_eq!(of(Action::ApplicationKeyGiven), ["video"].into());
}
