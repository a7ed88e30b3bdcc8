//! How EMSKs end, and who hears of it.

use kaskade_anchor::emsk::{Anchor, Custody, Holder as Record, Life, SealedRoot, Why};
use kaskade_flow::record::Record as _;
use kaskade_flow::{Guarded, UnixMillis};

use super::*;
use kaskade_keys::eap::Emsk;
use kaskade_keys::id::SessionId;
use kaskade_net::role::usage_keys::{UsageKeys, UsageKeysError};
use kaskade_net::time::moment;
use kaskade_testkit::memory::Failure;

async fn a_new_authentication_ends_the_keys_of_the_one_before_and_their_holders_are_told(on: On) {
    let (holder, root, _end) = Holder::start();
    let home = start(on, Some(&root));
    authenticated(&home, 0, 1).await;
    let (smf, er) = (nf(&home, SMF), nf(&home, ER));
    let first = smf.key(told_at(one(0), &format!("{root}/ended?of=one"))).await.unwrap();
    let mut of_domain = domain(0, "visited.example");
    of_domain.callback_uri = Some(Text(format!("{root}/domain")));
    er.client.domain_key(&er.caller, of_domain).await.unwrap();
    // Another subscriber's stay.
    authenticated(&home, 1, 1).await;
    let other = smf.key(told_at(one(1), &format!("{root}/other"))).await.unwrap();
    // It does not take the message at first.
    holder.answers.lock().unwrap().push(StatusCode::SERVICE_UNAVAILABLE);
    let mut at_ue = five_g_aka(&home, 0, 1).await;
    let told = holder.after(3).await;
    let of_one: Vec<_> = told
        .iter()
        .filter(|(path, _)| path == "/ended")
        .map(|(_, body)| body)
        .collect();
    let body = of_one.last().unwrap();
    assert_eq!(body["supi"], supi(0).sbi());
    assert_eq!(body["keyName"], first.key_name.to_string());
    assert_eq!(body["emskName"], first.emsk_name.to_string());
    assert_eq!(
        (&body["label"], &body["reason"]),
        (&"one@example.org".into(), &"reauthenticated".into())
    );
    let of_domain = told
        .iter()
        .find(|(path, _)| path == "/domain")
        .expect("the key server, too");
    assert_eq!(
        (&of_domain.1["domain"], of_domain.1.get("keyName")),
        (&"visited.example".into(), None)
    );
    // The new key is another one; the other subscriber's is as it was.
    let second = smf.key(one(0)).await.unwrap();
    assert_ne!(second.key.expose_to_its_server(), first.key.expose_to_its_server());
    is_that_of(&second, &mut at_ue, &key_of("one@example.org", UsageData::default()));
    let same = smf.key(told_at(one(1), &format!("{root}/other"))).await.unwrap();
    assert_eq!(same.key.expose_to_its_server(), other.key.expose_to_its_server());
    assert!(holder.told.lock().unwrap().iter().all(|(path, _)| path != "/other"));
    let counters = home.ausf().usage_keys().unwrap().counters();
    assert_eq!((counters.told.sum(), counters.not_told.sum()), (2, 1));
    home.shutdown_unchecked().await;
}

async fn only_who_had_a_user_authenticated_ends_its_keys_by_deregistration(on: On) {
    let home = start(on, None);
    let smf = nf(&home, SMF);
    authenticated(&home, 0, 1).await;
    let by_first = home.seaf_at(1);
    authenticated(&home, 0, 9).await;
    smf.key(one(0)).await.unwrap();
    // What the first AMF had is forgotten, and is not what there is.
    by_first.deregister(&supi(0)).await.unwrap();
    smf.key(one(0)).await.unwrap();
    home.seaf_at(9).deregister(&supi(0)).await.unwrap();
    assert_eq!(refused(smf.key(one(0)).await), because(404, "CONTEXT_NOT_FOUND"));
    // And so it is where the result is taken back.
    let seaf = home.seaf_at(1);
    let challenge = seaf.authenticate(supi(0), snn()).await.unwrap();
    let at_ue = answer(&mut ue(0), &challenge);
    seaf.confirm(&challenge.confirmation, Some(&at_ue.res_star))
        .await
        .unwrap();
    smf.key(one(0)).await.unwrap();
    seaf.delete(&challenge.confirmation).await.unwrap();
    assert_eq!(refused(smf.key(one(0)).await), because(404, "CONTEXT_NOT_FOUND"));
    home.shutdown().await;
}

