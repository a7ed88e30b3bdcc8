//! An application that knows nothing of AKMA learns who its users are, and from the proxy alone.

use std::convert::Infallible;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::header;
use axum::response::Response;
use http_body_util::BodyExt as _;
use http_body_util::channel::{Channel, Sender};
use kaskade_af::proxy::{NotAnUpstream, ProxyOptions, behind_login, proxy};
use kaskade_af::{LoginOptions, SimLogin};
use tokio::time::{sleep, timeout};
use tower_service::Service as _;

use crate::common::{Home, Told, Ue, client, told};

/// Says what it was sent.
async fn echo(request: Request) -> String {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 65_536).await.unwrap();
    let mut lines = vec![format!("{} {} {:?}", parts.method, parts.uri, parts.version)];
    lines.extend(
        parts
            .headers
            .iter()
            .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())),
    );
    lines.push(String::from_utf8(body.to_vec()).unwrap());
    lines.join("\n")
}

async fn serving(application: Router) -> String {
    let socket = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(socket, application).await });
    format!("http://{address}")
}

async fn upstream() -> String {
    serving(Router::new().fallback(echo)).await
}

/// Sends back what it is sent as it comes.
async fn mirror(request: Request) -> Response {
    Response::new(request.into_body())
}

/// A proxy before an application, and a user.
async fn proxied(application: Router, options: ProxyOptions) -> (Router, Ue) {
    let (app, [ue, _]) = proxied_for_two(application, options).await;
    (app, ue)
}

async fn proxied_for_two(application: Router, options: ProxyOptions) -> (Router, [Ue; 2]) {
    let ues = [Ue::new(1), Ue::new(2)];
    let home = Home::new(&ues);
    let login = SimLogin::new(client(&home), LoginOptions::default()).unwrap();
    let router = behind_login(&serving(application).await, options).unwrap();
    (router.layer(login), ues)
}

/// Sends a request of a user who has been asked to log in.
async fn post(app: &Router, ue: &Ue, body: Body) -> Response {
    let asked = told(
        app.clone()
            .call(Request::post("/a").body(Body::empty()).unwrap())
            .await
            .unwrap(),
    )
    .await;
    let sent = ue
        .login(&asked.challenges)
        .answer("POST", "/a", "c")
        .unwrap()
        .to_string();
    let request = Request::post("/a")
        .header(header::AUTHORIZATION, sent)
        .body(body)
        .unwrap();
    app.clone().call(request).await.unwrap()
}

async fn ask(app: &Router, ue: &Ue, headers: &[(&str, &str)]) -> Told {
    let get = |authorization: Option<String>| {
        let mut request = Request::post("/a?b=c").header(header::HOST, "af.example");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(value) = authorization {
            request = request.header(header::AUTHORIZATION, value);
        }
        request.body(Body::from("a text")).unwrap()
    };
    let asked = told(app.clone().call(get(None)).await.unwrap()).await;
    assert_eq!(asked.status, 401);
    let mut login = ue.login(&asked.challenges);
    let sent = login.answer("POST", "/a?b=c", "c").unwrap().to_string();
    told(app.clone().call(get(Some(sent))).await.unwrap()).await
}

