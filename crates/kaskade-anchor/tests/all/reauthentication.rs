//! When only another authentication brings the next application key.

use core::time::Duration;

use kaskade_anchor::akma::{
    Admitted, AfHolder, AkmaContext, Functions, Holding, Identity, ProtocolRule, Registration, Rule, State,
    SubscriberRule,
};
use kaskade_flow::record::Version;
use kaskade_flow::{Cover, UnixMillis};
use kaskade_keys::{AKid, HomeRealm};

use crate::common::{AT, k_ausf, supi};

const AF_ID: &str = "af.example.com0100000002";

fn after(seconds: u64) -> UnixMillis {
    AT.after(Duration::from_secs(seconds))
}

/// Keys live for ten minutes.
fn portal(renews: bool) -> Admitted {
    let mut functions = Functions::new();
    let rule = Rule {
        fqdn: "af.example.com".parse().unwrap(),
        protocols: vec![ProtocolRule::Tls, "http-digest".parse().unwrap()],
        callers: vec!["portal".into()],
        identity: Identity::Anonymous,
        subscribers: vec![SubscriberRule::All],
        lifetime: Duration::from_secs(600),
        renews,
    };
    functions.add(rule).unwrap();
    functions.admit(&["portal".into()], &AF_ID.parse().unwrap()).unwrap()
}

fn a_kid(indicator: &str) -> AKid {
    let realm = HomeRealm::new("001-01".parse().unwrap(), None);
    AKid::new(indicator.parse().unwrap(), &k_ausf().a_tid(&supi()), realm)
}

/// K_AKMA that ends at `until`, and keys of the portal's function, each under an AF_ID, that expire at a time; 0: revoked.
fn state(until: Option<UnixMillis>, keys: &[(&str, UnixMillis)]) -> State {
    let registration = Registration {
        a_kid: a_kid("1"),
        k_akma: k_ausf().k_akma(&supi()),
        serving: None,
    };
    let holding = |(af_id, expires): &(&str, UnixMillis)| {
        let holder = AfHolder {
            a_kid: a_kid("1"),
            af_id: af_id.parse().unwrap(),
            consumer: "portal".into(),
            expires: *expires,
            kept_until: None,
            callback: None,
        };
        Holding {
            id: kaskade_anchor::akma::AfHolderId::of(&holder.a_kid, &holder.af_id, "portal"),
            holder,
            version: Version(1),
            cover: Cover::known_to_store(),
        }
    };
    let context = AkmaContext::of(registration, AT, until);
    State::new(supi(), Some((context, Version(1))), keys.iter().map(holding).collect())
}

#[test]
fn a_key_that_is_over_or_nearly_needs_another_authentication_and_a_revoked_one_none() {
    let needs = |state: &State, renews: bool, ahead: u64, at: u64| {
        state.needs_authentication(&a_kid("22"), &portal(renews), Duration::from_secs(ahead), after(at))
    };
    let one = state(None, &[(AF_ID, after(600))]);
    for (ahead, at, is_so) in [
        (60, 539, false),
        (60, 540, true),
        (60, 700, true),
        (0, 599, false),
        (0, 600, true),
        // Half of its life is the most.
        (900, 299, false),
        (900, 300, true),
    ] {
        assert_eq!(needs(&one, false, ahead, at), is_so, "{ahead} {at}");
        assert!(!needs(&one, true, ahead, at), "it is given another life");
    }
    // K_AKMA ends, whatever is below it, and whatever is given another life.
    let until = state(Some(after(1000)), &[]);
    assert!(!needs(&until, true, 60, 939) && needs(&until, true, 60, 940));
    // The first key of a function needs nothing.
    assert!(!needs(&state(None, &[]), false, 900, 0));
    // Ended by an operator, under this name or another one of the function.
    for revoked in [AF_ID, "AF.example.com0100010001"] {
        let keys = [(AF_ID, after(600)), (revoked, UnixMillis::new(0))];
        assert!(!needs(&state(Some(after(600)), &keys), false, 60, 700), "{revoked}");
    }
    // Whoever names another K_AKMA says nothing of this one.
    let realm = HomeRealm::new("001-02".parse().unwrap(), None);
    let other = AKid::new("1".parse().unwrap(), &k_ausf().a_tid(&supi()), realm);
    assert!(!one.needs_authentication(&other, &portal(false), Duration::from_secs(60), after(700)));
}
