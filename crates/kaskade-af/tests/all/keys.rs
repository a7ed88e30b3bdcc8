//! Keys are asked for once, and kept as long as they may be.

use std::time::Duration;

use kaskade_af::{AkmaClient, AkmaOptions, NoKey};
use kaskade_flow::Refusal;
use kaskade_flow::budget::Rate;
use kaskade_keys::id::UaProtocolId;
use kaskade_net::sbi::service::NotDone;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::common::{Home, Says, Ue, af, client};

const DIGEST: UaProtocolId = UaProtocolId::HTTP_DIGEST;

fn with(home: &Home, change: impl FnOnce(&mut AkmaOptions)) -> AkmaClient {
    let mut options = AkmaOptions::default();
    change(&mut options);
    AkmaClient::new(af(), home.clone(), options).unwrap()
}

#[tokio::test]
async fn a_key_is_asked_for_once() {
    let ue = Ue::new(1);
    let home = Home::new(std::slice::from_ref(&ue));
    let keys = client(&home);
    let gate = home.shut();
    let mut all = JoinSet::new();
    for _ in 0..32 {
        let (keys, a_kid) = (keys.clone(), ue.a_kid.clone());
        all.spawn(async move { keys.key(&a_kid, DIGEST).await });
    }
    sleep(Duration::from_millis(50)).await;
    // Whoever asked first goes away; the others still get theirs.
    let first = timeout(Duration::from_millis(20), keys.key(&ue.a_kid, DIGEST)).await;
    assert!(first.is_err(), "nobody has answered yet");
    home.open();
    gate.notify_waiters();
    while let Some(known) = all.join_next().await {
        let known = known.unwrap().unwrap();
        assert!(*known.k_af() == ue.k_af(DIGEST));
        assert_eq!(known.user.name().as_deref(), Some("msisdn-491701234567"));
    }
    assert_eq!(home.asked(), 1);
    assert!(keys.key(&ue.a_kid, DIGEST).await.is_ok());
    assert_eq!((home.asked(), keys.count()), (1, 1));
    let last = home.last();
    assert_eq!(last.af_id.to_string(), "af.example0100000002");
    assert!(last.notif_uri.is_none() && !last.anon_ind);
    // Another protocol is another key.
    let tls = UaProtocolId::tls([0x13, 0x01]);
    let known = keys.key(&ue.a_kid, tls).await.unwrap();
    assert!(*known.k_af() == ue.k_af(tls) && *known.k_af() != ue.k_af(DIGEST));
    assert_eq!((home.asked(), keys.count()), (2, 2));
}

#[tokio::test]
async fn a_question_outlives_whoever_asked_it() {
    let ue = Ue::new(1);
    let home = Home::new(std::slice::from_ref(&ue));
    let keys = client(&home);
    let gate = home.shut();
    let first = timeout(Duration::from_millis(20), keys.key(&ue.a_kid, DIGEST)).await;
    assert!(first.is_err());
    gate.notify_waiters();
    assert!(keys.key(&ue.a_kid, DIGEST).await.is_ok());
    assert_eq!(home.asked(), 1);
}

#[tokio::test]
async fn a_key_is_used_until_it_expires() {
    let ue = Ue::new(1);
    let home = Home::new(std::slice::from_ref(&ue));
    let keys = client(&home);
    home.life(Duration::from_secs(1));
    assert!(keys.key(&ue.a_kid, DIGEST).await.is_ok());
    assert!(keys.key(&ue.a_kid, DIGEST).await.is_ok());
    assert_eq!(home.asked(), 1);
    sleep(Duration::from_millis(1100)).await;
    // The home network gives it on.
    assert!(keys.key(&ue.a_kid, DIGEST).await.is_ok());
    assert_eq!(home.asked(), 2, "the first one has expired");
    sleep(Duration::from_millis(1100)).await;
    home.life(Duration::ZERO);
    assert_eq!(keys.key(&ue.a_kid, DIGEST).await.unwrap_err(), NoKey::Expired);
}

#[tokio::test]
async fn a_key_is_kept_no_longer_than_configured() {
    let ue = Ue::new(1);
    let home = Home::new(std::slice::from_ref(&ue));
    let keys = with(&home, |options| options.kept_for = Duration::from_millis(500));
    for asked in 1..=2 {
        assert!(keys.key(&ue.a_kid, DIGEST).await.is_ok());
        assert!(keys.key(&ue.a_kid, DIGEST).await.is_ok());
        assert_eq!(home.asked(), asked);
        sleep(Duration::from_millis(700)).await;
    }
}

#[tokio::test]
async fn an_unknown_user_is_not_asked_for_at_once_again() {
    let ue = Ue::new(1);
    let home = Home::new(&[]);
    let keys = with(&home, |options| options.unknown_for = Duration::from_secs(1));
    for _ in 0..10 {
        assert_eq!(keys.key(&ue.a_kid, DIGEST).await.unwrap_err(), NoKey::Unknown);
    }
    assert_eq!(home.asked(), 1);
    sleep(Duration::from_millis(1200)).await;
    assert_eq!(keys.key(&ue.a_kid, DIGEST).await.unwrap_err(), NoKey::Unknown);
    assert_eq!((home.asked(), keys.count()), (2, 0));
}

