//! Application keys of AKMA: listed, asked about, and their end with the subscription.

use std::sync::Arc;

use kaskade::administration::{FunctionQuery, MayQuery};
use kaskade::config::Config;
use kaskade_codec::sbi::akma::{AkmaAfKeyRequest, AkmaKeyInfo};
use kaskade_flow::Refusal;
use kaskade_keys::fivegs::KAusf;
use kaskade_keys::{AKid, HomeRealm, RoutingIndicator};
use kaskade_net::role::aanf::{Aanf, AanfOptions};
use kaskade_net::role::ausf::declare_anchor_keys;
use kaskade_net::sbi::peer::Requester;
use kaskade_net::sbi::service::Caller;
use kaskade_testkit::kept::{Kept, On};

use super::super::operation::Operation;
use super::super::subscriber::{Change, Remove};
use super::super::text::{PeerName, Text};
use super::super::{Admin, Principal, akma, akma_policy, body};
use super::{admin, admin_over, supi};

/// In a node with an AAnF, K_AKMA of both subscribers and an application key below each.
fn with_application_keys(on: On) -> (tempfile::TempDir, Admin, Aanf) {
    with_application_keys_in(admin(on))
}

fn with_application_keys_in((folder, admin): (tempfile::TempDir, Admin)) -> (tempfile::TempDir, Admin, Aanf) {
    let config = "[udm]\n[ausf]\n[aanf.functions.portal]\nfqdn = \"af.example.com\"\nprotocols = [\"http-digest\"]\ncallers = [\"portal\"]\n\
                  [groups]\nportal = [\"af.example.com\"]\n";
    let config = Config::parse(config, std::path::Path::new("k.toml")).expect("a configuration");
    let store = Arc::clone(admin.store.as_ref().expect("a store"));
    let options = AanfOptions {
        policy: config.requesters().expect("known").akma,
        ..AanfOptions::default()
    };
    let aanf = Aanf::new(Arc::clone(&store), true, options).expect("an AAnF");
    admin.renew(config);
    for number in [1, 2] {
        let mut subscriber = store.subscriber(&supi(number)).expect("read").expect("there");
        subscriber.subscription.akma_allowed = true;
        store.change_on_record(&subscriber, None).expect("changed");
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

fn no_application_key_outlives_the_subscription(on: On) {
    let (_folder, admin, aanf) = with_application_keys(on);
    let who = || supi(1).sbi().parse().expect("a subscriber");
    let changes = |text: &str| body::read(text.as_bytes()).expect("changes");
    let by = Principal::user(0);
    let change = |text: &str| {
        Change::run(&admin, &by, who(), Default::default(), changes(text)).expect("changed");
    };
    assert_eq!(listed_akma(&admin), (2, 2));
    change(r#"{"suspended":true}"#);
    assert_eq!(listed_akma(&admin), (1, 1), "the other one's stays");
    change(r#"{"suspended":false}"#);
    register(&aanf, 1);
    assert_eq!(listed_akma(&admin), (2, 2));
    change(r#"{"akma":false}"#);
    assert_eq!(listed_akma(&admin), (1, 1), "who has no AKMA has no keys of it");
    change(r#"{"akma":true}"#);
    register(&aanf, 1);
    Remove::run(&admin, &by, who(), Default::default(), Default::default()).expect("removed");
    assert_eq!(listed_akma(&admin), (1, 1));
}

fn whoever_changes_a_subscriber_hears_that_its_application_keys_are_left(on: On) {
    for changes in [r#"{"suspended":true}"#, r#"{"akma":false}"#] {
        let kept = Kept::new(on);
        let (_folder, admin, _) = with_application_keys_in(admin_over(&kept));
        let store = admin.store().expect("a store");
        declare_anchor_keys(&store.records()).expect("declared");
        let change = |text: &str| {
            let who = supi(1).sbi().parse().expect("a subscriber");
            let changes = body::read(text.as_bytes()).expect("changes");
            Change::run(&admin, &Principal::user(0), who, Default::default(), changes)
        };
        store.settle().expect("settled");
        // Room for the change, and for nothing behind it.
        kept.fail_after(1);
        let said = change(changes).expect_err("the disk is full");
        assert!(said.is_done, "{}", said.detail());
        assert!(
            said.detail().contains("done, but its application keys are not ended"),
            "{}",
            said.detail()
        );
        let changed = store.subscriber(&supi(1)).expect("read").expect("there").subscription;
        assert!(changed.suspended || !changed.akma_allowed);
    }
}

fn application_keys_end_when_an_operator_says_so(on: On) {
    let (_folder, admin, _) = with_application_keys(on);
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

fn the_policy_of_akma_says_what_the_anchor_function_does(on: On) {
    let (_folder, admin, aanf) = with_application_keys(on);
    let by = Principal::user(0);
    let ask = |af_id: Option<&str>, caller: Option<&str>, number: Option<u64>| {
        let query = MayQuery {
            af_id: af_id.map(|af_id| Text(af_id.parse().expect("an AF_ID"))),
            caller: caller.map(|name| Text(PeerName(name.to_owned()))),
            supi: number.map(|number| Text(supi(number))),
        };
        akma_policy::Show::run(&admin, &by, (), query, Default::default())
    };
    let all = ask(None, None, None).expect("shown");
    assert!(all.runs && all.verdict.is_none());
    assert_eq!(all.functions.len(), 1);
    assert_eq!(
        (&*all.functions[0].fqdn, &*all.functions[0].identity),
        ("af.example.com", "none")
    );
    for (af_id, caller, number) in [(Some("af.example.com0100000002"), None, None), (None, None, Some(1))] {
        let refused = ask(af_id, caller, number).expect_err("half a question");
        assert_eq!(refused.why(), Refusal::OptionalIeIncorrect);
    }
    let verdict = |af_id, caller, number| {
        let shown = ask(Some(af_id), Some(caller), number).expect("shown");
        shown.verdict.expect("a verdict").why_not
    };
    const DIGEST: &str = "af.example.com0100000002";
    // A member of the group asks in its name, as over the wire.
    for caller in ["portal", "af.example.com", "AF.example.com"] {
        assert_eq!(verdict(DIGEST, caller, Some(1)), None, "{caller}");
    }
    assert_eq!(verdict(DIGEST, "portal", None), None);
    let why = |af_id, caller, number, says: &str| {
        let why = verdict(af_id, caller, number).expect("not given");
        assert!(why.contains(says), "{why}");
    };
    why(DIGEST, "b.example.com", Some(1), "may not ask in the name");
    why(
        "af.example.com0100000007",
        "portal",
        Some(1),
        "does not speak the Ua* protocol",
    );
    why(DIGEST, "portal", Some(9), "unknown subscriber");
    let caller = Caller::new(Requester::group("amf"));
    pollster::block_on(aanf.revoke(&caller, &supi(1), |_| true)).expect("revoked");
    why(DIGEST, "portal", Some(1), "or was revoked");
    pollster::block_on(aanf.remove_own(&caller, &supi(2))).expect("removed");
    why(DIGEST, "portal", Some(2), "has no anchor key");
    let change = body::read(br#"{"akma":false}"#).expect("changes");
    let who = supi(2).sbi().parse().expect("a subscriber");
    Change::run(&admin, &by, who, Default::default(), change).expect("changed");
    why(DIGEST, "portal", Some(2), "has no AKMA");
}

kaskade_testkit::over_each_engine!(
    no_application_key_outlives_the_subscription,
    whoever_changes_a_subscriber_hears_that_its_application_keys_are_left,
    application_keys_end_when_an_operator_says_so,
    the_policy_of_akma_says_what_the_anchor_function_does,
);
