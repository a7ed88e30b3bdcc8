//! Operations over a store of their own, where what comes between two steps matters.

use std::sync::Arc;
use std::time::Duration;

use kaskade::administration::{AddQuery, ContextQuery, NewSubscriber};
use kaskade::config::Config;
use kaskade_anchor::anchor_key::{self, AnchorKey, Anchored, Naming, TO_AANF};
use kaskade_anchor::emsk::{Custody, Root};
use kaskade_codec::sbi::usage_keys::UsageKeyRequest;
use kaskade_flow::event::PeerId;
use kaskade_flow::{Guarded, Refusal, Unit, UnixMillis};
use kaskade_keys::eap::Emsk;
use kaskade_keys::fivegs::KAusf;
use kaskade_keys::id::SessionId;
use kaskade_keys::{HomeRealm, RoutingIndicator, Supi};
use kaskade_net::role::ausf::declare_anchor_keys;
use kaskade_net::role::udm::{Udm, UdmOptions};
use kaskade_net::role::usage_keys::{EmskRecords, UsageKeys, UsageKeysOptions};
use kaskade_net::sbi::peer::Requester;
use kaskade_net::sbi::service::Caller;
use kaskade_store::audit::AuditLog;
use kaskade_store::{MasterKey, StoreOptions, SubscriberStore};
use kaskade_testkit::kept::{Kept, On};
use kaskade_testkit::memory::Failure;

use super::operation::Operation;
use super::subscriber::{Add, AllowReuse, Change, List, ListQuery, Remove};
use super::text::{Flag, Text};
use super::{Admin, Log, Principal, Role, RunningRoles, body, emsk};
use crate::data_dir::DataDir;

mod application_keys;

const GPSI: &str = "msisdn-491701234567";

fn supi(number: u64) -> Supi {
    format!("imsi-00101{number:010}").parse().expect("a SUPI")
}

/// Two subscribers, of whom the first has the GPSI.
fn admin(on: On) -> (tempfile::TempDir, Admin) {
    if on == On::Postgres {
        return admin_over(&Kept::new(on));
    }
    let folder = tempfile::tempdir().expect("a folder");
    let data = DataDir::open_or_create(&folder.path().join("data")).expect("a data folder");
    let store = SubscriberStore::open(&data.subscribers(), data.master(), StoreOptions::default()).expect("a store");
    let admin = admin_of(&data, store);
    (folder, admin)
}

/// The same with their rows in another place.
fn admin_over(kept: &Kept) -> (tempfile::TempDir, Admin) {
    let (key, name) = (MasterKey::from_octets(&[7; 32]), std::path::Path::new("store"));
    let store = SubscriberStore::with_engine(kept.open(), name, &key, StoreOptions::default()).expect("a store");
    let folder = tempfile::tempdir().expect("a folder");
    let data = DataDir::open_or_create(&folder.path().join("data")).expect("a data folder");
    let admin = admin_of(&data, store);
    (folder, admin)
}

fn admin_of(data: &DataDir, store: SubscriberStore) -> Admin {
    let admin = Admin::new(Some(store.into()), Log::Open(AuditLog::off()), data, &Config::default());
    let admin = admin.expect("its parts");
    for (number, gpsi) in [(1, format!("\"{GPSI}\"")), (2, "null".to_owned())] {
        let supi = supi(number).sbi();
        let new = format!(
            r#"{{"supi":"{supi}","gpsi":{gpsi},"k":"465b5ce8b199b49faa5f0a2ee238a6bc","opc":"cd63cb71954a9f4e48a5994e37a02baf"}}"#
        );
        let new = body::read(new.as_bytes()).expect("a subscriber");
        Add::run(&admin, &Principal::user(0), (), Default::default(), new).expect("added");
    }
    admin
}

/// Gives the GPSI of the first to the second.
fn move_gpsi(admin: &Admin) {
    let store = admin.store().expect("a store");
    let [mut first, mut second] = [1, 2].map(|number| store.subscriber(&supi(number)).expect("read").expect("there"));
    second.subscription.gpsi = first.subscription.gpsi.take();
    for subscriber in [first, second] {
        store.change_on_record(&subscriber, None).expect("changed");
    }
}