async fn no_key_is_given_of_a_suspended_subscriber(on: On) {
    let home = start(on, None);
    authenticated(&home, 0, 1).await;
    let smf = nf(&home, SMF);
    smf.key(one(0)).await.unwrap();
    suspend(&home, &supi(0));
    assert_eq!(refused(smf.key(one(0)).await), because(403, "AUTHENTICATION_REJECTED"));
    assert_eq!(
        refused(smf.key(octets(0, &[1])).await),
        because(403, "AUTHENTICATION_REJECTED")
    );
    home.shutdown().await;
}

/// As after `kill -9`: what is durable is there, and nothing else.
async fn after_a_restart_holders_are_told_that_their_emsk_is_lost(on: On) {
    let (holder, root, _end) = Holder::start();
    let home = start(on, Some(&root));
    for index in 0..3 {
        authenticated(&home, index, 1).await;
        let uri = format!("{root}/{index}");
        nf(&home, SMF).key(told_at(one(index), &uri)).await.unwrap();
    }
    let store = reopened(&home.engine);
    home.shutdown_unchecked().await;
    assert!(
        holder.told.lock().unwrap().is_empty(),
        "a process that ends says nothing"
    );
    let after = Home::start_over(store, |setup| set_up(setup, Some(&root)));
    let mut told = holder.after(3).await;
    told.sort_by(|one, other| one.0.cmp(&other.0));
    for (index, (path, body)) in told.iter().enumerate() {
        assert_eq!((path, &body["reason"]), (&format!("/{index}"), &"lost".into()));
    }
    let smf = nf(&after, SMF);
    assert_eq!(refused(smf.key(one(0)).await), because(404, "CONTEXT_NOT_FOUND"));
    authenticated(&after, 0, 1).await;
    smf.key(one(0)).await.unwrap();
    let records = after.store.records();
    assert_eq!(records.list::<Record>(None, 10).await.unwrap().len(), 1);
    let counters = after.ausf().usage_keys().unwrap().counters();
    let lost = counters.ended().find(|(why, _)| *why == Why::Lost).unwrap().1;
    assert_eq!(lost, 3);
    drop(records);
    after.shutdown_unchecked().await;
}

async fn a_sealed_emsk_goes_on_after_a_restart_and_ends_where_it_is_not_to_be_sealed_any_more(on: On) {
    let (holder, root, _end) = Holder::start();
    let sealed = |setup: &mut Setup| {
        set_up(setup, Some(&root));
        setup.usage_keys.as_mut().unwrap().limits.custody = Custody::Sealed;
    };
    let home = Home::start_at(on, Link::Local, sealed);
    authenticated(&home, 0, 1).await;
    let uri = format!("{root}/ended");
    let before = nf(&home, SMF).key(told_at(one(0), &uri)).await.unwrap();
    let store = reopened(&home.engine);
    home.shutdown_unchecked().await;

    let home = Home::start_over(store, sealed);
    let smf = nf(&home, SMF);
    let after = loop {
        // It is taken over while the node serves.
        match smf.key(told_at(one(0), &uri)).await {
            Ok(key) => break key,
            Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
        }
    };
    assert_eq!(after.key.expose_to_its_server(), before.key.expose_to_its_server());
    assert_eq!((after.key_name, after.expiry), (before.key_name, before.expiry));
    assert!(holder.told.lock().unwrap().is_empty());
    let store = home.store.clone();
    home.shutdown_unchecked().await;

    let home = Home::start_over(store, |setup| set_up(setup, Some(&root)));
    let told = holder.after(1).await;
    assert_eq!(told[0].1["reason"], "lost");
    let records = home.store.records();
    assert!(records.list::<SealedRoot>(None, 10).await.unwrap().is_empty());
    assert!(records.list::<Record>(None, 10).await.unwrap().is_empty());
    drop(records);
    home.shutdown_unchecked().await;
}

