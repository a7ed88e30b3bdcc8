//! Operations over a store of their own, where what comes between two steps matters.

use std::sync::Arc;
use std::time::Duration;

use kaskade::administration::{ContextQuery, FunctionQuery};
use kaskade::config::Config;
use kaskade_anchor::emsk::Root;
use kaskade_codec::sbi::akma::{AkmaAfKeyRequest, AkmaKeyInfo};
use kaskade_codec::sbi::usage_keys::UsageKeyRequest;
use kaskade_flow::Refusal;
use kaskade_keys::eap::Emsk;
use kaskade_keys::fivegs::KAusf;
use kaskade_keys::id::SessionId;
use kaskade_keys::{AKid, HomeRealm, RoutingIndicator, Supi};
use kaskade_net::role::aanf::{Aanf, AanfOptions};
use kaskade_net::role::udm::{Udm, UdmOptions};
use kaskade_net::role::usage_keys::{UsageKeys, UsageKeysOptions};
use kaskade_net::sbi::peer::Requester;
use kaskade_net::sbi::service::Caller;
use kaskade_store::audit::AuditLog;
use kaskade_store::{StoreOptions, SubscriberStore};

use super::operation::Operation;
use super::subscriber::{Add, AllowReuse, Change, List, ListQuery, Remove};
use super::text::{Flag, Text};
use super::{Admin, Log, Principal, Role, RunningRoles, akma, body, emsk};
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

