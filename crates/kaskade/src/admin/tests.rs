//! Operations over a store of their own, where what comes between two steps matters.

use std::time::Duration;

use kaskade::config::Config;
use kaskade_keys::Supi;
use kaskade_store::audit::AuditLog;
use kaskade_store::{StoreOptions, SubscriberStore};

use super::operation::Operation;
use super::subscriber::{Add, AllowReuse, Change, List, ListQuery, Remove};
use super::text::{Flag, Text};
use super::{Admin, Log, Principal, Role, body};
use crate::data_dir::DataDir;

const GPSI: &str = "msisdn-491701234567";

fn supi(number: u64) -> Supi {
    format!("imsi-00101{number:010}").parse().expect("a SUPI")
}

/// Two subscribers, of whom the first has the GPSI.
fn admin() -> (tempfile::TempDir, Admin) {
    let folder = tempfile::tempdir().expect("a folder");
    let data = DataDir::open_or_create(&folder.path().join("data")).expect("a data folder");
    let store = SubscriberStore::open(&data.subscribers(), data.master(), StoreOptions::default()).expect("a store");
    let admin = Admin::new(
        Some(store.into()),
        Log::Open(AuditLog::off()),
        &data,
        &Config::default(),
    );
    let admin = admin.expect("its parts");
    for (number, gpsi) in [(1, format!("\"{GPSI}\"")), (2, "null".to_owned())] {
        let supi = supi(number).sbi();
        let new = format!(
            r#"{{"supi":"{supi}","gpsi":{gpsi},"k":"465b5ce8b199b49faa5f0a2ee238a6bc","opc":"cd63cb71954a9f4e48a5994e37a02baf"}}"#
        );
        let new = body::read(new.as_bytes()).expect("a subscriber");
        Add::run(&admin, &Principal::user(0), (), Default::default(), new).expect("added");
    }
    (folder, admin)
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
#[test]
fn a_gpsi_that_moves_meanwhile_is_its_new_owners() {
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
    let (_folder, removed) = admin();
    let left = while_it_moves(&removed, &|admin| {
        Remove::run(admin, &by, who(), Default::default(), Default::default()).expect("removed");
    });
    assert_eq!(left.map(|one| one.is_some()), [true, false]);
    let (_folder, changed) = admin();
    let left = while_it_moves(&changed, &|admin| {
        let changes = body::read(br#"{"suspended":true}"#).expect("changes");
        Change::run(admin, &by, who(), Default::default(), changes).expect("changed");
    });
    assert_eq!(
        left.map(|one| one.expect("there").subscription.suspended),
        [false, true]
    );
    let (_folder, allowed) = admin();
    let left = while_it_moves(&allowed, &|admin| {
        AllowReuse::run(admin, &by, who(), Default::default(), Default::default()).expect("allowed");
    });
    assert_eq!(left.map(|one| one.expect("there").sqn.back().granted), [false, true]);
}

#[test]
fn the_gpsis_of_all_are_not_for_readers() {
    let (_folder, admin) = admin();
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
#[test]
fn a_change_of_nothing_is_none() {
    let (_folder, admin) = admin();
    for text in ["{}", r#"{"akma":false,"suspended":false}"#] {
        let changes = body::read(text.as_bytes()).expect("changes");
        let who = supi(1).sbi().parse().expect("a SUPI");
        Change::run(&admin, &Principal::user(0), who, Default::default(), changes).expect("as it was");
    }
    assert!(admin.try_changing().is_some());
    let _changing = admin.changing();
    assert!(admin.try_changing().is_none());
}
