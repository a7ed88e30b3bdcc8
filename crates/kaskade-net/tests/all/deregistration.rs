//! AMFs that serve a subscriber no more hear it, once, with the reason, and not when they serve it again.

use std::time::Duration;

use hyper::StatusCode;
use kaskade_flow::Unit;
use kaskade_net::role::udm::{declare_serving_amfs, end_registration, withdraw_registration};
use kaskade_store::StoreError;
use serde_json::{Value, json};

use crate::common::http::Told;
use crate::common::{Home, supi};
use crate::uecm::{Amf, home, refused, register, registration, trigger};

/// AMF of this number, which hears at `root`.
fn amf(number: u8, root: &str, is_new: bool) -> Value {
    let mut body = registration(Some(&format!("{root}/again/{number}")), &format!("0200{number:02x}"));
    body["amfInstanceId"] = format!("01020304-0506-4708-890a-0b0c0d0e0f{number:02x}").into();
    body["deregCallbackUri"] = format!("{root}/dereg/{number}").into();
    if is_new {
        body["initialRegistrationInd"] = true.into();
    }
    body
}

async fn registers(home: &Home, of: u64, number: u8, root: &str, is_new: bool) -> Told {
    let told = register(home, of, &amf(number, root, is_new)).await;
    assert!(matches!(told.status, 201 | 204), "{told:?}");
    told
}

fn of(reason: &str) -> Value {
    json!({ "deregReason": reason, "accessType": "3GPP_ACCESS" })
}

#[tokio::test]
async fn an_amf_hears_that_another_serves_its_subscriber_and_why() {
    let (peer, root, _end) = Amf::start();
    let home = home(Some(&root));
    registers(&home, 0, 1, &root, true).await;
    registers(&home, 1, 1, &root, true).await;
    // It says it again: it is the same.
    registers(&home, 0, 1, &root, false).await;
    registers(&home, 0, 2, &root, false).await;
    let moved = ("/dereg/1".to_owned(), of("UE_REGISTRATION_AREA_CHANGE"));
    assert_eq!(peer.after(1).await, std::slice::from_ref(&moved));
    registers(&home, 0, 3, &root, true).await;
    let anew = ("/dereg/2".to_owned(), of("UE_INITIAL_REGISTRATION"));
    assert_eq!(peer.after(2).await, [moved, anew]);
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(peer.after(2).await.len(), 2);
    let counters = home.udm.uecm().unwrap().counters();
    assert_eq!(counters.former_told.sum(), 2);
    home.shutdown_unchecked().await;
}

#[tokio::test]
async fn an_amf_that_serves_again_hears_nothing_of_its_end() {
    let (peer, root, _end) = Amf::start();
    let home = home(Some(&root));
    registers(&home, 0, 1, &root, true).await;
    // It does not take it, and is to hear it in a second.
    peer.answers.lock().unwrap().push(StatusCode::SERVICE_UNAVAILABLE);
    registers(&home, 0, 2, &root, false).await;
    peer.after(1).await;
    registers(&home, 0, 1, &root, false).await;
    tokio::time::sleep(Duration::from_millis(2500)).await;
    let told: Vec<String> = peer.told.lock().unwrap().iter().map(|(path, _)| path.clone()).collect();
    assert_eq!(told, ["/dereg/1", "/dereg/2"]);
    home.shutdown_unchecked().await;
}

#[tokio::test]
async fn no_former_amf_is_told_where_the_configuration_does_not_say_so() {
    let (peer, root, _end) = Amf::start();
    let home = home(Some("http://127.0.0.1:9"));
    registers(&home, 0, 1, &root, true).await;
    registers(&home, 0, 2, &root, true).await;
    let counters = home.udm.uecm().unwrap().counters();
    for _ in 0..500 {
        if counters.former_given_up.sum() == 1 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(counters.former_given_up.sum(), 1);
    assert_eq!(*peer.told.lock().unwrap(), []);
    home.shutdown_unchecked().await;
}

/// The registration goes with the subscriber, or both stay.
#[tokio::test]
async fn a_registration_goes_in_the_commit_of_its_subscriber() {
    let (peer, root, _end) = Amf::start();
    let home = home(Some(&root));
    for of in [0, 1] {
        registers(&home, of, 1, &root, true).await;
    }
    let (store, records) = (home.store.clone(), home.store.records());
    declare_serving_amfs(&records).unwrap();
    let mut unit = Unit::new();
    assert!(withdraw_registration(&records, &supi(0), &mut unit).await.unwrap());
    // Another AMF was faster: nothing of it happens.
    registers(&home, 0, 2, &root, false).await;
    assert_eq!(peer.after(1).await.len(), 1);
    let removing = |unit: Unit| {
        let store = store.clone();
        tokio::task::spawn_blocking(move || store.remove_with(&supi(0), unit))
    };
    let conflict = removing(unit).await.unwrap();
    assert!(matches!(conflict, Err(StoreError::Conflict(_))), "{conflict:?}");
    assert!(store.contains(&supi(0)).unwrap());
    assert_eq!(trigger(&home, "POST", 0, "trigger-auth").await.status, 204);
    assert_eq!(peer.after(2).await[1].0, "/again/2");
    let mut unit = Unit::new();
    assert!(withdraw_registration(&records, &supi(0), &mut unit).await.unwrap());
    assert!(removing(unit).await.unwrap().unwrap());
    assert_eq!(
        peer.after(3).await[2],
        ("/dereg/2".to_owned(), of("SUBSCRIPTION_WITHDRAWN"))
    );
    let told = register(&home, 0, &amf(1, &root, true)).await;
    assert_eq!(refused(&told), (404, "USER_NOT_FOUND".to_owned()));
    // Without the subscriber's end.
    assert!(end_registration(&records, &supi(1)).await.unwrap());
    assert!(!end_registration(&records, &supi(1)).await.unwrap());
    assert_eq!(peer.after(4).await[3].0, "/dereg/1");
    let told = trigger(&home, "POST", 1, "trigger-auth").await;
    assert_eq!(refused(&told), (404, "CONTEXT_NOT_FOUND".to_owned()));
    drop(records);
    home.shutdown_unchecked().await;
}
