//! Lawful interception at the real AAnF: what of a target is in the feed, of whom nothing is, and what survives.

use std::path::PathBuf;

use kaskade_anchor::interception::{FeedRecord, Iri, KeyGetType, Notice, Said, TargetRow, WaitingRow, Who, Xid};
use kaskade_flow::{Guarded, Unit, UnixMillis};
use kaskade_net::role::aanf::{Interception, Seen};
use kaskade_net::role::li::{Li, LiError, LiOptions, NewTarget};
use kaskade_net::time::unix_millis;
use kaskade_store::Locked;
use kaskade_store::feed::FeedOptions;
use kaskade_testkit::memory::Failure;

use super::*;

/// The folder of a feed, which outlives the node.
struct Place {
    folder: tempfile::TempDir,
    most_waiting: u64,
}

impl Place {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            most_waiting: 1_000,
        }
    }

    fn segment(&self) -> PathBuf {
        self.folder.path().join("li/li-0000000001.feed")
    }

    async fn open_with(&self, store: &Arc<SubscriberStore>, key: u8) -> Result<Arc<Li>, LiError> {
        let key = MasterKey::from_octets(&[key; 32]);
        let keys = Arc::new(Locked::with(|| key.interception_keys()));
        let options = LiOptions {
            feed: FeedOptions::new(&self.folder.path().join("li")),
            most_targets: 4,
            most_waiting: self.most_waiting,
            nefs: ["other".to_owned()].into(),
        };
        Li::open(store.clone(), true, keys, options).await.map(Arc::new)
    }

    async fn open(&self, store: &Arc<SubscriberStore>) -> Arc<Li> {
        self.open_with(store, 0x77).await.unwrap()
    }

    /// A node whose AAnF is heard.
    async fn start(&self, store: Arc<SubscriberStore>) -> (Home, Arc<Li>) {
        let li = self.open(&store).await;
        let home = Home::start_over(store, |setup| {
            set_up(setup, policy(usual(), None));
            if let Some(aanf) = &mut setup.aanf {
                aanf.interception = Some(li.clone());
            }
        });
        (with_akma(home), li)
    }
}

fn new_store(on: On) -> (Kept, Arc<SubscriberStore>) {
    let kept = Kept::new(on);
    let store = filled(&kept);
    (kept, store)
}

fn xid(octet: u8) -> Xid {
    Xid([octet; 16])
}

fn about(octet: u8, of: u64) -> NewTarget {
    NewTarget {
        xid: xid(octet),
        who: Who::Supi(supi(of)),
        begin: None,
        end: None,
    }
}

/// All records, when what waits is in the feed.
async fn feed(li: &Li) -> Vec<FeedRecord> {
    li.drain().await.unwrap();
    let read = li.feed(1, 1_000).await.unwrap();
    let numbers: Vec<_> = read.iter().map(|(number, _)| *number).collect();
    assert_eq!(numbers, (1..=read.len() as u64).collect::<Vec<_>>());
    read.into_iter().map(|(_, record)| record).collect()
}

/// The events in it, with their warrants.
async fn events(li: &Li) -> Vec<(Xid, Supi, Iri)> {
    let event = |record: FeedRecord| match record.said {
        Said::Event { xid, supi, iri, .. } => Some((xid, supi, iri)),
        Said::Notice(_) => None,
    };
    feed(li).await.into_iter().filter_map(event).collect()
}

async fn notices(li: &Li) -> Vec<Notice> {
    let notice = |record: FeedRecord| match record.said {
        Said::Notice(notice) => Some(notice),
        Said::Event { .. } => None,
    };
    feed(li).await.into_iter().filter_map(notice).collect()
}

async fn rows(store: &SubscriberStore) -> Vec<usize> {
    let rows = store.records().list::<WaitingRow>(None, 1_000).await.unwrap();
    rows.into_iter().map(|row| row.record.0.len()).collect()
}

fn operator() -> Caller {
    Caller::new(Requester::group("operator"))
}

