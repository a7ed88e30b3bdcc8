//! An application that knows nothing of AKMA learns who its users are, and from the proxy alone.

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::header;
use kaskade_af::proxy::{NotAnUpstream, proxy};
use kaskade_af::{LoginOptions, SimLogin};
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

async fn upstream() -> String {
    let socket = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(socket, Router::new().fallback(echo)).await });
    format!("http://{address}")
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
            ("sim-key-expiry", "2999-01-01T00:00:00.000Z"),
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
    for gone in [
        "sim_user",
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