/// The same in a node that runs, with EMSKs of both subscribers and a key below each.
fn with_keys() -> (tempfile::TempDir, Admin, Arc<UsageKeys>) {
    let (folder, admin) = admin();
    let config = "[emsk.usages.one]\nlabel = \"one@example.org\"\n[emsk.usages.one.grants]\n\"af.example.org\" = []\n";
    let config = Config::parse(config, std::path::Path::new("k.toml")).expect("a configuration");
    let store = Arc::clone(admin.store.as_ref().expect("a store"));
    let options = UsageKeysOptions {
        policy: config.requesters().expect("known").usage_keys,
        ..UsageKeysOptions::default()
    };
    let usage_keys = Arc::new(UsageKeys::new(Arc::clone(&store), true, options).expect("usage keys"));
    admin.renew(config);
    let admin = admin.running_as(RunningRoles {
        udm: Some(Arc::new(Udm::new(store, UdmOptions::default()))),
        ausf: None,
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
    (folder, admin, usage_keys)
}

fn authenticate(usage_keys: &UsageKeys, number: u64) {
    let octet = u8::try_from(number).expect("small");
    let session = SessionId::from_octets([octet; 33]);
    let root = Root::of_eap(Emsk::from_octets(&[octet; 64]), session);
    usage_keys.born(&Requester::group("amf"), &supi(number), root);
}

#[test]
fn no_key_below_the_emsk_outlives_the_subscription() {
    let (_folder, admin, usage_keys) = with_keys();
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

/// In a node with an AAnF, K_AKMA of both subscribers and an application key below each.
fn with_application_keys() -> (tempfile::TempDir, Admin, Aanf) {
    let (folder, admin) = admin();
    let config = "[udm]\n[ausf]\n[aanf.functions.portal]\nfqdn = \"af.example.com\"\nprotocols = [\"http-digest\"]\ncallers = [\"portal\"]\n\
                  [groups]\nportal = [\"af.example.com\"]\n";
    let config = Config::parse(config, std::path::Path::new("k.toml")).expect("a configuration");
    let store = Arc::clone(admin.store.as_ref().expect("a store"));
    let options = AanfOptions {
        policy: config.requesters().expect("known").akma,
        ..AanfOptions::default()
    };
    let aanf = Aanf::new(store, true, options).expect("an AAnF");
    admin.renew(config);
    for number in [1, 2] {
        register(&aanf, number);
    }
    (folder, admin, aanf)
}

fn register(aanf: &Aanf, number: u64) {
    let k_ausf = KAusf::from_octets(&[u8::try_from(number).expect("small"); 32]);
    let realm = HomeRealm::new("001-01".parse().expect("a network"), None);
    let a_kid = AKid::new(RoutingIndicator::DEFAULT, &k_ausf.a_tid(&supi(number)), realm);
    let info = AkmaKeyInfo {
        supi: Some(supi(number)),
        gpsi: None,
        a_kid: a_kid.clone(),
        k_akma: k_ausf.k_akma(&supi(number)),
    };
    let caller = |name: &str| Caller::new(Requester::group(name));
    drop(pollster::block_on(aanf.register_own(&caller("amf"), info)).expect("registered"));
    let request = AkmaAfKeyRequest {
        notif_uri: None,
        af_id: "af.example.com0100000002".parse().expect("an AF_ID"),
        a_kid,
        anon_ind: false,
    };
    let key = pollster::block_on(aanf.application_key(&caller("portal"), request));
    assert!(key.expect("asked").is_some());
}

fn listed_akma(admin: &Admin) -> (usize, usize) {
    let by = Principal::user(0);
    let contexts = akma::ListContexts::run(admin, &by, (), Default::default(), Default::default()).expect("listed");
    let keys = akma::ListKeys::run(admin, &by, (), Default::default(), Default::default()).expect("listed");
    assert!(
        contexts
            .contexts
            .iter()
            .all(|context| context.a_kid.contains("***") && context.print.len() == 8)
    );
    assert!(keys.keys.iter().all(|key| !key.supi.contains("000000000")));
    (contexts.contexts.len(), keys.keys.len())
}

#[test]
fn no_application_key_outlives_the_subscription() {
    let (_folder, admin, aanf) = with_application_keys();
    let who = || supi(1).sbi().parse().expect("a subscriber");
    let changes = |text: &str| body::read(text.as_bytes()).expect("changes");
    let by = Principal::user(0);
    let change = |text: &str| {
        Change::run(&admin, &by, who(), Default::default(), changes(text)).expect("changed");
    };
    change(r#"{"akma":true}"#);
    assert_eq!(listed_akma(&admin), (2, 2));
    change(r#"{"suspended":true}"#);
    assert_eq!(listed_akma(&admin), (1, 1), "the other one's stays");
    change(r#"{"suspended":false}"#);
    register(&aanf, 1);
    assert_eq!(listed_akma(&admin), (2, 2));
    change(r#"{"akma":false}"#);
    assert_eq!(listed_akma(&admin), (1, 1), "who has no AKMA has no keys of it");
    register(&aanf, 1);
    Remove::run(&admin, &by, who(), Default::default(), Default::default()).expect("removed");
    assert_eq!(listed_akma(&admin), (1, 1));
}

#[test]
fn application_keys_end_when_an_operator_says_so() {
    let (_folder, admin, _) = with_application_keys();
    let by = Principal::user(0);
    let revoke = |function: Option<&str>| {
        let query = FunctionQuery {
            function: function.map(|name| Text(name.parse().expect("a name"))),
        };
        akma::Revoke::run(&admin, &by, supi(1), query, Default::default())
    };
    let refused = revoke(Some("b.example.com")).expect_err("none of that function");
    assert_eq!(refused.why(), Refusal::DataNotFound);
    assert_eq!(revoke(Some("AF.example.com")).expect("revoked").keys, 1);
    assert!(revoke(None).is_err(), "it is over");
    assert_eq!(
        listed_akma(&admin),
        (2, 2),
        "the end is known as long as the anchor key"
    );
    let disable = || akma::Disable::run(&admin, &by, supi(2), Default::default(), Default::default());
    assert_eq!(disable().expect("disabled").keys, 1);
    assert_eq!(disable().expect_err("nothing").why(), Refusal::DataNotFound);
    assert_eq!(listed_akma(&admin), (1, 1));
}

#[test]
fn keys_are_listed_by_name_and_end_when_an_operator_says_so() {
    let (_folder, admin, usage_keys) = with_keys();
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
