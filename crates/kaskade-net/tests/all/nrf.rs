//! Registration at an NRF: a small one of the test's own, which keeps what it is told and checks it against 3GPP's description.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use hyper::header::CONTENT_TYPE;
use hyper::{Method, StatusCode};
use kaskade_codec::sbi::NfInstanceId;
use kaskade_net::admin::{Answering, Body, Handler, Limits, Listener, Request, Response, Visitor, serve};
use kaskade_net::nrf::{Address, NfProfile, Registration};
use kaskade_net::sbi::client::{ClientOptions, SbiClient};
use kaskade_net::sbi::server::Shutdown;
use kaskade_net::services;
use kaskade_testkit::schema::openapi;
use serde_json::{Value, json};

/// What was asked for, and what it said.
#[derive(Clone, Debug)]
struct Asked {
    method: Method,
    path: String,
    media_type: Option<String>,
    body: Value,
    at: Instant,
}

/// An NRF of one profile.
#[derive(Default)]
struct Nrf {
    asked: Mutex<Vec<Asked>>,
    profile: Mutex<Option<Value>>,
    /// Has lost its memory: the next heart-beat finds nothing.
    forgets: AtomicBool,
    /// So many requests are refused first.
    refuses: AtomicU32,
    /// So many heart-beats are answered with this status first.
    beats_refused: Mutex<(u32, StatusCode)>,
    /// Profiles are answered so.
    puts_refused: Mutex<Option<StatusCode>>,
}

impl Handler for Nrf {
    fn handle(&self, _: Arc<Visitor>, request: Request) -> Answering<'_> {
        Box::pin(async move {
            let (head, upload) = request.into_parts();
            let octets = upload.whole(65_536).await.unwrap();
            let body = serde_json::from_slice(&octets).unwrap_or(Value::Null);
            let asked = Asked {
                method: head.method.clone(),
                path: head.uri.path().to_owned(),
                media_type: head
                    .headers
                    .get(CONTENT_TYPE)
                    .map(|value| value.to_str().unwrap().to_owned()),
                body: body.clone(),
                at: Instant::now(),
            };
            self.asked.lock().unwrap().push(asked);
            if self.refuses.load(Ordering::Relaxed) > 0 {
                self.refuses.fetch_sub(1, Ordering::Relaxed);
                return answer(StatusCode::SERVICE_UNAVAILABLE, None);
            }
            if let (true, Some(status)) = (head.method == Method::PUT, *self.puts_refused.lock().unwrap()) {
                return answer(status, None);
            }
            if head.method == Method::PATCH {
                let mut beats = self.beats_refused.lock().unwrap();
                if beats.0 > 0 {
                    beats.0 -= 1;
                    return answer(beats.1, None);
                }
            }
            let mut profile = self.profile.lock().unwrap();
            match head.method {
                Method::PUT => {
                    let mut kept = body;
                    kept["heartBeatTimer"] = 1.into();
                    let status = if profile.is_some() {
                        StatusCode::OK
                    } else {
                        StatusCode::CREATED
                    };
                    *profile = Some(kept.clone());
                    answer(status, Some(kept))
                }
                _ if self.forgets.swap(false, Ordering::Relaxed) || profile.is_none() => {
                    *profile = None;
                    answer(StatusCode::NOT_FOUND, None)
                }
                Method::PATCH => answer(StatusCode::NO_CONTENT, None),
                Method::DELETE => {
                    *profile = None;
                    answer(StatusCode::NO_CONTENT, None)
                }
                _ => answer(StatusCode::METHOD_NOT_ALLOWED, None),
            }
        })
    }
}

fn answer(status: StatusCode, body: Option<Value>) -> Response {
    let mut answer = Response::new(body.map_or_else(Body::empty, |body| Body::whole(body.to_string())));
    *answer.status_mut() = status;
    answer
}

struct Here {
    nrf: Arc<Nrf>,
    client: SbiClient,
    shutdown: Shutdown,
}

impl Here {
    fn start(nrf: Nrf) -> Self {
        let listener = Listener::tcp("127.0.0.1:0".parse().unwrap(), None).unwrap();
        let root = format!("http://{}", listener.address().unwrap());
        let (nrf, shutdown) = (Arc::new(nrf), Shutdown::new());
        tokio::spawn(serve(listener, nrf.clone(), Limits::default(), shutdown.clone()));
        let client = SbiClient::new(&root, ClientOptions::default()).unwrap();
        Self { nrf, client, shutdown }
    }

