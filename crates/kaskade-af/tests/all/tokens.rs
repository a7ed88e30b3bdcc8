//! Access tokens of a NEF, asked for by name and secret.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use kaskade_af::{AkmaClient, AkmaOptions, ClientCredentials, HttpBounds, Nef, NoKey, serve};
use kaskade_codec::sbi::Body as _;
use kaskade_codec::sbi::akma::AkmaAfKeyRequest;
use kaskade_flow::Refusal;
use kaskade_keys::id::UaProtocolId;
use kaskade_net::sbi::client::ClientOptions;
use kaskade_net::time::now;
use tokio::time::sleep;

use crate::common::{Ue, af};

/// A NEF with a token endpoint, which takes the token of now alone.
#[derive(Default)]
struct OfNef {
    given: AtomicUsize,
    tried: AtomicUsize,
    /// Tokens below this one are not good any more.
    good_from: AtomicUsize,
    life: AtomicUsize,
}

impl OfNef {
    fn token(&self, headers: &HeaderMap, body: &str) -> Response {
        self.tried.fetch_add(1, Ordering::SeqCst);
        assert_eq!(headers[header::CONTENT_TYPE], "application/x-www-form-urlencoded");
        assert_eq!(body, "grant_type=client_credentials");
        // "portal%2D1:a%20secret", by another program.
        if headers[header::AUTHORIZATION] != "Basic cG9ydGFsJTJEMTphJTIwc2VjcmV0" {
            return (StatusCode::UNAUTHORIZED, r#"{"error":"invalid_client"}"#).into_response();
        }
        let number = self.given.fetch_add(1, Ordering::SeqCst) + 1;
        let life = self.life.load(Ordering::SeqCst);
        let body = format!(r#"{{"access_token":"t{number}","token_type":"bearer","expires_in":{life},"scope":"x"}}"#);
        ([(header::CONTENT_TYPE, "application/json")], body).into_response()
    }

    fn key(&self, headers: &HeaderMap, body: &str) -> Response {
        let shown = headers[header::AUTHORIZATION]
            .to_str()
            .unwrap()
            .strip_prefix("Bearer t");
        let number: usize = shown.unwrap().parse().unwrap();
        if number < self.good_from.load(Ordering::SeqCst) {
            return StatusCode::UNAUTHORIZED.into_response();
        }
        let request = AkmaAfKeyRequest::from_json(body.as_bytes()).unwrap();
        let ue = (1..20).map(Ue::new).find(|ue| ue.a_kid == request.a_kid).unwrap();
        let k_af = ue.k_af(UaProtocolId::HTTP_DIGEST);
        let digits: String = k_af.expose_to_af().iter().map(|octet| format!("{octet:02x}")).collect();
        let expiry = now().to_string().replacen("20", "30", 1);
        let body = format!(r#"{{"expiry":"{expiry}","kaf":"{digits}"}}"#);
        ([(header::CONTENT_TYPE, "application/json")], body).into_response()
    }
}

async fn start(life: usize, secret: &str) -> (Arc<OfNef>, AkmaClient) {
    let nef = Arc::new(OfNef::default());
    nef.life.store(life, Ordering::SeqCst);
    let token =
        |State(nef): State<Arc<OfNef>>, headers: HeaderMap, body: String| async move { nef.token(&headers, &body) };
    let key = |State(nef): State<Arc<OfNef>>, headers: HeaderMap, body: String| async move { nef.key(&headers, &body) };
    let app = Router::new()
        .route("/nef/oauth2/token", post(token))
        .route("/nef/3gpp-akma/v1/retrieve", post(key))
        .with_state(nef.clone());
    let socket = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let root = format!("http://{}/nef", socket.local_addr().unwrap());
    tokio::spawn(serve(socket, app, HttpBounds::default(), std::future::pending()));
    let credentials = ClientCredentials::new("portal-1", secret.to_owned().into());
    assert_eq!(format!("{credentials:?}"), "ClientCredentials(portal-1)");
    let source = Nef::with_credentials(&root, ClientOptions::default(), &credentials, None).unwrap();
    (nef, AkmaClient::new(af(), source, AkmaOptions::default()).unwrap())
}

async fn ask(keys: &AkmaClient, number: u8) -> Result<(), NoKey> {
    let ue = Ue::new(number);
    let known = keys.key(&ue.a_kid, UaProtocolId::HTTP_DIGEST).await?;
    assert_eq!(*known.k_af(), ue.k_af(UaProtocolId::HTTP_DIGEST));
    Ok(())
}

#[tokio::test]
async fn a_token_is_asked_for_once_and_again_when_the_nef_takes_it_no_more() {
    let (nef, keys) = start(3600, "a secret").await;
    let all: Vec<_> = (1..9)
        .map(|number| {
            let keys = keys.clone();
            tokio::spawn(async move { ask(&keys, number).await })
        })
        .collect();
    for one in all {
        one.await.unwrap().unwrap();
    }
    assert_eq!(nef.given.load(Ordering::SeqCst), 1);
    nef.good_from.store(2, Ordering::SeqCst);
    ask(&keys, 9).await.unwrap();
    ask(&keys, 10).await.unwrap();
    assert_eq!(nef.given.load(Ordering::SeqCst), 2);
    // Not for ever, where no token is good.
    nef.good_from.store(100, Ordering::SeqCst);
    assert!(matches!(ask(&keys, 11).await, Err(NoKey::Unreachable(_))));
    assert_eq!(nef.given.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn a_token_is_renewed_before_it_ends() {
    let (nef, keys) = start(2, "a secret").await;
    ask(&keys, 1).await.unwrap();
    assert_eq!(nef.given.load(Ordering::SeqCst), 1);
    sleep(Duration::from_millis(1600)).await;
    ask(&keys, 2).await.unwrap();
    assert_eq!(nef.given.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_wrong_secret_is_no_reason_to_ask_for_each_user() {
    let (nef, keys) = start(3600, "another secret").await;
    for number in 1..5 {
        let refused = NoKey::Unreachable(Refusal::ClientNotAuthenticated);
        assert_eq!(ask(&keys, number).await, Err(refused));
    }
    assert_eq!(nef.tried.load(Ordering::SeqCst), 1);
    let wrong = ClientCredentials::new("a", String::new().into());
    assert!(Nef::with_credentials("nowhere", ClientOptions::default(), &wrong, None).is_err());
    let wrong_endpoint = Nef::with_credentials(
        "http://127.0.0.1:1",
        ClientOptions::default(),
        &wrong,
        Some("https://a"),
    );
    assert!(wrong_endpoint.is_err());
}
