//! Who gets in, and who does not.

use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use axum::routing::get;
use kaskade_af::{LoginOptions, SimLogin, SimUser, UaStar};
use kaskade_codec::http_digest::Algorithm;
use kaskade_flow::Refusal;
use tokio::time::sleep;
use tower_service::Service as _;

use crate::common::{Home, Says, Ue, app, asked, believes, client, next, send, told};

fn one() -> (Ue, Home) {
    let ue = Ue::new(1);
    let home = Home::new(std::slice::from_ref(&ue));
    (ue, home)
}

#[tokio::test]
async fn a_sim_logs_in_and_stays() {
    let (ue, home) = one();
    let app = app(&client(&home), LoginOptions::default());
    let mut login = asked(&app, &ue).await;
    assert_eq!(login.algorithm(), Algorithm::Sha256);
    for (method, uri) in [
        ("GET", "/"),
        ("POST", "/a?b=c"),
        ("GET", "/x/y%20z?q=%22\\"),
        ("DELETE", "/"),
    ] {
        let (sent, told) = next(&app, &mut login, method, uri).await;
        assert_eq!(
            (told.status, told.text.as_str()),
            (200, "msisdn-491701234567"),
            "{method} {uri}"
        );
        assert!(told.challenges.is_empty() && believes(&mut login, &sent, &told));
    }
    assert_eq!(home.asked(), 1);
}

#[tokio::test]
async fn a_challenge_is_that_of_the_profile() {
    let (_, home) = one();
    let mut options = LoginOptions::default();
    for md5 in [false, true] {
        options.md5 = md5;
        let told = send(
            &app(&client(&home), options.clone()),
            "GET",
            "/",
            &["Basic Zm9vOmJhcg=="],
        )
        .await;
        assert_eq!(told.status, 401);
        let algorithms: Vec<_> = told.challenges.iter().map(|asked| asked.algorithm).collect();
        let expected = [Algorithm::Sha256, Algorithm::Md5];
        assert_eq!(algorithms, expected[..=usize::from(md5)]);
        for asked in told.challenges {
            assert_eq!(asked.realm, "3GPP-bootstrapping-akma@af.example");
            assert!(!asked.stale && asked.opaque.is_none());
        }
    }
    assert_eq!(home.asked(), 0);
}

#[tokio::test]
async fn a_wrong_key_does_not_get_in() {
    let (ue, home) = one();
    let app = app(&client(&home), LoginOptions::default());
    // The UE computes with a key of its own invention.
    let mut thief = Ue::new(2);
    thief.a_kid = ue.a_kid.clone();
    let mut login = asked(&app, &thief).await;
    let (_, told) = next(&app, &mut login, "GET", "/").await;
    assert_eq!(told.status, 401);
    assert!(!told.challenges[0].stale && told.info.is_none());
    // What is right for another request is wrong for this one.
    let mut login = asked(&app, &ue).await;
    let credentials = login.answer("GET", "/a", "c").unwrap();
    for (method, uri) in [("PUT", "/a"), ("GET", "/b"), ("GET", "/a?x"), ("GET", "/")] {
        let told = send(&app, method, uri, &[&credentials.to_string()]).await;
        assert_eq!(told.status, 401, "{method} {uri}");
    }
    assert_eq!(send(&app, "GET", "/a", &[&credentials.to_string()]).await.status, 200);
}

#[tokio::test]
async fn a_request_that_names_another_target_does_not_get_in() {
    let (ue, home) = one();
    let app = app(&client(&home), LoginOptions::default());
    let mut login = asked(&app, &ue).await;
    let sent = login.answer("GET", "/harmless", "c").unwrap();
    assert_eq!(send(&app, "GET", "/harmful", &[&sent.to_string()]).await.status, 401);
    for (uri, status) in [
        ("https://af.example/a", 200),
        ("https://AF.example:8443/a", 200),
        ("https://other.example/a", 401),
        ("https://af.example/b", 401),
        ("https://[::/a", 401),
        ("*", 401),
    ] {
        let sent = login.answer("GET", uri, "c").unwrap();
        assert_eq!(
            send(&app, "GET", "/a", &[&sent.to_string()]).await.status,
            status,
            "{uri}"
        );
    }
}

