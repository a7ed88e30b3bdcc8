//! Notices and keys at once: no key comes after word of its end, and nothing is left of what was no key.

use kaskade_net::role::access::{AccessRules, Asked as Allowed};
use kaskade_net::services;

use super::notices::{Application, disabled, told_at, uri_given};
use super::*;

/// Another protocol of the same domain.
const OTHER: &str = "video.example.com01000113a8";

fn other_told_at(uri: &str) -> Value {
    request(OTHER, &[("notifUri", uri.into())])
}

#[tokio::test]
async fn a_notice_lasts_as_long_as_the_longest_key() {
    let (application, root, _shutdown) = Application::start();
    let anchor = anchor();
    *anchor.lasting.lock().unwrap() = Some(("01000113a8", Duration::from_millis(50)));
    let node = start(&anchor, Some(&root), |_| {});
    let token = token_for(&node, "video", 1, None).await;
    let own = format!("{root}/ended");
    assert_eq!(ask(&node, &told_at(&own), Some(&token)).await.status, 200);
    assert_eq!(ask(&node, &other_told_at(&own), Some(&token)).await.status, 200);
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(disabled(&uri_given(&anchor).unwrap(), A_KID).await.0, 204);
    assert_eq!(application.after(1).await.len(), 1);
    node.shutdown().await;
}

#[tokio::test]
async fn no_key_comes_after_word_of_its_end() {
    let (application, root, _shutdown) = Application::start();
    let anchor = anchor();
    let node = start(&anchor, Some(&root), |_| {});
    let token = token_for(&node, "video", 1, None).await;
    let own = told_at(&format!("{root}/ended"));
    let held = anchor.hold();
    let asked = ask(&node, &own, Some(&token));
    let ended = async {
        held.is_made.notified().await;
        assert_eq!(disabled(&uri_given(&anchor).unwrap(), A_KID).await.0, 204);
        application.after(1).await;
        held.may_go.notify_one();
    };
    let (told, ()) = tokio::join!(asked, ended);
    assert_eq!((told.status, told.body.len()), (204, 0), "{told:?}");
    // Another key of the same A-KID in between has a notice of its own.
    let held = anchor.hold();
    let asked = ask(&node, &own, Some(&token));
    let ended = async {
        held.is_made.notified().await;
        assert_eq!(disabled(&uri_given(&anchor).unwrap(), A_KID).await.0, 204);
        assert_eq!(ask(&node, &own, Some(&token)).await.status, 200);
        held.may_go.notify_one();
    };
    let (told, ()) = tokio::join!(asked, ended);
    assert_eq!(told.status, 204, "{told:?}");
    assert_eq!(disabled(&uri_given(&anchor).unwrap(), A_KID).await.0, 204);
    node.shutdown().await;
}

#[tokio::test]
async fn a_notice_that_others_change_is_no_obstacle() {
    let (_application, root, _shutdown) = Application::start();
    let anchor = anchor();
    let node = start(&anchor, Some(&root), |_| {});
    let token = token_for(&node, "video", 1, None).await;
    let own = format!("{root}/ended");
    let (first, other) = (told_at(&own), other_told_at(&own));
    let held = anchor.hold();
    let asked = ask(&node, &first, Some(&token));
    let between = async {
        held.is_made.notified().await;
        assert_eq!(ask(&node, &other, Some(&token)).await.status, 200);
        held.may_go.notify_one();
    };
    let (told, ()) = tokio::join!(asked, between);
    assert_eq!(told.status, 200, "{told:?}");
    // Many who want to hear no more, at once, so often that two of them come between each other.
    let (node, token) = (Arc::new(node), Arc::new(token));
    for _ in 0..25 {
        *anchor.together.lock().unwrap() = None;
        assert_eq!(ask(&node, &first, Some(&token)).await.status, 200);
        *anchor.together.lock().unwrap() = Some(Arc::new(tokio::sync::Barrier::new(8)));
        let mut all = tokio::task::JoinSet::new();
        for _ in 0..8 {
            let (node, token) = (node.clone(), token.clone());
            all.spawn(async move { ask(&node, &request(AF_ID, &[]), Some(&token)).await });
        }
        while let Some(told) = all.join_next().await {
            let told = told.unwrap();
            assert_eq!(told.status, 200, "{told:?}");
        }
    }
    Arc::try_unwrap(node).unwrap().shutdown().await;
}

#[tokio::test]
async fn what_was_no_key_leaves_no_notice() {
    let (_application, root, _shutdown) = Application::start();
    let anchor = anchor();
    let node = start(&anchor, Some(&root), |_| {});
    let token = token_for(&node, "video", 1, None).await;
    let mut made_up = told_at(&format!("{root}/ended"));
    made_up["aKId"] = other_a_kid().into();
    assert_eq!(ask(&node, &made_up, Some(&token)).await.status, 204);
    let uri = uri_given(&anchor).unwrap();
    assert_eq!(disabled(&uri, &other_a_kid()).await.0, 404, "nobody has a key of it");
    // Neither where the AAnF refuses.
    *anchor.refuses.lock().unwrap() = Some(Refusal::AkmaNotAllowed);
    let own = told_at(&format!("{root}/ended"));
    assert_eq!(ask(&node, &own, Some(&token)).await.status, 403);
    assert_eq!(disabled(&uri_given(&anchor).unwrap(), A_KID).await.0, 404);
    // What belongs to a key that was given stays.
    *anchor.refuses.lock().unwrap() = None;
    assert_eq!(ask(&node, &own, Some(&token)).await.status, 200);
    *anchor.refuses.lock().unwrap() = Some(Refusal::AkmaNotAllowed);
    assert_eq!(ask(&node, &own, Some(&token)).await.status, 403);
    assert_eq!(disabled(&uri_given(&anchor).unwrap(), A_KID).await.0, 204);
    node.shutdown().await;
}

/// An AAnF calls back without a token, and is in no list of callers.
#[tokio::test]
async fn an_aanf_needs_nothing_but_the_name_of_the_notice() {
    let (application, root, _shutdown) = Application::start();
    let anchor = anchor();
    let keys = Allowed::of("3gpp-akma", &services::ALL).unwrap();
    let nrf = crate::access::Nrf::new();
    let node = start(&anchor, Some(&root), |setup| {
        setup.access = AccessRules {
            tokens: Some(nrf.verifier()),
            token_required: true,
            allowed: vec![(Requester::group("plain").id(), vec![keys])],
        };
    });
    let token = token_for(&node, "video", 1, None).await;
    let own = told_at(&format!("{root}/ended"));
    assert_eq!(ask(&node, &own, Some(&token)).await.status, 200);
    let uri = uri_given(&anchor).unwrap();
    let guessed = format!(
        "{}/kaskade-nef-notices/v1/akma/{}",
        node.nef_notices_url().unwrap(),
        "0".repeat(32)
    );
    assert_eq!(disabled(&guessed, A_KID).await.0, 404);
    assert_eq!(disabled(&uri, A_KID).await.0, 204);
    assert_eq!(application.after(1).await.len(), 1);
    node.shutdown().await;
}