fn sealed(root: &str) -> impl FnOnce(&mut Setup) {
    move |setup| {
        set_up(setup, Some(root));
        setup.usage_keys.as_mut().unwrap().limits.custody = Custody::Sealed;
    }
}

/// A node whose EMSKs are sealed, with a key below that of each of so many subscribers, and where their holders hear of the end.
async fn with_sealed(on: On, root: &str, subscribers: u64) -> Home {
    let home = Home::start_at(on, Link::Local, sealed(root));
    for index in 0..subscribers {
        authenticated(&home, index, 1).await;
        let uri = format!("{root}/{index}");
        nf(&home, SMF).key(told_at(one(index), &uri)).await.unwrap();
    }
    home
}

/// A key of whom something is taken over while the node serves.
async fn taken_over(smf: &Nf, request: UsageKeyRequest) -> UsageKey {
    for _ in 0..1500 {
        match smf.key(request.clone()).await {
            Ok(key) => return key,
            Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
        }
    }
    panic!("it is not taken over")
}

fn ended(home: &Home, of: Why) -> u64 {
    let counters = home.ausf().usage_keys().unwrap().counters();
    counters.ended().find(|(why, _)| *why == of).unwrap().1
}

/// What does not go on is ended once, and its holders are told once.
async fn a_sealed_emsk_whose_card_was_replaced_meanwhile_ends_at_the_start(on: On) {
    let (holder, root, _end) = Holder::start();
    let home = with_sealed(on, &root, 3).await;
    let store = reopened(&home.engine);
    home.shutdown_unchecked().await;
    // The first has another card, the second none, and the third has an EMSK of before.
    let subscriber = |index| store.subscriber(&supi(index)).unwrap().unwrap();
    let mut replaced = subscriber(0);
    replaced.secrets = subscriber(1).secrets;
    store.put_many([&replaced]).unwrap();
    store.remove(&supi(1)).unwrap();
    let life = Life::from_now(HOUR, UnixMillis::new(1_000), moment());
    let life = Life {
        until: store.records().now().after(HOUR),
        ..life
    };
    let session = SessionId::from_octets([7; 33]);
    let before = Root::of_eap(Emsk::from_octets(&[7; 64]), session);
    let limits = kaskade_anchor::emsk::Limits {
        custody: Custody::Sealed,
        ..Default::default()
    };
    let (_, unit) = Anchor::begin(supi(2), before, life, limits);
    let records = store.records();
    records.declare(&[SealedRoot::KIND, Record::KIND]).expect("declared");
    drop(records.commit(unit.unwrap(), Guarded::new(())).await.unwrap());
    drop(records);

    let home = Home::start_over(store, sealed(&root));
    let smf = nf(&home, SMF);
    taken_over(&smf, one(2)).await;
    let mut told = holder.after(2).await;
    told.sort_by(|one, other| one.0.cmp(&other.0));
    for (index, (path, body)) in told.iter().enumerate() {
        assert_eq!((path, &body["reason"]), (&format!("/{index}"), &"lost".into()));
    }
    assert_eq!(refused(smf.key(one(0)).await), because(404, "CONTEXT_NOT_FOUND"));
    let records = home.store.records();
    while records.list::<SealedRoot>(None, 10).await.unwrap().len() > 1 || ended(&home, Why::Reauthenticated) < 1 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!((ended(&home, Why::Lost), ended(&home, Why::Reauthenticated)), (2, 1));
    assert_eq!(holder.told.lock().unwrap().len(), 2);
    assert_eq!(records.list::<Record>(None, 10).await.unwrap().len(), 1);
    drop(records);
    home.shutdown_unchecked().await;
}