async fn each_kind_of_event_of_a_target_is_in_the_feed(on: On) {
    let place = Place::new();
    let (home, li) = place.start(new_store(on).1).await;
    let (ausf, portal, other) = (nf(&home, AUSF), nf(&home, PORTAL), nf(&home, OTHER));
    // Of one there is something before it becomes a target.
    ausf.registers(1, 1).await.unwrap();
    let before = portal.key(request(1, 1, PORTAL_ID)).await.unwrap().unwrap();
    li.add(about(1, 0), 1000).await.unwrap();
    li.add(about(2, 1), 1000).await.unwrap();

    ausf.registers(0, 1).await.unwrap();
    let first = portal.key(request(0, 1, PORTAL_ID)).await.unwrap().unwrap();
    let anonymous = AkmaAfKeyRequest {
        anon_ind: true,
        ..request(0, 1, PORTAL_ID)
    };
    assert_eq!(portal.key(anonymous).await.unwrap().unwrap().supi, None);
    let by_nef = other.key(request(0, 1, OTHER_ID)).await.unwrap().unwrap();
    ausf.removes(0).await.unwrap();
    assert!(
        portal.key(request(0, 1, PORTAL_ID)).await.unwrap().is_none(),
        "no key, no event"
    );
    ausf.registers(0, 2).await.unwrap();
    assert!(home.udm.aanf().unwrap().disable(&operator(), &supi(0)).await.unwrap());

    let key_info = |id: &str, told: &AkmaAfKeyData| kaskade_anchor::interception::AfKeyInfo {
        af_id: id.parse().unwrap(),
        k_af: told.k_af.clone(),
        expires: UnixMillis::new(u64::try_from(told.expiry.unix_millis()).unwrap()),
    };
    let registered = |run: u8| Iri::AnchorKeyRegister {
        a_kid: a_kid(0, run),
        k_akma: info(0, run).k_akma,
    };
    let got = |kind, key| Iri::ApplicationKeyGet {
        kind,
        a_kid: a_kid(0, 1),
        key,
    };
    let removed = |run: u8, nf: &str| Iri::ContextRemoval {
        a_kid: a_kid(0, run),
        nf: nf.to_owned(),
    };
    let start = Iri::StartWithEstablished {
        a_kid: a_kid(1, 1),
        k_akma: info(1, 1).k_akma,
        af_keys: vec![key_info(PORTAL_ID, &before)],
    };
    let expected = [
        (xid(2), supi(1), start),
        (xid(1), supi(0), registered(1)),
        (xid(1), supi(0), got(KeyGetType::Internal, key_info(PORTAL_ID, &first))),
        (xid(1), supi(0), got(KeyGetType::Internal, key_info(PORTAL_ID, &first))),
        // The configuration says that it is an NEF.
        (xid(1), supi(0), got(KeyGetType::External, key_info(OTHER_ID, &by_nef))),
        (xid(1), supi(0), removed(1, "ausf")),
        (xid(1), supi(0), registered(2)),
        (xid(1), supi(0), removed(2, "operator")),
    ];
    assert_eq!(events(&li).await, expected);
    // Nothing of it is on the disk in clear.
    let file = std::fs::read(place.segment()).unwrap();
    for secret in [
        info(0, 1).k_akma.expose_to_aanf().as_slice(),
        first.k_af.expose_to_af(),
        supi(0).kdf_octets(),
    ] {
        assert!(!file.windows(secret.len()).any(|octets| octets == secret));
    }
    home.shutdown_unchecked().await;
}

async fn the_nef_of_the_same_node_asks_for_functions_outside(on: On) {
    let place = Place::new();
    let (home, li) = place.start(new_store(on).1).await;
    nf(&home, AUSF).registers(0, 1).await.unwrap();
    li.add(about(1, 0), 1000).await.unwrap();
    let portal = Caller::new(Requester::group("portal"));
    let aanf = home.udm.aanf().unwrap();
    let asked = aanf.application_key_for_nef(&portal, request(0, 1, PORTAL_ID)).await;
    assert!(asked.unwrap().is_some());
    let kinds = events(&li).await;
    assert!(
        matches!(&kinds[..], [(.., Iri::StartWithEstablished { af_keys, .. }), (.., Iri::ApplicationKeyGet { kind: KeyGetType::External, .. })] if af_keys.is_empty()),
        "{kinds:?}"
    );
    home.shutdown_unchecked().await;
}