#[tokio::test]
async fn a_failure_is_not_kept() {
    let ue = Ue::new(1);
    let home = Home::new(std::slice::from_ref(&ue));
    let keys = client(&home);
    home.says(Says::NotDone(Refusal::PeerSilent));
    let why = keys.key(&ue.a_kid, DIGEST).await.unwrap_err();
    assert_eq!(why, NoKey::Unreachable(NotDone::from(Refusal::PeerSilent).why()));
    assert!(why.may_pass());
    home.says(Says::Key);
    assert!(keys.key(&ue.a_kid, DIGEST).await.is_ok());
}

#[tokio::test]
async fn questions_have_a_bound_and_a_rate() {
    let users: Vec<Ue> = (0..20).map(Ue::new).collect();
    let home = Home::new(&users);
    let keys = with(&home, |options| options.most_asked = 4);
    let gate = home.shut();
    let mut waiting = JoinSet::new();
    for ue in &users {
        let (keys, a_kid) = (keys.clone(), ue.a_kid.clone());
        waiting.spawn(async move { keys.key(&a_kid, DIGEST).await });
    }
    sleep(Duration::from_millis(100)).await;
    assert_eq!(home.asked(), 4);
    home.open();
    gate.notify_waiters();
    let (mut found, mut busy) = (0, 0);
    while let Some(outcome) = waiting.join_next().await {
        match outcome.unwrap() {
            Ok(_) => found += 1,
            Err(why) => {
                assert_eq!(why, NoKey::Busy);
                busy += 1;
            }
        }
    }
    assert_eq!((found, busy), (4, 16));
    // Ended questions make room.
    assert!(keys.key(&users[19].a_kid, DIGEST).await.is_ok());

    let keys = with(&home, |options| options.rate = Rate::per_second(1, 3).unwrap());
    let mut found = 0;
    for ue in &users {
        found += usize::from(keys.key(&ue.a_kid, DIGEST).await.is_ok());
    }
    assert!((3..=4).contains(&found), "{found}");
}

#[tokio::test]
async fn keys_have_their_room() {
    let users: Vec<Ue> = (0..20).map(Ue::new).collect();
    let home = Home::new(&users);
    let keys = with(&home, |options| options.most_keys = 8);
    for ue in &users {
        assert!(keys.key(&ue.a_kid, DIGEST).await.is_ok());
        assert!(keys.count() <= 8);
    }
    assert_eq!(home.asked(), 20);
    assert!(keys.key(&users[19].a_kid, DIGEST).await.is_ok());
    assert_eq!(home.asked(), 20, "the newest is there");
}

#[tokio::test]
async fn a_disabled_key_is_forgotten_on_its_way_too() {
    let ue = Ue::new(1);
    let home = Home::new(std::slice::from_ref(&ue));
    let keys = client(&home);
    assert!(keys.key(&ue.a_kid, DIGEST).await.is_ok());
    assert!(keys.key(&ue.a_kid, UaProtocolId::tls([0x13, 0x02])).await.is_ok());
    assert_eq!(keys.disable(&ue.a_kid), 2);
    assert_eq!((keys.count(), keys.disable(&ue.a_kid)), (0, 0));
    let gate = home.shut();
    let waiting = {
        let (keys, a_kid) = (keys.clone(), ue.a_kid.clone());
        tokio::spawn(async move { keys.key(&a_kid, DIGEST).await })
    };
    sleep(Duration::from_millis(50)).await;
    assert_eq!((home.asked(), keys.disable(&ue.a_kid)), (3, 1));
    home.open();
    // Whoever asks after it is asked for anew, and not mixed up with the one before.
    assert!(keys.key(&ue.a_kid, DIGEST).await.is_ok());
    gate.notify_waiters();
    assert_eq!(waiting.await.unwrap().unwrap_err(), NoKey::Disabled);
    assert_eq!((home.asked(), keys.count()), (4, 1));
}

#[tokio::test]
async fn one_source_does_not_spend_what_all_have() {
    let users: Vec<Ue> = (0..20).map(Ue::new).collect();
    let home = Home::new(&users);
    let keys = with(&home, |options| {
        options.rate_of_source = Rate::per_second(1, 3).unwrap()
    });
    let [one, other] = ["192.0.2.1", "192.0.2.2"].map(|text| text.parse().ok());
    let mut found = 0;
    for ue in &users {
        found += usize::from(keys.key_for(one, &ue.a_kid, DIGEST).await.is_ok());
    }
    assert!((3..=4).contains(&found), "{found}");
    // What is there needs no budget.
    assert!(keys.key_for(one, &users[0].a_kid, DIGEST).await.is_ok());
    assert!(keys.key_for(other, &users[19].a_kid, DIGEST).await.is_ok());
}
