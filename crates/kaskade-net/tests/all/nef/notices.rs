//! An application function is told that its keys are to be used no more, where the configuration lets it be told.

use std::sync::atomic::{AtomicU16, Ordering};

use hyper::{Method, StatusCode};
use kaskade_net::admin::{
    Answering, Body, Handler, Limits, Listener, Request, Response, Visitor, serve as serve_holder,
};
use kaskade_net::sbi::client::SbiClient;

use super::*;

/// An application function's own server: what it was told, and what it answers.
#[derive(Default)]
pub(super) struct Application {
    told: Mutex<Vec<(String, Value)>>,
    answers: AtomicU16,
}

impl Handler for Application {
    fn handle(&self, _: Arc<Visitor>, request: Request) -> Answering<'_> {
        Box::pin(async move {
            let (head, upload) = request.into_parts();
            let octets = upload.whole(65_536).await.unwrap();
            assert_eq!(head.method, Method::POST);
            let path = head.uri.path_and_query().unwrap().to_string();
            let status = match self.answers.load(Ordering::Relaxed) {
                0 => 204,
                status => status,
            };
            self.told
                .lock()
                .unwrap()
                .push((path, serde_json::from_slice(&octets).unwrap()));
            let mut answer = Response::new(Body::empty());
            *answer.status_mut() = StatusCode::from_u16(status).unwrap();
            answer
        })
    }
}

impl Application {
    pub(super) fn start() -> (Arc<Self>, String, Shutdown) {
        let listener = Listener::tcp("127.0.0.1:0".parse().unwrap(), None).unwrap();
        let root = format!("http://{}", listener.address().unwrap());
        let (application, shutdown) = (Arc::new(Self::default()), Shutdown::new());
        tokio::spawn(serve_holder(
            listener,
            application.clone(),
            Limits::default(),
            shutdown.clone(),
        ));
        (application, root, shutdown)
    }