#[tokio::test]
async fn a_nested_application_is_asked_for_by_its_whole_path() {
    let (ue, home) = one();
    let login = SimLogin::new(client(&home), LoginOptions::default()).unwrap();
    let inner = Router::new()
        .route("/me", get(|_: SimUser| async { "you" }))
        .layer(login);
    let app = Router::new().nest("/inner", inner);
    let challenge = send(&app, "GET", "/inner/me", &[]).await;
    let mut login = ue.login(&challenge.challenges);
    assert_eq!(next(&app, &mut login, "GET", "/inner/me").await.1.text, "you");
    let short = login.answer("GET", "/me", "c").unwrap();
    assert_eq!(send(&app, "GET", "/inner/me", &[&short.to_string()]).await.status, 401);
}

#[tokio::test]
async fn a_count_that_was_used_is_refused() {
    let (ue, home) = one();
    let app = app(&client(&home), LoginOptions::default());
    let mut login = asked(&app, &ue).await;
    let (sent, told) = next(&app, &mut login, "GET", "/").await;
    assert_eq!(told.status, 200);
    let again = send(&app, "GET", "/", &[&sent.to_string()]).await;
    assert_eq!(again.status, 401);
    assert!(again.challenges[0].stale && again.challenges[0].nonce != sent.nonce);
    // In another order than they were made.
    let later: Vec<_> = (0..4).map(|_| login.answer("GET", "/", "c").unwrap()).collect();
    for sent in later.iter().rev() {
        assert_eq!(send(&app, "GET", "/", &[&sent.to_string()]).await.status, 200);
    }
    for sent in &later {
        assert_eq!(send(&app, "GET", "/", &[&sent.to_string()]).await.status, 401);
    }
}

#[tokio::test]
async fn a_nonce_that_is_over_is_stale() {
    let (ue, home) = one();
    let mut options = LoginOptions::default();
    options.nonce_life = Duration::from_secs(2);
    let app = app(&client(&home), options);
    let mut login = asked(&app, &ue).await;
    let (sent, told) = next(&app, &mut login, "GET", "/").await;
    assert!(told.status == 200 && believes(&mut login, &sent, &told));
    sleep(Duration::from_millis(1200)).await;
    // In the second half of its life there is another one.
    let mut old = login.clone();
    let (sent, told) = next(&app, &mut login, "GET", "/").await;
    assert!(told.status == 200 && believes(&mut login, &sent, &told));
    sleep(Duration::from_secs(1)).await;
    let (_, told) = next(&app, &mut old, "GET", "/a").await;
    assert_eq!(told.status, 401);
    assert!(told.challenges[0].stale);
    let (sent, told) = next(&app, &mut login, "GET", "/").await;
    assert!(told.status == 200 && sent.nc.get() == 1);
    assert_eq!(home.asked(), 1);
}

#[tokio::test]
async fn a_nonce_of_somebody_else_is_no_reason_to_ask_for_a_key() {
    let (ue, home) = one();
    let (here, there) = (client(&home), client(&home));
    let (here, there) = (
        app(&here, LoginOptions::default()),
        app(&there, LoginOptions::default()),
    );
    let mut login = asked(&there, &ue).await;
    let (_, told) = next(&here, &mut login, "GET", "/").await;
    assert_eq!((told.status, home.asked()), (401, 0));
    assert!(told.challenges[0].stale);
    let mut login = ue.login(&told.challenges);
    assert_eq!(next(&here, &mut login, "GET", "/").await.1.status, 200);
}

