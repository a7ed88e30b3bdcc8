//! What the tests share: an EMSK, a registry, a clock that stands still, nobody's randomness.

use core::time::Duration;

use kaskade_anchor::emsk::{
    Admission, Anchor, AnchorInput, Ask, Asked, Caller, DataRule, Domain, Grant, Life, Limits, Registry, Root, Usage,
    Wanted, Who,
};
use kaskade_crypto::{Autn, Rand};
use kaskade_flow::event::{PeerId, Subject};
use kaskade_flow::machine::{Machine, Step};
use kaskade_flow::{Cover, Entropy, Guarded, Moment, NoRandomness, UnixMillis};
use kaskade_keys::Supi;
use kaskade_keys::eap::Emsk;
use kaskade_keys::fivegs::KAusf;
use kaskade_keys::id::SessionId;
use serde_json::Value;

/// Nothing here draws.
pub(crate) struct Nothing;

impl Entropy for Nothing {
    fn fill(&mut self, _: &mut [u8]) -> Result<(), NoRandomness> {
        Err(NoRandomness)
    }
}

pub(crate) const NOW: Moment = Moment::from_nanos(1_000_000_000);
pub(crate) const AT: UnixMillis = UnixMillis::new(1_700_000_000_000);
pub(crate) const HOUR: Duration = Duration::from_secs(3600);

pub(crate) fn cases(function: &str) -> Vec<Value> {
    let cases = kaskade_oracle::vectors("emsk.json")["cases"]
        .as_array()
        .unwrap()
        .clone();
    cases.into_iter().filter(|case| case["function"] == function).collect()
}

pub(crate) fn octets(case: &Value, name: &str) -> Vec<u8> {
    hex::decode(case[name].as_str().unwrap_or_else(|| panic!("{name} of {case}"))).unwrap()
}

pub(crate) fn case(function: &str, name: &str) -> Value {
    let mut cases = cases(function).into_iter();
    cases
        .find(|case| case["name"] == name)
        .unwrap_or_else(|| panic!("no case {name}"))
}

/// Of RFC 9048 case 1.
pub(crate) fn root() -> Root {
    let emsk = octets(&case("key", "USRK"), "key");
    let session = octets(&case("name", "EMSKname"), "key");
    Root::of_eap(
        Emsk::from_octets(&emsk.try_into().unwrap()),
        SessionId::from_octets(session.try_into().unwrap()),
    )
}

pub(crate) fn k_ausf() -> KAusf {
    KAusf::from_octets(&[4; 32])
}

pub(crate) fn root_of_5g_aka() -> Root {
    Root::of_5g_aka(
        k_ausf(),
        supi(),
        &Rand::from_octets([1; 16]),
        &Autn::from_octets([2; 16]),
    )
}

pub(crate) fn supi() -> Supi {
    "imsi-001010000000001".parse().unwrap()
}

pub(crate) fn about() -> Subject {
    Subject::new([1; 8], &supi())
}

pub(crate) fn life(lifetime: Duration) -> Life {
    Life::from_now(lifetime, AT, NOW)
}

pub(crate) fn anchor() -> Anchor {
    Anchor::begin(supi(), root(), life(10 * HOUR), Limits::default()).0
}

pub(crate) fn principal(name: &str) -> Who {
    Who::Principal(name.into())
}

/// Usages `one`, `octets`, `service` and `slice` of example.org, all for `af`; `slice` 1-0000d1 for the group `red` too; a DSUSRK
/// usage `one` of the domain visited.example, whose key server is `er`.
pub(crate) fn registry() -> Registry {
    let mut registry = Registry::new();
    let usage = |label: &str, data| Usage {
        label: label.parse().unwrap(),
        domain: None,
        data,
        grants: vec![Grant::to(principal("af"))],
        lifetime: HOUR,
    };
    registry.add(usage("one@example.org", DataRule::None)).unwrap();
    registry
        .add(usage("octets@example.org", DataRule::Octets { most: 16 }))
        .unwrap();
    registry.add(usage("service@example.org", DataRule::Service)).unwrap();
    let mut slice = usage("slice@example.org", DataRule::Slice);
    slice.grants.push(Grant {
        who: Who::Group("red".into()),
        slices: vec!["1-0000d1".parse().unwrap()],
    });
    registry.add(slice).unwrap();
    registry
        .add(Usage {
            domain: Some("visited.example".parse().unwrap()),
            ..usage("one@example.org", DataRule::None)
        })
        .unwrap();
    registry
        .add_domain(Domain {
            domain: "visited.example".parse().unwrap(),
            servers: vec![principal("er")],
            lifetime: 2 * HOUR,
        })
        .unwrap();
    registry
}

pub(crate) fn ask(label: &str, data: Wanted) -> Ask {
    Ask {
        label: label.parse().unwrap(),
        domain: None,
        data,
    }
}

pub(crate) fn caller(name: &str) -> Caller<'_> {
    Caller {
        principal: name,
        groups: &[],
    }
}

pub(crate) fn asked(admission: Admission) -> Asked {
    Asked {
        admission,
        callback: Some("https://af.example.org/ended".parse().unwrap()),
        at: AT,
        by: PeerId::of("af"),
        about: about(),
        correlation: 77,
    }
}

/// `af` asks for the key of `one`.
pub(crate) fn one() -> Asked {
    let admitted = registry()
        .admit(&caller("af"), &ask("one@example.org", Wanted::TheKey))
        .unwrap();
    asked(Admission::Usage(admitted))
}

pub(crate) fn handle(anchor: Anchor, asked: Asked) -> Step<Anchor> {
    anchor.handle(NOW, &mut Nothing, Some(AnchorInput::Asked(Box::new(asked))))
}

/// As the store does it.
pub(crate) fn told<T>(guarded: Option<Guarded<T>>) -> T {
    guarded.unwrap().made_durable().release_to_peer()
}

/// As after a commit.
pub(crate) fn cover() -> Cover {
    Guarded::new(()).made_durable().cover()
}