#[tokio::test]
async fn the_application_learns_who_it_is_from_the_proxy_alone() {
    let ue = Ue::new(1);
    let home = Home::new(std::slice::from_ref(&ue));
    let login = SimLogin::new(client(&home), LoginOptions::default()).unwrap();
    let app = proxy(login, &upstream().await).unwrap();
    let told = ask(
        &app,
        &ue,
        &[
            ("sim-user", "msisdn-490000000000"),
            ("Sim-User", "msisdn-490000000001"),
            ("sim_user", "msisdn-490000000002"),
            ("Sim.User", "msisdn-490000000003"),
            ("Sim!User", "msisdn-490000000004"),
            ("Sim~User", "msisdn-490000000005"),
            ("x.real.ip", "198.51.100.1"),
            ("sim-key-expiry", "2999-01-01T00:00:00.000Z"),
            ("sim-a-kid", "somebody"),
            ("sim_a-kid", "somebody"),
            ("sim-of-tomorrow", "1"),
            ("x-forwarded-host", "other.example"),
            ("X-Forwarded_User", "root"),
            ("x-real-ip", "198.51.100.1"),
            ("x-forwarded-for", "198.51.100.1"),
            ("x_forwarded_proto", "http"),
            ("forwarded", "for=198.51.100.1"),
            ("connection", "x-private, close"),
            ("x-private", "1"),
            ("te", "trailers"),
            ("x-own", "2"),
        ],
    )
    .await;
    assert_eq!(told.status, 200);
    assert!(told.info.is_some());
    let lines: Vec<&str> = told.text.lines().collect();
    assert_eq!((lines[0], lines.last()), ("POST /a?b=c HTTP/1.1", Some(&"a text")));
    let of = |name: &str| {
        let prefix = format!("{name}: ");
        lines
            .iter()
            .filter_map(|line| line.strip_prefix(&prefix))
            .collect::<Vec<_>>()
    };
    assert_eq!(of("sim-user"), ["msisdn-491701234567"], "{}", told.text);
    assert_eq!((of("x-own"), of("host")), (vec!["2"], vec!["af.example"]));
    assert_eq!(of("x-forwarded-proto"), ["https"]);
    assert!(!of("sim-key-expiry")[0].starts_with("2999") && of("sim-key-expiry").len() == 1);
    assert_eq!(of("sim-a-kid"), [ue.a_kid.to_string().as_str()]);
    for gone in [
        "sim_user",
        "sim.user",
        "sim!user",
        "sim~user",
        "x.real.ip",
        "sim_a-kid",
        "sim-of-tomorrow",
        "x-forwarded-host",
        "x-forwarded_user",
        "x-real-ip",
        "x_forwarded_proto",
        "x-forwarded-for",
        "forwarded",
        "x-private",
        "connection",
        "te",
        "authorization",
    ] {
        assert!(of(gone).is_empty(), "{gone} in {}", told.text);
    }
}

#[tokio::test]
async fn an_application_that_is_not_there_is_said_so() {
    let ue = Ue::new(1);
    let home = Home::new(std::slice::from_ref(&ue));
    let login = SimLogin::new(client(&home), LoginOptions::default()).unwrap();
    let app = proxy(login.clone(), "http://127.0.0.1:1").unwrap();
    assert_eq!(ask(&app, &ue, &[]).await.status, 502);
    for wrong in [
        "",
        "127.0.0.1:80",
        "https://127.0.0.1",
        "http://127.0.0.1/a",
        "http://u:p@127.0.0.1",
        "http:///",
        "/a",
    ] {
        assert_eq!(proxy(login.clone(), wrong).map(|_| ()), Err(NotAnUpstream), "{wrong}");
    }
}

#[tokio::test]
async fn bodies_go_through_as_they_come() {
    let (app, ue) = proxied(Router::new().fallback(mirror), ProxyOptions::default()).await;
    let (mut tell, body) = Channel::<Bytes, Infallible>::new(1);
    tell.send_data(Bytes::from_static(b"first")).await.unwrap();
    let response = post(&app, &ue, Body::new(body)).await;
    assert_eq!(response.status(), 200);
    let mut body = response.into_body();
    let soon = Duration::from_secs(20);
    for part in ["first", "second"] {
        if part == "second" {
            tell.send_data(Bytes::from_static(b"second")).await.unwrap();
        }
        let frame = timeout(soon, body.frame())
            .await
            .expect("as it comes")
            .unwrap()
            .unwrap();
        assert_eq!(frame.into_data().unwrap(), part);
    }
    drop(tell);
    assert!(timeout(soon, body.frame()).await.expect("an end").is_none());
}

#[tokio::test]
async fn a_long_upload_takes_its_time_and_a_slow_application_does_not() {
    let mut options = ProxyOptions::default();
    options.patience = Duration::from_millis(1500);
    let (app, ue) = proxied(Router::new().fallback(echo), options).await;
    let (mut tell, body) = Channel::<Bytes, Infallible>::new(1);
    let upload = tokio::spawn(async move {
        for _ in 0..12 {
            tell.send_data(Bytes::from_static(b"x")).await.unwrap();
            sleep(Duration::from_millis(250)).await;
        }
    });
    let told = told(post(&app, &ue, Body::new(body)).await).await;
    assert_eq!((told.status, told.text.lines().last()), (200, Some("xxxxxxxxxxxx")));
    upload.await.unwrap();

    let never = || async { std::future::pending::<()>().await };
    options.patience = Duration::from_millis(100);
    let (app, ue) = proxied(Router::new().fallback(never), options).await;
    assert_eq!(post(&app, &ue, Body::empty()).await.status(), 504);
}