async fn whoever_is_no_target_leaves_nothing_and_costs_the_same(on: On) {
    let place = Place::new();
    let (_engine, store) = new_store(on);
    let (home, li) = place.start(store.clone()).await;
    li.add(about(1, 0), 1000).await.unwrap();
    li.drain().await.unwrap();
    assert!(
        rows(&store).await.is_empty(),
        "what is in the feed is gone from the store"
    );
    let (ausf, portal) = (nf(&home, AUSF), nf(&home, PORTAL));
    let mut of_both = Vec::new();
    for of in [0, 1] {
        ausf.registers(of, 1).await.unwrap();
        portal.key(request(of, 1, PORTAL_ID)).await.unwrap().unwrap();
        // Told again: nothing changes, and there is a commit all the same.
        portal.key(request(of, 1, PORTAL_ID)).await.unwrap().unwrap();
        ausf.removes(of).await.unwrap();
        // And where there is nothing to do, there is none for either.
        ausf.removes(of).await.unwrap();
        assert!(portal.key(request(of, 1, PORTAL_ID)).await.unwrap().is_none());
        let rows = rows(&store).await;
        of_both.push(
            rows.get(of_both.iter().map(Vec::len).sum::<usize>()..)
                .unwrap()
                .to_vec(),
        );
    }
    assert_eq!(of_both[0].len(), 4, "{of_both:?}");
    assert_eq!(of_both[0], of_both[1], "as many rows, of the same length");
    let events = events(&li).await;
    assert_eq!(events.len(), 4);
    assert!(events.iter().all(|(_, of, _)| *of == supi(0)), "{events:?}");
    assert!(rows(&store).await.is_empty());
    home.shutdown_unchecked().await;
}