    pub(super) async fn after(&self, count: usize) -> Vec<(String, Value)> {
        for _ in 0..1500 {
            let told = self.told.lock().unwrap().clone();
            if told.len() >= count {
                return told;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{:?}", self.told.lock().unwrap());
    }
}

/// What an AAnF does with the URI that it was given.
pub(super) async fn disabled(uri: &str, a_kid: &str) -> (u16, Option<String>) {
    let at = uri.find("/kaskade-nef-notices/").unwrap();
    let (root, path) = uri.split_at(at);
    let client = SbiClient::new(root, ClientOptions::default()).unwrap();
    let body = bytes::Bytes::from(json!({"aKId": a_kid}).to_string());
    let answer = client.send(Method::POST, path, Some(body)).await.unwrap();
    let json: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    (answer.status.as_u16(), json["cause"].as_str().map(str::to_owned))
}

pub(super) fn told_at(uri: &str) -> Value {
    request(AF_ID, &[("notifUri", uri.into())])
}

pub(super) fn uri_given(anchor: &Anchor) -> Option<String> {
    anchor.asked().last().unwrap().notif_uri.clone().map(|uri| uri.0)
}

#[tokio::test]
async fn the_end_of_a_key_is_passed_on_once() {
    let (application, root, _shutdown) = Application::start();
    let anchor = anchor();
    let node = start(&anchor, Some(&root), |_| {});
    let token = token_for(&node, "video", 1, None).await;
    let own = format!("{root}/ended?of=video");
    assert_eq!(ask(&node, &told_at(&own), Some(&token)).await.status, 200);
    let uri = uri_given(&anchor).unwrap();
    let notices = node.nef_notices_url().unwrap().to_owned();
    assert!(
        uri.starts_with(&notices) && !uri.contains("video"),
        "{uri}: the NEF's own"
    );
    // Who asks again is known by the same name.
    assert_eq!(ask(&node, &told_at(&own), Some(&token)).await.status, 200);
    assert_eq!(uri_given(&anchor).as_ref(), Some(&uri));
    // Nobody else is there, and not at the door for those outside.
    assert_eq!(disabled(&uri, &other_a_kid()).await.0, 404, "another A-KID");
    let guessed = format!("{notices}/kaskade-nef-notices/v1/akma/{}", "0".repeat(32));
    assert_eq!(disabled(&guessed, A_KID).await.0, 404);
    let outside = uri.replace(&notices, node.nef_url().unwrap());
    assert_eq!(disabled(&outside, A_KID).await.0, 400, "no such API");
    assert_eq!(disabled(&uri, A_KID).await.0, 204);
    let told = application.after(1).await;
    assert_eq!(told, [("/ended?of=video".to_owned(), json!({"aKId": A_KID}))]);
    assert_eq!(
        disabled(&uri, A_KID).await,
        (404, Some("CONTEXT_NOT_FOUND".to_owned())),
        "it was told"
    );
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(
        (
            application.told.lock().unwrap().len(),
            node.nef().unwrap().counters().told.sum()
        ),
        (1, 1)
    );
    node.shutdown().await;
}

#[tokio::test]
async fn who_wants_to_hear_no_more_hears_no_more() {
    let (application, root, _shutdown) = Application::start();
    let anchor = anchor();
    let node = start(&anchor, Some(&root), |_| {});
    let token = token_for(&node, "video", 1, None).await;
    assert_eq!(
        ask(&node, &told_at(&format!("{root}/ended")), Some(&token))
            .await
            .status,
        200
    );
    let uri = uri_given(&anchor).unwrap();
    assert_eq!(ask(&node, &request(AF_ID, &[]), Some(&token)).await.status, 200);
    assert_eq!(uri_given(&anchor), None);
    assert_eq!(disabled(&uri, A_KID).await.0, 404);
    assert!(application.told.lock().unwrap().is_empty());
    node.shutdown().await;
}

#[tokio::test]
async fn nobody_makes_the_nef_tell_anybody_else() {
    let (application, root, _shutdown) = Application::start();
    let anchor = anchor();
    let node = start(&anchor, Some(&root), |_| {});
    let token = token_for(&node, "video", 1, None).await;
    for uri in [
        "http://127.0.0.1:1/ended",
        "https://video.example.com/ended",
        "http://127.0.0.1/ended",
        "http://169.254.169.254/latest",
    ] {
        let told = ask(&node, &told_at(uri), Some(&token)).await;
        assert_eq!(refused(&told), (403, None), "{uri} {told:?}");
    }
    for uri in [
        "ended",
        "ftp://video.example.com/x",
        "",
        "http://a b/",
        &format!("{root}/{}", "x".repeat(1024)),
    ] {
        let told = ask(&node, &told_at(uri), Some(&token)).await;
        assert_eq!(
            refused(&told),
            (400, Some("OPTIONAL_IE_INCORRECT".to_owned())),
            "{uri} {told:?}"
        );
    }
    assert!(anchor.asked().is_empty());
    // What was allowed when the key was given, and is no more.
    assert_eq!(
        ask(&node, &told_at(&format!("{root}/ended")), Some(&token))
            .await
            .status,
        200
    );
    let uri = uri_given(&anchor).unwrap();
    node.nef().unwrap().policy().replace(policy(None));
    assert_eq!(disabled(&uri, A_KID).await.0, 204);
    for _ in 0..500 {
        if node.nef().unwrap().counters().given_up.sum() == 1 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(node.nef().unwrap().counters().given_up.sum(), 1);
    assert!(application.told.lock().unwrap().is_empty());
    node.shutdown().await;
}

#[tokio::test]
async fn what_fails_is_told_again_and_what_is_refused_is_not() {
    let (application, root, _shutdown) = Application::start();
    let anchor = anchor();
    let node = start(&anchor, Some(&root), |_| {});
    let token = token_for(&node, "video", 1, None).await;
    application.answers.store(503, Ordering::Relaxed);
    assert_eq!(
        ask(&node, &told_at(&format!("{root}/ended")), Some(&token))
            .await
            .status,
        200
    );
    assert_eq!(disabled(&uri_given(&anchor).unwrap(), A_KID).await.0, 204);
    application.after(1).await;
    application.answers.store(204, Ordering::Relaxed);
    application.after(2).await;
    // Of the next one it wants to hear nothing.
    application.answers.store(410, Ordering::Relaxed);
    assert_eq!(
        ask(&node, &told_at(&format!("{root}/ended")), Some(&token))
            .await
            .status,
        200
    );
    assert_eq!(disabled(&uri_given(&anchor).unwrap(), A_KID).await.0, 204);
    application.after(3).await;
    let counters = || {
        let counters = node.nef().unwrap().counters();
        [counters.told.sum(), counters.not_told.sum(), counters.given_up.sum()]
    };
    for _ in 0..500 {
        if counters() == [1, 1, 1] {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(counters(), [1, 1, 1]);
    node.shutdown().await;
}

/// Word of the end outlives the process that was told it.
#[tokio::test]
async fn what_was_not_passed_on_is_passed_on_after_a_restart() {
    let engine = MemoryEngine::default();
    let shared = store(engine.clone());
    let root = {
        // Nobody listens there yet.
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap()
    };
    let anchor = anchor();
    let node = start(&anchor, Some(&format!("http://{root}")), |setup| {
        setup.store = shared.clone();
    });
    let token = token_for(&node, "video", 1, None).await;
    assert_eq!(
        ask(&node, &told_at(&format!("http://{root}/ended")), Some(&token))
            .await
            .status,
        200
    );
    assert_eq!(disabled(&uri_given(&anchor).unwrap(), A_KID).await.0, 204);
    node.shutdown().await;
    let application = Arc::new(Application::default());
    let listener = Listener::tcp(root, None).unwrap();
    let shutdown = Shutdown::new();
    tokio::spawn(serve_holder(
        listener,
        application.clone(),
        Limits::default(),
        shutdown.clone(),
    ));
    let node = start(&anchor, Some(&format!("http://{root}")), |setup| {
        setup.store = shared.clone();
    });
    assert_eq!(application.after(1).await[0].0, "/ended");
    node.shutdown().await;
}