#[tokio::test]
async fn the_application_works_on_so_many_requests_at_once() {
    let mut options = ProxyOptions::default();
    options.most_requests = 1;
    let (tell, told) = tokio::sync::watch::channel(false);
    let (came, mut comes) = tokio::sync::watch::channel(false);
    let waits = move || {
        let (mut told, came) = (told.clone(), came.clone());
        async move {
            came.send_replace(true);
            told.wait_for(|is| *is).await.unwrap();
        }
    };
    let (app, [ue, other]) = proxied_for_two(Router::new().fallback(waits), options).await;
    let first = {
        let (app, ue) = (app.clone(), ue.clone());
        tokio::spawn(async move { post(&app, &ue, Body::empty()).await.status() })
    };
    let soon = Duration::from_secs(20);
    timeout(soon, comes.wait_for(|is| *is))
        .await
        .expect("the first")
        .unwrap();
    let refused = post(&app, &other, Body::empty());
    let response = timeout(soon, refused).await.expect("a refusal");
    assert_eq!(
        (
            response.status().as_u16(),
            response.headers()[header::RETRY_AFTER].as_bytes()
        ),
        (503, &b"1"[..])
    );
    tell.send(true).unwrap();
    assert_eq!(first.await.unwrap(), 200);
    assert_eq!(post(&app, &ue, Body::empty()).await.status(), 200);
}

/// What a mirror sends back, which ends when the other end is dropped.
async fn endless(app: &Router, ue: &Ue) -> (Response, Sender<Bytes>) {
    let (mut tell, body) = Channel::<Bytes, Infallible>::new(1);
    tell.send_data(Bytes::from_static(b"first")).await.unwrap();
    (post(app, ue, Body::new(body)).await, tell)
}

#[tokio::test]
async fn a_request_keeps_its_place_until_its_answer_ends() {
    let mut options = ProxyOptions::default();
    options.most_requests = 1;
    let (app, [ue, other]) = proxied_for_two(Router::new().fallback(mirror), options).await;
    let status = async || post(&app, &other, Body::empty()).await.status();
    let (response, tell) = endless(&app, &ue).await;
    assert_eq!(response.status(), 200);
    assert_eq!(status().await, 503);
    drop(tell);
    let mut body = response.into_body();
    while let Some(frame) = timeout(Duration::from_secs(20), body.frame()).await.expect("an end") {
        frame.unwrap();
    }
    assert_eq!(status().await, 200, "it has ended");
    let (response, tell) = endless(&app, &ue).await;
    assert_eq!((response.status().as_u16(), status().await.as_u16()), (200, 503));
    drop(response);
    assert_eq!(status().await, 200, "nobody wants it any more");
    drop(tell);
}

#[tokio::test]
async fn one_user_leaves_others_places_at_the_application() {
    let mut options = ProxyOptions::default();
    options.most_requests = 16;
    let (app, [ue, other]) = proxied_for_two(Router::new().fallback(mirror), options).await;
    let mut held = Vec::new();
    for _ in 0..2 {
        let (response, tell) = endless(&app, &ue).await;
        assert_eq!(response.status(), 200);
        held.push((response, tell));
    }
    assert_eq!(post(&app, &ue, Body::empty()).await.status(), 503, "an eighth");
    assert_eq!(post(&app, &other, Body::empty()).await.status(), 200);
    drop(held);
    assert_eq!(post(&app, &ue, Body::empty()).await.status(), 200);
}

#[tokio::test]
async fn a_web_socket_is_refused_as_one() {
    let ue = Ue::new(1);
    let home = Home::new(std::slice::from_ref(&ue));
    let login = SimLogin::new(client(&home), LoginOptions::default()).unwrap();
    let app = proxy(login, &upstream().await).unwrap();
    let upgrade = [("connection", "keep-alive, Upgrade"), ("upgrade", "WebSocket")];
    let told = ask(&app, &ue, &upgrade).await;
    assert_eq!(told.status, 501);
    assert!(told.text.contains("no WebSocket"), "{}", told.text);
    // What a server may leave unheard (RFC 9110 7.8).
    let upgrade = [
        ("connection", "Upgrade, HTTP2-Settings"),
        ("upgrade", "h2c"),
        ("http2-settings", "AAMAAABk"),
    ];
    let told = ask(&app, &ue, &upgrade).await;
    assert_eq!(told.status, 200);
    assert!(
        !told.text.contains("upgrade") && !told.text.contains("http2-settings"),
        "{}",
        told.text
    );
}

#[tokio::test]
async fn without_a_login_nobody_gets_through() {
    let mut app = behind_login(&upstream().await, ProxyOptions::default()).unwrap();
    let request = Request::get("/")
        .header("sim-user", "msisdn-1")
        .body(Body::empty())
        .unwrap();
    assert_eq!(app.call(request).await.unwrap().status(), 500);
}