#[tokio::test]
async fn without_a_key_there_is_no_realm() {
    let (ue, home) = one();
    for (says, status) in [
        (Says::Nothing, 403),
        (Says::NotDone(Refusal::PeerUnreachable), 503),
        (Says::NotDone(Refusal::PeerSilent), 503),
        (Says::NotDone(Refusal::PeerFailed), 503),
    ] {
        home.says(says);
        let app = app(&client(&home), LoginOptions::default());
        let mut login = asked(&app, &ue).await;
        let (_, told) = next(&app, &mut login, "GET", "/").await;
        assert_eq!((told.status, told.challenges.len()), (status, 0), "{says:?}");
        assert_eq!(told.retry_after.is_some(), status == 503);
    }
    home.says(Says::OtherKey);
    let app = app(&client(&home), LoginOptions::default());
    let mut login = asked(&app, &ue).await;
    assert_eq!(next(&app, &mut login, "GET", "/").await.1.status, 401);
}

#[tokio::test]
async fn what_cannot_be_read_is_refused_with_its_place() {
    let (ue, home) = one();
    let app = app(&client(&home), LoginOptions::default());
    let mut login = asked(&app, &ue).await;
    let right = login.answer("GET", "/", "c").unwrap().to_string();
    for (wrong, text) in [
        (right.replace("nc=00000001", "nc=1"), "nc is not 8 hexadecimal digits"),
        (right.replace("qop=auth", "qop=auth-int"), "qop is not auth"),
        (
            right.replace("algorithm=SHA-256", "algorithm=SHA-256-sess"),
            "algorithm is not",
        ),
        (right.replace(", qop=auth", ""), "qop is missing"),
        (format!("{right}, nc=00000001"), "nc stands there twice"),
        (right.replace("username=", "username"), "expected an equals sign"),
        (format!("{right}, userhash=true"), "userhash is not false"),
    ] {
        let told = send(&app, "GET", "/", &[&wrong]).await;
        assert_eq!(told.status, 400, "{wrong}");
        assert!(told.text.contains(text) && !told.text.contains("atid"), "{}", told.text);
    }
    for not_ours in ["Basic Zm9vOmJhcg==", "Bearer abc", "", "Digest"] {
        let told = send(&app, "GET", "/", &[not_ours]).await;
        assert_eq!(told.status, if not_ours == "Digest" { 400 } else { 401 }, "{not_ours}");
    }
    // Two of them, or a name that is no A-KID.
    assert_eq!(send(&app, "GET", "/", &[&right, &right]).await.status, 401);
    let nobody = right.replace("rid12.atid", "mufasa");
    assert_eq!(send(&app, "GET", "/", &[&nobody]).await.status, 403);
    // An algorithm that is not offered.
    let weak = right
        .replace("algorithm=SHA-256", "algorithm=MD5")
        .replace("response=\"", "response=\"00112233445566778899aabbccddeeff\", x=\"");
    assert_eq!(send(&app, "GET", "/", &[&weak]).await.status, 401);
    assert_eq!(home.asked(), 0);
    assert_eq!(send(&app, "GET", "/", &[&right]).await.status, 200);
}

#[tokio::test]
async fn the_cipher_suite_must_be_told_where_the_key_has_it() {
    let (ue, home) = one();
    let mut options = LoginOptions::default();
    options.protocol = UaStar::TlsSuite;
    let app = app(&client(&home), options);
    let mut login = asked(&app, &ue).await;
    assert_eq!(next(&app, &mut login, "GET", "/").await.1.status, 500);
    assert_eq!(home.asked(), 0);
}

#[tokio::test]
async fn nobody_brings_a_user_along() {
    let (ue, home) = one();
    let keys = client(&home);
    let known = keys
        .key(&ue.a_kid, kaskade_keys::id::UaProtocolId::HTTP_DIGEST)
        .await
        .unwrap();
    let mut request = Request::get("/").body(Body::empty()).unwrap();
    request.extensions_mut().insert(known.user.clone());
    let mut app = app(&keys, LoginOptions::default());
    assert_eq!(told(app.call(request).await.unwrap()).await.status, 401);
    // A route without the layer says so.
    let mut bare = Router::new().route("/", get(|_: SimUser| async { "nobody" }));
    let request = Request::get("/").body(Body::empty()).unwrap();
    assert_eq!(told(bare.call(request).await.unwrap()).await.status, 500);
    assert!(!format!("{:?}", known.user).contains("1234567"), "{:?}", known.user);
}