    /// What was asked for, when there was so much of it.
    async fn after(&self, count: usize) -> Vec<Asked> {
        for _ in 0..1000 {
            let asked = self.nrf.asked.lock().unwrap().clone();
            if asked.len() >= count {
                return asked;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{:?}", self.nrf.asked.lock().unwrap());
    }
}

const ID: &str = "0b1c2d3e-4f50-4162-8374-8596a7b8c9da";

fn profile(root: &str) -> NfProfile {
    let id: NfInstanceId = ID.parse().unwrap();
    let address = Address::of_root(root).unwrap();
    let services: Vec<_> = services::ALL
        .iter()
        .copied()
        .filter(|service| service.name.starts_with("nausf-"))
        .collect();
    NfProfile::new(id, "AUSF", &address, &services, 10)
}

#[tokio::test]
async fn a_profile_is_put_kept_alive_put_again_and_removed() {
    let here = Here::start(Nrf::default());
    let registration = Registration::start(here.client.clone(), profile("http://192.0.2.7:7777"));
    let asked = here.after(2).await;
    assert!(registration.state().is_registered());
    let path = format!("/nnrf-nfm/v1/nf-instances/{ID}");
    assert!(asked.iter().all(|asked| asked.path == path), "{asked:?}");
    let (put, beat) = (&asked[0], &asked[1]);
    assert_eq!(
        (&put.method, put.media_type.as_deref()),
        (&Method::PUT, Some("application/json"))
    );
    openapi::check_request("PUT", &path, &put.body);
    assert_eq!(put.body["nfType"], "AUSF");
    assert_eq!(put.body["ipv4Addresses"], json!(["192.0.2.7"]));
    assert_eq!(put.body["nfServices"][0]["serviceName"], "nausf-auth");
    let end = json!({ "ipv4Address": "192.0.2.7", "transport": "TCP", "port": 7777 });
    assert_eq!(put.body["nfServices"][0]["ipEndPoints"], json!([end]));
    assert_eq!(put.body["nfServiceList"]["nausf-auth"], put.body["nfServices"][0]);
    // As often as the NRF says, which is each second and not each tenth.
    assert_eq!(
        (&beat.method, beat.media_type.as_deref()),
        (&Method::PATCH, Some("application/json-patch+json"))
    );
    openapi::check_request("PATCH", &path, &beat.body);
    assert_eq!(
        beat.body,
        json!([{ "op": "replace", "path": "/nfStatus", "value": "REGISTERED" }])
    );

    let pause = beat.at - put.at;
    assert!(
        pause < Duration::from_secs(1) && pause > Duration::from_millis(800),
        "{pause:?}"
    );

    here.nrf.forgets.store(true, Ordering::Relaxed);
    let asked = here.after(4).await;
    assert_eq!(asked[2].method, Method::PATCH);
    assert_eq!((&asked[3].method, &asked[3].body), (&Method::PUT, &put.body));
    registration.end().await;
    let asked = here.nrf.asked.lock().unwrap().clone();
    let last = asked.last().unwrap();
    assert_eq!((&last.method, &last.path), (&Method::DELETE, &path));
    assert!(here.nrf.profile.lock().unwrap().is_none());
    here.shutdown.begin();
}

#[tokio::test]
async fn an_nrf_that_refuses_or_is_not_there_is_asked_again() {
    let here = Here::start(Nrf {
        refuses: AtomicU32::new(2),
        ..Nrf::default()
    });
    let registration = Registration::start(here.client.clone(), profile("https://[2001:db8::7]/kaskade"));
    let asked = here.after(3).await;
    assert!(asked.iter().all(|asked| asked.method == Method::PUT), "{asked:?}");
    let body = &asked[2].body;
    openapi::check_request("PUT", &asked[2].path, body);
    assert_eq!(body["ipv6Addresses"], json!(["2001:db8::7"]));
    let service = &body["nfServices"][0];
    assert_eq!(service["ipEndPoints"][0]["port"], 443);
    assert_eq!(
        (&service["scheme"], &service["apiPrefix"]),
        (&json!("https"), &json!("kaskade"))
    );
    registration.end().await;
    assert!(here.nrf.profile.lock().unwrap().is_none());
    here.shutdown.begin();

    // Nobody listens: the end does not wait for it.
    let nobody = SbiClient::new("http://127.0.0.1:1", ClientOptions::default()).unwrap();
    let registration = Registration::start(nobody, profile("http://ausf.example.org"));
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(!registration.state().is_registered());
    tokio::time::timeout(Duration::from_secs(2), registration.end())
        .await
        .expect("at once");
}

/// What Open5GS answers to a beat for a profile that it lost is 404; others say 403, or fail for a while.
#[tokio::test]
async fn a_heart_beat_that_is_refused_or_fails_again_and_again_has_the_profile_put_again() {
    let here = Here::start(Nrf::default());
    let registration = Registration::start(here.client.clone(), profile("http://192.0.2.7:7777"));
    here.after(1).await;
    *here.nrf.beats_refused.lock().unwrap() = (1, StatusCode::FORBIDDEN);
    let methods = |asked: &[Asked]| asked.iter().map(|asked| asked.method.clone()).collect::<Vec<_>>();
    let (put, patch) = (Method::PUT, Method::PATCH);
    assert_eq!(methods(&here.after(3).await), [put.clone(), patch.clone(), put.clone()]);
    *here.nrf.beats_refused.lock().unwrap() = (2, StatusCode::SERVICE_UNAVAILABLE);
    // Two fail, and the third does not: nothing else follows of that.
    let asked = here.after(6).await;
    assert!(asked[3..6].iter().all(|asked| asked.method == patch), "{asked:?}");
    assert!(registration.state().is_registered());
    *here.nrf.beats_refused.lock().unwrap() = (3, StatusCode::SERVICE_UNAVAILABLE);
    let asked = here.after(10).await;
    assert_eq!(methods(&asked[6..10]), [patch.clone(), patch.clone(), patch, put]);
    registration.end().await;
    assert!(here.nrf.profile.lock().unwrap().is_none());
    here.shutdown.begin();
}

/// An answer of 503 does not say that the profile was not kept.
#[tokio::test]
async fn what_may_be_registered_is_removed_at_the_end() {
    for (status, removed) in [(StatusCode::SERVICE_UNAVAILABLE, true), (StatusCode::FORBIDDEN, false)] {
        let here = Here::start(Nrf {
            puts_refused: Mutex::new(Some(status)),
            ..Nrf::default()
        });
        let registration = Registration::start(here.client.clone(), profile("http://192.0.2.7:7777"));
        here.after(1).await;
        tokio::time::sleep(Duration::from_millis(100)).await;
        registration.end().await;
        let asked = here.nrf.asked.lock().unwrap().clone();
        let last = asked.last().unwrap();
        assert_eq!(last.method == Method::DELETE, removed, "{status}");
        here.shutdown.begin();
    }
}

/// What was kept before it was refused is removed too.
#[tokio::test]
async fn a_profile_that_is_refused_later_is_removed_at_the_end() {
    let here = Here::start(Nrf::default());
    let registration = Registration::start(here.client.clone(), profile("http://192.0.2.7:7777"));
    here.after(1).await;
    *here.nrf.puts_refused.lock().unwrap() = Some(StatusCode::FORBIDDEN);
    *here.nrf.beats_refused.lock().unwrap() = (1, StatusCode::FORBIDDEN);
    let asked = here.after(3).await;
    assert_eq!(asked[2].method, Method::PUT);
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(!registration.state().is_registered());
    registration.end().await;
    assert!(here.nrf.profile.lock().unwrap().is_none());
    here.shutdown.begin();
}

#[test]
fn an_address_is_one_that_peers_can_use() {
    for wrong in ["", "ausf.example.org", "ftp://a", "http://", "/x"] {
        Address::of_root(wrong).expect_err(wrong);
    }
    let named = serde_json::to_value(profile("http://ausf.example.org:80")).unwrap();
    assert_eq!(named["fqdn"], "ausf.example.org");
    assert_eq!(named["nfServices"][0]["fqdn"], "ausf.example.org");
    openapi::check_request("PUT", &format!("/nnrf-nfm/v1/nf-instances/{ID}"), &named);
}