async fn each_warrant_has_its_records_in_its_time(on: On) {
    let place = Place::new();
    let (home, li) = place.start(new_store(on).1).await;
    let gpsi = "msisdn-491701234567";
    change(&home, &supi(0), |subscription| {
        subscription.gpsi = Some(gpsi.parse().unwrap());
    });
    let end = Shutdown::new();
    let work = tokio::spawn(li.clone().run_until(end.clone()));
    let by_gpsi = NewTarget {
        who: gpsi.parse().unwrap(),
        ..about(2, 0)
    };
    li.add(about(1, 0), 1000).await.unwrap();
    li.add(by_gpsi, 1000).await.unwrap();
    let begin = UnixMillis::new(unix_millis().get() + 2_500);
    let later = NewTarget {
        begin: Some(begin),
        end: Some(UnixMillis::new(begin.get() + 2_500)),
        ..about(3, 0)
    };
    li.add(later, 1000).await.unwrap();
    let ausf = nf(&home, AUSF);
    ausf.registers(0, 1).await.unwrap();
    let of = |events: &[(Xid, Supi, Iri)]| events.iter().map(|(xid, _, iri)| (*xid, iri.tag())).collect::<Vec<_>>();
    assert_eq!(
        of(&events(&li).await),
        [(xid(1), 92), (xid(2), 92)],
        "the third has not begun"
    );
    // When it begins, what is there is reported, without any event.
    let mut now = Vec::new();
    for _ in 0..1_000 {
        now = of(&events(&li).await);
        if now.len() > 2 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(now.get(2..), Some(&[(xid(3), 94)][..]));
    assert!(unix_millis() >= begin);
    ausf.registers(0, 2).await.unwrap();
    let three = [(xid(1), 92), (xid(3), 92), (xid(2), 92)];
    assert_eq!(of(&events(&li).await).get(3..), Some(&three[..]));
    while unix_millis().get() <= begin.get() + 2_500 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    li.remove(xid(1), 1000).await.unwrap();
    ausf.registers(0, 3).await.unwrap();
    assert_eq!(of(&events(&li).await).get(6..), Some(&[(xid(2), 92)][..]));
    assert!(matches!(li.remove(xid(1), 1000).await, Err(LiError::NoSuchTarget)));
    end.begin();
    work.await.unwrap();
    home.shutdown_unchecked().await;
}

async fn targets_are_refused_for_a_reason_and_outlive_a_restart(on: On) {
    let place = Place::new();
    let (engine, store) = new_store(on);
    let li = place.open(&store).await;
    li.add(about(1, 0), 7).await.unwrap();
    assert!(matches!(li.add(about(1, 1), 7).await, Err(LiError::XidTaken)));
    let over = NewTarget {
        end: Some(UnixMillis::new(5)),
        ..about(2, 0)
    };
    assert!(matches!(li.add(over, 7).await, Err(LiError::Window)));
    for octet in 2..=4 {
        li.add(about(octet, 0), 7).await.unwrap();
    }
    assert!(matches!(li.add(about(5, 0), 7).await, Err(LiError::TooMany(4))));
    let before = li.targets();
    assert!(before.iter().all(|target| target.is_started));
    drop(li);
    drop(store);
    let store = reopened(&engine);
    assert!(
        matches!(
            place.open_with(&store, 0x78).await,
            Err(LiError::Feed(_) | LiError::Sealed)
        ),
        "under another master key"
    );
    let li = place.open(&store).await;
    assert_eq!(li.targets(), before);
    let added: Vec<_> = notices(&li).await;
    assert_eq!(added.len(), 4, "{added:?}");
    assert!(matches!(&added[0], Notice::TargetAdded(target, 7) if target.xid == xid(1)));
}

async fn what_was_committed_is_in_the_feed_once_whenever_the_node_was_killed(on: On) {
    let place = Place::new();
    let (engine, store) = new_store(on);
    let (home, li) = place.start(store).await;
    li.add(about(1, 0), 1000).await.unwrap();
    li.drain().await.unwrap();
    nf(&home, AUSF).registers(0, 1).await.unwrap();
    nf(&home, PORTAL).key(request(0, 1, PORTAL_ID)).await.unwrap().unwrap();
    // Killed when it was answered, and nothing was moved yet.
    let answered = engine.copy();
    // Killed when it is in the feed, and the store does not know it yet.
    let tags = |events: Vec<(Xid, Supi, Iri)>| events.iter().map(|(.., iri)| iri.tag()).collect::<Vec<_>>();
    assert_eq!(tags(events(&li).await), [92, 93]);
    home.shutdown_unchecked().await;
    drop(li);
    for _ in 0..2 {
        let store = reopened(&answered);
        let li = place.open(&store).await;
        assert_eq!(tags(events(&li).await), [92, 93], "once");
        assert!(rows(&store).await.is_empty());
        assert!(
            !notices(&li)
                .await
                .iter()
                .any(|notice| matches!(notice, Notice::StoreBehind(_)))
        );
    }
    // The same where the feed had not come so far.
    std::fs::remove_file(place.segment()).unwrap();
    let li = place.open(&opened(&answered)).await;
    assert_eq!(tags(events(&li).await), [92, 93]);
    assert!(
        matches!(notices(&li).await[..], [Notice::FeedLost(1)]),
        "{:?}",
        notices(&li).await
    );
}

async fn a_store_that_was_put_back_is_said_in_the_feed(on: On) {
    let place = Place::new();
    let (engine, store) = new_store(on);
    let li = place.open(&store).await;
    li.drain().await.unwrap();
    let backup = engine.copy();
    li.add(about(1, 0), 1000).await.unwrap();
    li.drain().await.unwrap();
    drop((li, store));
    let li = place.open(&opened(&backup)).await;
    assert!(li.targets().is_empty(), "the store has forgotten it");
    let said = notices(&li).await;
    assert!(
        matches!(said[..], [Notice::TargetAdded(..), Notice::StoreBehind(0)]),
        "{said:?}"
    );
}

async fn while_the_feed_takes_nothing_the_service_goes_on_and_the_loss_is_said(on: On) {
    let mut place = Place::new();
    place.most_waiting = 2;
    let (engine, store) = new_store(on);
    let li = place.open(&store).await;
    li.add(about(1, 0), 1000).await.unwrap();
    li.drain().await.unwrap();
    drop((li, store));
    let whole = std::fs::read(place.segment()).unwrap();
    let mut edited = whole.clone();
    let last = edited.len() - 1;
    edited[last] ^= 1;
    std::fs::write(place.segment(), &edited).unwrap();
    let engine = engine.copy();
    let (home, li) = place.start(opened(&engine)).await;
    let store = home.store.clone();
    assert!(li.status().trouble.unwrap().contains("record 1"), "{:?}", li.status());
    assert!(matches!(li.verify().await, Err(LiError::Feed(_))));
    let ausf = nf(&home, AUSF);
    for run in 1..=4 {
        ausf.registers(0, run).await.unwrap();
        // Whoever is no target fills nothing.
        ausf.registers(1, run).await.unwrap();
        assert!(li.drain().await.is_err());
    }
    assert_eq!(rows(&store).await.len(), 2);
    let status = li.status();
    assert_eq!((status.waiting, status.lost), (2, 2));
    drop((li, store));
    home.shutdown_unchecked().await;
    // When it takes records again, those that waited come, and how many are missing.
    std::fs::write(place.segment(), &whole).unwrap();
    let li = place.open(&reopened(&engine)).await;
    li.drain().await.unwrap();
    let registered = events(&li).await;
    assert_eq!(registered.len(), 2, "{registered:?}");
    let said = notices(&li).await;
    assert!(
        matches!(said[..], [Notice::TargetAdded(..), Notice::Lost(2, ..)]),
        "{said:?}"
    );
    assert_eq!(li.status().lost, 0);
    li.verify().await.unwrap();
}

async fn while_the_store_takes_nothing_no_event_is_in_the_feed_twice(on: On) {
    let place = Place::new();
    let (engine, store) = new_store(on);
    let (home, li) = place.start(store.clone()).await;
    li.add(about(1, 0), 1000).await.unwrap();
    li.drain().await.unwrap();
    nf(&home, AUSF).registers(0, 1).await.unwrap();
    // The feed takes the record, and the store keeps its row.
    engine.fail(Failure::Full);
    for _ in 0..3 {
        assert!(li.drain().await.is_err());
    }
    assert_eq!(rows(&store).await.len(), 1);
    engine.fail(Failure::Never);
    // The store tries its disk again after a while.
    for tried in 1.. {
        assert!(tried < 1_000);
        if li.drain().await.is_ok() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(events(&li).await.len(), 1);
    assert!(rows(&store).await.is_empty());
    li.verify().await.unwrap();
    drop((li, store));
    home.shutdown_unchecked().await;
}

async fn a_row_that_does_not_open_holds_up_no_other(on: On) {
    let place = Place::new();
    let (_, store) = new_store(on);
    let li = place.open(&store).await;
    let mut unit = Unit::new();
    unit.put(&1, &WaitingRow(vec![0; 512]), kaskade_flow::record::Expect::Absent);
    drop(store.records().commit(unit, Guarded::new(())).await.unwrap());
    li.add(about(1, 0), 1000).await.unwrap();
    assert!(matches!(li.drain().await, Err(LiError::Sealed)));
    assert_eq!(li.feed(1, 10).await.unwrap().len(), 1, "that the target was added");
    assert_eq!(rows(&store).await, [512], "what is not read is not lost");
    let status = li.status();
    assert!(status.trouble.is_some_and(|trouble| trouble.contains("does not open")));
    assert_eq!(status.waiting, 1);
}

async fn a_target_that_does_not_begin_holds_up_no_other(on: On) {
    let place = Place::new();
    let (_, store) = new_store(on);
    let li = place.open(&store).await;
    let later = NewTarget {
        begin: Some(UnixMillis::new(unix_millis().get() + 500)),
        ..about(1, 0)
    };
    li.add(later, 1000).await.unwrap();
    // Its row is lost.
    let found = store.records().list::<TargetRow>(None, 10).await.unwrap();
    let mut unit = Unit::new();
    unit.remove::<TargetRow>(&found[0].key, kaskade_flow::record::Expect::Any);
    drop(store.records().commit(unit, Guarded::new(())).await.unwrap());
    tokio::time::sleep(Duration::from_millis(600)).await;
    assert!(li.add(about(2, 1), 1000).await.unwrap().is_started);
    let started: Vec<_> = li.targets().iter().map(|target| target.is_started).collect();
    assert_eq!(started, [false, true]);
}

async fn whoever_begins_to_intercept_waits_for_what_is_under_way(on: On) {
    let place = Place::new();
    let (_, store) = new_store(on);
    let li = place.open(&store).await;
    // An operation that has read the targets, and commits later.
    let mut unit = Unit::new();
    let seen = Seen {
        supi: &supi(0),
        gpsi: None,
        at: unix_millis(),
        iri: Iri::AnchorKeyRegister {
            a_kid: a_kid(0, 1),
            k_akma: info(0, 1).k_akma,
        },
    };
    let noted = li.note(seen, &mut unit).unwrap();
    let adding = tokio::spawn({
        let li = li.clone();
        async move { li.add(about(1, 0), 1000).await }
    });
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(
        !adding.is_finished(),
        "what is under way is neither reported nor seen as there"
    );
    let registration = kaskade_anchor::akma::Registration {
        a_kid: a_kid(0, 1),
        k_akma: info(0, 1).k_akma,
        serving: None,
    };
    let context = kaskade_anchor::akma::AkmaContext::of(registration, unix_millis(), None);
    unit.put(&supi(0), &context, kaskade_flow::record::Expect::Absent);
    drop(store.records().commit(unit, Guarded::new(())).await.unwrap());
    drop(noted);
    adding.await.unwrap().unwrap();
    let events = events(&li).await;
    assert!(
        matches!(&events[..], [(.., Iri::StartWithEstablished { .. })]),
        "{events:?}"
    );
}

async fn whoever_removes_a_target_waits_for_what_is_under_way(on: On) {
    let place = Place::new();
    let (_, store) = new_store(on);
    let li = place.open(&store).await;
    li.add(about(1, 0), 1000).await.unwrap();
    // An operation that has read the target, and is over later.
    let mut unit = Unit::new();
    let seen = Seen {
        supi: &supi(0),
        gpsi: None,
        at: unix_millis(),
        iri: Iri::AnchorKeyRegister {
            a_kid: a_kid(0, 1),
            k_akma: info(0, 1).k_akma,
        },
    };
    let noted = li.note(seen, &mut unit).unwrap();
    let removing = tokio::spawn({
        let li = li.clone();
        async move { li.remove(xid(1), 1000).await }
    });
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(!removing.is_finished(), "its event may still be reported");
    drop(store.records().commit(unit, Guarded::new(())).await.unwrap());
    drop(noted);
    removing.await.unwrap().unwrap();
    assert_eq!(events(&li).await.len(), 1);
}

kaskade_testkit::over_each_engine!(async
    each_kind_of_event_of_a_target_is_in_the_feed,
    the_nef_of_the_same_node_asks_for_functions_outside,
    whoever_is_no_target_leaves_nothing_and_costs_the_same,
    each_warrant_has_its_records_in_its_time,
    targets_are_refused_for_a_reason_and_outlive_a_restart,
    what_was_committed_is_in_the_feed_once_whenever_the_node_was_killed,
    a_store_that_was_put_back_is_said_in_the_feed,
    while_the_feed_takes_nothing_the_service_goes_on_and_the_loss_is_said,
    while_the_store_takes_nothing_no_event_is_in_the_feed_twice,
    a_row_that_does_not_open_holds_up_no_other,
    a_target_that_does_not_begin_holds_up_no_other,
    whoever_begins_to_intercept_waits_for_what_is_under_way,
    whoever_removes_a_target_waits_for_what_is_under_way,
);