/// Whoever has the GPSI when it is done is changed, not who had it when it was asked for.
fn a_gpsi_that_moves_meanwhile_is_its_new_owners(on: On) {
    let by = Principal::user(0);
    let who = || GPSI.parse().expect("a GPSI");
    let while_it_moves = |admin: &Admin, work: &(dyn Fn(&Admin) + Sync)| {
        std::thread::scope(|scope| {
            let changing = admin.changing();
            scope.spawn(|| work(admin));
            std::thread::sleep(Duration::from_millis(300));
            move_gpsi(admin);
            drop(changing);
        });
        [1, 2].map(|number| admin.store().expect("a store").subscriber(&supi(number)).expect("read"))
    };
    let (_folder, removed) = admin(on);
    let left = while_it_moves(&removed, &|admin| {
        Remove::run(admin, &by, who(), Default::default(), Default::default()).expect("removed");
    });
    assert_eq!(left.map(|one| one.is_some()), [true, false]);
    let (_folder, changed) = admin(on);
    let left = while_it_moves(&changed, &|admin| {
        let changes = body::read(br#"{"suspended":true}"#).expect("changes");
        Change::run(admin, &by, who(), Default::default(), changes).expect("changed");
    });
    assert_eq!(
        left.map(|one| one.expect("there").subscription.suspended),
        [false, true]
    );
    let (_folder, allowed) = admin(on);
    let left = while_it_moves(&allowed, &|admin| {
        AllowReuse::run(admin, &by, who(), Default::default(), Default::default()).expect("allowed");
    });
    assert_eq!(left.map(|one| one.expect("there").sqn.back().granted), [false, true]);
}

fn the_gpsis_of_all_are_not_for_readers(on: On) {
    let (_folder, admin) = admin(on);
    let list = |role, reveal: bool| {
        let query = ListQuery {
            reveal_gpsi: reveal.then_some(Text(Flag(true))),
            ..ListQuery::default()
        };
        List::run(&admin, &Principal::test(7, role), (), query, Default::default())
    };
    let refused = list(Role::Reader, true).expect_err("refused");
    assert_eq!(refused.param.as_deref(), Some("?reveal_gpsi"));
    let gpsi = |page: super::subscriber::Page| page.subscribers[0].gpsi.clone();
    assert_ne!(gpsi(list(Role::Reader, false).expect("a page")).as_deref(), Some(GPSI));
    assert_eq!(
        gpsi(list(Role::Provisioner, true).expect("a page")).as_deref(),
        Some(GPSI)
    );
}

/// What changes nothing is no change.
fn a_change_of_nothing_is_none(on: On) {
    let (_folder, admin) = admin(on);
    for text in ["{}", r#"{"akma":false,"suspended":false}"#] {
        let changes = body::read(text.as_bytes()).expect("changes");
        let who = supi(1).sbi().parse().expect("a SUPI");
        Change::run(&admin, &Principal::user(0), who, Default::default(), changes).expect("as it was");
    }
    assert!(admin.try_changing().is_some());
    let _changing = admin.changing();
    assert!(admin.try_changing().is_none());
}

/// The same in a node that runs, with EMSKs of both subscribers and a key below each.
fn with_keys(on: On) -> (tempfile::TempDir, Admin, Arc<UsageKeys>) {
    let (folder, admin) = admin(on);
    let (admin, usage_keys) = running_with_keys(admin);
    (folder, admin, usage_keys)
}

/// Usage keys over a store of subscribers, and the configuration that they are of.
fn usage_keys(store: &Arc<SubscriberStore>, custody: Custody) -> (Arc<UsageKeys>, Config) {
    let config = "[emsk.usages.one]\nlabel = \"one@example.org\"\n[emsk.usages.one.grants]\n\"af.example.org\" = []\n";
    let config = Config::parse(config, std::path::Path::new("k.toml")).expect("a configuration");
    let mut options = UsageKeysOptions {
        policy: config.requesters().expect("known").usage_keys,
        ..UsageKeysOptions::default()
    };
    options.limits.custody = custody;
    let usage_keys = UsageKeys::new(Arc::clone(store), true, options).expect("usage keys");
    (Arc::new(usage_keys), config)
}

fn running_with_keys(admin: Admin) -> (Admin, Arc<UsageKeys>) {
    let store = Arc::clone(admin.store.as_ref().expect("a store"));
    let (usage_keys, config) = usage_keys(&store, Custody::Process);
    admin.renew(config);
    let admin = admin.running_as(RunningRoles {
        udm: Some(Arc::new(Udm::new(store, UdmOptions::default()))),
        ausf: None,
        aaa: None,
        usage_keys: Some(Arc::clone(&usage_keys)),
    });
    for number in [1, 2] {
        authenticate(&usage_keys, number);
        let caller = Caller::new(Requester::group("af.example.org"));
        let request = UsageKeyRequest {
            supi: supi(number),
            label: "one@example.org".parse().expect("a label"),
            domain: None,
            data_hex: None,
            snssai: None,
            application: None,
            callback_uri: None,
        };
        drop(pollster::block_on(usage_keys.usage_key(&caller, request)).expect("a key"));
    }
    (admin, usage_keys)
}

fn authenticate(usage_keys: &UsageKeys, number: u64) {
    let octet = u8::try_from(number).expect("small");
    let session = SessionId::from_octets([octet; 33]);
    let root = Root::of_eap(Emsk::from_octets(&[octet; 64]), session);
    usage_keys.born(&Requester::group("amf"), &supi(number), root);
}

fn no_key_below_the_emsk_outlives_the_subscription(on: On) {
    let (_folder, admin, usage_keys) = with_keys(on);
    let who = || supi(1).sbi().parse().expect("a subscriber");
    let changes = |text: &str| body::read(text.as_bytes()).expect("changes");
    let by = Principal::user(0);
    assert_eq!(usage_keys.held(), (2, 2));
    Change::run(&admin, &by, who(), Default::default(), changes(r#"{"akma":true}"#)).expect("changed");
    assert_eq!(usage_keys.held(), (2, 2), "that says nothing about keys");
    Change::run(&admin, &by, who(), Default::default(), changes(r#"{"suspended":true}"#)).expect("suspended");
    assert_eq!(usage_keys.holders_of(&supi(1)), None);
    Change::run(
        &admin,
        &by,
        who(),
        Default::default(),
        changes(r#"{"suspended":false}"#),
    )
    .expect("resumed");
    assert_eq!(usage_keys.holders_of(&supi(1)), None, "until it is authenticated again");
    authenticate(&usage_keys, 1);
    Remove::run(&admin, &by, who(), Default::default(), Default::default()).expect("removed");
    assert_eq!(usage_keys.holders_of(&supi(1)), None);
    assert_eq!(usage_keys.held(), (1, 1), "the other one's stays");
}

/// With a node and without one: the AAnF is told by whichever AUSF runs next.
fn no_anchor_key_outlives_the_subscription(on: On) {
    let (_folder, admin) = admin(on);
    let by = Principal::user(0);
    let records = admin.store().expect("a store").records();
    declare_anchor_keys(&records).expect("a table");
    let anchored = |number| {
        let naming = Naming {
            routing_indicator: RoutingIndicator::DEFAULT,
            realm: HomeRealm::new("001-01".parse().expect("a PLMN"), None),
        };
        let key = AnchorKey::of(&KAusf::from_octets(&[7; 32]), &supi(number), naming);
        let mut unit = Unit::new();
        let record = Anchored {
            since: UnixMillis::new(1),
            by: PeerId::NOBODY,
            indicator: None,
        };
        anchor_key::register(&mut unit, &supi(number), key, None, &record);
        drop(records.commit(unit, Guarded::new(())).wait().expect("committed"));
    };
    let has = |number| {
        let found = pollster::block_on(records.read::<Anchored>(&supi(number))).expect("read");
        found.is_some()
    };
    let who = || supi(1).sbi().parse().expect("a subscriber");
    let change = |text: &str| {
        let changes = body::read(text.as_bytes()).expect("changes");
        Change::run(&admin, &by, who(), Default::default(), changes).expect("changed");
    };
    anchored(2);
    change(r#"{"akma":true}"#);
    anchored(1);
    change(r#"{"routing_indicator":"12"}"#);
    assert!(has(1), "that says nothing about keys");
    change(r#"{"akma":false}"#);
    assert!(!has(1));
    anchored(1);
    change(r#"{"suspended":true}"#);
    assert!(!has(1));
    anchored(1);
    let new = format!(
        r#"{{"supi":"{}","k":"465b5ce8b199b49faa5f0a2ee238a6bd","opc":"cd63cb71954a9f4e48a5994e37a02baf"}}"#,
        supi(1).sbi()
    );
    let replace = AddQuery {
        replace: Some(Text(Flag(true))),
    };
    let new = body::read(new.as_bytes()).expect("a subscriber");
    Add::run(&admin, &by, (), replace, new).expect("another card");
    assert!(!has(1));
    anchored(1);
    Remove::run(&admin, &by, who(), Default::default(), Default::default()).expect("removed");
    assert!(!has(1) && has(2), "the other one's stays");
    let waiting = records.outbox().count(&TO_AANF).waiting;
    assert_eq!(waiting, 2, "of each the last: that it ended, and the other one's key");
}

/// A node that is started later finds no sealed EMSK of whose subscription has ended since.
fn no_sealed_key_outlives_a_subscription_that_ends_while_no_node_runs(on: On) {
    let (_folder, admin) = admin(on);
    let store = Arc::clone(admin.store.as_ref().expect("a store"));
    let by = Principal::user(0);
    let changes = |number: u64, text: &str| {
        let who = supi(number).sbi().parse().expect("a subscriber");
        Change::run(
            &admin,
            &by,
            who,
            Default::default(),
            body::read(text.as_bytes()).expect("changes"),
        )
        .expect("changed");
    };
    let sealed = || {
        pollster::block_on(EmskRecords::of(&store.records(), &supi(1)))
            .expect("read")
            .len()
    };
    let authenticated = || {
        let (usage_keys, _) = usage_keys(&store, Custody::Sealed);
        authenticate(&usage_keys, 1);
        authenticate(&usage_keys, 2);
        store.settle().expect("settled");
    };
    let add = |query: &str| {
        let supi = supi(1).sbi();
        let new = format!(
            r#"{{"supi":"{supi}","k":"465b5ce8b199b49faa5f0a2ee238a6bc","opc":"cd63cb71954a9f4e48a5994e37a02baf"}}"#
        );
        let query = AddQuery {
            replace: (query == "replace").then_some(Text(Flag(true))),
        };
        Add::run(
            &admin,
            &by,
            (),
            query,
            body::read(new.as_bytes()).expect("a subscriber"),
        )
        .expect("added");
    };
    authenticated();
    changes(1, r#"{"akma":true}"#);
    assert_eq!(sealed(), 1, "that says nothing about keys");
    changes(1, r#"{"suspended":true}"#);
    assert_eq!(sealed(), 0);
    changes(1, r#"{"suspended":false}"#);
    authenticated();
    add("replace");
    assert_eq!(sealed(), 0);
    authenticated();
    let who = supi(1).sbi().parse().expect("a subscriber");
    Remove::run(&admin, &by, who, Default::default(), Default::default()).expect("removed");
    assert_eq!(sealed(), 0);
    let others = pollster::block_on(EmskRecords::of(&store.records(), &supi(2))).expect("read");
    assert_eq!(others.len(), 1, "the other one's stays");
}

/// Whether the commit by which they give up their GPSI happened is not known: each may have the card of the file.
fn an_import_that_breaks_off_ends_the_keys_of_whoever_gave_up_a_gpsi(on: On) {
    let kept = Kept::new(on);
    let (_folder, admin) = admin_over(&kept);
    let (admin, usage_keys) = running_with_keys(admin);
    let entry = |number: u64, gpsi: &str| {
        let supi = supi(number).sbi();
        let k = "00112233445566778899aabbccddeeff";
        let new = format!(r#"{{"supi":"{supi}",{gpsi}"k":"{k}","opc":"cd63cb71954a9f4e48a5994e37a02baf"}}"#);
        let new: NewSubscriber = body::read(new.as_bytes()).expect("a subscriber");
        new.entry(usize::try_from(number).expect("small")).expect("an entry")
    };
    // The second gets the GPSI of the first.
    let entries = [entry(1, ""), entry(2, &format!(r#""gpsi":"{GPSI}","#))];
    kept.fail(Failure::FullAfterWrite);
    let by = Principal::user(0);
    let broken_off = admin
        .write_import(&by, 1, &entries, &mut |_| ())
        .expect_err("the disk is full");
    assert!(broken_off.gave_up_gpsis);
    assert_eq!(usage_keys.holders_of(&supi(1)), None);
    assert_eq!(usage_keys.holders_of(&supi(2)), Some(1), "it is as it was");
}

fn keys_are_listed_by_name_and_end_when_an_operator_says_so(on: On) {
    let (_folder, admin, usage_keys) = with_keys(on);
    let by = Principal::user(0);
    let listed = |admin: &Admin, of: Option<u64>| {
        let query = ContextQuery {
            supi: of.map(|number| Text(supi(number))),
            limit: None,
        };
        let listed = emsk::ListKeys::run(admin, &by, (), query, Default::default()).expect("listed");
        listed.keys
    };
    admin.store().expect("a store").settle().expect("settled");
    assert_eq!(listed(&admin, None).len(), 2);
    let [key] = &*listed(&admin, Some(1)) else {
        panic!("one")
    };
    assert_eq!(
        (key.holder.as_str(), key.label.as_deref()),
        ("af.example.org", Some("one@example.org"))
    );
    assert!(!key.supi.contains("0000000001"), "{}", key.supi);
    let usages = emsk::ListUsages::run(&admin, &by, (), Default::default(), Default::default()).expect("usages");
    assert_eq!(
        (usages.usages.len(), usages.emsks, usages.holders),
        (1, Some(2), Some(2))
    );
    let retired = emsk::Retire::run(&admin, &by, supi(1), Default::default(), Default::default()).expect("retired");
    assert_eq!(retired.holders, 1);
    assert_eq!(usage_keys.held(), (1, 1));
    let again = emsk::Retire::run(&admin, &by, supi(1), Default::default(), Default::default());
    assert_eq!(again.map(drop).expect_err("gone").why(), Refusal::DataNotFound);
    admin.store().expect("a store").settle().expect("settled");
    assert_eq!(listed(&admin, None).len(), 1);
    // Where no node runs, records are all that there is.
    let offline = Admin { running: None, ..admin };
    let retired = emsk::Retire::run(&offline, &by, supi(2), Default::default(), Default::default()).expect("retired");
    assert_eq!(retired.holders, 1);
    assert!(listed(&offline, None).is_empty());
    let none = emsk::Retire::run(&offline, &by, supi(2), Default::default(), Default::default());
    assert!(none.is_err());
}

kaskade_testkit::over_each_engine!(
    a_gpsi_that_moves_meanwhile_is_its_new_owners,
    the_gpsis_of_all_are_not_for_readers,
    a_change_of_nothing_is_none,
    no_key_below_the_emsk_outlives_the_subscription,
    no_anchor_key_outlives_the_subscription,
    no_sealed_key_outlives_a_subscription_that_ends_while_no_node_runs,
    an_import_that_breaks_off_ends_the_keys_of_whoever_gave_up_a_gpsi,
    keys_are_listed_by_name_and_end_when_an_operator_says_so,
);