async fn after_a_restart_whoever_had_a_user_authenticated_ends_its_keys(on: On) {
    let (holder, root, _end) = Holder::start();
    let home = with_sealed(on, &root, 2).await;
    let store = reopened(&home.engine);
    home.shutdown_unchecked().await;
    let home = Home::start_over(store, sealed(&root));
    let smf = nf(&home, SMF);
    // Before it is taken over: nothing else runs before this thread waits.
    let amf = Requester::address([127, 0, 0, 1].into());
    let keys = home.ausf().usage_keys().unwrap();
    assert!(!keys.end(&supi(0), Some(&amf), Why::Deregistered));
    let other = Requester::address([127, 0, 0, 9].into());
    assert!(!keys.end(&supi(1), Some(&other), Why::Deregistered));
    // And behind.
    taken_over(&smf, told_at(one(1), &format!("{root}/1"))).await;
    assert_eq!(refused(smf.key(one(0)).await), because(404, "CONTEXT_NOT_FOUND"));
    assert!(home.seaf_at(9).deregister(&supi(1)).await.is_err());
    smf.key(told_at(one(1), &format!("{root}/1"))).await.unwrap();
    home.seaf_at(1).deregister(&supi(1)).await.unwrap();
    assert_eq!(refused(smf.key(one(1)).await), because(404, "CONTEXT_NOT_FOUND"));
    let mut reasons: Vec<_> = holder
        .after(2)
        .await
        .into_iter()
        .map(|(path, body)| (path, body["reason"].clone()))
        .collect();
    reasons.sort_by(|one, other| one.0.cmp(&other.0));
    assert_eq!(
        reasons,
        [("/0".into(), "lost".into()), ("/1".into(), "deregistered".into())]
    );
    home.shutdown_unchecked().await;
}

/// An AMF that takes back the result of an authentication, which the UDM may keep waiting, has none of the next one's keys ended.
async fn a_result_that_is_taken_back_late_ends_no_later_keys(on: On) {
    let home = start(on, None);
    let keys = home.ausf().usage_keys().unwrap();
    let [amf, other] = ["amf", "other"].map(Requester::group);
    let root = |number: u8| {
        let session = SessionId::from_octets([number; 33]);
        Root::of_eap(Emsk::from_octets(&[number; 64]), session)
    };
    let smf = nf(&home, SMF);
    keys.born(&amf, &supi(0), root(1));
    keys.born(&amf, &supi(0), root(2));
    smf.key(one(0)).await.unwrap();
    assert!(!keys.taken_back(&supi(0), &amf, root(1).name()));
    assert!(!keys.taken_back(&supi(0), &other, root(2).name()));
    smf.key(one(0)).await.unwrap();
    assert!(keys.taken_back(&supi(0), &amf, root(2).name()));
    assert_eq!(refused(smf.key(one(0)).await), because(404, "CONTEXT_NOT_FOUND"));
    home.shutdown().await;
}

/// Nothing is restored of whom something happened to since the start.
async fn what_ends_before_it_is_taken_over_does_not_come_back(on: On) {
    let (holder, root, _end) = Holder::start();
    let sealed = |setup: &mut Setup| {
        set_up(setup, Some(&root));
        setup.usage_keys.as_mut().unwrap().limits.custody = Custody::Sealed;
    };
    let home = Home::start_at(on, Link::Local, sealed);
    authenticated(&home, 0, 1).await;
    let uri = format!("{root}/ended");
    nf(&home, SMF).key(told_at(one(0), &uri)).await.unwrap();
    let store = reopened(&home.engine);
    home.shutdown_unchecked().await;

    let home = Home::start_over(store, sealed);
    // Nothing else runs before this thread waits.
    let was_there = home.ausf().usage_keys().unwrap().end(&supi(0), None, Why::Deregistered);
    assert!(!was_there);
    holder.after(1).await;
    assert_eq!(
        refused(nf(&home, SMF).key(one(0)).await),
        because(404, "CONTEXT_NOT_FOUND")
    );
    let records = home.store.records();
    assert!(records.list::<SealedRoot>(None, 10).await.unwrap().is_empty());
    drop(records);
    home.shutdown_unchecked().await;
}

async fn a_key_whose_holder_cannot_be_written_is_not_told(on: On) {
    let home = start(on, None);
    authenticated(&home, 0, 1).await;
    let smf = nf(&home, SMF);
    home.engine.fail(Failure::Full);
    assert_eq!(refused(smf.key(one(0)).await), because(500, "INSUFFICIENT_RESOURCES"));
    home.shutdown_unchecked().await;
}

/// The record of a holder is on its way when the EMSK ends: the store removes it again, and the key is not told.
async fn a_key_whose_emsk_ends_while_it_is_written_is_not_told(on: On) {
    // On a disk, which takes its time, or a server, which does, too.
    let folder = tempfile::tempdir().unwrap();
    let key = MasterKey::from_octets(&[0x77; 32]);
    let store = match on {
        On::Embedded => SubscriberStore::open(&folder.path().join("store"), &key, StoreOptions::default())
            .unwrap()
            .into(),
        On::Postgres => opened(&Kept::new(on)),
    };
    let keys = UsageKeys::new(store.clone(), false, options(None)).unwrap();
    let [amf, smf] = ["amf", "smf"].map(Requester::group);
    let caller = Caller::new(smf);
    for number in 0..100 {
        let session = SessionId::from_octets([number; 33]);
        keys.born(&amf, &supi(0), Root::of_eap(Emsk::from_octets(&[number; 64]), session));
        let mut asking = std::pin::pin!(keys.usage_key(&caller, one(0)));
        let is_written_at_once = std::future::poll_fn(|context| {
            let polled = asking.as_mut().poll(context);
            std::task::Poll::Ready(polled.is_ready())
        });
        if is_written_at_once.await {
            continue;
        }
        assert!(keys.end(&supi(0), None, Why::Administered));
        let refused = asking.await.map(drop).unwrap_err();
        assert!(matches!(refused, UsageKeysError::Ended), "{refused}");
        store.settle().unwrap();
        let left = store.records().list::<Record>(None, 10).await.unwrap();
        assert!(left.is_empty(), "{left:?}");
        return;
    }
    panic!("it is always written at once");
}

async fn what_there_is_no_room_for_ends_and_its_holder_is_told(on: On) {
    let (holder, root, _end) = Holder::start();
    // Whose AUSF has no UDM beside it: it knows no subscribers but those that it is told of.
    let home = Home::start_at(on, Link::Http, |setup| {
        set_up(setup, Some(&root));
        // In each of the 16 shards as few as one can have.
        setup.usage_keys.as_mut().unwrap().most = 1;
    });
    let (keys, amf) = (home.ausf().usage_keys().unwrap(), Requester::group("amf"));
    let smf = nf(&home, SMF);
    for number in 0..80 {
        let supi: Supi = format!("imsi-00101{number:010}").parse().unwrap();
        let session = SessionId::from_octets([number; 33]);
        keys.born(&amf, &supi, Root::of_eap(Emsk::from_octets(&[number; 64]), session));
        let request = UsageKeyRequest { supi, ..one(0) };
        smf.key(told_at(request, &format!("{root}/{number}"))).await.unwrap();
    }
    let (held, holders) = keys.held();
    assert!(held <= 48 && holders == held, "{held} {holders}");
    let told = holder.after(80 - held).await;
    assert!(told.len() == 80 - held && told.iter().all(|(_, body)| body["reason"] == "no-room"));
    home.shutdown_unchecked().await;
}

kaskade_testkit::over_each_engine!(async
    a_new_authentication_ends_the_keys_of_the_one_before_and_their_holders_are_told,
    only_who_had_a_user_authenticated_ends_its_keys_by_deregistration,
    no_key_is_given_of_a_suspended_subscriber,
    after_a_restart_holders_are_told_that_their_emsk_is_lost,
    a_sealed_emsk_goes_on_after_a_restart_and_ends_where_it_is_not_to_be_sealed_any_more,
    a_sealed_emsk_whose_card_was_replaced_meanwhile_ends_at_the_start,
    after_a_restart_whoever_had_a_user_authenticated_ends_its_keys,
    a_result_that_is_taken_back_late_ends_no_later_keys,
    what_ends_before_it_is_taken_over_does_not_come_back,
    a_key_whose_holder_cannot_be_written_is_not_told,
    a_key_whose_emsk_ends_while_it_is_written_is_not_told,
    what_there_is_no_room_for_ends_and_its_holder_is_told,
);
